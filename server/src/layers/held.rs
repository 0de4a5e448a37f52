//! A response body that keeps something until it is sent.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};

use crate::status::Fault;

/// What is told about a body on its way out; dropped when the body has ended or the caller has gone.
pub(crate) trait Held: Send + Unpin + 'static {
    /// Sees the trailers, which carry the status of an answer with content.
    fn trailers(&mut self, _trailers: &HeaderMap) {}
}

impl Held for tokio::sync::OwnedSemaphorePermit {}

/// Keeps `held` until the response's body has ended.
pub(crate) fn hold<H: Held>(response: Response<Body>, held: H) -> Response<Body> {
    response.map(|body| Body::new(Holding { body, held }))
}

struct Holding<H> {
    body: Body,
    held: H,
}

impl<H: Held> http_body::Body for Holding<H> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            self.held.trailers(trailers);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Ends the response's body with `UNAVAILABLE` once `ended` is ready and nothing is waiting to be sent.
pub(crate) fn end_when<F>(response: Response<Body>, ended: F) -> Response<Body>
where
    F: Future<Output = ()> + Send + 'static,
{
    response.map(|body| Body::new(Ending { body, waits: Some(Box::pin(ended)), done: false }))
}

struct Ending<F> {
    body: Body,
    /// None once it was ready.
    waits: Option<Pin<Box<F>>>,
    done: bool,
}

impl<F: Future<Output = ()> + Send> http_body::Body for Ending<F> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.done {
            return Poll::Ready(None);
        }
        // Asked first, so that it wakes us; heeded only when the body has nothing more to say.
        if self.waits.as_mut().is_some_and(|waits| waits.as_mut().poll(context).is_ready()) {
            self.waits = None;
        }
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if self.waits.is_some() || frame.is_ready() {
            return frame;
        }
        self.done = true;
        let mut trailers = HeaderMap::new();
        Poll::Ready(match Status::from(Fault::ShuttingDown).add_header(&mut trailers) {
            Ok(()) => Some(Ok(Frame::trailers(trailers))),
            Err(status) => Some(Err(status)),
        })
    }
}
