//! Each tenant's secret, from which the keys of redaction and of canary tokens are derived: the same value gets the same
//! hash for one tenant, over restarts too, and another for every other tenant.
//!
//! A tenant's secret is derived from the one that a provider keeps for all servers, where there is such a one.
//! Otherwise it is a data key of the key manager; its wrapped form lies under `redaction/` in the data directory.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use aws_lc_rs::hkdf;
use llm_shield_cloud::{CloudError, CloudKeyManager, EncryptionContext};
use llm_shield_detect::{RedactionKeys, output::canary::CanaryKeys};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::{
    cloud::{self, RedactionSecret},
    config::Config,
    devcerts::{DevCertsError, private_dir, write},
    error::ServerError,
};

/// The fewest bytes that the secret for redaction keys has.
pub(crate) const MIN_SECRET_BYTES: usize = 32;

/// Why a tenant's key cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedactionKeyError {
    /// The key manager refuses or fails.
    #[error("the key manager fails")]
    Keys(#[from] CloudError),
    /// The wrapped key cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The wrapped key cannot be written.
    #[error("cannot keep a redaction key")]
    Write(#[from] DevCertsError),
    /// The provider's secret is too short to derive keys from.
    #[error("the secret for redaction keys has fewer than {MIN_SECRET_BYTES} bytes")]
    Short,
    /// A key cannot be derived.
    #[error("cannot derive a key")]
    Derive,
}

/// What is derived from a tenant's secret.
#[derive(Debug)]
pub(crate) struct TenantKeys {
    pub(crate) redaction: RedactionKeys,
    pub(crate) canary: CanaryKeys,
}

impl TenantKeys {
    fn new(tenant: &str, secret: &[u8]) -> Result<Self, RedactionKeyError> {
        Ok(Self {
            redaction: RedactionKeys::from_secret(secret),
            canary: CanaryKeys::new(tenant, vec![canary_key(secret)?]),
        })
    }
}

/// Derives the key of canary tokens (HKDF-SHA-256, RFC 5869). Redaction's keys have another salt.
fn canary_key(secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, RedactionKeyError> {
    let mut key = Zeroizing::new(vec![0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, CANARY_SALT)
        .extract(secret)
        .expand(&[b"canary"], hkdf::HKDF_SHA256)
        .and_then(|derived| derived.fill(&mut key))
        .map_err(|_unspecified| RedactionKeyError::Derive)?;
    Ok(key)
}

/// Derives a tenant's secret from the one of all servers.
fn tenant_secret(secret: &[u8], tenant: &str) -> Result<Zeroizing<Vec<u8>>, RedactionKeyError> {
    if secret.len() < MIN_SECRET_BYTES {
        return Err(RedactionKeyError::Short);
    }
    let mut key = Zeroizing::new(vec![0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, TENANT_SALT)
        .extract(secret)
        .expand(&[tenant.as_bytes()], hkdf::HKDF_SHA256)
        .and_then(|derived| derived.fill(&mut key))
        .map_err(|_unspecified| RedactionKeyError::Derive)?;
    Ok(key)
}

/// Another version of the derivation would be another salt.
const TENANT_SALT: &[u8] = b"llm-shield/tenant/1";

/// Another version of the derivation would be another salt.
const CANARY_SALT: &[u8] = b"llm-shield/canary/1";

/// Gets each tenant's keys once and keeps them.
#[derive(Debug)]
pub(crate) struct RedactionKeyring {
    dir: PathBuf,
    keys: Arc<dyn CloudKeyManager>,
    key_id: String,
    secret: Option<RedactionSecret>,
    /// Read by every request, so without a lock.
    known: ArcSwap<HashMap<String, Arc<TenantKeys>>>,
    /// Held while keys are got, so that many first requests ask the key manager once.
    getting: Mutex<()>,
}

impl RedactionKeyring {
    pub(crate) fn new(
        data_dir: &Path,
        keys: Arc<dyn CloudKeyManager>,
        key_id: &str,
        secret: Option<RedactionSecret>,
    ) -> Self {
        let (dir, key_id) = (data_dir.join("redaction"), key_id.to_owned());
        Self { dir, keys, key_id, secret, known: ArcSwap::default(), getting: Mutex::default() }
    }

    pub(crate) async fn of(&self, tenant: &str) -> Result<Arc<TenantKeys>, RedactionKeyError> {
        if let Some(keys) = self.known.load().get(tenant) {
            return Ok(Arc::clone(keys));
        }
        let _getting = self.getting.lock().await;
        if let Some(keys) = self.known.load().get(tenant) {
            return Ok(Arc::clone(keys));
        }
        let keys = Arc::new(TenantKeys::new(tenant, self.open_or_make(tenant).await?.as_slice())?);
        let mut known = HashMap::clone(&self.known.load());
        known.insert(tenant.to_owned(), Arc::clone(&keys));
        self.known.store(Arc::new(known));
        Ok(keys)
    }

    /// Returns the key that canary tokens are issued under, and those that they are judged by.
    pub(crate) async fn canary(
        &self,
        tenant: &str,
    ) -> Result<(Zeroizing<Vec<u8>>, CanaryKeys), RedactionKeyError> {
        let key = canary_key(self.open_or_make(tenant).await?.as_slice())?;
        let keys = CanaryKeys::new(tenant, vec![key.clone()]);
        Ok((key, keys))
    }

    /// Returns the keys of redaction alone.
    pub(crate) async fn redaction(&self, tenant: &str) -> Result<RedactionKeys, RedactionKeyError> {
        Ok(RedactionKeys::from_secret(self.open_or_make(tenant).await?.as_slice()))
    }

    async fn open_or_make(&self, tenant: &str) -> Result<Zeroizing<Vec<u8>>, RedactionKeyError> {
        if let Some(RedactionSecret { secrets, name }) = &self.secret {
            return tenant_secret(secrets.get_secret(name).await?.as_bytes(), tenant);
        }
        let context = EncryptionContext::new().with("tenant", tenant).with("purpose", "redaction-hash");
        let path = self.dir.join(file_name(tenant));
        let wrapped = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = self.keys.generate_data_key(&self.key_id, &context).await?;
                if self.keep(&path, &key.wrapped)? {
                    return Ok(Zeroizing::new(key.plaintext.to_vec()));
                }
                fs::read(&path)
            }
            read => read,
        };
        let wrapped = wrapped.map_err(|source| RedactionKeyError::Read { path, source })?;
        Ok(Zeroizing::new(self.keys.decrypt(&wrapped, &context).await?.to_vec()))
    }

    /// Keeps a new key, unless another process has kept one meanwhile.
    fn keep(&self, path: &Path, wrapped: &[u8]) -> Result<bool, RedactionKeyError> {
        private_dir(&self.dir)?;
        let made = path.with_extension(format!("{}.made", std::process::id()));
        write(&made, wrapped, 0o600)?;
        let linked = fs::hard_link(&made, path);
        let removed = fs::remove_file(&made);
        match linked.and(removed) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(source) => Err(DevCertsError::Io { path: path.to_owned(), source }.into()),
        }
    }
}

/// Opens a tenant's keys of redaction as the server of this configuration does: with the key ring of its data directory,
/// which is made when it is not there, or with AWS.
///
/// # Errors
/// When the directory, the key manager, the secret or the key cannot be used.
pub async fn redaction_keys(config: &Config, tenant: &str) -> Result<RedactionKeys, ServerError> {
    Ok(cloud::redaction_keyring(config).await?.redaction(tenant).await?)
}

/// Escapes a tenant's name: what is neither a lower-case letter, a digit nor `-` becomes `_` and its code.
fn file_name(tenant: &str) -> String {
    let mut name = String::with_capacity(tenant.len());
    for byte in tenant.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => name.push(char::from(byte)),
            _ => name.push_str(&format!("_{byte:02x}")),
        }
    }
    name.push_str(".key");
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_have_secrets_of_their_own() {
        let [one, other] = ["acme", "other"].map(|tenant| tenant_secret(&[7; 32], tenant).unwrap());
        assert_ne!(one, other);
        assert_eq!(one, tenant_secret(&[7; 32], "acme").unwrap());
        assert!(matches!(tenant_secret(&[7; 31], "acme"), Err(RedactionKeyError::Short)));
    }

    #[test]
    fn names_stay_in_their_directory() {
        assert_eq!(file_name("acme-1"), "acme-1.key");
        assert_eq!(file_name("../A"), "_2e_2e_2f_41.key");
    }
}
