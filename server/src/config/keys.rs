//! The known keys, read off the defaults as they serialise, and the nearest of them to a misspelt one.

use serde_json::Value;

use super::{Config, ConfigError};
use crate::identity::IdentityRule;

/// Maps from names that the operator chooses.
const FREE_MAPS: [&str; 2] = ["policies.files", "policies.tenants"];

/// Below this likeness a suggestion would only mislead.
const LIKE_ENOUGH: f64 = 0.55;

/// The tree of known keys with their default values.
pub(super) struct Keys {
    root: Value,
    identity: Value,
}

impl Keys {
    pub(super) fn new() -> Result<Self, ConfigError> {
        let tree = |result: Result<Value, serde_json::Error>| {
            result.map_err(|error| ConfigError::value("defaults", error))
        };
        Ok(Self {
            root: tree(serde_json::to_value(Config::default()))?,
            identity: tree(serde_json::to_value(IdentityRule::default()))?,
        })
    }

    /// Returns the default value at a path of keys.
    pub(super) fn default_at(&self, path: &[String]) -> Option<&Value> {
        path.iter().try_fold(&self.root, |value, key| value.as_object()?.get(key))
    }

    /// Says whether the path names an entry of a map with free names.
    pub(super) fn is_free(path: &[String]) -> bool {
        path.split_last().is_some_and(|(_, parent)| FREE_MAPS.contains(&parent.join(".").as_str()))
    }

    /// Refuses the first key in `value` that nothing reads.
    pub(super) fn check(&self, value: &Value, origin: &str) -> Result<(), ConfigError> {
        self.check_against(value, &self.root, "", origin)
    }

    fn check_against(
        &self,
        value: &Value,
        known: &Value,
        path: &str,
        origin: &str,
    ) -> Result<(), ConfigError> {
        if FREE_MAPS.contains(&path) {
            return Ok(());
        }
        if path == "identities" {
            let rules = value.as_array().map(Vec::as_slice).unwrap_or_default();
            return rules.iter().enumerate().try_for_each(|(index, rule)| {
                self.check_against(rule, &self.identity, &format!("identities[{index}]"), origin)
            });
        }
        let (Some(value), Some(known)) = (value.as_object(), known.as_object()) else { return Ok(()) };
        for (key, value) in value {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let Some(known) = known.get(key) else {
                return Err(self.unknown(path, origin));
            };
            self.check_against(value, known, &path, origin)?;
        }
        Ok(())
    }

    pub(super) fn unknown(&self, key: String, origin: &str) -> ConfigError {
        let nearest = self.nearest(&key);
        ConfigError::UnknownKey { key, origin: origin.to_owned(), nearest }
    }

    /// Finds the known key most like `key`: by the whole path, or by the last part alone when it stands in the wrong
    /// section.
    fn nearest(&self, key: &str) -> Option<String> {
        let mut paths = Vec::new();
        match key.rsplit_once('.') {
            Some((parent, _)) if parent.starts_with("identities[") => {
                paths_of(&self.identity, parent, &mut paths)
            }
            _ => paths_of(&self.root, "", &mut paths),
        }
        paths
            .into_iter()
            .map(|path| (likeness(key, &path), path))
            .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, path)| path)
    }
}

fn likeness(key: &str, known: &str) -> f64 {
    let leaf = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let whole = strsim::normalized_damerau_levenshtein(key, known);
    let last = strsim::normalized_damerau_levenshtein(&leaf(key), &leaf(known));
    let same_section = key.rsplit_once('.').map(|(section, _)| section)
        == known.rsplit_once('.').map(|(section, _)| section);
    whole.max(if same_section { last } else { 0.8 * last })
}

fn paths_of(value: &Value, prefix: &str, paths: &mut Vec<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        paths_of(value, &path, paths);
        paths.push(path);
    }
}
