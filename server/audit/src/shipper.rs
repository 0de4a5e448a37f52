//! Takes closed segments from the outbox to the archive.
//!
//! Every step may be repeated: an object is written once, on the condition that there is none, and one that is there
//! already must be the same. A segment leaves the outbox when all of it has arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use llm_shield_cloud::storage::{PutObjectOptions, Retention, RetentionMode};
use llm_shield_cloud::{CloudError, CloudStorage};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use crate::archive::{self, Archive};
use crate::checkpoint::Checkpoint;
use crate::files::{
    Part, closed_segments, list_segments, list_tenants, log_directory, remove_whole, segment_file_name,
};
use crate::name::{LogId, LogName};
use crate::note::Trust;
use crate::piece::Piece;
use crate::queue::Queue;
use crate::writer::Command;
use crate::{AuditError, Result, Tenant};

const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(30);
/// How long the end of the process waits for the object store.
const LAST_TRY: Duration = Duration::from_secs(20);
/// How often the outbox is measured while the archive is away.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// Where closed segments go, and when a record counts as kept.
#[derive(Debug, Clone)]
pub struct ArchiveOptions {
    /// The object store.
    pub storage: Arc<dyn CloudStorage>,
    /// What keys begin with. Default `scan-results/`.
    pub prefix: String,
    /// When a record counts as kept. Default [`Durability::Local`].
    pub durability: Durability,
    /// With [`Durability::Remote`]: how long records are gathered into one segment. Default 100 ms.
    pub gather: Duration,
    /// The most bytes that may wait in the outbox; more are refused. Default 1 GiB.
    pub outbox_bytes: u64,
    /// How objects are kept. Default: as the store does by itself.
    pub keeping: Keeping,
    /// How those of some tenants are kept.
    pub tenants: BTreeMap<Tenant, Keeping>,
    /// With [`Durability::Remote`]: how long a record waits for the object store before it counts as not kept. Default
    /// 5 s.
    pub acknowledge: Duration,
    /// How long the object store may take for one object before it counts as away. Default 60 s.
    pub patience: Duration,
}

/// How objects are kept from being deleted and replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keeping {
    /// For how long from when they are written.
    pub retention: Option<(RetentionMode, Duration)>,
    /// Whether until a hold is taken away from them.
    pub legal_hold: bool,
}

/// When a record counts as kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// When it is on this machine's disk.
    #[default]
    Local,
    /// When the object store has acknowledged the segment that holds it.
    Remote,
}

impl ArchiveOptions {
    /// Returns options with the defaults.
    pub fn new(storage: Arc<dyn CloudStorage>) -> Self {
        Self {
            storage,
            prefix: crate::store::ARCHIVE_PREFIX.to_owned(),
            durability: Durability::Local,
            gather: Duration::from_millis(100),
            outbox_bytes: 1 << 30,
            keeping: Keeping::default(),
            tenants: BTreeMap::new(),
            acknowledge: Duration::from_secs(5),
            patience: Duration::from_secs(60),
        }
    }
}

impl ArchiveOptions {
    /// Puts a hold on all that is archived of a tenant, or takes it away; returns how many objects that were.
    ///
    /// # Errors
    /// As the object store fails. Doing it again is no error.
    pub async fn set_legal_hold(&self, tenant: &Tenant, hold: bool) -> Result<u64> {
        let start = Archive::tenant_key_of(&self.prefix, tenant, "");
        let keys = self.storage.list_objects(&start).await.map_err(unavailable)?;
        for key in &keys {
            self.storage.set_legal_hold(key, hold).await.map_err(unavailable)?;
        }
        Ok(keys.len() as u64)
    }
}

/// The state of what is shipped.
#[derive(Debug)]
pub(crate) struct Shipper {
    pub(crate) store: PathBuf,
    pub(crate) id: LogId,
    pub(crate) trust: Trust,
    pub(crate) options: ArchiveOptions,
    /// Told when a segment was closed.
    pub(crate) closed: Arc<Notify>,
    pub(crate) progress: Progress,
}

#[derive(Debug, Default)]
pub(crate) struct Progress {
    shipped: Mutex<BTreeMap<Tenant, u64>>,
    news: Notify,
    wanted: Mutex<BTreeSet<Tenant>>,
    want: Notify,
    held_bytes: AtomicU64,
}

impl Shipper {
    /// Ships what is closed, until it is told to stop; then once more.
    pub(crate) async fn run(self: Arc<Self>, mut stop: watch::Receiver<()>) {
        let mut failures = 0_u32;
        'running: loop {
            // Every step of it may be repeated.
            let shipped = tokio::select! {
                shipped = self.ship_all() => shipped,
                _ = stop.changed() => break,
            };
            match shipped {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, failures, "closed audit segments wait for the object store");
                }
            }
            self.measure().await;
            let until = Instant::now() + retry_after(failures);
            loop {
                tokio::select! {
                    _ = stop.changed() => break 'running,
                    () = self.closed.notified(), if failures == 0 => break,
                    () = sleep(MEASURE_EVERY), if failures > 0 => self.measure().await,
                }
                if failures > 0 && Instant::now() >= until {
                    break;
                }
            }
        }
        let late = |_elapsed| Err(AuditError::unavailable("the object store in time"));
        if let Err(error) = tokio::time::timeout(LAST_TRY, self.ship_all()).await.unwrap_or_else(late) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "audit segments stay in the outbox for the next start");
        }
    }

    /// Ends the segments that somebody waits for, a moment after the first asked.
    pub(crate) async fn gather(self: Arc<Self>, writer: Arc<Queue>) {
        loop {
            self.progress.want.notified().await;
            sleep(self.options.gather).await;
            for tenant in std::mem::take(&mut *lock(&self.progress.wanted)) {
                if writer.push(Command::End { tenant }).is_err() {
                    return;
                }
            }
        }
    }

    /// Waits until the object store has a log's first `records` records.
    ///
    /// # Errors
    /// [`AuditError::Unavailable`] when it takes too long. They are on this machine's disk then, and wait.
    pub(crate) async fn shipped(&self, tenant: &Tenant, records: u64) -> Result<()> {
        tokio::time::timeout(self.options.acknowledge, self.arrived(tenant, records))
            .await
            .map_err(|_elapsed| AuditError::unavailable("the object store in time"))
    }

    async fn arrived(&self, tenant: &Tenant, records: u64) {
        let Progress { shipped, news, wanted, want, .. } = &self.progress;
        lock(wanted).insert(tenant.clone());
        want.notify_one();
        loop {
            let news = news.notified();
            if lock(shipped).get(tenant).is_some_and(|shipped| *shipped >= records) {
                return;
            }
            news.await;
        }
    }

    /// Refuses when more waits in the outbox than may.
    pub(crate) fn check_room(&self) -> Result<()> {
        if self.progress.held_bytes.load(Ordering::Relaxed) > self.options.outbox_bytes {
            return Err(AuditError::unavailable("the object store, and the outbox is full"));
        }
        Ok(())
    }

    /// Notes that the outbox has grown.
    pub(crate) fn grew(&self, bytes: u64) {
        self.progress.held_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    async fn ship_all(self: &Arc<Self>) -> Result<()> {
        let this = Arc::clone(self);
        let closed = blocking(move || this.closed_pieces()).await??;
        let mut stuck: BTreeMap<Tenant, AuditError> = BTreeMap::new();
        for (piece, closing) in closed {
            let tenant = &piece.log.tenant;
            // A log goes in order, and what is wrong with one holds up no other.
            if stuck.contains_key(tenant) {
                continue;
            }
            match self.ship(&piece, &closing).await {
                Ok(()) => {}
                Err(error) if error.is_unavailable() => return Err(error),
                Err(error) => drop(stuck.insert(tenant.clone(), error)),
            }
        }
        stuck.into_values().next().map_or(Ok(()), Err)
    }

    fn closed_pieces(&self) -> Result<Vec<(Piece, Checkpoint)>> {
        let failed = |error| AuditError::io("the outbox", error);
        let mut closed = Vec::new();
        for tenant in list_tenants(&self.store).map_err(failed)? {
            let log = LogName { tenant, id: self.id.clone() };
            for piece in Piece::all_in_outbox(&self.store, &log)? {
                if let Some(closing) = piece.checkpoint(&self.trust)? {
                    closed.push((piece, closing));
                }
            }
        }
        Ok(closed)
    }

    async fn ship(self: &Arc<Self>, piece: &Piece, closing: &Checkpoint) -> Result<()> {
        let opened = piece.clone();
        let created_us = blocking(move || opened.open().map(|reader| reader.header.created_us)).await??;
        let log = &piece.log;
        let stem = archive::stem(&self.options.prefix, &log.tenant, &log.id, piece.segment, created_us);
        // The checkpoint last: what has one is whole.
        for part in [Part::Records, Part::Index, Part::Checkpoint] {
            let read = piece.clone();
            let bytes = blocking(move || read.read(part)).await??;
            let bytes = bytes.ok_or_else(|| piece.corrupt(part, "it is missing"))?;
            put_once(&self.options, &log.tenant, &format!("{stem}{}", part.suffix()), bytes).await?;
        }
        let (this, tenant, segment) = (Arc::clone(self), log.tenant.clone(), piece.segment);
        blocking(move || this.clear(&tenant, segment))
            .await?
            .map_err(|error| AuditError::io("the outbox", error))?;
        lock(&self.progress.shipped).insert(log.tenant.clone(), closing.size);
        self.progress.news.notify_waiters();
        Ok(())
    }

    /// Takes a segment out of the outbox. The checkpoint that closes the last one stays: the log goes on from it.
    fn clear(&self, tenant: &Tenant, segment: u64) -> std::io::Result<()> {
        let directory = log_directory(&self.store, tenant);
        for part in [Part::Records, Part::Index] {
            remove_whole(&directory.join(segment_file_name(segment, part)))?;
        }
        let closed = closed_segments(&directory)?;
        let older = closed.iter().rev().skip(1).filter(|older| **older <= segment);
        for segment in older {
            remove_whole(&directory.join(segment_file_name(*segment, Part::Checkpoint)))?;
        }
        Ok(())
    }

    async fn measure(self: &Arc<Self>) {
        let this = Arc::clone(self);
        let measure = move || {
            let mut bytes = 0_u64;
            for tenant in list_tenants(&this.store)? {
                let directory = log_directory(&this.store, &tenant);
                for segment in list_segments(&directory)? {
                    let path = directory.join(segment_file_name(segment, Part::Records));
                    bytes = bytes.saturating_add(path.metadata().map_or(0, |metadata| metadata.len()));
                }
            }
            Ok::<_, std::io::Error>(bytes)
        };
        if let Ok(Ok(bytes)) = blocking(measure).await {
            self.progress.held_bytes.store(bytes, Ordering::Relaxed);
        }
    }
}

/// Writes an object unless it is there; another one in its place is an error.
pub(crate) async fn put_once(
    options: &ArchiveOptions,
    tenant: &Tenant,
    key: &str,
    bytes: Bytes,
) -> Result<()> {
    let Keeping { retention, legal_hold } = *options.tenants.get(tenant).unwrap_or(&options.keeping);
    let until = |time| SystemTime::now().checked_add(time);
    let retention = retention.and_then(|(mode, time)| Some(Retention { mode, until: until(time)? }));
    let put = PutObjectOptions { if_none_match: true, retention, legal_hold, ..PutObjectOptions::default() };
    match in_time(options, options.storage.put_object_with_options(key, bytes.clone(), &put)).await {
        Ok(_) => Ok(()),
        Err(CloudError::Conflict { .. }) => match in_time(options, options.storage.get_object(key)).await {
            Ok(there) if there == bytes => Ok(()),
            Ok(_) => Err(AuditError::corrupt(key, "another object is in its place")),
            Err(error) => Err(unavailable(error)),
        },
        Err(error) => Err(unavailable(error)),
    }
}

async fn in_time<T>(
    options: &ArchiveOptions,
    call: impl Future<Output = Result<T, CloudError>>,
) -> Result<T, CloudError> {
    let late = |_elapsed| CloudError::Unavailable { what: "the object store".to_owned(), source: None };
    tokio::time::timeout(options.patience, call).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
}

/// Returns an object of the archive; `None` when there is none.
pub(crate) async fn get(options: &ArchiveOptions, key: &str) -> Result<Option<Bytes>> {
    match in_time(options, options.storage.get_object(key)).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(CloudError::NotFound { .. }) => Ok(None),
        Err(error) => Err(unavailable(error)),
    }
}

/// Whatever it says, it may say something else later: somebody mends a permission, or makes the bucket.
fn unavailable(error: CloudError) -> AuditError {
    AuditError::Unavailable { what: "the object store".to_owned(), source: Some(Arc::new(error)) }
}

/// Twice as long each time, and never the same for two servers that lost the store at once.
fn retry_after(failures: u32) -> Duration {
    let doubled = FIRST_RETRY.saturating_mul(1_u32.checked_shl(failures.min(16)).unwrap_or(u32::MAX));
    let mut random = [0; 1];
    // Without random numbers it is the same for all, which is no harm.
    let [random] = aws_lc_rs::rand::fill(&mut random).map_or([128], |()| random);
    doubled.min(LAST_RETRY).mul_f64(0.5 + f64::from(random) / 512.0)
}

/// Runs what may block on a thread for that.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|_stopped| AuditError::Closed)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
