//! One tenant's log, as the writer thread keeps it.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::chain::Position;
use crate::files::{log_directory, segment_file_name, write_whole};
use crate::frame::{self, Clear};
use crate::lane::{self, Answer};
use crate::log::{Limits, Receipt};
use crate::seal::{SegmentCipher, new_id};
use crate::segment::{SegmentHeader, object_name};
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
    pub(crate) cipher: SegmentCipher,
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
    tenant: Tenant,
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

struct OpenSegment {
    file: File,
    cipher: SegmentCipher,
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
    pub(crate) fn new(store: &Path, tenant: Tenant, position: Position) -> Self {
        Self {
            directory: log_directory(store, &tenant),
            tenant,
            durable: position,
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
    pub(crate) fn durable(&self) -> Position {
        self.durable
    }

    pub(crate) fn room(&self, now_us: i64, limits: Limits) -> Room {
        let Some(open) = &self.open else { return Room::None };
        let length = open.durable_length.saturating_add(self.staged.frames.len() as u64);
        let age_us = now_us.saturating_sub(open.created_us);
        if length >= limits.segment_bytes.saturating_mul(2) {
            Room::None
        } else if length >= limits.segment_bytes || age_us >= limits.segment_age_us {
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
        let before = self.staged.position;
        // The clock may step back; the log does not.
        let time_us = now_us.max(before.time_us);
        let time = jiff::Timestamp::from_microsecond(time_us)
            .map_err(|_range| AuditError::unavailable("a clock in range"))?;
        let clear = Clear { sequence: before.records, time_us, id: new_id(time_us)?, previous: before.head };
        let (nonce, sealed) = open.cipher.seal(clear, body)?;
        let leaf = frame::encode(&mut self.staged.frames, clear, nonce, &sealed)
            .ok_or_else(|| AuditError::invalid("the record is too large"))?;
        self.staged.position = before.after_record(&leaf, time_us);
        Ok(Receipt { id: clear.id, sequence: clear.sequence, time, leaf_hash: leaf })
    }

    /// Hands the staged frames to the system, without waiting for the disk.
    pub(crate) fn write(&mut self) -> Result<()> {
        self.clean_tail()?;
        let Some(open) = self.open.as_ref().filter(|_| !self.staged.frames.is_empty()) else { return Ok(()) };
        self.dirty_tail = true;
        open.file.write_all_at(&self.staged.frames, open.durable_length).map_err(|error| self.failed(error))
    }

    /// Waits until what was written is on disk and answers everybody; returns whether the log grew.
    pub(crate) fn finish(&mut self, written: Result<()>) -> bool {
        let synced = written.and_then(|()| match &self.open {
            Some(open) if self.dirty_tail => open.file.sync_data().map_err(|error| self.failed(error)),
            _ => Ok(()),
        });
        let answers = std::mem::take(&mut self.staged.answers);
        let grew = match synced {
            Ok(()) => {
                let written = self.staged.frames.len() as u64;
                if let Some(open) = &mut self.open {
                    open.durable_length = open.durable_length.saturating_add(written);
                }
                self.dirty_tail = false;
                self.durable = self.staged.position;
                lane::deliver(answers.into_iter().map(|(receipt, answer)| (answer, Ok(receipt))).collect());
                written > 0
            }
            Err(error) => {
                self.staged.position = self.durable;
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

    /// Begins the next segment. Nothing may be staged.
    pub(crate) fn roll(&mut self, key: SegmentKey, now_us: i64) -> Result<()> {
        self.clean_tail()?;
        let before = self.durable;
        let created_us = now_us.max(before.time_us);
        let header = SegmentHeader {
            segment: before.segment.saturating_add(1),
            first_sequence: before.records,
            created_us,
            previous: before.head,
            tenant: self.tenant.clone(),
            key_id: key.key_id,
            wrapped_key: key.wrapped,
        };
        let bytes = header.encode().ok_or_else(|| AuditError::invalid("the wrapped data key is too long"))?;
        let path = self.directory.join(segment_file_name(header.segment));
        let object = || format!("`{}`", object_name(&self.tenant, header.segment));
        let file = write_whole(&path, &bytes).map_err(|error| AuditError::io(object(), error))?;
        self.durable = before.after_header(&bytes, created_us);
        self.staged.position = self.durable;
        let durable_length = bytes.len() as u64;
        self.open = Some(OpenSegment { file, cipher: key.cipher, created_us, durable_length });
        Ok(())
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
            what: format!("`{}`", object_name(&self.tenant, self.durable.segment)),
            source: Some(Arc::new(error)),
        }
    }
}
