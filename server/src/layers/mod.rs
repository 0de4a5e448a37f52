//! What happens to every request around its handler, from the outside in:
//!
//! | layer | does |
//! |---|---|
//! | [`observe`] | request id, tracing span, metrics, in-flight count |
//! | [`contain`] | turns a panic into `INTERNAL` with an incident id |
//! | [`access`] | checks the certificate as of now, maps it to a caller, demands the method's role |
//! | [`quota`] | refuses a tenant that has used up its requests of this second |
//! | [`admit`] | refuses at once when too many requests are being worked on |
//! | [`deadline`] | answers `DEADLINE_EXCEEDED` when the time is up |
//! | [`explain`] | gives the errors of the gRPC library our form |
//!
//! The role is demanded before the message is read, so that a caller without it cannot make the server decode or hold
//! anything.
//!
//! Each is an asynchronous function around the next. They are no tower layers: those must be cloned for each request,
//! each with all that it wraps, and box a future each; this is one future over one shared stack.

pub(crate) mod access;
pub(crate) mod admit;
pub(crate) mod contain;
pub(crate) mod deadline;
pub(crate) mod explain;
pub(crate) mod held;
pub(crate) mod observe;
pub(crate) mod quota;

use std::{future::Future, pin::Pin, sync::Arc};

use http::{Request, Response};
use tonic::{Status, body::Body, service::Routes};
use tower::ServiceExt;

/// What a layer wraps: the layers and handlers further in.
pub(crate) trait Inner: Send + Sync + 'static {
    /// Answers a request.
    fn answer(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send;
}

/// One layer's behaviour.
pub(crate) trait Around: Send + Sync + 'static {
    /// Answers the request, usually by way of `next`.
    fn around<S: Inner>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> impl Future<Output = Response<Body>> + Send;

    /// Puts this around `inner`.
    fn over<S: Inner>(self, inner: S) -> Layered<Self, S>
    where
        Self: Sized,
    {
        Layered { around: self, inner }
    }
}

/// What a layer wraps, to be called at most once.
pub(crate) struct Next<'s, S>(&'s S);

impl<S: Inner> Next<'_, S> {
    pub(crate) async fn run(self, request: Request<Body>) -> Response<Body> {
        self.0.answer(request).await
    }
}

/// A layer and what it wraps.
#[derive(Debug)]
pub(crate) struct Layered<A, S> {
    around: A,
    inner: S,
}

impl<A: Around, S: Inner> Inner for Layered<A, S> {
    fn answer(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send {
        self.around.around(request, Next(&self.inner))
    }
}

/// The handlers, inside all layers.
impl Inner for Routes {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        match self.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// All layers and the handlers, without their types' names.
#[derive(Clone)]
pub(crate) struct Stack(Arc<dyn Answer>);

impl Stack {
    pub(crate) fn new(layers: impl Inner) -> Self {
        Self(Arc::new(layers))
    }

    pub(crate) fn answer(&self, request: Request<Body>) -> Answering {
        Arc::clone(&self.0).answer_boxed(request)
    }
}

/// A request being answered.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

trait Answer: Send + Sync {
    fn answer_boxed(self: Arc<Self>, request: Request<Body>) -> Answering;
}

impl<S: Inner> Answer for S {
    fn answer_boxed(self: Arc<Self>, request: Request<Body>) -> Answering {
        Box::pin(async move { self.answer(request).await })
    }
}

/// Answers with an error.
pub(crate) fn refuse(fault: crate::status::Fault) -> Response<Body> {
    Status::from(fault).into_http()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A handler made of a function.
    pub(crate) struct Handler<F>(pub(crate) F);

    impl<F, R> Inner for Handler<F>
    where
        F: Fn(Request<Body>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send,
    {
        fn answer(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send {
            (self.0)(request)
        }
    }
}
