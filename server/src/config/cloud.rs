//! The `cloud` section, with the key names that its operators know from the source documents.

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
    /// The region; the environment's `AWS_REGION` sets it too.
    pub region: Option<String>,
    /// Secrets Manager.
    pub secrets_manager: SecretsManagerConfig,
    /// S3.
    pub s3: S3Config,
    /// CloudWatch.
    pub cloudwatch: CloudWatchConfig,
}

/// Secrets Manager.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecretsManagerConfig {
    /// Whether it is used. Default false.
    pub enabled: bool,
    /// How long a secret is kept in memory, in seconds. Default 300.
    pub cache_ttl_seconds: u64,
}

impl Default for SecretsManagerConfig {
    fn default() -> Self {
        Self { enabled: false, cache_ttl_seconds: 300 }
    }
}

/// S3.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Config {
    /// The bucket. Default `llm-shield-models`; `LLM_SHIELD_S3_BUCKET` sets it too.
    pub bucket: String,
    /// Where model bundles lie in it. Default `models/`.
    pub models_prefix: String,
    /// Where audit segments lie in it. Default `scan-results/`.
    pub results_prefix: String,
}

impl Default for S3Config {
    fn default() -> Self {
        Self {
            bucket: "llm-shield-models".to_owned(),
            models_prefix: "models/".to_owned(),
            results_prefix: "scan-results/".to_owned(),
        }
    }
}

/// CloudWatch.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CloudWatchConfig {
    /// Whether metrics and logs are sent there. Default false.
    pub enabled: bool,
    /// The metrics' namespace. Default `LLMShield`; `LLM_SHIELD_CLOUDWATCH_NAMESPACE` sets it too.
    pub namespace: String,
    /// The log group. Default `/llm-shield/api`.
    pub log_group: String,
    /// The log stream; the task's id when empty.
    pub log_stream: Option<String>,
}

impl Default for CloudWatchConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            namespace: "LLMShield".to_owned(),
            log_group: "/llm-shield/api".to_owned(),
            log_stream: None,
        }
    }
}
