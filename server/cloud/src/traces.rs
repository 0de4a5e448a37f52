//! Spans: what took how long within what.

use std::{collections::BTreeMap, fmt, time::SystemTime};

use async_trait::async_trait;

use crate::{CloudError, Result};

/// Sends spans to where they are kept, in batches as [`CloudMetrics`](crate::CloudMetrics) does.
#[async_trait]
pub trait CloudTracer: fmt::Debug + Send + Sync {
    /// Takes spans that have ended, and sends what makes a batch.
    ///
    /// # Errors
    /// As sending fails; then the spans are in the buffer.
    async fn export_spans(&self, spans: Vec<Span>) -> Result<()>;

    /// Sends everything that waits.
    ///
    /// # Errors
    /// As sending fails; what was not sent waits on.
    async fn flush(&self) -> Result<()>;

    /// Returns how many spans were dropped.
    fn dropped(&self) -> u64;

    /// Returns how many spans wait to be sent, those of a call that is under way included. Where none ever do, 0.
    fn waiting(&self) -> usize {
        0
    }

    /// Begins a span, in the trace of `parent` or in one of its own.
    ///
    /// # Errors
    /// There are no random numbers.
    fn start_span(&self, name: &str, parent: Option<SpanContext>) -> Result<Span> {
        Span::start(name, parent)
    }

    /// Ends a span now and takes it.
    ///
    /// # Errors
    /// As [`export_spans`](Self::export_spans).
    async fn end_span(&self, mut span: Span) -> Result<()> {
        span.end.get_or_insert_with(SystemTime::now);
        self.export_spans(vec![span]).await
    }
}

/// Where a span belongs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanContext {
    /// The trace, as the W3C's Trace Context has it. The first four bytes of those made here are the seconds of the
    /// epoch, as X-Ray asks.
    pub trace_id: [u8; 16],
    /// The span within it.
    pub span_id: [u8; 8],
}

impl SpanContext {
    /// Returns a new span's context, in the trace of `parent` or in one of its own.
    ///
    /// # Errors
    /// There are no random numbers.
    pub fn below(parent: Option<Self>) -> Result<Self> {
        let mut context = Self { trace_id: [0; 16], span_id: [0; 8] };
        random(&mut context.span_id)?;
        if let Some(parent) = parent {
            context.trace_id = parent.trace_id;
            return Ok(context);
        }
        random(&mut context.trace_id)?;
        let seconds = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
        let seconds = u32::try_from(seconds & u64::from(u32::MAX)).unwrap_or_default();
        if let Some(first) = context.trace_id.first_chunk_mut::<4>() {
            *first = seconds.to_be_bytes();
        }
        Ok(context)
    }

    /// Returns the trace's id as 32 hexadecimal digits.
    pub fn trace_hex(&self) -> String {
        hex::encode(self.trace_id)
    }

    /// Returns the span's id as 16 hexadecimal digits.
    pub fn span_hex(&self) -> String {
        hex::encode(self.span_id)
    }

    /// Returns the trace's id as X-Ray writes it: `1-5759e988-bd862e3fe1be46a994272793`.
    pub fn xray_trace_id(&self) -> String {
        let digits = self.trace_hex();
        let (seconds, rest) = digits.split_at_checked(8).unwrap_or_default();
        format!("1-{seconds}-{rest}")
    }

    /// Reads the `traceparent` header of the W3C's Trace Context.
    pub fn from_traceparent(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let lower = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if version.len() != 2
            || version == "ff"
            || flags.len() != 2
            || (version == "00" && parts.next().is_some())
        {
            return None;
        }
        if ![version, trace, span, flags].into_iter().all(lower) {
            return None;
        }
        let mut context = Self { trace_id: [0; 16], span_id: [0; 8] };
        hex::decode_to_slice(trace, &mut context.trace_id).ok()?;
        hex::decode_to_slice(span, &mut context.span_id).ok()?;
        (context.trace_id != [0; 16] && context.span_id != [0; 8]).then_some(context)
    }
}

impl fmt::Debug for SpanContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SpanContext({}-{})", self.trace_hex(), self.span_hex())
    }
}

/// What took how long within what.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Where it belongs.
    pub context: SpanContext,
    /// The span that it is part of.
    pub parent: Option<[u8; 8]>,
    /// What is done.
    pub name: String,
    /// When it began.
    pub start: SystemTime,
    /// When it ended.
    pub end: Option<SystemTime>,
    /// Names and values to find it by.
    pub attributes: BTreeMap<String, String>,
    /// Why it failed, if it did.
    pub failure: Option<String>,
}

impl Span {
    /// Begins a span now.
    ///
    /// # Errors
    /// There are no random numbers.
    pub fn start(name: impl Into<String>, parent: Option<SpanContext>) -> Result<Self> {
        Ok(Self {
            context: SpanContext::below(parent)?,
            parent: parent.map(|parent| parent.span_id),
            name: name.into(),
            start: SystemTime::now(),
            end: None,
            attributes: BTreeMap::new(),
            failure: None,
        })
    }

    /// Returns the span with one more attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

fn random(bytes: &mut [u8]) -> Result<()> {
    let missing = |_unspecified| CloudError::Unavailable { what: "random numbers".to_owned(), source: None };
    aws_lc_rs::rand::fill(bytes).map_err(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_xray() {
        let root = Span::start("root", None).unwrap();
        let child = Span::start("child", Some(root.context)).unwrap();
        assert_eq!(child.context.trace_id, root.context.trace_id);
        assert_eq!(child.parent, Some(root.context.span_id));
        let id = root.context.xray_trace_id();
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let seconds = u64::from_str_radix(id.split('-').nth(1).unwrap(), 16).unwrap();
        assert!(id.len() == 35 && id.starts_with("1-") && now.abs_diff(seconds) < 5, "{id}");
    }

    #[test]
    fn traceparent_is_read_as_it_is_specified() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = SpanContext::from_traceparent(good).unwrap();
        assert_eq!(context.trace_hex(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(context.span_hex(), "b7ad6b7169203331");
        assert!(
            SpanContext::from_traceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x")
                .is_some()
        );
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        ] {
            assert!(SpanContext::from_traceparent(bad).is_none(), "{bad}");
        }
    }
}
