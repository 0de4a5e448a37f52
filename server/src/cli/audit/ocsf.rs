//! A record as an event of the Open Cybersecurity Schema Framework: Detection Finding (class 2004), version 1.4.

use std::collections::BTreeSet;

use llm_shield_audit::{Action, AuditRecord, Severity, Verdict};
use serde_json::{Value, json};

use super::query::name;

/// Returns the event. What the framework has no field for is under `unmapped`.
pub(crate) fn finding(record: &AuditRecord) -> Value {
    let decision = &record.decision;
    let time = record.time.as_millisecond();
    let types: BTreeSet<&str> = decision.findings.iter().map(|finding| finding.category.as_str()).collect();
    let rules: BTreeSet<&str> = decision.findings.iter().map(|finding| finding.rule_id.as_str()).collect();
    let confidence = decision.findings.iter().map(|finding| finding.score).fold(0.0, f64::max);
    let (action_id, disposition_id) = match decision.action {
        Action::Allow => (1, 1),
        Action::Flag => (3, 17),
        Action::Redact => (4, 11),
        Action::Block => (2, 2),
    };
    let severity = decision.findings.iter().map(|finding| severity(finding.severity)).max().unwrap_or(1);
    json!({
        "category_uid": 2,
        "class_uid": 2004,
        "activity_id": 1,
        "type_uid": 200_401,
        "time": time,
        "severity_id": severity,
        "status_id": 1,
        "is_alert": decision.verdict == Verdict::Malicious,
        "confidence_score": percent(confidence),
        "action_id": action_id,
        "disposition_id": disposition_id,
        "message": format!("{}: {} ({})", decision.rpc, name(decision.action), name(decision.verdict)),
        "metadata": {
            "version": "1.4.0",
            "profiles": ["security_control", "host"],
            "uid": record.id.to_string(),
            "sequence": record.sequence,
            "log_name": record.log,
            "correlation_uid": decision.request_id,
            "tenant_uid": decision.tenant.as_str(),
            "labels": decision.labels.iter().map(|(name, value)| format!("{name}:{value}")).collect::<Vec<_>>(),
            "product": {
                "name": "llm-shield",
                "vendor_name": "llm-shield",
                "version": env!("CARGO_PKG_VERSION"),
            },
        },
        "actor": { "user": { "name": decision.principal } },
        "policy": { "name": decision.policy.name, "uid": decision.policy.digest },
        "finding_info": {
            "uid": record.id.to_string(),
            "title": title(decision.verdict),
            "created_time": time,
            "types": types,
            "analytic": { "type_id": 1, "name": "llm-shield", "related_analytics": rules
                .iter()
                .map(|rule| json!({ "type_id": 1, "uid": rule }))
                .collect::<Vec<_>>() },
        },
        "unmapped": {
            "leaf_hash": record.leaf_hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
            "findings": decision.findings,
            "content_digests": decision.content_digests,
            "coverage": decision.coverage,
            "duration_us": decision.duration_us,
            "degraded": decision.degraded,
            "direction": name(decision.direction),
            "model": decision.model,
            "detectors": decision.detectors,
            "content_mode": name(decision.content),
            "subject": decision.subject,
        },
    })
}

fn title(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Benign => "nothing was found",
        Verdict::Suspicious => "suspicious content",
        Verdict::Sensitive => "sensitive content",
        Verdict::Malicious => "an attack",
        Verdict::Undetermined => "the content could not be judged",
    }
}

fn severity(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 1,
        Severity::Low => 2,
        Severity::Medium => 3,
        Severity::High => 4,
        Severity::Critical => 5,
    }
}

/// A score in [0, 1] as the whole number that the framework wants.
fn percent(score: f64) -> u32 {
    (0_u32..=100).rev().find(|percent| f64::from(*percent) / 100.0 <= score).unwrap_or(0)
}
