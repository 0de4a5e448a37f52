//! What happens to every request around its handler, from the outside in:
//!
//! | layer | does |
//! |---|---|
//! | [`observe`] | request id, tracing span, metrics, in-flight count |
//! | [`contain`] | turns a panic into `INTERNAL` with an incident id |
//! | [`access`] | checks the certificate as of now, maps it to a caller, demands the method's role |
//! | [`admit`] | refuses at once when too many requests are being worked on |
//! | [`deadline`] | answers `DEADLINE_EXCEEDED` when the time is up |
//! | [`explain`] | gives the errors of the gRPC library our form |
//!
//! Each is an asynchronous function around the next; [`Around`] makes it a tower layer. The role is demanded before the
//! message is read, so that a caller without it cannot make the server decode or hold anything.

pub(crate) mod access;
pub(crate) mod admit;
pub(crate) mod contain;
pub(crate) mod deadline;
pub(crate) mod explain;
pub(crate) mod held;
pub(crate) mod observe;

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response};
use tonic::{Status, body::Body};
use tower::{Layer, Service, ServiceExt};

/// What a layer wraps: the layers and handlers further in.
pub(crate) trait Inner:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Inner for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// One layer's behaviour.
pub(crate) trait Around: Clone + Send + Sync + 'static {
    /// Answers the request, usually by way of `next`.
    fn around<S: Inner>(
        self,
        request: Request<Body>,
        next: Next<S>,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// The service that a layer wraps, to be called at most once.
pub(crate) struct Next<S>(S);

impl<S: Inner> Next<S> {
    pub(crate) async fn run(self, request: Request<Body>) -> Response<Body> {
        match self.0.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// Makes an [`Around`] a tower layer.
#[derive(Clone)]
pub(crate) struct AroundLayer<A>(pub(crate) A);

impl<A: Around, S> Layer<S> for AroundLayer<A> {
    type Service = AroundService<A, S>;

    fn layer(&self, inner: S) -> Self::Service {
        AroundService { around: self.0.clone(), inner }
    }
}

/// An [`Around`] and the service that it wraps.
#[derive(Clone)]
pub(crate) struct AroundService<A, S> {
    around: A,
    inner: S,
}

impl<A: Around, S: Inner> Service<Request<Body>> for AroundService<A, S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    // Readiness is the inner service's, awaited by `Next::run`.
    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (around, next) = (self.around.clone(), Next(self.inner.clone()));
        Box::pin(async move { Ok(around.around(request, next).await) })
    }
}

/// Answers with an error.
pub(crate) fn refuse(fault: crate::status::Fault) -> Response<Body> {
    Status::from(fault).into_http()
}
