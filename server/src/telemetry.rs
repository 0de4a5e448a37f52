//! Logs: where they go, in which form, and what can never be in them.
//!
//! Two things keep callers' text out. Dependencies are capped at `warn`, whatever `log.level` or `RUST_LOG` say,
//! because at lower levels the HTTP/2 library prints the frames that it carries. And the panic hook prints the place
//! of a panic without its message, because a message can quote the value it happened on.

use std::{
    io::{self, IsTerminal},
    panic,
};

use llm_shield_cloud::telemetry::{self, Shipping};
use serde_json::{Map, Value};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    filter::{FilterExt as _, Targets, filter_fn},
    fmt::{
        self, FmtContext, FormatEvent, FormattedFields, MakeWriter,
        format::{JsonFields, Writer},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::config::{LogConfig, LogFormat};

/// Targets that begin so are ours.
const OUR_TARGETS: &str = "llm_shield";

/// Reads `log.level`.
pub(crate) fn directives(level: &str) -> Result<Targets, String> {
    level.parse().map_err(|error| format!("{error}: expected such as `info` or `info,llm_shield=debug`"))
}

/// Starts logging to standard error and to whom `shipping` hands on, for the whole process, and silences panics'
/// messages.
///
/// # Errors
/// A level cannot be read, or logging was started before.
pub fn init(config: &LogConfig, shipping: Option<Shipping>) -> Result<(), String> {
    let json = match config.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !io::stderr().is_terminal(),
    };
    let directives = directives(&config.level)?;
    // Spans whatever the level: entries carry their ids, and traces are made of them.
    let wanted = directives.or(filter_fn(|metadata| metadata.is_span())).and(filter_fn(may_be_logged));
    let shipped = shipping.map(|shipping| telemetry::layer(shipping).with_filter(wanted));
    tracing_subscriber::registry()
        .with(layer(config.stderr_level.as_ref().unwrap_or(&config.level), json, io::stderr)?)
        .with(shipped)
        .try_init()
        .map_err(|error| error.to_string())?;
    quiet_panics();
    Ok(())
}

/// Makes the layer that [`init`] installs, with another place to write to.
///
/// # Errors
/// `level` cannot be read.
pub fn layer<S, W>(level: &str, json: bool, writer: W) -> Result<Box<dyn Layer<S> + Send + Sync>, String>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let directives = directives(level)?;
    let layer = fmt::layer().with_writer(writer);
    let layer: Box<dyn Layer<S> + Send + Sync> = if json {
        layer.fmt_fields(JsonFields::new()).event_format(JsonLine).boxed()
    } else {
        layer.with_target(false).boxed()
    };
    Ok(layer.with_filter(filter_fn(may_be_logged)).with_filter(directives).boxed())
}

/// Writes an event as one JSON object: time, level, its fields, target, and the fields of the span that it is in. An
/// error is written with all its causes, which the format of the library leaves out.
struct JsonLine;

impl<S> FormatEvent<S, JsonFields> for JsonLine
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let metadata = event.metadata();
        let mut line = Fields(Map::new());
        let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        line.0.insert("timestamp".to_owned(), time.into());
        line.0.insert("level".to_owned(), metadata.level().as_str().into());
        event.record(&mut line);
        line.0.insert("target".to_owned(), metadata.target().into());
        if let Some(span) = context.lookup_current() {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>();
            let fields = fields.and_then(|fields| serde_json::from_str(&fields.fields).ok());
            let mut fields: Map<String, Value> = fields.unwrap_or_default();
            fields.insert("name".to_owned(), span.name().into());
            line.0.insert("span".to_owned(), fields.into());
        }
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

/// The fields of an event as JSON.
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, telemetry::with_causes(value).into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }
}

fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with(OUR_TARGETS) || *metadata.level() <= Level::WARN
}

/// Replaces the panic hook by one that tells the place and nothing of the message.
pub fn quiet_panics() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(panic.location = place, "a panic");
    }));
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What was written.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn json_names_the_causes_of_an_error() {
        #[derive(Debug, thiserror::Error)]
        #[error("the log cannot reach the store")]
        struct Outer(#[source] io::Error);

        let written = Written::default();
        let writer = written.clone();
        let subscriber =
            tracing_subscriber::registry().with(layer("info", true, move || writer.clone()).unwrap());
        tracing::subscriber::with_default(subscriber, || {
            let error = Outer(io::Error::other("access is denied"));
            let _span = tracing::info_span!(target: "llm_shield", "request", id = 7).entered();
            tracing::warn!(target: "llm_shield", error = &error as &dyn std::error::Error, count = 3, "refused");
        });
        let line: Value = serde_json::from_slice(&written.0.lock().unwrap()).unwrap();
        assert_eq!(line["error"], "the log cannot reach the store: access is denied");
        assert_eq!((line["level"].as_str(), line["message"].as_str()), (Some("WARN"), Some("refused")));
        assert_eq!((&line["count"], &line["span"]["id"]), (&3.into(), &7.into()));
        assert!(line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    }

    #[test]
    fn levels_are_read() {
        assert!(directives("info").is_ok());
        assert!(directives("warn,llm_shield=trace").is_ok());
        assert!(directives("llm_shield=loud").is_err());
    }
}
