//! The server's audit log, as it is configured: its outbox on this machine, its archive wherever objects are kept.

use std::sync::Arc;

use llm_shield_audit::{ArchiveOptions, AuditLog, AuditOptions, Store, StoreKeys};
use llm_shield_cloud::{CloudKeyManager, CloudStorage, local::DirectoryStorage};

use crate::{
    config::{AuditConfig, Config, ConfigError, ConfigErrors},
    error::ServerError,
};

/// Who keeps the log's keys and its closed segments.
pub(crate) struct Keepers<'a> {
    pub(crate) keys: &'a Arc<dyn CloudKeyManager>,
    pub(crate) encryption_key: &'a str,
    pub(crate) signing_key: &'a str,
    /// Where closed segments go, and below which prefix; beside the outbox when there is none.
    pub(crate) objects: Option<(Arc<dyn CloudStorage>, &'a str)>,
}

/// Opens the log for appending and for reading.
pub(crate) async fn open(
    config: &Config,
    keepers: &Keepers<'_>,
) -> Result<(Arc<AuditLog>, Store), ServerError> {
    let Keepers { keys, encryption_key, signing_key, objects } = keepers;
    let dir = config.audit_dir();
    let mut archive = match objects {
        Some((storage, prefix)) => {
            ArchiveOptions { prefix: (*prefix).to_owned(), ..ArchiveOptions::new(Arc::clone(storage)) }
        }
        None => ArchiveOptions::new(Arc::new(DirectoryStorage::open(&dir)?)),
    };
    let AuditConfig {
        segment_bytes,
        segment_age,
        checkpoint_interval,
        checkpoint_records,
        durability,
        outbox_bytes,
        ..
    } = config.audit;
    (archive.durability, archive.outbox_bytes) = (durability, outbox_bytes);
    (archive.keeping, archive.tenants) = config
        .audit
        .retention
        .keeping()
        .map_err(|(key, problem)| ConfigErrors(vec![ConfigError::value(key, problem)]))?;
    let options = AuditOptions {
        segment_bytes,
        segment_age,
        checkpoint_interval,
        checkpoint_records,
        archive: Some(archive),
        ..AuditOptions::new(&dir, Arc::clone(keys), *encryption_key, *signing_key)
    };
    let log = AuditLog::open(options).await?;
    let keys = StoreKeys::Manager {
        key_manager: Arc::clone(keys),
        signing_key_ids: vec![(*signing_key).to_owned()],
    };
    let store = match objects {
        Some((storage, prefix)) => Store::open_remote(Some(dir), Arc::clone(storage), prefix, keys).await?,
        None => Store::open(dir, keys).await?,
    };
    Ok((Arc::new(log), store))
}
