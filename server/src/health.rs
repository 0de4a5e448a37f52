//! Health: `SERVING` once requests can be answered, `NOT_SERVING` from the moment the server begins to end.

use http::{Request, Response};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::body::Body;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::layers::{Layer, Refused, access::Method, held::end_when};

/// The names whose health is told: the whole server and the service.
const NAMES: [&str; 2] = ["", "llm_shield.v1.ShieldService"];

/// Tells the health of the whole.
#[derive(Debug, Clone)]
pub(crate) struct Health(HealthReporter);

impl Health {
    pub(crate) const fn new(reporter: HealthReporter) -> Self {
        Self(reporter)
    }

    pub(crate) async fn set(&self, serving: bool) {
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in NAMES {
            self.0.set_service_status(name, status).await;
        }
    }
}

/// The layer that ends open `Watch` calls when the server drains; they would otherwise hold it up to the time limit.
/// Their last message tells `NOT_SERVING`, then they end with `UNAVAILABLE`.
#[derive(Debug, Clone)]
pub(crate) struct EndWatches(pub(crate) CancellationToken);

impl Layer for EndWatches {
    /// Whether it is a call that stays open.
    type Kept = bool;

    fn before(&self, request: &mut Request<Body>) -> Result<bool, Refused> {
        Ok(matches!(request.extensions().get(), Some(Method::Health { watch: true } | Method::Reflection)))
    }

    fn after(&self, watches: bool, response: Response<Body>) -> Response<Body> {
        if !watches || response.headers().contains_key("grpc-status") {
            return response;
        }
        let drained: WaitForCancellationFutureOwned = self.0.clone().cancelled_owned();
        end_when(response, drained)
    }
}
