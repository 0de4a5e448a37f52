//! Fetches data keys for the writer, which must never wait for the network.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use llm_shield_cloud::CloudKeyManager;
use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::digest::{self, DigestKey};
use crate::head_keeper::HeadKeeper;
use crate::queue::Queue;
use crate::seal::{SegmentCipher, segment_context};
use crate::tenant_log::SegmentKey;
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
    pub(crate) key_manager: Arc<dyn CloudKeyManager>,
    pub(crate) key_id: String,
    pub(crate) heads: Arc<HeadKeeper>,
    digests: RwLock<HashMap<Tenant, DigestKey>>,
    making_digest_key: Mutex<()>,
}

impl KeyKeeper {
    pub(crate) fn new(
        store: PathBuf,
        key_manager: Arc<dyn CloudKeyManager>,
        key_id: String,
        heads: Arc<HeadKeeper>,
    ) -> Self {
        let (digests, making_digest_key) = (RwLock::default(), Mutex::default());
        Self { store, key_manager, key_id, heads, digests, making_digest_key }
    }

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
            self.digest_key(tenant).await?;
            self.heads.begin(tenant).await?;
        }
        let context = segment_context(tenant, *segment);
        let key = self.key_manager.generate_data_key(&self.key_id, &context).await?;
        let cipher = SegmentCipher::new(&key.plaintext, tenant, *segment)?;
        Ok(SegmentKey { cipher, key_id: key.key_id, wrapped: key.wrapped })
    }

    /// Returns a tenant's digest key, made at the first call.
    pub(crate) async fn digest_key(&self, tenant: &Tenant) -> Result<DigestKey> {
        if let Some(key) = self.known_digest_key(tenant) {
            return Ok(key);
        }
        let _one_at_a_time = self.making_digest_key.lock().await;
        if let Some(key) = self.known_digest_key(tenant) {
            return Ok(key);
        }
        let key_manager = &*self.key_manager;
        let key = match digest::open(&self.store, tenant, key_manager).await? {
            Some(key) => key,
            None => digest::create(&self.store, tenant, key_manager, &self.key_id).await?,
        };
        let mut digests = self.digests.write().unwrap_or_else(PoisonError::into_inner);
        digests.insert(tenant.clone(), key.clone());
        Ok(key)
    }

    /// Returns a tenant's digest key if it was made or opened before.
    pub(crate) fn known_digest_key(&self, tenant: &Tenant) -> Option<DigestKey> {
        self.digests.read().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned()
    }
}
