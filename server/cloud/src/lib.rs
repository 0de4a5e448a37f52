//! The seam between llm-shield and whoever keeps its keys, objects, secrets, metrics and logs.
//!
//! The rest of the product talks to traits of this crate and never to a provider: what a provider calls its errors,
//! its regions or its retries stays behind an implementation. The traits are object safe (`Arc<dyn CloudKeyManager>`);
//! a call costs a network round trip with most providers, so the price of dynamic dispatch does not matter, and one
//! binary can choose its provider at start.
//!
//! [`local`] is the embedded implementation: files of this machine in place of services. It is meant for development and
//! for machines whose disk is trusted; see its documentation for what it does not protect.

#[cfg(feature = "conformance")]
pub mod conformance;
mod context;
mod error;
mod key_manager;
pub mod local;
pub mod logs;
pub mod metrics;
mod outbox;
pub mod secrets;
pub mod storage;
pub mod telemetry;
pub mod traces;

pub use context::EncryptionContext;
pub use error::{CloudError, Result, Source};
pub use key_manager::{CloudKeyManager, DATA_KEY_BYTES, DataKey, PublicKey, SignatureAlgorithm};
pub use logs::{CloudLogger, LogEntry, LogLevel};
pub use metrics::{CloudMetrics, Metric, MetricUnit, MetricValue};
pub use outbox::{Outbox, Sink};
pub use secrets::{
    CloudSecretManager, SecretCache, SecretMetadata, SecretOptions, SecretReader, SecretValue, VersionStage,
};
pub use storage::{
    ByteRange, Checksum, CloudStorage, GetObjectOptions, ListedObject, Object, ObjectMetadata, ObjectPage,
    ObjectVersion, Progress, PutObjectOptions, Retention, RetentionMode, StorageClass,
};
pub use traces::{CloudTracer, Span, SpanContext};
