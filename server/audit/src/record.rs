use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::Tenant;
use crate::tree::Hash;

/// A decision as it is to be recorded. It never holds text that was scanned.
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
    /// The tag of the subject that the contents are about, under whose key they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

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
