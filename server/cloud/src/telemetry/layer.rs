use std::{collections::BTreeMap, fmt, time::SystemTime};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::shipping::{Shipment, Shipping};
use crate::{LogEntry, LogLevel, Span, SpanContext};

/// What this crate and those beneath it log about sending is not sent: each failure would make the next batch.
const OWN_TARGETS: [&str; 6] = ["llm_shield_cloud", "aws_", "hyper", "h2", "rustls", "opentelemetry"];

/// The field of a span that names the caller's own trace, as the W3C's `traceparent`.
const TRACE_PARENT: &str = "traceparent";

/// Turns events into log entries and spans into spans of a trace.
pub struct CloudLayer {
    shipping: Shipping,
}

/// Returns a layer that hands events and spans to `shipping`. Which ones is for the filters around it.
pub fn layer(shipping: Shipping) -> CloudLayer {
    CloudLayer { shipping }
}

impl fmt::Debug for CloudLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CloudLayer").finish_non_exhaustive()
    }
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for CloudLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(current) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let parent = current
            .parent()
            .and_then(|parent| parent.extensions().get::<Span>().map(|span| span.context))
            .or_else(|| SpanContext::from_traceparent(&fields.others.remove(TRACE_PARENT)?));
        if let Ok(mut span) = Span::start(attributes.metadata().name(), parent) {
            span.attributes = fields.others;
            current.extensions_mut().insert(span);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(current) = context.span(id) else { return };
        if let Some(span) = current.extensions_mut().get_mut::<Span>() {
            let mut fields = Fields::default();
            values.record(&mut fields);
            span.attributes.append(&mut fields.others);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        if OWN_TARGETS.iter().any(|own| metadata.target().starts_with(own)) {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let span = context.event_span(event);
        let within = span.as_ref().and_then(|span| span.extensions().get::<Span>().map(|span| span.context));
        // CloudWatch's queries and rules take a dot for a step into an object.
        let plain = |name: &str| name.replace('.', "_");
        let mut labels: BTreeMap<_, _> =
            fields.others.into_iter().map(|(name, value)| (plain(&name), value)).collect();
        if let Some(span) = &span
            && let Some(span) = span.extensions().get::<Span>()
        {
            for (name, value) in &span.attributes {
                labels.entry(plain(name)).or_insert_with(|| value.clone());
            }
        }
        self.shipping.put(Shipment::Entry(LogEntry {
            timestamp: SystemTime::now(),
            level: level(*metadata.level()),
            message: fields.message,
            labels,
            trace_id: within.map(|context| context.trace_hex()),
            span_id: within.map(|context| context.span_hex()),
            source: Some(metadata.target().to_owned()),
        }));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(closed) = context.span(&id) else { return };
        if let Some(mut span) = closed.extensions_mut().remove::<Span>() {
            span.end = Some(SystemTime::now());
            span.failure = span.attributes.remove("error");
            self.shipping.put(Shipment::Span(span));
        }
    }
}

fn level(level: Level) -> LogLevel {
    match level {
        Level::TRACE => LogLevel::Trace,
        Level::DEBUG => LogLevel::Debug,
        Level::INFO => LogLevel::Info,
        Level::WARN => LogLevel::Warn,
        _ => LogLevel::Error,
    }
}

/// Returns an error with its causes, one behind the other.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The fields of an event or span as text.
#[derive(Default)]
struct Fields {
    message: String,
    others: BTreeMap<String, String>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = value,
            name => {
                self.others.insert(name.to_owned(), value);
            }
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, with_causes(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}
