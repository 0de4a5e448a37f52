//! Files that commands leave in a store for the process that appends to it, which alone can do what they ask for.

use std::io;
use std::path::{Path, PathBuf};

use crate::files::{entries, make_directory, outbox_directory, read_if_there, remove_whole, write_whole};
use crate::shipper::blocking;
use crate::{AuditError, Result, Tenant};

/// Between the tenant's directory name and the request's own; in neither of them.
const SEPARATOR: char = '~';

/// Requests of one kind.
pub(crate) struct Requests {
    directory: PathBuf,
    /// What they are, in errors.
    what: &'static str,
}

/// A request that waits.
pub(crate) struct Request<'a> {
    kind: &'a Requests,
    pub(crate) tenant: Tenant,
    /// Its own name, which tells it from others of the tenant.
    pub(crate) name: String,
    path: PathBuf,
}

impl Requests {
    /// Returns the requests in a directory of the outbox whose name has capital letters: no tenant's directory has.
    pub(crate) fn of(store: &Path, directory: &str, what: &'static str) -> Self {
        Self { directory: outbox_directory(store).join(directory), what }
    }

    /// Leaves a request; it was carried out when the file that is returned is gone.
    pub(crate) async fn leave(&self, tenant: &Tenant, name: &str, content: Vec<u8>) -> Result<PathBuf> {
        let path = self.directory.join(format!("{}{SEPARATOR}{name}", tenant.path_name()));
        let (directory, made) = (self.directory.clone(), path.clone());
        self.io(move || {
            make_directory(&directory)?;
            write_whole(&made, &content).map(drop)
        })
        .await?;
        Ok(path)
    }

    /// Returns those that wait; what is named otherwise is none.
    pub(crate) async fn waiting(&self) -> Result<Vec<Request<'_>>> {
        let directory = self.directory.clone();
        let files = self.io(move || entries(&directory)).await?;
        let request = |file: String| {
            let (tenant, name) = file.split_once(SEPARATOR)?;
            let tenant = Tenant::from_path_name(tenant)?;
            Some(Request { kind: self, tenant, name: name.to_owned(), path: self.directory.join(&file) })
        };
        Ok(files.into_iter().filter_map(request).collect())
    }

    async fn io<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        blocking(work).await?.map_err(|error| AuditError::io(self.what, error))
    }
}

impl Request<'_> {
    /// Returns what it says.
    pub(crate) async fn content(&self) -> Result<Vec<u8>> {
        let path = self.path.clone();
        Ok(self.kind.io(move || read_if_there(&path)).await?.unwrap_or_default())
    }

    /// Takes it away: it was carried out.
    pub(crate) async fn done(self) -> Result<()> {
        let path = self.path;
        self.kind.io(move || remove_whole(&path).map(drop)).await
    }
}
