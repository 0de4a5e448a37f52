//! Metrics, log entries and spans in files, through the suites that all implementations pass; and the way there from
//! `tracing`.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its case fails")]

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use llm_shield_cloud::local::JsonLinesFile;
use llm_shield_cloud::telemetry::{self, Dropped, Recorder, Shipping};
use llm_shield_cloud::{CloudLogger, CloudMetrics, LogEntry, Metric, conformance};
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt;

fn file() -> (tempfile::TempDir, JsonLinesFile) {
    let directory = tempfile::tempdir().unwrap();
    let file = JsonLinesFile::open(directory.path().join("lines.jsonl")).unwrap();
    (directory, file)
}

fn lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn metrics_conform() {
    let (_directory, file) = file();
    conformance::metrics(&file).await;
    let lines = lines(file.path());
    assert_eq!(lines.len(), 60);
    assert_eq!(CloudMetrics::dropped(&file), 0);
    assert_eq!(lines[0]["unit"], "Seconds");
}

#[tokio::test]
async fn logger_conforms() {
    let (_directory, file) = file();
    let messages = conformance::logger(&file).await;
    let found: Vec<Value> = lines(file.path()).into_iter().map(|line| line["message"].clone()).collect();
    assert_eq!(found, messages);
}

#[tokio::test]
async fn tracer_conforms() {
    let (_directory, file) = file();
    let names = conformance::tracer(&file).await;
    let lines = lines(file.path());
    let id_of = |name: &str| lines.iter().find(|line| line["name"] == name).unwrap()["span_id"].clone();
    for (name, parent) in names {
        let line = lines.iter().find(|line| line["name"] == name.as_str()).unwrap();
        assert_eq!(line["parent_id"], parent.map_or(Value::Null, |parent| id_of(&parent)));
    }
}

#[tokio::test]
async fn events_and_spans_find_their_way() {
    let (_directory, logs) = file();
    let (_other, traces) = file();
    let shipping = Shipping::start(Some(Arc::new(logs.clone())), Some(Arc::new(traces.clone())));
    let subscriber = tracing_subscriber::registry().with(telemetry::layer(shipping.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let span = tracing::info_span!("request", rpc = "Scan", traceparent = parent);
        let _entered = span.enter();
        tracing::warn!(target: "service", tenant = "acme", number = 7, "within");
        tracing::info_span!("step").in_scope(|| tracing::info!(target: "service", "deeper"));
        tracing::error!(target: "llm_shield_cloud::telemetry", "about sending");
    });
    assert!(shipping.shut_down(Duration::from_secs(30)).await);
    let (logs, traces) = (lines(logs.path()), lines(traces.path()));
    assert_eq!(logs.len(), 2, "what sending says is not sent");
    assert_eq!((&logs[0]["message"], &logs[0]["level"]), (&Value::from("within"), &Value::from("WARN")));
    assert_eq!(
        (&logs[0]["rpc"], &logs[0]["tenant"], &logs[0]["number"]),
        (&"Scan".into(), &"acme".into(), &"7".into())
    );
    assert_eq!(logs[0]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    let span_of = |name: &str| traces.iter().find(|line| line["name"] == name).unwrap();
    assert_eq!(span_of("request")["parent_id"], "b7ad6b7169203331");
    assert_eq!(span_of("step")["parent_id"], span_of("request")["span_id"]);
    assert_eq!(logs[1]["span_id"], span_of("step")["span_id"]);
    assert_eq!(shipping.dropped(), Dropped::default());
}

/// Takes nothing until it may.
#[derive(Debug)]
struct Away {
    back: tokio::sync::Semaphore,
    waiting: AtomicUsize,
    taken: AtomicUsize,
}

impl Away {
    fn new() -> Arc<Self> {
        let (waiting, taken) = Default::default();
        Arc::new(Self { back: tokio::sync::Semaphore::new(0), waiting, taken })
    }
}

#[async_trait]
impl CloudLogger for Away {
    async fn log_batch(&self, entries: Vec<LogEntry>) -> llm_shield_cloud::Result<()> {
        self.waiting.fetch_add(entries.len(), Ordering::Relaxed);
        let _back = self.back.acquire().await.unwrap();
        self.waiting.fetch_sub(entries.len(), Ordering::Relaxed);
        self.taken.fetch_add(entries.len(), Ordering::Relaxed);
        Ok(())
    }

    async fn flush(&self) -> llm_shield_cloud::Result<()> {
        Ok(())
    }

    fn dropped(&self) -> u64 {
        2
    }

    fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl CloudMetrics for Away {
    async fn export_metrics(&self, metrics: &[Metric]) -> llm_shield_cloud::Result<()> {
        self.waiting.fetch_add(metrics.len(), Ordering::Relaxed);
        drop(self.back.acquire().await.unwrap());
        Ok(())
    }

    async fn flush(&self) -> llm_shield_cloud::Result<()> {
        Ok(())
    }

    fn dropped(&self) -> u64 {
        2
    }

    fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn as_much_waits_for_a_logger_as_it_keeps() {
    let away = Away::new();
    let shipping = Shipping::start(Some(Arc::clone(&away) as Arc<dyn CloudLogger>), None);
    let subscriber = tracing_subscriber::registry().with(telemetry::layer(shipping.clone()));
    tracing::subscriber::with_default(subscriber, || {
        (0..50_000).for_each(|number| tracing::info!(target: "service", number, "while it is away"));
    });
    away.back.add_permits(1);
    assert!(shipping.shut_down(Duration::from_secs(30)).await);
    assert_eq!(away.taken.load(Ordering::Relaxed), 50_000);
    assert_eq!(shipping.dropped(), Dropped { entries: 2, spans: 0 }, "what the logger itself has dropped");
}

#[tokio::test]
async fn what_still_waits_at_the_end_is_told() {
    let away = Away::new();
    let shipping = Shipping::start(Some(Arc::clone(&away) as Arc<dyn CloudLogger>), None);
    let say = |number: usize| {
        let subscriber = tracing_subscriber::registry().with(telemetry::layer(shipping.clone()));
        tracing::subscriber::with_default(subscriber, || {
            (0..number).for_each(|number| tracing::info!(target: "service", number, "while it is away"));
        });
    };
    say(10);
    while away.waiting.load(Ordering::Relaxed) < 10 {
        tokio::task::yield_now().await;
    }
    say(7);
    assert!(!shipping.shut_down(Duration::from_millis(20)).await, "it hangs");
    assert_eq!(shipping.dropped(), Dropped { entries: 2, spans: 0 });
    assert_eq!(shipping.lost(), Dropped { entries: 2 + 10 + 7, spans: 0 });
}

#[tokio::test]
async fn metrics_that_still_wait_at_the_end_are_told() {
    let (first, second) = (Away::new(), Away::new());
    let recorder = Recorder::new();
    let count = |name: &'static str| {
        metrics::with_local_recorder(&recorder, || metrics::counter!(name).increment(1));
    };
    let select = |name: &str| usize::from(name.starts_with('B'));
    let sinks: Vec<Arc<dyn CloudMetrics>> = vec![first.clone(), second];
    let reporter = recorder.report(sinks, Duration::from_millis(1), select);
    ["a", "b_one", "b_two"].into_iter().for_each(count);
    while first.waiting.load(Ordering::Relaxed) < 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    ["a", "c"].into_iter().for_each(count);
    assert!(!reporter.shut_down(Duration::from_millis(20)).await, "it hangs");
    assert_eq!(reporter.lost(), 2 + 2 + 3, "dropped by both, with the first, and for the second");
    assert_eq!(reporter.unreported(), 2);
}
