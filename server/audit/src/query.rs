//! Looking for records.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_util::Stream;
use jiff::Timestamp;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::note::Trust;
use crate::page;
use crate::piece::Shelves;
use crate::record::{Action, AuditRecord, NewRecord};
use crate::search::Searches;
use crate::store::Opener;
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
    /// Records of this RPC.
    pub rpc: Option<String>,
    /// Records with a finding of one of these detectors.
    pub detectors: Vec<String>,
    /// Records with a finding of one of these categories.
    pub categories: Vec<String>,
    /// Records with all of these labels.
    pub labels: BTreeMap<String, String>,
    /// Records whose contents are about this subject: the tag that is in them, not the id that the caller gave.
    pub subject: Option<String>,
    /// Records of reads of the log too. Without, they are found by their RPC or id alone.
    pub reads: bool,
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
            rpc: None,
            detectors: Vec::new(),
            categories: Vec::new(),
            labels: BTreeMap::new(),
            subject: None,
            reads: false,
            record_id: None,
            newest_first: false,
            limit: None,
            page_token: None,
        }
    }

    /// Returns the token that goes on behind a record of this query's answer. It stays good while the query is the
    /// same, limit and token aside.
    pub fn page_token_after(&self, record: &AuditRecord) -> String {
        page::token_after(self, record)
    }

    /// Returns whether the page token, if there is one, is of this query.
    pub fn takes_page_token(&self) -> bool {
        self.page_token.as_deref().is_none_or(|token| page::place_of(self, token).is_ok())
    }

    /// Returns whether a record is looked for, as far as its place does not tell.
    pub(crate) fn wants(&self, decision: &NewRecord) -> bool {
        let Self { actions, principal, rpc, detectors, categories, labels, subject, .. } = self;
        if decision.is_read() && !self.reads && rpc.is_none() && self.record_id.is_none() {
            return false;
        }
        let is =
            |wanted: &Option<String>, value: &String| wanted.as_ref().is_none_or(|wanted| wanted == value);
        (actions.is_empty() || actions.contains(&decision.action))
            && is(principal, &decision.principal)
            && is(rpc, &decision.rpc)
            && (detectors.is_empty()
                || decision.findings.iter().any(|finding| detectors.contains(&finding.detector)))
            && (categories.is_empty()
                || decision.findings.iter().any(|finding| categories.contains(&finding.category)))
            && (subject.is_none() || *subject == decision.subject)
            && labels.iter().all(|(name, value)| decision.labels.get(name) == Some(value))
    }
}

/// How much of a log a query has had to read so far.
#[derive(Debug, Default)]
pub struct QueryProgress {
    segments: AtomicU64,
    opened: AtomicU64,
    records: AtomicU64,
}

impl QueryProgress {
    /// Returns how many segments the log has.
    pub fn segments(&self) -> u64 {
        self.segments.load(Ordering::Relaxed)
    }

    /// Returns how many of them were opened: those that can hold an answer.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Returns how many records were decrypted.
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    pub(crate) fn found_segments(&self, count: usize) {
        self.segments.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn opened_segment(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn opened_record(&self) {
        self.records.fetch_add(1, Ordering::Relaxed);
    }
}

/// The answer to a [`Query`], read on a thread of its own while it is taken; dropping it ends the search.
#[derive(Debug)]
pub struct RecordStream {
    records: mpsc::Receiver<Result<AuditRecord>>,
    progress: Arc<QueryProgress>,
}

impl RecordStream {
    pub(crate) fn start(shelves: Shelves, trust: Trust, opener: Opener, query: Query) -> Result<Self> {
        let behind = query.page_token.as_deref().map(|token| page::place_of(&query, token)).transpose()?;
        let (sender, records) = mpsc::channel(READ_AHEAD);
        let progress = Arc::new(QueryProgress::default());
        let search = Searches { shelves, trust, opener, query, behind, progress: Arc::clone(&progress) };
        // Not on the runtime's blocking threads: a reader may take its time, and those are needed for more.
        std::thread::Builder::new()
            .name("audit-query".to_owned())
            .spawn(move || search.run(&sender))
            .map_err(|error| AuditError::io("a thread", error))?;
        Ok(Self { records, progress })
    }

    /// Returns the next record; `None` at the end. Nothing follows an error.
    pub async fn next(&mut self) -> Option<Result<AuditRecord>> {
        self.records.recv().await
    }

    /// Returns how much was read so far.
    pub fn progress(&self) -> &Arc<QueryProgress> {
        &self.progress
    }
}

impl Stream for RecordStream {
    type Item = Result<AuditRecord>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.records.poll_recv(context)
    }
}
