//! Who keeps the service's keys, objects, secrets, metrics and logs: this machine, or AWS.
//!
//! [`Cloud::open`] turns a configuration into the parts that the server is made of. What AWS keeps and the server reads
//! as files (certificates, policies) is mirrored into a private directory under the data directory, so that the ways in
//! which files are checked, watched and reloaded hold for them as well.

#[cfg(feature = "aws")]
pub(crate) mod aws;
#[cfg(feature = "aws")]
mod losses;
#[cfg(feature = "aws")]
mod mirror;

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use llm_shield_cloud::{
    CloudKeyManager, CloudSecretManager, CloudStorage,
    local::{DirectoryStorage, JsonLinesFile, KeyRing},
    telemetry::{Dropped, Recorder, Reporter, Shipping},
};

use crate::{
    config::{Config, Provider},
    devcerts::private_dir,
    error::ServerError,
    patience::Patience,
    redaction_keys::RedactionKeyring,
};

/// The key in the ring that wraps the data keys of audit segments.
pub const AUDIT_KEY: &str = "audit";

/// The key in the ring that signs the audit log's heads.
pub const SIGNING_KEY: &str = "audit-signing";

/// The key in the ring that wraps tenants' redaction keys.
pub(crate) const REDACTION_KEY: &str = "redaction";

/// How long what waits may take to be sent at the end.
const LAST_FLUSH: Duration = Duration::from_secs(10);

/// A task that runs as long as the server does.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The parts of the server that somebody else may keep.
pub struct Cloud {
    pub(crate) keys: Arc<dyn CloudKeyManager>,
    pub(crate) key_ids: KeyIds,
    /// Objects: models.
    pub(crate) storage: Arc<dyn CloudStorage>,
    /// Where closed segments of the audit log go, where they do not stay beside its outbox.
    pub(crate) archive: Option<Arc<dyn CloudStorage>>,
    /// The secret that tenants' redaction keys are derived from, where one is kept beyond this machine.
    pub(crate) redaction_secret: Option<RedactionSecret>,
    pub(crate) telemetry: Telemetry,
    /// Keep what is mirrored up to date.
    pub(crate) tasks: Vec<Task>,
}

/// The names of the keys.
#[derive(Debug, Clone)]
pub(crate) struct KeyIds {
    pub(crate) audit: String,
    pub(crate) redaction: String,
    pub(crate) signing: String,
}

/// A secret, and who keeps it.
#[derive(Debug, Clone)]
pub(crate) struct RedactionSecret {
    pub(crate) secrets: Arc<dyn CloudSecretManager>,
    pub(crate) name: String,
}

/// Where logs, spans and metrics go beside this machine.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    pub(crate) shipping: Option<Shipping>,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) reporter: Option<Reporter>,
}

/// Returns KMS, found by what the environment and the profile files say of AWS.
///
/// # Errors
/// This program was built without AWS.
#[cfg_attr(not(feature = "aws"), expect(clippy::unused_async, reason = "it asks AWS where it can"))]
pub async fn kms() -> Result<Arc<dyn CloudKeyManager>, ServerError> {
    #[cfg(feature = "aws")]
    {
        let aws = aws::load(&crate::config::AwsConfig::default()).await?;
        Ok(Arc::new(llm_shield_cloud_aws::AwsKms::new(&aws)))
    }
    #[cfg(not(feature = "aws"))]
    {
        Err(ServerError::Setup { what: "KMS", problem: "this program was built without AWS".to_owned() })
    }
}

/// Returns a bucket of S3, found by what the environment and the profile files say of AWS.
///
/// # Errors
/// This program was built without AWS.
#[cfg_attr(not(feature = "aws"), expect(clippy::unused_async, reason = "it asks AWS where it can"))]
pub async fn s3_bucket(name: &str) -> Result<Arc<dyn CloudStorage>, ServerError> {
    #[cfg(feature = "aws")]
    {
        let aws = aws::load(&crate::config::AwsConfig::default()).await?;
        Ok(Arc::new(llm_shield_cloud_aws::AwsS3Storage::with(&aws, name, Default::default())))
    }
    #[cfg(not(feature = "aws"))]
    {
        Err(ServerError::Setup {
            what: "the bucket",
            problem: format!("`{name}`: this program was built without AWS"),
        })
    }
}

/// Returns who makes and opens tenants' redaction keys under this configuration, and nothing else of the cloud.
pub(crate) async fn redaction_keyring(config: &Config) -> Result<RedactionKeyring, ServerError> {
    let Config { data_dir, cloud, .. } = config;
    match cloud.provider {
        Provider::Local => {
            private_dir(data_dir)?;
            let ring = KeyRing::open_or_create(config.key_ring_dir().join("ring.json"))?;
            ring.ensure_encryption_key(REDACTION_KEY)?;
            Ok(RedactionKeyring::new(data_dir, Arc::new(ring), REDACTION_KEY, None))
        }
        #[cfg(feature = "aws")]
        Provider::Aws => {
            let aws = aws::load(&cloud.aws).await?;
            let keys = Arc::new(llm_shield_cloud_aws::AwsKms::new(&aws));
            let secret = aws::redaction_secret(&aws, &cloud.aws);
            Ok(RedactionKeyring::new(data_dir, keys, &cloud.aws.kms.redaction_key, secret))
        }
        #[cfg(not(feature = "aws"))]
        Provider::Aws => Err(built_without_aws()),
    }
}

impl Cloud {
    /// Opens what the configuration names.
    ///
    /// # Errors
    /// What cannot be reached or read.
    pub async fn open(config: &Config) -> Result<Self, ServerError> {
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(crate::config::ConfigErrors(problems).into());
        }
        private_dir(&config.data_dir)?;
        match config.cloud.provider {
            Provider::Local => Self::local(config),
            #[cfg(feature = "aws")]
            Provider::Aws => aws::open(&config.cloud.aws).await,
            #[cfg(not(feature = "aws"))]
            Provider::Aws => Err(built_without_aws()),
        }
    }

    /// Gets what the provider keeps and the server reads as files, and returns the configuration that names them.
    #[cfg_attr(not(feature = "aws"), expect(clippy::unused_async, reason = "it asks AWS where it can"))]
    pub(crate) async fn with_files(
        &mut self,
        config: Config,
        patience: &Patience,
    ) -> Result<Config, ServerError> {
        match config.cloud.provider {
            #[cfg(feature = "aws")]
            Provider::Aws => aws::mirror(config, self, patience).await,
            _ => {
                let _ = patience;
                Ok(config)
            }
        }
    }

    fn local(config: &Config) -> Result<Self, ServerError> {
        let keys = KeyRing::open_or_create(config.key_ring_dir().join("ring.json"))?;
        keys.ensure_encryption_key(AUDIT_KEY)?;
        keys.ensure_encryption_key(REDACTION_KEY)?;
        keys.ensure_signing_key(SIGNING_KEY)?;
        let [audit, redaction, signing] = [AUDIT_KEY, REDACTION_KEY, SIGNING_KEY].map(str::to_owned);
        let log = config.log.file.as_ref().map(JsonLinesFile::open).transpose()?;
        let shipping = log.map(|log| Shipping::start(Some(Arc::new(log)), None));
        Ok(Self {
            keys: Arc::new(keys),
            key_ids: KeyIds { audit, redaction, signing },
            storage: Arc::new(DirectoryStorage::open(config.data_dir.join("objects"))?),
            archive: None,
            redaction_secret: None,
            telemetry: Telemetry { shipping, ..Telemetry::default() },
            tasks: Vec::new(),
        })
    }

    /// Returns where logs and spans go beside standard error, if anywhere.
    pub fn shipping(&self) -> Option<Shipping> {
        self.telemetry.shipping.clone()
    }

    /// Returns what is to record metrics beside the listener's, if anything is.
    pub fn recorder(&self) -> Option<Recorder> {
        self.telemetry.recorder.clone()
    }
}

#[cfg(not(feature = "aws"))]
fn built_without_aws() -> ServerError {
    ServerError::Setup { what: "the provider `aws`", problem: "this program was built without it".to_owned() }
}

impl Telemetry {
    /// Sends what waits, and tells what of it could not be sent.
    pub(crate) async fn shut_down(self) {
        if let Some(reporter) = self.reporter {
            let in_time = reporter.shut_down(LAST_FLUSH).await;
            // The last report took it all, if it came to that.
            let unreported = if in_time { 0 } else { reporter.unreported() };
            let metrics = reporter.lost().saturating_add(unreported);
            if !in_time || metrics > 0 {
                tracing::warn!(metrics, in_time, "not all metrics were sent; these are lost");
            }
        }
        if let Some(shipping) = self.shipping {
            // Nobody is left to tell but standard error.
            let in_time = shipping.shut_down(LAST_FLUSH).await;
            let Dropped { entries, spans } = shipping.lost();
            if !in_time || entries > 0 || spans > 0 {
                tracing::warn!(
                    entries,
                    spans,
                    in_time,
                    "not all log entries and spans were sent; these are lost"
                );
            }
        }
    }
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud")
            .field("keys", &self.keys)
            .field("storage", &self.storage)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Says whether certificates come from the provider's secrets: no files are configured, and it keeps secrets.
    pub(crate) const fn tls_from_secrets(&self) -> bool {
        matches!(self.cloud.provider, Provider::Aws)
            && self.cloud.aws.secrets_manager.enabled
            && self.tls.cert.is_none()
            && self.tls.key.is_none()
            && self.tls.client_ca.is_none()
    }

    /// Says whether policies come from the provider's objects: no directory is configured.
    pub(crate) const fn policies_from_bucket(&self) -> bool {
        matches!(self.cloud.provider, Provider::Aws) && self.policies.dir.is_none()
    }
}
