//! What a start makes sure of before the server says that it is ready: what would have every call refused.

use llm_shield_cloud::{CloudError, CloudStorage as _, EncryptionContext};
use llm_shield_cloud_aws::AwsS3Storage;

use super::explain;
use crate::{
    cloud::{Cloud, RedactionSecret, aws as parts},
    config::Config,
    error::ServerError,
    patience::Patience,
    redaction_keys::{MIN_SECRET_BYTES, RedactionKeyError},
};

const AUDIT_KEY: &str = "the audit log's encryption key (`cloud.aws.kms.audit_key`)";
const REDACTION_KEY: &str = "the redaction keys' encryption key (`cloud.aws.kms.redaction_key`)";
const REDACTION_SECRET: &str = "the secret of redaction keys (`cloud.aws.secrets_manager.redact_key`)";
const RESULTS_BUCKET: &str = "the audit log's bucket (`cloud.aws.s3.results_bucket`)";
const BUCKET: &str = "the audit log's bucket (`cloud.aws.s3.bucket`)";
const OBJECT_LOCK: &str = "the retention of the audit log (`audit.retention`)";

/// Tries the keys, the secret and the bucket without which no call could be answered, all at the same time.
pub(crate) async fn check(config: &Config, cloud: &Cloud, patience: &Patience) -> Result<(), ServerError> {
    let aws = parts::load(&config.cloud.aws).await?;
    let archive = parts::archive(&aws, &config.cloud.aws);
    tokio::try_join!(
        key(cloud, AUDIT_KEY, &cloud.key_ids.audit, "audit-tenant", patience),
        redaction(cloud, patience),
        bucket(config, &archive, patience),
    )?;
    Ok(())
}

/// Has a key wrap another one, under a context like those of the service.
async fn key(
    cloud: &Cloud,
    what: &'static str,
    id: &str,
    purpose: &str,
    patience: &Patience,
) -> Result<(), ServerError> {
    let context = EncryptionContext::new().with("tenant", "start").with("purpose", purpose);
    let wrap = async || {
        cloud.keys.generate_data_key(id, &context).await?;
        Ok(())
    };
    patience.with(what, wrap).await.map_err(|error| named(what, &error))
}

/// Tries what tenants' redaction keys come from: the secret, or a key where no secrets are kept.
async fn redaction(cloud: &Cloud, patience: &Patience) -> Result<(), ServerError> {
    let Some(RedactionSecret { secrets, name }) = &cloud.redaction_secret else {
        return key(cloud, REDACTION_KEY, &cloud.key_ids.redaction, "redaction-hash", patience).await;
    };
    let read = async || {
        let secret = secrets.get_secret(name).await?;
        if secret.len() < MIN_SECRET_BYTES { Err(RedactionKeyError::Short.into()) } else { Ok(()) }
    };
    patience.with(REDACTION_SECRET, read).await.map_err(|error| match error {
        ServerError::RedactionKey(error) => {
            ServerError::Setup { what: REDACTION_SECRET, problem: format!("`{name}`: {error}") }
        }
        error => named(REDACTION_SECRET, &error),
    })
}

/// Looks whether the bucket is there and keeps objects where they are to be kept.
async fn bucket(config: &Config, archive: &AwsS3Storage, patience: &Patience) -> Result<(), ServerError> {
    let s3 = &config.cloud.aws.s3;
    let what = if s3.results_bucket.is_some() { RESULTS_BUCKET } else { BUCKET };
    let reach = async || match archive.check().await {
        // Who may not ask about the whole bucket may still ask about a part of it.
        Err(CloudError::AccessDenied { .. }) => {
            archive.list_objects_with_limit(&s3.results_prefix, 1).await?;
            Ok(())
        }
        checked => Ok(checked?),
    };
    patience.with(what, reach).await.map_err(|error| named(what, &error))?;
    if !config.audit.retention.keeps() {
        return Ok(());
    }
    let ask = async || match archive.has_object_lock().await {
        Err(error @ CloudError::AccessDenied { .. }) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "whether the audit log's bucket has Object Lock may not be asked for");
            Ok(true)
        }
        asked => Ok(asked?),
    };
    match patience.with(OBJECT_LOCK, ask).await.map_err(|error| named(OBJECT_LOCK, &error))? {
        true => Ok(()),
        false => {
            let problem = format!("bucket {} has no Object Lock", archive.bucket());
            Err(ServerError::Setup { what: OBJECT_LOCK, problem })
        }
    }
}

/// Says which setting names what cannot be had.
fn named(what: &'static str, error: &ServerError) -> ServerError {
    ServerError::Setup { what, problem: explain(error) }
}
