//! From a table entry to a rule that can run, or to an error that names the field.

use std::collections::HashSet;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use regex_automata::meta::{self, Regex};
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::primitives::PatternID;
use regex_automata::util::syntax;

use super::schema::{self, RawInvalid, RawRule, RawTrigger};
use super::{RuleError, Table};
use crate::Severity;
use crate::validate::{self, Validator};

/// Which views a rule reads, and so how its pattern is compiled.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Family {
    /// The text as it is, cleaned and decoded: ASCII byte patterns.
    Raw,
    /// The folded text: Unicode patterns in lower case.
    Folded,
}

/// A rule, ready to run.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: Arc<str>,
    pub(crate) detector: Arc<str>,
    pub(crate) category: Arc<str>,
    pub(crate) entity: Arc<str>,
    pub(crate) severity: Severity,
    pub(crate) score: f64,
    pub(crate) family: Family,
    /// The literals that make the rule be looked at; empty for a rule that is triggered by tokens.
    pub(crate) keywords: Vec<String>,
    pub(crate) pattern: String,
    pub(crate) regex: Regex,
    /// The capture group whose span is the finding; 0 is the whole match.
    pub(crate) group: usize,
    /// Bytes before and after a keyword in which the pattern is searched.
    pub(crate) window: (usize, usize),
    pub(crate) validator: Option<Validator>,
    pub(crate) invalid: Invalid,
    pub(crate) valid_score: Option<f64>,
    pub(crate) entropy: Option<f64>,
    pub(crate) allow: Option<Regex>,
    pub(crate) stopwords: Option<AhoCorasick>,
    pub(crate) context: Option<Context>,
    pub(crate) tags: Vec<String>,
}

/// What a failed validator does to a finding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Invalid {
    Drop,
    Lower,
}

/// Words near a span that make it more likely.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) words: AhoCorasick,
    pub(crate) score: Option<f64>,
    pub(crate) required: bool,
}

/// Compiles tables into rules, in the order of the tables.
pub(crate) fn compile(tables: &[Table<'_>]) -> Result<Vec<Rule>, RuleError> {
    let mut ids = HashSet::new();
    let mut rules = Vec::new();
    for table in tables {
        for raw in schema::parse(table)? {
            let entry = Entry { table, raw: &raw };
            if !ids.insert(raw.id.clone()) {
                return Err(entry.error("id", "used twice"));
            }
            rules.push(entry.compile()?);
        }
    }
    Ok(rules)
}

struct Entry<'a> {
    table: &'a Table<'a>,
    raw: &'a RawRule,
}

impl Entry<'_> {
    fn compile(&self) -> Result<Rule, RuleError> {
        let raw = self.raw;
        if !is_kebab_case(&raw.id) {
            return Err(self.error("id", "is not kebab-case"));
        }
        let family = if self.table.detector == "injection" { Family::Folded } else { Family::Raw };
        let score = self.probability("score", raw.score)?;
        // Folded text has a single form of sigma.
        let pattern =
            if family == Family::Folded { raw.pattern.replace('ς', "σ") } else { raw.pattern.clone() };
        let regex = self.regex("pattern", &[pattern.as_str()], family)?;
        let (category, entity) = self.labels()?;
        let window =
            raw.window.unwrap_or(DEFAULT_WINDOW).map(|side| usize::try_from(side).unwrap_or(usize::MAX));
        if window.iter().any(|side| *side > MAX_WINDOW) {
            return Err(self.error("window", format!("a side is longer than {MAX_WINDOW} bytes")));
        }
        let allow: Vec<&str> = raw.allow.iter().map(String::as_str).collect();
        Ok(Rule {
            id: raw.id.as_str().into(),
            detector: self.table.detector.into(),
            category,
            entity,
            severity: raw.severity,
            score,
            family,
            keywords: self.keywords(family)?,
            pattern,
            group: span_group(&regex),
            regex,
            window: (window[0], window[1]),
            validator: self.validator()?,
            invalid: match raw.invalid {
                RawInvalid::Drop => Invalid::Drop,
                RawInvalid::Lower => Invalid::Lower,
            },
            valid_score: raw.valid_score.map(|score| self.probability("valid_score", score)).transpose()?,
            entropy: self.entropy()?,
            allow: if allow.is_empty() { None } else { Some(self.regex("allow", &allow, family)?) },
            stopwords: self.words("stopwords", &raw.stopwords)?,
            context: self.context()?,
            tags: raw.tags.clone(),
        })
    }

    fn labels(&self) -> Result<(Arc<str>, Arc<str>), RuleError> {
        let (category, entity) = match self.table.detector {
            "secrets" => (Some("secret"), Some("SECRET")),
            "pii" => (Some("personal_data"), None),
            "injection" => (Some("prompt_injection"), Some("PROMPT_INJECTION")),
            "unicode" => (Some("hidden_text"), Some("HIDDEN_TEXT")),
            _ => (None, None),
        };
        let category = self.raw.category.as_deref().or(category);
        let entity = self.raw.entity.as_deref().or(entity);
        let category =
            category.ok_or_else(|| self.error("category", "is missing, and the detector has no default"))?;
        let entity =
            entity.ok_or_else(|| self.error("entity", "is missing, and the detector has no default"))?;
        if entity.is_empty()
            || !entity.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        {
            return Err(self.error("entity", "is not UPPER_SNAKE_CASE"));
        }
        Ok((category.into(), entity.into()))
    }

    fn keywords(&self, family: Family) -> Result<Vec<String>, RuleError> {
        let raw = self.raw;
        match (raw.keywords.is_empty(), raw.trigger) {
            (true, None) => return Err(self.error("keywords", "is empty, and `trigger` is not set")),
            (false, Some(RawTrigger::Token)) => {
                return Err(self.error("trigger", "is set, and `keywords` is not empty"));
            }
            (true, Some(RawTrigger::Token)) if family == Family::Folded => {
                return Err(self.error("trigger", "injection rules need keywords"));
            }
            _ => {}
        }
        let mut keywords = Vec::with_capacity(raw.keywords.len());
        for keyword in &raw.keywords {
            if keyword.is_empty() {
                return Err(self.error("keywords", "holds an empty keyword"));
            }
            if *keyword != keyword.to_lowercase() {
                return Err(self.error("keywords", format!("`{keyword}` is not lower case")));
            }
            if family == Family::Folded && keyword.contains("  ") {
                return Err(
                    self.error("keywords", format!("`{keyword}` holds two spaces; folded text never does"))
                );
            }
            keywords.push(if family == Family::Folded {
                keyword.replace('ς', "σ")
            } else {
                keyword.clone()
            });
            // The automaton ignores the case of ASCII letters only; folded text is lower case already.
            if family == Family::Raw && !keyword.is_ascii() {
                keywords.extend([keyword.to_uppercase(), title_case(keyword)]);
            }
        }
        keywords.sort();
        keywords.dedup();
        Ok(keywords)
    }

    fn validator(&self) -> Result<Option<Validator>, RuleError> {
        let Some(name) = self.raw.validator.as_deref() else {
            return match (self.raw.valid_score, self.raw.invalid) {
                (None, RawInvalid::Drop) => Ok(None),
                _ => Err(self.error("validator", "is missing, and `valid_score` or `invalid` is set")),
            };
        };
        match validate::by_name(name) {
            Some(validator) => Ok(Some(validator)),
            None => Err(self.error("validator", format!("there is no validator `{name}`"))),
        }
    }

    fn entropy(&self) -> Result<Option<f64>, RuleError> {
        match self.raw.entropy {
            Some(bits) if !(0.0..=8.0).contains(&bits) => {
                Err(self.error("entropy", "is not within 0 and 8 bits"))
            }
            entropy => Ok(entropy),
        }
    }

    fn context(&self) -> Result<Option<Context>, RuleError> {
        let raw = self.raw;
        let score = raw.context_score.map(|score| self.probability("context_score", score)).transpose()?;
        let mut words = Vec::new();
        for word in &raw.context {
            words.push(word.clone());
            if !word.is_ascii() {
                words.extend([word.to_lowercase(), word.to_uppercase(), title_case(word)]);
            }
        }
        words.sort();
        words.dedup();
        match self.words("context", &words)? {
            Some(words) => Ok(Some(Context { words, score, required: raw.context_required })),
            None if score.is_some() || raw.context_required => {
                Err(self.error("context", "is empty, and `context_score` or `context_required` is set"))
            }
            None => Ok(None),
        }
    }

    fn words(&self, field: &str, words: &[String]) -> Result<Option<AhoCorasick>, RuleError> {
        if words.is_empty() {
            return Ok(None);
        }
        if words.iter().any(String::is_empty) {
            return Err(self.error(field, "holds an empty word"));
        }
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(aho_corasick::AhoCorasickKind::NoncontiguousNFA))
            .build(words)
            .map(Some)
            .map_err(|error| self.error(field, error.to_string()))
    }

    fn regex(&self, field: &str, patterns: &[&str], family: Family) -> Result<Regex, RuleError> {
        let unicode = family == Family::Folded;
        let captures = if field == "pattern" { WhichCaptures::All } else { WhichCaptures::None };
        meta::Builder::new()
            .syntax(syntax::Config::new().unicode(unicode).utf8(unicode))
            .configure(
                Regex::config()
                    .utf8_empty(unicode)
                    .which_captures(captures)
                    .nfa_size_limit(Some(NFA_SIZE_LIMIT))
                    .onepass_size_limit(Some(ONEPASS_SIZE_LIMIT))
                    .hybrid_cache_capacity(HYBRID_CACHE_CAPACITY)
                    .dfa(false),
            )
            .build_many(patterns)
            .map_err(|error| self.error(field, describe(&error)))
    }

    fn probability(&self, field: &str, value: f64) -> Result<f64, RuleError> {
        if value > 0.0 && value <= 1.0 { Ok(value) } else { Err(self.error(field, "is not within (0, 1]")) }
    }

    fn error(&self, field: &str, message: impl Into<String>) -> RuleError {
        RuleError::Rule {
            table: schema::name_of(self.table),
            rule: self.raw.id.clone(),
            field: field.to_owned(),
            message: message.into(),
        }
    }
}

/// Takes the group named `value`, else group 1, else the whole match.
fn span_group(regex: &Regex) -> usize {
    let groups = regex.group_info();
    groups
        .to_index(PatternID::ZERO, "value")
        .unwrap_or_else(|| usize::from(groups.group_len(PatternID::ZERO) > 1))
}

fn describe(error: &meta::BuildError) -> String {
    match (error.syntax_error(), error.size_limit()) {
        (Some(syntax), _) => syntax.to_string(),
        (None, Some(limit)) => format!("compiles to more than {limit} bytes"),
        (None, None) => error.to_string(),
    }
}

fn is_kebab_case(id: &str) -> bool {
    !id.is_empty()
        && id.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

fn title_case(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// Bytes before and after a keyword where a rule does not say: a secret after its name fits in.
const DEFAULT_WINDOW: [u32; 2] = [64, 256];

/// The longest side of a window: windows bound the work that a keyword can cause.
const MAX_WINDOW: usize = 16 << 10;

/// A single rule stays small, or hundreds of them do not fit beside each other.
const NFA_SIZE_LIMIT: usize = 2 << 20;

const ONEPASS_SIZE_LIMIT: usize = 64 << 10;

/// What a lazy automaton may hold before it starts afresh.
const HYBRID_CACHE_CAPACITY: usize = 512 << 10;
