//! Calls to a server over mutual TLS.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use llm_shield::devcerts::DevCerts;
use llm_shield_client::{
    CallError, OnUnavailable, Redact, Scan, ShieldClient as AsyncClient, Tls, blocking::ShieldClient, v1,
};
use tonic::Code;

use super::{
    args::IdentityArgs,
    case::Case,
    judge::{Coverage, Decision, Found, Place, Ran, Redacted, Replaced, api_severity_name, short_name},
};

/// The development client that the command line is, unless told otherwise: it may do everything.
const CLIENT: &str = "dev";

/// The largest answer, in bytes: a redacted text can be longer than the original.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// A server, called as one client.
pub(crate) struct Remote {
    client: ShieldClient,
    policy: String,
}

impl Remote {
    /// Sets up the calls to a server.
    pub(crate) fn new(endpoint: &str, identity: &IdentityArgs, policy: Option<String>) -> Result<Self> {
        Ok(Self { client: client(endpoint, identity)?, policy: policy.unwrap_or_default() })
    }

    /// Calls `Scan`.
    pub(crate) fn scan(&self, case: &Case) -> Result<Decision> {
        let scan = Scan::contents([content(case)]).direction(direction(case)).policy(&self.policy);
        let answer = self.client.scan(scan).map_err(|error| explain(&error))?;
        if let Some(error) = answer.unavailable() {
            return Err(explain(error));
        }
        let answer = answer.into_inner();
        let coverage = answer.coverage.unwrap_or_default();
        Ok(Decision {
            action: short_name(answer.action().as_str_name(), "ACTION_"),
            verdict: short_name(answer.verdict().as_str_name(), "VERDICT_"),
            injection_score: answer.injection_score,
            model: Some(answer.model_id).filter(|model| !model.is_empty()),
            detectors: answer.detectors.iter().map(ran).collect(),
            degraded: answer.degraded,
            coverage: Coverage {
                bytes_total: coverage.bytes_total,
                bytes_scanned: coverage.bytes_scanned,
                truncated: coverage.truncated,
            },
            policy: answer.policy.map(|policy| policy.name).unwrap_or_default(),
            audit_record_id: Some(answer.audit_record_id),
            findings: answer.findings.into_iter().map(found).collect(),
        })
    }

    /// Calls `Redact`.
    pub(crate) fn redact(&self, case: &Case) -> Result<Redacted> {
        let redact = Redact::contents([content(case)]).direction(direction(case)).policy(&self.policy);
        let answer = self.client.redact(redact).map_err(|error| explain(&error))?;
        if let Some(error) = answer.unavailable() {
            return Err(explain(error));
        }
        let answer = answer.into_inner();
        let action = short_name(answer.action().as_str_name(), "ACTION_");
        let content = answer.contents.into_iter().next().context("the server's answer holds no content")?;
        let spans = content.redactions.into_iter().map(replaced).collect();
        Ok(Redacted { action, text: content.text, spans, audit_record_id: Some(answer.audit_record_id) })
    }
}

/// Sets up a client. The command line never decides in a server's place: what it says when there is no decision is an
/// error.
pub(crate) fn client(endpoint: &str, identity: &IdentityArgs) -> Result<ShieldClient> {
    let files = Files::resolve(identity)?;
    let tls = Tls::from_files(&files.ca, &files.cert, &files.key).context(
        "no client certificate (give --ca, --cert and --key, or the --data-dir that the server was started with)",
    )?;
    let timeout = Duration::from_millis(identity.timeout_ms);
    let mut builder = AsyncClient::builder(endpoint, tls, OnUnavailable::Block)
        .scan_deadline(timeout)
        .redact_deadline(timeout)
        .deadline(timeout)
        .connect_timeout(timeout)
        .max_answer_bytes(MAX_ANSWER_BYTES);
    if let Some(name) = &identity.server_name {
        builder = builder.server_name(name);
    }
    builder.build_blocking().with_context(|| format!("cannot call `{endpoint}`"))
}

/// The PEM files of a client.
struct Files {
    ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
}

impl Files {
    fn resolve(identity: &IdentityArgs) -> Result<Self> {
        if let (Some(ca), Some(cert), Some(key)) = (&identity.ca, &identity.cert, &identity.key) {
            return Ok(Self { ca: ca.clone(), cert: cert.clone(), key: key.clone() });
        }
        let development = DevCerts::under(&identity.data.dir()?);
        let or = |given: &Option<PathBuf>, default: PathBuf| given.clone().unwrap_or(default);
        Ok(Self {
            ca: or(&identity.ca, development.ca()),
            cert: or(&identity.cert, development.client_cert(CLIENT)),
            key: or(&identity.key, development.client_key(CLIENT)),
        })
    }
}

/// Says what a failed call means.
pub(crate) fn explain(error: &CallError) -> anyhow::Error {
    let message = error.message();
    let hint = match error.code() {
        Code::Unavailable if message.starts_with("cannot connect") => {
            "; is `llm-shield serve` running there?"
        }
        Code::Unavailable if message.contains("connection was lost") => {
            "; a server that refuses the client's certificate ends the connection like this"
        }
        Code::DeadlineExceeded | Code::Cancelled => "; --timeout-ms gives it more time",
        _ => "",
    };
    anyhow::anyhow!("no answer: {:?}: {message}{hint}", error.code())
}

fn content(case: &Case) -> v1::Content {
    use llm_shield_detect::Role;
    let role = match case.role() {
        Role::User => v1::Role::User,
        Role::System => v1::Role::System,
        Role::Assistant => v1::Role::Assistant,
        Role::Tool => v1::Role::Tool,
        Role::Document => v1::Role::Document,
    };
    v1::Content { id: String::new(), role: role.into(), text: case.text.clone() }
}

fn direction(case: &Case) -> v1::Direction {
    match case.direction() {
        llm_shield_detect::Direction::Input => v1::Direction::Input,
        llm_shield_detect::Direction::Output => v1::Direction::Output,
    }
}

fn found(finding: v1::Finding) -> Found {
    let severity = api_severity_name(finding.severity());
    let span = finding.span.unwrap_or_default();
    Found {
        detector: finding.detector,
        category: finding.category,
        entity: finding.entity,
        rule_id: finding.rule_id,
        severity,
        score: finding.score,
        start: offset(span.start_byte),
        end: offset(span.end_byte),
        decoding_path: finding.decoding_path,
        pointer: Some(finding.pointer).filter(|pointer| !pointer.is_empty()),
    }
}

fn ran(report: &v1::DetectorReport) -> Ran {
    Ran {
        detector: report.detector.clone(),
        status: short_name(report.status().as_str_name(), "DETECTOR_STATUS_"),
        score: report.score,
        finding_count: report.finding_count.into(),
        duration_us: report.duration_us,
    }
}

fn replaced(redaction: v1::Redaction) -> Replaced {
    let span = redaction.original.unwrap_or_default();
    let written = redaction.redacted.unwrap_or_default();
    Replaced {
        entity: redaction.entity,
        rule_id: redaction.rule_id,
        operator: redaction.operator,
        start: offset(span.start_byte),
        end: offset(span.end_byte),
        redacted: Place { start: offset(written.start_byte), end: offset(written.end_byte) },
    }
}

fn offset(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
