//! The policy's own rules and deny list: compiled once with the policy, into a matcher of the engine's kind, and run over
//! the same views beside the built-in rules.
//!
//! What one policy may cost is bounded: the number of rules, the size of each compiled pattern and of all together. A
//! pattern that is refused says by which bound.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use regex_automata::meta::Regex;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::syntax;

use super::PolicyError;
use super::data::{CustomDetector, CustomRuleData, DenyData, PolicyData};
use super::literal::hints;
use super::net::{self, Cidr};
use crate::matcher::{Matcher, Scratch};
use crate::rules::{Family, RawInvalid, RawRule, RawTrigger, Rule, RuleError, compile_single};
use crate::{Action, DetectorInfo};

/// The rules that a policy brings.
#[derive(Debug)]
pub(crate) struct Custom {
    pub(crate) raw: Matcher,
    pub(crate) folded: Matcher,
    actions: BTreeMap<String, Action>,
    networks: BTreeMap<String, Cidr>,
    /// Rules that have to be tried on all of a text.
    everywhere: Vec<String>,
    idle: Mutex<Vec<(Scratch, Scratch)>>,
}

impl Custom {
    /// Compiles the rules of a policy; none when it has none.
    pub(super) fn new(data: &PolicyData, problems: &mut Vec<PolicyError>) -> Option<Self> {
        if data.custom_rules.is_empty() && data.deny.is_empty() {
            return None;
        }
        let count = data.custom_rules.len() + data.deny.len();
        if count > MOST_RULES {
            let message = format!("{count} rules and denied values are more than {MOST_RULES}");
            problems.push(PolicyError::Value { key: "custom_rules".to_owned(), message });
            return None;
        }
        let mut builder = Builder::default();
        for (place, rule) in data.custom_rules.iter().enumerate() {
            builder.rule(&format!("custom_rules[{place}]"), rule);
        }
        for (place, denied) in data.deny.iter().enumerate() {
            builder.deny(&format!("deny[{place}]"), place, denied);
        }
        builder.finish(problems)
    }

    /// Returns what a rule's own entry says is done about its findings.
    pub(super) fn action(&self, rule: &str) -> Option<Action> {
        self.actions.get(rule).copied()
    }

    /// Whether a match of a rule counts: a network's rule matches all addresses.
    pub(crate) fn confirms(&self, rule: &Rule, value: &str) -> bool {
        self.networks.get(&*rule.id).is_none_or(|network| network.contains(value))
    }

    pub(super) fn everywhere(&self) -> impl Iterator<Item = &str> {
        self.everywhere.iter().map(String::as_str)
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.raw.rules().iter().chain(self.folded.rules())
    }

    /// Whether one of the rules finds entities of that type.
    pub(crate) fn knows(&self, entity: &str) -> bool {
        self.rules().any(|rule| *rule.entity == *entity)
    }

    /// Returns the detector that an engine's list lacks.
    pub(crate) fn detector(&self) -> Option<DetectorInfo> {
        let own = || self.rules().filter(|rule| &*rule.detector == CustomDetector::Custom.name());
        let entities: BTreeSet<Arc<str>> = own().map(|rule| rule.entity.clone()).collect();
        (own().count() > 0).then(|| DetectorInfo {
            name: CustomDetector::Custom.name().into(),
            rule_count: own().count(),
            entities: entities.into_iter().collect(),
        })
    }

    /// Runs a function with buffers that scans hand on to each other.
    pub(crate) fn with_buffers<T>(&self, run: impl FnOnce(&mut Scratch, &mut Scratch) -> T) -> T {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (mut raw, mut folded) = idle.unwrap_or_else(|| (self.raw.scratch(), self.folded.scratch()));
        let out = run(&mut raw, &mut folded);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((raw, folded));
        out
    }
}

#[derive(Default)]
struct Builder {
    ids: HashSet<String>,
    rules: Vec<Rule>,
    actions: BTreeMap<String, Action>,
    networks: BTreeMap<String, Cidr>,
    problems: Vec<PolicyError>,
    bytes: usize,
    full: bool,
}

impl Builder {
    fn rule(&mut self, key: &str, data: &CustomRuleData) {
        let is_unicode = data.detector == CustomDetector::Custom;
        if let Some(action) = data.action {
            self.actions.insert(data.id.clone(), action);
        }
        // The engine's tables are ASCII where they can be; a rule of one's own need not know.
        let pattern = if is_unicode { format!("(?u:{})", data.pattern) } else { data.pattern.clone() };
        self.add(
            key,
            data.detector,
            RawRule {
                id: data.id.clone(),
                description: data.description.clone(),
                entity: data.entity.clone(),
                category: data.category.clone(),
                severity: data.severity,
                score: data.score,
                keywords: data.keywords.clone(),
                trigger: data.trigger,
                pattern,
                window: data.window,
                validator: data.validator.clone(),
                invalid: data.invalid,
                valid_score: data.valid_score,
                entropy: data.entropy,
                allow: data.allow.clone(),
                stopwords: data.stopwords.clone(),
                context: data.context.clone(),
                context_score: data.context_score,
                context_required: data.context_required,
                tags: data.tags.clone(),
                positives: Vec::new(),
                positives_x: Vec::new(),
                negatives: Vec::new(),
                negatives_x: Vec::new(),
            },
        );
    }

    fn deny(&mut self, key: &str, place: usize, data: &DenyData) {
        let id = data.id_at(place);
        let case = if data.ignore_case { "(?iu:" } else { "(?u:" };
        let pattern = match (&data.exact, &data.regex, &data.cidr, &data.domain) {
            (Some(exact), None, None, None) if !exact.trim().is_empty() => {
                format!("{case}{})", whole_words(exact))
            }
            (None, Some(regex), None, None) => format!("{case}{regex})"),
            (None, None, Some(cidr), None) => match Cidr::parse(cidr) {
                Ok(network) => {
                    self.networks.insert(id.clone(), network);
                    ADDRESS.to_owned()
                }
                Err(message) => self.wrong_value(key, message),
            },
            (None, None, None, Some(name)) => match net::domain(name) {
                Ok(name) => {
                    let name = regex_syntax::escape(&name);
                    format!(
                        r"(?iu:(?:^|[^\w.-])(?<value>(?:[\w-]+\.)*{name})(?:\z|[^\w.-]|-(?:\z|\W)|\.(?:\z|\W)))"
                    )
                }
                Err(message) => self.wrong_value(key, message),
            },
            _ => {
                let message = "needs exactly one of `exact`, `regex`, `cidr` and `domain`".to_owned();
                self.wrong_value(key, message)
            }
        };
        self.actions.insert(id.clone(), data.action);
        self.add(
            key,
            CustomDetector::Custom,
            RawRule {
                id,
                description: String::new(),
                entity: Some(data.entity.clone()),
                category: None,
                severity: data.severity,
                score: 1.0,
                keywords: Vec::new(),
                trigger: None,
                pattern,
                window: None,
                validator: None,
                invalid: RawInvalid::Drop,
                valid_score: None,
                entropy: None,
                allow: Vec::new(),
                stopwords: Vec::new(),
                context: Vec::new(),
                context_score: None,
                context_required: false,
                tags: Vec::new(),
                positives: Vec::new(),
                positives_x: Vec::new(),
                negatives: Vec::new(),
                negatives_x: Vec::new(),
            },
        );
    }

    fn add(&mut self, key: &str, detector: CustomDetector, mut raw: RawRule) {
        if !self.ids.insert(raw.id.clone()) {
            self.problem(&format!("{key}.id"), format!("`{}` is used twice", raw.id));
        }
        let is_folded = detector == CustomDetector::Injection;
        let size = if raw.pattern.len() > PATTERN_LENGTH {
            Err(format!("is longer than {PATTERN_LENGTH} bytes"))
        } else {
            compiled_size(&raw.pattern, is_folded)
        };
        match size {
            Ok(bytes) => self.bytes = self.bytes.saturating_add(bytes),
            Err(message) => {
                self.problem(&format!("{key}.pattern"), message);
                HARMLESS.clone_into(&mut raw.pattern);
            }
        }
        if self.bytes > TOTAL_BYTES {
            if !std::mem::replace(&mut self.full, true) {
                let message =
                    format!("the patterns up to this one compile to more than {TOTAL_BYTES} bytes together");
                self.problem(&format!("{key}.pattern"), message);
            }
            return;
        }
        let mut window = None;
        if raw.keywords.is_empty() && raw.trigger.is_none() {
            let hints = hints(&raw.pattern, is_folded);
            window =
                hints.longest.filter(|longest| *longest <= LONGEST_MATCH).map(|longest| (longest, longest));
            match hints.literals {
                Some(literals) => raw.keywords = literals,
                None if is_folded => {
                    let message =
                        "is missing, and the pattern holds no literal of three characters".to_owned();
                    self.problem(&format!("{key}.keywords"), message);
                    raw.keywords = vec![HARMLESS.to_owned()];
                }
                None => {
                    raw.trigger = Some(RawTrigger::Token);
                    window = None;
                }
            }
            window = Some(window.unwrap_or((usize::MAX, usize::MAX)));
        }
        if let Some(mut rule) = self.compile(key, detector, &mut raw) {
            // A window that was asked for stays; one that the pattern itself bounds cannot cut a match.
            if let Some(window) = window.filter(|_| raw.window.is_none() || rule.keywords.is_empty()) {
                rule.window = window;
            }
            self.rules.push(rule);
        }
    }

    /// Compiles a rule. A field that is wrong is told of and put right, so that those after it are looked at too.
    fn compile(&mut self, key: &str, detector: CustomDetector, raw: &mut RawRule) -> Option<Rule> {
        loop {
            match compile_single(detector.name(), raw) {
                Ok(rule) => return Some(rule),
                Err(RuleError::Rule { field, message, .. }) => {
                    self.problem(&format!("{key}.{field}"), message);
                    put_right(raw, &field)?;
                }
                Err(error) => {
                    self.problem(key, error.to_string());
                    return None;
                }
            }
        }
    }

    /// Tells of a denied value that is wrong; answers a pattern in its place.
    fn wrong_value(&mut self, key: &str, message: String) -> String {
        self.problem(key, message);
        HARMLESS.to_owned()
    }

    fn problem(&mut self, key: &str, message: String) {
        self.problems.push(PolicyError::Value { key: key.to_owned(), message });
    }

    fn finish(mut self, problems: &mut Vec<PolicyError>) -> Option<Custom> {
        if !self.problems.is_empty() {
            problems.append(&mut self.problems);
            return None;
        }
        let everywhere =
            self.rules.iter().filter(|rule| rule.runs_everywhere()).map(|rule| rule.id.to_string()).collect();
        let (folded, raw): (Vec<Rule>, Vec<Rule>) =
            self.rules.into_iter().partition(|rule| rule.family == Family::Folded);
        match (Matcher::new(raw, Family::Raw), Matcher::new(folded, Family::Folded)) {
            (Ok(raw), Ok(folded)) => Some(Custom {
                raw,
                folded,
                actions: self.actions,
                networks: self.networks,
                everywhere,
                idle: Mutex::new(Vec::new()),
            }),
            (Err(error), _) | (_, Err(error)) => {
                problems
                    .push(PolicyError::Value { key: "custom_rules".to_owned(), message: error.to_string() });
                None
            }
        }
    }
}

/// Gives a field of a rule a value that is surely right; none where it has one already.
fn put_right(raw: &mut RawRule, field: &str) -> Option<()> {
    let wrong = match field {
        "id" => replaced(&mut raw.id, HARMLESS.to_owned()),
        "score" => replaced(&mut raw.score, 1.0),
        "pattern" => replaced(&mut raw.pattern, HARMLESS.to_owned()),
        "keywords" => {
            raw.trigger = None;
            replaced(&mut raw.keywords, vec![HARMLESS.to_owned()])
        }
        "trigger" => raw.trigger.take().is_some(),
        "entity" => replaced(&mut raw.entity, Some("CUSTOM".to_owned())),
        "category" => replaced(&mut raw.category, Some("custom".to_owned())),
        "window" => raw.window.take().is_some(),
        "validator" => {
            let named = raw.validator.take().is_some();
            let scored = raw.valid_score.take().is_some();
            let lowers = matches!(std::mem::replace(&mut raw.invalid, RawInvalid::Drop), RawInvalid::Lower);
            named || scored || lowers
        }
        "valid_score" => raw.valid_score.take().is_some(),
        "entropy" => raw.entropy.take().is_some(),
        "allow" => replaced(&mut raw.allow, Vec::new()),
        "stopwords" => replaced(&mut raw.stopwords, Vec::new()),
        "context" => {
            let words = replaced(&mut raw.context, Vec::new());
            let scored = raw.context_score.take().is_some();
            std::mem::take(&mut raw.context_required) || words || scored
        }
        "context_score" => raw.context_score.take().is_some(),
        _ => false,
    };
    wrong.then_some(())
}

/// Puts a value into a place; answers whether another was there.
fn replaced<T: PartialEq>(place: &mut T, value: T) -> bool {
    let differs = *place != value;
    *place = value;
    differs
}

/// Returns the size of a compiled pattern, or why it is refused.
fn compiled_size(pattern: &str, unicode: bool) -> Result<usize, String> {
    let regex = Regex::builder()
        .configure(
            Regex::config()
                .nfa_size_limit(Some(PATTERN_BYTES))
                .which_captures(WhichCaptures::All)
                .utf8_empty(unicode),
        )
        .syntax(syntax::Config::new().unicode(unicode).utf8(unicode))
        .build(pattern)
        .map_err(|error| match (error.syntax_error(), error.size_limit()) {
            (Some(syntax), _) => syntax.to_string(),
            (None, Some(limit)) => format!("compiles to more than {limit} bytes"),
            (None, None) => error.to_string(),
        })?;
    if regex.is_match("") {
        return Err("matches the empty text".to_owned());
    }
    Ok(regex.memory_usage())
}

/// Escapes a value; it must not be a part of a longer word.
fn whole_words(value: &str) -> String {
    let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let edge = |at: bool| if at { r"\b" } else { "" };
    let (before, after) = (word(value.chars().next()), word(value.chars().next_back()));
    // Line breaks and double spaces inside do not make it another value.
    let escaped: Vec<String> = value.split_whitespace().map(regex_syntax::escape).collect();
    format!("{}{}{}", edge(before), escaped.join(r"\s+"), edge(after))
}

/// What may be an IP address; [`Cidr`] reads it.
const ADDRESS: &str =
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b|(?:[0-9A-Fa-f]{0,4}:){2,7}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4})";

/// Stands for a pattern, keyword or id that is wrong, while the rest of its rule is looked at.
const HARMLESS: &str = "harmless";

/// Rules and denied values of one policy.
const MOST_RULES: usize = 1000;

/// The text of one pattern.
const PATTERN_LENGTH: usize = 8 << 10;

/// One compiled pattern: some ten Unicode classes such as `\w` with counts.
const PATTERN_BYTES: usize = 512 << 10;

/// All compiled patterns: a policy stays small beside the engine.
const TOTAL_BYTES: usize = 64 << 20;

/// A pattern with longer matches is run over the whole text once a literal of it was seen.
const LONGEST_MATCH: usize = 4096;
