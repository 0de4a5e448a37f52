use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::blocking;
use crate::{
    CloudError, CloudLogger, CloudMetrics, CloudTracer, LogEntry, Metric, MetricValue, Result, Span,
    SpanContext,
};

/// Above this size a file is set aside under its name and `.1`, and a new one begun.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Metrics, log entries or spans as lines of JSON in a file of mode 0600, which is set aside at 64 MiB.
///
/// Each call has written its lines when it returns; nothing waits, so flushing does nothing but hand what the system
/// holds to the disk.
#[derive(Clone)]
pub struct JsonLinesFile {
    path: Arc<Path>,
    file: Arc<Mutex<File>>,
}

impl JsonLinesFile {
    /// Opens the file for appending, making it when there is none.
    ///
    /// # Errors
    /// The file cannot be made or written.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path: PathBuf = path.into();
        let file = append(&path).map_err(|error| CloudError::from_io(path.display().to_string(), error))?;
        Ok(Self { path: path.into(), file: Arc::new(Mutex::new(file)) })
    }

    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn write(&self, lines: String) -> Result<()> {
        let this = self.clone();
        let write = move || {
            let mut file = this.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.write_all(lines.as_bytes())?;
            if file.metadata()?.len() >= MAX_BYTES {
                let mut aside = this.path.as_os_str().to_owned();
                aside.push(".1");
                fs::rename(&this.path, aside)?;
                *file = append(&this.path)?;
            }
            Ok(())
        };
        self.run(write).await
    }

    async fn sync(&self) -> Result<()> {
        let file = Arc::clone(&self.file);
        self.run(move || file.lock().unwrap_or_else(PoisonError::into_inner).sync_data()).await
    }

    async fn run(&self, work: impl FnOnce() -> io::Result<()> + Send + 'static) -> Result<()> {
        let what = self.path.display().to_string();
        blocking(move || work().map_err(|error| CloudError::from_io(what, error))).await
    }
}

impl std::fmt::Debug for JsonLinesFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("JsonLinesFile").field("path", &self.path).finish_non_exhaustive()
    }
}

#[async_trait]
impl CloudLogger for JsonLinesFile {
    async fn log_batch(&self, entries: Vec<LogEntry>) -> Result<()> {
        self.write(lines(entries.iter().map(LogEntry::to_json))).await
    }

    async fn flush(&self) -> Result<()> {
        self.sync().await
    }

    fn dropped(&self) -> u64 {
        0
    }
}

#[async_trait]
impl CloudMetrics for JsonLinesFile {
    async fn export_metrics(&self, metrics: &[Metric]) -> Result<()> {
        metrics.iter().try_for_each(Metric::check)?;
        self.write(lines(metrics.iter().map(|metric| metric_json(metric).to_string()))).await
    }

    async fn flush(&self) -> Result<()> {
        self.sync().await
    }

    fn dropped(&self) -> u64 {
        0
    }
}

#[async_trait]
impl CloudTracer for JsonLinesFile {
    async fn export_spans(&self, spans: Vec<Span>) -> Result<()> {
        self.write(lines(spans.iter().map(|span| span_json(span).to_string()))).await
    }

    async fn flush(&self) -> Result<()> {
        self.sync().await
    }

    fn dropped(&self) -> u64 {
        0
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.fold(String::new(), |mut text, line| {
        text.push_str(&line);
        text.push('\n');
        text
    })
}

fn time(time: SystemTime) -> Value {
    Timestamp::try_from(time).map_or(Value::Null, |time| Value::from(format!("{time:.6}")))
}

fn metric_json(metric: &Metric) -> Value {
    let Metric { name, value, timestamp, dimensions, unit } = metric;
    let value = match value {
        MetricValue::Single(value) => json!(value),
        MetricValue::Values(values) => json!(values),
        MetricValue::Statistics { count, sum, minimum, maximum } => {
            json!({"count": count, "sum": sum, "minimum": minimum, "maximum": maximum})
        }
    };
    json!({
        "timestamp": time(*timestamp),
        "name": name,
        "value": value,
        "unit": unit.name(),
        "dimensions": dimensions,
    })
}

fn span_json(span: &Span) -> Value {
    let Span { context, parent, name, start, end, attributes, failure } = span;
    let attributes: &BTreeMap<String, String> = attributes;
    json!({
        "trace_id": context.trace_hex(),
        "span_id": context.span_hex(),
        "parent_id": parent.map(|span_id| SpanContext { span_id, ..*context }.span_hex()),
        "name": name,
        "start": time(*start),
        "end": end.map(time),
        "attributes": attributes,
        "failure": failure,
    })
}
