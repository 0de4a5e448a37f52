use std::fmt;

use async_trait::async_trait;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::{CloudError, EncryptionContext, Result};

/// Length of a data key: AES-256.
pub const DATA_KEY_BYTES: usize = 32;

/// Keeps the keys that never leave it, and wraps the ones that do.
///
/// A caller encrypts with a data key, stores the wrapped form beside the ciphertext and forgets the plaintext; who can
/// read the ciphertext later is decided by who may call [`decrypt`](Self::decrypt). Key ids are the provider's names
/// for its keys; a signing key and an encryption key never share one.
///
/// Implementations do not retry for longer than a few seconds: the caller knows whether somebody is waiting.
#[async_trait]
pub trait CloudKeyManager: fmt::Debug + Send + Sync {
    /// Makes a new data key, wrapped under the newest version of the encryption key `key_id`.
    ///
    /// # Errors
    /// [`NotFound`](crate::CloudError::NotFound) for an unknown key; otherwise as the provider fails.
    async fn generate_data_key(&self, key_id: &str, context: &EncryptionContext) -> Result<DataKey>;

    /// Unwraps a data key. The wrapped form names its key and version itself.
    ///
    /// # Errors
    /// [`NotFound`](crate::CloudError::NotFound) when the wrapping key (version) is gone;
    /// [`Invalid`](crate::CloudError::Invalid) when `wrapped` was changed or `context` is not the one it was made
    /// under.
    async fn decrypt(
        &self,
        wrapped: &[u8],
        context: &EncryptionContext,
    ) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>>;

    /// Wraps a data key under the newest version of another key, or another context, without showing it.
    ///
    /// # Errors
    /// As [`decrypt`](Self::decrypt) and [`generate_data_key`](Self::generate_data_key);
    /// [`Invalid`](crate::CloudError::Invalid) where the key manager cannot do it.
    async fn re_encrypt(
        &self,
        wrapped: &[u8],
        context: &EncryptionContext,
        key_id: &str,
        new_context: &EncryptionContext,
    ) -> Result<Vec<u8>> {
        let _: (&[u8], &EncryptionContext, &str, &EncryptionContext) =
            (wrapped, context, key_id, new_context);
        Err(CloudError::invalid("this key manager does not wrap keys anew"))
    }

    /// Signs `message` itself (not a digest of it) with the signing key `key_id`. Messages of up to 4096 bytes are
    /// accepted by every provider.
    ///
    /// # Errors
    /// [`NotFound`](crate::CloudError::NotFound) for an unknown key; otherwise as the provider fails.
    async fn sign(&self, key_id: &str, message: &[u8]) -> Result<Vec<u8>>;

    /// Returns the public half of the signing key `key_id`, with which anybody can check signatures offline.
    ///
    /// # Errors
    /// [`NotFound`](crate::CloudError::NotFound) for an unknown key; otherwise as the provider fails.
    async fn public_key(&self, key_id: &str) -> Result<PublicKey>;

    /// Returns whether `signature` is the signing key's over `message`.
    ///
    /// # Errors
    /// As [`public_key`](Self::public_key); a wrong signature is `Ok(false)`.
    async fn verify(&self, key_id: &str, message: &[u8], signature: &[u8]) -> Result<bool> {
        Ok(self.public_key(key_id).await?.verifies(message, signature))
    }
}

/// A key to encrypt data with, and its wrapped form to store beside the data.
pub struct DataKey {
    /// The AES-256 key; wiped when dropped.
    pub plaintext: Zeroizing<[u8; DATA_KEY_BYTES]>,
    /// What [`CloudKeyManager::decrypt`] turns back into the key.
    pub wrapped: Vec<u8>,
    /// The encryption key it is wrapped under.
    pub key_id: String,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DataKey").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// How a signing key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// ECDSA on P-256 over the SHA-256 of the message, signature in DER.
    EcdsaP256Sha256,
}

impl SignatureAlgorithm {
    /// Returns the name that is written into signed documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::EcdsaP256Sha256 => "ECDSA_SHA_256",
        }
    }
}

/// The public half of a signing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// How the key signs. Taken from the key, never from the signed document, so a document cannot choose a weaker one.
    pub algorithm: SignatureAlgorithm,
    /// The key as a DER `SubjectPublicKeyInfo`, which is what other tools read.
    pub spki_der: Vec<u8>,
}

impl PublicKey {
    /// Returns whether `signature` is this key's over `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self.algorithm {
            SignatureAlgorithm::EcdsaP256Sha256 => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.spki_der)
                    .verify(message, signature)
                    .is_ok()
            }
        }
    }
}
