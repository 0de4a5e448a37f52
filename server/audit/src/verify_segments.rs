//! Checking the segments of one log on several threads.
//!
//! Each segment says in its header what the tree before it is, so that it can be checked by itself. What was found is
//! then put together in the order of the log, where each segment must begin where the one before it ends: the result is
//! that of one thread that goes from record to record.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use crate::checkpoint::Checkpoint;
use crate::files::Part;
use crate::frame::Frame;
use crate::piece::Piece;
use crate::segment::SegmentHeader;
use crate::store::Opener;
use crate::verify::{Progress, VerifyReport};
use crate::verify_subjects::Subjects;
use crate::walk::{Marks, Position, Torn, Walk};
use crate::{AuditError, Result};

/// Progress is told once in so many records.
const TELL_EVERY: u64 = 1024;

/// The segments of a log, and what is known of them.
pub(crate) struct Segments<'a> {
    pub(crate) pieces: &'a [Piece],
    /// The checkpoints that close them: all of them, or all but the last one's.
    pub(crate) closings: &'a [Checkpoint],
    /// Which of them to check: those that are not closed, and others.
    pub(crate) wanted: &'a [bool],
    pub(crate) marks: &'a Marks,
    /// Opens records, when the keys are at hand.
    pub(crate) opener: Option<&'a Opener>,
}

/// What the check of one segment saw on its way.
#[derive(Default)]
struct Seen {
    /// The header, where it is that of this segment.
    header: Option<SegmentHeader>,
    /// Records that are whole and at their place.
    records: u64,
    /// What they say of subjects, where they were opened.
    subjects: Subjects,
}

/// What the check of one segment found.
struct Found {
    seen: Seen,
    /// The position behind the segment, and how many unfinished bytes stand there.
    end: Result<(Position, u64)>,
}

enum Message {
    /// So many more records were checked.
    Records(u64),
    Segment(usize, Box<Found>),
}

impl Segments<'_> {
    /// Checks all wanted segments and returns the position behind the last, and what their records say of subjects.
    ///
    /// # Errors
    /// [`AuditError::Corrupt`] names the first bad object in the order of the log.
    pub(crate) fn check(
        &self,
        threads: usize,
        report: &mut VerifyReport,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(Position, Subjects)> {
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (sender, messages) = channel();
        thread::scope(|scope| {
            for _ in 0..threads.clamp(1, self.pieces.len().max(1)) {
                let sender = sender.clone();
                scope.spawn(|| self.work(&next, &stop, sender));
            }
            drop(sender);
            // Those found before the ones in front of them.
            let mut found = BTreeMap::new();
            let (mut joined, mut log) = (0, (Position::start(), Subjects::default()));
            let mut so_far = Progress { records: report.records, segments: report.segments };
            for message in messages {
                match message {
                    Message::Records(more) => {
                        so_far.records = so_far.records.saturating_add(more);
                        progress(so_far);
                    }
                    Message::Segment(index, result) => {
                        so_far.segments = so_far.segments.saturating_add(1);
                        found.insert(index, *result);
                    }
                }
                let joining = self.join(&mut found, &mut joined, &mut log, report);
                if joining.is_err() {
                    stop.store(true, Ordering::Relaxed);
                    return joining.map(|()| log);
                }
            }
            self.join(&mut found, &mut joined, &mut log, report).map(|()| log)
        })
    }

    /// Puts what was found to what stands before it, as far as that is known.
    fn join(
        &self,
        found: &mut BTreeMap<usize, Found>,
        joined: &mut usize,
        (at, subjects): &mut (Position, Subjects),
        report: &mut VerifyReport,
    ) -> Result<()> {
        while let Some(piece) = self.pieces.get(*joined) {
            if self.wanted.get(*joined) == Some(&true) {
                let Some(Found { seen, end }) = found.remove(joined) else { return Ok(()) };
                report.segments = report.segments.saturating_add(1);
                if let Some(header) = &seen.header {
                    at.check_next(header).map_err(|what| piece.corrupt(Part::Records, what))?;
                }
                report.records = report.records.saturating_add(seen.records);
                subjects.add(seen.subjects);
                let (end, unfinished) = end?;
                report.unfinished_bytes = report.unfinished_bytes.saturating_add(unfinished);
                *at = end;
            } else if let Some(closing) = self.closings.get(*joined) {
                // What is left out is vouched for by the checkpoint that closes it. What comes next may have been begun
                // before that was signed.
                let behind = Position::behind(closing)
                    .ok_or_else(|| piece.corrupt(Part::Checkpoint, "its edge is not its root's"))?;
                *at = Position { time_us: i64::MIN, ..behind };
            }
            *joined = joined.saturating_add(1);
        }
        Ok(())
    }

    /// Checks one segment after the other until there are no more.
    fn work(&self, next: &AtomicUsize, stop: &AtomicBool, sender: Sender<Message>) {
        while !stop.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            match (self.pieces.get(index), self.wanted.get(index)) {
                (Some(piece), Some(true)) => {
                    let found = self.check_segment(index, piece, &sender);
                    if sender.send(Message::Segment(index, Box::new(found))).is_err() {
                        return;
                    }
                }
                (Some(_), _) => {}
                (None, _) => return,
            }
        }
    }

    fn check_segment(&self, index: usize, piece: &Piece, sender: &Sender<Message>) -> Found {
        let mut seen = Seen::default();
        let end = self.walk(index, piece, sender, &mut seen);
        Found { seen, end }
    }

    fn walk(
        &self,
        index: usize,
        piece: &Piece,
        sender: &Sender<Message>,
        seen: &mut Seen,
    ) -> Result<(Position, u64)> {
        let closing = self.closings.get(index);
        let index_of_records = closing.map(|closing| piece.index(closing)).transpose()?;
        let reader = piece.open()?;
        let walk = Walk {
            marks: self.marks,
            closing: closing.map(|closing| (closing, index_of_records.as_ref())),
            is_last: index.saturating_add(1) == self.pieces.len(),
        };
        walk.check_header(&reader)?;
        seen.header = Some(reader.header.clone());
        let (cipher, refused) = match self.opener.map(|opener| opener.segment(&reader)).transpose() {
            // Whether the header that names the key is what was written shows without the key.
            Err(refused @ AuditError::Keys { .. }) => (None, Some(refused)),
            cipher => (cipher?, None),
        };
        let mut each = |frame: &Frame| {
            if let Some(cipher) = &cipher {
                seen.subjects.saw(&cipher.open(frame.clone(), reader.digest)?.decision);
            }
            seen.records = seen.records.saturating_add(1);
            if seen.records.is_multiple_of(TELL_EVERY) {
                // Nobody listens any more: another segment is bad.
                drop(sender.send(Message::Records(TELL_EVERY)));
            }
            Ok(())
        };
        let (end, torn) = walk.records(&reader, &mut each)?;
        let unfinished = torn.map_or(0, |Torn { offset }| reader.end.saturating_sub(offset));
        refused.map_or(Ok((end, unfinished)), Err)
    }
}
