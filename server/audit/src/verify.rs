//! Checking that a store is what was written.

use std::collections::BTreeSet;
use std::path::Path;

use crate::chain::{LOG, Position};
use crate::files::{list_tenants, log_directory};
use crate::frame::Frame;
use crate::head_keeper::LIST_FILE;
use crate::recover::{listed_logs, marks_of, signed_head};
use crate::segment::{SegmentReader, object_name};
use crate::statement::List;
use crate::store::Opener;
use crate::trust::Trust;
use crate::walk::{Marks, Torn, contiguous_segments, walk_segment};
use crate::{AuditError, Result, Tenant};

/// Progress is told once in so many records.
const TELL_EVERY: u64 = 1024;

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
    /// Logs that were checked.
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
    pub(crate) store: &'a Path,
    pub(crate) trust: &'a Trust,
    /// Opens records, when the keys are at hand.
    pub(crate) opener: Option<Opener>,
    pub(crate) progress: &'a mut (dyn FnMut(Progress) + Send),
}

impl Verifier<'_> {
    pub(crate) fn run(mut self, tenant: Option<Tenant>) -> Result<VerifyReport> {
        let mut report = VerifyReport { decrypted: self.opener.is_some(), ..VerifyReport::default() };
        match self.check(tenant, &mut report) {
            Ok(()) => {}
            Err(AuditError::Corrupt { object, what }) => report.problem = Some(Problem { object, what }),
            Err(error) => return Err(error),
        }
        (self.progress)(Progress { records: report.records, segments: report.segments });
        Ok(report)
    }

    fn check(&mut self, tenant: Option<Tenant>, report: &mut VerifyReport) -> Result<()> {
        // In this order a running writer cannot make a whole store look broken: a log is listed before it has a
        // segment, and a head is signed after what it signs is on disk.
        let with_segments = match &tenant {
            // One tenant's verification says nothing of another's log.
            Some(tenant) => vec![tenant.clone()],
            None => list_tenants(self.store).map_err(|error| AuditError::io("the audit store", error))?,
        };
        let with_segments = self.having_segments(with_segments)?;
        let listed = listed_logs(self.store, self.trust)?;
        let known = listed.iter().flat_map(|list| list.heads.keys().cloned());
        let tenants: BTreeSet<Tenant> = with_segments.into_iter().chain(known).collect();
        for tenant in tenants.iter().filter(|one| tenant.as_ref().is_none_or(|wanted| wanted == *one)) {
            let before = report.clone();
            match self.check_log(tenant, listed.as_ref(), report) {
                // A writer that began meanwhile has said so before it appended anything.
                Err(AuditError::Corrupt { .. }) if self.was_reopened(listed.as_ref())? => {
                    report.clone_from(&before);
                    self.check_log(tenant, listed_logs(self.store, self.trust)?.as_ref(), report)?;
                }
                checked => checked?,
            }
            report.tenants = report.tenants.saturating_add(1);
        }
        Ok(())
    }

    fn was_reopened(&self, listed: Option<&List>) -> Result<bool> {
        Ok(listed.is_some_and(|list| list.closed)
            && listed_logs(self.store, self.trust)?.is_some_and(|list| !list.closed))
    }

    fn having_segments(&self, mut tenants: Vec<Tenant>) -> Result<Vec<Tenant>> {
        let mut broken = None;
        tenants.retain(|tenant| match contiguous_segments(self.store, tenant) {
            Ok(last) => last > 0,
            Err(error) => {
                broken.get_or_insert(error);
                true
            }
        });
        broken.map_or(Ok(tenants), Err)
    }

    fn check_log(&mut self, tenant: &Tenant, listed: Option<&List>, report: &mut VerifyReport) -> Result<()> {
        if !log_directory(self.store, tenant).is_dir() {
            let object = format!("{LOG}/{}", tenant.path_name());
            return Err(AuditError::corrupt(object, format!("the log is missing, and {LIST_FILE} signs it")));
        }
        let marks = marks_of(tenant, signed_head(self.store, tenant, self.trust)?, listed)?;
        if let Some(opener) = &self.opener {
            opener.check_digest_key(self.store, tenant)?;
        }
        let last = contiguous_segments(self.store, tenant)?;
        let mut at = Position::start(tenant);
        for segment in 1..=last {
            at = self.check_segment(tenant, at, &marks, segment == last, report)?;
        }
        match marks.missing(at) {
            Some(what) => Err(AuditError::corrupt(object_name(tenant, last.max(1)), what)),
            None => Ok(()),
        }
    }

    fn check_segment(
        &mut self,
        tenant: &Tenant,
        before: Position,
        marks: &Marks,
        is_last: bool,
        report: &mut VerifyReport,
    ) -> Result<Position> {
        let segment = before.segment.saturating_add(1);
        let mut reader = SegmentReader::open(&log_directory(self.store, tenant), tenant, segment)?;
        let at_its_place = reader.header.tenant == *tenant && reader.header.segment == segment;
        // A segment that belongs elsewhere is named as that below, and not for its key.
        let cipher = match &self.opener {
            Some(opener) if at_its_place => Some(opener.segment(&reader.header)?),
            _ => None,
        };
        report.segments = report.segments.saturating_add(1);
        let (progress, told) = (&mut *self.progress, &mut *report);
        let mut each = |frame: &Frame| {
            if let Some(cipher) = &cipher {
                cipher.open(frame.clone())?;
            }
            told.records = told.records.saturating_add(1);
            if told.records.is_multiple_of(TELL_EVERY) {
                progress(Progress { records: told.records, segments: told.segments });
            }
            Ok(())
        };
        let (at, torn) = walk_segment(&mut reader, tenant, before, marks, is_last, &mut each)?;
        if let Some(Torn { offset }) = torn {
            report.unfinished_bytes = reader.end().saturating_sub(offset);
        }
        Ok(at)
    }
}
