//! What decides on a case: the engine in this process, or a server. Both answer in the same words.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use llm_shield::{
    model::{Model, ModelOptions},
    tokenizer::ModelTokenizer,
};
use llm_shield_detect::{
    Cancel, DetectorStatus, Engine, Finding, Policy, RedactionKeys, Report, Request, ScanOptions, redact,
};
use llm_shield_proto::v1;
use serde::Serialize;

use super::{
    args::{JudgeArgs, KeyArgs},
    case::Case,
    remote::Remote,
};

/// A decision.
#[derive(Debug, Serialize)]
pub(crate) struct Decision {
    pub(crate) action: &'static str,
    pub(crate) verdict: &'static str,
    pub(crate) injection_score: f64,
    pub(crate) findings: Vec<Found>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) detectors: Vec<Ran>,
    pub(crate) degraded: bool,
    /// How much of the text was read.
    pub(crate) coverage: Coverage,
    pub(crate) policy: String,
    /// The model that took part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) audit_record_id: Option<String>,
}

impl Decision {
    pub(crate) fn is_blocked(&self) -> bool {
        self.action == "BLOCK"
    }
}

/// A finding; offsets in bytes of the text.
#[derive(Debug, Serialize)]
pub(crate) struct Found {
    pub(crate) detector: String,
    pub(crate) category: String,
    pub(crate) entity: String,
    pub(crate) rule_id: String,
    pub(crate) severity: &'static str,
    pub(crate) score: f64,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Left out of JSON Lines, whose fields are fixed.
    #[serde(skip)]
    pub(crate) decoding_path: Vec<String>,
    /// Where it is in a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pointer: Option<String>,
}

/// How a detector fared.
#[derive(Debug, Serialize)]
pub(crate) struct Ran {
    pub(crate) detector: String,
    pub(crate) status: &'static str,
    pub(crate) score: f64,
    pub(crate) finding_count: u64,
    pub(crate) duration_us: u64,
}

/// How much of a text was read by every detector that the policy asks for.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Coverage {
    pub(crate) bytes_total: u64,
    pub(crate) bytes_scanned: u64,
    /// Whether something was left out for its amount: findings, decodings, or windows of the classifier.
    pub(crate) truncated: bool,
}

impl Coverage {
    /// The share that was read, in per cent, rounded down; none when that is all.
    pub(crate) fn partial(self) -> Option<u64> {
        (self.bytes_scanned < self.bytes_total).then(|| {
            u64::try_from(u128::from(self.bytes_scanned) * 100 / u128::from(self.bytes_total)).unwrap_or(0)
        })
    }
}

/// A redacted text.
#[derive(Debug, Serialize)]
pub(crate) struct Redacted {
    pub(crate) action: &'static str,
    pub(crate) text: String,
    pub(crate) spans: Vec<Replaced>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) audit_record_id: Option<String>,
}

impl Redacted {
    pub(crate) fn is_blocked(&self) -> bool {
        self.action == "BLOCK"
    }
}

/// A replaced span; offsets in bytes of the original text.
#[derive(Debug, Serialize)]
pub(crate) struct Replaced {
    pub(crate) entity: String,
    #[serde(skip)]
    pub(crate) rule_id: String,
    #[serde(skip)]
    pub(crate) operator: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) redacted: Place,
}

/// Where a stand-in is, in bytes of the redacted text.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Place {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The policy that decides when none is named, as in the server's configuration.
const DEFAULT_POLICY: &str = "standard";

/// What is to be done with cases.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Task<'a> {
    /// Decide.
    Scan,
    /// Take values out, which is the rules' alone, under these keys.
    Redact(&'a KeyArgs),
}

/// Decides on cases.
pub(crate) enum Judge {
    Local(Box<Local>),
    Remote(Box<Remote>),
}

impl Judge {
    /// Makes what the arguments ask for.
    pub(crate) fn new(args: &JudgeArgs, task: Task<'_>) -> Result<Self> {
        match &args.remote.endpoint {
            Some(endpoint) => {
                let remote = Remote::new(endpoint, &args.remote.identity, args.policy.clone())?;
                Ok(Self::Remote(Box::new(remote)))
            }
            None => Ok(Self::Local(Box::new(Local::new(args, task)?))),
        }
    }

    /// Decides on a case.
    pub(crate) fn scan(&self, case: &Case) -> Result<Decision> {
        match self {
            Self::Local(local) => Ok(local.scan(case)),
            Self::Remote(remote) => remote.scan(case),
        }
    }

    /// Redacts a case.
    pub(crate) fn redact(&self, case: &Case) -> Result<Redacted> {
        match self {
            Self::Local(local) => Ok(local.redact(case)),
            Self::Remote(remote) => remote.redact(case),
        }
    }
}

/// The engine in this process.
pub(crate) struct Local {
    engine: Engine,
    policy: Policy,
    options: ScanOptions,
    keys: RedactionKeys,
}

impl Local {
    fn new(args: &JudgeArgs, task: Task<'_>) -> Result<Self> {
        let policy = match args.policy.as_deref() {
            None => Policy::preset(DEFAULT_POLICY)?,
            Some(name) if Policy::preset_names().any(|preset| preset == name) => Policy::preset(name)?,
            Some(file) => {
                let text = std::fs::read_to_string(file).with_context(|| {
                    let presets: Vec<_> = Policy::preset_names().collect();
                    format!("cannot read the policy `{file}`, and it is no preset ({})", presets.join(", "))
                })?;
                Policy::from_yaml(&text).with_context(|| format!("in the policy {file}"))?
            }
        };
        let mut engine = Engine::builtin().context("the rules that come with this program do not compile")?;
        if let Some(path) = &args.tokenizer {
            engine = engine.with_token_counter(Arc::new(ModelTokenizer::open(path)?));
        }
        if matches!(task, Task::Scan)
            && !args.rules_only
            && let Some(model) = Model::load(
                args.model.as_deref(),
                ModelOptions { threads: args.workers(), ..ModelOptions::default() },
            )?
        {
            engine = model.join(engine);
        }
        let mut options = ScanOptions::default();
        if !args.detectors.is_empty() {
            let known: Vec<String> =
                engine.detectors().iter().map(|detector| detector.name.to_string()).collect();
            for name in &args.detectors {
                anyhow::ensure!(
                    known.contains(name),
                    "unknown detector `{name}`: there are {}",
                    known.join(", ")
                );
            }
            options.detectors = Some(args.detectors.clone());
        }
        let keys = match task {
            Task::Redact(keys) if policy.uses_keys() => keys.open(&args.remote.identity.data)?,
            _ => RedactionKeys::default(),
        };
        Ok(Self { engine, policy, options, keys })
    }

    fn report(&self, case: &Case) -> Report {
        let request = Request::single(case.direction(), case.role(), &case.text);
        self.engine.scan_with(&request, &self.policy, &self.options, &Cancel::never())
    }

    fn scan(&self, case: &Case) -> Decision {
        let report = self.report(case);
        Decision {
            action: action_name(report.action),
            verdict: verdict_name(report.verdict),
            injection_score: report.injection_score,
            findings: report.findings.iter().map(found).collect(),
            detectors: report
                .detectors
                .iter()
                .map(|detector| Ran {
                    detector: detector.detector.to_string(),
                    status: status_name(detector.status),
                    score: detector.score,
                    finding_count: u64::try_from(detector.finding_count).unwrap_or(u64::MAX),
                    duration_us: u64::try_from(detector.duration.as_micros()).unwrap_or(u64::MAX),
                })
                .collect(),
            degraded: report.degraded,
            coverage: Coverage {
                bytes_total: u64::try_from(report.coverage.bytes_total).unwrap_or(u64::MAX),
                bytes_scanned: u64::try_from(report.coverage.bytes_scanned).unwrap_or(u64::MAX),
                truncated: report.coverage.truncated,
            },
            policy: self.policy.name().to_owned(),
            model: report.model.as_deref().map(str::to_owned),
            audit_record_id: None,
        }
    }

    fn redact(&self, case: &Case) -> Redacted {
        let report = self.report(case);
        let redacted = redact(&case.text, &report.findings, &self.policy, &self.keys);
        Redacted {
            action: action_name(report.action),
            spans: redacted
                .redactions
                .iter()
                .map(|redaction| Replaced {
                    entity: redaction.entity.to_string(),
                    rule_id: redaction.rule_id.to_string(),
                    operator: redaction.operator.to_owned(),
                    start: redaction.original.start,
                    end: redaction.original.end,
                    redacted: Place { start: redaction.redacted.start, end: redaction.redacted.end },
                })
                .collect(),
            text: redacted.text,
            audit_record_id: None,
        }
    }
}

fn found(finding: &Finding) -> Found {
    Found {
        detector: finding.detector.to_string(),
        category: finding.category.to_string(),
        entity: finding.entity.to_string(),
        rule_id: finding.rule_id.to_string(),
        severity: severity_name(finding.severity),
        score: finding.score,
        start: finding.span.start,
        end: finding.span.end,
        decoding_path: finding.path.iter().map(|&step| step.to_owned()).collect(),
        pointer: finding.pointer.as_deref().map(str::to_owned),
    }
}

/// The name of an action, as everywhere in the API.
pub(crate) const fn action_name(action: llm_shield_detect::Action) -> &'static str {
    use llm_shield_detect::Action;
    match action {
        Action::Allow => "ALLOW",
        Action::Flag => "FLAG",
        Action::Redact => "REDACT",
        Action::Block => "BLOCK",
    }
}

const fn verdict_name(verdict: llm_shield_detect::Verdict) -> &'static str {
    use llm_shield_detect::Verdict;
    match verdict {
        Verdict::Benign => "BENIGN",
        Verdict::Suspicious => "SUSPICIOUS",
        Verdict::Sensitive => "SENSITIVE",
        Verdict::Malicious => "MALICIOUS",
        Verdict::Undetermined => "UNDETERMINED",
    }
}

const fn severity_name(severity: llm_shield_detect::Severity) -> &'static str {
    use llm_shield_detect::Severity;
    match severity {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

const fn status_name(status: DetectorStatus) -> &'static str {
    match status {
        DetectorStatus::Ok => "OK",
        DetectorStatus::Skipped => "SKIPPED",
        DetectorStatus::TimedOut => "TIMED_OUT",
        DetectorStatus::Failed => "FAILED",
        DetectorStatus::Shadow => "SHADOW",
    }
}

/// The same for the API's enumerations: the name without its prefix.
pub(crate) fn short_name(name: &'static str, prefix: &str) -> &'static str {
    name.strip_prefix(prefix).unwrap_or(name)
}

/// The name of a severity of the API.
pub(crate) const fn api_severity_name(severity: v1::Severity) -> &'static str {
    match severity {
        v1::Severity::Unspecified => "unspecified",
        v1::Severity::Info => "info",
        v1::Severity::Low => "low",
        v1::Severity::Medium => "medium",
        v1::Severity::High => "high",
        v1::Severity::Critical => "critical",
    }
}
