//! Detection and what follows from it, in one go where the text is: findings in all units, digests, redacted text.
//!
//! It is a plain function over owned values, so that it runs on the pool; what leaves it holds no text but the
//! redacted one.

use llm_shield_audit::{self as audit, ContentMode, DigestKey};
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
    /// The contents that the audit log is to keep.
    pub(super) kept: Vec<audit::KeptContent>,
}

/// What the audit log is to keep of contents, and the keys that it takes.
pub(super) struct Keep<'k> {
    pub(super) digest: &'k DigestKey,
    pub(super) mode: ContentMode,
    /// There where contents are to be redacted.
    pub(super) keys: Option<&'k RedactionKeys>,
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
    keep: &Keep<'_>,
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
            let mut made = record::finding(finding, &piece.id);
            if keep.mode == ContentMode::Fingerprint {
                let value = piece.text.expose().get(finding.span.range());
                made.fingerprint = value.map(|value| keep.digest.digest(value));
            }
            recorded.push(made);
        }
    }
    let digests = job.pieces.iter().map(|piece| keep.digest.digest(piece.text.expose())).collect();
    let kept = kept(job, &report, keep);
    Decision { report, findings, recorded, digests, kept }
}

/// Returns the contents that the audit log is to keep.
fn kept(job: &Job, report: &Report, keep: &Keep<'_>) -> Vec<audit::KeptContent> {
    let of = |piece: &Piece, text: String| audit::KeptContent { content_id: piece.id.clone(), text };
    match (keep.mode, keep.keys) {
        (ContentMode::Sealed, _) => {
            job.pieces.iter().map(|piece| of(piece, piece.text.expose().to_owned())).collect()
        }
        (ContentMode::Redacted, Some(keys)) => {
            let mut conversation = Conversation::default();
            by_piece(job, report)
                .map(|(piece, found)| {
                    let text = piece.text.expose();
                    of(piece, detect::redact_in(text, found, &job.policy, keys, &mut conversation).text)
                })
                .collect()
        }
        _ => Vec::new(),
    }
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
