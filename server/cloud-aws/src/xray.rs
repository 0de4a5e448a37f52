use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use llm_shield_cloud::{CloudError, CloudTracer, Outbox, Result, Sink, Span};
use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkError,
    trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks},
};
use tokio::time::timeout;

/// How many spans make a request.
const BATCH: usize = 512;

/// The largest request: a collector takes 4 MiB by gRPC's default, and what a span takes is estimated.
const MAX_BYTES: usize = 3 << 20;

/// What a span takes beside its text, and what an attribute does.
const SPAN_BYTES: usize = 256;
const ATTRIBUTE_BYTES: usize = 32;

/// How many spans wait at most.
const BUFFER: usize = 8192;

/// Spans for X-Ray, sent over OTLP (gRPC) to an OpenTelemetry collector beside the service.
///
/// The collector, such as AWS's distribution of it, hands them on. Their ids are those of X-Ray: see
/// [`SpanContext::xray_trace_id`](llm_shield_cloud::SpanContext::xray_trace_id). A request that the collector calls
/// invalid, and a span of more than 3 MiB, are dropped and counted; the exporter does not tell which spans a collector
/// left out of a request that it took.
#[derive(Debug)]
pub struct XRayTracer {
    waiting: Outbox<Span>,
    collector: Arc<Collector>,
}

#[derive(Debug)]
struct Collector {
    exporter: SpanExporter,
    endpoint: String,
    limit: Duration,
    scope: InstrumentationScope,
}

impl XRayTracer {
    /// Returns a tracer of `service` that sends to the collector at `endpoint` (`http://127.0.0.1:4317`), which has
    /// `limit` for each request. Must be called within a Tokio runtime; connects with the first request.
    ///
    /// # Errors
    /// [`CloudError::Invalid`] for an endpoint that cannot be.
    pub fn new(endpoint: &str, service: &str, limit: Duration) -> Result<Self> {
        let built = SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(limit).build();
        let mut exporter = built.map_err(|error| CloudError::Invalid {
            reason: format!("`{}` is no collector's endpoint", endpoint.escape_debug()),
            source: Some(error.into()),
        })?;
        exporter.set_resource(&Resource::builder_empty().with_service_name(service.to_owned()).build());
        let scope =
            InstrumentationScope::builder("llm-shield").with_version(env!("CARGO_PKG_VERSION")).build();
        let collector = Collector { exporter, endpoint: endpoint.to_owned(), limit, scope };
        Ok(Self { waiting: Outbox::new(BUFFER), collector: Arc::new(collector) })
    }
}

#[async_trait]
impl CloudTracer for XRayTracer {
    async fn export_spans(&self, spans: Vec<Span>) -> Result<()> {
        self.waiting.put(spans, BATCH, &*self.collector).await
    }

    async fn flush(&self) -> Result<()> {
        self.waiting.drain(1, &*self.collector).await
    }

    fn dropped(&self) -> u64 {
        self.waiting.dropped()
    }

    fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[async_trait]
impl Sink<Span> for Collector {
    fn cut(&self, waiting: &mut [Span]) -> usize {
        let mut bytes = 0_usize;
        let fits = |span: &&Span| {
            bytes = bytes.saturating_add(size(span));
            bytes <= MAX_BYTES
        };
        waiting.iter().take(BATCH).take_while(fits).count().max(1)
    }

    async fn send(&self, batch: &[Span]) -> Result<u64> {
        // One that is too large is alone in its batch.
        if batch.iter().any(|span| size(span) > MAX_BYTES) {
            return Err(CloudError::invalid("a span is larger than what a collector takes"));
        }
        let spans = batch.iter().map(|span| self.data(span)).collect();
        let away = |words: String| CloudError::Unavailable {
            what: format!("the collector at {}", self.endpoint),
            source: Some(words.into()),
        };
        match timeout(self.limit, self.exporter.export(spans)).await {
            Ok(Ok(())) => Ok(0),
            Ok(Err(OTelSdkError::InternalFailure(words))) if is_refusal(&words) => Err(CloudError::Invalid {
                reason: format!("the collector at {} refuses the spans", self.endpoint),
                source: Some(words.into()),
            }),
            Ok(Err(OTelSdkError::InternalFailure(words))) => Err(away(words)),
            Ok(Err(error)) => Err(away(error.to_string())),
            Err(_elapsed) => Err(away("it did not answer in time".to_owned())),
        }
    }
}

impl Collector {
    fn data(&self, span: &Span) -> SpanData {
        let attributes = span.attributes.iter();
        SpanData {
            span_context: SpanContext::new(
                TraceId::from_bytes(span.context.trace_id),
                SpanId::from_bytes(span.context.span_id),
                TraceFlags::SAMPLED,
                false,
                TraceState::default(),
            ),
            parent_span_id: span.parent.map_or(SpanId::INVALID, SpanId::from_bytes),
            parent_span_is_remote: false,
            // X-Ray shows the spans of servers as segments, others below them.
            span_kind: if span.parent.is_none() { SpanKind::Server } else { SpanKind::Internal },
            name: span.name.clone().into(),
            start_time: span.start,
            end_time: span.end.unwrap_or(span.start),
            attributes: attributes.map(|(name, value)| KeyValue::new(name.clone(), value.clone())).collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: span.failure.as_ref().map_or(Status::Unset, |failure| Status::error(failure.clone())),
            instrumentation_scope: self.scope.clone(),
        }
    }
}

/// Returns about how many bytes a span takes in a request, rather too many than too few.
fn size(span: &Span) -> usize {
    let attribute = |(name, value): (&String, &String)| name.len() + value.len() + ATTRIBUTE_BYTES;
    let text = span.name.len() + span.failure.as_ref().map_or(0, String::len);
    SPAN_BYTES + text + span.attributes.iter().map(attribute).sum::<usize>()
}

/// Says whether the collector will never take the request. The exporter tells the code in words only.
fn is_refusal(words: &str) -> bool {
    ["InvalidArgument", "OutOfRange"].iter().any(|code| words.contains(&format!("gRPC code: {code}")))
}
