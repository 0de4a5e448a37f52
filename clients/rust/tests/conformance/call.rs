//! A call as the cases write it, made with the client.

use std::{collections::HashMap, time::Duration};

use llm_shield_client::{Call, CallError, ShieldClient, v1};
use serde_json::Value;

use crate::{answers, streams};

/// The name that the server has for a call's method.
pub(crate) fn method(call: &Value) -> Result<&'static str, String> {
    Ok(match call["rpc"].as_str() {
        Some("scan") => "Scan",
        Some("redact") => "Redact",
        Some("restore") => "Restore",
        Some("audit") => "Audit",
        Some("verify_audit") => "VerifyAudit",
        Some("server_info") => "GetServerInfo",
        Some("scan_stream") => "ScanStream",
        Some("redact_stream") => "RedactStream",
        other => return Err(format!("there is no call `{other:?}`")),
    })
}

/// Makes a call and describes what came of it in the words of the cases.
pub(crate) async fn make(client: &ShieldClient, call: &Value) -> Result<Value, String> {
    let contents = contents(call)?;
    Ok(match method(call)? {
        "Scan" => {
            let message = v1::ScanRequest {
                contents: contents.clone(),
                direction: direction(call)?,
                policy: text(call, "policy"),
                idempotency_key: text(call, "idempotency_key"),
                subject_id: text(call, "subject_id"),
                labels: labels(call),
            };
            described(client.scan(timed(message, call)).await, |answer| answers::scanned(answer, &contents))
        }
        "Redact" => {
            let message = v1::RedactRequest {
                contents: contents.clone(),
                direction: direction(call)?,
                policy: text(call, "policy"),
                idempotency_key: text(call, "idempotency_key"),
                subject_id: text(call, "subject_id"),
                labels: labels(call),
                conversation: text(call, "conversation"),
            };
            described(client.redact(timed(message, call)).await, |answer| {
                answers::redacted(answer, &contents)
            })
        }
        "Restore" => {
            let message = v1::RestoreRequest {
                contents,
                purpose: text(call, "purpose"),
                conversation: text(call, "conversation"),
                policy: text(call, "policy"),
                ..v1::RestoreRequest::default()
            };
            described(client.restore(timed(message, call)).await, answers::restored)
        }
        "Audit" => described(audit(client, call).await, |records| answers::audited(records)),
        "VerifyAudit" => {
            described(verify(client, call).await, |last| serde_json::json!({"intact": last.intact}))
        }
        "ScanStream" => described(streams::scan(client, call).await, Value::clone),
        "RedactStream" => described(streams::redact(client, call).await, Value::clone),
        _ => described(client.server_info().await, answers::info),
    })
}

async fn audit(client: &ShieldClient, call: &Value) -> Result<Vec<v1::AuditResponse>, CallError> {
    let filter = &call["filter"];
    let actions = filter["actions"].as_array().into_iter().flatten();
    let message = v1::AuditRequest {
        filter: filter.is_object().then(|| v1::AuditFilter {
            actions: actions
                .filter_map(|name| v1::Action::from_str_name(&format!("ACTION_{}", name.as_str()?)))
                .map(i32::from)
                .collect(),
            principal: text(filter, "principal"),
            record_id: text(filter, "record_id"),
            ..v1::AuditFilter::default()
        }),
        limit: call["limit"].as_u64().and_then(|limit| limit.try_into().ok()).unwrap_or(0),
        page_token: text(call, "page_token"),
        newest_first: call["newest_first"] == true,
    };
    let mut answers = client.audit(timed(message, call)).await?;
    let mut records = Vec::new();
    while let Some(answer) = answers.next().await? {
        records.push(answer);
    }
    Ok(records)
}

async fn verify(client: &ShieldClient, call: &Value) -> Result<v1::VerifyAuditResponse, CallError> {
    let mut answers = client.verify_audit(timed(v1::VerifyAuditRequest::default(), call)).await?;
    let mut last = v1::VerifyAuditResponse::default();
    while let Some(answer) = answers.next().await? {
        last = answer;
    }
    Ok(last)
}

fn described<T>(answer: Result<T, CallError>, describe: impl FnOnce(&T) -> Value) -> Value {
    match answer {
        Ok(answer) => describe(&answer),
        Err(error) => answers::failed(&error),
    }
}

fn timed<M>(message: M, call: &Value) -> Call<M> {
    let made = Call::from(message);
    match call["timeout_ms"].as_u64() {
        Some(milliseconds) => made.deadline(Duration::from_millis(milliseconds)),
        None => made,
    }
}

pub(crate) fn role(of: &Value) -> Result<i32, String> {
    let name = of["role"].as_str().unwrap_or("UNSPECIFIED");
    Ok(v1::Role::from_str_name(&format!("ROLE_{name}")).ok_or("no such role")?.into())
}

fn contents(call: &Value) -> Result<Vec<v1::Content>, String> {
    let content = |content: &Value| {
        Ok(v1::Content { id: text(content, "id"), role: role(content)?, text: text(content, "text") })
    };
    call["contents"].as_array().into_iter().flatten().map(content).collect()
}

pub(crate) fn direction(call: &Value) -> Result<i32, String> {
    let name = call["direction"].as_str().unwrap_or("UNSPECIFIED");
    Ok(v1::Direction::from_str_name(&format!("DIRECTION_{name}")).ok_or("no such direction")?.into())
}

pub(crate) fn labels(call: &Value) -> HashMap<String, String> {
    let labels = call["labels"].as_object().into_iter().flatten();
    labels.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

pub(crate) fn text(of: &Value, field: &str) -> String {
    of[field].as_str().unwrap_or_default().to_owned()
}
