//! Fetches data keys for the writer, which must never wait for the network.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::files::{log_directory, make_directory, object_name, read_if_there, remove_whole, write_whole};
use crate::keeper::Keeper;
use crate::keys::Keys;
use crate::note::Trust;
use crate::piece::Shelves;
use crate::queue::Queue;
use crate::seal::{SegmentCipher, segment_context};
use crate::shipper::{self, ArchiveOptions};
use crate::subject::{self, SubjectKey, SubjectKeys};
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
    pub(crate) subjects: SubjectKeys,
    /// Where the tenants' keys are shared among writers.
    pub(crate) archive: Option<ArchiveOptions>,
    /// Held while a key is made or destroyed.
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
        let keys = self.opened(tenant).await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(tenant.clone(), keys.clone());
        Ok(keys)
    }

    async fn opened(&self, tenant: &Tenant) -> Result<TenantKeys> {
        match self.stored(tenant).await? {
            Some(key) => {
                let secret = self.keys.unwrap(tenant, key.wrapped, &tenant_keys::context(tenant)).await?;
                TenantKeys::derive(&secret)
            }
            None => self.make_tenant_keys(tenant).await,
        }
    }

    /// Returns a tenant's keys if they were made or opened before.
    pub(crate) fn known_tenant_keys(&self, tenant: &Tenant) -> Option<TenantKeys> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned()
    }

    /// Returns the key of a subject in a tenant's log, made at the first call and after it was destroyed.
    pub(crate) async fn subject_key(&self, tenant: &Tenant, subject: &str) -> Result<Arc<SubjectKey>> {
        let tag = self.tenant_keys(tenant).await?.subject_tag(subject);
        let name = (tenant.clone(), tag);
        if let Some(key) = self.subjects.find(&name) {
            return Ok(key);
        }
        let _one_at_a_time = self.making.lock().await;
        if let Some(key) = self.subjects.find(&name) {
            return Ok(key);
        }
        let (log, tag) = (self.keeper.name(tenant), &name.1);
        let path = subject::path(&self.store, &log, tag);
        let (context, origin) = (subject::context(&log, tag), subject::origin(&log, tag));
        let object = subject::object(&log, tag);
        let read = path.clone();
        let key = match blocking(&object, move || read_if_there(&read)).await? {
            Some(note) => {
                let key = WrappedKey::open(&note, &self.trust, &origin)
                    .map_err(|what| AuditError::corrupt(&object, what))?;
                SubjectKey::new(&*self.keys.manager.decrypt(&key.wrapped, &context).await?, &log, tag)?
            }
            None => {
                let key = self.keys.manager.generate_data_key(&self.keys.encryption_key_id, &context).await?;
                let note = WrappedKey { origin, key_id: key.key_id, wrapped: key.wrapped };
                let note = self.keys.note(note).await?;
                let write = move || {
                    make_directory(path.parent().unwrap_or(&path))?;
                    write_whole(&path, note.as_bytes()).map(drop)
                };
                blocking(&object, write).await?;
                SubjectKey::new(&key.plaintext, &log, tag)?
            }
        };
        let key = Arc::new(key);
        self.subjects.keep(name, Arc::clone(&key));
        Ok(key)
    }

    /// Destroys the key of a subject; returns whether there was one.
    pub(crate) async fn erase_subject(&self, tenant: &Tenant, tag: &str) -> Result<bool> {
        let log = self.keeper.name(tenant);
        let _one_at_a_time = self.making.lock().await;
        self.subjects.forget(&(tenant.clone(), tag.to_owned()));
        let path = subject::path(&self.store, &log, tag);
        blocking(&subject::object(&log, tag), move || remove_whole(&path)).await
    }

    async fn stored(&self, tenant: &Tenant) -> Result<Option<WrappedKey>> {
        let (shelves, owner) = (Shelves { store: self.store.clone(), archive: None }, tenant.clone());
        let trust = self.trust.clone();
        let read = tokio::task::spawn_blocking(move || tenant_keys::read(&shelves, &owner, &trust));
        if let Some(key) = read.await.map_err(|_stopped| AuditError::Closed)?? {
            return Ok(Some(key));
        }
        let Some(archive) = &self.archive else { return Ok(None) };
        let object = archived_key(archive, tenant);
        let Some(note) = shipper::get(archive, &object).await? else { return Ok(None) };
        let key = WrappedKey::open(&note, &self.trust, &tenant_keys::origin(tenant))
            .map_err(|what| AuditError::corrupt(object, what))?;
        self.keep_tenant_key(tenant, note.to_vec()).await?;
        Ok(Some(key))
    }

    async fn keep_tenant_key(&self, tenant: &Tenant, note: Vec<u8>) -> Result<()> {
        let directory = log_directory(&self.store, tenant);
        let write = move || {
            make_directory(&directory)?;
            write_whole(&directory.join(tenant_keys::FILE), &note).map(drop)
        };
        blocking(&object_name(tenant, tenant_keys::FILE), write).await
    }

    async fn make_tenant_keys(&self, tenant: &Tenant) -> Result<TenantKeys> {
        let context = tenant_keys::context(tenant);
        let key = self.keys.manager.generate_data_key(&self.keys.encryption_key_id, &context).await?;
        let wrapped =
            WrappedKey { origin: tenant_keys::origin(tenant), key_id: key.key_id, wrapped: key.wrapped };
        let note = self.keys.note(wrapped).await?;
        if let Some(archive) = &self.archive {
            let object = archived_key(archive, tenant);
            // Another writer may have been first: then its key is the tenant's.
            match shipper::put_once(archive, tenant, &object, note.clone().into()).await {
                Err(AuditError::Corrupt { .. }) => return Box::pin(self.opened(tenant)).await,
                put => put?,
            }
        }
        self.keep_tenant_key(tenant, note.into_bytes()).await?;
        TenantKeys::derive(&key.plaintext)
    }
}

fn archived_key(archive: &ArchiveOptions, tenant: &Tenant) -> String {
    format!("{}{}/{}", archive.prefix, tenant.path_name(), tenant_keys::FILE)
}

async fn blocking<T: Send + 'static>(
    object: &str,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_stopped| AuditError::Closed)?
        .map_err(|error| AuditError::io(format!("`{object}`"), error))
}
