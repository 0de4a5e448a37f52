//! Deadlines: the caller's `grpc-timeout`, and the server's own longest.

use std::time::Duration;

use http::{HeaderMap, Request, Response};
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;

use super::{Handling, Layer, Refused, refuse};
use crate::status::Fault;

/// When the answer is due, in the request's extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    /// When a unary answer is due.
    pub(crate) at: Instant,
    /// When the caller wants the end of a stream, which the server's own limit does not bound.
    pub(crate) callers: Option<Instant>,
}

/// The layer. It also bounds the time in which the message must arrive, since reading it is part of the call.
#[derive(Debug, Clone)]
pub(crate) struct DeadlineLayer {
    pub(crate) longest: Duration,
}

impl Layer for DeadlineLayer {
    type Kept = ();

    fn before(&self, request: &mut Request<Body>) -> Result<(), Refused> {
        let now = Instant::now();
        let timeout = timeout_of(request.headers())?;
        let at = now + timeout.map_or(self.longest, |timeout| timeout.min(self.longest));
        let callers = timeout.and_then(|timeout| now.checked_add(timeout));
        request.extensions_mut().insert(Deadline { at, callers });
        Ok(())
    }

    fn after(&self, (): (), response: Response<Body>) -> Response<Body> {
        response
    }
}

/// Returns when the answer to a request is due, if the layer has seen it.
pub(crate) fn of(request: &Request<Body>) -> Option<Instant> {
    request.extensions().get::<Deadline>().map(|deadline| deadline.at)
}

/// Gives up a handler at its deadline.
pub(crate) async fn limit(at: Option<Instant>, handling: Handling) -> Response<Body> {
    let handled = match at {
        Some(at) => timeout_at(at, handling).await,
        None => Ok(handling.await),
    };
    match handled {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_elapsed) => refuse(Fault::DeadlineExceeded),
    }
}

/// Reads `grpc-timeout`: at most 8 digits and a unit.
fn timeout_of(headers: &HeaderMap) -> Result<Option<Duration>, Fault> {
    let Some(value) = headers.get("grpc-timeout") else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(|text| {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        if number.len() > 8 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: u64 = number.parse().ok()?;
        Some(match unit {
            "H" => Duration::from_secs(number.checked_mul(3600)?),
            "M" => Duration::from_secs(number.checked_mul(60)?),
            "S" => Duration::from_secs(number),
            "m" => Duration::from_millis(number),
            "u" => Duration::from_micros(number),
            "n" => Duration::from_nanos(number),
            _ => return None,
        })
    });
    parsed
        .map(Some)
        .ok_or_else(|| Fault::field("grpc-timeout", "must be at most 8 digits and a unit of HMSmun"))
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};

    use super::*;
    use crate::layers::{Stack, tests::Handler};

    #[tokio::test]
    async fn the_callers_deadline_is_kept() {
        let never = Handler(|_: Request<Body>| std::future::pending::<Response<Body>>());
        let service = Stack::new(DeadlineLayer { longest: Duration::from_secs(3600) }, never);
        let request = Request::builder().header("grpc-timeout", "20m").body(Body::empty()).unwrap();
        let response = service.answer(request).await;
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!(status.code(), Code::DeadlineExceeded);
    }

    #[test]
    fn timeouts_are_read() {
        let read = |value: &str| {
            let headers = HeaderMap::from_iter([(
                http::header::HeaderName::from_static("grpc-timeout"),
                value.parse().unwrap(),
            )]);
            timeout_of(&headers).ok().flatten()
        };
        assert_eq!(read("100m"), Some(Duration::from_millis(100)));
        assert_eq!(read("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        for bad in ["", "S", "1", "123456789S", "-1S", "1s", "1.5S"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
