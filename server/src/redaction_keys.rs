//! Each tenant's key for redactions that need one: the same value gets the same hash for one tenant, over restarts
//! too, and another for every other tenant.
//!
//! A key is a data key of the key manager; its wrapped form lies under `redaction/` in the data directory.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use llm_shield_cloud::{CloudError, CloudKeyManager, EncryptionContext};
use llm_shield_detect::RedactionKeys;
use tokio::sync::Mutex;

use crate::devcerts::{DevCertsError, private_dir, write};

/// Why a tenant's key cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RedactionKeyError {
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
}

/// Gets each tenant's key once and keeps it.
#[derive(Debug)]
pub(crate) struct RedactionKeyring {
    dir: PathBuf,
    keys: Arc<dyn CloudKeyManager>,
    key_id: &'static str,
    /// Locked while a key is made, so that two first requests do not make two.
    known: Mutex<HashMap<String, Arc<RedactionKeys>>>,
}

impl RedactionKeyring {
    pub(crate) fn new(data_dir: &Path, keys: Arc<dyn CloudKeyManager>, key_id: &'static str) -> Self {
        Self { dir: data_dir.join("redaction"), keys, key_id, known: Mutex::default() }
    }

    pub(crate) async fn of(&self, tenant: &str) -> Result<Arc<RedactionKeys>, RedactionKeyError> {
        let mut known = self.known.lock().await;
        if let Some(keys) = known.get(tenant) {
            return Ok(Arc::clone(keys));
        }
        let keys = Arc::new(self.open_or_make(tenant).await?);
        known.insert(tenant.to_owned(), Arc::clone(&keys));
        Ok(keys)
    }

    async fn open_or_make(&self, tenant: &str) -> Result<RedactionKeys, RedactionKeyError> {
        let context = EncryptionContext::new().with("tenant", tenant).with("purpose", "redaction-hash");
        let path = self.dir.join(file_name(tenant));
        let key = match fs::read(&path) {
            Ok(wrapped) => self.keys.decrypt(&wrapped, &context).await?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = self.keys.generate_data_key(self.key_id, &context).await?;
                private_dir(&self.dir)?;
                write(&path, &key.wrapped, 0o600)?;
                key.plaintext
            }
            Err(source) => return Err(RedactionKeyError::Read { path, source }),
        };
        Ok(RedactionKeys::from_secret(key.as_slice()))
    }
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
    fn names_stay_in_their_directory() {
        assert_eq!(file_name("acme-1"), "acme-1.key");
        assert_eq!(file_name("../A"), "_2e_2e_2f_41.key");
    }
}
