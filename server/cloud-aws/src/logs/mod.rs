mod pack;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use async_trait::async_trait;
use aws_sdk_cloudwatchlogs::{Client, error::ProvideErrorMetadata, types::InputLogEvent};
use llm_shield_cloud::{CloudError, CloudLogger, LogEntry, Outbox, Result, Sink};

use self::pack::{Event, MAX_EVENTS};
use crate::{Aws, AwsOptions, error::translate_sent};

/// How log entries are sent.
#[derive(Debug, Clone, Copy)]
pub struct LoggerOptions {
    /// How many entries make a request. Default 100, at most 10,000.
    pub batch: usize,
    /// How many wait at most, a batch at least. Default 50,000.
    pub buffer: usize,
    /// For how many days a group that is made here keeps its events; none: for ever. Default 30.
    pub retention_days: Option<i32>,
}

impl Default for LoggerOptions {
    fn default() -> Self {
        Self { batch: 100, buffer: 50_000, retention_days: Some(30) }
    }
}

/// Log entries in a stream of CloudWatch Logs, each one line of JSON.
///
/// They go out when a batch is full and with [`flush`](CloudLogger::flush): flush before the end of the program. A
/// request has at most 10,000 events, 1,048,576 bytes (26 an event beside its text) and 24 hours, in the order of time.
/// An entry of more than 1 MB is cut and says so. Group and stream are made when they are missing. Events that are too
/// old (14 days) or too far ahead (2 hours) are refused by CloudWatch, one by one, and counted as dropped.
#[derive(Debug)]
pub struct CloudWatchLogger {
    waiting: Outbox<Event>,
    stream: Arc<Stream>,
    region: String,
}

#[derive(Debug)]
struct Stream {
    client: Client,
    group: String,
    name: String,
    options: LoggerOptions,
    /// Whether the group and stream were seen to be there.
    there: AtomicBool,
}

impl CloudWatchLogger {
    /// Returns a stream, with the environment's region.
    ///
    /// # Errors
    /// [`CloudError::Invalid`] when no region is set.
    pub async fn new(group: impl Into<String>, stream: impl Into<String>) -> Result<Self> {
        Ok(Self::with(&Aws::load(AwsOptions::default()).await?, group, stream, LoggerOptions::default()))
    }

    /// Returns a stream of a region, and how many entries make a request.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub async fn new_with_config(
        group: impl Into<String>,
        stream: impl Into<String>,
        region: impl Into<String>,
        batch: usize,
    ) -> Result<Self> {
        let options = AwsOptions { region: Some(region.into()), ..AwsOptions::default() };
        let logger = LoggerOptions { batch, ..LoggerOptions::default() };
        Ok(Self::with(&Aws::load(options).await?, group, stream, logger))
    }

    /// Returns a stream of `aws`.
    pub fn with(
        aws: &Aws,
        group: impl Into<String>,
        stream: impl Into<String>,
        options: LoggerOptions,
    ) -> Self {
        let stream = Stream {
            client: Client::new(aws.config()),
            group: group.into(),
            name: stream.into(),
            options: LoggerOptions { batch: options.batch.clamp(1, MAX_EVENTS), ..options },
            there: AtomicBool::new(false),
        };
        Self {
            waiting: Outbox::new(options.buffer.max(stream.options.batch)),
            stream: Arc::new(stream),
            region: aws.region().to_owned(),
        }
    }

    /// Returns the group's name.
    pub fn group(&self) -> &str {
        &self.stream.group
    }

    /// Returns the stream's name.
    pub fn stream(&self) -> &str {
        &self.stream.name
    }

    /// Returns the region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns how many entries wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Makes the group and the stream, where they are missing.
    ///
    /// # Errors
    /// As the calls fail.
    pub async fn prepare(&self) -> Result<()> {
        self.stream.prepare().await
    }
}

#[async_trait]
impl CloudLogger for CloudWatchLogger {
    async fn log_batch(&self, entries: Vec<LogEntry>) -> Result<()> {
        let events = entries.into_iter().map(Event::of);
        self.waiting.put(events, self.stream.options.batch, &*self.stream).await
    }

    async fn flush(&self) -> Result<()> {
        self.waiting.drain(1, &*self.stream).await
    }

    fn dropped(&self) -> u64 {
        self.waiting.dropped()
    }

    fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[async_trait]
impl Sink<Event> for Stream {
    fn cut(&self, waiting: &mut [Event]) -> usize {
        pack::cut(waiting, self.options.batch)
    }

    async fn send(&self, batch: &[Event]) -> Result<u64> {
        if !self.there.load(Ordering::Acquire) {
            self.prepare().await?;
        }
        match self.put(batch).await {
            // Deleted under way: made anew, once.
            Err(CloudError::NotFound { .. }) => {
                self.prepare().await?;
                self.put(batch).await
            }
            sent => sent,
        }
    }
}

impl Stream {
    async fn put(&self, batch: &[Event]) -> Result<u64> {
        let events = batch.iter().map(|event| {
            let event = InputLogEvent::builder().timestamp(event.timestamp_ms).message(&event.message);
            event.build().map_err(|error| CloudError::Invalid {
                reason: "a log event is incomplete".to_owned(),
                source: Some(error.into()),
            })
        });
        let answer = self
            .client
            .put_log_events()
            .log_group_name(&self.group)
            .log_stream_name(&self.name)
            .set_log_events(Some(events.collect::<Result<_>>()?))
            .send()
            .await
            .map_err(|error| translate_sent(self.what(), error))?;
        let Some(refused) = answer.rejected_log_events_info else { return Ok(0) };
        let place = |place: i32| usize::try_from(place).unwrap_or(0);
        let old =
            refused.too_old_log_event_end_index.max(refused.expired_log_event_end_index).map_or(0, place);
        let new = refused.too_new_log_event_start_index.map_or(batch.len(), place);
        let refused = old.min(batch.len()) + batch.len().saturating_sub(new);
        Ok(u64::try_from(refused).unwrap_or(u64::MAX))
    }

    async fn prepare(&self) -> Result<()> {
        let made = self.client.create_log_stream().log_group_name(&self.group).log_stream_name(&self.name);
        let missing = match made.clone().send().await {
            Ok(_) => false,
            Err(error) => match error.code() {
                Some("ResourceAlreadyExistsException") => false,
                Some("ResourceNotFoundException") => true,
                _ => return Err(translate_sent(self.what(), error)),
            },
        };
        if missing {
            self.make_group().await?;
            if let Err(error) = made.send().await
                && error.code() != Some("ResourceAlreadyExistsException")
            {
                return Err(translate_sent(self.what(), error));
            }
        }
        self.there.store(true, Ordering::Release);
        Ok(())
    }

    async fn make_group(&self) -> Result<()> {
        match self.client.create_log_group().log_group_name(&self.group).send().await {
            Ok(_) => {}
            // Another process was faster, and sees to the retention.
            Err(error) if error.code() == Some("ResourceAlreadyExistsException") => return Ok(()),
            Err(error) => return Err(translate_sent(self.what(), error)),
        }
        if let Some(days) = self.options.retention_days {
            let retention = self.client.put_retention_policy().log_group_name(&self.group);
            if let Err(error) = retention.retention_in_days(days).send().await {
                let error = translate_sent(self.what(), error);
                tracing::warn!(%error, "the new log group keeps its events for ever: set its retention by hand");
            }
        }
        Ok(())
    }

    fn what(&self) -> String {
        format!("log stream {} of {}", self.name, self.group)
    }
}

impl Event {
    fn of(entry: LogEntry) -> Self {
        let time = entry.timestamp.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let timestamp_ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Self { timestamp_ms, message: pack::fit(entry) }
    }
}
