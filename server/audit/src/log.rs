use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use llm_shield_cloud::CloudKeyManager;
use tokio::sync::{Mutex, Notify, Semaphore, TryAcquireError, oneshot, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::archive::Archive;
use crate::files::{lock_store, make_directory, outbox_directory};
use crate::keeper::{Keeper, Moves};
use crate::key_keeper::KeyKeeper;
use crate::keys::Keys;
use crate::lane::{Answer, Lanes};
use crate::name::{LogId, LogName};
use crate::note::Trust;
use crate::queue::Queue;
use crate::recover::recover;
use crate::seal::encode_body;
use crate::shipper::{ArchiveOptions, Durability, Progress, Shipper};
use crate::store::ARCHIVE_PREFIX;
use crate::subject::{SubjectKey, SubjectKeys};
use crate::tenant_keys::DigestKey;
use crate::tenant_log::{Job, TenantLog};
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
    /// The signing key of checkpoints.
    pub signing_key_id: String,
    /// Earlier signing keys, whose checkpoints are still accepted when the store is opened.
    pub earlier_signing_key_ids: Vec<String>,
    /// A segment of this size is followed by a new one. Default 16 MiB.
    pub segment_bytes: u64,
    /// A segment of this age ends. Default 24 hours.
    pub segment_age: Duration,
    /// A segment of so many records is followed by a new one: its data key seals no more. Default 100,000.
    pub segment_records: u64,
    /// How many bytes of records may wait for the disk; more are refused. Default 32 MiB, at least 16.
    pub queue_bytes: usize,
    /// How long a log may move on without a checkpoint. Default 1 s; a cut of the tail is unseen for that long, and for
    /// six times that when an older checkpoint is put in place of the newest. A key manager that charges by call asks for more.
    pub checkpoint_interval: Duration,
    /// How many records a log may move on without a checkpoint, whatever the interval. Default 10,000.
    pub checkpoint_records: u64,
    /// Where closed segments go. Default: they stay in the outbox.
    pub archive: Option<ArchiveOptions>,
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
            segment_bytes: 16 * 1024 * 1024,
            segment_age: Duration::from_secs(24 * 60 * 60),
            segment_records: 100_000,
            queue_bytes: 32 * 1024 * 1024,
            checkpoint_interval: Duration::from_secs(1),
            checkpoint_records: 10_000,
            archive: None,
            gather: Duration::from_millis(2),
        }
    }
}

/// When the writer begins another segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) segment_bytes: u64,
    pub(crate) segment_age_us: i64,
    pub(crate) segment_records: u64,
}

/// Says where a durable record stands: enough to ask for the proof that it is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The record's id, a UUID version 7.
    pub id: Uuid,
    pub(crate) log: LogId,
    /// Its position in its log, from 0: the index of its leaf.
    pub sequence: u64,
    /// When it was recorded.
    pub time: Timestamp,
    /// Its leaf hash as in RFC 6962, section 2.1, over the digest of its segment's header and the sealed record.
    pub leaf_hash: [u8; 32],
}

impl Receipt {
    /// Returns the id of the log that the record is in.
    pub fn log(&self) -> &str {
        self.log.as_str()
    }
}

/// The log that decisions are appended to; one a store.
///
/// Dropping it without [`close`](Self::close) loses nothing that was acknowledged; checkpoints are signed in the
/// background if the runtime still runs, and at the next start otherwise.
#[derive(Debug)]
pub struct AuditLog {
    queue: Arc<Queue>,
    lanes: Lanes,
    room: Arc<Semaphore>,
    room_units: u32,
    closed: AtomicBool,
    pub(crate) keys: Arc<KeyKeeper>,
    moves: Arc<Moves>,
    shipper: Option<Arc<Shipper>>,
    tasks: Mutex<Option<Tasks>>,
}

#[derive(Debug)]
struct Tasks {
    ages: JoinHandle<()>,
    keys: JoinHandle<()>,
    keeper: JoinHandle<Result<()>>,
    ships: Option<(JoinHandle<()>, JoinHandle<()>)>,
    /// Told, or dropped, when no more segments will be closed.
    stop_shipping: watch::Sender<()>,
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
        let signing_keys = [&options.signing_key_id].into_iter().chain(&options.earlier_signing_key_ids);
        let trust = Trust::from_manager(&*options.key_manager, signing_keys).await?;
        let archive = match &options.archive {
            Some(archive) => Archive::of(archive),
            None => Archive::directory(&options.directory, ARCHIVE_PREFIX),
        };
        let AuditOptions { key_manager, encryption_key_id, signing_key_id, .. } = &options;
        let (manager, encryption, signing) =
            (Arc::clone(key_manager), encryption_key_id.clone(), signing_key_id.clone());
        let keys = Arc::new(Keys::new(manager, encryption, signing, trust.clone(), archive).await?);
        let (store, recover_trust) = (options.directory.clone(), trust.clone());
        let (lock, recovered) = tokio::task::spawn_blocking(move || {
            make_directory(&outbox_directory(&store))
                .map_err(|error| AuditError::io("the audit store", error))?;
            let lock = Arc::new(lock_store(&store)?);
            Ok::<_, AuditError>((lock, recover(&store, &recover_trust)?))
        })
        .await
        .map_err(|_stopped| AuditError::Closed)??;

        let moves = Arc::new(Moves::new(options.checkpoint_records));
        let id = recovered.list.id.clone();
        let (mut logs, mut known) = (BTreeMap::new(), BTreeMap::new());
        for (tenant, log) in recovered.logs {
            log.ended.into_iter().for_each(|ended| moves.ended(&tenant, ended));
            let name = LogName { tenant: tenant.clone(), id: id.clone() };
            known.insert(tenant.clone(), log.known);
            logs.insert(tenant, TenantLog::new(&options.directory, name, log.position));
        }
        let closed = Arc::new(Notify::new());
        let shipper = options.archive.clone().map(|archive| {
            Arc::new(Shipper {
                store: options.directory.clone(),
                id: id.clone(),
                trust: trust.clone(),
                options: archive,
                closed: Arc::clone(&closed),
                progress: Progress::default(),
            })
        });
        let keeper = Arc::new(Keeper {
            store: options.directory.clone(),
            id: id.clone(),
            keys: Arc::clone(&keys),
            interval: options.checkpoint_interval,
            moves: Arc::clone(&moves),
            closed: Arc::clone(&closed),
            known: std::sync::Mutex::new(known),
            list: Mutex::new(recovered.list),
            unlisted: AtomicBool::new(recovered.unlisted),
        });
        let keys = Arc::new(KeyKeeper {
            store: options.directory.clone(),
            keys,
            trust,
            keeper: Arc::clone(&keeper),
            known: RwLock::default(),
            subjects: SubjectKeys::default(),
            archive: options.archive,
            making: Mutex::default(),
        });
        let queue = Arc::new(Queue::new(options.gather));
        let (key_requests, requests) = tokio::sync::mpsc::unbounded_channel();
        let (writer_lives, writer_ended) = watch::channel(());
        let limits = Limits {
            segment_bytes: options.segment_bytes,
            segment_age_us: i64::try_from(options.segment_age.as_micros()).unwrap_or(i64::MAX),
            segment_records: options.segment_records,
        };
        let writer = Writer {
            store: options.directory,
            id,
            limits,
            logs,
            queue: Arc::clone(&queue),
            key_requests,
            moves: Arc::clone(&moves),
            _lock: Arc::clone(&lock),
        };
        std::thread::Builder::new()
            .name("audit-writer".to_owned())
            .spawn(move || {
                writer.run();
                drop(writer_lives);
            })
            .map_err(|error| AuditError::io("a thread", error))?;
        let (stop_shipping, stop) = watch::channel(());
        let ships = shipper.clone().map(|shipper| {
            let lock = Arc::clone(&lock);
            let gathers = tokio::spawn(Arc::clone(&shipper).gather(Arc::clone(&queue)));
            let ships = tokio::spawn(async move {
                shipper.run(stop).await;
                drop(lock);
            });
            (ships, gathers)
        });
        let tasks = Tasks {
            ages: tokio::spawn(end_old(Arc::clone(&queue), options.segment_age)),
            ships,
            stop_shipping,
            keys: tokio::spawn(Arc::clone(&keys).run(requests, Arc::clone(&queue))),
            keeper: tokio::spawn({
                let keys = Arc::clone(&keys);
                async move {
                    let result = keeper.run(keys, writer_ended).await;
                    // The store is free only when its checkpoints are signed.
                    drop(lock);
                    result
                }
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
            moves,
            shipper,
            tasks: Mutex::new(Some(tasks)),
        })
    }

    /// Returns the id of this writer's logs.
    pub fn log_id(&self) -> &str {
        self.keys.keeper.id.as_str()
    }

    /// Appends a record; returns when it is on disk, or in the object store where
    /// [`ArchiveOptions::durability`] asks for that.
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
        if let Some(shipper) = &self.shipper {
            shipper.check_room()?;
        }
        let body = encode_body(&record)?;
        let tenant = record.tenant.clone();
        let bytes = body.len() as u64;
        let units = u32::try_from(body.len() / QUEUE_UNIT_BYTES + 1).unwrap_or(u32::MAX);
        let share = Arc::clone(&self.room).try_acquire_many_owned(units).map_err(|error| match error {
            TryAcquireError::NoPermits => AuditError::Overloaded,
            TryAcquireError::Closed => AuditError::Closed,
        })?;
        let (sender, receipt) = oneshot::channel();
        let answer = Answer { sender, lane: self.lanes.current(), _share: share };
        self.queue.push(Command::Append(Job { tenant: record.tenant, body, answer }))?;
        let receipt = receipt.await.map_err(|_writer_ended| AuditError::Closed)??;
        if let Some(shipper) = &self.shipper {
            shipper.grew(bytes);
            if shipper.options.durability == Durability::Remote {
                shipper.shipped(&tenant, receipt.sequence.saturating_add(1)).await?;
            }
        }
        Ok(receipt)
    }

    /// Returns the tenant's key for [`NewRecord::content_digests`]; cheap but for a tenant's first call.
    ///
    /// # Errors
    /// When the key manager or the disk fails.
    pub async fn digest_key(&self, tenant: &Tenant) -> Result<DigestKey> {
        match self.keys.known_tenant_keys(tenant) {
            Some(keys) => Ok(keys.digest),
            // Boxed, so that all later calls do not carry its state.
            None => Ok(Box::pin(self.keys.tenant_keys(tenant)).await?.digest),
        }
    }

    /// Appends a record whose contents are about a subject; returns when it is on disk. Digests, fingerprints and kept
    /// contents go under the subject's key.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub async fn append_about(&self, subject: &SubjectKey, mut record: NewRecord) -> Result<Receipt> {
        subject.seal(&mut record)?;
        self.append(record).await
    }

    /// Returns the key for contents about a subject, made at the first call.
    ///
    /// # Errors
    /// When the key manager or the disk fails.
    pub async fn subject_key(&self, tenant: &Tenant, subject: &str) -> Result<Arc<SubjectKey>> {
        self.keys.subject_key(tenant, subject).await
    }

    /// Waits until a checkpoint holds the tenant's first `records` records; it is signed now.
    ///
    /// Waits for as long as the key manager is away, and for ever for records that were never appended.
    pub async fn signed(&self, tenant: &Tenant, records: u64) {
        self.moves.signed(tenant, records).await;
    }

    /// Finishes what was begun, closes every segment, and gives the store free. Further calls do nothing.
    ///
    /// # Errors
    /// When a checkpoint cannot be signed: the records are on disk all the same, and the next start signs them.
    pub async fn close(&self) -> Result<()> {
        self.closed.store(true, Ordering::Release);
        let Some(tasks) = self.tasks.lock().await.take() else { return Ok(()) };
        // Every record that was taken holds a share of the queue until it is answered.
        if let Ok(all) = self.room.acquire_many(self.room_units).await {
            drop(all);
            self.room.close();
        }
        tasks.ages.abort();
        drop(self.queue.push(Command::Stop));
        tasks.keys.await.map_err(|_stopped| AuditError::Closed)?;
        let signed = tasks.keeper.await.map_err(|_stopped| AuditError::Closed)?;
        drop(tasks.stop_shipping);
        if let Some((ships, gathers)) = tasks.ships {
            gathers.abort();
            ships.await.map_err(|_stopped| AuditError::Closed)?;
        }
        signed
    }
}

/// A log that nobody appends to any more has an end too.
async fn end_old(queue: Arc<Queue>, age: Duration) {
    let pause = (age / 4).clamp(Duration::from_millis(50), Duration::from_secs(60));
    loop {
        tokio::time::sleep(pause).await;
        if queue.push(Command::EndOld).is_err() {
            return;
        }
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        drop(self.queue.push(Command::Stop));
    }
}
