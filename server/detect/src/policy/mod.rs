//! Policy: what is looked for, from which score on, and what is done about it. Policies are data; see
//! `policies/*.yaml` for the three that come with the library.

mod allow;
mod data;

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::redact::Operator;
use crate::{Action, Direction, Finding, Role};

use self::allow::AllowList;
use self::data::{DetectorData, EntityData, PolicyData, Side};

pub use self::data::FailMode;

/// A policy, checked and ready. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Policy {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    data: PolicyData,
    allow: AllowList,
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
    /// There is no preset of that name.
    #[error("there is no preset policy `{0}`, only `strict`, `standard` and `permissive`")]
    UnknownPreset(String),
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
    /// When a key is unknown or a value is out of range; the error names the key.
    pub fn from_yaml(yaml: &str) -> Result<Self, PolicyError> {
        let data: PolicyData =
            serde_saphyr::from_str(yaml).map_err(|error| PolicyError::Format(error.to_string()))?;
        data.check()?;
        let allow = AllowList::new(&data.allow)?;
        let canonical =
            serde_saphyr::to_string(&data).map_err(|error| PolicyError::Format(error.to_string()))?;
        let digest = hex::encode(Sha256::digest(canonical.as_bytes()));
        Ok(Self { inner: Arc::new(Inner { data, allow, digest }) })
    }

    /// Returns the policy's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.data.name
    }

    /// Returns the SHA-256 of the policy's canonical form, in lower-case hex. Comments and layout do not change it.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.inner.digest
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

    /// Whether a finding is told of: above its threshold, of an entity that is wanted, and not allowed.
    pub(crate) fn admits(&self, finding: &Finding, text: &str, direction: Direction) -> bool {
        let entity = self.entity(direction, &finding.entity);
        let detector = self.detector(direction, &finding.detector);
        // The injection threshold is one of the whole text; the phrases that make its score are always told of.
        let least = entity
            .and_then(|entity| entity.threshold)
            .unwrap_or(if &*finding.detector == "injection" { 0.0 } else { detector.threshold });
        entity.is_none_or(|entity| entity.enabled)
            && finding.score >= least
            && !text
                .get(finding.span.range())
                .is_some_and(|value| self.inner.allow.allows(value, &finding.entity, &finding.rule_id))
    }

    /// Returns what is done about a finding. Injection phrases count through the score of the text.
    pub(crate) fn action(&self, finding: &Finding, direction: Direction) -> Action {
        let detector = self.detector(direction, &finding.detector);
        if detector.shadow
            || (&*finding.detector == "injection" && self.entity(direction, &finding.entity).is_none())
        {
            return Action::Allow;
        }
        self.entity(direction, &finding.entity).and_then(|entity| entity.action).unwrap_or(detector.action)
    }

    /// Returns how an entity is redacted.
    pub(crate) fn operator(&self, finding: &Finding) -> Operator {
        let operators = &self.inner.data.operators;
        if let Some(operator) = operators.get(&*finding.entity) {
            return operator.clone();
        }
        // Only values are redacted by default: the words of an attack are evidence, and hidden text spans what is seen.
        if matches!(&*finding.category, "secret" | "personal_data") {
            operators.get("DEFAULT").cloned().unwrap_or(Operator::Replace { with: None })
        } else {
            Operator::Keep
        }
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

    fn entity(&self, direction: Direction, name: &str) -> Option<&EntityData> {
        self.side(direction).entities.get(name)
    }
}

/// Values are looked for in every role. The application's own text gives orders by right, and what the model writes is
/// looked through for orders only on its way into another model.
fn default_role(detector: &str, direction: Direction, role: Role) -> bool {
    detector != "injection"
        || !(role == Role::System || (role == Role::Assistant && direction == Direction::Output))
}

static PRESETS: &[(&str, &str)] = &[
    ("strict", include_str!("../../policies/strict.yaml")),
    ("standard", include_str!("../../policies/standard.yaml")),
    ("permissive", include_str!("../../policies/permissive.yaml")),
];
