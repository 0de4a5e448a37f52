//! The newest reading of the TLS files.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::{ArcSwap, Guard};

use super::{TlsError, TlsFiles, Trust};
use crate::reload::{Reload, Seen};

/// The newest [`Trust`].
#[derive(Debug)]
pub(crate) struct TrustHandle {
    files: TlsFiles,
    seen: Seen,
    current: ArcSwap<Trust>,
    generations: AtomicU64,
}

impl TrustHandle {
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let seen = Seen::of(paths(&files));
        let trust = Trust::load(&files, 0)?;
        Ok(Self { files, seen, current: ArcSwap::from_pointee(trust), generations: AtomicU64::new(0) })
    }

    /// Returns what is trusted now, for a moment's use.
    pub(crate) fn current(&self) -> Guard<Arc<Trust>> {
        self.current.load()
    }
}

impl Reload for TrustHandle {
    const WHAT: &'static str = "tls";

    type Error = TlsError;

    fn seen(&self) -> &Seen {
        &self.seen
    }

    fn paths(&self) -> Vec<PathBuf> {
        paths(&self.files)
    }

    fn reload(&self) -> Result<(), TlsError> {
        let generation = self.generations.fetch_add(1, Ordering::AcqRel).wrapping_add(1);
        self.current.store(Arc::new(Trust::load(&self.files, generation)?));
        Ok(())
    }
}

fn paths(files: &TlsFiles) -> Vec<PathBuf> {
    files.paths().map(Path::to_owned).collect()
}
