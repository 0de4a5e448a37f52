//! Saying no: a status, and a JSON body that names the reason and the audit record.

use llm_shield_client::v1;
use serde_json::{Value, json};

use crate::event::Response;

/// Findings beyond these say nothing new to whoever was refused.
const MAX_FINDINGS: usize = 16;

/// Why something does not pass, apart from a decision of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The function was not called by API Gateway.
    NotAnEvent,
    /// The body is not JSON, or not what its headers say.
    UnreadableBody,
    /// The body asks for a stream.
    Streaming,
    /// The body has an image, audio or a file, which nobody looks into.
    UnreadableContent,
    /// The texts are more than the service takes.
    TooLarge,
    /// What has to be taken out cannot be without breaking what it is in.
    NotRedactable,
    /// The service gave no decision.
    ShieldUnavailable,
    /// The service refused the filter itself.
    ShieldRefused,
    /// It is not clear which model is to be asked.
    NoModel,
    /// The model gave no answer.
    ModelUnavailable,
    /// The model's answer cannot be looked into.
    UnreadableAnswer,
}

/// A refusal.
#[derive(Clone, Debug)]
pub struct Refusal {
    status: u16,
    reason: String,
    message: String,
    decision: Option<Value>,
    audit_record_id: String,
}

impl Reason {
    const fn name(self) -> &'static str {
        match self {
            Self::NotAnEvent => "not_an_event",
            Self::UnreadableBody => "unreadable_body",
            Self::Streaming => "streaming_not_supported",
            Self::UnreadableContent => "unreadable_content",
            Self::TooLarge => "too_large",
            Self::NotRedactable => "not_redactable",
            Self::ShieldUnavailable => "shield_unavailable",
            Self::ShieldRefused => "shield_refused",
            Self::NoModel => "no_model",
            Self::ModelUnavailable => "model_unavailable",
            Self::UnreadableAnswer => "unreadable_answer",
        }
    }

    const fn status(self) -> u16 {
        match self {
            Self::NotAnEvent | Self::UnreadableBody | Self::Streaming | Self::NoModel => 400,
            Self::UnreadableContent | Self::NotRedactable => 403,
            Self::TooLarge => 413,
            Self::ShieldRefused | Self::ModelUnavailable | Self::UnreadableAnswer => 502,
            Self::ShieldUnavailable => 503,
        }
    }
}

impl Refusal {
    /// Refuses for a reason of the filter's own.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            status: reason.status(),
            reason: reason.name().to_owned(),
            message: message.into(),
            decision: None,
            audit_record_id: String::new(),
        }
    }

    /// Refuses because the service has decided so. The reason is the category of the gravest finding.
    pub fn blocked(decision: &v1::ScanResponse) -> Self {
        let gravest = decision
            .findings
            .iter()
            .max_by(|one, other| one.severity.cmp(&other.severity).then(one.score.total_cmp(&other.score)));
        let reason = gravest.map_or("policy", |finding| finding.category.as_str()).to_owned();
        let policy = decision.policy.as_ref().map(|policy| policy.name.clone()).unwrap_or_default();
        let mut findings: Vec<Value> = Vec::new();
        for finding in &decision.findings {
            let described = json!({
                "detector": finding.detector,
                "category": finding.category,
                "entity": finding.entity,
                "rule_id": finding.rule_id,
                "severity": short(finding.severity().as_str_name()),
            });
            if findings.len() < MAX_FINDINGS && !findings.contains(&described) {
                findings.push(described);
            }
        }
        Self {
            status: 403,
            message: format!("blocked by the policy `{policy}`: {reason}"),
            reason,
            decision: Some(json!({
                "action": short(decision.action().as_str_name()),
                "verdict": short(decision.verdict().as_str_name()),
                "policy": policy,
                "findings": findings,
            })),
            audit_record_id: decision.audit_record_id.clone(),
        }
    }

    /// Names the audit record of the decision that led here.
    #[must_use]
    pub fn recorded(mut self, audit_record_id: impl Into<String>) -> Self {
        self.audit_record_id = audit_record_id.into();
        self
    }

    /// The reason's name.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns the response.
    pub fn into_response(self, direction: &str, request_id: &str) -> Response {
        let mut error = json!({
            "type": "llm_shield",
            "reason": self.reason,
            "message": self.message,
            "direction": direction,
            "audit_record_id": if self.audit_record_id.is_empty() { Value::Null } else { self.audit_record_id.clone().into() },
            "request_id": request_id,
        });
        if let (Some(Value::Object(decision)), Some(fields)) = (self.decision, error.as_object_mut()) {
            fields.extend(decision);
        }
        let response = Response::json(self.status, &json!({"error": error}))
            .header("x-llm-shield-action", "block")
            .header("x-llm-shield-audit-record", self.audit_record_id);
        if self.status == 503 { response.header("retry-after", "1") } else { response }
    }
}

/// `SEVERITY_HIGH` as `HIGH`.
pub(crate) fn short(name: &str) -> &str {
    name.split_once('_').map_or(name, |(_, short)| short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_names_reason_and_record() {
        let finding = |category: &str, severity: v1::Severity| v1::Finding {
            category: category.to_owned(),
            severity: severity.into(),
            ..v1::Finding::default()
        };
        let decision = v1::ScanResponse {
            action: v1::Action::Block.into(),
            findings: vec![
                finding("personal_data", v1::Severity::Low),
                finding("prompt_injection", v1::Severity::High),
                finding("prompt_injection", v1::Severity::High),
            ],
            audit_record_id: "0198".to_owned(),
            ..v1::ScanResponse::default()
        };
        let response = Refusal::blocked(&decision).into_response("input", "r-1");
        let body: Value = serde_json::from_str(&response.body).unwrap();
        assert_eq!(response.status, 403);
        assert_eq!(body["error"]["reason"], "prompt_injection");
        assert_eq!(body["error"]["audit_record_id"], "0198");
        assert_eq!(body["error"]["findings"].as_array().unwrap().len(), 2);
    }
}
