//! The `cloud` section, with the key names that its operators know from the source documents.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where keys, objects and metrics live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Provider {
    /// A key ring and directories on this machine.
    #[default]
    Local,
    /// KMS, S3, Secrets Manager and CloudWatch.
    Aws,
}

/// The `cloud` section.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CloudConfig {
    /// Which provider is used. Default `local`.
    pub provider: Provider,
    /// Settings of the provider `aws`.
    pub aws: AwsConfig,
}

/// Settings of the provider `aws`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AwsConfig {
    /// The region; the environment's `AWS_REGION` sets it too. None: that of the profile or the instance, else
    /// `us-east-1`.
    pub region: Option<String>,
    /// The profile in the configuration files of AWS.
    pub profile: Option<String>,
    /// Another endpoint for all services: an emulator or a proxy.
    pub endpoint: Option<String>,
    /// Whether the endpoints with validated cryptography are used. Default false.
    pub fips: bool,
    /// Whether the endpoints that answer over IPv6 too are used. Default false.
    pub dual_stack: bool,
    /// How calls are tried and timed.
    pub calls: CallsConfig,
    /// KMS.
    pub kms: KmsConfig,
    /// Secrets Manager.
    pub secrets_manager: SecretsManagerConfig,
    /// S3.
    pub s3: S3Config,
    /// CloudWatch.
    pub cloudwatch: CloudWatchConfig,
    /// X-Ray.
    pub xray: XRayConfig,
}

/// How calls are tried and timed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallsConfig {
    /// How often a call is tried in all. Default 3.
    pub attempts: u32,
    /// The time for a connection. Default 3.1 s.
    #[serde(with = "super::units::duration")]
    pub connect_timeout: Duration,
    /// The time for one attempt. Default 10 s.
    #[serde(with = "super::units::duration")]
    pub attempt_timeout: Duration,
    /// The time for a call with all its attempts. Default 30 s.
    #[serde(with = "super::units::duration")]
    pub timeout: Duration,
    /// How long the start waits for services that are away; what is refused or missing ends it at once. Default 60 s.
    #[serde(with = "super::units::duration")]
    pub start_timeout: Duration,
}

impl Default for CallsConfig {
    fn default() -> Self {
        Self {
            attempts: 3,
            connect_timeout: Duration::from_millis(3100),
            attempt_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            start_timeout: Duration::from_secs(60),
        }
    }
}

/// KMS: keys by alias, id or ARN.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KmsConfig {
    /// Wraps the data keys of the audit log. Default `alias/llm-shield-audit`.
    pub audit_key: String,
    /// Wraps tenants' redaction keys, where no secret stands for them. Default `alias/llm-shield-redaction`.
    pub redaction_key: String,
    /// Signs the audit log's checkpoints; of the kind `ECC_NIST_P256`. Default `alias/llm-shield-signing`.
    pub signing_key: String,
}

impl Default for KmsConfig {
    fn default() -> Self {
        Self {
            audit_key: "alias/llm-shield-audit".to_owned(),
            redaction_key: "alias/llm-shield-redaction".to_owned(),
            signing_key: "alias/llm-shield-signing".to_owned(),
        }
    }
}

/// Secrets Manager.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecretsManagerConfig {
    /// Whether it is used. Default true.
    pub enabled: bool,
    /// How long a secret is kept in memory, in seconds. Default 300.
    pub cache_ttl_seconds: u64,
    /// The secrets with the certificate chain, the key and the clients' authorities (`cert`, `key`, `client_ca`, PEM)
    /// have this name and theirs. Default `llm-shield/tls/`; used where `tls` names no files.
    pub tls_prefix: String,
    /// The secret from which tenants' redaction keys are derived, at least 32 bytes. Default `llm-shield/redact-key`.
    pub redact_key: String,
}

impl Default for SecretsManagerConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            cache_ttl_seconds: 300,
            tls_prefix: "llm-shield/tls/".to_owned(),
            redact_key: "llm-shield/redact-key".to_owned(),
        }
    }
}

/// S3.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Config {
    /// The bucket. Default `llm-shield-models`; `LLM_SHIELD_S3_BUCKET` sets it too.
    pub bucket: String,
    /// Where model bundles lie in it, as `NAME/VERSION/`. Default `models/`.
    pub models_prefix: String,
    /// The bucket of the audit log's segments. Default: that one.
    pub results_bucket: Option<String>,
    /// Where audit segments lie in it. Default `scan-results/`.
    pub results_prefix: String,
    /// Where policies lie in it, as `*.yaml`; used where `policies.dir` is not set. Default `configs/`.
    pub configs_prefix: String,
}

impl Default for S3Config {
    fn default() -> Self {
        Self {
            bucket: "llm-shield-models".to_owned(),
            models_prefix: "models/".to_owned(),
            results_bucket: None,
            results_prefix: "scan-results/".to_owned(),
            configs_prefix: "configs/".to_owned(),
        }
    }
}

/// CloudWatch.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CloudWatchConfig {
    /// Whether metrics and logs are sent there. Default true.
    pub enabled: bool,
    /// The metrics' namespace, before `/API` and `/Scanners`. Default `LLMShield`;
    /// `LLM_SHIELD_CLOUDWATCH_NAMESPACE` sets it too.
    pub namespace: String,
    /// How often metrics are sent. Default 60 s.
    #[serde(with = "super::units::duration")]
    pub metrics_interval: Duration,
    /// The log group. Default `/llm-shield/api`.
    pub log_group: String,
    /// The log stream; the host's name and the process's id when empty.
    pub log_stream: Option<String>,
    /// For how many days a log group that is made here keeps its events. Default 30.
    pub log_retention_days: u32,
}

impl Default for CloudWatchConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            namespace: "LLMShield".to_owned(),
            metrics_interval: Duration::from_secs(60),
            log_group: "/llm-shield/api".to_owned(),
            log_stream: None,
            log_retention_days: 30,
        }
    }
}

/// X-Ray.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct XRayConfig {
    /// The OpenTelemetry collector beside the service, such as `http://127.0.0.1:4317`. None: no spans are sent.
    pub collector: Option<String>,
}
