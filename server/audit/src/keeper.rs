//! Signs where the logs stand, behind the writer's back.
//!
//! Signing may be a network call, so it does not happen within a commit: a checkpoint is signed soon after. It is always
//! the checkpoint of a state that is on disk already, and a segment that has ended is closed before anything behind it
//! is signed.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::checkpoint::Checkpoint;
use crate::closing::Ended;
use crate::files::{
    CHECKPOINT_FILE, LIST_FILE, log_directory, make_directory, outbox_directory, write_whole,
};
use crate::key_keeper::KeyKeeper;
use crate::keys::Keys;
use crate::list::{Head, List};
use crate::name::{LogId, LogName};
use crate::tree::Hash;
use crate::walk::Position;
use crate::{AuditError, Result, Tenant};

/// The list is as long as there are logs, so it is signed less often than each checkpoint: so many intervals apart, and
/// that long after the last checkpoint at most.
const LIST_EVERY: u32 = 5;

/// What the writer has done that is not signed yet.
#[derive(Debug)]
pub(crate) struct Moves {
    moved: Mutex<BTreeMap<Tenant, Move>>,
    signed: Mutex<BTreeMap<Tenant, u64>>,
    notify: Notify,
    urgent: Notify,
    news: Notify,
    /// So many records are not left unsigned until the interval has passed.
    most_records: u64,
}

#[derive(Debug, Default)]
struct Move {
    ended: VecDeque<Ended>,
    at: Option<Position>,
}

impl Moves {
    pub(crate) fn new(most_records: u64) -> Self {
        Self {
            moved: Mutex::default(),
            signed: Mutex::default(),
            notify: Notify::new(),
            urgent: Notify::new(),
            news: Notify::new(),
            most_records,
        }
    }

    /// Notes where a log stands on disk.
    pub(crate) fn moved(&self, tenant: &Tenant, at: &Position) {
        let mut moved = lock(&self.moved);
        match moved.get_mut(tenant) {
            Some(Move { at: Some(known), .. }) => known.clone_from(at),
            Some(known) => known.at = Some(at.clone()),
            None => moved.extend([(tenant.clone(), Move { at: Some(at.clone()), ..Move::default() })]),
        }
        drop(moved);
        self.notify.notify_one();
        let signed = lock(&self.signed).get(tenant).copied().unwrap_or(0);
        if at.tree.size().saturating_sub(signed) >= self.most_records {
            self.urgent.notify_one();
        }
    }

    /// Notes that a segment has ended.
    pub(crate) fn ended(&self, tenant: &Tenant, ended: Ended) {
        lock(&self.moved).entry(tenant.clone()).or_default().ended.push_back(ended);
        self.notify.notify_one();
    }

    /// Waits until a log of so many records is signed.
    pub(crate) async fn signed(&self, tenant: &Tenant, size: u64) {
        loop {
            let news = self.news.notified();
            if lock(&self.signed).get(tenant).is_some_and(|signed| *signed >= size) {
                return;
            }
            self.urgent.notify_one();
            self.notify.notify_one();
            news.await;
        }
    }

    fn take(&self) -> BTreeMap<Tenant, Move> {
        std::mem::take(&mut lock(&self.moved))
    }

    fn put_back(&self, tenant: Tenant, Move { mut ended, at }: Move) {
        let mut moved = lock(&self.moved);
        let known = moved.entry(tenant).or_default();
        ended.append(&mut known.ended);
        known.ended = ended;
        // What the writer noted meanwhile is newer.
        known.at = known.at.take().or(at);
    }
}

/// What is known of a log beside what the writer tells.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// The digest of the checkpoint that closed the last closed segment.
    pub(crate) previous: Option<Hash>,
    /// The last segment that was closed.
    pub(crate) closed: u64,
}

/// Writes checkpoints and the list.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) store: PathBuf,
    pub(crate) id: LogId,
    pub(crate) keys: Arc<Keys>,
    pub(crate) interval: Duration,
    pub(crate) moves: Arc<Moves>,
    /// Told when a segment was closed.
    pub(crate) closed: Arc<Notify>,
    pub(crate) known: Mutex<BTreeMap<Tenant, Known>>,
    /// Locked while the list is written.
    pub(crate) list: tokio::sync::Mutex<List>,
    /// Whether a checkpoint was signed that the signed list does not know.
    pub(crate) unlisted: AtomicBool,
}

impl Keeper {
    /// Signs as the logs move, until the writer has ended; then once more. Fails when that last time fails.
    pub(crate) async fn run(
        self: Arc<Self>,
        tenants: Arc<KeyKeeper>,
        mut writer_ended: watch::Receiver<()>,
    ) -> Result<()> {
        let mut list_due = Instant::now() + self.interval * LIST_EVERY;
        loop {
            tokio::select! {
                _ = writer_ended.changed() => break,
                () = self.moves.notify.notified() => {}
                () = tokio::time::sleep_until(list_due), if self.is_unlisted() => {}
            }
            let mut result = self.sign_moved(&tenants).await;
            // One log that cannot be signed is no reason to leave the others unlisted.
            if self.is_unlisted() && Instant::now() >= list_due {
                list_due = Instant::now() + self.interval * LIST_EVERY;
                result = self.sign_list(|_| ()).await.and(result);
            }
            if let Err(error) = &result {
                tracing::warn!(
                    error = error as &dyn std::error::Error,
                    "a checkpoint of the audit log could not be signed; it will be tried again"
                );
                self.moves.notify.notify_one();
            }
            tokio::select! {
                _ = writer_ended.changed() => break,
                () = self.moves.urgent.notified(), if result.is_ok() => {}
                () = tokio::time::sleep(self.interval) => {}
            }
        }
        self.sign_moved(&tenants).await?;
        self.sign_list(|_| ()).await
    }

    /// Makes a new log known, before its first segment: from then on it cannot disappear unseen.
    pub(crate) async fn begin(&self, tenant: &Tenant) -> Result<()> {
        let start = Checkpoint::start(&self.name(tenant));
        self.write_checkpoint(tenant, &start).await?;
        self.sign_list(|list| list.heads.extend([(tenant.clone(), Head::from(&start))])).await
    }

    async fn sign_moved(&self, tenants: &KeyKeeper) -> Result<()> {
        let mut result = Ok(());
        for (tenant, mut moved) in self.moves.take() {
            if let Err(error) = self.sign_move(&tenant, &mut moved, tenants).await {
                self.moves.put_back(tenant, moved);
                result = Err(error);
            }
        }
        result
    }

    async fn sign_move(&self, tenant: &Tenant, moved: &mut Move, tenants: &KeyKeeper) -> Result<()> {
        while let Some(ended) = moved.ended.front() {
            let (log, previous) = (self.name(tenant), self.known(tenant).previous);
            let tenant_keys = tenants.tenant_keys(tenant).await?;
            let checkpoint = ended.close(&self.store, &log, &self.keys, tenant_keys, previous).await?;
            self.signed(tenant, &checkpoint).await?;
            let known = Known { previous: Some(checkpoint.digest()), closed: checkpoint.segment };
            lock(&self.known).insert(tenant.clone(), known);
            self.closed.notify_one();
            moved.ended.pop_front();
        }
        let Some(at) = &moved.at else { return Ok(()) };
        let Known { previous, closed } = self.known(tenant);
        // A closed segment's own checkpoint says all that there is to say.
        if at.segment > closed {
            let checkpoint = Checkpoint {
                size: at.tree.size(),
                root: at.tree.root(),
                segment: at.segment,
                previous,
                ..Checkpoint::start(&self.name(tenant))
            };
            self.signed(tenant, &checkpoint).await?;
        }
        Ok(())
    }

    async fn signed(&self, tenant: &Tenant, checkpoint: &Checkpoint) -> Result<()> {
        self.write_checkpoint(tenant, checkpoint).await?;
        let mut list = self.list.lock().await;
        list.heads.extend([(tenant.clone(), Head::from(checkpoint))]);
        self.unlisted.store(true, Ordering::Relaxed);
        drop(list);
        lock(&self.moves.signed).insert(tenant.clone(), checkpoint.size);
        self.moves.news.notify_waiters();
        Ok(())
    }

    async fn write_checkpoint(&self, tenant: &Tenant, checkpoint: &Checkpoint) -> Result<()> {
        let note = checkpoint.sign(self.keys.signer()).await?;
        self.put(log_directory(&self.store, tenant), CHECKPOINT_FILE, note).await
    }

    async fn sign_list(&self, change: impl FnOnce(&mut List)) -> Result<()> {
        let mut list = self.list.lock().await;
        change(&mut list);
        let text = list.sign(self.keys.signer()).await?;
        self.put(outbox_directory(&self.store), LIST_FILE, text).await?;
        // Still locked: nothing was signed that is not in it.
        self.unlisted.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn is_unlisted(&self) -> bool {
        self.unlisted.load(Ordering::Relaxed)
    }

    async fn put(&self, directory: PathBuf, file: &'static str, text: String) -> Result<()> {
        let write = move || {
            make_directory(&directory)?;
            write_whole(&directory.join(file), text.as_bytes())
        };
        tokio::task::spawn_blocking(write)
            .await
            .map_err(|_stopped| AuditError::Closed)?
            .map_err(|error| AuditError::io(format!("`{file}`"), error))?;
        Ok(())
    }

    fn known(&self, tenant: &Tenant) -> Known {
        lock(&self.known).get(tenant).cloned().unwrap_or_default()
    }

    pub(crate) fn name(&self, tenant: &Tenant) -> LogName {
        LogName { tenant: tenant.clone(), id: self.id.clone() }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
