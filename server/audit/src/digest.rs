use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::hmac;
use llm_shield_cloud::{CloudKeyManager, DATA_KEY_BYTES};

use crate::files::{log_directory, make_directory, read_if_there, write_whole};
use crate::seal::digest_context;
use crate::{AuditError, Result, Tenant};

const FILE: &str = "digest.key";

/// Makes the digests of contents that records hold.
///
/// Keyed, so that nobody without the key can guess a short text from its digest; one key a tenant, so that digests of
/// two tenants cannot be compared. The same text of one tenant always has the same digest.
#[derive(Clone)]
pub struct DigestKey(Arc<hmac::Key>);

impl DigestKey {
    /// Returns HMAC-SHA-256 of the text, in lower-case hex.
    pub fn digest(&self, text: impl AsRef<[u8]>) -> String {
        hex::encode(hmac::sign(&self.0, text.as_ref()))
    }

    fn new(key: &[u8; DATA_KEY_BYTES]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DigestKey(..)")
    }
}

/// Names the file of a tenant's digest key relative to the store.
pub(crate) fn object_name(tenant: &Tenant) -> String {
    format!("{}/{}/{FILE}", crate::chain::LOG, tenant.path_name())
}

/// Opens a tenant's digest key; `None` when none was made.
pub(crate) async fn open(
    store: &Path,
    tenant: &Tenant,
    key_manager: &dyn CloudKeyManager,
) -> Result<Option<DigestKey>> {
    let path = log_directory(store, tenant).join(FILE);
    let Some(wrapped) = blocking(move || read_if_there(&path), tenant).await? else { return Ok(None) };
    let key = key_manager.decrypt(&wrapped, &digest_context(tenant)).await?;
    Ok(Some(DigestKey::new(&key)))
}

/// Makes a tenant's digest key. One caller at a time.
pub(crate) async fn create(
    store: &Path,
    tenant: &Tenant,
    key_manager: &dyn CloudKeyManager,
    key_id: &str,
) -> Result<DigestKey> {
    let key = key_manager.generate_data_key(key_id, &digest_context(tenant)).await?;
    let directory = log_directory(store, tenant);
    let wrapped = key.wrapped;
    let write = move || {
        make_directory(&directory)?;
        write_whole(&directory.join(FILE), &wrapped)
    };
    blocking(write, tenant).await?;
    Ok(DigestKey::new(&key.plaintext))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    tenant: &Tenant,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_stopped| AuditError::Closed)?
        .map_err(|error| AuditError::io(format!("`{}`", object_name(tenant)), error))
}
