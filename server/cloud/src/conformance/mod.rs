//! What every implementation has to do, as functions that a crate's tests run over its own.
//!
//! Each takes names of its own choice below the one that it is given, so that several can run over one account at one
//! time, and removes what it has made.
//!
//! # Panics
//! All of these panic at the first thing that an implementation does otherwise: they are tests.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod keys;
mod observability;
mod secrets;
mod storage;

pub use keys::{KeyTraits, keys};
pub use observability::{logger, metrics, tracer};
pub use secrets::secrets;
pub use storage::{StorageTraits, storage};

use crate::CloudError;

#[track_caller]
fn expect_error<T: std::fmt::Debug>(result: Result<T, CloudError>, kind: &str) {
    let error = result.unwrap_err();
    let found = match &error {
        CloudError::NotFound { .. } => "not found",
        CloudError::AccessDenied { .. } => "access denied",
        CloudError::Throttled { .. } => "throttled",
        CloudError::Conflict { .. } => "conflict",
        CloudError::Unavailable { .. } => "unavailable",
        CloudError::Invalid { .. } => "invalid",
    };
    assert_eq!(found, kind, "{error:?}");
}
