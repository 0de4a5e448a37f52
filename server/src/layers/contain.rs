//! A panic in a handler costs that request and nothing else.

use std::{future::Future, panic::AssertUnwindSafe};

use futures_util::FutureExt;
use http::Response;
use tonic::body::Body;

use super::{observe::RequestId, refuse};
use crate::status::Fault;

/// Answers a request, come what may.
pub(crate) async fn contain(
    id: &RequestId,
    answering: impl Future<Output = Response<Body>>,
) -> Response<Body> {
    // Nothing of the request is looked at again after a panic, so no broken state is seen.
    match AssertUnwindSafe(answering).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            // A panic's message may quote the text it happened on, so it is dropped unread. The place is in the log,
            // by the panic hook.
            drop(panic);
            metrics::counter!("shield_panics_total").increment(1);
            refuse(incident(Some(&id.0)))
        }
    }
}

/// Names a new incident, in the log and to the caller.
pub(crate) fn incident(request_id: Option<&str>) -> Fault {
    let incident = uuid::Uuid::now_v7().to_string();
    tracing::error!(incident.id = %incident, request.id = request_id, "a request's handler panicked");
    Fault::Internal { incident }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Request;
    use tonic::{Code, Status};
    use tonic_types::StatusExt;

    use super::*;
    use crate::layers::{Stack, deadline::DeadlineLayer, tests::Handler};

    #[tokio::test]
    async fn a_panic_costs_one_request() {
        let handler = Handler(|request: Request<Body>| async move {
            assert_ne!(request.uri().path(), "/panic", "canary: messages may quote text");
            Response::new(Body::empty())
        });
        let service = Stack::new(DeadlineLayer { longest: Duration::from_secs(3600) }, handler);
        let call = |path| service.answer(Request::get(path).body(Body::empty()).unwrap());

        let status = Status::from_header_map(call("/panic").await.headers()).unwrap();
        assert_eq!(status.code(), Code::Internal);
        let details = status.get_error_details();
        let incident = &details.error_info().unwrap().metadata["incident_id"];
        assert!(status.message().contains(incident.as_str()));
        assert!(!status.message().contains("canary"));
        assert!(call("/fine").await.headers().get("grpc-status").is_none());
    }
}
