//! W3C trace context.

use tonic::metadata::{MetadataMap, MetadataValue};

/// The `traceparent` and `tracestate` of the span that a call belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    traceparent: String,
    tracestate: String,
}

impl TraceContext {
    /// Takes the values of the two headers; `tracestate` may be empty.
    pub fn new(traceparent: impl Into<String>, tracestate: impl Into<String>) -> Self {
        Self { traceparent: traceparent.into(), tracestate: tracestate.into() }
    }

    /// Returns OpenTelemetry's current context, if it is part of a trace.
    #[cfg(feature = "opentelemetry")]
    pub(crate) fn current() -> Option<Self> {
        use opentelemetry::{Context, trace::TraceContextExt as _};
        let context = Context::current();
        let span = context.span().span_context().clone();
        span.is_valid().then(|| {
            let flags = span.trace_flags().to_u8() & 1;
            Self::new(
                format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id()),
                span.trace_state().header(),
            )
        })
    }

    #[cfg(not(feature = "opentelemetry"))]
    pub(crate) const fn current() -> Option<Self> {
        None
    }

    /// Puts the two into a request's metadata. What is no header value is left out: a trace is no reason to fail a call.
    pub(crate) fn write(&self, metadata: &mut MetadataMap) {
        for (name, value) in [("traceparent", &self.traceparent), ("tracestate", &self.tracestate)] {
            if let (false, Ok(value)) = (value.is_empty(), MetadataValue::try_from(value)) {
                metadata.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_written() {
        let mut metadata = MetadataMap::new();
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        TraceContext::new(parent, "").write(&mut metadata);
        assert_eq!(metadata.get("traceparent").unwrap(), parent);
        assert!(metadata.get("tracestate").is_none());
        TraceContext::new("a\nb", "vendor=1").write(&mut metadata);
        assert_eq!(metadata.get("traceparent").unwrap(), parent);
        assert_eq!(metadata.get("tracestate").unwrap(), "vendor=1");
    }

    #[cfg(feature = "opentelemetry")]
    #[test]
    fn current_context_is_taken() {
        use opentelemetry::{
            Context,
            trace::{SpanContext, TraceContextExt as _, TraceFlags, TraceState},
        };
        assert_eq!(TraceContext::current(), None);
        let state = TraceState::from_key_value([("vendor", "1")]).unwrap();
        let span = SpanContext::new(0xaf.into(), 0xb7.into(), TraceFlags::SAMPLED, false, state);
        let _guard = Context::new().with_remote_span_context(span).attach();
        let expected = format!("00-{:032x}-{:016x}-01", 0xaf, 0xb7);
        assert_eq!(TraceContext::current(), Some(TraceContext::new(expected, "vendor=1")));
    }
}
