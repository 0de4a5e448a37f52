//! The tenant's quota of requests, before the request takes a place that another tenant could have.

use std::sync::Arc;

use http::{Request, Response};
use tonic::body::Body;

use super::{Around, Inner, Next, refuse};
use crate::{identity::Caller, quota::Quotas};

/// The layer. Requests without a caller, which are health checks, count for nobody.
#[derive(Debug, Clone)]
pub(crate) struct RequestQuota(pub(crate) Arc<Quotas>);

impl Around for RequestQuota {
    async fn around<S: Inner>(&self, request: Request<Body>, next: Next<'_, S>) -> Response<Body> {
        let taken = match request.extensions().get::<Arc<Caller>>() {
            Some(caller) => self.0.take_request(&caller.tenant),
            None => Ok(()),
        };
        match taken {
            Ok(()) => next.run(request).await,
            Err(fault) => refuse(fault),
        }
    }
}
