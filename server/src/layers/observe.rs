//! Request id, tracing span and metrics of each request.
//!
//! The id is the caller's `x-request-id` when that is sane, and a new UUID version 7 otherwise; it is echoed in the
//! response's metadata. What is logged of a request is its method, its caller and its outcome: refusals at `info`,
//! our own failures at `warn`, answers at `debug`, since the audit log already has a record of each.
//!
//! The span is at `debug`, since a span's fields are written down for each request, whether or not anything is logged in
//! it. What is logged above `debug` names the request by itself.

use std::{sync::Arc, time::Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use llm_shield_cloud::SpanContext;
use tonic::{Code, body::Body};
use tracing::Span;

use super::{
    access::Method,
    held::{Held, hold},
};
use crate::{identity::Caller, tls::Peer};

/// The metadata that carries the request id, both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The metadata that names the caller's own trace (W3C Trace Context).
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

const MAX_REQUEST_ID_BYTES: usize = 128;

/// The id of a request, in its extensions.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

impl RequestId {
    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let sane = |id: &&str| {
            !id.is_empty()
                && id.len() <= MAX_REQUEST_ID_BYTES
                && id.bytes().all(|byte| byte.is_ascii_graphic())
        };
        Self(match given.filter(sane) {
            Some(id) => id.into(),
            None => uuid::Uuid::now_v7().to_string().into(),
        })
    }
}

/// A request that is under observation.
pub(crate) struct Observed {
    pub(crate) outcome: Outcome,
    pub(crate) span: Span,
}

/// Names a request, and notes what it asks for in its extensions.
pub(crate) fn observe(request: &mut Request<Body>) -> Observed {
    let method = Method::of(request.uri().path());
    let id = RequestId::of(request.headers());
    let caller = request.extensions().get::<Arc<Peer>>().and_then(|peer| peer.caller()).cloned();
    let trace = request.headers().get(TRACE_PARENT).and_then(|parent| parent.to_str().ok());
    let trace = trace.filter(|parent| SpanContext::from_traceparent(parent).is_some());
    let span = tracing::debug_span!("request", rpc = method.name(), request.id = &*id.0, traceparent = trace);
    let outcome = Outcome::begin(method.name(), id.clone(), caller, span.clone());
    request.extensions_mut().insert(method);
    request.extensions_mut().insert(id);
    Observed { outcome, span }
}

/// What became of a request; reported when dropped, so that a caller who went away is counted too.
pub(crate) struct Outcome {
    rpc: &'static str,
    pub(crate) id: RequestId,
    caller: Option<Arc<Caller>>,
    began: Instant,
    status: Option<Code>,
    /// Ends with this: with the answer, not with the handler.
    span: Span,
}

impl Outcome {
    fn begin(rpc: &'static str, id: RequestId, caller: Option<Arc<Caller>>, span: Span) -> Self {
        metrics::gauge!("shield_in_flight_requests").increment(1.0);
        Self { rpc, id, caller, began: Instant::now(), status: None, span }
    }

    /// Gives the response the request's id, and looks after it until it is sent.
    pub(crate) fn tell(mut self, mut response: Response<Body>) -> Response<Body> {
        if let Ok(id) = HeaderValue::from_str(&self.id.0) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        self.trailers(response.headers());
        hold(response, self)
    }
}

impl Held for Outcome {
    fn trailers(&mut self, trailers: &HeaderMap) {
        if let Some(status) = trailers.get("grpc-status") {
            self.status = Some(Code::from_bytes(status.as_bytes()));
        }
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        let status = self.status.unwrap_or(Code::Cancelled);
        let duration = self.began.elapsed();
        metrics::gauge!("shield_in_flight_requests").decrement(1.0);
        metrics::counter!("shield_requests_total", "rpc" => self.rpc, "status" => code_name(status))
            .increment(1);
        metrics::histogram!("shield_request_duration_seconds", "rpc" => self.rpc).record(duration);

        // The level must be a constant where the macro stands.
        macro_rules! log {
            ($level:ident, $message:literal) => {
                tracing::$level!(
                    rpc = self.rpc,
                    request.id = &*self.id.0,
                    caller.id = self.caller.as_ref().map(|caller| caller.principal.as_str()),
                    caller.tenant = self.caller.as_ref().map(|caller| caller.tenant.as_str()),
                    grpc_status = code_name(status),
                    duration_ms = duration.as_secs_f64() * 1e3,
                    $message
                )
            };
        }
        let _within = self.span.enter();
        match status {
            Code::Ok => log!(debug, "request answered"),
            Code::Internal | Code::Unavailable | Code::Unknown | Code::DataLoss => {
                log!(warn, "request failed")
            }
            _ => log!(info, "request refused"),
        }
    }
}

const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
