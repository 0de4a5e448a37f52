//! Fetches data keys for the writer, which must never wait for the network.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::files::{log_directory, make_directory, object_name, write_whole};
use crate::keeper::Keeper;
use crate::keys::Keys;
use crate::note::Trust;
use crate::queue::Queue;
use crate::seal::{SegmentCipher, segment_context};
use crate::tenant_keys::{self, TenantKeys};
use crate::tenant_log::SegmentKey;
use crate::wrapped_key::WrappedKey;
use crate::writer::Command;
use crate::{AuditError, Result, Tenant};

/// Callers wait for a log's first key; a provider that takes longer counts as away.
const PATIENCE: Duration = Duration::from_secs(10);

/// The writer wants a key for a segment.
#[derive(Debug)]
pub(crate) struct KeyRequest {
    pub(crate) tenant: Tenant,
    pub(crate) segment: u64,
    /// True for a log that does not exist yet.
    pub(crate) first: bool,
}

/// Makes keys for logs.
#[derive(Debug)]
pub(crate) struct KeyKeeper {
    pub(crate) store: PathBuf,
    pub(crate) keys: Arc<Keys>,
    pub(crate) trust: Trust,
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) known: RwLock<HashMap<Tenant, TenantKeys>>,
    pub(crate) making: Mutex<()>,
}

impl KeyKeeper {
    /// Answers the writer's requests, each on its own, until the writer ends.
    pub(crate) async fn run(
        self: Arc<Self>,
        mut requests: UnboundedReceiver<KeyRequest>,
        writer: Arc<Queue>,
    ) {
        while let Some(request) = requests.recv().await {
            let (keeper, writer) = (Arc::clone(&self), Arc::clone(&writer));
            tokio::spawn(async move {
                let key = tokio::time::timeout(PATIENCE, keeper.prepare(&request))
                    .await
                    .unwrap_or_else(|_elapsed| Err(AuditError::unavailable("the key manager in time")));
                if let Err(error) = &key {
                    tracing::warn!(tenant = %request.tenant, %error, "no data key for the audit log");
                }
                // Fails when the writer has ended, and then nobody waits.
                drop(writer.push(Command::Key { tenant: request.tenant, key }));
            });
        }
    }

    async fn prepare(&self, request: &KeyRequest) -> Result<SegmentKey> {
        let KeyRequest { tenant, segment, first } = request;
        if *first {
            self.tenant_keys(tenant).await?;
            self.keeper.begin(tenant).await?;
        }
        let log = self.keeper.name(tenant);
        let context = segment_context(&log, *segment);
        let key = self.keys.manager.generate_data_key(&self.keys.encryption_key_id, &context).await?;
        let cipher = Arc::new(SegmentCipher::new(&key.plaintext, &log, *segment)?);
        Ok(SegmentKey { cipher, key_id: key.key_id, wrapped: key.wrapped })
    }

    /// Returns a tenant's keys, made at the first call.
    pub(crate) async fn tenant_keys(&self, tenant: &Tenant) -> Result<TenantKeys> {
        if let Some(keys) = self.known_tenant_keys(tenant) {
            return Ok(keys);
        }
        let _one_at_a_time = self.making.lock().await;
        if let Some(keys) = self.known_tenant_keys(tenant) {
            return Ok(keys);
        }
        let keys = match self.stored(tenant).await? {
            Some(key) => TenantKeys::open(&key.wrapped, tenant, &*self.keys.manager).await?,
            None => self.make_tenant_keys(tenant).await?,
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(tenant.clone(), keys.clone());
        Ok(keys)
    }

    /// Returns a tenant's keys if they were made or opened before.
    pub(crate) fn known_tenant_keys(&self, tenant: &Tenant) -> Option<TenantKeys> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned()
    }

    async fn stored(&self, tenant: &Tenant) -> Result<Option<WrappedKey>> {
        let (store, tenant, trust) = (self.store.clone(), tenant.clone(), self.trust.clone());
        tokio::task::spawn_blocking(move || tenant_keys::read(&store, &tenant, &trust))
            .await
            .map_err(|_stopped| AuditError::Closed)?
    }

    async fn make_tenant_keys(&self, tenant: &Tenant) -> Result<TenantKeys> {
        let context = tenant_keys::context(tenant);
        let key = self.keys.manager.generate_data_key(&self.keys.encryption_key_id, &context).await?;
        let wrapped =
            WrappedKey { origin: tenant_keys::origin(tenant), key_id: key.key_id, wrapped: key.wrapped };
        let note = self.keys.note(wrapped).await?;
        let directory = log_directory(&self.store, tenant);
        let write = move || {
            make_directory(&directory)?;
            write_whole(&directory.join(tenant_keys::FILE), note.as_bytes()).map(drop)
        };
        tokio::task::spawn_blocking(write).await.map_err(|_stopped| AuditError::Closed)?.map_err(
            |error| AuditError::io(format!("`{}`", object_name(tenant, tenant_keys::FILE)), error),
        )?;
        TenantKeys::derive(&key.plaintext)
    }
}
