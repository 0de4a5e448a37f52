//! Detection and what follows from it, in one go where the text is: findings in all units, digests, redacted text.
//!
//! It is a plain function over owned values, so that it runs on the pool; what leaves it holds no text but the
//! redacted one.

use llm_shield_audit::{self as audit, DigestKey};
use llm_shield_detect::{
    self as detect, Cancel, Conversation, Engine, OffsetIndex, RedactionKeys, Report, ScanOptions,
};
use llm_shield_proto::v1;

use super::{
    job::{Job, Piece},
    map, record,
};

/// The most findings that an answer and its record carry; the action takes all of them into account.
pub(super) const MAX_FINDINGS: usize = 10_000;

/// What was decided on a job.
pub(super) struct Decision {
    pub(super) report: Report,
    pub(super) findings: Vec<v1::Finding>,
    pub(super) recorded: Vec<audit::Finding>,
    pub(super) digests: Vec<String>,
}

impl Decision {
    pub(super) const fn truncated(&self) -> bool {
        self.report.findings.len() > MAX_FINDINGS
    }
}

/// Scans.
pub(super) fn scan(
    engine: &Engine,
    job: &Job,
    digest: &DigestKey,
    options: &ScanOptions,
    cancel: &Cancel,
) -> Decision {
    let report = engine.scan_with(&job.request(), &job.policy, options, cancel);
    let mut findings = Vec::with_capacity(report.findings.len().min(MAX_FINDINGS));
    let mut recorded = Vec::with_capacity(findings.capacity());
    for (piece, found) in by_piece(job, &report) {
        if found.is_empty() {
            continue;
        }
        let index = OffsetIndex::new(piece.text.expose());
        let room = MAX_FINDINGS.saturating_sub(findings.len());
        for finding in found.iter().take(room) {
            findings.push(map::finding(finding, &piece.id, &index));
            recorded.push(record::finding(finding, &piece.id));
        }
    }
    let digests = job.pieces.iter().map(|piece| digest.digest(piece.text.expose())).collect();
    Decision { report, findings, recorded, digests }
}

/// Redacts what a scan found. The pieces share the conversation, so that a number stands for one value in all of them.
pub(super) fn redact(
    decision: &Decision,
    job: &Job,
    keys: &RedactionKeys,
    conversation: &mut Conversation,
) -> Vec<v1::RedactedContent> {
    by_piece(job, &decision.report)
        .map(|(piece, found)| {
            let text = piece.text.expose();
            let redacted = detect::redact_in(text, found, &job.policy, keys, conversation);
            let (before, after) = (OffsetIndex::new(text), OffsetIndex::new(&redacted.text));
            let redactions = redacted
                .redactions
                .iter()
                .map(|redaction| v1::Redaction {
                    entity: redaction.entity.to_string(),
                    rule_id: redaction.rule_id.to_string(),
                    operator: redaction.operator.to_owned(),
                    original: Some(map::span(&before.span(redaction.original))),
                    redacted: Some(map::span(&after.span(redaction.redacted))),
                })
                .collect();
            v1::RedactedContent { id: piece.id.clone(), redactions, text: redacted.text }
        })
        .collect()
}

/// Gives each piece its findings, which the engine sorts by content.
fn by_piece<'d>(
    job: &'d Job,
    report: &'d Report,
) -> impl Iterator<Item = (&'d Piece, &'d [detect::Finding])> {
    job.pieces.iter().enumerate().map(|(index, piece)| {
        let findings = &report.findings;
        let start = findings.partition_point(|finding| finding.content < index);
        let end = findings.partition_point(|finding| finding.content <= index);
        (piece, findings.get(start..end).unwrap_or_default())
    })
}
