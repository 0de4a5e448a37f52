//! Looking for records.

use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use jiff::Timestamp;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::files::log_directory;
use crate::frame::{Frame, Next};
use crate::page;
use crate::record::{Action, AuditRecord};
use crate::recover::signed_head;
use crate::seal::{SegmentCipher, id_time_ms};
use crate::segment::SegmentReader;
use crate::store::Opener;
use crate::trust::Trust;
use crate::walk::{Marks, contiguous_segments};
use crate::{AuditError, Result, Tenant};

/// Records that are read ahead of who reads the stream.
const READ_AHEAD: usize = 64;

/// What to look for in one tenant's log. What is `None` or empty does not narrow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Whose records; the only ones that are ever read.
    pub tenant: Tenant,
    /// Records made at or after this time.
    pub start: Option<Timestamp>,
    /// Records made before this time.
    pub end: Option<Timestamp>,
    /// Records with one of these actions.
    pub actions: Vec<Action>,
    /// Records of this principal.
    pub principal: Option<String>,
    /// The record with this id.
    pub record_id: Option<Uuid>,
    /// Newest first instead of oldest first.
    pub newest_first: bool,
    /// The most records to return.
    pub limit: Option<u64>,
    /// Where to go on: [`page_token_after`](Self::page_token_after) of an earlier answer to the same query.
    pub page_token: Option<String>,
}

impl Query {
    /// Returns a query for everything of a tenant, oldest first.
    pub fn of(tenant: Tenant) -> Self {
        Self {
            tenant,
            start: None,
            end: None,
            actions: Vec::new(),
            principal: None,
            record_id: None,
            newest_first: false,
            limit: None,
            page_token: None,
        }
    }

    /// Returns the token that goes on behind a record of this query's answer. It stays good while the query is the
    /// same, limit and token aside.
    pub fn page_token_after(&self, record: &AuditRecord) -> String {
        page::token_after(self, record.sequence)
    }
}

/// The answer to a [`Query`], read on a thread of its own while it is taken; dropping it ends the search.
#[derive(Debug)]
pub struct RecordStream {
    records: mpsc::Receiver<Result<AuditRecord>>,
}

impl RecordStream {
    pub(crate) fn start(store: PathBuf, trust: Trust, opener: Opener, query: Query) -> Result<Self> {
        let behind = query.page_token.as_deref().map(|token| page::sequence_of(&query, token)).transpose()?;
        let (sender, records) = mpsc::channel(READ_AHEAD);
        let search =
            Search { store, trust, opener, filter: Filter::new(&query, behind), query, sender, sent: 0 };
        // Not on the runtime's blocking threads: a reader may take its time, and those are needed for more.
        std::thread::Builder::new()
            .name("audit-query".to_owned())
            .spawn(move || search.run())
            .map_err(|error| AuditError::io("a thread", error))?;
        Ok(Self { records })
    }

    /// Returns the next record; `None` at the end. Nothing follows an error.
    pub async fn next(&mut self) -> Option<Result<AuditRecord>> {
        self.records.recv().await
    }
}

impl Stream for RecordStream {
    type Item = Result<AuditRecord>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.records.poll_recv(context)
    }
}

/// The part of a query that the clear fields answer, without opening a record.
#[derive(Debug, Clone, Copy)]
struct Filter {
    start_us: i64,
    /// Exclusive; `None` for no end.
    end_us: Option<i64>,
    id: Option<Uuid>,
    /// Inclusive.
    first_sequence: u64,
    /// Exclusive.
    end_sequence: u64,
}

impl Filter {
    fn new(query: &Query, behind: Option<u64>) -> Self {
        // An id holds the millisecond of its record, so looking for one is looking into one millisecond.
        let id_us = query.record_id.map(|id| id_time_ms(id).saturating_mul(1000));
        let start_us = [query.start.map(microseconds_up), id_us].into_iter().flatten().max();
        let id_end_us = id_us.map(|start| start.saturating_add(1000));
        let (first_sequence, end_sequence) = match behind {
            Some(sequence) if query.newest_first => (0, sequence),
            Some(sequence) => (sequence.saturating_add(1), u64::MAX),
            None => (0, u64::MAX),
        };
        Self {
            start_us: start_us.unwrap_or(i64::MIN),
            end_us: [query.end.map(microseconds_up), id_end_us].into_iter().flatten().min(),
            id: query.record_id,
            first_sequence,
            end_sequence,
        }
    }

    /// Returns whether this time or sequence lies past all that is looked for.
    fn is_past(&self, time_us: i64, sequence: u64) -> bool {
        sequence >= self.end_sequence || self.end_us.is_some_and(|end| time_us >= end)
    }

    fn takes(&self, frame: &Frame) -> bool {
        let clear = &frame.clear;
        clear.time_us >= self.start_us
            && clear.sequence >= self.first_sequence
            && !self.is_past(clear.time_us, clear.sequence)
            && self.id.is_none_or(|id| id == clear.id)
    }
}

/// Why a search ends early.
enum Ended {
    /// Enough was found, or nobody listens any more.
    Enough,
    Failed(AuditError),
}

impl From<AuditError> for Ended {
    fn from(error: AuditError) -> Self {
        Self::Failed(error)
    }
}

struct Search {
    store: PathBuf,
    trust: Trust,
    opener: Opener,
    filter: Filter,
    query: Query,
    sender: mpsc::Sender<Result<AuditRecord>>,
    sent: u64,
}

impl Search {
    fn run(mut self) {
        if let Err(Ended::Failed(error)) = self.search() {
            // Nobody to tell it when the stream was dropped.
            drop(self.sender.blocking_send(Err(error)));
        }
    }

    fn search(&mut self) -> Result<(), Ended> {
        if self.query.limit == Some(0) {
            return Ok(());
        }
        // Read before the segments: they can only have grown since.
        let mut signed = Marks::default();
        if let Some(head) = signed_head(&self.store, &self.query.tenant, &self.trust)? {
            signed.add(head, crate::head_keeper::HEAD_FILE);
        }
        let last = contiguous_segments(&self.store, &self.query.tenant)?;
        let mut segments = self.segments_in_range(last)?;
        if self.query.newest_first {
            segments.reverse();
        }
        for segment in segments {
            let is_last = segment == last;
            let reader = self.open(segment)?;
            let cipher = self.opener.segment(&reader.header)?;
            self.search_segment(reader, &cipher, is_last.then_some(&signed))?;
        }
        Ok(())
    }

    /// Returns the segments that can hold what is looked for, in the order of the log.
    fn segments_in_range(&self, last: u64) -> Result<Vec<u64>> {
        let mut segments = Vec::new();
        for segment in 1..=last {
            let header = self.open(segment)?.header;
            let (first_sequence, created_us) = (header.first_sequence, header.created_us);
            // The segment before holds nothing behind the start of this one.
            if first_sequence <= self.filter.first_sequence || created_us < self.filter.start_us {
                segments.clear();
            }
            if self.filter.is_past(created_us, first_sequence) {
                break;
            }
            segments.push(segment);
        }
        Ok(segments)
    }

    fn open(&self, segment: u64) -> Result<SegmentReader> {
        let tenant = &self.query.tenant;
        let reader = SegmentReader::open(&log_directory(&self.store, tenant), tenant, segment)?;
        if reader.header.tenant != *tenant || reader.header.segment != segment {
            let object = crate::segment::object_name(tenant, segment);
            return Err(AuditError::corrupt(object, "the segment belongs to another place"));
        }
        Ok(reader)
    }

    /// Searches one segment; `signed` is given for the last, whose end may still be in the making.
    fn search_segment(
        &mut self,
        mut reader: SegmentReader,
        cipher: &SegmentCipher,
        signed: Option<&Marks>,
    ) -> Result<(), Ended> {
        let mut sequence = reader.header.first_sequence;
        // A bounded segment has a bounded number of records; 8 bytes each is what going backwards costs.
        let mut offsets = Vec::new();
        loop {
            let offset = reader.offset();
            let frame = match reader.next()? {
                Next::End => break,
                Next::Damaged { torn: true, .. } if signed.is_some_and(|marks| !marks.need(sequence)) => {
                    break;
                }
                Next::Damaged { what, .. } => return Err(broken(&reader, sequence, what)),
                Next::Frame(frame) if frame.clear.sequence != sequence => {
                    return Err(broken(&reader, sequence, "another record stands in its place"));
                }
                Next::Frame(frame) => frame,
            };
            sequence = sequence.saturating_add(1);
            if self.filter.is_past(frame.clear.time_us, frame.clear.sequence) {
                break;
            }
            if self.filter.takes(&frame) {
                if self.query.newest_first {
                    offsets.push(offset);
                } else {
                    self.send(frame, cipher, &reader)?;
                }
            }
        }
        for offset in offsets.into_iter().rev() {
            let frame = reader.frame_at(offset)?;
            self.send(frame, cipher, &reader)?;
        }
        Ok(())
    }

    fn send(&mut self, frame: Frame, cipher: &SegmentCipher, reader: &SegmentReader) -> Result<(), Ended> {
        let sequence = frame.clear.sequence;
        let record = cipher.open(frame).map_err(|what| broken(reader, sequence, what))?;
        let Query { actions, principal, limit, .. } = &self.query;
        let decision = &record.decision;
        let wanted = (actions.is_empty() || actions.contains(&decision.action))
            && principal.as_ref().is_none_or(|principal| *principal == decision.principal);
        if !wanted {
            return if self.sender.is_closed() { Err(Ended::Enough) } else { Ok(()) };
        }
        self.sender.blocking_send(Ok(record)).map_err(|_nobody_listens| Ended::Enough)?;
        self.sent = self.sent.saturating_add(1);
        if *limit == Some(self.sent) { Err(Ended::Enough) } else { Ok(()) }
    }
}

fn broken(reader: &SegmentReader, sequence: u64, what: &str) -> Ended {
    AuditError::corrupt(format!("{} record {sequence}", reader.object()), what).into()
}

/// Times of records are whole microseconds: a bound between two of them is the later one.
fn microseconds_up(time: Timestamp) -> i64 {
    let whole = time.as_microsecond();
    if time.as_nanosecond() > i128::from(whole) * 1000 { whole.saturating_add(1) } else { whole }
}
