//! A server's stream of answers.

use std::{
    fmt,
    future::Future as _,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::Stream;
use tokio::time::{Instant, Sleep};
use tonic::{Status, Streaming};

use crate::error::CallError;

/// Answers as they come. It ends behind the first error; dropping it ends the call.
pub struct Answers<T> {
    inner: Option<Streaming<T>>,
    end: Option<Pin<Box<Sleep>>>,
}

impl<T> Answers<T> {
    pub(crate) fn until(inner: Streaming<T>, end: Option<Instant>) -> Self {
        Self { inner: Some(inner), end: end.map(|end| Box::pin(tokio::time::sleep_until(end))) }
    }

    /// Returns the next answer; nothing behind the last.
    ///
    /// # Errors
    /// What the call fails with.
    pub async fn next(&mut self) -> Result<Option<T>, CallError> {
        std::future::poll_fn(|context| self.poll(context)).await.transpose()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T, CallError>>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let next = match Pin::new(inner).poll_next(context) {
            Poll::Ready(next) => next,
            Poll::Pending => match self.end.as_mut().map(|end| end.as_mut().poll(context)) {
                Some(Poll::Ready(())) => {
                    Some(Err(Status::deadline_exceeded("the stream did not end within the deadline")))
                }
                _ => return Poll::Pending,
            },
        };
        if !matches!(next, Some(Ok(_))) {
            self.inner = None;
        }
        Poll::Ready(next.map(|answer| answer.map_err(CallError::from)))
    }
}

impl<T> Stream for Answers<T> {
    type Item = Result<T, CallError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(context)
    }
}

impl<T> fmt::Debug for Answers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("ended", &self.inner.is_none()).finish_non_exhaustive()
    }
}
