//! Answers in the words of the cases, and the comparison with what is expected.

use llm_shield_client::{CallError, Redacted, Scanned, slice, v1};
use serde_json::{Value, json};

pub(crate) fn scanned(answer: &Scanned, contents: &[v1::Content]) -> Value {
    let mut described = scan_response(answer, contents);
    note(&mut described, answer.unavailable());
    described
}

pub(crate) fn scan_response(answer: &v1::ScanResponse, contents: &[v1::Content]) -> Value {
    let finding = |finding: &v1::Finding| {
        let span = finding.span.unwrap_or_default();
        let text = text_of(contents, &finding.content_id);
        json!({
            "content": finding.content_id,
            "entity": finding.entity,
            "span": [span.start_byte, span.end_byte, span.start_code_point, span.end_code_point, span.start_utf16,
                span.end_utf16],
            "slice": slice(text, &span),
        })
    };
    json!({
        "action": short(answer.action().as_str_name()),
        "verdict": short(answer.verdict().as_str_name()),
        "policy": answer.policy.as_ref().map(|policy| &policy.name),
        "recorded": !answer.audit_record_id.is_empty(),
        "audit_record_id": answer.audit_record_id,
        "findings": answer.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

pub(crate) fn redacted(answer: &Redacted, contents: &[v1::Content]) -> Value {
    let mut described = redact_response(answer, contents);
    note(&mut described, answer.unavailable());
    described
}

pub(crate) fn redact_response(answer: &v1::RedactResponse, contents: &[v1::Content]) -> Value {
    let redactions = answer.contents.iter().flat_map(|content| {
        content.redactions.iter().map(|redaction| {
            let (original, redacted) =
                (redaction.original.unwrap_or_default(), redaction.redacted.unwrap_or_default());
            json!({
                "content": content.id,
                "entity": redaction.entity,
                "slice": slice(text_of(contents, &content.id), &original),
                "replacement": slice(&content.text, &redacted),
            })
        })
    });
    json!({
        "action": short(answer.action().as_str_name()),
        "verdict": short(answer.verdict().as_str_name()),
        "policy": answer.policy.as_ref().map(|policy| &policy.name),
        "recorded": !answer.audit_record_id.is_empty(),
        "audit_record_id": answer.audit_record_id,
        "texts": answer.contents.iter().map(|content| &content.text).collect::<Vec<_>>(),
        "redactions": redactions.collect::<Vec<_>>(),
    })
}

pub(crate) fn restored(answer: &v1::RestoreResponse) -> Value {
    let texts: Vec<&str> = answer.contents.iter().map(|content| content.text.as_str()).collect();
    json!({"texts": texts, "restored": answer.restored_count, "audit_record_id": answer.audit_record_id})
}

pub(crate) fn audited(answers: &[v1::AuditResponse]) -> Value {
    let record = |answer: &v1::AuditResponse| {
        let record = answer.record.clone().unwrap_or_default();
        json!({
            "id": record.id,
            "rpc": record.rpc,
            "action": short(record.action().as_str_name()),
            "labels": record.labels,
        })
    };
    json!({
        "records": answers.iter().map(record).collect::<Vec<_>>(),
        "record_count": answers.len(),
        "page_token": answers.last().map(|answer| &answer.next_page_token),
    })
}

pub(crate) fn info(answer: &v1::GetServerInfoResponse) -> Value {
    json!({"principal": answer.principal, "tenant": answer.tenant, "roles": answer.roles})
}

pub(crate) fn failed(error: &CallError) -> Value {
    json!({
        "failed": true,
        "error": {
            "code": screaming(&format!("{:?}", error.code())),
            "reason": error.reason(),
            "metadata": error.metadata(),
            "fields": error.violations().iter().map(|violation| &violation.field).collect::<Vec<_>>(),
            "resource": error.resource(),
            "retry_delay": error.retry_delay().is_some_and(|delay| !delay.is_zero()),
            "quota_subject": error.quota_subject(),
        },
    })
}

/// Compares what came with what is expected of it.
pub(crate) fn check(answer: &Value, expect: &Value) -> Result<(), String> {
    let mut holds = expect["error"].is_object() || answer["failed"].is_null();
    for (name, expected) in expect.as_object().into_iter().flatten() {
        holds &= match (name.as_str(), &answer[name]) {
            ("findings", Value::Array(found)) => expected
                .as_array()
                .is_some_and(|all| all.iter().all(|one| found.iter().any(|finding| has(finding, one)))),
            (_, value) => has(value, expected),
        };
    }
    if holds { Ok(()) } else { Err(format!("expected {expect}\nbut it was {answer}")) }
}

/// Whether a value has all that is expected; lists have it in order.
fn has(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (Value::Object(fields), Value::Object(expected)) => {
            expected.iter().all(|(name, expected)| fields.get(name).is_some_and(|value| has(value, expected)))
        }
        (Value::Array(values), Value::Array(expected)) => {
            values.len() == expected.len()
                && values.iter().zip(expected).all(|(value, expected)| has(value, expected))
        }
        // A content is named by its index in decimal.
        (Value::String(text), Value::Number(number)) => *text == number.to_string(),
        (value, expected) => value == expected,
    }
}

fn note(described: &mut Value, unavailable: Option<&CallError>) {
    described["unavailable"] = unavailable.is_some().into();
    if let Some(error) = unavailable {
        described["error"] = failed(error)["error"].take();
    }
}

fn text_of<'text>(contents: &'text [v1::Content], id: &str) -> &'text str {
    let named = contents.iter().find(|content| content.id == id);
    let found = named.or_else(|| contents.get(id.parse::<usize>().ok()?));
    found.map_or("", |content| &content.text)
}

/// `ACTION_BLOCK` as `BLOCK`.
fn short(name: &str) -> &str {
    name.split_once('_').map_or(name, |(_, short)| short)
}

/// `NotFound` as `NOT_FOUND`.
fn screaming(name: &str) -> String {
    let mut screaming = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !screaming.is_empty() {
            screaming.push('_');
        }
        screaming.extend(character.to_uppercase());
    }
    screaming
}
