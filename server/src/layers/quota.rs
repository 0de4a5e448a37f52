//! The tenant's quota of requests, before the request takes a place that another tenant could have.

use std::sync::Arc;

use http::{Request, Response};
use tonic::body::Body;

use super::{Layer, Refused};
use crate::{identity::Caller, quota::Quotas};

/// The layer. Requests without a caller, which are health checks, count for nobody.
#[derive(Debug, Clone)]
pub(crate) struct RequestQuota(pub(crate) Arc<Quotas>);

impl Layer for RequestQuota {
    type Kept = ();

    fn before(&self, request: &mut Request<Body>) -> Result<(), Refused> {
        if let Some(caller) = request.extensions().get::<Arc<Caller>>() {
            self.0.take_request(caller.tenant.as_str())?;
        }
        Ok(())
    }

    fn after(&self, (): (), response: Response<Body>) -> Response<Body> {
        response
    }
}
