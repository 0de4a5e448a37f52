//! Policy: what is looked for, from which score on, and what is done about it. Policies are data; see
//! `policies/*.yaml` for the three that come with the library, and `docs/policy.md`.

mod allow;
mod custom;
mod data;
mod explain;
mod literal;
mod net;
mod shape;

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::engine::CLASSIFIER;
use crate::hygiene::{HygieneConfig, WordLists};
use crate::output::OutputConfig;
use crate::redact::Operator;
use crate::resolve::{Overlap, strength};
use crate::{Action, Direction, Engine, Finding, Role, Severity};

use self::allow::AllowList;
use self::data::{DetectorData, PolicyData, SettingData, Side};

pub(crate) use self::custom::Custom;
pub use self::data::FailMode;
pub use self::explain::{Effective, Explanation, ScorePart, Source};

/// A policy, checked and ready. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Policy {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    data: PolicyData,
    allow: AllowList,
    custom: Option<Custom>,
    words: Option<WordLists>,
    digest: String,
}

/// A policy that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The text is not a policy; the message names the key.
    #[error("policy: {0}")]
    Format(String),
    /// A value is out of its range.
    #[error("policy key `{key}`: {message}")]
    Value {
        /// Where it stands.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// A key that nothing reads.
    #[error("unknown policy key `{key}`{}", nearest.as_deref().map(|key| format!("; did you mean `{key}`?")).unwrap_or_default())]
    UnknownKey {
        /// The key's path.
        key: String,
        /// The most similar key that exists.
        nearest: Option<String>,
    },
    /// More than one thing is wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Several(Vec<Self>),
    /// There is no preset of that name.
    #[error("there is no preset policy `{0}`, only `strict`, `standard` and `permissive`")]
    UnknownPreset(String),
}

impl PolicyError {
    /// Returns all that is wrong, one by one.
    pub fn problems(&self) -> impl Iterator<Item = &Self> {
        let (one, many) = match self {
            Self::Several(problems) => (None, problems.as_slice()),
            one => (Some(one), [].as_slice()),
        };
        one.into_iter().chain(many)
    }

    /// Returns the key that is wrong.
    fn key(&self) -> Option<&str> {
        match self {
            Self::Value { key, .. } | Self::UnknownKey { key, .. } => Some(key),
            _ => None,
        }
    }

    /// Whether this is wrong at the key of another problem or below it.
    fn is_within(&self, other: &Self) -> bool {
        let rest = self.key().zip(other.key()).and_then(|(own, other)| own.strip_prefix(other));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }
}

impl Policy {
    /// Returns one of the policies that come with the library: `strict`, `standard` or `permissive`.
    ///
    /// # Errors
    /// When there is no such preset.
    pub fn preset(name: &str) -> Result<Self, PolicyError> {
        let (_, yaml) = PRESETS
            .iter()
            .find(|(preset, _)| *preset == name)
            .ok_or_else(|| PolicyError::UnknownPreset(name.to_owned()))?;
        Self::from_yaml(yaml)
    }

    /// Returns the names of the presets.
    pub fn preset_names() -> impl Iterator<Item = &'static str> {
        PRESETS.iter().map(|(name, _)| *name)
    }

    /// Reads a policy.
    ///
    /// # Errors
    /// When a key is unknown, a value is out of its range, or a pattern is refused; the error names the key. All that is
    /// wrong is told at once.
    pub fn from_yaml(yaml: &str) -> Result<Self, PolicyError> {
        Self::read(yaml, |_| Vec::new())
    }

    /// Reads a policy as [`Policy::from_yaml`] does, for an engine.
    ///
    /// # Errors
    /// Besides: when it names a detector, an entity or a rule that neither the engine nor the policy has, or gives a rule
    /// of its own the id of one of the engine's.
    pub fn from_yaml_for(yaml: &str, engine: &Engine) -> Result<Self, PolicyError> {
        Self::read(yaml, |data| explain::unknown_names(data, engine))
    }

    fn read(yaml: &str, names: impl Fn(&PolicyData) -> Vec<PolicyError>) -> Result<Self, PolicyError> {
        // YAML 1.2: `no` is a word, not a truth value.
        let options = serde_saphyr::options! { strict_booleans: true };
        let mut tree: serde_json::Value = serde_saphyr::from_str_with_options(yaml, options)
            .map_err(|error| PolicyError::Format(error.to_string()))?;
        let mut problems = shape::problems(&tree)?;
        // What has a wrong form is left out, so that what is wrong in the rest is told of at the same time.
        shape::prune(&mut tree, &problems);
        let data = match serde_json::from_value::<PolicyData>(tree) {
            Ok(data) => data,
            Err(_) if !problems.is_empty() => return Err(several(problems)),
            Err(error) => return Err(PolicyError::Format(error.to_string())),
        };
        let mut more = Vec::new();
        settings(&data, &mut more);
        let allow = AllowList::new(&data.allow, &mut more);
        let custom = Custom::new(&data, &mut more);
        let checked =
            [("checks.output", data.checks.output.check()), ("checks.hygiene", data.checks.hygiene.check())];
        for (key, result) in checked {
            more.extend(result.err().map(|message| PolicyError::Value { key: key.to_owned(), message }));
        }
        more.extend(names(&data));
        more.retain(|new| !problems.iter().any(|known| known.is_within(new)));
        problems.append(&mut more);
        if !problems.is_empty() {
            return Err(several(problems));
        }
        let words = WordLists::new(&data.checks.hygiene.word_lists)
            .map_err(|message| PolicyError::Value { key: "checks.hygiene.word_lists".to_owned(), message })?;
        let canonical = serde_json::to_vec(&data).map_err(|error| PolicyError::Format(error.to_string()))?;
        let digest = hex::encode(Sha256::digest(&canonical));
        Ok(Self { inner: Arc::new(Inner { data, allow, custom, words, digest }) })
    }

    /// Returns the JSON Schema of policy files.
    #[must_use]
    pub fn schema() -> &'static str {
        shape::SCHEMA
    }

    /// Returns the policy's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.data.name
    }

    /// Returns what the policy is for.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.inner.data.description
    }

    /// Returns the SHA-256 of the policy's canonical form, in lower-case hex. Comments and layout do not change it.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.inner.digest
    }

    /// Returns the parameters of the detector `output`.
    #[must_use]
    pub fn output_config(&self) -> &OutputConfig {
        &self.inner.data.checks.output
    }

    /// Returns the parameters of the detector `hygiene`.
    #[must_use]
    pub fn hygiene_config(&self) -> &HygieneConfig {
        &self.inner.data.checks.hygiene
    }

    /// Returns the compiled word lists.
    pub(crate) fn word_lists(&self) -> Option<&WordLists> {
        self.inner.words.as_ref()
    }

    /// Whether a detector runs on a content.
    pub(crate) fn runs(&self, detector: &str, direction: Direction, role: Role) -> bool {
        let data = self.detector(direction, detector);
        data.enabled
            && data
                .roles
                .as_ref()
                .map_or_else(|| default_role(detector, direction, role), |r| r.contains(&role))
    }

    pub(crate) fn is_shadow(&self, detector: &str, direction: Direction) -> bool {
        self.detector(direction, detector).shadow
    }

    pub(crate) fn fail_mode(&self, detector: &str, direction: Direction) -> FailMode {
        self.detector(direction, detector).fail
    }

    /// From which injection score on a text is an attack, and what is done then.
    pub(crate) fn injection(&self, direction: Direction) -> (f64, Action) {
        let data = self.detector(direction, "injection");
        (data.threshold, data.action)
    }

    /// From which injection score on a text is noted.
    pub(crate) fn injection_flag(&self, direction: Direction) -> f64 {
        let data = self.detector(direction, "injection");
        data.flag_threshold.unwrap_or(data.threshold)
    }

    /// Whether a finding is told of: above its threshold, of an entity and rule that are wanted, and not allowed.
    pub(crate) fn admits(&self, finding: &Finding, text: &str, direction: Direction) -> bool {
        self.is_wanted(finding, direction)
            && finding.score >= self.threshold(finding, direction).0
            && self.allowed_by(finding, text).is_none()
    }

    /// Keeps the findings of a text that are told of. Personal data that lie within an allowed value and are less likely
    /// than that are parts of it.
    pub(crate) fn retain_admitted(&self, findings: &mut Vec<Finding>, text: &str, direction: Direction) {
        let mut allowed: Vec<Finding> = Vec::new();
        findings.retain(|finding| {
            let lets_pass = self.allowed_by(finding, text).is_some();
            if lets_pass && is_personal(finding) {
                allowed.push(finding.clone());
            }
            !lets_pass && self.admits(finding, text, direction)
        });
        allowed.sort_by_key(|finding| finding.span);
        findings.retain(|finding| {
            let before = allowed.partition_point(|other| other.span.start <= finding.span.start);
            let near = allowed.iter().take(before).rev().take(COMPARED);
            let order = self.overlap();
            let mut around = near.filter(|other| other.span.contains(finding.span));
            !is_personal(finding) || !around.any(|other| strength(finding, other, order).is_lt())
        });
    }

    fn is_wanted(&self, finding: &Finding, direction: Direction) -> bool {
        self.settings(finding, direction).all(|(_, setting)| setting.enabled)
    }

    /// Returns the place in the allow list of the entry that holds for a finding.
    fn allowed_by(&self, finding: &Finding, text: &str) -> Option<usize> {
        let value = text.get(finding.span.range())?;
        self.inner.allow.allowed_by(value, &finding.entity, &finding.rule_id)
    }

    /// Returns the least score of a finding like this one, and who says so.
    fn threshold(&self, finding: &Finding, direction: Direction) -> (f64, Source) {
        let own = self.settings(finding, direction).find_map(|(source, s)| Some((s.threshold?, source)));
        own.unwrap_or_else(|| {
            // The injection threshold is one of the whole text; the phrases that make its score are always told of.
            if &*finding.detector == "injection" {
                return (0.0, Source::Builtin);
            }
            (
                self.detector(direction, &finding.detector).threshold,
                self.source_of(direction, &finding.detector),
            )
        })
    }

    /// Returns what is done about a finding. Injection phrases count through the score of the text.
    pub(crate) fn action(&self, finding: &Finding, direction: Direction) -> Action {
        self.action_from(finding, direction).0
    }

    fn action_from(&self, finding: &Finding, direction: Direction) -> (Action, Source) {
        let detector = self.detector(direction, &finding.detector);
        if detector.shadow {
            return (Action::Allow, Source::Shadow);
        }
        let own = self.settings(finding, direction).find_map(|(source, s)| Some((s.action?, source)));
        let custom = || Some((self.custom()?.action(&finding.rule_id)?, Source::CustomRule));
        let list = || Some((self.word_lists()?.action(&finding.rule_id)?, Source::CustomRule));
        own.or_else(custom).or_else(list).unwrap_or_else(|| {
            // What is told for information moves nothing by itself.
            if matches!(&*finding.detector, "injection" | CLASSIFIER) || finding.severity == Severity::Info {
                (Action::Allow, Source::Builtin)
            } else {
                (detector.action, self.source_of(direction, &finding.detector))
            }
        })
    }

    /// Returns how an entity is redacted.
    pub(crate) fn operator(&self, finding: &Finding) -> &Operator {
        self.operator_for(&finding.entity, &finding.category)
    }

    /// Returns how values of an entity are redacted: secrets, personal data and what custom rules find.
    #[must_use]
    pub fn operator_of(&self, entity: &str) -> &Operator {
        self.operator_for(entity, "custom")
    }

    fn operator_for(&self, entity: &str, category: &str) -> &Operator {
        let operators = &self.inner.data.operators;
        if let Some(operator) = operators.get(entity) {
            return operator;
        }
        // Only values are redacted by default: the words of an attack are evidence, and hidden text spans what is seen.
        if matches!(category, "secret" | "personal_data" | "custom" | "prompt_leak" | "exfiltration") {
            operators.get("DEFAULT").unwrap_or(&Operator::Replace { with: None })
        } else {
            &Operator::Keep
        }
    }

    /// Whether an operator of the policy needs a tenant's key.
    #[must_use]
    pub fn uses_keys(&self) -> bool {
        self.inner.data.operators.values().any(Operator::is_keyed)
    }

    pub(crate) fn overlap(&self) -> Overlap {
        self.inner.data.overlap
    }

    /// Returns the rules that the policy brings.
    pub(crate) fn custom(&self) -> Option<&Custom> {
        self.inner.custom.as_ref()
    }

    /// Returns what is said of a finding's rule and entity, the closer first.
    fn settings(
        &self,
        finding: &Finding,
        direction: Direction,
    ) -> impl Iterator<Item = (Source, &SettingData)> {
        let side = self.side(direction);
        let rule = side.rules.get(&*finding.rule_id).map(|setting| (Source::Rule, setting));
        let entity = side.entities.get(&*finding.entity).map(|setting| (Source::Entity, setting));
        rule.into_iter().chain(entity)
    }

    fn source_of(&self, direction: Direction, detector: &str) -> Source {
        let named = self.side(direction).detectors.contains_key(detector);
        if named { Source::Detector } else { Source::Builtin }
    }

    fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Input => &self.inner.data.input,
            Direction::Output => &self.inner.data.output,
        }
    }

    fn detector(&self, direction: Direction, name: &str) -> &DetectorData {
        self.side(direction).detectors.get(name).unwrap_or(&DetectorData::DEFAULT)
    }
}

fn is_personal(finding: &Finding) -> bool {
    &*finding.category == "personal_data"
}

/// Allowed values that a finding is compared with; more around one place come from no honest text.
const COMPARED: usize = 64;

/// Appends what is wrong with operators and thresholds.
fn settings(data: &PolicyData, problems: &mut Vec<PolicyError>) {
    for (entity, operator) in &data.operators {
        if let Err(message) = operator.check() {
            let key = format!("operators.{entity}");
            problems.push(PolicyError::Value { key, message: message.to_owned() });
        }
    }
    for (side, of) in [("input", &data.input), ("output", &data.output)] {
        for (name, detector) in &of.detectors {
            let Some(flag) = detector.flag_threshold else { continue };
            let key = format!("{side}.detectors.{name}.flag_threshold");
            if name != "injection" {
                let message = "is for `injection` alone".to_owned();
                problems.push(PolicyError::Value { key, message });
            } else if flag > detector.threshold {
                let message = format!(
                    "`{flag}` is more than the threshold of {}: every text that it would flag is an attack",
                    detector.threshold
                );
                problems.push(PolicyError::Value { key, message });
            }
        }
    }
}

fn several(mut problems: Vec<PolicyError>) -> PolicyError {
    match problems.pop() {
        Some(only) if problems.is_empty() => only,
        Some(last) => {
            problems.push(last);
            PolicyError::Several(problems)
        }
        None => PolicyError::Format("the policy is refused".to_owned()),
    }
}

/// Values are looked for in every role, what harms a reader or a tool in outputs only. The application's own text gives orders by right, and what the model writes is
/// looked through for orders only on its way into another model.
fn default_role(detector: &str, direction: Direction, role: Role) -> bool {
    match detector {
        "injection" | CLASSIFIER => {
            !(role == Role::System || (role == Role::Assistant && direction == Direction::Output))
        }
        "output" => direction == Direction::Output && role != Role::System,
        "hygiene" => role != Role::System,
        _ => true,
    }
}

static PRESETS: &[(&str, &str)] = &[
    ("strict", include_str!("../../policies/strict.yaml")),
    ("standard", include_str!("../../policies/standard.yaml")),
    ("permissive", include_str!("../../policies/permissive.yaml")),
];
