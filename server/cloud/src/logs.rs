//! Log entries, structured.

use std::{collections::BTreeMap, fmt, str::FromStr, time::SystemTime};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{CloudError, Result};

/// Sends log entries to where they are kept.
///
/// Sending is in batches and in the order of the entries' time, as with [`CloudMetrics`](crate::CloudMetrics): what
/// could not be sent stays in a bounded buffer; what does not fit in it is dropped, oldest first, and counted.
#[async_trait]
pub trait CloudLogger: fmt::Debug + Send + Sync {
    /// Takes entries, and sends what makes a batch.
    ///
    /// # Errors
    /// As sending fails; then the entries are in the buffer.
    async fn log_batch(&self, entries: Vec<LogEntry>) -> Result<()>;

    /// Sends everything that waits.
    ///
    /// # Errors
    /// As sending fails; what was not sent waits on.
    async fn flush(&self) -> Result<()>;

    /// Returns how many entries were dropped.
    fn dropped(&self) -> u64;

    /// Returns how many entries wait to be sent, those of a call that is under way included. Where none ever do, 0.
    fn waiting(&self) -> usize {
        0
    }

    /// Takes a message without more.
    ///
    /// # Errors
    /// As [`log_batch`](Self::log_batch).
    async fn log(&self, level: LogLevel, message: &str) -> Result<()> {
        self.log_structured(LogEntry::new(level, message)).await
    }

    /// Takes one entry.
    ///
    /// # Errors
    /// As [`log_batch`](Self::log_batch).
    async fn log_structured(&self, entry: LogEntry) -> Result<()> {
        self.log_batch(vec![entry]).await
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// When.
    pub timestamp: SystemTime,
    /// How grave.
    pub level: LogLevel,
    /// What happened.
    pub message: String,
    /// Names and values to search by.
    pub labels: BTreeMap<String, String>,
    /// The trace that it belongs to, 32 hexadecimal digits.
    pub trace_id: Option<String>,
    /// The span that it belongs to, 16 hexadecimal digits.
    pub span_id: Option<String>,
    /// What part of the program says it.
    pub source: Option<String>,
}

impl LogEntry {
    /// Returns an entry of now with nothing but a message.
    pub fn new(level: LogLevel, message: impl Into<String>) -> Self {
        Self {
            timestamp: SystemTime::now(),
            level,
            message: message.into(),
            labels: BTreeMap::new(),
            trace_id: None,
            span_id: None,
            source: None,
        }
    }

    /// Returns the entry with one more label.
    #[must_use]
    pub fn with_label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// Returns the entry as one line of JSON. Labels stand beside the other fields; one that has the name of such a
    /// field stands under `labels.` and its name.
    pub fn to_json(&self) -> String {
        let mut fields = Map::new();
        let time = Timestamp::try_from(self.timestamp).unwrap_or_default();
        fields.insert("timestamp".to_owned(), Value::String(format!("{time:.3}")));
        fields.insert("level".to_owned(), Value::from(self.level.name()));
        fields.insert("message".to_owned(), Value::from(self.message.as_str()));
        for (name, value) in
            [("trace_id", &self.trace_id), ("span_id", &self.span_id), ("source", &self.source)]
        {
            if let Some(value) = value {
                fields.insert(name.to_owned(), Value::from(value.as_str()));
            }
        }
        for (name, value) in &self.labels {
            let taken = matches!(
                name.as_str(),
                "timestamp" | "level" | "message" | "trace_id" | "span_id" | "source"
            );
            let name = if taken { format!("labels.{name}") } else { name.clone() };
            fields.insert(name, Value::from(value.as_str()));
        }
        Value::Object(fields).to_string()
    }
}

/// How grave an event is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// What helps to find a fault.
    Debug,
    /// What is as it should be.
    #[default]
    Info,
    /// What may become a failure.
    Warn,
    /// What failed.
    Error,
    /// What ends the program.
    Fatal,
}

impl LogLevel {
    /// All levels, the least grave first.
    pub const ALL: [Self; 6] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// Returns the level's name, in capitals.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for LogLevel {
    type Err = CloudError;

    fn from_str(name: &str) -> Result<Self> {
        let unknown = || CloudError::invalid(format!("there is no log level `{}`", name.escape_debug()));
        Self::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(name)).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn an_entry_is_one_line_of_json() {
        let entry = LogEntry {
            timestamp: UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            trace_id: Some("0af7651916cd43dd8448eb211c80319c".to_owned()),
            ..LogEntry::new(LogLevel::Warn, "two\nlines")
                .with_label("tenant", "acme")
                .with_label("level", "x")
        };
        assert_eq!(
            entry.to_json(),
            r#"{"labels.level":"x","level":"WARN","message":"two\nlines","tenant":"acme","timestamp":"2023-11-14T22:13:20.123Z","trace_id":"0af7651916cd43dd8448eb211c80319c"}"#
        );
        assert_eq!("warn".parse::<LogLevel>().unwrap(), LogLevel::Warn);
        assert!("loud".parse::<LogLevel>().is_err());
    }
}
