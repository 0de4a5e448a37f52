//! `llm-shield-cloud` on AWS.
//!
//! | trait | here | on |
//! | --- | --- | --- |
//! | `CloudSecretManager` | [`AwsSecretsManager`] | Secrets Manager |
//! | `CloudStorage` | [`AwsS3Storage`] | S3 |
//! | `CloudKeyManager` | [`AwsKms`] | KMS |
//! | `CloudMetrics` | [`CloudWatchMetrics`] | CloudWatch |
//! | `CloudLogger` | [`CloudWatchLogger`] | CloudWatch Logs |
//! | `CloudTracer` | [`XRayTracer`] | X-Ray, through an OpenTelemetry collector |
//!
//! All are made from one [`Aws`], which has found the credentials and the region, and share its HTTP client, retries and
//! time-outs. Credentials come from the SDK's chain: environment, profile files, web identity (IRSA), ECS or EKS
//! container, EC2 instance. Single sign-on and credential processes are left out.
//!
//! The SDK's own buffers, in which a secret or data key arrives, are freed but not wiped: that is not in our hands.
//! What is handed out is.

mod aws;
mod error;
mod kms;
mod logs;
mod metrics;
mod s3;
mod secrets;
mod xray;

pub use aws_credential_types::Credentials;

pub use aws::{Aws, AwsOptions, Identity};
pub use kms::AwsKms;
pub use logs::{CloudWatchLogger, LoggerOptions};
pub use metrics::{CloudWatchMetrics, MetricsOptions};
pub use s3::{AwsS3Storage, S3Options};
pub use secrets::{AwsSecretsManager, SecretsOptions};
pub use xray::XRayTracer;
