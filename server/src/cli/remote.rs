//! Calls to a server over mutual TLS.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use llm_shield::devcerts::DevCerts;
use llm_shield_proto::v1::{self, shield_service_client::ShieldServiceClient};
use tokio::runtime::Runtime;
use tonic::{
    Code, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use super::{
    args::IdentityArgs,
    case::Case,
    judge::{Decision, Found, Ran, Redacted, Replaced, api_severity_name, short_name},
};

/// The development client that the command line is, unless told otherwise: it may do everything.
const CLIENT: &str = "dev";

/// The largest answer, in bytes: a redacted text can be longer than the original.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// A server, called as one client.
pub(crate) struct Remote {
    runtime: Runtime,
    client: ShieldServiceClient<Channel>,
    policy: String,
    timeout: Duration,
}

impl Remote {
    /// Connects to a server.
    pub(crate) fn connect(endpoint: &str, identity: &IdentityArgs, policy: Option<String>) -> Result<Self> {
        let (runtime, channel) = channel(endpoint, identity)?;
        let client = ShieldServiceClient::new(channel)
            .max_decoding_message_size(MAX_ANSWER_BYTES)
            .max_encoding_message_size(MAX_ANSWER_BYTES);
        let timeout = Duration::from_millis(identity.timeout_ms);
        Ok(Self { runtime, client, policy: policy.unwrap_or_default(), timeout })
    }

    fn timed<M>(&self, message: M) -> tonic::Request<M> {
        let mut request = tonic::Request::new(message);
        request.set_timeout(self.timeout);
        request
    }

    /// Calls `Scan`.
    pub(crate) fn scan(&self, case: &Case) -> Result<Decision> {
        let request = self.timed(v1::ScanRequest {
            contents: vec![content(case)],
            direction: direction(case).into(),
            policy: self.policy.clone(),
            ..Default::default()
        });
        let mut client = self.client.clone();
        let answer = self.runtime.block_on(client.scan(request)).map_err(explain)?.into_inner();
        Ok(Decision {
            action: short_name(answer.action().as_str_name(), "ACTION_"),
            verdict: short_name(answer.verdict().as_str_name(), "VERDICT_"),
            injection_score: answer.injection_score,
            model: Some(answer.model_id).filter(|model| !model.is_empty()),
            detectors: answer.detectors.iter().map(ran).collect(),
            degraded: answer.degraded,
            policy: answer.policy.map(|policy| policy.name).unwrap_or_default(),
            audit_record_id: Some(answer.audit_record_id),
            findings: answer.findings.into_iter().map(found).collect(),
        })
    }

    /// Calls `Redact`.
    pub(crate) fn redact(&self, case: &Case) -> Result<Redacted> {
        let request = self.timed(v1::RedactRequest {
            contents: vec![content(case)],
            direction: direction(case).into(),
            policy: self.policy.clone(),
            ..Default::default()
        });
        let mut client = self.client.clone();
        let answer = self.runtime.block_on(client.redact(request)).map_err(explain)?.into_inner();
        let action = short_name(answer.action().as_str_name(), "ACTION_");
        let content = answer.contents.into_iter().next().context("the server's answer holds no content")?;
        let spans = content.redactions.into_iter().map(replaced).collect();
        Ok(Redacted { action, text: content.text, spans, audit_record_id: Some(answer.audit_record_id) })
    }
}

/// Opens a channel, with the runtime that drives it.
pub(crate) fn channel(endpoint: &str, identity: &IdentityArgs) -> Result<(Runtime, Channel)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    let channel = runtime.block_on(connect(endpoint, identity))?;
    Ok((runtime, channel))
}

async fn connect(endpoint: &str, identity: &IdentityArgs) -> Result<Channel> {
    let address = endpoint.strip_prefix("https://").unwrap_or(endpoint);
    let host =
        address.rsplit_once(':').map(|(host, _)| host.trim_matches(['[', ']'])).with_context(|| {
            format!("the endpoint `{endpoint}` has no port: write HOST:PORT, such as 127.0.0.1:8443")
        })?;
    let files = Files::resolve(identity)?;
    let tls = ClientTlsConfig::new()
        .domain_name(identity.server_name.as_deref().unwrap_or(host))
        .ca_certificate(Certificate::from_pem(read(&files.ca)?))
        .identity(Identity::from_pem(read(&files.cert)?, read(&files.key)?));
    let timeout = Duration::from_millis(identity.timeout_ms);
    Endpoint::from_shared(format!("https://{address}"))
        .with_context(|| format!("`{endpoint}` is not HOST:PORT"))?
        .tls_config(tls)
        .context("the client's certificate, key or CA cannot be used")?
        .connect_timeout(timeout)
        .tcp_nodelay(true)
        .connect()
        .await
        .with_context(|| format!("cannot connect to {address}: is `llm-shield serve` running there?"))
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

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| {
        format!(
            "cannot read {} (give --ca, --cert and --key, or the --data-dir that the server was started with)",
            path.display()
        )
    })
}

/// Says what a failed call means.
pub(crate) fn explain(status: Status) -> anyhow::Error {
    let hint = match status.code() {
        Code::Unknown | Code::Unavailable if status.message().contains("transport") => {
            "; a server that refuses the client's certificate ends the connection like this"
        }
        Code::DeadlineExceeded | Code::Cancelled => "; --timeout-ms gives it more time",
        _ => "",
    };
    anyhow::anyhow!("the server answered {:?}: {}{hint}", status.code(), status.message())
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
    Replaced {
        entity: redaction.entity,
        rule_id: redaction.rule_id,
        operator: redaction.operator,
        start: offset(span.start_byte),
        end: offset(span.end_byte),
    }
}

fn offset(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
