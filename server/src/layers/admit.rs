//! The limit on requests being worked on: a full server says so at once, rather than making every caller wait.

use std::sync::Arc;

use http::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::body::Body;

use super::{Layer, Refused, access::Method, held::hold};
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

impl Layer for Admit {
    type Kept = Option<OwnedSemaphorePermit>;

    fn before(&self, request: &mut Request<Body>) -> Result<Self::Kept, Refused> {
        if matches!(request.extensions().get(), Some(Method::Health { .. })) {
            return Ok(None);
        }
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => Ok(Some(place)),
            Err(_full) => Err(Fault::Overloaded { limit: self.limit }.into()),
        }
    }

    fn after(&self, place: Self::Kept, response: Response<Body>) -> Response<Body> {
        match place {
            Some(place) => hold(response, place),
            None => response,
        }
    }
}
