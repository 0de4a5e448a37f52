//! Checking that a store is what was written.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use jiff::Timestamp;

use crate::checkpoint::Checkpoint;
use crate::files::{
    OUTBOX, Part, closed_segments, entries, had_writer, list_tenants, log_directory, object_name, read_id,
    read_if_there,
};
use crate::list::{Head, List};
use crate::name::{LogId, LogName};
use crate::note::Trust;
use crate::piece::{Piece, Shelves};
use crate::recover::{closings, marks_of, missing_log, read_checkpoint, read_list};
use crate::rewrap;
use crate::store::Opener;
use crate::subject;
use crate::tenant_keys;
use crate::verify_segments::Segments;
use crate::verify_subjects::Subjects;
use crate::walk::Marks;
use crate::wrapped_key::WrappedKey;
use crate::{AuditError, Result, Tenant};

/// What to verify: everything by default.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// One tenant's log alone.
    pub tenant: Option<Tenant>,
    /// The segments that can hold records made at or after this time alone. All checkpoints are checked anyway, and
    /// that the log does not end before the last of them.
    pub start: Option<Timestamp>,
    /// The segments that can hold records made before this time alone.
    pub end: Option<Timestamp>,
    /// Checkpoints that were kept elsewhere: the log must still be the one that they sign.
    pub checkpoints: Vec<Checkpoint>,
    /// How many threads check segments; by default one a core.
    pub threads: Option<NonZeroUsize>,
}

/// How far a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Records checked so far.
    pub records: u64,
    /// Segments begun so far.
    pub segments: u64,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Records that are whole and at their place.
    pub records: u64,
    /// Segments that were checked.
    pub segments: u64,
    /// Tenants whose logs were checked; 0 when there is nothing, so that nothing was verified.
    pub tenants: u64,
    /// True when every record was opened too.
    pub decrypted: bool,
    /// Bytes behind the last record that a writer is about to finish, or that a crash left; the next start cuts them
    /// off. Nothing acknowledged is in them.
    pub unfinished_bytes: u64,
    /// The first thing that is not as it was written.
    pub problem: Option<Problem>,
}

/// Something in a store that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, relative to the store, and the record where there is one.
    pub object: String,
    /// What is wrong with it.
    pub what: String,
}

/// One verification.
pub(crate) struct Verifier<'a> {
    pub(crate) shelves: &'a Shelves,
    pub(crate) trust: &'a Trust,
    /// Opens records, when the keys are at hand.
    pub(crate) opener: Option<Opener>,
    pub(crate) options: VerifyOptions,
    pub(crate) progress: &'a mut (dyn FnMut(Progress) + Send),
}

impl Verifier<'_> {
    pub(crate) fn run(mut self) -> Result<VerifyReport> {
        let mut report = VerifyReport { decrypted: self.opener.is_some(), ..VerifyReport::default() };
        match self.check(&mut report) {
            Ok(()) => {}
            Err(AuditError::Corrupt { object, what }) => report.problem = Some(Problem { object, what }),
            Err(error) => return Err(error),
        }
        (self.progress)(Progress { records: report.records, segments: report.segments });
        Ok(report)
    }

    fn check(&mut self, report: &mut VerifyReport) -> Result<()> {
        // In this order a running writer cannot make a whole store look broken: a log is listed before it has a
        // segment, and a checkpoint is signed after what it signs is on disk.
        let store = &self.shelves.store;
        let there = list_tenants(store).map_err(|error| AuditError::io("the audit store", error))?;
        let id = read_id(store)?;
        if id.is_none() && !there.is_empty() {
            return Err(AuditError::corrupt(OUTBOX, "the writer's id is missing, and there are logs"));
        }
        if id.is_none() && had_writer(store) && self.is_archive_here()? {
            return Err(AuditError::corrupt(
                OUTBOX,
                "the writer's id is missing, and logs are archived here",
            ));
        }
        let mut logs = BTreeSet::new();
        let mut listed = None;
        if let Some(id) = &id {
            let with_segments = self.having_segments(there, id)?;
            listed = read_list(store, id, self.trust)?;
            let known = listed.iter().flat_map(|list| list.heads.keys().cloned());
            let own = with_segments.into_iter().chain(known);
            logs.extend(own.map(|tenant| LogName { tenant, id: id.clone() }));
        }
        logs.extend(self.archived()?);
        // One tenant's verification says nothing of another's log.
        logs.retain(|log| self.options.tenant.as_ref().is_none_or(|wanted| *wanted == log.tenant));
        self.check_given(&logs)?;
        let mut tenants = BTreeSet::new();
        for log in &logs {
            if id.as_ref() == Some(&log.id) {
                self.check_own_log(log, listed.as_ref(), report)?;
            } else {
                self.check_log(log, Marks::default(), false, report)?;
            }
            tenants.insert(&log.tenant);
        }
        report.tenants = tenants.len() as u64;
        Ok(())
    }

    /// Returns whether something is archived in this store's own directory. What lies in an object store may be of
    /// other writers.
    fn is_archive_here(&self) -> Result<bool> {
        match &self.shelves.archive {
            Some(archive) if archive.is_directory() => Ok(!archive.tenants()?.is_empty()),
            _ => Ok(false),
        }
    }

    /// Returns the logs that have something archived.
    fn archived(&self) -> Result<BTreeSet<LogName>> {
        let Some(archive) = &self.shelves.archive else { return Ok(BTreeSet::new()) };
        let tenants = match &self.options.tenant {
            Some(tenant) => BTreeSet::from([tenant.clone()]),
            None => archive.tenants()?,
        };
        let mut logs = BTreeSet::new();
        for tenant in tenants {
            let ids = archive.segments(&tenant)?.into_iter().map(|archived| archived.id);
            logs.extend(ids.map(|id| LogName { tenant: tenant.clone(), id }));
        }
        Ok(logs)
    }

    /// Checks that there is a log for every checkpoint that was kept elsewhere.
    fn check_given(&self, logs: &BTreeSet<LogName>) -> Result<()> {
        let known = |given: &&Checkpoint| logs.iter().any(|log| log.origin() == given.origin);
        match self.options.checkpoints.iter().find(|given| !known(given)) {
            Some(given) => {
                Err(AuditError::corrupt(&given.origin, "the log is missing, and a given checkpoint signs it"))
            }
            None => Ok(()),
        }
    }

    fn having_segments(&self, mut tenants: Vec<Tenant>, id: &LogId) -> Result<Vec<Tenant>> {
        if let Some(wanted) = &self.options.tenant {
            tenants.retain(|tenant| tenant == wanted);
        }
        let mut broken = None;
        tenants.retain(|tenant| {
            let log = LogName { tenant: tenant.clone(), id: id.clone() };
            match Piece::all_in_outbox(&self.shelves.store, &log) {
                Ok(pieces) => !pieces.is_empty(),
                Err(error) => {
                    broken.get_or_insert(error);
                    true
                }
            }
        });
        broken.map_or(Ok(tenants), Err)
    }

    /// Checks a log of this store's writer.
    fn check_own_log(
        &mut self,
        log: &LogName,
        listed: Option<&List>,
        report: &mut VerifyReport,
    ) -> Result<()> {
        let store = &self.shelves.store;
        if !log_directory(store, &log.tenant).is_dir() {
            return Err(missing_log(&log.tenant));
        }
        let checkpoint = read_checkpoint(store, log, self.trust)?.map(|(checkpoint, _)| checkpoint);
        let mut marks = marks_of(log, checkpoint.as_ref(), listed)?;
        // What was left of closed segments when they went to the archive.
        let closed = closed_segments(&log_directory(store, &log.tenant));
        for segment in closed.map_err(|error| AuditError::io("the audit store", error))? {
            let piece = Piece::in_outbox(store, log, segment);
            if let Some(closing) = piece.checkpoint(self.trust)? {
                marks.add(Head::from(&closing), &piece.object(Part::Checkpoint))?;
            }
        }
        self.check_log(log, marks, true, report)
    }

    fn check_log(
        &mut self,
        log: &LogName,
        mut marks: Marks,
        own: bool,
        report: &mut VerifyReport,
    ) -> Result<()> {
        for given in self.options.checkpoints.iter().filter(|given| given.origin == log.origin()) {
            marks.add(Head::from(given), "a given checkpoint")?;
        }
        self.check_tenant_key(&log.tenant)?;
        let keys = if own { self.check_subject_keys(log)? } else { BTreeSet::new() };
        if let Some(archive) = &self.shelves.archive {
            rewrap::check(archive, &log.tenant, self.trust)?;
        }
        let pieces = Piece::all(self.shelves, log, own)?;
        let closings = closings(&pieces, &mut marks, self.trust)?;
        let mut wanted = vec![true; pieces.len()];
        for (index, (piece, wanted)) in pieces.iter().zip(&mut wanted).enumerate() {
            let next = pieces.get(index.saturating_add(1));
            *wanted = match closings.get(index) {
                Some(closing) => {
                    let before = index.checked_sub(1).and_then(|before| closings.get(before));
                    self.is_wanted(piece, next)? || self.is_given_within(before, closing)
                }
                None => true,
            };
        }
        let segments = Segments {
            pieces: &pieces,
            closings: &closings,
            wanted: &wanted,
            marks: &marks,
            opener: self.opener.as_ref(),
        };
        let threads = self.options.threads.map_or_else(available_threads, NonZeroUsize::get);
        let (end, subjects) = segments.check(threads, report, self.progress)?;
        let last = pieces.last();
        if let Some(what) = marks.missing(end.tree.size()) {
            let object = object_name(&log.tenant, "");
            return Err(AuditError::corrupt(last.map_or(object, |last| last.object(Part::Records)), what));
        }
        // The record of an erasure may stand in what a range leaves out.
        let whole = !wanted.contains(&false);
        if own && whole { self.check_kept_subjects(log, &subjects, &keys) } else { Ok(()) }
    }

    /// Checks that the keys of subjects are there whose erasure is not on record; without the keys at hand nobody knows
    /// whose contents there are. `before` are those that were there before the records were read: one that went
    /// meanwhile was erased by a record behind them.
    fn check_kept_subjects(
        &self,
        log: &LogName,
        subjects: &Subjects,
        before: &BTreeSet<String>,
    ) -> Result<()> {
        let gone =
            |tag: &&String| !before.contains(*tag) && !subject::path(&self.shelves.store, log, tag).exists();
        match subjects.kept().find(gone) {
            Some(tag) => Err(AuditError::corrupt(
                subject::object(log, tag),
                "the subject's key is missing, and no erasure of it is on record",
            )),
            None => Ok(()),
        }
    }

    fn check_tenant_key(&self, tenant: &Tenant) -> Result<()> {
        let own = Shelves { archive: None, ..self.shelves.clone() };
        // A copy that is shared among writers and the one that this writer uses: neither may have been changed.
        let shared = Shelves { store: PathBuf::from("/dev/null"), ..self.shelves.clone() };
        let own = tenant_keys::read(&own, tenant, self.trust)?;
        let shared = tenant_keys::read(&shared, tenant, self.trust)?;
        let object = object_name(tenant, tenant_keys::FILE);
        if let (Some(own), Some(shared)) = (&own, &shared)
            && own != shared
        {
            return Err(AuditError::corrupt(object, "it is not the key that the tenant's writers share"));
        }
        match own.or(shared) {
            Some(key) => match &self.opener {
                Some(opener) => opener.tenant_keys(&key, tenant).map(drop),
                None => Ok(()),
            },
            None => Err(AuditError::corrupt(object, "the tenant's key is missing")),
        }
    }

    /// Checks the wrapped keys of subjects in this store's own log; those of another lie with its writer. Returns whose are there:
    /// that one is gone may be what erasing is.
    fn check_subject_keys(&self, log: &LogName) -> Result<BTreeSet<String>> {
        let failed = |error| AuditError::io("the keys of subjects", error);
        let mut files = entries(&subject::directory(&self.shelves.store, log)).map_err(failed)?;
        files.sort_unstable();
        let mut there = BTreeSet::new();
        for file in &files {
            let Some(tag) = subject::tag_of(file) else { continue };
            let note = read_if_there(&subject::path(&self.shelves.store, log, tag)).map_err(failed)?;
            let Some(note) = note else { continue };
            WrappedKey::open(&note, self.trust, &subject::origin(log, tag))
                .map_err(|what| AuditError::corrupt(subject::object(log, tag), what))?;
            there.insert(tag.to_owned());
        }
        Ok(there)
    }

    /// Returns whether a checkpoint that was kept elsewhere was signed within a closed segment.
    fn is_given_within(&self, before: Option<&Checkpoint>, closing: &Checkpoint) -> bool {
        let first = before.map_or(0, |before| before.size);
        let mut given = self.options.checkpoints.iter().filter(|given| given.origin == closing.origin);
        given.any(|given| first < given.size && given.size < closing.size)
    }

    /// Returns whether a segment can hold records of the time that is asked for.
    fn is_wanted(&self, piece: &Piece, next: Option<&Piece>) -> Result<bool> {
        let VerifyOptions { start, end, .. } = self.options;
        if let Some(end) = end
            && piece.header()?.created_us >= end.as_microsecond()
        {
            return Ok(false);
        }
        match (start, next) {
            (Some(start), Some(next)) => Ok(next.header()?.created_us >= start.as_microsecond()),
            _ => Ok(true),
        }
    }
}

fn available_threads() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}
