//! The limit on requests being worked on: a full server says so at once, rather than making every caller wait.

use std::sync::Arc;

use http::{Request, Response};
use tokio::sync::Semaphore;
use tonic::body::Body;

use super::{Around, Inner, Next, access::Method, held::hold, refuse};
use crate::status::Fault;

/// The layer. A place is taken before the message is read, since messages in memory are what the limit bounds, and is
/// given back when the answer is sent. The health service takes none: a full server is not a sick one.
#[derive(Debug, Clone)]
pub(crate) struct Admit {
    places: Arc<Semaphore>,
    limit: u32,
}

impl Admit {
    pub(crate) fn new(limit: u32) -> Self {
        Self { places: Arc::new(Semaphore::new(usize::try_from(limit).unwrap_or(usize::MAX))), limit }
    }
}

impl Around for Admit {
    async fn around<S: Inner>(&self, request: Request<Body>, next: Next<'_, S>) -> Response<Body> {
        if matches!(request.extensions().get(), Some(Method::Health { .. })) {
            return next.run(request).await;
        }
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => hold(next.run(request).await, place),
            Err(_full) => refuse(Fault::Overloaded { limit: self.limit }),
        }
    }
}
