//! Allow lists: values that are known and harmless.

use regex_automata::meta::Regex;
use regex_automata::{Anchored, Input};

use super::PolicyError;
use super::data::AllowData;

/// The allow list of a policy.
#[derive(Debug, Default)]
pub(super) struct AllowList {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    test: Test,
    entities: Vec<String>,
    rules: Vec<String>,
}

#[derive(Debug)]
enum Test {
    Exact(String),
    Pattern(Regex),
}

impl AllowList {
    pub(super) fn new(data: &[AllowData]) -> Result<Self, PolicyError> {
        let entries =
            data.iter().enumerate().map(|(place, data)| Entry::new(place, data)).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    pub(super) fn allows(&self, value: &str, entity: &str, rule: &str) -> bool {
        let named =
            |names: &[String], name: &str| names.is_empty() || names.iter().any(|known| known == name);
        self.entries.iter().any(|entry| {
            named(&entry.entities, entity) && named(&entry.rules, rule) && entry.test.matches(value)
        })
    }
}

// === impl Entry ===

impl Entry {
    fn new(place: usize, data: &AllowData) -> Result<Self, PolicyError> {
        let fail = |message: String| PolicyError::Value { key: format!("allow[{place}]"), message };
        let test = match (&data.exact, &data.regex) {
            (Some(exact), None) => Test::Exact(exact.clone()),
            (None, Some(pattern)) => Regex::builder()
                .configure(Regex::config().nfa_size_limit(Some(PATTERN_BYTES)))
                .build(&format!("(?:{pattern})$"))
                .map(Test::Pattern)
                .map_err(|error| fail(error.to_string()))?,
            _ => return Err(fail("needs either `exact` or `regex`".to_owned())),
        };
        Ok(Self { test, entities: data.entities.clone(), rules: data.rules.clone() })
    }
}

// === impl Test ===

impl Test {
    fn matches(&self, value: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == value,
            Self::Pattern(pattern) => pattern.is_match(Input::new(value).anchored(Anchored::Yes)),
        }
    }
}

const PATTERN_BYTES: usize = 1 << 20;
