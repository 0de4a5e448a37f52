use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use llm_shield_cloud::CloudKeyManager;
use tokio::sync::{Mutex, Semaphore, TryAcquireError, oneshot, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::digest::DigestKey;
use crate::files::{lock_store, logs_directory, make_directory};
use crate::head_keeper::{HeadKeeper, Heads};
use crate::key_keeper::KeyKeeper;
use crate::lane::{Answer, Lanes};
use crate::queue::Queue;
use crate::recover::recover;
use crate::seal::encode_body;
use crate::statement::Head;
use crate::tenant_log::{Job, TenantLog};
use crate::trust::Trust;
use crate::writer::{Command, Writer};
use crate::{AuditError, NewRecord, Result, Tenant};

/// A record charges the queue in these units, and one at least, for what it costs besides its bytes.
const QUEUE_UNIT_BYTES: usize = 1024;

/// How a store is opened for appending.
#[derive(Debug, Clone)]
pub struct AuditOptions {
    /// The store's directory; made when it does not exist.
    pub directory: PathBuf,
    /// Keeps the keys.
    pub key_manager: Arc<dyn CloudKeyManager>,
    /// The encryption key that wraps data keys.
    pub encryption_key_id: String,
    /// The signing key of HEAD and LOGS.
    pub signing_key_id: String,
    /// Earlier signing keys, whose statements are still accepted when the store is opened.
    pub earlier_signing_key_ids: Vec<String>,
    /// A segment of this size is followed by a new one. Default 64 MiB.
    pub segment_bytes: u64,
    /// A segment of this age is followed by a new one at the next record. Default 24 hours.
    pub segment_age: Duration,
    /// How many bytes of records may wait for the disk; more are refused. Default 32 MiB, at least 16.
    pub queue_bytes: usize,
    /// How long a log may move on without its head being signed. Default 200 ms; a cut of the tail is unseen for that
    /// long after a crash. A key manager that charges by call asks for more.
    pub head_interval: Duration,
    /// How long a record may wait for others to share its sync, when others were waiting just before. Default 2 ms;
    /// a caller who is alone never waits.
    pub gather: Duration,
}

impl AuditOptions {
    /// Returns options with the defaults.
    pub fn new(
        directory: impl Into<PathBuf>,
        key_manager: Arc<dyn CloudKeyManager>,
        encryption_key_id: impl Into<String>,
        signing_key_id: impl Into<String>,
    ) -> Self {
        Self {
            directory: directory.into(),
            key_manager,
            encryption_key_id: encryption_key_id.into(),
            signing_key_id: signing_key_id.into(),
            earlier_signing_key_ids: Vec::new(),
            segment_bytes: 64 * 1024 * 1024,
            segment_age: Duration::from_secs(24 * 60 * 60),
            queue_bytes: 32 * 1024 * 1024,
            head_interval: Duration::from_millis(200),
            gather: Duration::from_millis(2),
        }
    }
}

/// When the writer begins another segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) segment_bytes: u64,
    pub(crate) segment_age_us: i64,
}

/// Says where a durable record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The record's id, a UUID version 7.
    pub id: Uuid,
    /// Its position in the tenant's log, from 0.
    pub sequence: u64,
    /// When it was recorded.
    pub time: Timestamp,
    /// Its leaf hash as in RFC 6962, section 2.1, over the sealed record.
    pub leaf_hash: [u8; 32],
}

/// The log that decisions are appended to; one a store.
///
/// Dropping it without [`close`](Self::close) loses nothing that was acknowledged; the heads are signed in the
/// background if the runtime still runs, and at the next start otherwise.
#[derive(Debug)]
pub struct AuditLog {
    queue: Arc<Queue>,
    lanes: Lanes,
    room: Arc<Semaphore>,
    room_units: u32,
    closed: AtomicBool,
    keys: Arc<KeyKeeper>,
    tasks: Mutex<Option<Tasks>>,
}

#[derive(Debug)]
struct Tasks {
    keys: JoinHandle<()>,
    heads: JoinHandle<Result<()>>,
}

impl AuditLog {
    /// Takes a store for this process, cuts off what a crash left unfinished, and starts its writer.
    ///
    /// Runs on the current tokio runtime, which must live until [`close`](Self::close).
    ///
    /// # Errors
    /// [`AuditError::Locked`] when another process appends to it, [`AuditError::Corrupt`] when it is not what was
    /// written: nothing is ever appended to a broken log.
    pub async fn open(options: AuditOptions) -> Result<Self> {
        check_key_ids(&options)?;
        let signing_keys = [&options.signing_key_id].into_iter().chain(&options.earlier_signing_key_ids);
        let trust = Trust::from_manager(&*options.key_manager, signing_keys).await?;
        let algorithm = options.key_manager.public_key(&options.signing_key_id).await?.algorithm;
        let store = options.directory.clone();
        let (lock, recovered) = tokio::task::spawn_blocking(move || {
            make_directory(&logs_directory(&store))
                .map_err(|error| AuditError::io("the audit store", error))?;
            let lock = Arc::new(lock_store(&store)?);
            Ok::<_, AuditError>((lock, recover(&store, &trust)?))
        })
        .await
        .map_err(|_stopped| AuditError::Closed)??;

        let heads = Arc::new(Heads::default());
        for (tenant, position) in recovered.positions.iter().filter(|(_, position)| position.records > 0) {
            heads.moved(tenant, Head::from(*position));
        }
        let head_keeper = Arc::new(HeadKeeper {
            store: options.directory.clone(),
            key_manager: Arc::clone(&options.key_manager),
            key_id: options.signing_key_id,
            algorithm,
            interval: options.head_interval,
            heads: Arc::clone(&heads),
            list: Mutex::new(recovered.listed),
        });
        head_keeper.reopen().await?;
        let keys = Arc::new(KeyKeeper::new(
            options.directory.clone(),
            options.key_manager,
            options.encryption_key_id,
            Arc::clone(&head_keeper),
        ));
        let queue = Arc::new(Queue::new(options.gather));
        let (key_requests, requests) = tokio::sync::mpsc::unbounded_channel();
        let (writer_lives, writer_ended) = watch::channel(());
        let logs = recovered
            .positions
            .into_iter()
            .map(|(tenant, position)| (tenant.clone(), TenantLog::new(&options.directory, tenant, position)))
            .collect();
        let limits = Limits {
            segment_bytes: options.segment_bytes,
            segment_age_us: i64::try_from(options.segment_age.as_micros()).unwrap_or(i64::MAX),
        };
        let writer = Writer {
            store: options.directory,
            limits,
            logs,
            queue: Arc::clone(&queue),
            key_requests,
            heads,
            _lock: Arc::clone(&lock),
        };
        std::thread::Builder::new()
            .name("audit-writer".to_owned())
            .spawn(move || {
                writer.run();
                drop(writer_lives);
            })
            .map_err(|error| AuditError::io("a thread", error))?;
        let tasks = Tasks {
            keys: tokio::spawn(Arc::clone(&keys).run(requests, Arc::clone(&queue))),
            heads: tokio::spawn(async move {
                let result = head_keeper.run(writer_ended).await;
                // The store is free only when its heads are signed.
                drop(lock);
                result
            }),
        };
        let queue_bytes = options.queue_bytes.max(16 * 1024 * 1024);
        let room_units = u32::try_from(queue_bytes / QUEUE_UNIT_BYTES).unwrap_or(u32::MAX >> 3);
        Ok(Self {
            queue,
            lanes: Lanes::default(),
            room: Arc::new(Semaphore::new(usize::try_from(room_units).unwrap_or(Semaphore::MAX_PERMITS))),
            room_units,
            closed: AtomicBool::new(false),
            keys,
            tasks: Mutex::new(Some(tasks)),
        })
    }

    /// Appends a record; returns when it is on disk.
    ///
    /// A caller that goes away meanwhile does not take the record back.
    ///
    /// # Errors
    /// [`AuditError::Overloaded`] when the queue is full; [`AuditError::Unavailable`] when the disk or the key manager
    /// fails, in which case nothing was recorded; [`AuditError::Closed`] after [`close`](Self::close), where the
    /// record may or may not have been recorded.
    pub async fn append(&self, record: NewRecord) -> Result<Receipt> {
        if self.closed.load(Ordering::Acquire) {
            return Err(AuditError::Closed);
        }
        let body = encode_body(&record)?;
        let units = u32::try_from(body.len() / QUEUE_UNIT_BYTES + 1).unwrap_or(u32::MAX);
        let share = Arc::clone(&self.room).try_acquire_many_owned(units).map_err(|error| match error {
            TryAcquireError::NoPermits => AuditError::Overloaded,
            TryAcquireError::Closed => AuditError::Closed,
        })?;
        let (sender, receipt) = oneshot::channel();
        let answer = Answer { sender, lane: self.lanes.current(), _share: share };
        self.queue.push(Command::Append(Job { tenant: record.tenant, body, answer }))?;
        receipt.await.map_err(|_writer_ended| AuditError::Closed)?
    }

    /// Returns the tenant's key for [`NewRecord::content_digests`]; cheap but for a tenant's first call.
    ///
    /// # Errors
    /// When the key manager or the disk fails.
    pub async fn digest_key(&self, tenant: &Tenant) -> Result<DigestKey> {
        match self.keys.known_digest_key(tenant) {
            Some(key) => Ok(key),
            // Boxed, so that all later calls do not carry its state.
            None => Box::pin(self.keys.digest_key(tenant)).await,
        }
    }

    /// Finishes what was begun, signs every head, and gives the store free. Further calls do nothing.
    ///
    /// # Errors
    /// When a head cannot be signed: the records are on disk all the same, and the next start signs them.
    pub async fn close(&self) -> Result<()> {
        self.closed.store(true, Ordering::Release);
        let Some(tasks) = self.tasks.lock().await.take() else { return Ok(()) };
        // Every record that was taken holds a share of the queue until it is answered.
        if let Ok(all) = self.room.acquire_many(self.room_units).await {
            drop(all);
            self.room.close();
        }
        drop(self.queue.push(Command::Stop));
        tasks.keys.await.map_err(|_stopped| AuditError::Closed)?;
        tasks.heads.await.map_err(|_stopped| AuditError::Closed)?
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        drop(self.queue.push(Command::Stop));
    }
}

/// Key ids become lines of signed statements.
fn check_key_ids(options: &AuditOptions) -> Result<()> {
    let id = &options.signing_key_id;
    if id.is_empty() || id.len() > 2048 || id.chars().any(char::is_control) {
        return Err(AuditError::invalid("a signing key id is one line of text"));
    }
    Ok(())
}
