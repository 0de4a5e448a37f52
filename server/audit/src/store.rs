use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use llm_shield_cloud::{CloudError, CloudKeyManager, PublicKey};
use tokio::runtime::Handle;

use crate::digest::{self, DigestKey};
use crate::files::list_tenants;
use crate::query::{Query, RecordStream};
use crate::seal::{SegmentCipher, segment_context};
use crate::segment::{SegmentHeader, object_name};
use crate::trust::Trust;
use crate::verify::{Progress, Verifier, VerifyReport};
use crate::{AuditError, Result, Tenant};

/// What a reader has of the keys.
#[derive(Debug, Clone)]
pub enum StoreKeys {
    /// Everything: records can be read.
    Manager {
        /// Opens data keys and knows the public keys.
        key_manager: Arc<dyn CloudKeyManager>,
        /// The signing keys whose statements are accepted, by id.
        signing_key_ids: Vec<String>,
    },
    /// Public keys by key id, got from somewhere else than the store: the log can be verified and not read.
    Public(BTreeMap<String, PublicKey>),
}

/// A store for reading. It takes no lock and writes nothing, so it works beside a running writer, where it sees what
/// was acknowledged, and on a copy.
#[derive(Debug, Clone)]
pub struct Store {
    directory: PathBuf,
    trust: Trust,
    key_manager: Option<Arc<dyn CloudKeyManager>>,
}

impl Store {
    /// Opens a store.
    ///
    /// # Errors
    /// [`AuditError::Invalid`] when the directory does not exist; otherwise as the key manager fails.
    pub async fn open(directory: impl Into<PathBuf>, keys: StoreKeys) -> Result<Self> {
        let directory = directory.into();
        if !tokio::fs::metadata(&directory).await.is_ok_and(|metadata| metadata.is_dir()) {
            return Err(AuditError::invalid(format!("`{}` is no audit store", directory.display())));
        }
        let (trust, key_manager) = match keys {
            StoreKeys::Public(keys) => (Trust::of(keys), None),
            StoreKeys::Manager { key_manager, signing_key_ids } => {
                (Trust::from_manager(&*key_manager, &signing_key_ids).await?, Some(key_manager))
            }
        };
        Ok(Self { directory, trust, key_manager })
    }

    /// Returns the tenants that have a log, in the order of their names.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub async fn tenants(&self) -> Result<Vec<Tenant>> {
        let directory = self.directory.clone();
        tokio::task::spawn_blocking(move || list_tenants(&directory))
            .await
            .map_err(|_stopped| AuditError::Closed)?
            .map_err(|error| AuditError::io("the audit store", error))
    }

    /// Looks for records of one tenant. Records come one by one, so the answer may be of any length.
    ///
    /// # Errors
    /// [`AuditError::Invalid`] for a page token of another query, and without the keys to read.
    pub fn query(&self, query: Query) -> Result<RecordStream> {
        let opener =
            self.opener().ok_or_else(|| AuditError::invalid("records cannot be read with public keys"))?;
        RecordStream::start(self.directory.clone(), self.trust.clone(), opener, query)
    }

    /// Checks everything that is stored, or one tenant's log, up to what was acknowledged when the check began.
    ///
    /// With public keys alone the chain, the checksums and the signatures are checked; with a key manager each record
    /// is also opened, which shows at which record a forger began. `progress` is called now and then.
    ///
    /// # Errors
    /// When the check could not be carried out. A broken log is no error but
    /// [`VerifyReport::problem`].
    pub async fn verify(
        &self,
        tenant: Option<&Tenant>,
        mut progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<VerifyReport> {
        let (directory, trust, opener) = (self.directory.clone(), self.trust.clone(), self.opener());
        let tenant = tenant.cloned();
        let check = move || {
            Verifier { store: &directory, trust: &trust, opener, progress: &mut progress }.run(tenant)
        };
        tokio::task::spawn_blocking(check).await.map_err(|_stopped| AuditError::Closed)?
    }

    /// Returns the tenant's digest key, with which an auditor finds the records of a text; `None` for an unknown
    /// tenant.
    ///
    /// # Errors
    /// When the key cannot be read or opened.
    pub async fn digest_key(&self, tenant: &Tenant) -> Result<Option<DigestKey>> {
        match &self.key_manager {
            Some(key_manager) => digest::open(&self.directory, tenant, &**key_manager).await,
            None => Err(AuditError::invalid("a digest key cannot be opened with public keys")),
        }
    }

    fn opener(&self) -> Option<Opener> {
        let key_manager = Arc::clone(self.key_manager.as_ref()?);
        Some(Opener { key_manager, runtime: Handle::try_current().ok()? })
    }
}

/// Opens data keys from a thread that may block.
#[derive(Debug)]
pub(crate) struct Opener {
    key_manager: Arc<dyn CloudKeyManager>,
    runtime: Handle,
}

impl Opener {
    /// Returns the cipher of a segment.
    ///
    /// # Errors
    /// [`AuditError::Corrupt`] when the wrapped key does not open or names an unknown key.
    pub(crate) fn segment(&self, header: &SegmentHeader) -> Result<SegmentCipher> {
        let context = segment_context(&header.tenant, header.segment);
        let object = || object_name(&header.tenant, header.segment);
        match self.runtime.block_on(self.key_manager.decrypt(&header.wrapped_key, &context)) {
            Ok(key) => SegmentCipher::new(&key, &header.tenant, header.segment),
            Err(CloudError::NotFound { .. }) => {
                Err(AuditError::corrupt(object(), "its data key is wrapped under an unknown key"))
            }
            Err(CloudError::Invalid { .. }) => {
                Err(AuditError::corrupt(object(), "its data key was changed, or belongs to another segment"))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns whether a tenant's digest key opens.
    ///
    /// # Errors
    /// [`AuditError::Corrupt`] when it does not.
    pub(crate) fn check_digest_key(&self, store: &std::path::Path, tenant: &Tenant) -> Result<()> {
        let broken = |what| Err(AuditError::corrupt(digest::object_name(tenant), what));
        match self.runtime.block_on(digest::open(store, tenant, &*self.key_manager)) {
            Ok(Some(_)) => Ok(()),
            Ok(None) => broken("the tenant's digest key is missing"),
            Err(AuditError::Keys { source })
                if matches!(*source, CloudError::NotFound { .. } | CloudError::Invalid { .. }) =>
            {
                broken("the tenant's digest key was changed")
            }
            Err(error) => Err(error),
        }
    }
}
