//! A panic in a handler costs that request and nothing else.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use http::{Request, Response};
use tonic::body::Body;

use super::{Around, Inner, Next, refuse};
use crate::status::Fault;

/// The layer.
#[derive(Debug, Clone)]
pub(crate) struct Contain;

impl Around for Contain {
    async fn around<S: Inner>(self, request: Request<Body>, next: Next<S>) -> Response<Body> {
        // Nothing of the request is looked at again after a panic, so no broken state is seen.
        match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) => response,
            Err(panic) => {
                // A panic's message may quote the text it happened on, so it is dropped unread. The place is in the
                // log, by the panic hook.
                drop(panic);
                metrics::counter!("shield_panics_total").increment(1);
                refuse(incident())
            }
        }
    }
}

/// Names a new incident, in the log and to the caller.
pub(crate) fn incident() -> Fault {
    let incident = uuid::Uuid::now_v7().to_string();
    tracing::error!(incident.id = %incident, "a request's handler panicked");
    Fault::Internal { incident }
}
