use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use async_trait::async_trait;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use zeroize::Zeroizing;

use super::private_file;
use super::ring_file::{self, EncryptionKey, Keys, Secret, SigningKey};
use super::wrapped::{Wrapped, WrappingKey, wrap};
use crate::{
    CloudError, CloudKeyManager, DATA_KEY_BYTES, DataKey, EncryptionContext, PublicKey, Result,
    SignatureAlgorithm,
};

/// A key ring in a file of mode 0600 inside a directory of mode 0700; other modes are refused.
///
/// Changing methods read and write the file and so block; each takes a lock beside the file, reads the file anew and
/// replaces it whole, so two processes never lose each other's keys. The [`CloudKeyManager`] calls work on the keys
/// in memory, but that [`decrypt`](CloudKeyManager::decrypt) reads the file again when it meets a key or a version of one
/// that it does not know: another process may have made it.
pub struct KeyRing {
    path: PathBuf,
    keys: RwLock<Keys>,
}

impl KeyRing {
    /// Opens an existing ring.
    ///
    /// # Errors
    /// [`CloudError::NotFound`] when there is none, [`CloudError::AccessDenied`] when others could read it,
    /// [`CloudError::Invalid`] when it is damaged.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let keys = RwLock::new(ring_file::read(&path)?);
        Ok(Self { path, keys })
    }

    /// Opens the ring, making an empty one and its directory when there is none.
    ///
    /// # Errors
    /// As [`open`](Self::open), and when the file or directory cannot be written.
    pub fn open_or_create(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        private_file::make_private_parent(&path)?;
        let _lock = private_file::lock(&path)?;
        match ring_file::read(&path) {
            Err(CloudError::NotFound { .. }) => ring_file::replace(&path, &Keys::empty())?,
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        Self::open(path)
    }

    /// Returns where the ring is kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that an encryption key of this id exists; returns whether it was made now.
    ///
    /// # Errors
    /// [`CloudError::Conflict`] when the id names a signing key; otherwise as the file cannot be replaced.
    pub fn ensure_encryption_key(&self, key_id: &str) -> Result<bool> {
        check_key_id(key_id)?;
        self.change(|keys| {
            if keys.signing_keys.contains_key(key_id) {
                return Err(CloudError::Conflict { what: key_id.to_owned() });
            }
            if keys.encryption_keys.contains_key(key_id) {
                return Ok(false);
            }
            let first = EncryptionKey { current: 1, versions: [(1, new_aes_key()?)].into() };
            keys.encryption_keys.insert(key_id.to_owned(), first);
            Ok(true)
        })
    }

    /// Adds a version to an encryption key; new data keys are wrapped under it, and earlier ones still open.
    ///
    /// Returns the new version.
    ///
    /// # Errors
    /// [`CloudError::NotFound`] for an unknown key; otherwise as the file cannot be replaced.
    pub fn rotate_encryption_key(&self, key_id: &str) -> Result<u32> {
        self.change(|keys| {
            let key = keys.encryption_keys.get_mut(key_id).ok_or_else(|| not_found(key_id))?;
            let version = key
                .versions
                .keys()
                .max()
                .and_then(|last| last.checked_add(1))
                .ok_or_else(|| CloudError::invalid("the key has no version left"))?;
            key.versions.insert(version, new_aes_key()?);
            key.current = version;
            Ok(version)
        })
    }

    /// Makes sure that a signing key (ECDSA P-256) of this id exists; returns whether it was made now.
    ///
    /// A signing key has one version: who verifies a signature years later needs one public key for one id. To
    /// rotate, use a new id.
    ///
    /// # Errors
    /// [`CloudError::Conflict`] when the id names an encryption key; otherwise as the file cannot be replaced.
    pub fn ensure_signing_key(&self, key_id: &str) -> Result<bool> {
        check_key_id(key_id)?;
        self.change(|keys| {
            if keys.encryption_keys.contains_key(key_id) {
                return Err(CloudError::Conflict { what: key_id.to_owned() });
            }
            if keys.signing_keys.contains_key(key_id) {
                return Ok(false);
            }
            let document =
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
                    .map_err(|_unspecified| CloudError::invalid("a signing key could not be made"))?;
            let pkcs8 = Secret(Zeroizing::new(document.as_ref().to_vec()));
            let algorithm = SignatureAlgorithm::EcdsaP256Sha256.name().to_owned();
            keys.signing_keys.insert(key_id.to_owned(), SigningKey { algorithm, pkcs8 });
            Ok(true)
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Keys) -> Result<T>) -> Result<T> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let _lock = private_file::lock(&self.path)?;
        let mut changed = ring_file::read(&self.path)?;
        let result = change(&mut changed)?;
        ring_file::replace(&self.path, &changed)?;
        *keys = changed;
        Ok(result)
    }

    /// Takes what other processes have written.
    fn read_again(&self) -> Result<()> {
        // Locked first, so that what was read before a change of this process does not replace it.
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        *keys = ring_file::read(&self.path)?;
        Ok(())
    }

    fn keys(&self) -> RwLockReadGuard<'_, Keys> {
        // The keys are only ever replaced whole, so a panic elsewhere cannot have left them half changed.
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn wrap(
        &self,
        key_id: &str,
        data_key: &[u8; DATA_KEY_BYTES],
        context: &EncryptionContext,
    ) -> Result<Vec<u8>> {
        let keys = self.keys();
        let key = keys.encryption_keys.get(key_id).ok_or_else(|| not_found(key_id))?;
        let version = key.current;
        let material = key.material(key_id, version)?;
        wrap(WrappingKey { key_id, version }, &material, data_key, context)
    }

    fn key_pair(&self, key_id: &str) -> Result<EcdsaKeyPair> {
        let keys = self.keys();
        let key = keys.signing_keys.get(key_id).ok_or_else(|| not_found(key_id))?;
        if key.algorithm != SignatureAlgorithm::EcdsaP256Sha256.name() {
            return Err(CloudError::invalid(format!("signing key `{key_id}` is of an unknown algorithm")));
        }
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key.pkcs8.0)
            .map_err(|_content| CloudError::invalid(format!("signing key `{key_id}` is damaged")))
    }
}

#[async_trait]
impl CloudKeyManager for KeyRing {
    async fn generate_data_key(&self, key_id: &str, context: &EncryptionContext) -> Result<DataKey> {
        let plaintext = random_key()?;
        let wrapped = self.wrap(key_id, &plaintext, context)?;
        Ok(DataKey { plaintext, wrapped, key_id: key_id.to_owned() })
    }

    async fn decrypt(
        &self,
        wrapped: &[u8],
        context: &EncryptionContext,
    ) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>> {
        let wrapped = Wrapped::parse(wrapped)?;
        let WrappingKey { key_id, version } = wrapped.wrapping;
        let known = self.keys().material(key_id, version);
        let material = match known {
            Err(unknown @ CloudError::NotFound { .. }) => {
                if let Err(error) = self.read_again() {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the key ring cannot be read again"
                    );
                    return Err(unknown);
                }
                self.keys().material(key_id, version)?
            }
            known => known?,
        };
        wrapped.unwrap(&material, context)
    }

    async fn re_encrypt(
        &self,
        wrapped: &[u8],
        context: &EncryptionContext,
        key_id: &str,
        new_context: &EncryptionContext,
    ) -> Result<Vec<u8>> {
        let plaintext = self.decrypt(wrapped, context).await?;
        self.wrap(key_id, &plaintext, new_context)
    }

    async fn sign(&self, key_id: &str, message: &[u8]) -> Result<Vec<u8>> {
        let signature = self
            .key_pair(key_id)?
            .sign(&SystemRandom::new(), message)
            .map_err(|_unspecified| CloudError::invalid("the message could not be signed"))?;
        Ok(signature.as_ref().to_vec())
    }

    async fn public_key(&self, key_id: &str) -> Result<PublicKey> {
        let spki = self
            .key_pair(key_id)?
            .public_key()
            .as_der()
            .map_err(|_unspecified| CloudError::invalid(format!("signing key `{key_id}` is damaged")))?;
        Ok(PublicKey { algorithm: SignatureAlgorithm::EcdsaP256Sha256, spki_der: spki.as_ref().to_vec() })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeyRing").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Keys {
    fn material(&self, key_id: &str, version: u32) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>> {
        self.encryption_keys.get(key_id).ok_or_else(|| not_found(key_id))?.material(key_id, version)
    }
}

impl EncryptionKey {
    fn material(&self, key_id: &str, version: u32) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>> {
        let gone = || CloudError::NotFound { what: format!("{key_id} version {version}") };
        let secret = self.versions.get(&version).ok_or_else(gone)?;
        let mut material = Zeroizing::new([0; DATA_KEY_BYTES]);
        material.copy_from_slice(secret.0.first_chunk::<DATA_KEY_BYTES>().ok_or_else(gone)?);
        Ok(material)
    }
}

fn new_aes_key() -> Result<Secret> {
    Ok(Secret(Zeroizing::new(random_key()?.to_vec())))
}

fn random_key() -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>> {
    let mut key = Zeroizing::new([0; DATA_KEY_BYTES]);
    aws_lc_rs::rand::fill(key.as_mut()).map_err(|_unspecified| CloudError::Unavailable {
        what: "random numbers".to_owned(),
        source: None,
    })?;
    Ok(key)
}

fn not_found(key_id: &str) -> CloudError {
    CloudError::NotFound { what: key_id.to_owned() }
}

/// Key ids go into file formats and signed text, one a line.
fn check_key_id(key_id: &str) -> Result<()> {
    let fits = !key_id.is_empty()
        && key_id.len() <= 128
        && key_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte));
    if fits {
        Ok(())
    } else {
        Err(CloudError::invalid("a key id has 1 to 128 letters, digits, `-`, `_`, `.`, `/` or `:`"))
    }
}
