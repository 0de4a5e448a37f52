//! The embedded implementation: keys, objects, secrets, metrics, logs and traces in files of this machine.
//!
//! A [`KeyRing`] protects what is stored elsewhere (a copied disk image of the data, a bucket, a backup) from who does
//! not have the ring. It does not protect against who can read the file: that is what a key management service or an
//! HSM is for. The same holds of [`SecretFile`].

mod directory;
mod json_lines;
mod key_ring;
mod object_file;
mod private_file;
mod ring_file;
mod secret_file;
mod wrapped;

use crate::{CloudError, Result};

pub use directory::DirectoryStorage;
pub use json_lines::JsonLinesFile;
pub use key_ring::KeyRing;
pub use secret_file::SecretFile;

/// Runs what waits for the disk on a thread that may wait.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let failed = |error: tokio::task::JoinError| CloudError::Unavailable {
        what: "the disk".to_owned(),
        source: Some(error.into()),
    };
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}
