//! Reading the TLS files anew when they change.
//!
//! The files are looked at by time of change and size, every few seconds, rather than through the kernel's
//! notifications: mounted secrets are swapped by symbolic link, which notifications on the file miss.
//! A reading that fails leaves the one before it in force and is logged once for each change.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval},
};

use super::{TlsError, TlsFiles, Trust};

/// The newest [`Trust`].
#[derive(Debug)]
pub(crate) struct TrustHandle {
    files: TlsFiles,
    current: ArcSwap<Trust>,
    generations: AtomicU64,
}

impl TrustHandle {
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let trust = Trust::load(&files, 0)?;
        Ok(Self { files, current: ArcSwap::from_pointee(trust), generations: AtomicU64::new(0) })
    }

    pub(crate) fn current(&self) -> Arc<Trust> {
        self.current.load_full()
    }

    /// Reads the files anew.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        let generation = self.generations.fetch_add(1, Ordering::AcqRel).wrapping_add(1);
        self.current.store(Arc::new(Trust::load(&self.files, generation)?));
        Ok(())
    }
}

/// Reads the files anew whenever they change, and when `now` is notified. Never returns.
pub(crate) async fn watch(trust: Arc<TrustHandle>, every: Duration, now: Arc<Notify>) {
    let mut ticks = interval(every.max(Duration::from_millis(100)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = stamps(&trust.files);
    loop {
        let asked = tokio::select! {
            _ = ticks.tick() => false,
            () = now.notified() => true,
        };
        let stamps = stamps(&trust.files);
        if stamps == seen && !asked {
            continue;
        }
        seen = stamps;
        match trust.reload() {
            Ok(()) => tracing::info!("certificates, authorities and revocation lists were read anew"),
            Err(error) => {
                tracing::error!(%error, "the changed TLS files are not usable; those before them stay in force");
            }
        }
    }
}

type Stamp = Option<(SystemTime, u64)>;

fn stamps(files: &TlsFiles) -> Vec<Stamp> {
    let stamp = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    files.paths().map(stamp).collect()
}
