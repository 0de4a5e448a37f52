use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::Tenant;
use crate::tree::Hash;

/// A decision as it is to be recorded. It holds no text that was scanned but what [`ContentMode`] asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewRecord {
    /// Whose log it goes to.
    pub tenant: Tenant,
    /// Who called: the name that the peer certificate maps to.
    pub principal: String,
    /// The RPC, such as `Scan`.
    pub rpc: String,
    /// The request id that was accepted or made.
    pub request_id: String,
    /// Which side of the model.
    pub direction: Direction,
    /// What was found.
    pub verdict: Verdict,
    /// What the policy asked for.
    pub action: Action,
    /// The policy that decided.
    pub policy: Policy,
    /// What was found, without the text.
    pub findings: Vec<Finding>,
    /// [`DigestKey::digest`](crate::DigestKey::digest) of each content, in the order of the request.
    pub content_digests: Vec<String>,
    /// How much was scanned.
    pub coverage: Coverage,
    /// Time the decision took, in microseconds.
    pub duration_us: u64,
    /// True when a detector that the policy asks for did not complete.
    pub degraded: bool,
    /// The caller's labels.
    pub labels: BTreeMap<String, String>,
    /// The classifier that took part: its name, version and digest; empty when none did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// The detectors that the policy asked for, how each fared, and for how long it ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detectors: Vec<DetectorRun>,
    /// What was kept of the contents, as configured then.
    #[serde(default, skip_serializing_if = "ContentMode::is_none")]
    pub content: ContentMode,
    /// The contents that were kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptContent>,
    /// The tag of the subject that the contents are about. It is not the id that the caller gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Digests, fingerprints and kept contents under the subject's key. In a record that was read: they are gone,
    /// because that key was destroyed, or [lie elsewhere](AuditRecord::contents_elsewhere).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_contents: Option<String>,
}

/// How a detector fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectorRun {
    /// Its name.
    pub detector: String,
    /// How it fared.
    pub status: DetectorOutcome,
    /// Time it took, in microseconds.
    pub duration_us: u64,
}

/// Whether a detector completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetectorOutcome {
    /// It ran over everything it was given.
    Ok,
    /// It was stopped by the deadline.
    TimedOut,
    /// It could not run.
    Failed,
    /// It ran, and its findings were not enforced.
    Shadow,
}

/// What is kept of contents beside their digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentMode {
    /// Nothing.
    #[default]
    None,
    /// A keyed digest of each value that was found, so that the same value is known again.
    Fingerprint,
    /// The text with what was found replaced, as the policy replaces it.
    Redacted,
    /// The text as it was.
    Sealed,
}

impl ContentMode {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// A content that was kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptContent {
    /// The caller's name for it.
    pub content_id: String,
    /// The text, redacted or not as the record's [`ContentMode`] says.
    pub text: String,
}

impl fmt::Debug for KeptContent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Text is for who asks for it, not for logs.
        let Self { content_id, text } = self;
        formatter
            .debug_struct("KeptContent")
            .field("content_id", content_id)
            .field("bytes", &text.len())
            .finish()
    }
}

impl NewRecord {
    /// Returns the record of a call that decides nothing about contents, such as a read of the log itself.
    pub fn of_call(tenant: Tenant, principal: impl Into<String>, rpc: impl Into<String>) -> Self {
        Self {
            tenant,
            principal: principal.into(),
            rpc: rpc.into(),
            request_id: String::new(),
            direction: Direction::Input,
            verdict: Verdict::Benign,
            action: Action::Allow,
            policy: Policy::default(),
            findings: Vec::new(),
            content_digests: Vec::new(),
            coverage: Coverage::default(),
            duration_us: 0,
            degraded: false,
            labels: BTreeMap::new(),
            model: String::new(),
            detectors: Vec::new(),
            content: ContentMode::None,
            kept: Vec::new(),
            subject: None,
            sealed_contents: None,
        }
    }

    /// Returns whether this is the record of a read of the log.
    pub(crate) fn is_read(&self) -> bool {
        READS.contains(&self.rpc.as_str())
    }
}

/// The RPCs that read the log. Their records are listed only when they are asked for.
pub(crate) const READS: [&str; 3] = ["Audit", "GetAuditProof", "VerifyAudit"];

/// A record as it stands in its log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditRecord {
    /// UUID version 7: sorted by time.
    pub id: Uuid,
    /// The log it is in: each writer has its own.
    pub log: String,
    /// Position in that log, from 0: the index of its leaf.
    pub sequence: u64,
    /// Its leaf in the tree of that log.
    #[serde(serialize_with = "as_hex")]
    pub leaf_hash: Hash,
    /// When it was recorded, to the microsecond; never earlier than the record before it.
    pub time: Timestamp,
    /// Whether its sealed contents are of another server's log, so that only that server can say whether they are
    /// gone: the keys of subjects stay where they were made.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub contents_elsewhere: bool,
    /// What was recorded.
    #[serde(flatten)]
    pub decision: NewRecord,
}

/// A finding without the text: what and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The content it was found in.
    pub content_id: String,
    /// The detector.
    pub detector: String,
    /// The kind of thing.
    pub category: String,
    /// The entity type.
    pub entity: String,
    /// The rule's id.
    pub rule_id: String,
    /// What it would cost to miss it.
    pub severity: Severity,
    /// How sure the detector was, in [0, 1].
    pub score: f64,
    /// First UTF-8 byte in the content's text.
    pub start_byte: u64,
    /// One past the last UTF-8 byte.
    pub end_byte: u64,
    /// [`DigestKey::digest`](crate::DigestKey::digest) of the value, where [`ContentMode::Fingerprint`] asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// The policy that decided.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// SHA-256 of its canonical form, lower-case hex.
    pub digest: String,
}

/// How much of the text was scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// Bytes of text in the request.
    pub bytes_total: u64,
    /// Bytes that every detector the policy asks for has scanned.
    pub bytes_scanned: u64,
}

/// Which side of the model a text was seen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// On the way to the model.
    Input,
    /// On the way from the model.
    Output,
}

/// What was found, whatever the policy does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing.
    Benign,
    /// Something below the policy's threshold for an attack.
    Suspicious,
    /// Personal data or secrets, and no attack.
    Sensitive,
    /// An attack.
    Malicious,
    /// A detector that the policy demands did not complete.
    Undetermined,
}

/// What the policy asked the caller to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Let it pass.
    Allow,
    /// Let it pass, and note it.
    Flag,
    /// Let the redacted text pass.
    Redact,
    /// Do not let it pass.
    Block,
}

impl Action {
    /// Returns the number that stands for it in page tokens and indexes.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Allow => 1,
            Self::Flag => 2,
            Self::Redact => 3,
            Self::Block => 4,
        }
    }
}

/// What it would cost to miss a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

fn as_hex<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(hash))
}
