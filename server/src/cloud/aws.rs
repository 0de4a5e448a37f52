//! The parts that AWS keeps.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use llm_shield_cloud::{
    CloudLogger, CloudMetrics, CloudSecretManager, CloudStorage, CloudTracer,
    telemetry::{Recorder, Shipping},
};
use llm_shield_cloud_aws::{
    Aws, AwsKms, AwsOptions, AwsS3Storage, AwsSecretsManager, CloudWatchLogger, CloudWatchMetrics,
    LoggerOptions, MetricsOptions, S3Options, SecretsOptions, XRayTracer,
};

pub(crate) use super::mirror::TLS_FILES;
use super::{Cloud, KeyIds, RedactionSecret, Telemetry, losses::Losses, mirror::Mirror};
use crate::{
    config::{AwsConfig, Config},
    error::ServerError,
    patience::Patience,
    tls::TlsFiles,
};

/// The region where neither the configuration nor the environment, the profile or the instance names one.
const DEFAULT_REGION: &str = "us-east-1";

/// The time that the collector of spans has for a request.
const COLLECTOR_TIMEOUT: Duration = Duration::from_secs(10);

/// Names of metrics about what was found; the others are about the service.
const SCANNERS: [&str; 3] = ["Findings", "Decisions", "Scan"];

/// Finds the way to AWS.
pub(crate) async fn load(config: &AwsConfig) -> Result<Aws, ServerError> {
    let options = AwsOptions {
        region: config.region.clone(),
        fallback_region: Some(DEFAULT_REGION.to_owned()),
        endpoint: config.endpoint.clone(),
        profile: config.profile.clone(),
        fips: config.fips,
        dual_stack: config.dual_stack,
        attempts: config.calls.attempts,
        connect_timeout: config.calls.connect_timeout,
        attempt_timeout: config.calls.attempt_timeout,
        operation_timeout: config.calls.timeout,
    };
    Ok(Aws::load(options).await?)
}

pub(super) async fn open(settings: &AwsConfig) -> Result<Cloud, ServerError> {
    let aws = load(settings).await?;
    let (telemetry, losses) = telemetry(&aws, settings)?;
    Ok(Cloud {
        keys: Arc::new(AwsKms::new(&aws)),
        key_ids: KeyIds {
            audit: settings.kms.audit_key.clone(),
            redaction: settings.kms.redaction_key.clone(),
            signing: settings.kms.signing_key.clone(),
        },
        storage: Arc::new(bucket(&aws, settings)),
        archive: Some(Arc::new(archive(&aws, settings))),
        redaction_secret: redaction_secret(&aws, settings),
        telemetry,
        tasks: vec![Box::pin(losses.count())],
    })
}

/// Returns the bucket that is configured.
pub(crate) fn bucket(aws: &Aws, config: &AwsConfig) -> AwsS3Storage {
    AwsS3Storage::with(aws, &config.s3.bucket, S3Options::default())
}

/// Returns the bucket of the audit log.
pub(crate) fn archive(aws: &Aws, config: &AwsConfig) -> AwsS3Storage {
    let bucket = config.s3.results_bucket.as_ref().unwrap_or(&config.s3.bucket);
    AwsS3Storage::with(aws, bucket, S3Options::default())
}

/// Returns the secrets.
pub(crate) fn secrets(aws: &Aws, config: &AwsConfig) -> AwsSecretsManager {
    let cache_ttl = Duration::from_secs(config.secrets_manager.cache_ttl_seconds);
    AwsSecretsManager::with(aws, SecretsOptions { cache_ttl, ..SecretsOptions::default() })
}

/// Returns the secret that tenants' redaction keys are derived from, where it is kept among the secrets.
pub(super) fn redaction_secret(aws: &Aws, config: &AwsConfig) -> Option<RedactionSecret> {
    let settings = &config.secrets_manager;
    settings.enabled.then(|| RedactionSecret {
        secrets: Arc::new(secrets(aws, config)),
        name: settings.redact_key.clone(),
    })
}

/// Returns the log stream.
pub(crate) fn logger(aws: &Aws, config: &AwsConfig) -> CloudWatchLogger {
    let config = &config.cloudwatch;
    let stream = config.log_stream.clone().filter(|stream| !stream.is_empty()).unwrap_or_else(own_stream);
    let options = LoggerOptions {
        retention_days: i32::try_from(config.log_retention_days).ok().filter(|days| *days > 0),
        ..LoggerOptions::default()
    };
    CloudWatchLogger::with(aws, &config.log_group, stream, options)
}

/// Names this process among others of the same service.
fn own_stream() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    // The letters that CloudWatch does not take.
    let host = host.trim().replace([':', '*'], "-");
    format!("{host}/{}", std::process::id())
}

fn telemetry(aws: &Aws, config: &AwsConfig) -> Result<(Telemetry, Losses), ServerError> {
    let watch = &config.cloudwatch;
    let logger = watch.enabled.then(|| Arc::new(logger(aws, config)) as Arc<dyn CloudLogger>);
    let tracer = match &config.xray.collector {
        Some(collector) => {
            let tracer = XRayTracer::new(collector, "llm-shield", COLLECTOR_TIMEOUT)?;
            Some(Arc::new(tracer) as Arc<dyn CloudTracer>)
        }
        None => None,
    };
    let shipping = (logger.is_some() || tracer.is_some()).then(|| Shipping::start(logger, tracer));
    let mut losses = Losses::default();
    if let Some(shipping) = shipping.clone() {
        let spans = shipping.clone();
        losses.watch("logs", move || shipping.dropped().entries);
        losses.watch("spans", move || spans.dropped().spans);
    }
    if !watch.enabled {
        return Ok((Telemetry { shipping, ..Telemetry::default() }, losses));
    }
    let namespaces = ["API", "Scanners"].map(|part| {
        let name = format!("{}/{part}", watch.namespace);
        Arc::new(CloudWatchMetrics::with(aws, name, MetricsOptions::default())) as Arc<dyn CloudMetrics>
    });
    let sinks = namespaces.clone();
    losses.watch("metrics", move || sinks.iter().map(|sink| sink.dropped()).sum());
    let recorder = Recorder::new();
    let select = |name: &str| usize::from(SCANNERS.iter().any(|prefix| name.starts_with(prefix)));
    let reporter = recorder.report(namespaces.into(), watch.metrics_interval, select);
    Ok((Telemetry { shipping, recorder: Some(recorder), reporter: Some(reporter) }, losses))
}

/// Copies the policies in the bucket below a directory, and returns where they are.
pub(crate) async fn copy_policies(
    below: &Path,
    storage: Arc<dyn CloudStorage>,
    config: &AwsConfig,
) -> Result<PathBuf, ServerError> {
    let policies = Mirror::new(below.to_owned())?.objects(storage, &config.s3.configs_prefix, "policies");
    policies.refresh().await?;
    Ok(policies.dir().to_owned())
}

/// Copies the secrets that make up TLS below a directory, and returns where they are.
pub(crate) async fn copy_certificates(
    below: &Path,
    secrets: Arc<dyn CloudSecretManager>,
    config: &AwsConfig,
) -> Result<TlsFiles, ServerError> {
    let mirror = Mirror::new(below.to_owned())?;
    let tls = mirror.secrets(secrets, &config.secrets_manager.tls_prefix, &TLS_FILES);
    tls.refresh().await?;
    let [cert, key, client_ca] = TLS_FILES.map(|name| tls.file(name));
    Ok(TlsFiles { cert, key, client_ca, crl: None })
}

/// Gets what is read as files, and returns the configuration that names them.
pub(super) async fn mirror(
    mut config: Config,
    cloud: &mut Cloud,
    patience: &Patience,
) -> Result<Config, ServerError> {
    let settings = config.cloud.aws.clone();
    let mirror = Mirror::new(config.data_dir.join("cloud"))?;
    if config.tls_from_secrets()
        && let Some(RedactionSecret { secrets, .. }) = &cloud.redaction_secret
    {
        let tls = mirror.secrets(Arc::clone(secrets), &settings.secrets_manager.tls_prefix, &TLS_FILES);
        patience.with("the certificates", async || tls.refresh().await).await?;
        let [cert, key, client_ca] = TLS_FILES.map(|name| Some(tls.file(name)));
        (config.tls.cert, config.tls.key, config.tls.client_ca) = (cert, key, client_ca);
        let every = Duration::from_secs(settings.secrets_manager.cache_ttl_seconds.max(5));
        cloud.tasks.push(Box::pin(tls.keep_fresh(every)));
    }
    if config.policies_from_bucket() {
        let policies = mirror.objects(Arc::clone(&cloud.storage), &settings.s3.configs_prefix, "policies");
        patience.with("the policies", async || policies.refresh().await).await?;
        config.policies.dir = Some(policies.dir().to_owned());
        let every = config.policies.reload_interval.max(Duration::from_secs(5));
        cloud.tasks.push(Box::pin(policies.keep_fresh(every)));
    }
    Ok(config)
}
