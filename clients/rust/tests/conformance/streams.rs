//! Streams of text: the summary, with the findings and the text as they came piece by piece.

use bytes::Bytes;
use futures_util::stream;
use llm_shield_client::{CallError, ShieldClient, v1};
use serde_json::Value;

use crate::{
    answers,
    call::{direction, labels, role, text},
};

pub(crate) async fn scan(client: &ShieldClient, call: &Value) -> Result<Value, CallError> {
    use v1::scan_stream_response::Message;
    let (mut findings, mut released, mut pieces) = (Vec::new(), 0, 0);
    let mut summary = v1::ScanResponse::default();
    let mut messages = client.scan_stream(config(call), stream::iter(cut(call))).await?;
    while let Some(message) = messages.next().await? {
        match message.message {
            Some(Message::Finding(finding)) => findings.push(finding),
            Some(Message::ReleasedBytes(bytes)) => (released, pieces) = (bytes, pieces + 1),
            Some(Message::Summary(said)) => summary = said,
            None => {}
        }
    }
    summary.findings = findings;
    let mut described = answers::scan_response(&summary, &sent(call));
    described["released"] = released.into();
    described["early"] = (pieces > 1).into();
    Ok(described)
}

pub(crate) async fn redact(client: &ShieldClient, call: &Value) -> Result<Value, CallError> {
    use v1::redact_stream_response::Message;
    let (mut whole, mut pieces) = (String::new(), 0);
    let mut summary = v1::RedactResponse::default();
    let mut messages = client.redact_stream(config(call), stream::iter(cut(call))).await?;
    while let Some(message) = messages.next().await? {
        match message.message {
            Some(Message::Delta(delta)) => {
                whole.push_str(&delta);
                pieces += 1;
            }
            Some(Message::Summary(said)) => summary = said,
            None => {}
        }
    }
    for content in &mut summary.contents {
        content.text.clone_from(&whole);
    }
    let mut described = answers::redact_response(&summary, &sent(call));
    described["early"] = (pieces > 1).into();
    Ok(described)
}

fn config(call: &Value) -> v1::StreamConfig {
    let config = &call["config"];
    let mode = config["mode"].as_str().unwrap_or("UNSPECIFIED");
    v1::StreamConfig {
        role: role(config).expect("a role"),
        direction: direction(config).expect("a direction"),
        policy: text(config, "policy"),
        labels: labels(config),
        mode: v1::StreamMode::from_str_name(&format!("STREAM_MODE_{mode}")).expect("a mode").into(),
        ..v1::StreamConfig::default()
    }
}

fn cut(call: &Value) -> Vec<Bytes> {
    let whole = Bytes::from(text(call, "text"));
    let size = call["piece_bytes"].as_u64().and_then(|size| size.try_into().ok()).unwrap_or(usize::MAX);
    let mut pieces = Vec::new();
    let mut rest = whole;
    while !rest.is_empty() {
        pieces.push(rest.split_to(size.min(rest.len())));
    }
    pieces
}

fn sent(call: &Value) -> Vec<v1::Content> {
    vec![v1::Content { text: text(call, "text"), ..v1::Content::default() }]
}
