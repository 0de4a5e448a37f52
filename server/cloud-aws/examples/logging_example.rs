//! Log entries: plain, structured, in a batch, and from `tracing`.
//!
//! `cargo run -p llm-shield-cloud-aws --example logging_example`, with credentials and a region in the environment.
#![expect(clippy::print_stdout, reason = "an example talks")]

use std::{sync::Arc, time::Duration};

use llm_shield_cloud::{
    CloudLogger, LogEntry, LogLevel,
    telemetry::{self, Shipping},
};
use llm_shield_cloud_aws::{Aws, AwsOptions, CloudWatchLogger, LoggerOptions};
use tracing_subscriber::layer::SubscriberExt as _;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let aws = Aws::load(AwsOptions::default()).await?;
    let group = format!("/llm-shield-test/example-{}", uuid::Uuid::now_v7().simple());
    // Batches of 200 in place of 100. Group and stream are made at need.
    let options = LoggerOptions { batch: 200, ..LoggerOptions::default() };
    let logger = Arc::new(CloudWatchLogger::with(&aws, &group, "production", options));

    logger.log(LogLevel::Info, "the service has started").await?;
    let entry = LogEntry {
        trace_id: Some("0af7651916cd43dd8448eb211c80319c".to_owned()),
        span_id: Some("b7ad6b7169203331".to_owned()),
        source: Some("scanner".to_owned()),
        ..LogEntry::new(LogLevel::Warn, "a secret was found").with_label("rule", "aws-access-token")
    };
    logger.log_structured(entry).await?;
    let entries = (0..500).map(|number| LogEntry::new(LogLevel::Debug, format!("step {number}"))).collect();
    logger.log_batch(entries).await?;

    // What a program logs by `tracing`, with the ids of the spans around it.
    let shipping = Shipping::start(Some(logger.clone()), None);
    let subscriber = tracing_subscriber::registry().with(telemetry::layer(shipping.clone()));
    tracing::subscriber::with_default(subscriber, || {
        tracing::info_span!("request", rpc = "Scan").in_scope(|| tracing::info!("answered"));
    });
    let sent = shipping.shut_down(Duration::from_secs(30)).await;
    println!("all sent to {} in time: {sent}, {} dropped", logger.group(), logger.dropped());
    Ok(())
}
