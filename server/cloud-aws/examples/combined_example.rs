//! A small service: a secret for its key, a record in S3, a metric and a log entry for each request.
//!
//! `cargo run -p llm-shield-cloud-aws --example combined_example`, with credentials and a region in the environment, and
//! the bucket in `TEST_S3_BUCKET`.
#![expect(clippy::print_stdout, reason = "an example talks")]

use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use llm_shield_cloud::{
    CloudLogger, CloudMetrics, CloudSecretManager, CloudStorage, LogEntry, LogLevel, Metric, MetricUnit,
    SecretValue,
};
use llm_shield_cloud_aws::{
    Aws, AwsOptions, AwsS3Storage, AwsSecretsManager, CloudWatchLogger, CloudWatchMetrics, LoggerOptions,
    MetricsOptions, S3Options, SecretsOptions,
};

/// Knows traits and no provider: tests give it local ones.
struct Service {
    secrets: Arc<dyn CloudSecretManager>,
    storage: Arc<dyn CloudStorage>,
    metrics: Arc<dyn CloudMetrics>,
    logger: Arc<dyn CloudLogger>,
    secret: String,
    prefix: String,
}

impl Service {
    async fn scan(&self, number: u32) -> anyhow::Result<()> {
        let key = self.secrets.get_secret(&self.secret).await?;
        let record = format!(r#"{{"request":{number},"key_bytes":{}}}"#, key.len());
        self.storage.put_object(&format!("{}{number}.json", self.prefix), Bytes::from(record)).await?;
        self.metrics.export_metric(&Metric::new("Scans", 1.0).with_unit(MetricUnit::Count)).await?;
        let entry = LogEntry::new(LogLevel::Info, "scanned").with_label("request", number.to_string());
        self.logger.log_structured(entry).await?;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let bucket = std::env::var("TEST_S3_BUCKET").context("TEST_S3_BUCKET names no bucket")?;
    let aws = Aws::load(AwsOptions::default()).await?;
    let id = uuid::Uuid::now_v7().simple().to_string();
    let service = Service {
        secrets: Arc::new(AwsSecretsManager::with(&aws, SecretsOptions::default())),
        storage: Arc::new(AwsS3Storage::with(&aws, bucket, S3Options::default())),
        metrics: Arc::new(CloudWatchMetrics::with(&aws, "LLMShield/Test", MetricsOptions::default())),
        logger: Arc::new(CloudWatchLogger::with(
            &aws,
            format!("/llm-shield-test/example-{id}"),
            "combined",
            LoggerOptions::default(),
        )),
        secret: format!("llm-shield/test/example-{id}"),
        prefix: format!("test/example-{id}/"),
    };
    service.secrets.create_secret(&service.secret, &SecretValue::from_bytes(vec![7; 32])).await?;
    for number in 0..10 {
        service.scan(number).await?;
    }
    service.metrics.flush().await?;
    service.logger.flush().await?;

    let records = service.storage.list_objects(&service.prefix).await?;
    println!("{} records written", records.len());
    service.storage.delete_objects(&records).await?;
    service.secrets.delete_secret(&service.secret).await?;
    Ok(())
}
