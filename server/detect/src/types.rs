//! What a request says and what a report answers, in the engine's own types.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ByteSpan;

/// Whose text a content is. It decides what counts as an instruction.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Text typed by the end user.
    #[default]
    User,
    /// The application's own instructions; trusted, never looked through for injections.
    System,
    /// Text written by the model.
    Assistant,
    /// Arguments or result of a tool call, or a tool's definition; untrusted.
    Tool,
    /// A retrieved document, a web page, an e-mail; untrusted.
    Document,
}

/// On which side of the model the contents were seen.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// On the way to the model.
    #[default]
    Input,
    /// On the way from the model.
    Output,
}

/// What the policy asks the caller to do, from the mildest to the strictest.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing that the policy acts on was found.
    #[default]
    Allow,
    /// Let it pass, and note it.
    Flag,
    /// Let the redacted text pass.
    Redact,
    /// Do not let it pass.
    Block,
}

/// What was found, whatever the policy does about it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing was found.
    #[default]
    Benign,
    /// Something was found below the policy's threshold for an attack.
    Suspicious,
    /// Personal data or secrets were found, and no attack.
    Sensitive,
    /// An attack was found.
    Malicious,
    /// A detector that the policy demands did not complete.
    Undetermined,
}

/// What it would cost to miss a finding.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For information.
    Info,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

/// One piece of text of a request.
#[derive(Clone, Copy)]
pub struct Content<'t> {
    /// Whose text it is.
    pub role: Role,
    /// The text.
    pub text: &'t str,
}

impl fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({:?}, {} bytes)", self.role, self.text.len())
    }
}

/// The contents that are judged together.
#[derive(Clone, Debug, Default)]
pub struct Request<'t> {
    /// On which side of the model they were seen.
    pub direction: Direction,
    /// The contents; a finding names its content by index.
    pub contents: Vec<Content<'t>>,
}

impl<'t> Request<'t> {
    /// Makes a request of a single content.
    #[must_use]
    pub fn single(direction: Direction, role: Role, text: &'t str) -> Self {
        Self { direction, contents: vec![Content { role, text }] }
    }
}

/// One thing that a detector saw. It never holds the matched text.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Index of the content.
    pub content: usize,
    /// The detector, such as `secrets`.
    pub detector: Arc<str>,
    /// What kind of thing it is, such as `personal_data`.
    pub category: Arc<str>,
    /// The entity type, such as `EMAIL_ADDRESS`.
    pub entity: Arc<str>,
    /// The stable id of the rule.
    pub rule_id: Arc<str>,
    /// What it would cost to miss it.
    pub severity: Severity,
    /// How sure the detector is, in [0, 1].
    pub score: f64,
    /// Where it is in the content's text as the caller gave it. Never empty: what was seen in a view has the smallest
    /// span whose bytes made all of it, at least one character, and within an encoding at least one unit of it (three
    /// bytes of base64 come from four).
    pub span: ByteSpan,
    /// The decodings under which it was seen, outermost first; empty for the text as it is.
    pub path: Vec<&'static str>,
    /// Where it is in the document that the text is or holds: a JSON Pointer (RFC 6901), or a path of elements such as
    /// `/order[1]/note[2]/@by`. It goes on inside of a string that holds a document itself, and begins with the number
    /// of the value in JSON Lines. `None` outside of documents.
    /// A key that looks like a value itself is written `*`.
    pub pointer: Option<Arc<str>>,
}

/// How a detector fared on a request.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DetectorStatus {
    /// It ran over everything it was given.
    Ok,
    /// The policy, the role or the request left it out.
    Skipped,
    /// It was stopped by the deadline.
    TimedOut,
    /// It could not run.
    Failed,
    /// It ran, and its findings were not enforced.
    Shadow,
}

/// One detector's account of a request.
#[derive(Clone, Debug)]
pub struct DetectorReport {
    /// The detector's name.
    pub detector: Arc<str>,
    /// How it fared.
    pub status: DetectorStatus,
    /// The highest score among its findings; 0 when there are none.
    pub score: f64,
    /// How many findings it has.
    pub finding_count: usize,
    /// Its own share of the time. What several detectors need alike, such as views and the pass over the rules of a
    /// family, counts for each of them in equal parts, so that the times of all add up to the time of the scan.
    pub duration: Duration,
    /// Why it was skipped, timed out or failed; empty when it ran.
    pub reason: &'static str,
}

/// How much of the text was scanned by every detector that the policy asks for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Coverage {
    /// Bytes of text in the request.
    pub bytes_total: usize,
    /// Bytes that were scanned.
    pub bytes_scanned: usize,
    /// Whether something was left out for its amount: findings beyond those that are told of, decodings beyond the
    /// budget. What was found is right; there may be more.
    pub truncated: bool,
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Report {
    /// What the policy asks for.
    pub action: Action,
    /// What was found.
    pub verdict: Verdict,
    /// Findings, sorted by content and start.
    pub findings: Vec<Finding>,
    /// How likely the text carries an injection, in [0, 1], from the rules and, where it ran, the classifier.
    pub injection_score: f64,
    /// One entry for every detector of the engine.
    pub detectors: Vec<DetectorReport>,
    /// How much was scanned.
    pub coverage: Coverage,
    /// Whether something that the policy asks for did not complete.
    pub degraded: bool,
    /// The model that took part, if one did.
    pub model: Option<Arc<str>>,
}
