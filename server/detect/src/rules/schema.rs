//! What a rule table may say, field by field, as `docs/rules.md` gives it.

use serde::{Deserialize, Serialize};

use super::{RuleError, Table};
use crate::Severity;

/// One entry of a table, unchecked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRule {
    pub(crate) id: String,
    #[expect(dead_code, reason = "a rule must be described; the text is for its reader")]
    pub(crate) description: String,
    pub(crate) entity: Option<String>,
    pub(crate) category: Option<String>,
    pub(crate) severity: Severity,
    pub(crate) score: f64,
    #[serde(default)]
    pub(crate) keywords: Vec<String>,
    pub(crate) trigger: Option<RawTrigger>,
    pub(crate) pattern: String,
    pub(crate) window: Option<[u32; 2]>,
    pub(crate) validator: Option<String>,
    #[serde(default)]
    pub(crate) invalid: RawInvalid,
    pub(crate) valid_score: Option<f64>,
    pub(crate) entropy: Option<f64>,
    #[serde(default)]
    pub(crate) allow: Vec<String>,
    #[serde(default)]
    pub(crate) stopwords: Vec<String>,
    #[serde(default)]
    pub(crate) context: Vec<String>,
    pub(crate) context_score: Option<f64>,
    #[serde(default)]
    pub(crate) context_required: bool,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    #[serde(default)]
    pub(crate) positives: Vec<String>,
    #[serde(default)]
    pub(crate) positives_x: Vec<String>,
    #[serde(default)]
    pub(crate) negatives: Vec<String>,
    #[serde(default)]
    pub(crate) negatives_x: Vec<String>,
}

/// What makes a rule without keywords be looked at.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum RawTrigger {
    /// Wherever a token with a digit begins.
    Token,
}

/// What a failed validator does.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum RawInvalid {
    /// There is no finding.
    #[default]
    Drop,
    /// The score is lowered.
    Lower,
}

/// Reads a table into its entries.
pub(super) fn parse(table: &Table<'_>) -> Result<Vec<RawRule>, RuleError> {
    let fail = |message: String| RuleError::Table { table: name_of(table), message };
    let mut file: toml::Table = toml::from_str(table.toml).map_err(|error| fail(error.to_string()))?;
    let entries = match file.remove("rule") {
        Some(toml::Value::Array(entries)) => entries,
        Some(_) => return Err(fail("`rule` is not an array of tables".to_owned())),
        None => Vec::new(),
    };
    if let Some(key) = file.keys().next() {
        return Err(fail(format!("unknown key `{key}`, only `[[rule]]` is known")));
    }
    entries.into_iter().enumerate().map(|(place, entry)| parse_entry(table, place, entry)).collect()
}

/// Names a table as errors do.
pub(super) fn name_of(table: &Table<'_>) -> String {
    format!("{}/{}", table.detector, table.name)
}

fn parse_entry(table: &Table<'_>, place: usize, entry: toml::Value) -> Result<RawRule, RuleError> {
    let id = entry.get("id").and_then(toml::Value::as_str).map_or_else(|| format!("#{place}"), str::to_owned);
    entry.try_into().map_err(|error: toml::de::Error| RuleError::Rule {
        table: name_of(table),
        rule: id,
        field: named_field(error.message()),
        message: error.message().to_owned(),
    })
}

/// Takes the field from serde's message ("unknown field `x`"), which carries it nowhere else.
fn named_field(message: &str) -> String {
    message.split('`').nth(1).unwrap_or("?").to_owned()
}
