use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use llm_shield_cloud::{CloudError, CloudKeyManager, CloudStorage, PublicKey};
use tokio::runtime::Handle;

use crate::archive::Archive;
use crate::files::{Part, list_tenants, object_name, read_id, read_if_there};
use crate::name::{LogId, LogName};
use crate::note::Trust;
use crate::piece::{SegmentReader, Shelves};
use crate::proof::{ConsistencyProof, InclusionProof, Prover};
use crate::query::{Query, RecordStream};
use crate::recover::read_list;
use crate::seal::{SegmentCipher, segment_context};
use crate::subject::{self, SubjectKey};
use crate::tenant_keys::{self, DigestKey, TenantKeys};
use crate::tree::{Hash, sha256};
use crate::verify::{Progress, Verifier, VerifyOptions, VerifyReport};
use crate::wrapped_key::WrappedKey;
use crate::{AuditError, Result, Tenant, rewrap};

/// What a reader has of the keys.
#[derive(Debug, Clone)]
pub enum StoreKeys {
    /// Everything: records can be read.
    Manager {
        /// Opens data keys and knows the public keys.
        key_manager: Arc<dyn CloudKeyManager>,
        /// The signing keys whose checkpoints are accepted, by id.
        signing_key_ids: Vec<String>,
    },
    /// Public keys by key id, got from somewhere else than the store: the log can be verified and not read.
    Public(BTreeMap<String, PublicKey>),
}

/// A store for reading. It takes no lock and writes nothing, so it works beside a running writer, where it sees what
/// was acknowledged, and on a copy.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) shelves: Shelves,
    pub(crate) trust: Trust,
    key_manager: Option<Arc<dyn CloudKeyManager>>,
    data_keys: Arc<DataKeys>,
}

impl Store {
    /// Opens a store whose closed segments lie beside its outbox.
    ///
    /// # Errors
    /// [`AuditError::Invalid`] when the directory does not exist; otherwise as the key manager fails.
    pub async fn open(directory: impl Into<PathBuf>, keys: StoreKeys) -> Result<Self> {
        let store = directory.into();
        if !tokio::fs::metadata(&store).await.is_ok_and(|metadata| metadata.is_dir()) {
            return Err(AuditError::invalid(format!("`{}` is no audit store", store.display())));
        }
        let archive = Some(Archive::directory(&store, ARCHIVE_PREFIX));
        Self::of(Shelves { store, archive }, keys).await
    }

    /// Opens a store whose closed segments lie in an object store; `outbox` is its writer's directory, where there is
    /// one on this machine.
    ///
    /// # Errors
    /// As the key manager fails.
    pub async fn open_remote(
        outbox: Option<PathBuf>,
        storage: Arc<dyn CloudStorage>,
        prefix: &str,
        keys: StoreKeys,
    ) -> Result<Self> {
        let archive = Some(Archive::storage(storage, prefix, Handle::current()));
        // A path that is nowhere has no outbox in it.
        let store = outbox.unwrap_or_else(|| PathBuf::from("/dev/null/no-outbox"));
        Self::of(Shelves { store, archive }, keys).await
    }

    async fn of(shelves: Shelves, keys: StoreKeys) -> Result<Self> {
        let (trust, key_manager) = match keys {
            StoreKeys::Public(keys) => (Trust::of(keys), None),
            StoreKeys::Manager { key_manager, signing_key_ids } => {
                (Trust::from_manager(&*key_manager, &signing_key_ids).await?, Some(key_manager))
            }
        };
        Ok(Self { shelves, trust, key_manager, data_keys: Arc::default() })
    }

    /// Returns the tenants that have a log, in the order of their names.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub async fn tenants(&self) -> Result<Vec<Tenant>> {
        let shelves = self.shelves.clone();
        let list = move || {
            let own =
                list_tenants(&shelves.store).map_err(|error| AuditError::io("the audit store", error))?;
            let mut tenants: BTreeSet<Tenant> = own.into_iter().collect();
            if let Some(archive) = &shelves.archive {
                tenants.extend(archive.tenants()?);
            }
            Ok(tenants.into_iter().collect())
        };
        tokio::task::spawn_blocking(list).await.map_err(|_stopped| AuditError::Closed)?
    }

    /// Returns whether a tenant has a log, without listing those of others.
    ///
    /// # Errors
    /// When its key cannot be read, or is not what was written.
    pub async fn has_tenant(&self, tenant: &Tenant) -> Result<bool> {
        let (shelves, trust, tenant) = (self.shelves.clone(), self.trust.clone(), tenant.clone());
        let look = move || Ok(tenant_keys::read(&shelves, &tenant, &trust)?.is_some());
        tokio::task::spawn_blocking(look).await.map_err(|_stopped| AuditError::Closed)?
    }

    /// Looks for records of one tenant. Records come one by one, so the answer may be of any length.
    ///
    /// # Errors
    /// [`AuditError::Invalid`] for a page token of another query, and without the keys to read.
    pub fn query(&self, query: Query) -> Result<RecordStream> {
        let opener =
            self.opener().ok_or_else(|| AuditError::invalid("records cannot be read with public keys"))?;
        RecordStream::start(self.shelves.clone(), self.trust.clone(), opener, query)
    }

    /// Checks what is stored, up to what was acknowledged when the check began.
    ///
    /// With public keys alone the tree, the checksums and the signatures are checked; with a key manager each record is
    /// also opened. `progress` is called now and then.
    ///
    /// # Errors
    /// When the check could not be carried out. A broken log is no error but
    /// [`VerifyReport::problem`].
    pub async fn verify(
        &self,
        options: VerifyOptions,
        mut progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<VerifyReport> {
        let (shelves, trust, opener) = (self.shelves.clone(), self.trust.clone(), self.opener());
        let check = move || {
            Verifier { shelves: &shelves, trust: &trust, opener, options, progress: &mut progress }.run()
        };
        tokio::task::spawn_blocking(check).await.map_err(|_stopped| AuditError::Closed)?
    }

    /// Proves that the record at `leaf_index` of a log of the tenant (by default this store's) is in it, with the
    /// checkpoint of `tree_size` records; 0 for the newest.
    ///
    /// # Errors
    /// [`AuditError::Invalid`] when no such checkpoint is kept or it holds no such record.
    pub async fn prove_inclusion(
        &self,
        tenant: &Tenant,
        log: Option<&str>,
        leaf_index: u64,
        tree_size: u64,
    ) -> Result<InclusionProof> {
        self.prove(tenant, log, move |prover| prover.inclusion(leaf_index, tree_size)).await
    }

    /// Proves that the tenant's log of `tree_size` records, 0 for the newest checkpoint's, begins with what it was when
    /// it had `from`.
    ///
    /// # Errors
    /// [`AuditError::Invalid`] when no such checkpoint is kept or the log is shorter.
    pub async fn prove_consistency(
        &self,
        tenant: &Tenant,
        log: Option<&str>,
        from: u64,
        tree_size: u64,
    ) -> Result<ConsistencyProof> {
        self.prove(tenant, log, move |prover| prover.consistency(from, tree_size)).await
    }

    async fn prove<T: Send + 'static>(
        &self,
        tenant: &Tenant,
        log: Option<&str>,
        make: impl FnOnce(&mut Prover) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (shelves, trust, tenant) = (self.shelves.clone(), self.trust.clone(), tenant.clone());
        let log = log.map(str::to_owned);
        let prove = move || {
            let own = read_id(&shelves.store)?;
            let id = match &log {
                Some(log) => LogId::parse(log),
                None => own.clone().or_else(|| only_log(&shelves, &tenant)),
            };
            let id =
                id.ok_or_else(|| AuditError::invalid("say which log: there is none, or more than one"))?;
            let listed = match &own {
                Some(own) if *own == id => read_list(&shelves.store, &id, &trust)?,
                _ => None,
            };
            if listed.as_ref().is_some_and(|list| !list.heads.contains_key(&tenant)) {
                return Err(AuditError::invalid("the tenant has no log"));
            }
            make(&mut Prover::new(&shelves, &LogName { tenant, id }, listed.as_ref(), &trust)?)
        };
        tokio::task::spawn_blocking(prove).await.map_err(|_stopped| AuditError::Closed)?
    }

    /// Returns what a subject is called in a tenant's records; `None` for an unknown tenant.
    ///
    /// # Errors
    /// When the tenant's key cannot be read or opened.
    pub async fn subject_tag(&self, tenant: &Tenant, subject: &str) -> Result<Option<String>> {
        Ok(self.tenant_keys(tenant).await?.map(|keys| keys.subject_tag(subject)))
    }

    /// Returns the tenant's digest key, with which an auditor finds the records of a text; `None` for an unknown
    /// tenant.
    ///
    /// # Errors
    /// When the key cannot be read or opened.
    pub async fn digest_key(&self, tenant: &Tenant) -> Result<Option<DigestKey>> {
        Ok(self.tenant_keys(tenant).await?.map(|keys| keys.digest))
    }

    async fn tenant_keys(&self, tenant: &Tenant) -> Result<Option<TenantKeys>> {
        let opener = self
            .opener()
            .ok_or_else(|| AuditError::invalid("a tenant's key cannot be opened with public keys"))?;
        let (shelves, tenant, trust) = (self.shelves.clone(), tenant.clone(), self.trust.clone());
        let open = move || {
            let key = tenant_keys::read(&shelves, &tenant, &trust)?;
            key.map(|key| opener.tenant_keys(&key, &tenant)).transpose()
        };
        tokio::task::spawn_blocking(open).await.map_err(|_stopped| AuditError::Closed)?
    }

    fn opener(&self) -> Option<Opener> {
        let key_manager = Arc::clone(self.key_manager.as_ref()?);
        let data_keys = Arc::clone(&self.data_keys);
        let (archive, trust) = (self.shelves.archive.clone(), self.trust.clone());
        Some(Opener { key_manager, runtime: Handle::try_current().ok()?, data_keys, archive, trust })
    }
}

/// Returns the log of a tenant that has one alone.
fn only_log(shelves: &Shelves, tenant: &Tenant) -> Option<LogId> {
    let segments = shelves.archive.as_ref()?.segments(tenant).ok()?;
    let first = segments.first()?.id.clone();
    segments.iter().all(|segment| segment.id == first).then_some(first)
}

/// Where closed segments lie beside an outbox.
pub(crate) const ARCHIVE_PREFIX: &str = "scan-results/";

/// Opens data keys from a thread that may block.
#[derive(Debug, Clone)]
pub(crate) struct Opener {
    key_manager: Arc<dyn CloudKeyManager>,
    runtime: Handle,
    data_keys: Arc<DataKeys>,
    /// Where keys are looked for that were wrapped anew.
    archive: Option<Archive>,
    trust: Trust,
}

impl Opener {
    /// Returns the cipher of a segment.
    ///
    /// # Errors
    /// [`AuditError::Corrupt`] when the wrapped key does not open, [`AuditError::Keys`] when it names a key that the key
    /// manager does not know.
    pub(crate) fn segment(&self, reader: &SegmentReader) -> Result<Arc<SegmentCipher>> {
        let header = &reader.header;
        self.data_keys.get_or(&header.wrapped_key, || {
            let wrapped = self.newest(&header.log.tenant, &header.wrapped_key)?;
            let context = segment_context(&header.log, header.segment);
            let opened = self.runtime.block_on(self.key_manager.decrypt(&wrapped, &context));
            let key = opened.map_err(|error| refused(error, &reader.piece.object(Part::Records)))?;
            SegmentCipher::new(&key, &header.log, header.segment)
        })
    }

    /// Returns the key of a subject in this store's own log; `None` when it was destroyed.
    ///
    /// # Errors
    /// [`AuditError::Corrupt`] when it does not open.
    pub(crate) fn subject(
        &self,
        store: &std::path::Path,
        log: &LogName,
        tag: &str,
        trust: &Trust,
    ) -> Result<Option<SubjectKey>> {
        let object = subject::object(log, tag);
        let note = read_if_there(&subject::path(store, log, tag))
            .map_err(|error| AuditError::io(format!("`{object}`"), error))?;
        let Some(note) = note else { return Ok(None) };
        let key = WrappedKey::open(&note, trust, &subject::origin(log, tag))
            .map_err(|what| AuditError::corrupt(&object, what))?;
        let opened =
            self.runtime.block_on(self.key_manager.decrypt(&key.wrapped, &subject::context(log, tag)));
        let key = opened.map_err(|error| refused(error, &object))?;
        SubjectKey::new(&key, log, tag).map(Some)
    }

    fn newest(&self, tenant: &Tenant, wrapped: &[u8]) -> Result<Vec<u8>> {
        match &self.archive {
            Some(archive) => Ok(rewrap::newest(archive, tenant, wrapped.to_vec(), &self.trust)?.wrapped),
            None => Ok(wrapped.to_vec()),
        }
    }

    /// Returns a tenant's keys.
    ///
    /// # Errors
    /// [`AuditError::Corrupt`] when they do not open.
    pub(crate) fn tenant_keys(&self, key: &WrappedKey, tenant: &Tenant) -> Result<TenantKeys> {
        let wrapped = self.newest(tenant, &key.wrapped)?;
        let open = TenantKeys::open(&wrapped, tenant, &*self.key_manager);
        self.runtime.block_on(open).map_err(|error| match error {
            AuditError::Keys { source } => match Arc::try_unwrap(source) {
                Ok(error) => refused(error, &object_name(tenant, tenant_keys::FILE)),
                Err(source) => AuditError::Keys { source },
            },
            other => other,
        })
    }
}

/// Says what it means that a wrapped key does not open.
fn refused(error: CloudError, object: &str) -> AuditError {
    match error {
        // What the key manager does not know, or not any more, says nothing of what is stored.
        CloudError::Invalid { .. } => {
            AuditError::corrupt(object, "its data key was changed, or belongs elsewhere")
        }
        error => error.into(),
    }
}

/// Data keys that were opened for reading, so that a page of a query does not ask the key manager again.
#[derive(Debug, Default)]
struct DataKeys(Mutex<HashMap<Hash, (Instant, Arc<SegmentCipher>)>>);

impl DataKeys {
    /// Who loses the right to open keys reads on for so long.
    const MAX_AGE: Duration = Duration::from_secs(300);
    const MOST: usize = 64;

    fn get_or(
        &self,
        wrapped: &[u8],
        open: impl FnOnce() -> Result<SegmentCipher>,
    ) -> Result<Arc<SegmentCipher>> {
        let name = sha256(wrapped);
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, cipher)) = lock().get(&name)
            && since.elapsed() < Self::MAX_AGE
        {
            return Ok(Arc::clone(cipher));
        }
        let cipher = Arc::new(open()?);
        let mut keys = lock();
        keys.retain(|_, (since, _)| since.elapsed() < Self::MAX_AGE);
        if keys.len() >= Self::MOST
            && let Some(oldest) = keys.iter().min_by_key(|(_, (since, _))| *since).map(|(name, _)| *name)
        {
            keys.remove(&oldest);
        }
        keys.insert(name, (Instant::now(), Arc::clone(&cipher)));
        Ok(cipher)
    }
}
