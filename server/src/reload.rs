//! Files that are read anew while the server runs: certificates and policies.
//!
//! The files are looked at by time of change and size, every few seconds, rather than through the kernel's
//! notifications: mounted secrets and configuration maps are swapped by symbolic link, which notifications on the file
//! miss. What cannot be used leaves what was read before in force; it is logged once for each change, and tried again
//! until it can be used, since a directory may be looked at while it is half written.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

/// Asks a running server to read its files anew, as SIGHUP does.
#[derive(Debug, Clone, Default)]
pub struct ReloadHandle(watch::Sender<()>);

impl ReloadHandle {
    /// Asks; returns before anything is read.
    pub fn reload(&self) {
        self.0.send_replace(());
    }

    pub(crate) fn asked(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}

/// Something that is made of files.
pub(crate) trait Reload: Send + Sync + 'static {
    /// What the files are called in logs and metrics.
    const WHAT: &'static str;

    /// Why they cannot be used.
    type Error: std::error::Error;

    /// What is known of the files as they were when last read.
    fn seen(&self) -> &Seen;

    /// Lists the files.
    fn paths(&self) -> Vec<PathBuf>;

    /// Reads the files and puts what they hold in force; when that fails, nothing has changed.
    fn reload(&self) -> Result<(), Self::Error>;
}

/// Reads the files anew whenever they change, and whenever it is asked for. Never returns.
pub(crate) async fn watch<R: Reload>(files: Arc<R>, every: Duration, mut asked: watch::Receiver<()>) {
    let mut ticks = interval(every.max(Duration::from_millis(100)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let demanded = tokio::select! {
            _ = ticks.tick() => false,
            Ok(()) = asked.changed() => true,
        };
        let files = Arc::clone(&files);
        let looked = spawn_blocking(move || look(&*files, demanded)).await;
        if let Err(error) = looked {
            tracing::error!(%error, what = R::WHAT, "reading files anew failed");
        }
    }
}

fn look<R: Reload>(files: &R, demanded: bool) {
    let stamps = stamps(files.paths());
    let mut seen = files.seen().0.lock().unwrap_or_else(PoisonError::into_inner);
    let changed = seen.stamps != stamps;
    if !changed && !demanded && seen.usable {
        return;
    }
    seen.stamps = stamps;
    let result = files.reload();
    let outcome = if result.is_ok() { "ok" } else { "failed" };
    match result {
        Ok(()) => tracing::info!(what = R::WHAT, "files were read anew"),
        Err(error) if changed || demanded => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(
                error,
                what = R::WHAT,
                "changed files cannot be used; those before stay in force"
            );
        }
        Err(_logged_before) => {}
    }
    seen.usable = outcome == "ok";
    if changed || demanded || seen.usable {
        metrics::counter!("shield_reloads_total", "what" => R::WHAT, "outcome" => outcome).increment(1);
    }
}

/// What is known of files as they were when last read.
#[derive(Debug)]
pub(crate) struct Seen(Mutex<Known>);

#[derive(Debug)]
struct Known {
    stamps: Vec<Stamp>,
    usable: bool,
}

impl Seen {
    /// Looks at files that are about to be read for the first time. Before reading them, so that no change in between
    /// stays unseen.
    pub(crate) fn of(paths: Vec<PathBuf>) -> Self {
        Self(Mutex::new(Known { stamps: stamps(paths), usable: true }))
    }
}

type Stamp = (PathBuf, Option<(SystemTime, u64)>);

fn stamps(paths: Vec<PathBuf>) -> Vec<Stamp> {
    let stamp = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    paths
        .into_iter()
        .map(|path| {
            let stamp = stamp(&path);
            (path, stamp)
        })
        .collect()
}
