//! The engine's words in the schema's.

use llm_shield_detect as detect;
use llm_shield_proto::v1;

pub(super) const fn action(action: detect::Action) -> v1::Action {
    match action {
        detect::Action::Allow => v1::Action::Allow,
        detect::Action::Flag => v1::Action::Flag,
        detect::Action::Redact => v1::Action::Redact,
        detect::Action::Block => v1::Action::Block,
    }
}

pub(super) const fn verdict(verdict: detect::Verdict) -> v1::Verdict {
    match verdict {
        detect::Verdict::Benign => v1::Verdict::Benign,
        detect::Verdict::Suspicious => v1::Verdict::Suspicious,
        detect::Verdict::Sensitive => v1::Verdict::Sensitive,
        detect::Verdict::Malicious => v1::Verdict::Malicious,
        detect::Verdict::Undetermined => v1::Verdict::Undetermined,
    }
}

pub(super) const fn severity(severity: detect::Severity) -> v1::Severity {
    match severity {
        detect::Severity::Info => v1::Severity::Info,
        detect::Severity::Low => v1::Severity::Low,
        detect::Severity::Medium => v1::Severity::Medium,
        detect::Severity::High => v1::Severity::High,
        detect::Severity::Critical => v1::Severity::Critical,
    }
}

const fn detector_status(status: detect::DetectorStatus) -> v1::DetectorStatus {
    match status {
        detect::DetectorStatus::Ok => v1::DetectorStatus::Ok,
        detect::DetectorStatus::Skipped => v1::DetectorStatus::Skipped,
        detect::DetectorStatus::TimedOut => v1::DetectorStatus::TimedOut,
        detect::DetectorStatus::Failed => v1::DetectorStatus::Failed,
        detect::DetectorStatus::Shadow => v1::DetectorStatus::Shadow,
    }
}

pub(super) fn detector(report: &detect::DetectorReport) -> v1::DetectorReport {
    v1::DetectorReport {
        detector: report.detector.to_string(),
        status: detector_status(report.status).into(),
        score: report.score,
        finding_count: u32::try_from(report.finding_count).unwrap_or(u32::MAX),
        duration_us: u64::try_from(report.duration.as_micros()).unwrap_or(u64::MAX),
        reason: report.reason.to_string(),
    }
}

pub(super) const fn coverage(coverage: detect::Coverage) -> v1::Coverage {
    v1::Coverage {
        bytes_total: coverage.bytes_total as u64,
        bytes_scanned: coverage.bytes_scanned as u64,
        truncated: coverage.truncated,
    }
}

pub(super) fn span(span: &detect::Span) -> v1::Span {
    v1::Span {
        start_byte: span.bytes.start as u64,
        end_byte: span.bytes.end as u64,
        start_code_point: span.code_points.start as u64,
        end_code_point: span.code_points.end as u64,
        start_utf16: span.utf16.start as u64,
        end_utf16: span.utf16.end as u64,
    }
}

pub(super) fn finding(
    finding: &detect::Finding,
    content_id: &str,
    index: &detect::OffsetIndex<'_>,
) -> v1::Finding {
    v1::Finding {
        content_id: content_id.to_owned(),
        detector: finding.detector.to_string(),
        category: finding.category.to_string(),
        entity: finding.entity.to_string(),
        rule_id: finding.rule_id.to_string(),
        severity: severity(finding.severity).into(),
        score: finding.score,
        span: Some(span(&index.span(finding.span))),
        decoding_path: finding.path.iter().map(ToString::to_string).collect(),
        pointer: finding.pointer.as_deref().unwrap_or_default().to_owned(),
    }
}
