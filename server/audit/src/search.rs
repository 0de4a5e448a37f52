//! Carrying out a query: which segments can hold an answer, which of their records, and then those alone.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::facet::Facet;
use crate::files::Part;
use crate::frame::{Clear, Next};
use crate::index::{Index, Postings};
use crate::list::Head;
use crate::name::LogName;
use crate::note::Trust;
use crate::page::Place;
use crate::piece::{Piece, SegmentReader, Shelves};
use crate::query::{Query, QueryProgress};
use crate::record::AuditRecord;
use crate::recover::read_checkpoint;
use crate::seal::{SegmentCipher, id_time_ms};
use crate::segment::SegmentHeader;
use crate::store::Opener;
use crate::subject::{self, SubjectKey};
use crate::tenant_keys::{self, TenantKeys};
use crate::walk::Marks;
use crate::{AuditError, Result};

/// So many subjects are remembered while a query runs.
const MOST_SUBJECTS: usize = 1024;

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
    fn new(query: &Query, behind: Option<&Place>, log: &LogName) -> Self {
        // An id holds the millisecond of its record, so looking for one is looking into one millisecond.
        let id_us = query.record_id.map(|id| id_time_ms(id).saturating_mul(1000));
        let mut start_us = [query.start.map(microseconds_up), id_us].into_iter().flatten().max();
        let id_end_us = id_us.map(|start| start.saturating_add(1000));
        let mut end_us = [query.end.map(microseconds_up), id_end_us].into_iter().flatten().min();
        let (mut first_sequence, mut end_sequence) = (0, u64::MAX);
        if let Some(Place { time_us, log: stopped, sequence }) = behind {
            // Of records of one time, those of lower logs come before, or behind when newest come first: either way a
            // higher log's are on the far side of this place.
            let from = if log.id > *stopped { *time_us } else { time_us.saturating_add(1) };
            match (*stopped == log.id, query.newest_first) {
                (true, true) => end_sequence = *sequence,
                (true, false) => first_sequence = sequence.saturating_add(1),
                (false, true) => end_us = Some(end_us.map_or(from, |end| end.min(from))),
                (false, false) => start_us = Some(start_us.map_or(from, |start| start.max(from))),
            }
        }
        Self {
            start_us: start_us.unwrap_or(i64::MIN),
            end_us,
            id: query.record_id,
            first_sequence,
            end_sequence,
        }
    }

    /// Returns whether this time or sequence lies past all that is looked for.
    fn is_past(&self, time_us: i64, sequence: u64) -> bool {
        sequence >= self.end_sequence || self.end_us.is_some_and(|end| time_us >= end)
    }

    fn takes(&self, time_us: i64, sequence: u64) -> bool {
        time_us >= self.start_us && sequence >= self.first_sequence && !self.is_past(time_us, sequence)
    }

    /// Returns whether a segment ends before all that is looked for when the next one begins like this.
    fn is_behind(&self, next: &SegmentHeader) -> bool {
        next.before.size() <= self.first_sequence || next.created_us < self.start_us
    }
}

/// Where a record of a segment lies.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    offset: u64,
    length: u32,
    sequence: u64,
}

/// Why a search ends early.
pub(crate) enum Ended {
    /// Enough was found, or nobody listens any more.
    Enough,
    Failed(AuditError),
}

impl From<AuditError> for Ended {
    fn from(error: AuditError) -> Self {
        Self::Failed(error)
    }
}

/// One query under way, over all logs of its tenant.
pub(crate) struct Searches {
    pub(crate) shelves: Shelves,
    pub(crate) trust: Trust,
    pub(crate) opener: Opener,
    pub(crate) query: Query,
    pub(crate) behind: Option<Place>,
    pub(crate) progress: Arc<QueryProgress>,
}

type Sender = mpsc::Sender<Result<AuditRecord>>;

impl Searches {
    /// Sends the answer.
    pub(crate) fn run(self, sender: &Sender) {
        let limit = self.query.limit.unwrap_or(u64::MAX);
        let logs = match self.shelves.logs(&self.query.tenant) {
            Ok(logs) if limit > 0 => logs,
            Ok(_) => return,
            Err(error) => return drop(sender.blocking_send(Err(error))),
        };
        match logs.as_slice() {
            [] => {}
            [log] => self.of(log).run(limit, sender),
            _ => self.merge(&logs, limit, sender),
        }
    }

    /// Searches each log on a thread of its own and sends what comes first.
    fn merge(&self, logs: &[(LogName, bool)], limit: u64, sender: &Sender) {
        let mut streams = Vec::new();
        for log in logs {
            let (each, mut records) = mpsc::channel(1);
            let search = self.of(log);
            let thread = std::thread::Builder::new().name("audit-query".to_owned());
            if let Err(error) = thread.spawn(move || search.run(limit, &each)) {
                return drop(sender.blocking_send(Err(AuditError::io("a thread", error))));
            }
            let next = records.blocking_recv();
            streams.push((next, records));
        }
        for _ in 0..limit {
            let place = |record: &AuditRecord| (record.time, record.log.clone(), record.sequence);
            let heads = streams.iter().enumerate().filter_map(|(index, (next, _))| match next.as_ref()? {
                Ok(record) => Some((Some(place(record)), index)),
                Err(_) => Some((None, index)),
            });
            // What failed is told at once.
            let failed = heads.clone().find(|(place, _)| place.is_none());
            let chosen = failed.or_else(|| if self.query.newest_first { heads.max() } else { heads.min() });
            let Some((next, records)) = chosen.and_then(|(_, index)| streams.get_mut(index)) else { return };
            let Some(record) = next.take() else { return };
            let failed = record.is_err();
            if sender.blocking_send(record).is_err() || failed {
                return;
            }
            *next = records.blocking_recv();
        }
    }

    fn of(&self, (log, own): &(LogName, bool)) -> Search {
        Search {
            shelves: self.shelves.clone(),
            trust: self.trust.clone(),
            opener: self.opener.clone(),
            filter: Filter::new(&self.query, self.behind.as_ref(), log),
            query: self.query.clone(),
            log: log.clone(),
            own: *own,
            tenant_keys: None,
            subjects: HashMap::new(),
            progress: Arc::clone(&self.progress),
            left: 0,
        }
    }
}

/// The search of one log.
struct Search {
    shelves: Shelves,
    trust: Trust,
    opener: Opener,
    filter: Filter,
    query: Query,
    log: LogName,
    own: bool,
    tenant_keys: Option<TenantKeys>,
    /// Keys of subjects that were met in this store's own log, `None` where they were destroyed.
    subjects: HashMap<String, Option<Arc<SubjectKey>>>,
    progress: Arc<QueryProgress>,
    left: u64,
}

impl Search {
    fn run(mut self, limit: u64, sender: &Sender) {
        self.left = limit;
        if let Err(Ended::Failed(error)) = self.search(sender) {
            // Nobody to tell it when the stream was dropped.
            drop(sender.blocking_send(Err(error)));
        }
    }

    fn search(&mut self, sender: &Sender) -> Result<(), Ended> {
        // Read before the segments: they can only have grown since.
        let mut signed = Marks::default();
        if self.own
            && let Some((checkpoint, _)) = read_checkpoint(&self.shelves.store, &self.log, &self.trust)?
        {
            signed.add(Head::from(&checkpoint), "")?;
        }
        let pieces = Piece::all(&self.shelves, &self.log, self.own)?;
        self.progress.found_segments(pieces.len());
        let last = pieces.last().map_or(0, |last| last.segment);
        let mut pieces = self.in_range(pieces)?;
        if self.query.newest_first {
            pieces.reverse();
        }
        for piece in pieces {
            let open_ended = (piece.segment == last).then_some(&signed);
            self.search_piece(&piece, open_ended, sender)?;
        }
        Ok(())
    }

    /// Returns the segments that can hold what is looked for by their place, in the order of the log.
    fn in_range(&self, mut pieces: Vec<Piece>) -> Result<Vec<Piece>> {
        let filter = &self.filter;
        let end = first_where(&pieces, |header| filter.is_past(header.created_us, header.before.size()))?;
        pieces.truncate(end);
        // The last segment that is not wholly behind is the one before the first that begins within.
        let start = first_where(&pieces, |header| !filter.is_behind(header))?;
        Ok(pieces.split_off(start.saturating_sub(1)))
    }

    fn search_piece(&mut self, piece: &Piece, signed: Option<&Marks>, sender: &Sender) -> Result<(), Ended> {
        let index = match piece.checkpoint(&self.trust)? {
            Some(closing) => piece.index(&closing).inspect_err(|error| {
                tracing::warn!(
                    error = error as &dyn std::error::Error,
                    "a whole segment is read for want of its index"
                );
            }),
            None => Err(AuditError::Closed),
        };
        let candidates = match index {
            Ok(index) => {
                let places = self.places(piece, index)?;
                if places.is_empty() {
                    return Ok(());
                }
                let reader = piece.open()?;
                let places = places
                    .into_iter()
                    .map(|place| Candidate { offset: place.offset.saturating_add(reader.start), ..place });
                (places.collect(), reader)
            }
            Err(_) => {
                let reader = piece.open()?;
                (self.scan(&reader, signed)?, reader)
            }
        };
        let (mut candidates, reader): (Vec<Candidate>, _) = candidates;
        self.progress.opened_segment();
        if candidates.is_empty() {
            return Ok(());
        }
        if self.query.newest_first {
            candidates.reverse();
        }
        let cipher = self.opener.segment(&reader)?;
        for candidate in candidates {
            self.look_at(&reader, &cipher, candidate, sender)?;
        }
        Ok(())
    }

    /// Returns the records that an index does not rule out, their offsets counted from the first frame.
    fn places(&mut self, piece: &Piece, index: Index) -> Result<Vec<Candidate>> {
        let mut sequence = index.first;
        let mut offset = 0_u64;
        let mut places = Vec::new();
        for entry in &index.entries {
            if self.filter.takes(entry.time_us, sequence) {
                places.push(Candidate { offset, length: entry.length, sequence });
            }
            sequence = sequence.saturating_add(1);
            offset = offset.saturating_add(entry.length.into());
        }
        let facets = self.facets();
        if places.is_empty() || facets.is_empty() {
            return Ok(places);
        }
        let first = index.first;
        let postings = self
            .tenant_keys(piece)?
            .open_postings(&piece.log, index)
            .ok_or_else(|| piece.corrupt(Part::Index, "what it says of the records was changed"))?;
        for any_of in facets {
            let found = Postings::find(&postings, &any_of)
                .ok_or_else(|| piece.corrupt(Part::Index, "what it says of the records cannot be read"))?;
            places.retain(|place| {
                let record = u32::try_from(place.sequence.saturating_sub(first)).unwrap_or(u32::MAX);
                found.binary_search(&record).is_ok()
            });
        }
        Ok(places)
    }

    /// Returns what a record must have, one of each group.
    fn facets(&self) -> Vec<Vec<u64>> {
        let Query { actions, principal, rpc, detectors, categories, labels, subject, .. } = &self.query;
        let mut groups: Vec<Vec<u64>> = vec![
            actions.iter().map(|action| Facet::Action(action.number()).hash()).collect(),
            principal.iter().map(|name| Facet::Principal(name).hash()).collect(),
            rpc.iter().map(|name| Facet::Rpc(name).hash()).collect(),
            detectors.iter().map(|name| Facet::Detector(name).hash()).collect(),
            categories.iter().map(|name| Facet::Category(name).hash()).collect(),
            subject.iter().map(|tag| Facet::Subject(tag).hash()).collect(),
        ];
        groups.extend(labels.iter().map(|(name, value)| vec![Facet::Label(name, value).hash()]));
        groups.retain(|group| !group.is_empty());
        groups
    }

    fn tenant_keys(&mut self, piece: &Piece) -> Result<TenantKeys> {
        if let Some(keys) = &self.tenant_keys {
            return Ok(keys.clone());
        }
        let tenant = &piece.log.tenant;
        let key = tenant_keys::read(&self.shelves, tenant, &self.trust)?.ok_or_else(|| {
            AuditError::corrupt(
                crate::files::object_name(tenant, tenant_keys::FILE),
                "the tenant's key is missing",
            )
        })?;
        let keys = self.opener.tenant_keys(&key, tenant)?;
        self.tenant_keys = Some(keys.clone());
        Ok(keys)
    }

    /// Returns the records of a segment without an index; `signed` is given for the last, whose end may still be in the
    /// making.
    fn scan(&self, reader: &SegmentReader, signed: Option<&Marks>) -> Result<Vec<Candidate>> {
        let mut sequence = reader.header.before.size();
        let mut frames = reader.frames()?;
        // A bounded segment has a bounded number of records.
        let mut found = Vec::new();
        loop {
            let offset = frames.offset();
            let frame = match frames.next()? {
                Next::End => break,
                Next::Damaged { torn: true, .. } if signed.is_some_and(|marks| !marks.need(sequence)) => {
                    break;
                }
                Next::Damaged { what, .. } => return Err(broken(reader, sequence, what)),
                Next::Frame(frame) if frame.clear.sequence != sequence => {
                    return Err(broken(reader, sequence, "another record stands in its place"));
                }
                Next::Frame(frame) => frame,
            };
            let Clear { time_us, id, .. } = frame.clear;
            if self.filter.takes(time_us, sequence) && self.filter.id.is_none_or(|wanted| wanted == id) {
                let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
                found.push(Candidate { offset, length, sequence });
            }
            sequence = sequence.saturating_add(1);
        }
        Ok(found)
    }

    fn look_at(
        &mut self,
        reader: &SegmentReader,
        cipher: &SegmentCipher,
        at: Candidate,
        sender: &Sender,
    ) -> Result<(), Ended> {
        if sender.is_closed() {
            return Err(Ended::Enough);
        }
        let frame = reader.frame_at(at.offset, at.length, at.sequence)?;
        if self.filter.id.is_some_and(|wanted| wanted != frame.clear.id) {
            return Ok(());
        }
        self.progress.opened_record();
        let leaf = frame.leaf(&reader.digest);
        let mut record = cipher.open(frame, leaf).map_err(|what| broken(reader, at.sequence, what))?;
        if !self.query.wants(&record.decision) {
            return Ok(());
        }
        self.open_contents(&reader.header.log, &mut record)?;
        sender.blocking_send(Ok(record)).map_err(|_nobody_listens| Ended::Enough)?;
        self.left = self.left.saturating_sub(1);
        if self.left == 0 { Err(Ended::Enough) } else { Ok(()) }
    }
}

impl Search {
    /// Opens what is under a subject's key; it stays sealed when that key was destroyed, or lies with another writer.
    fn open_contents(&mut self, log: &LogName, record: &mut AuditRecord) -> Result<()> {
        let AuditRecord { decision: record, contents_elsewhere, .. } = record;
        let Some(tag) = record.subject.clone().filter(|_| record.sealed_contents.is_some()) else {
            return Ok(());
        };
        if !subject::is_tag(&tag) {
            return Ok(());
        }
        if !self.own {
            *contents_elsewhere = true;
            return Ok(());
        }
        if self.subjects.len() >= MOST_SUBJECTS {
            self.subjects.clear();
        }
        let key = match self.subjects.get(&tag) {
            Some(key) => key.clone(),
            None => {
                let key = self.opener.subject(&self.shelves.store, log, &tag, &self.trust)?.map(Arc::new);
                self.subjects.insert(tag.clone(), key.clone());
                key
            }
        };
        if let Some(Err(what)) = key.map(|key| key.open(record)) {
            // The key of the time after an erasure does not open what was before it.
            tracing::debug!(what, subject = tag, "contents stay sealed");
        }
        Ok(())
    }
}

/// Returns how many segments come before the first whose header is `wanted`, as those behind it are.
fn first_where(pieces: &[Piece], wanted: impl Fn(&SegmentHeader) -> bool) -> Result<usize> {
    let (mut low, mut high) = (0, pieces.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let Some(piece) = pieces.get(middle) else { break };
        if wanted(&piece.header()?) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

fn broken(reader: &SegmentReader, sequence: u64, what: &str) -> AuditError {
    AuditError::corrupt(format!("{} record {sequence}", reader.piece.object(Part::Records)), what)
}

/// Times of records are whole microseconds: a bound between two of them is the later one.
fn microseconds_up(time: Timestamp) -> i64 {
    let whole = time.as_microsecond();
    if time.as_nanosecond() > i128::from(whole) * 1000 { whole.saturating_add(1) } else { whole }
}
