//! What the layers know of a request, taken out for its handler.

use std::{sync::Arc, time::Instant};

use tonic::Request;

use crate::{
    identity::Caller,
    layers::{deadline::Deadline, observe::RequestId},
    status::Fault,
};

/// Who asks, under which id, and when the answer is due.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) caller: Arc<Caller>,
    pub(super) request_id: Arc<str>,
    pub(super) deadline: Deadline,
    pub(super) began: Instant,
}

impl Context {
    /// Takes the context of a request. A request that the layers did not see has no caller, and is refused.
    pub(super) fn of<T>(request: &Request<T>) -> Result<Self, Fault> {
        let extensions = request.extensions();
        let caller = extensions.get::<Arc<Caller>>().ok_or(Fault::IdentityNotMapped)?;
        let id = extensions.get::<RequestId>().ok_or(Fault::IdentityNotMapped)?;
        let deadline = extensions.get::<Deadline>().ok_or(Fault::IdentityNotMapped)?;
        Ok(Self {
            caller: Arc::clone(caller),
            request_id: Arc::clone(&id.0),
            deadline: *deadline,
            began: Instant::now(),
        })
    }

    pub(super) fn duration_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}
