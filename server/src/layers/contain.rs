//! A panic in a handler costs that request and nothing else.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use http::{Request, Response};
use tonic::body::Body;

use super::{Around, Inner, Next, observe::RequestId, refuse};
use crate::status::Fault;

/// The layer.
#[derive(Debug, Clone)]
pub(crate) struct Contain;

impl Around for Contain {
    async fn around<S: Inner>(&self, request: Request<Body>, next: Next<'_, S>) -> Response<Body> {
        let id = request.extensions().get::<RequestId>().cloned();
        // Nothing of the request is looked at again after a panic, so no broken state is seen.
        match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) => response,
            Err(panic) => {
                // A panic's message may quote the text it happened on, so it is dropped unread. The place is in the
                // log, by the panic hook.
                drop(panic);
                metrics::counter!("shield_panics_total").increment(1);
                refuse(incident(id.as_ref().map(|id| &*id.0)))
            }
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
    use tonic::{Code, Status};
    use tonic_types::StatusExt;

    use super::*;
    use crate::layers::tests::Handler;

    #[tokio::test]
    async fn a_panic_costs_one_request() {
        let handler = Handler(|request: Request<Body>| async move {
            assert_ne!(request.uri().path(), "/panic", "canary: messages may quote text");
            Response::new(Body::empty())
        });
        let service = Contain.over(handler);
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
