//! What a policy file may say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::PolicyError;
use crate::redact::Operator;
use crate::{Action, Role};

/// A policy as written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyData {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) input: Side,
    #[serde(default)]
    pub(super) output: Side,
    /// By entity; `DEFAULT` is for secrets and personal data that are not named.
    #[serde(default)]
    pub(super) operators: BTreeMap<String, Operator>,
    #[serde(default)]
    pub(super) allow: Vec<AllowData>,
}

/// One direction.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Side {
    #[serde(default)]
    pub(super) detectors: BTreeMap<String, DetectorData>,
    #[serde(default)]
    pub(super) entities: BTreeMap<String, EntityData>,
}

/// One detector in one direction.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DetectorData {
    pub(super) enabled: bool,
    /// The least score of a finding that is told of; for `injection` the least score of a text that is an attack.
    pub(super) threshold: f64,
    /// For `injection`: the least score of a text that is noted.
    pub(super) flag_threshold: Option<f64>,
    pub(super) action: Action,
    /// What an unfinished detector means.
    pub(super) fail: FailMode,
    /// Run, tell, and do nothing.
    pub(super) shadow: bool,
    /// Whose text is looked through; by default all, for `injection` all that give no orders by right.
    pub(super) roles: Option<Vec<Role>>,
}

/// One entity type in one direction.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntityData {
    #[serde(default = "yes")]
    pub(super) enabled: bool,
    pub(super) threshold: Option<f64>,
    pub(super) action: Option<Action>,
}

/// What it means when a detector could not finish.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FailMode {
    /// The text passes on what the others found, marked as degraded.
    #[default]
    Open,
    /// The text does not pass.
    Closed,
}

/// Values that are no findings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AllowData {
    /// The value, as it stands.
    pub(super) exact: Option<String>,
    /// A pattern for the whole value.
    pub(super) regex: Option<String>,
    /// Entities that it holds for; empty for all.
    #[serde(default)]
    pub(super) entities: Vec<String>,
    /// Rules that it holds for; empty for all.
    #[serde(default)]
    pub(super) rules: Vec<String>,
}

// === impl PolicyData ===

impl PolicyData {
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        for (side, data) in [("input", &self.input), ("output", &self.output)] {
            for (name, detector) in &data.detectors {
                for (field, value) in
                    [("threshold", Some(detector.threshold)), ("flag_threshold", detector.flag_threshold)]
                {
                    probability(value, || format!("{side}.detectors.{name}.{field}"))?;
                }
            }
            for (name, entity) in &data.entities {
                probability(entity.threshold, || format!("{side}.entities.{name}.threshold"))?;
            }
        }
        for (entity, operator) in &self.operators {
            operator.check().map_err(|message| PolicyError::Value {
                key: format!("operators.{entity}"),
                message: message.to_owned(),
            })?;
        }
        Ok(())
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

fn probability(value: Option<f64>, key: impl Fn() -> String) -> Result<(), PolicyError> {
    match value {
        Some(value) if !(0.0..=1.0).contains(&value) => {
            Err(PolicyError::Value { key: key(), message: format!("`{value}` is not within 0 and 1") })
        }
        _ => Ok(()),
    }
}

fn yes() -> bool {
    true
}
