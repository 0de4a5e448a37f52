//! From a table entry to a rule that can run, or to an error that names the field.

use std::collections::HashSet;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use regex_automata::meta::Regex;

use super::pattern::{self, Lazy, Pattern, Shape};
use super::schema::{self, RawInvalid, RawRule, RawTrigger};
use super::{RuleError, Table, is_builtin};
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
    compiled: Lazy<Pattern>,
    pub(crate) shape: Shape,
    /// Bytes before and after a keyword in which the pattern is searched.
    pub(crate) window: (usize, usize),
    pub(crate) validator: Option<Validator>,
    pub(crate) invalid: Invalid,
    pub(crate) valid_score: Option<f64>,
    pub(crate) entropy: Option<f64>,
    allow: Option<Lazy<Regex>>,
    stopwords: Option<Lazy<AhoCorasick>>,
    pub(crate) context: Option<Context>,
    pub(crate) tags: Vec<String>,
}

impl Rule {
    /// Returns the pattern ready to run, compiled when it is first asked for.
    pub(crate) fn compiled(&self) -> Option<&Pattern> {
        self.compiled.as_ref()
    }

    /// Whether the pattern is run over the whole text, since nothing says where it may match.
    pub(crate) fn runs_everywhere(&self) -> bool {
        self.keywords.is_empty() && self.window.1 == usize::MAX
    }

    /// Whether a value is one that the rule lets pass.
    pub(crate) fn allows(&self, value: &str) -> bool {
        self.stopwords.as_ref().and_then(|words| words.as_ref()).is_some_and(|words| words.is_match(value))
            || self.allow.as_ref().and_then(|allow| allow.as_ref()).is_some_and(|allow| allow.is_match(value))
    }
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
    /// In lower case, and in the other cases where they are not ASCII.
    pub(crate) words: Vec<String>,
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

/// Compiles a rule that stands in no table.
pub(crate) fn compile_single(detector: &str, raw: &RawRule) -> Result<Rule, RuleError> {
    let table = Table { detector, name: "policy", toml: "" };
    Entry { table: &table, raw }.compile()
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
        let mut pattern =
            if family == Family::Folded { raw.pattern.replace('ς', "σ") } else { raw.pattern.clone() };
        let keywords = self.keywords(family)?;
        let shape_of = |pattern: &str| {
            Shape::new(pattern, family, &keywords).map_err(|message| self.error("pattern", message))
        };
        let mut shape = shape_of(&pattern)?;
        if let Some(rest) = pattern.strip_prefix(WORD_START)
            && let led = shape_of(rest)?
            && led.leads
        {
            (pattern, shape) = (rest.to_owned(), Shape { starts_word: true, ..led });
        }
        let compiled = self.pattern(&pattern, family)?;
        let (category, entity) = self.labels()?;
        let window =
            raw.window.unwrap_or(DEFAULT_WINDOW).map(|side| usize::try_from(side).unwrap_or(usize::MAX));
        if window.iter().any(|side| *side > MAX_WINDOW) {
            return Err(self.error("window", format!("a side is longer than {MAX_WINDOW} bytes")));
        }
        Ok(Rule {
            id: raw.id.as_str().into(),
            detector: self.table.detector.into(),
            category,
            entity,
            severity: raw.severity,
            score,
            family,
            keywords,
            pattern,
            compiled,
            shape,
            window: (window[0], window[1]),
            validator: self.validator()?,
            invalid: match raw.invalid {
                RawInvalid::Drop => Invalid::Drop,
                RawInvalid::Lower => Invalid::Lower,
            },
            valid_score: raw.valid_score.map(|score| self.probability("valid_score", score)).transpose()?,
            entropy: self.entropy()?,
            allow: self.allow(family)?,
            stopwords: self.stopwords()?,
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
            "custom" => (Some("custom"), Some("CUSTOM")),
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
        if words.iter().any(String::is_empty) {
            return Err(self.error("context", "holds an empty word"));
        }
        if words.is_empty() {
            if score.is_some() || raw.context_required {
                return Err(
                    self.error("context", "is empty, and `context_score` or `context_required` is set")
                );
            }
            return Ok(None);
        }
        Ok(Some(Context { words, score, required: raw.context_required }))
    }

    fn stopwords(&self) -> Result<Option<Lazy<AhoCorasick>>, RuleError> {
        let words = self.raw.stopwords.clone();
        if words.iter().any(String::is_empty) {
            return Err(self.error("stopwords", "holds an empty word"));
        }
        let make = move || {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .kind(Some(aho_corasick::AhoCorasickKind::NoncontiguousNFA))
                .build(words)
                .map_err(|error| error.to_string())
        };
        if self.raw.stopwords.is_empty() { Ok(None) } else { self.lazy("stopwords", make).map(Some) }
    }

    fn allow(&self, family: Family) -> Result<Option<Lazy<Regex>>, RuleError> {
        let patterns = self.raw.allow.clone();
        if patterns.is_empty() {
            return Ok(None);
        }
        self.lazy("allow", move || pattern::any_of(&patterns, family)).map(Some)
    }

    fn pattern(&self, text: &str, family: Family) -> Result<Lazy<Pattern>, RuleError> {
        let text = text.to_owned();
        self.lazy("pattern", move || Pattern::new(&text, family))
    }

    /// Puts the making off for rules of the library, which its tests make all of; others may be wrong, and are made now.
    fn lazy<T: Send + 'static>(
        &self,
        field: &str,
        make: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<Lazy<T>, RuleError> {
        if is_builtin(self.table) {
            return Ok(Lazy::new(Box::new(move || make().ok())));
        }
        let made = make().map_err(|message| self.error(field, message))?;
        Ok(Lazy::new(Box::new(move || Some(made))))
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

/// What a pattern begins with whose matches begin a word, or a part of a name after an underscore. Where a keyword follows,
/// the engine looks at the byte before it, and the pattern is tried at the keyword alone.
const WORD_START: &str = r"(?:\b|_)";

/// Bytes before and after a keyword where a rule does not say: a secret after its name fits in.
const DEFAULT_WINDOW: [u32; 2] = [64, 256];

/// The longest side of a window: windows bound the work that a keyword can cause.
const MAX_WINDOW: usize = 16 << 10;
