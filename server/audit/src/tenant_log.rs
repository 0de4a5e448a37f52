//! One tenant's log, as the writer thread keeps it.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::closing::Ended;
use crate::files::{Part, log_directory, object_name, segment_file_name, write_whole};
use crate::frame::{self, Clear};
use crate::lane::{self, Answer};
use crate::log::{Limits, Receipt};
use crate::name::LogName;
use crate::seal::{SegmentCipher, new_id};
use crate::segment::SegmentHeader;
use crate::tree::{Hash, sha256};
use crate::walk::Position;
use crate::{AuditError, Result, Tenant};

/// A record that waits to be written.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) tenant: Tenant,
    /// The record as it will be sealed.
    pub(crate) body: Vec<u8>,
    pub(crate) answer: Answer,
}

/// The data key of a segment that is to be opened.
pub(crate) struct SegmentKey {
    pub(crate) cipher: Arc<SegmentCipher>,
    pub(crate) key_id: String,
    pub(crate) wrapped: Vec<u8>,
}

impl fmt::Debug for SegmentKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SegmentKey").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// How much more goes into the open segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// Enough.
    Plenty,
    /// A key for the next segment should be fetched.
    Little,
    /// The next segment is due; this one still takes records while its key is away.
    Overdrawn,
    /// None, or there is no open segment.
    None,
}

/// A log that records are appended to.
pub(crate) struct TenantLog {
    log: LogName,
    directory: PathBuf,
    /// Where the log stands on disk.
    durable: Position,
    open: Option<OpenSegment>,
    staged: Staged,
    /// True while bytes behind the durable end may lie in the file.
    dirty_tail: bool,
    pub(crate) next_key: Option<SegmentKey>,
    pub(crate) key_requested: bool,
    /// Whether the group under way holds records of this log.
    pub(crate) touched: bool,
    /// Records that came before the first segment's key.
    pub(crate) waiting: Vec<Job>,
}

/// One data key seals fewer records than would make a random nonce repeat, by far, and a segment's index stays small.
const MAX_RECORDS: u64 = 1 << 24;

struct OpenSegment {
    file: File,
    cipher: Arc<SegmentCipher>,
    /// SHA-256 of the header.
    header: Hash,
    first: u64,
    created_us: i64,
    durable_length: u64,
}

/// Records that are sealed and not yet on disk.
struct Staged {
    frames: Vec<u8>,
    position: Position,
    answers: Vec<(Receipt, Answer)>,
}

impl TenantLog {
    pub(crate) fn new(store: &Path, log: LogName, position: Position) -> Self {
        Self {
            directory: log_directory(store, &log.tenant),
            log,
            durable: position.clone(),
            open: None,
            staged: Staged { frames: Vec::new(), position, answers: Vec::new() },
            dirty_tail: false,
            next_key: None,
            key_requested: false,
            touched: false,
            waiting: Vec::new(),
        }
    }

    /// Returns where the log stands on disk.
    pub(crate) fn durable(&self) -> &Position {
        &self.durable
    }

    /// Returns how old the open segment is.
    pub(crate) fn age_us(&self, now_us: i64) -> Option<i64> {
        self.open.as_ref().map(|open| now_us.saturating_sub(open.created_us))
    }

    pub(crate) fn room(&self, now_us: i64, limits: Limits) -> Room {
        let Some(open) = &self.open else { return Room::None };
        let length = open.durable_length.saturating_add(self.staged.frames.len() as u64);
        let records = self.staged.position.tree.size().saturating_sub(open.first);
        let age_us = now_us.saturating_sub(open.created_us);
        if length >= limits.segment_bytes.saturating_mul(2) || records >= MAX_RECORDS {
            Room::None
        } else if length >= limits.segment_bytes
            || age_us >= limits.segment_age_us
            || records >= limits.segment_records
        {
            Room::Overdrawn
        } else if length >= limits.segment_bytes / 4 * 3 {
            Room::Little
        } else {
            Room::Plenty
        }
    }

    /// Seals a record behind the ones staged before.
    pub(crate) fn stage(&mut self, job: Job, now_us: i64) {
        match self.seal(job.body, now_us) {
            Ok(receipt) => self.staged.answers.push((receipt, job.answer)),
            Err(error) => job.answer.send(Err(error)),
        }
    }

    fn seal(&mut self, body: Vec<u8>, now_us: i64) -> Result<Receipt> {
        let open = self.open.as_ref().ok_or_else(|| AuditError::unavailable("an open segment"))?;
        let position = &mut self.staged.position;
        // The clock may step back; the log does not.
        let time_us = now_us.max(position.time_us);
        let time = jiff::Timestamp::from_microsecond(time_us)
            .map_err(|_range| AuditError::unavailable("a clock in range"))?;
        let clear = Clear { sequence: position.tree.size(), time_us, id: new_id(time_us)? };
        let (nonce, sealed) = open.cipher.seal(clear, body)?;
        let leaf = frame::encode(&mut self.staged.frames, &open.header, clear, nonce, &sealed)
            .ok_or_else(|| AuditError::invalid("the record is too large"))?;
        position.tree.push(leaf);
        position.time_us = time_us;
        let log = self.log.id.clone();
        Ok(Receipt { id: clear.id, log, sequence: clear.sequence, time, leaf_hash: leaf })
    }

    /// Hands the staged frames to the system, without waiting for the disk.
    pub(crate) fn write(&mut self) -> Result<()> {
        self.clean_tail()?;
        let Some(open) = self.open.as_ref().filter(|_| !self.staged.frames.is_empty()) else { return Ok(()) };
        self.dirty_tail = true;
        open.file.write_all_at(&self.staged.frames, open.durable_length).map_err(|error| self.failed(error))
    }

    /// Waits until what was written is on disk and answers everybody; returns whether the log grew.
    /// `before_answers` is called when all is on disk and nobody knows yet.
    pub(crate) fn finish(&mut self, written: Result<()>, before_answers: &mut dyn FnMut()) -> bool {
        let synced = written.and_then(|()| match &self.open {
            Some(open) if self.dirty_tail => open.file.sync_data().map_err(|error| self.failed(error)),
            _ => Ok(()),
        });
        before_answers();
        let answers = std::mem::take(&mut self.staged.answers);
        let grew = match synced {
            Ok(()) => {
                let written = self.staged.frames.len() as u64;
                if let Some(open) = &mut self.open {
                    open.durable_length = open.durable_length.saturating_add(written);
                }
                self.dirty_tail = false;
                self.durable.clone_from(&self.staged.position);
                lane::deliver(answers.into_iter().map(|(receipt, answer)| (answer, Ok(receipt))).collect());
                written > 0
            }
            Err(error) => {
                self.staged.position.clone_from(&self.durable);
                lane::deliver(answers.into_iter().map(|(_, answer)| (answer, Err(error.clone()))).collect());
                // If this fails too, the next write tries again before anything else.
                drop(self.clean_tail());
                false
            }
        };
        self.staged.frames.clear();
        // A burst of large records does not keep its memory.
        self.staged.frames.shrink_to(1024 * 1024);
        grew
    }

    /// Begins the next segment and returns the one before it, which has ended. Nothing may be staged.
    pub(crate) fn roll(&mut self, key: SegmentKey, now_us: i64) -> Result<Option<Ended>> {
        self.clean_tail()?;
        let created_us = now_us.max(self.durable.time_us);
        let header = SegmentHeader {
            log: self.log.clone(),
            segment: self.durable.segment.saturating_add(1),
            created_us,
            before: self.durable.tree.clone(),
            key_id: key.key_id,
            wrapped_key: key.wrapped,
        };
        let bytes = header.encode().ok_or_else(|| AuditError::invalid("the wrapped data key is too long"))?;
        let file_name = segment_file_name(header.segment, Part::Records);
        let object = || format!("`{}`", object_name(&self.log.tenant, &file_name));
        let file = write_whole(&self.directory.join(&file_name), &bytes)
            .map_err(|error| AuditError::io(object(), error))?;
        let ended = self.end();
        self.durable.segment = header.segment;
        self.durable.time_us = created_us;
        self.staged.position.clone_from(&self.durable);
        self.open = Some(OpenSegment {
            file,
            cipher: key.cipher,
            header: sha256(&bytes),
            first: self.durable.tree.size(),
            created_us,
            durable_length: bytes.len() as u64,
        });
        Ok(ended)
    }

    /// Ends the open segment, if there is one: nothing more goes into it.
    pub(crate) fn end(&mut self) -> Option<Ended> {
        // If this fails the next start cuts the tail, and closes the segment.
        self.clean_tail().ok()?;
        let open = self.open.take()?;
        Some(Ended { at: self.durable.clone(), cipher: Some(open.cipher) })
    }

    /// Cuts off what a failed write may have left behind the durable end.
    fn clean_tail(&mut self) -> Result<()> {
        if let Some(open) = self.open.as_ref().filter(|_| self.dirty_tail) {
            open.file
                .set_len(open.durable_length)
                .and_then(|()| open.file.sync_all())
                .map_err(|error| self.failed(error))?;
        }
        self.dirty_tail = false;
        Ok(())
    }

    fn failed(&self, error: std::io::Error) -> AuditError {
        AuditError::Unavailable {
            what: format!(
                "`{}`",
                object_name(&self.log.tenant, &segment_file_name(self.durable.segment, Part::Records))
            ),
            source: Some(Arc::new(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::{Semaphore, oneshot};

    use super::*;
    use crate::name::LogId;

    fn key(log: &LogName, segment: u64) -> SegmentKey {
        let cipher = Arc::new(SegmentCipher::new(&[7; 32], log, segment).unwrap());
        SegmentKey { cipher, key_id: "k".to_owned(), wrapped: vec![1] }
    }

    #[test]
    fn the_clock_steps_back_and_the_log_does_not() {
        let store = tempfile::tempdir().unwrap();
        let log = LogName { tenant: Tenant::new("acme").unwrap(), id: LogId::random().unwrap() };
        std::fs::create_dir_all(log_directory(store.path(), &log.tenant)).unwrap();
        let mut tenant_log = TenantLog::new(store.path(), log.clone(), Position::start());
        let room = Arc::new(Semaphore::new(8));
        let mut receipts = Vec::new();
        for (segment, now_us) in [(1, 5_000_000), (1, 1_000_000), (2, 2_000_000), (2, 6_000_000)] {
            if tenant_log.durable().segment < segment {
                tenant_log.roll(key(&log, segment), now_us).unwrap();
            }
            let (sender, receipt) = oneshot::channel();
            let share = Arc::clone(&room).try_acquire_owned().unwrap();
            let answer = Answer { sender, lane: None, _share: share };
            tenant_log.stage(Job { tenant: log.tenant.clone(), body: vec![0; 20], answer }, now_us);
            let written = tenant_log.write();
            assert!(tenant_log.finish(written, &mut || ()));
            receipts.push(receipt.blocking_recv().unwrap().unwrap());
        }
        let times: Vec<i64> = receipts.iter().map(|receipt| receipt.time.as_microsecond()).collect();
        assert_eq!(times, [5_000_000, 5_000_000, 5_000_000, 6_000_000]);
        assert!(receipts.is_sorted_by_key(|receipt| receipt.sequence));
    }
}
