//! Walking a log from record to record, and what makes a log whole. Used when the writer opens a log and when anybody
//! verifies it.

use std::path::Path;

use crate::chain::Position;
use crate::files::{list_segments, log_directory};
use crate::frame::{Frame, Next};
use crate::segment::{SegmentReader, object_name};
use crate::statement::Head;
use crate::{AuditError, Result, Tenant};

/// Signed heads that a log must pass through.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    heads: Vec<(Head, &'static str)>,
    /// Whether the writer ended in order, so that nothing unfinished is to be expected.
    pub(crate) closed: bool,
}

impl Marks {
    /// Adds a head, and the file that says so. A head of no records says nothing.
    pub(crate) fn add(&mut self, head: Head, file: &'static str) {
        if head.records > 0 {
            self.heads.push((head, file));
        }
    }

    /// Checks the log against the heads behind one of its records; says what is wrong.
    fn pass(&self, at: Position) -> std::result::Result<(), String> {
        match self.heads.iter().find(|(head, _)| head.records == at.records && *head != Head::from(at)) {
            Some((_, file)) => Err(format!("the log up to here is not the one that {file} signs")),
            None => Ok(()),
        }
    }

    /// Returns whether a log that ends before the record of this sequence is too short.
    pub(crate) fn need(&self, sequence: u64) -> bool {
        self.heads.iter().any(|(head, _)| head.records > sequence)
    }

    /// Says what is missing when the log ends here.
    pub(crate) fn missing(&self, at: Position) -> Option<String> {
        let (head, file) = self.heads.iter().find(|(head, _)| head.records > at.records)?;
        Some(format!("the log ends after {} records, and {file} signs {}", at.records, head.records))
    }
}

/// What stands behind the last whole record of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Torn {
    /// Where the segment should end.
    pub(crate) offset: u64,
}

/// Returns the segments of a log after checking that none is missing between them.
pub(crate) fn contiguous_segments(store: &Path, tenant: &Tenant) -> Result<u64> {
    let segments = list_segments(&log_directory(store, tenant)).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => AuditError::corrupt(
            object_name(tenant, 1),
            "a file beside it is named like a segment and is none",
        ),
        _ => AuditError::io(format!("the log of `{tenant}`"), error),
    })?;
    for (expected, &found) in (1..).zip(&segments) {
        if found != expected {
            return Err(AuditError::corrupt(object_name(tenant, expected), "the segment is missing"));
        }
    }
    Ok(segments.last().copied().unwrap_or(0))
}

/// Walks one segment from behind the one before it.
///
/// `each` sees every record that is at its place, before the record counts as passed. Returns the position behind the
/// last whole record and, in the last segment only, what an unfinished write left there.
pub(crate) fn walk_segment(
    reader: &mut SegmentReader,
    tenant: &Tenant,
    before: Position,
    marks: &Marks,
    is_last: bool,
    each: &mut dyn FnMut(&Frame) -> std::result::Result<(), String>,
) -> Result<(Position, Option<Torn>)> {
    let header = &reader.header;
    let segment = before.segment.saturating_add(1);
    let object = object_name(tenant, segment);
    let wrong = if header.tenant != *tenant {
        Some("the segment belongs to another tenant's log")
    } else if header.segment != segment {
        Some("the segment belongs at another place of the log")
    } else if header.first_sequence != before.records || header.previous != before.head {
        Some("the segment does not follow the one before it")
    } else if header.created_us < before.time_us {
        Some("the segment is dated before the one before it")
    } else {
        None
    };
    if let Some(what) = wrong {
        return Err(AuditError::corrupt(object, what));
    }
    let mut at = before.after_header(&reader.header_bytes, header.created_us);
    loop {
        let offset = reader.offset();
        let wrong_record =
            |what: String| AuditError::corrupt(format!("{object} record {}", at.records), what);
        match reader.next()? {
            Next::End => return Ok((at, None)),
            Next::Damaged { torn: true, .. } if is_last && !marks.closed && marks.missing(at).is_none() => {
                return Ok((at, Some(Torn { offset })));
            }
            Next::Damaged { what, .. } => return Err(wrong_record(what.to_owned())),
            Next::Frame(frame) => {
                check_place(&frame, at).map_err(wrong_record)?;
                each(&frame).map_err(wrong_record)?;
                let behind = at.after_record(&frame.leaf, frame.clear.time_us);
                marks.pass(behind).map_err(wrong_record)?;
                at = behind;
            }
        }
    }
}

fn check_place(frame: &Frame, at: Position) -> std::result::Result<(), String> {
    let clear = &frame.clear;
    if clear.sequence != at.records {
        Err(format!("record {} stands in its place", clear.sequence))
    } else if clear.previous != at.head {
        Err("it does not follow the record before it: one of them was changed".to_owned())
    } else if clear.time_us < at.time_us {
        Err("it is dated before the record before it".to_owned())
    } else {
        Ok(())
    }
}
