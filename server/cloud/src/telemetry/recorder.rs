use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};
use metrics_util::{
    registry::{AtomicStorage, Registry},
    storage::AtomicBucket,
};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

use crate::{CloudMetrics, Metric, MetricUnit, MetricValue};

/// The most different values that one metric of a minute is sent with; more are sent as statistics.
const MAX_VALUES: usize = 150;

/// Values are told apart to three digits: a percentile of them is right to half a percent.
const DIGITS: i32 = 3;

/// Adds up what the program counts and measures until it is reported.
///
/// A counter is reported as what was added since the last report, a gauge as it stands, a histogram as its values.
#[derive(Clone)]
pub struct Recorder(Arc<Registry<Key, AtomicStorage>>);

impl Recorder {
    /// Returns a recorder of nothing so far.
    pub fn new() -> Self {
        Self(Arc::new(Registry::atomic()))
    }

    /// Returns what was recorded since the last call.
    pub fn take(&self) -> Vec<Metric> {
        let mut metrics = Vec::new();
        let now = SystemTime::now();
        self.0.visit_counters(|key, counter| {
            let added = counter.swap(0, Ordering::AcqRel);
            if added > 0 {
                metrics.push(metric(key, MetricValue::Single(as_f64(added)), MetricUnit::Count, now));
            }
        });
        self.0.visit_gauges(|key, gauge| {
            let value = f64::from_bits(gauge.load(Ordering::Acquire));
            metrics.push(metric(key, MetricValue::Single(value), MetricUnit::None, now));
        });
        self.0.visit_histograms(|key, histogram| {
            if let Some(value) = measured(histogram) {
                metrics.push(metric(key, value, unit(key.name()), now));
            }
        });
        metrics
    }

    /// Starts to report to `metrics` every `interval`; a metric whose name `select` returns an index for goes to that
    /// one of them. Must be called within a Tokio runtime.
    pub fn report(
        &self,
        metrics: Vec<Arc<dyn CloudMetrics>>,
        interval: Duration,
        select: fn(&str) -> usize,
    ) -> Reporter {
        let (end, mut ended) = oneshot::channel();
        let (recorder, sinks, taken) = (self.clone(), metrics.clone(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&taken);
        let task = tokio::spawn(async move {
            loop {
                let last = timeout(interval, &mut ended).await.is_ok();
                recorder.report_once(&metrics, select, &counted).await;
                if last {
                    return;
                }
            }
        });
        Reporter { running: Mutex::new(Some((end, task))), recorder: self.clone(), sinks, taken }
    }

    /// `taken` is told how many metrics are on their way to the sinks.
    async fn report_once(
        &self,
        sinks: &[Arc<dyn CloudMetrics>],
        select: fn(&str) -> usize,
        taken: &AtomicUsize,
    ) {
        let mut sorted: BTreeMap<usize, Vec<Metric>> = BTreeMap::new();
        for metric in self.take() {
            if let Err(error) = metric.check() {
                tracing::warn!(%error, metric = metric.name, "a metric cannot be sent, and is dropped");
                continue;
            }
            sorted.entry(select(&metric.name)).or_default().push(metric);
        }
        taken.store(sorted.values().map(Vec::len).sum(), Ordering::Relaxed);
        for (place, sink) in sinks.iter().enumerate() {
            let metrics = sorted.remove(&place).unwrap_or_default();
            // From here on the sink tells of them.
            taken.fetch_sub(metrics.len(), Ordering::Relaxed);
            let sent = match sink.export_metrics(&metrics).await {
                Ok(()) => sink.flush().await,
                failed => failed,
            };
            if let Err(error) = sent {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "metrics cannot be sent; they wait");
            }
        }
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.0.get_or_create_counter(key, |counter| Counter::from_arc(Arc::clone(counter)))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.0.get_or_create_gauge(key, |gauge| Gauge::from_arc(Arc::clone(gauge)))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.0.get_or_create_histogram(key, |histogram| Histogram::from_arc(Arc::clone(histogram)))
    }
}

/// Reports until it is shut down.
#[derive(Debug)]
pub struct Reporter {
    running: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
    recorder: Recorder,
    sinks: Vec<Arc<dyn CloudMetrics>>,
    taken: Arc<AtomicUsize>,
}

impl Reporter {
    /// Reports a last time, and ends. Returns whether that was done within `limit`.
    pub async fn shut_down(&self, limit: Duration) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((end, task)) = running else { return true };
        // A task that has ended by itself need not be told.
        if end.send(()).is_err() {
            return true;
        }
        timeout(limit, task).await.is_ok()
    }

    /// Returns how many metrics are lost when the program ends now: those that were dropped, and those that still wait.
    /// What was counted and measured since the last report is not among them; [`unreported`](Self::unreported) is.
    pub fn lost(&self) -> u64 {
        let number = |items: usize| u64::try_from(items).unwrap_or(u64::MAX);
        let of = |sink: &Arc<dyn CloudMetrics>| sink.dropped().saturating_add(number(sink.waiting()));
        let taken = number(self.taken.load(Ordering::Relaxed));
        self.sinks.iter().map(of).fold(taken, u64::saturating_add)
    }

    /// Takes what was recorded and not yet reported, and returns how many metrics that is.
    pub fn unreported(&self) -> u64 {
        u64::try_from(self.recorder.take().len()).unwrap_or(u64::MAX)
    }
}

/// Names a metric as CloudWatch's users do: `shield_requests_total` is `RequestsTotal`.
fn metric(key: &Key, value: MetricValue, unit: MetricUnit, timestamp: SystemTime) -> Metric {
    let name = key.name().strip_prefix("shield_").unwrap_or_else(|| key.name());
    let dimensions = key.labels().filter(|label| !label.value().is_empty());
    Metric {
        name: camel_case(name),
        value,
        timestamp,
        dimensions: dimensions.map(|label| (camel_case(label.key()), label.value().to_owned())).collect(),
        unit,
    }
}

fn camel_case(name: &str) -> String {
    let capital = |part: &str| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    name.split(['_', '.']).filter_map(capital).collect()
}

fn unit(name: &str) -> MetricUnit {
    match name.rsplit('_').next() {
        Some("seconds") => MetricUnit::Seconds,
        Some("bytes") => MetricUnit::Bytes,
        _ => MetricUnit::None,
    }
}

fn measured(histogram: &AtomicBucket<f64>) -> Option<MetricValue> {
    let (mut count, mut sum, mut minimum, mut maximum) = (0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY);
    let mut values: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    histogram.clear_with(|block| {
        for value in block.iter().copied().filter(|value| value.is_finite()) {
            count += 1.0;
            sum += value;
            minimum = minimum.min(value);
            maximum = maximum.max(value);
            let rounded = rounded(value);
            values.entry(rounded.to_bits()).or_insert((rounded, 0.0)).1 += 1.0;
        }
    });
    if values.is_empty() {
        return None;
    }
    if values.len() > MAX_VALUES {
        return Some(MetricValue::Statistics { count, sum, minimum, maximum });
    }
    Some(MetricValue::Values(values.into_values().collect()))
}

fn rounded(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let scale = 10f64.powf(f64::from(DIGITS - 1) - value.abs().log10().floor());
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { rounded } else { value }
}

fn as_f64(number: u64) -> f64 {
    // Above 2^53 the last digits go; no counter of a minute gets there.
    let (high, low) = (number >> 32, number & u64::from(u32::MAX));
    let part = |part: u64| f64::from(u32::try_from(part).unwrap_or(u32::MAX));
    part(high) * 4_294_967_296.0 + part(low)
}

#[cfg(test)]
mod tests {
    use metrics::{Label, Level, Recorder as _};

    use super::*;

    const METADATA: Metadata<'static> = Metadata::new("test", Level::INFO, None);

    #[test]
    fn what_was_recorded_is_taken_once() {
        let recorder = Recorder::new();
        let key =
            Key::from_parts("shield_requests_total", vec![Label::new("rpc", "Scan"), Label::new("none", "")]);
        recorder.register_counter(&key, &METADATA).increment(3);
        recorder.register_gauge(&Key::from_name("shield_in_flight_requests"), &METADATA).set(2.0);
        let histogram =
            recorder.register_histogram(&Key::from_name("shield_request_duration_seconds"), &METADATA);
        for value in [0.012_34, 0.012_341, 0.5, f64::NAN] {
            histogram.record(value);
        }
        let metrics = recorder.take();
        assert_eq!(metrics.len(), 3);
        assert_eq!(
            (metrics[0].name.as_str(), &metrics[0].value),
            ("RequestsTotal", &MetricValue::Single(3.0))
        );
        assert_eq!(metrics[0].dimensions, [("Rpc".to_owned(), "Scan".to_owned())].into());
        assert_eq!(
            (metrics[2].unit, &metrics[2].value),
            (MetricUnit::Seconds, &MetricValue::Values(vec![(0.0123, 2.0), (0.5, 1.0)]))
        );
        assert_eq!(recorder.take().len(), 1, "a gauge stands, the others begin anew");
    }

    #[test]
    fn many_values_become_statistics() {
        let recorder = Recorder::new();
        let histogram = recorder.register_histogram(&Key::from_name("h"), &METADATA);
        (1..=1000).for_each(|value| histogram.record(f64::from(value)));
        let statistics =
            MetricValue::Statistics { count: 1000.0, sum: 500_500.0, minimum: 1.0, maximum: 1000.0 };
        assert_eq!(recorder.take()[0].value, statistics);
    }

    #[test]
    fn numbers_keep_their_size() {
        assert_eq!((as_f64(5), as_f64(1 << 40)), (5.0, 1_099_511_627_776.0));
        assert_eq!((rounded(0.0), rounded(-1234.0), rounded(0.012_34)), (0.0, -1230.0, 0.0123));
    }
}
