use std::{fmt, time::Duration};

use tokio::time::sleep;

/// How often what was dropped is counted.
const INTERVAL: Duration = Duration::from_secs(5);

/// Counts what was dropped on its way to a provider as `shield_telemetry_dropped_total`, by signal: a provider that is
/// away for long must not be noticed only by what is missing.
#[derive(Default)]
pub(super) struct Losses(Vec<Watched>);

struct Watched {
    signal: &'static str,
    dropped: Box<dyn Fn() -> u64 + Send>,
    /// What was counted so far.
    counted: u64,
}

impl Losses {
    /// Takes up a signal; `dropped` returns how much of it was dropped since the start.
    pub(super) fn watch(&mut self, signal: &'static str, dropped: impl Fn() -> u64 + Send + 'static) {
        self.0.push(Watched { signal, dropped: Box::new(dropped), counted: 0 });
    }

    /// Counts for ever.
    pub(super) async fn count(mut self) {
        loop {
            self.count_once();
            sleep(INTERVAL).await;
        }
    }

    fn count_once(&mut self) {
        for Watched { signal, dropped, counted } in &mut self.0 {
            let now = dropped();
            // Nothing, too: a counter that is there can be watched before it counts.
            metrics::counter!("shield_telemetry_dropped_total", "signal" => *signal)
                .increment(now.saturating_sub(*counted));
            if now > *counted {
                tracing::warn!(signal, dropped = now - *counted, "telemetry was dropped");
            }
            *counted = now.max(*counted);
        }
    }
}

impl fmt::Debug for Losses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|watched| watched.signal)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use llm_shield_cloud::{MetricValue, telemetry::Recorder};

    use super::*;

    #[test]
    fn what_is_dropped_is_counted_once() {
        let recorder = Recorder::new();
        let total = Arc::new(AtomicU64::new(3));
        let mut losses = Losses::default();
        let seen = Arc::clone(&total);
        losses.watch("logs", move || seen.load(Ordering::Relaxed));
        let mut counted = |total_now| {
            total.store(total_now, Ordering::Relaxed);
            metrics::with_local_recorder(&recorder, || losses.count_once());
            recorder.take().into_iter().map(|metric| (metric.name, metric.value)).collect::<Vec<_>>()
        };
        let name = || "TelemetryDroppedTotal".to_owned();
        assert_eq!(counted(3), [(name(), MetricValue::Single(3.0))]);
        assert_eq!(counted(3), []);
        assert_eq!(counted(8), [(name(), MetricValue::Single(5.0))]);
    }
}
