//! Walking a log from record to record, and what makes a log whole. Used when the writer opens a log and when anybody
//! verifies it.

use std::collections::BTreeMap;

use crate::checkpoint::Checkpoint;
use crate::files::Part;
use crate::frame::{Frame, Next};
use crate::index::Index;
use crate::list::Head;
use crate::piece::{Piece, SegmentReader};
use crate::segment::SegmentHeader;
use crate::tree::{Frontier, Hash};
use crate::{AuditError, Result};

/// Where a log stands behind its last record or segment header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// The segment, 0 before the first.
    pub(crate) segment: u64,
    /// The tree of all records; its size is the next one's sequence.
    pub(crate) tree: Frontier,
    /// Time of the last record or header, in microseconds since 1970: the next is not earlier.
    pub(crate) time_us: i64,
}

impl Position {
    /// Returns the position of a log without segments.
    pub(crate) fn start() -> Self {
        Self { segment: 0, tree: Frontier::default(), time_us: i64::MIN }
    }

    /// Returns the position behind a closed segment, as of when it was closed: what comes next is not earlier, but what
    /// had come by then may be.
    pub(crate) fn behind(closing: &Checkpoint) -> Option<Self> {
        let time_us = closing.time.as_microsecond();
        Some(Self { segment: closing.segment, tree: closing.tree()?, time_us })
    }

    /// Returns the position that a segment says it begins at, but for the time.
    pub(crate) fn before(header: &SegmentHeader) -> Self {
        Self { segment: header.segment.saturating_sub(1), tree: header.before.clone(), time_us: i64::MIN }
    }

    /// Checks that a segment begins here; says what is wrong.
    pub(crate) fn check_next(&self, header: &SegmentHeader) -> std::result::Result<(), &'static str> {
        if header.segment != self.segment.saturating_add(1) || header.before != self.tree {
            Err("the segment does not follow the one before it")
        } else if header.created_us < self.time_us {
            Err("the segment is dated before the one before it")
        } else {
            Ok(())
        }
    }
}

/// Signed statements that a log must pass through.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    by_size: BTreeMap<u64, (Hash, String)>,
    /// The last segment that is signed to be there, and whether it is signed to have ended.
    segment: u64,
    closed: bool,
}

impl Marks {
    /// Adds a statement, and the object that says so.
    ///
    /// # Errors
    /// [`AuditError::Corrupt`] when another says otherwise: the log was forked.
    pub(crate) fn add(&mut self, head: Head, object: &str) -> Result<()> {
        if head.segment > self.segment {
            (self.segment, self.closed) = (head.segment, head.closed);
        } else if head.segment == self.segment {
            self.closed |= head.closed;
        }
        match self.by_size.get(&head.size) {
            Some((root, other)) if *root != head.root => Err(AuditError::corrupt(
                object,
                format!("the log was forked: {other} signs another log of {} records", head.size),
            )),
            _ => {
                self.by_size.insert(head.size, (head.root, object.to_owned()));
                Ok(())
            }
        }
    }

    /// Returns whether the checkpoint that closes this segment must be there.
    pub(crate) fn need_closing(&self, segment: u64) -> bool {
        self.segment > segment || (self.segment == segment && self.closed)
    }

    /// Checks the log against the statements of its size; says what is wrong.
    fn pass(&self, tree: &Frontier) -> std::result::Result<(), String> {
        match self.by_size.get(&tree.size()) {
            Some((root, object)) if *root != tree.root() => {
                Err(format!("the log up to here is not the one that {object} signs"))
            }
            _ => Ok(()),
        }
    }

    /// Returns whether a log that ends before the record of this sequence is too short.
    pub(crate) fn need(&self, sequence: u64) -> bool {
        self.by_size.last_key_value().is_some_and(|(size, _)| *size > sequence)
    }

    /// Says what is missing when the log ends with this many records.
    pub(crate) fn missing(&self, records: u64) -> Option<String> {
        let (size, (_, object)) = self.by_size.last_key_value()?;
        (*size > records).then(|| format!("the log ends after {records} records, and {object} signs {size}"))
    }
}

/// What stands behind the last whole record of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Torn {
    /// Where the segment should end.
    pub(crate) offset: u64,
}

/// How a segment is walked.
pub(crate) struct Walk<'a> {
    pub(crate) marks: &'a Marks,
    /// The checkpoint that closes the segment, and its index where it was read.
    pub(crate) closing: Option<(&'a Checkpoint, Option<&'a Index>)>,
    /// Whether nothing follows the segment, so that it may end in an unfinished write.
    pub(crate) is_last: bool,
}

impl Walk<'_> {
    /// Walks one segment from behind the one before it.
    ///
    /// `each` sees every record that is at its place, before the record counts as passed. Returns the position behind
    /// the last whole record and what an unfinished write left there.
    pub(crate) fn run(
        &self,
        reader: &SegmentReader,
        before: &Position,
        each: &mut dyn FnMut(&Frame) -> std::result::Result<(), String>,
    ) -> Result<(Position, Option<Torn>)> {
        self.check_header(reader)?;
        before.check_next(&reader.header).map_err(|what| reader.piece.corrupt(Part::Records, what))?;
        self.records(reader, each)
    }

    /// Checks the header against the index, where there is one.
    pub(crate) fn check_header(&self, reader: &SegmentReader) -> Result<()> {
        match self.closing.and_then(|(_, index)| index) {
            Some(index) if index.header != reader.digest => {
                Err(reader.piece.corrupt(Part::Records, "the segment's header was changed"))
            }
            _ => Ok(()),
        }
    }

    /// Walks one segment from where its header says that it begins; whether it does is
    /// [another question](Position::check_next).
    pub(crate) fn records(
        &self,
        reader: &SegmentReader,
        each: &mut dyn FnMut(&Frame) -> std::result::Result<(), String>,
    ) -> Result<(Position, Option<Torn>)> {
        let piece = &reader.piece;
        let mut at = Position {
            segment: reader.header.segment,
            tree: reader.header.before.clone(),
            time_us: reader.header.created_us,
        };
        let mut frames = reader.frames()?;
        let mut torn = None;
        loop {
            let offset = frames.offset();
            let records = at.tree.size();
            let wrong = |what: String| {
                AuditError::corrupt(format!("{} record {records}", piece.object(Part::Records)), what)
            };
            match frames.next()? {
                Next::End => break,
                Next::Damaged { torn: true, .. }
                    if self.is_last && self.closing.is_none() && !self.marks.need(records) =>
                {
                    torn = Some(Torn { offset });
                    break;
                }
                Next::Damaged { what, .. } => return Err(wrong(what.to_owned())),
                Next::Frame(frame) => {
                    self.check_place(&frame, &at).map_err(wrong)?;
                    let leaf = frame.leaf(&reader.digest);
                    self.check_entry(&leaf, &at).map_err(wrong)?;
                    each(&frame).map_err(wrong)?;
                    at.tree.push(leaf);
                    at.time_us = frame.clear.time_us;
                    // The checkpoint that closes the segment is looked at below, where its name is known.
                    self.marks.pass(&at.tree).map_err(wrong)?;
                }
            }
        }
        self.check_end(piece, &at, reader.end)?;
        Ok((at, torn))
    }

    fn check_place(&self, frame: &Frame, at: &Position) -> std::result::Result<(), String> {
        if frame.clear.sequence != at.tree.size() {
            Err(format!("record {} stands in its place", frame.clear.sequence))
        } else if self.closing.is_some_and(|(closing, _)| frame.clear.sequence >= closing.size) {
            Err("it stands behind the end of its segment".to_owned())
        } else if frame.clear.time_us < at.time_us {
            Err("it is dated before the record before it".to_owned())
        } else {
            Ok(())
        }
    }

    fn check_entry(&self, leaf: &Hash, at: &Position) -> std::result::Result<(), String> {
        let Some(index) = self.closing.and_then(|(_, index)| index) else { return Ok(()) };
        let place = usize::try_from(at.tree.size().saturating_sub(index.first)).unwrap_or(usize::MAX);
        match index.entries.get(place) {
            Some(entry) if entry.leaf == *leaf => Ok(()),
            _ => Err("the record was changed".to_owned()),
        }
    }

    fn check_end(&self, piece: &Piece, at: &Position, end: u64) -> Result<()> {
        let Some((closing, _)) = self.closing else { return Ok(()) };
        let wrong = |what: String| Err(piece.corrupt(Part::Records, what));
        let records = at.tree.size();
        if records < closing.size {
            return wrong(format!(
                "the segment ends after {records} records, and its checkpoint signs {}",
                closing.size
            ));
        }
        if closing.root != at.tree.root() {
            return wrong("its records are not the ones that its checkpoint signs".to_owned());
        }
        match &closing.closing {
            Some(how) if how.bytes != end => {
                wrong("its length is not the one that its checkpoint signs".to_owned())
            }
            _ => Ok(()),
        }
    }
}
