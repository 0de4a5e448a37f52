//! The wrapped form of a data key: `format (1) | key id length (1) | key id | key version (4, big endian) |
//! nonce (12) | ciphertext and tag (48)`. Everything before the nonce and the encryption context are authenticated.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

use crate::{CloudError, DATA_KEY_BYTES, EncryptionContext, Result};

const FORMAT: u8 = 1;
/// Keeps a wrapped key apart from anything else that may ever be encrypted under the same key.
const DOMAIN: &[u8] = b"llm-shield/local-key-ring/data-key/v1\0";
const TAG_BYTES: usize = 16;

/// Names the key-encryption key of a wrapped data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrappingKey<'a> {
    pub(super) key_id: &'a str,
    pub(super) version: u32,
}

impl WrappingKey<'_> {
    fn header(self) -> Result<Vec<u8>> {
        let length = u8::try_from(self.key_id.len()).map_err(|error| CloudError::Invalid {
            reason: "a key id has at most 255 bytes".to_owned(),
            source: Some(error.into()),
        })?;
        let mut header = vec![FORMAT, length];
        header.extend_from_slice(self.key_id.as_bytes());
        header.extend_from_slice(&self.version.to_be_bytes());
        Ok(header)
    }
}

/// Encrypts a data key.
pub(super) fn wrap(
    wrapping: WrappingKey<'_>,
    key_encryption_key: &[u8; DATA_KEY_BYTES],
    data_key: &[u8; DATA_KEY_BYTES],
    context: &EncryptionContext,
) -> Result<Vec<u8>> {
    let mut wrapped = wrapping.header()?;
    let authenticated = authenticated_data(&wrapped, context);
    let mut sealed = data_key.to_vec();
    sealed.reserve_exact(TAG_BYTES);
    let nonce = RandomizedNonceKey::new(&AES_256_GCM, key_encryption_key)
        .and_then(|key| key.seal_in_place_append_tag(Aad::from(authenticated), &mut sealed))
        .map_err(|_unspecified| CloudError::invalid("the data key could not be wrapped"))?;
    wrapped.extend_from_slice(nonce.as_ref());
    wrapped.extend_from_slice(&sealed);
    Ok(wrapped)
}

/// A wrapped data key taken apart, not yet authenticated.
pub(super) struct Wrapped<'a> {
    pub(super) wrapping: WrappingKey<'a>,
    header: &'a [u8],
    nonce: [u8; NONCE_LEN],
    sealed: &'a [u8; DATA_KEY_BYTES + TAG_BYTES],
}

impl<'a> Wrapped<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self> {
        Self::split(bytes).ok_or_else(|| CloudError::invalid("the wrapped data key is malformed"))
    }

    fn split(bytes: &'a [u8]) -> Option<Self> {
        let (&[format, length], rest) = bytes.split_first_chunk::<2>()?;
        if format != FORMAT {
            return None;
        }
        let (key_id, rest) = rest.split_at_checked(length.into())?;
        let (version, rest) = rest.split_first_chunk::<4>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let header = bytes.get(..2 + key_id.len() + 4)?;
        Some(Self {
            wrapping: WrappingKey {
                key_id: std::str::from_utf8(key_id).ok()?,
                version: u32::from_be_bytes(*version),
            },
            header,
            nonce: *nonce,
            sealed: sealed.try_into().ok()?,
        })
    }

    pub(super) fn unwrap(
        self,
        key_encryption_key: &[u8; DATA_KEY_BYTES],
        context: &EncryptionContext,
    ) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>> {
        let mut buffer = Zeroizing::new(*self.sealed);
        RandomizedNonceKey::new(&AES_256_GCM, key_encryption_key)
            .and_then(|key| {
                let authenticated = authenticated_data(self.header, context);
                let plaintext =
                    key.open_in_place(Nonce::from(&self.nonce), Aad::from(authenticated), buffer.as_mut())?;
                let mut data_key = Zeroizing::new([0; DATA_KEY_BYTES]);
                data_key.copy_from_slice(plaintext);
                Ok(data_key)
            })
            .map_err(|_unspecified| {
                CloudError::invalid(
                    "the wrapped data key was changed or belongs to another encryption context",
                )
            })
    }
}

fn authenticated_data(header: &[u8], context: &EncryptionContext) -> Vec<u8> {
    // The header says its own length, so nothing can move from it into the context.
    [DOMAIN, header, &context.to_canonical_bytes()].concat()
}
