//! The client for code that is not asynchronous, which is the same one below.

use std::time::Duration;

use llm_shield_client::{OnUnavailable, ShieldClient, Tls, v1};

use crate::harness::Harness;

const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) fn run(harness: &mut Harness) -> Result<(), String> {
    let problem = |error: &dyn std::error::Error| error.to_string();
    let tls = Tls::from_directory(&harness.ready.clients["all"].dir).map_err(|error| problem(&error))?;
    let client = ShieldClient::builder(&harness.ready.address, tls, OnUnavailable::Block)
        .server_name(&harness.ready.server_name)
        .scan_deadline(DEADLINE)
        .redact_deadline(DEADLINE)
        .deadline(DEADLINE)
        .build_blocking()
        .map_err(|error| problem(&error))?;
    let scanned = client.scan("Write to ada@babbage-engines.com").map_err(|error| problem(&error))?;
    let redacted = client.redact("Write to ada@babbage-engines.com").map_err(|error| problem(&error))?;
    let texts: Vec<&str> = redacted.texts().collect();
    let newest = v1::AuditRequest { newest_first: true, limit: 2, ..v1::AuditRequest::default() };
    let records = client.audit(newest).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let records = records.map_err(|error| problem(&error))?;
    let ids: Vec<String> = records.into_iter().filter_map(|answer| Some(answer.record?.id)).collect();
    if texts == ["Write to [EMAIL_ADDRESS]"] && ids == [&*redacted.audit_record_id, &*scanned.audit_record_id]
    {
        return Ok(());
    }
    Err(format!("{scanned:?}\n{redacted:?}\n{ids:?}"))
}
