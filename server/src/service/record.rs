//! Between decisions, the audit log's records and the schema's.

use llm_shield_audit as audit;
use llm_shield_detect as detect;
use llm_shield_proto::v1;
use prost_types::Timestamp;

use super::{context::Context, decide::Decision, job::Job};

/// Makes the record of a decision.
pub(super) fn of(context: &Context, rpc: &str, job: Job, decision: &mut Decision) -> audit::NewRecord {
    let report = &decision.report;
    audit::NewRecord {
        tenant: context.caller.tenant.clone(),
        principal: context.caller.principal.clone(),
        rpc: rpc.to_owned(),
        request_id: context.request_id.to_string(),
        direction: match job.direction {
            detect::Direction::Input => audit::Direction::Input,
            detect::Direction::Output => audit::Direction::Output,
        },
        verdict: match report.verdict {
            detect::Verdict::Benign => audit::Verdict::Benign,
            detect::Verdict::Suspicious => audit::Verdict::Suspicious,
            detect::Verdict::Sensitive => audit::Verdict::Sensitive,
            detect::Verdict::Malicious => audit::Verdict::Malicious,
            detect::Verdict::Undetermined => audit::Verdict::Undetermined,
        },
        action: match report.action {
            detect::Action::Allow => audit::Action::Allow,
            detect::Action::Flag => audit::Action::Flag,
            detect::Action::Redact => audit::Action::Redact,
            detect::Action::Block => audit::Action::Block,
        },
        policy: audit::Policy { name: job.policy_name.clone(), digest: job.policy.digest().to_string() },
        findings: std::mem::take(&mut decision.recorded),
        content_digests: std::mem::take(&mut decision.digests),
        coverage: audit::Coverage {
            bytes_total: report.coverage.bytes_total as u64,
            bytes_scanned: report.coverage.bytes_scanned as u64,
        },
        duration_us: context.duration_us(),
        degraded: report.degraded,
        labels: job.labels,
        model: String::new(),
        detectors: report.detectors.iter().filter_map(run).collect(),
        content: audit::ContentMode::None,
        kept: std::mem::take(&mut decision.kept),
        subject: None,
        sealed_contents: None,
    }
}

fn run(report: &detect::DetectorReport) -> Option<audit::DetectorRun> {
    let status = match report.status {
        detect::DetectorStatus::Ok => audit::DetectorOutcome::Ok,
        detect::DetectorStatus::TimedOut => audit::DetectorOutcome::TimedOut,
        detect::DetectorStatus::Failed => audit::DetectorOutcome::Failed,
        detect::DetectorStatus::Shadow => audit::DetectorOutcome::Shadow,
        detect::DetectorStatus::Skipped => return None,
    };
    let duration_us = u64::try_from(report.duration.as_micros()).unwrap_or(u64::MAX);
    Some(audit::DetectorRun { detector: report.detector.to_string(), status, duration_us })
}

/// Says where a record stands in the schema's words.
pub(super) fn receipt(receipt: &audit::Receipt) -> v1::AuditReceipt {
    v1::AuditReceipt {
        record_id: receipt.id.to_string(),
        log_id: receipt.log().to_owned(),
        leaf_index: receipt.sequence,
        leaf_hash: receipt.leaf_hash.to_vec(),
    }
}

pub(super) fn finding(finding: &detect::Finding, content_id: &str) -> audit::Finding {
    audit::Finding {
        content_id: content_id.to_owned(),
        detector: finding.detector.to_string(),
        category: finding.category.to_string(),
        entity: finding.entity.to_string(),
        rule_id: finding.rule_id.to_string(),
        severity: match finding.severity {
            detect::Severity::Info => audit::Severity::Info,
            detect::Severity::Low => audit::Severity::Low,
            detect::Severity::Medium => audit::Severity::Medium,
            detect::Severity::High => audit::Severity::High,
            detect::Severity::Critical => audit::Severity::Critical,
        },
        score: finding.score,
        start_byte: finding.span.start as u64,
        end_byte: finding.span.end as u64,
        fingerprint: None,
    }
}

/// Says a record in the schema's words; contents are for those who may restore values.
pub(super) fn shown(record: audit::AuditRecord, with_contents: bool) -> v1::AuditRecord {
    let decision = record.decision;
    v1::AuditRecord {
        id: record.id.to_string(),
        sequence: record.sequence,
        time: Some(Timestamp { seconds: record.time.as_second(), nanos: record.time.subsec_nanosecond() }),
        tenant: decision.tenant.into(),
        principal: decision.principal,
        rpc: decision.rpc,
        request_id: decision.request_id,
        direction: match decision.direction {
            audit::Direction::Input => v1::Direction::Input,
            audit::Direction::Output => v1::Direction::Output,
        }
        .into(),
        verdict: match decision.verdict {
            audit::Verdict::Benign => v1::Verdict::Benign,
            audit::Verdict::Suspicious => v1::Verdict::Suspicious,
            audit::Verdict::Sensitive => v1::Verdict::Sensitive,
            audit::Verdict::Malicious => v1::Verdict::Malicious,
            audit::Verdict::Undetermined => v1::Verdict::Undetermined,
        }
        .into(),
        action: action(decision.action).into(),
        policy: Some(v1::PolicyInfo { name: decision.policy.name, digest: decision.policy.digest }),
        findings: decision.findings.into_iter().map(shown_finding).collect(),
        content_digests: decision.content_digests,
        coverage: Some(v1::Coverage {
            truncated: false,
            bytes_total: decision.coverage.bytes_total,
            bytes_scanned: decision.coverage.bytes_scanned,
        }),
        duration_us: decision.duration_us,
        degraded: decision.degraded,
        labels: decision.labels.into_iter().collect(),
        log_id: record.log,
        leaf_hash: record.leaf_hash.to_vec(),
        model_id: decision.model,
        detectors: decision.detectors.into_iter().map(shown_run).collect(),
        content_mode: match decision.content {
            audit::ContentMode::None => v1::AuditContentMode::Unspecified,
            audit::ContentMode::Fingerprint => v1::AuditContentMode::Fingerprint,
            audit::ContentMode::Redacted => v1::AuditContentMode::Redacted,
            audit::ContentMode::Sealed => v1::AuditContentMode::Sealed,
        }
        .into(),
        contents: decision
            .kept
            .into_iter()
            .filter(|_| with_contents)
            .map(|kept| v1::AuditContent { content_id: kept.content_id, text: kept.text })
            .collect(),
        subject_tag: decision.subject.unwrap_or_default(),
        contents_erased: decision.sealed_contents.is_some() && !record.contents_elsewhere,
    }
}

fn shown_run(run: audit::DetectorRun) -> v1::AuditDetector {
    let status = match run.status {
        audit::DetectorOutcome::Ok => v1::DetectorStatus::Ok,
        audit::DetectorOutcome::TimedOut => v1::DetectorStatus::TimedOut,
        audit::DetectorOutcome::Failed => v1::DetectorStatus::Failed,
        audit::DetectorOutcome::Shadow => v1::DetectorStatus::Shadow,
    };
    v1::AuditDetector { detector: run.detector, status: status.into(), duration_us: run.duration_us }
}

const fn action(action: audit::Action) -> v1::Action {
    match action {
        audit::Action::Allow => v1::Action::Allow,
        audit::Action::Flag => v1::Action::Flag,
        audit::Action::Redact => v1::Action::Redact,
        audit::Action::Block => v1::Action::Block,
    }
}

fn shown_finding(finding: audit::Finding) -> v1::AuditFinding {
    v1::AuditFinding {
        content_id: finding.content_id,
        detector: finding.detector,
        category: finding.category,
        entity: finding.entity,
        rule_id: finding.rule_id,
        severity: match finding.severity {
            audit::Severity::Info => v1::Severity::Info,
            audit::Severity::Low => v1::Severity::Low,
            audit::Severity::Medium => v1::Severity::Medium,
            audit::Severity::High => v1::Severity::High,
            audit::Severity::Critical => v1::Severity::Critical,
        }
        .into(),
        score: finding.score,
        start_byte: finding.start_byte,
        end_byte: finding.end_byte,
        fingerprint: finding.fingerprint.unwrap_or_default(),
    }
}
