//! Metrics: one by one, in a batch, values with counts, statistics.
//!
//! `cargo run -p llm-shield-cloud-aws --example metrics_example`, with credentials and a region in the environment.
#![expect(clippy::print_stdout, reason = "an example talks")]

use llm_shield_cloud::{CloudMetrics, Metric, MetricUnit, MetricValue};
use llm_shield_cloud_aws::{Aws, AwsOptions, CloudWatchMetrics, MetricsOptions};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let aws = Aws::load(AwsOptions::default()).await?;
    // Batches of 50 in place of 20.
    let options = MetricsOptions { batch: 50, ..MetricsOptions::default() };
    let metrics = CloudWatchMetrics::with(&aws, "LLMShield/Test", options);

    let requests =
        Metric::new("ScanRequests", 1.0).with_unit(MetricUnit::Count).with_dimension("Scanner", "secrets");
    metrics.export_metric(&requests).await?;
    let batch: Vec<Metric> = (0..120)
        .map(|number| Metric::new("ScanDuration", f64::from(number)).with_unit(MetricUnit::Milliseconds))
        .collect();
    metrics.export_metrics(&batch).await?;
    println!("{} wait for a batch to be full", metrics.waiting());

    let durations = MetricValue::Values(vec![(1.5, 10.0), (2.5, 3.0)]);
    metrics.export_metric(&Metric::of("ScanDuration", durations).with_unit(MetricUnit::Milliseconds)).await?;
    let sizes = MetricValue::Statistics { count: 3.0, sum: 4500.0, minimum: 500.0, maximum: 3000.0 };
    metrics.export_metric(&Metric::of("ScanSize", sizes).with_unit(MetricUnit::Bytes)).await?;

    // Before the end of a program, or what waits is lost.
    metrics.flush().await?;
    println!("all sent to {} in {}, {} dropped", metrics.namespace(), metrics.region(), metrics.dropped());
    Ok(())
}
