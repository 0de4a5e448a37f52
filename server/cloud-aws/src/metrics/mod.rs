mod pack;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use aws_sdk_cloudwatch::{
    Client,
    primitives::DateTime,
    types::{Dimension, MetricDatum, StandardUnit, StatisticSet},
};
use llm_shield_cloud::{CloudMetrics, Metric, MetricValue, Outbox, Result, Sink};

use self::pack::MAX_METRICS;
use crate::{Aws, AwsOptions, error::translate_sent};

/// CloudWatch takes nothing older and nothing further ahead, and then refuses the request whole.
const OLDEST: Duration = Duration::from_secs(14 * 24 * 3600);
const NEWEST: Duration = Duration::from_secs(2 * 3600);

/// How metrics are sent.
#[derive(Debug, Clone, Copy)]
pub struct MetricsOptions {
    /// How many metrics make a request. Default 20, at most 1000.
    pub batch: usize,
    /// How many wait at most, a batch at least. Default 10,000.
    pub buffer: usize,
}

impl Default for MetricsOptions {
    fn default() -> Self {
        Self { batch: 20, buffer: 10_000 }
    }
}

/// Metrics in a namespace of CloudWatch.
///
/// They go out when a batch is full and with [`flush`](CloudMetrics::flush): flush before the end of the program. A
/// request has at most 1000 metrics of at most 150 values each, and 1 MB. Metrics older than two weeks or more than two
/// hours ahead are dropped and counted, since CloudWatch would refuse all that goes with them.
#[derive(Debug)]
pub struct CloudWatchMetrics {
    waiting: Outbox<Metric>,
    sink: Arc<Namespace>,
    batch: usize,
    region: String,
}

#[derive(Debug)]
struct Namespace {
    client: Client,
    name: String,
    batch: usize,
}

impl CloudWatchMetrics {
    /// Returns a namespace, with the environment's region.
    ///
    /// # Errors
    /// [`CloudError::Invalid`](llm_shield_cloud::CloudError::Invalid) when no region is set.
    pub async fn new(namespace: impl Into<String>) -> Result<Self> {
        Ok(Self::with(&Aws::load(AwsOptions::default()).await?, namespace, MetricsOptions::default()))
    }

    /// Returns a namespace of a region, and how many metrics make a request.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub async fn new_with_config(
        namespace: impl Into<String>,
        region: impl Into<String>,
        batch: usize,
    ) -> Result<Self> {
        let options = AwsOptions { region: Some(region.into()), ..AwsOptions::default() };
        let metrics = MetricsOptions { batch, ..MetricsOptions::default() };
        Ok(Self::with(&Aws::load(options).await?, namespace, metrics))
    }

    /// Returns a namespace of `aws`.
    pub fn with(aws: &Aws, namespace: impl Into<String>, options: MetricsOptions) -> Self {
        let batch = options.batch.clamp(1, MAX_METRICS);
        let sink = Namespace { client: Client::new(aws.config()), name: namespace.into(), batch };
        Self {
            waiting: Outbox::new(options.buffer.max(batch)),
            sink: Arc::new(sink),
            batch,
            region: aws.region().to_owned(),
        }
    }

    /// Returns the namespace.
    pub fn namespace(&self) -> &str {
        &self.sink.name
    }

    /// Returns the region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns how many metrics wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[async_trait]
impl CloudMetrics for CloudWatchMetrics {
    async fn export_metrics(&self, metrics: &[Metric]) -> Result<()> {
        metrics.iter().try_for_each(Metric::check)?;
        let metrics = metrics.iter().cloned().flat_map(pack::split);
        self.waiting.put(metrics, self.batch, &*self.sink).await
    }

    async fn flush(&self) -> Result<()> {
        self.waiting.drain(1, &*self.sink).await
    }

    fn dropped(&self) -> u64 {
        self.waiting.dropped()
    }

    fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[async_trait]
impl Sink<Metric> for Namespace {
    fn cut(&self, waiting: &mut [Metric]) -> usize {
        pack::cut(waiting, self.batch)
    }

    async fn send(&self, batch: &[Metric]) -> Result<u64> {
        let now = SystemTime::now();
        let in_time = |metric: &&Metric| {
            now.duration_since(metric.timestamp)
                .map_or_else(|ahead| ahead.duration() < NEWEST, |age| age < OLDEST)
        };
        let data: Vec<MetricDatum> = batch.iter().filter(in_time).map(datum).collect();
        let refused = batch.len().saturating_sub(data.len());
        if !data.is_empty() {
            self.client
                .put_metric_data()
                .namespace(&self.name)
                .set_metric_data(Some(data))
                .send()
                .await
                .map_err(|error| translate_sent(format!("namespace {}", self.name), error))?;
        }
        Ok(u64::try_from(refused).unwrap_or(u64::MAX))
    }
}

fn datum(metric: &Metric) -> MetricDatum {
    let dimension = |(name, value): (&String, &String)| Dimension::builder().name(name).value(value).build();
    let datum = MetricDatum::builder()
        .metric_name(&metric.name)
        .timestamp(DateTime::from(metric.timestamp))
        .unit(StandardUnit::from(metric.unit.name()))
        .set_dimensions(Some(metric.dimensions.iter().map(dimension).collect()));
    match &metric.value {
        MetricValue::Single(value) => datum.value(*value),
        MetricValue::Values(values) => {
            let (values, counts) = values.iter().copied().unzip();
            datum.set_values(Some(values)).set_counts(Some(counts))
        }
        MetricValue::Statistics { count, sum, minimum, maximum } => datum.statistic_values(
            StatisticSet::builder()
                .sample_count(*count)
                .sum(*sum)
                .minimum(*minimum)
                .maximum(*maximum)
                .build(),
        ),
    }
    .build()
}

#[cfg(test)]
mod tests {
    use llm_shield_cloud::MetricUnit;

    use super::*;

    #[test]
    fn every_unit_is_one_of_cloudwatchs() {
        let ours: Vec<&str> = MetricUnit::ALL.into_iter().map(MetricUnit::name).collect();
        let mut theirs = StandardUnit::values().to_vec();
        assert!(theirs.iter().all(|unit| ours.contains(unit)) && ours.len() == theirs.len());
        theirs.sort_unstable();
        theirs.dedup();
        assert_eq!(theirs.len(), 27);
    }
}
