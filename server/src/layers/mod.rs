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
//! Most are two plain functions, one before the handler and one after it. They are no tower layers: those must be cloned
//! for each request, each with all that it wraps, and box a future each; nor futures around futures, which are moved
//! into each other whole. This is one future over one shared stack.

pub(crate) mod access;
pub(crate) mod admit;
pub(crate) mod contain;
pub(crate) mod deadline;
pub(crate) mod explain;
pub(crate) mod held;
pub(crate) mod observe;
pub(crate) mod quota;

use std::{convert::Infallible, future::Future, pin::Pin, sync::Arc};

use http::{Request, Response};
use tonic::{Status, body::Body, service::Routes};
use tower::{Service, ServiceExt};
use tracing::Instrument;

use self::{access::Method, contain::contain, deadline::limit, observe::Observed};

/// What one layer does to every request.
pub(crate) trait Layer: Send + Sync + 'static {
    /// What it keeps of the request for the response.
    type Kept: Send;

    /// Sees the request before the layers further in do, and may refuse it.
    fn before(&self, request: &mut Request<Body>) -> Result<Self::Kept, Refused>;

    /// Sees the response after the layers further in did.
    fn after(&self, kept: Self::Kept, response: Response<Body>) -> Response<Body>;

    /// Puts this around `inner`.
    fn over<L: Layer>(self, inner: L) -> Over<Self, L>
    where
        Self: Sized,
    {
        Over { outer: self, inner }
    }
}

/// The answer to a request that goes no further.
#[derive(Debug)]
pub(crate) struct Refused(Box<Response<Body>>);

impl From<crate::status::Fault> for Refused {
    fn from(fault: crate::status::Fault) -> Self {
        Self(Box::new(refuse(fault)))
    }
}

/// A layer around others.
#[derive(Debug)]
pub(crate) struct Over<A, B> {
    outer: A,
    inner: B,
}

impl<A: Layer, B: Layer> Layer for Over<A, B> {
    type Kept = (A::Kept, B::Kept);

    fn before(&self, request: &mut Request<Body>) -> Result<Self::Kept, Refused> {
        let outer = self.outer.before(request)?;
        match self.inner.before(request) {
            Ok(inner) => Ok((outer, inner)),
            Err(Refused(response)) => Err(Refused(Box::new(self.outer.after(outer, *response)))),
        }
    }

    fn after(&self, (outer, inner): Self::Kept, response: Response<Body>) -> Response<Body> {
        self.outer.after(outer, self.inner.after(inner, response))
    }
}

/// What all layers are around.
pub(crate) trait Handle: Send + Sync + 'static {
    /// Answers a request.
    fn handle(&self, request: Request<Body>) -> Handling;
}

/// A request being handled.
pub(crate) type Handling = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// The services.
#[derive(Debug)]
pub(crate) struct Services<S> {
    /// `ShieldService`, called straight: going through the router costs as much as the layers together.
    pub(crate) shield: S,
    /// Everything else.
    pub(crate) others: Routes,
}

impl<S> Handle for Services<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future = Handling>
        + Clone
        + Send
        + Sync
        + 'static,
{
    fn handle(&self, request: Request<Body>) -> Handling {
        match request.extensions().get() {
            // Generated services are ready at any time.
            Some(Method::Shield(..)) => self.shield.clone().call(request),
            _ => Box::pin(self.others.clone().oneshot(request)),
        }
    }
}

/// All layers and the handlers, without their types' names.
#[derive(Clone)]
pub(crate) struct Stack(Arc<dyn Answer>);

impl Stack {
    /// Puts `layers`, and those that are around every stack, around `handlers`.
    pub(crate) fn new(layers: impl Layer, handlers: impl Handle) -> Self {
        Self(Arc::new(Parts { layers, handlers }))
    }

    pub(crate) fn answer(&self, request: Request<Body>) -> Answering {
        Arc::clone(&self.0).answer(request)
    }
}

/// A request being answered.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

trait Answer: Send + Sync {
    fn answer(self: Arc<Self>, request: Request<Body>) -> Answering;
}

struct Parts<L, H> {
    layers: L,
    handlers: H,
}

impl<L: Layer, H: Handle> Answer for Parts<L, H> {
    fn answer(self: Arc<Self>, mut request: Request<Body>) -> Answering {
        Box::pin(async move {
            let Observed { outcome, span } = observe::observe(&mut request);
            let inner = contain(&outcome.id, self.pass(request));
            // An instrumented future costs something, also when nothing is written.
            let response = if span.is_disabled() { inner.await } else { inner.instrument(span).await };
            outcome.tell(response)
        })
    }
}

impl<L: Layer, H: Handle> Parts<L, H> {
    async fn pass(&self, mut request: Request<Body>) -> Response<Body> {
        match self.layers.before(&mut request) {
            Ok(kept) => {
                let response = limit(deadline::of(&request), self.handlers.handle(request)).await;
                self.layers.after(kept, response)
            }
            Err(Refused(response)) => *response,
        }
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

    impl<F, R> Handle for Handler<F>
    where
        F: Fn(Request<Body>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        fn handle(&self, request: Request<Body>) -> Handling {
            let answer = (self.0)(request);
            Box::pin(async { Ok(answer.await) })
        }
    }
}
