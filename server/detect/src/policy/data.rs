//! What a policy file may say. `docs/policy.schema.json` is generated from these types.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hygiene::HygieneConfig;
use crate::output::OutputConfig;
use crate::redact::Operator;
use crate::resolve::Overlap;
use crate::rules::{RawInvalid, RawTrigger};
use crate::{Action, Role, Severity};

/// A policy of llm-shield.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "llm-shield policy"))]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyData {
    /// The policy's name.
    pub(super) name: String,
    /// What it is for.
    #[serde(default)]
    pub(super) description: String,
    /// What holds on the way to the model.
    #[serde(default)]
    pub(super) input: Side,
    /// What holds on the way from the model.
    #[serde(default)]
    pub(super) output: Side,
    /// How values are redacted, by entity; `DEFAULT` is for values that are not named.
    #[serde(default)]
    pub(super) operators: BTreeMap<String, Operator>,
    /// Which of overlapping findings gives the name and the operator.
    #[serde(default)]
    pub(super) overlap: Overlap,
    /// Values that are no findings.
    #[serde(default)]
    pub(super) allow: Vec<AllowData>,
    /// Values that are findings wherever they stand.
    #[serde(default)]
    pub(super) deny: Vec<DenyData>,
    /// Rules of one's own, run beside the built-in ones.
    #[serde(default)]
    pub(super) custom_rules: Vec<CustomRuleData>,
    /// Parameters of detectors that have some.
    #[serde(default)]
    pub(super) checks: ChecksData,
}

/// Parameters of the detectors `output` and `hygiene`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(super) struct ChecksData {
    /// Of `output`.
    pub(super) output: OutputConfig,
    /// Of `hygiene`.
    pub(super) hygiene: HygieneConfig,
}

/// One direction.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Side {
    /// By detector: `secrets`, `pii`, `injection`, `unicode`, `custom` and so on.
    #[serde(default)]
    pub(super) detectors: BTreeMap<String, DetectorData>,
    /// By entity type, such as `EMAIL_ADDRESS`; goes before the detector.
    #[serde(default)]
    pub(super) entities: BTreeMap<String, SettingData>,
    /// By rule id, such as `github-pat`; goes before entity and detector.
    #[serde(default)]
    pub(super) rules: BTreeMap<String, SettingData>,
}

/// One detector in one direction.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(super) struct DetectorData {
    /// Whether it runs.
    pub(super) enabled: bool,
    /// The least score of a finding that is told of; for `injection` the least score of a text that is an attack.
    #[cfg_attr(test, schemars(range(min = 0.0, max = 1.0)))]
    pub(super) threshold: f64,
    /// For `injection`: the least score of a text that is noted.
    #[cfg_attr(test, schemars(range(min = 0.0, max = 1.0)))]
    pub(super) flag_threshold: Option<f64>,
    /// What is done about a finding.
    pub(super) action: Action,
    /// What an unfinished detector means.
    pub(super) fail: FailMode,
    /// Run, tell, and do nothing.
    pub(super) shadow: bool,
    /// Whose text is looked through; by default all, for `injection` all that give no orders by right.
    pub(super) roles: Option<Vec<Role>>,
}

/// One entity type or rule in one direction.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct SettingData {
    /// Whether its findings count.
    #[serde(default = "yes")]
    pub(super) enabled: bool,
    /// The least score of a finding that is told of.
    #[cfg_attr(test, schemars(range(min = 0.0, max = 1.0)))]
    pub(super) threshold: Option<f64>,
    /// What is done about a finding.
    pub(super) action: Option<Action>,
}

/// What it means when a detector could not finish.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum FailMode {
    /// The text passes on what the others found, marked as degraded.
    #[default]
    Open,
    /// The text does not pass.
    Closed,
}

/// A value that is no finding: exactly one of `exact`, `regex`, `cidr` and `domain`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct AllowData {
    /// The value, as it stands.
    pub(super) exact: Option<String>,
    /// A pattern for the whole value.
    pub(super) regex: Option<String>,
    /// A network, such as `10.0.0.0/8`, for values that are IP addresses.
    pub(super) cidr: Option<String>,
    /// A domain; values are mail addresses, URLs and names in it and below it.
    pub(super) domain: Option<String>,
    /// Whether `exact` and `regex` overlook the case of letters.
    #[serde(default)]
    pub(super) ignore_case: bool,
    /// Entities that it holds for; empty for all.
    #[serde(default)]
    pub(super) entities: Vec<String>,
    /// Rules that it holds for; empty for all.
    #[serde(default)]
    pub(super) rules: Vec<String>,
}

/// A value that is a finding: exactly one of `exact`, `regex`, `cidr` and `domain`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct DenyData {
    /// The rule id of its findings, kebab-case; by default `deny-` and its place in the list.
    pub(super) id: Option<String>,
    /// The value; whole words, wherever it stands.
    pub(super) exact: Option<String>,
    /// A pattern.
    pub(super) regex: Option<String>,
    /// A network; every IP address in it is a finding.
    pub(super) cidr: Option<String>,
    /// A domain; it and the names below it are findings.
    pub(super) domain: Option<String>,
    /// Whether `exact` and `regex` overlook the case of letters.
    #[serde(default = "yes")]
    pub(super) ignore_case: bool,
    /// The entity type of its findings.
    #[serde(default = "denied")]
    pub(super) entity: String,
    /// What it would cost to miss one.
    #[serde(default = "high")]
    pub(super) severity: Severity,
    /// What is done about a finding.
    #[serde(default = "block")]
    pub(super) action: Action,
}

/// A rule of one's own. The fields are those of `docs/rules.md`; without `keywords` and `trigger` they are found in the
/// pattern itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct CustomRuleData {
    /// Kebab-case, unlike that of any other rule.
    pub(super) id: String,
    /// What it finds.
    #[serde(default)]
    pub(super) description: String,
    /// The detector that it belongs to; a rule of `injection` reads the folded text and adds to the injection score.
    #[serde(default = "custom")]
    pub(super) detector: CustomDetector,
    /// The entity type of its findings, such as `PROJECT_CODE`.
    pub(super) entity: Option<String>,
    /// The category of its findings; by default the detector's.
    pub(super) category: Option<String>,
    /// What it would cost to miss a finding.
    #[serde(default = "medium")]
    pub(super) severity: Severity,
    /// How sure a match of the pattern alone is.
    #[serde(default = "nine_tenths")]
    #[cfg_attr(test, schemars(range(min = 0.0, max = 1.0)))]
    pub(super) score: f64,
    /// What is done about a finding; by default what the detector says.
    pub(super) action: Option<Action>,
    /// Literals in lower case; one must lie in the window.
    #[serde(default)]
    pub(super) keywords: Vec<String>,
    /// `token`: the pattern is tried wherever a token with a digit begins.
    pub(super) trigger: Option<RawTrigger>,
    /// The pattern; group 1, or the group named `value`, is the span.
    pub(super) pattern: String,
    /// Bytes before and after a keyword in which the pattern is searched.
    pub(super) window: Option<[u32; 2]>,
    /// A validator, by name.
    pub(super) validator: Option<String>,
    /// What a failed validator does.
    #[serde(default)]
    pub(super) invalid: RawInvalid,
    /// The score when the validator agrees.
    pub(super) valid_score: Option<f64>,
    /// The least entropy of the span, in bits per character.
    pub(super) entropy: Option<f64>,
    /// Patterns; a span that matches one is no finding.
    #[serde(default)]
    pub(super) allow: Vec<String>,
    /// Words; a span that contains one is no finding.
    #[serde(default)]
    pub(super) stopwords: Vec<String>,
    /// Whole words near the span that raise the score.
    #[serde(default)]
    pub(super) context: Vec<String>,
    /// The score with one of these words.
    pub(super) context_score: Option<f64>,
    /// No context word, no finding.
    #[serde(default)]
    pub(super) context_required: bool,
    /// Taxonomy entries.
    #[serde(default)]
    pub(super) tags: Vec<String>,
}

/// The detectors that a rule of one's own may belong to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum CustomDetector {
    Custom,
    Secrets,
    Pii,
    Injection,
}

// === impl CustomDetector ===

impl CustomDetector {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Custom => "custom",
            Self::Secrets => "secrets",
            Self::Pii => "pii",
            Self::Injection => "injection",
        }
    }

    /// The entity type of a rule that names none.
    pub(super) const fn entity(self) -> &'static str {
        match self {
            Self::Custom | Self::Pii => "CUSTOM",
            Self::Secrets => "SECRET",
            Self::Injection => "PROMPT_INJECTION",
        }
    }
}

// === impl DenyData ===

impl DenyData {
    /// Returns the rule id of the entry at a place of the list.
    pub(super) fn id_at(&self, place: usize) -> String {
        self.id.clone().unwrap_or_else(|| format!("deny-{place}"))
    }
}

// === impl DetectorData ===

impl DetectorData {
    pub(super) const DEFAULT: Self = Self {
        enabled: true,
        threshold: 0.5,
        flag_threshold: None,
        action: Action::Flag,
        fail: FailMode::Open,
        shadow: false,
        roles: None,
    };
}

impl Default for DetectorData {
    fn default() -> Self {
        Self::DEFAULT
    }
}

fn yes() -> bool {
    true
}

fn denied() -> String {
    "DENIED".to_owned()
}

fn high() -> Severity {
    Severity::High
}

fn medium() -> Severity {
    Severity::Medium
}

fn block() -> Action {
    Action::Block
}

fn custom() -> CustomDetector {
    CustomDetector::Custom
}

fn nine_tenths() -> f64 {
    0.9
}
