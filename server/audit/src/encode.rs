//! A record as JSON, written straight.
//!
//! The same bytes as `serde_json` writes, which reads them back, at a fraction of the cost: one record is made for every
//! request. Names of fields are written with what surrounds them, and a string without anything to escape, as nearly all
//! are, is copied whole.

use std::io::Write;

use serde::Serialize;

use crate::NewRecord;
use crate::record::{ContentMode, Finding};

/// What a record takes without findings and labels, about.
const RECORD_BYTES: usize = 640;
/// What a finding takes, about.
const FINDING_BYTES: usize = 256;

/// Writes a record as JSON.
///
/// # Errors
/// What `serde_json` says.
pub(crate) fn to_json(record: &NewRecord) -> serde_json::Result<Vec<u8>> {
    let mut json = Json(Vec::with_capacity(RECORD_BYTES + FINDING_BYTES * record.findings.len()));
    json.text(r#"{"tenant":"#, record.tenant.as_str())?;
    json.text(r#","principal":"#, &record.principal)?;
    json.text(r#","rpc":"#, &record.rpc)?;
    json.text(r#","request_id":"#, &record.request_id)?;
    json.value(r#","direction":"#, &record.direction)?;
    json.value(r#","verdict":"#, &record.verdict)?;
    json.value(r#","action":"#, &record.action)?;
    json.text(r#","policy":{"name":"#, &record.policy.name)?;
    json.text(r#","digest":"#, &record.policy.digest)?;
    json.raw(r#"},"findings":["#);
    for (index, finding) in record.findings.iter().enumerate() {
        json.separate(index);
        json.finding(finding)?;
    }
    json.raw(r#"],"content_digests":["#);
    for (index, digest) in record.content_digests.iter().enumerate() {
        json.separate(index);
        json.text("", digest)?;
    }
    json.number(r#"],"coverage":{"bytes_total":"#, record.coverage.bytes_total)?;
    json.number(r#","bytes_scanned":"#, record.coverage.bytes_scanned)?;
    json.number(r#"},"duration_us":"#, record.duration_us)?;
    json.raw(if record.degraded {
        r#","degraded":true,"labels":{"#
    } else {
        r#","degraded":false,"labels":{"#
    });
    for (index, (name, value)) in record.labels.iter().enumerate() {
        json.separate(index);
        json.text("", name)?;
        json.text(":", value)?;
    }
    json.raw("}");
    if !record.model.is_empty() {
        json.text(r#","model":"#, &record.model)?;
    }
    if !record.detectors.is_empty() {
        json.raw(r#","detectors":["#);
        for (index, run) in record.detectors.iter().enumerate() {
            json.separate(index);
            json.text(r#"{"detector":"#, &run.detector)?;
            json.value(r#","status":"#, &run.status)?;
            json.number(r#","duration_us":"#, run.duration_us)?;
            json.raw("}");
        }
        json.raw("]");
    }
    if record.content != ContentMode::None {
        json.value(r#","content":"#, &record.content)?;
    }
    if !record.kept.is_empty() {
        json.value(r#","kept":"#, &record.kept)?;
    }
    if let Some(subject) = &record.subject {
        json.text(r#","subject":"#, subject)?;
    }
    if let Some(sealed) = &record.sealed_contents {
        json.text(r#","sealed_contents":"#, sealed)?;
    }
    json.raw("}");
    Ok(json.0)
}

struct Json(Vec<u8>);

impl Json {
    fn finding(&mut self, finding: &Finding) -> serde_json::Result<()> {
        self.text(r#"{"content_id":"#, &finding.content_id)?;
        self.text(r#","detector":"#, &finding.detector)?;
        self.text(r#","category":"#, &finding.category)?;
        self.text(r#","entity":"#, &finding.entity)?;
        self.text(r#","rule_id":"#, &finding.rule_id)?;
        self.value(r#","severity":"#, &finding.severity)?;
        self.value(r#","score":"#, &finding.score)?;
        self.number(r#","start_byte":"#, finding.start_byte)?;
        self.number(r#","end_byte":"#, finding.end_byte)?;
        if let Some(fingerprint) = &finding.fingerprint {
            self.text(r#","fingerprint":"#, fingerprint)?;
        }
        self.raw("}");
        Ok(())
    }

    fn raw(&mut self, json: &str) {
        self.0.extend_from_slice(json.as_bytes());
    }

    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.0.push(b',');
        }
    }

    fn text(&mut self, before: &str, text: &str) -> serde_json::Result<()> {
        self.raw(before);
        // All bytes are looked at, so that the compiler can take many at a time.
        let plain = |plain: bool, byte: &u8| plain & (*byte >= 0x20) & (*byte != b'"') & (*byte != b'\\');
        if text.as_bytes().iter().fold(true, plain) {
            self.0.push(b'"');
            self.raw(text);
            self.0.push(b'"');
            Ok(())
        } else {
            serde_json::to_writer(&mut self.0, text)
        }
    }

    fn number(&mut self, before: &str, number: u64) -> serde_json::Result<()> {
        self.raw(before);
        write!(self.0, "{number}").map_err(serde_json::Error::io)
    }

    fn value(&mut self, before: &str, value: &impl Serialize) -> serde_json::Result<()> {
        self.raw(before);
        serde_json::to_writer(&mut self.0, value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        Action, Coverage, DetectorOutcome, DetectorRun, Direction, KeptContent, Policy, Severity, Tenant,
        Verdict,
    };

    fn finding() -> impl Strategy<Value = Finding> {
        (vec(any::<String>(), 5), any::<f64>(), any::<(u64, u64)>()).prop_map(|(texts, score, span)| {
            Finding {
                content_id: texts[0].clone(),
                detector: texts[1].clone(),
                category: texts[2].clone(),
                entity: texts[3].clone(),
                rule_id: texts[4].clone(),
                severity: Severity::Critical,
                score,
                start_byte: span.0,
                end_byte: span.1,
                fingerprint: (span.0 % 2 == 0).then(|| texts[0].clone()),
            }
        })
    }

    proptest! {
        #[test]
        fn it_is_what_serde_json_writes(
            texts in vec(any::<String>(), 5),
            findings in vec(finding(), 0..3),
            content_digests in vec(any::<String>(), 0..3),
            labels in btree_map(any::<String>(), any::<String>(), 0..3),
            coverage in any::<(u64, u64)>(),
            duration_us: u64,
            degraded: bool,
            subject: Option<String>,
        ) {
            let record = NewRecord {
                tenant: Tenant::new("acme \"\\\n").unwrap(),
                principal: texts[0].clone(),
                rpc: texts[1].clone(),
                request_id: texts[2].clone(),
                direction: Direction::Output,
                verdict: Verdict::Undetermined,
                action: Action::Redact,
                policy: Policy { name: texts[3].clone(), digest: texts[4].clone() },
                findings,
                content_digests,
                coverage: Coverage { bytes_total: coverage.0, bytes_scanned: coverage.1 },
                duration_us,
                degraded,
                labels,
                model: texts[0].clone(),
                detectors: vec![
                    DetectorRun { detector: texts[1].clone(), status: DetectorOutcome::TimedOut, duration_us };
                    usize::from(degraded)
                ],
                content: if degraded { ContentMode::Sealed } else { ContentMode::None },
                kept: vec![
                    KeptContent { content_id: texts[3].clone(), text: texts[4].clone() };
                    usize::from(degraded)
                ],
                sealed_contents: subject.clone(),
                subject,
            };
            let written = String::from_utf8(to_json(&record).unwrap()).unwrap();
            prop_assert_eq!(written, serde_json::to_string(&record).unwrap());
        }
    }
}
