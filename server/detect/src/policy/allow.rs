//! Allow lists: values that are known and harmless.

use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

use super::PolicyError;
use super::data::AllowData;
use super::net::{self, Cidr};

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
    Folded(String),
    Pattern(Regex),
    Network(Cidr),
    Domain(String),
}

impl AllowList {
    pub(super) fn new(data: &[AllowData], problems: &mut Vec<PolicyError>) -> Self {
        let entries = data.iter().enumerate().filter_map(|(place, data)| {
            Entry::new(data)
                .map_err(|message| {
                    problems.push(PolicyError::Value { key: format!("allow[{place}]"), message });
                })
                .ok()
        });
        Self { entries: entries.collect() }
    }

    /// Returns the place in the list of the entry that allows a value.
    pub(super) fn allowed_by(&self, value: &str, entity: &str, rule: &str) -> Option<usize> {
        let named =
            |names: &[String], name: &str| names.is_empty() || names.iter().any(|known| known == name);
        self.entries.iter().position(|entry| {
            named(&entry.entities, entity) && named(&entry.rules, rule) && entry.test.matches(value)
        })
    }
}

// === impl Entry ===

impl Entry {
    fn new(data: &AllowData) -> Result<Self, String> {
        let test = match (&data.exact, &data.regex, &data.cidr, &data.domain) {
            (Some(exact), None, None, None) if data.ignore_case => Test::Folded(exact.to_lowercase()),
            (Some(exact), None, None, None) => Test::Exact(exact.clone()),
            (None, Some(pattern), None, None) => Test::Pattern(whole(pattern, data.ignore_case)?),
            (None, None, Some(cidr), None) => Test::Network(Cidr::parse(cidr)?),
            (None, None, None, Some(domain)) => Test::Domain(net::domain(domain)?),
            _ => return Err("needs exactly one of `exact`, `regex`, `cidr` and `domain`".to_owned()),
        };
        Ok(Self { test, entities: data.entities.clone(), rules: data.rules.clone() })
    }
}

// === impl Test ===

impl Test {
    fn matches(&self, value: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == value,
            Self::Folded(folded) => *folded == value.to_lowercase(),
            Self::Pattern(pattern) => pattern.is_match(Input::new(value).anchored(Anchored::Yes)),
            Self::Network(network) => network.contains(value),
            Self::Domain(domain) => net::is_within(&net::host(value), domain),
        }
    }
}

/// Compiles a pattern for a whole value.
fn whole(pattern: &str, ignore_case: bool) -> Result<Regex, String> {
    Regex::builder()
        .configure(Regex::config().nfa_size_limit(Some(PATTERN_BYTES)))
        .syntax(syntax::Config::new().case_insensitive(ignore_case))
        .build(&format!("(?:{pattern})\\z"))
        .map_err(|error| match (error.syntax_error(), error.size_limit()) {
            (Some(syntax), _) => syntax.to_string(),
            (None, Some(limit)) => format!("compiles to more than {limit} bytes"),
            (None, None) => error.to_string(),
        })
}

const PATTERN_BYTES: usize = 1 << 20;
