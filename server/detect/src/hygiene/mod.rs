//! The `hygiene` detector: texts that nobody should have to process, in either direction.
//!
//! Too many tokens, a language that is not served, letters that make no words, the same again and again, and words that
//! the policy does not want. Nothing here says that a text is an attack; it says what it would cost.

mod config;
mod flood;
mod gibberish;
pub mod language;
mod tokens;
mod words;

use crate::ByteSpan;
use crate::Severity;
use crate::coded::{CodedRule, Seen};

pub use config::{HygieneConfig, WordKind, WordList};
pub(crate) use tokens::count;
pub use tokens::{TokenCount, TokenCounter, estimate};
pub(crate) use words::{List, WordLists};

pub(crate) const DETECTOR: &str = "hygiene";

/// What is asked of the detector.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HygieneJob<'a> {
    config: &'a HygieneConfig,
    lists: Option<&'a WordLists>,
    counter: Option<&'a dyn TokenCounter>,
}

impl<'a> HygieneJob<'a> {
    pub(crate) fn new(
        config: &'a HygieneConfig,
        lists: Option<&'a WordLists>,
        counter: Option<&'a dyn TokenCounter>,
    ) -> Self {
        Self { config, lists, counter }
    }

    /// Whether folded views are needed.
    pub(crate) fn wants_folded(&self) -> bool {
        self.lists.is_some()
    }

    /// Appends what is seen in the text as it is.
    pub(crate) fn text(&self, text: &str, seen: &mut Vec<Seen>) {
        let whole = ByteSpan { start: 0, end: text.len() };
        if whole.is_empty() {
            return;
        }
        // A token is a byte or more.
        if let Some(most) = self.config.max_tokens.filter(|most| text.len() > *most) {
            let counted = count(self.counter, text);
            if counted.tokens > most {
                seen.push(if counted.estimated { TOKENS_ESTIMATED.at(whole) } else { TOKENS.at(whole) });
            }
        }
        if !self.config.allowed_languages.is_empty() {
            language::find(text, &self.config.allowed_languages, seen);
        }
        if self.config.gibberish {
            gibberish::find(text, seen);
        }
        if self.config.repetition {
            flood::repetition(text, self.config, seen);
        }
        flood::lengths(text, self.config, seen);
    }

    /// Appends the unwanted words of a folded view.
    pub(crate) fn folded(&self, folded: &str, found: &mut Vec<(&'a List, ByteSpan)>) {
        if let Some(lists) = self.lists {
            lists.find(folded, found);
        }
    }
}

/// All rules of the detector but those of word lists.
pub(crate) static CODED: &[&CodedRule] =
    &[&TOKENS, &TOKENS_ESTIMATED, &LANGUAGE, &GIBBERISH, &REPETITION, &LONG_WORD, &LONG_LINE];

static TOKENS: CodedRule = CodedRule {
    id: "token-limit",
    category: "token_limit",
    entity: "TOKEN_LIMIT",
    severity: Severity::Medium,
    score: 1.0,
    tags: CONSUMPTION,
};
static TOKENS_ESTIMATED: CodedRule = CodedRule {
    id: "token-limit-estimated",
    category: "token_limit",
    entity: "TOKEN_LIMIT",
    severity: Severity::Medium,
    score: 0.8,
    tags: CONSUMPTION,
};
static LANGUAGE: CodedRule = CodedRule {
    id: "language-not-allowed",
    category: "language",
    entity: "LANGUAGE",
    severity: Severity::Medium,
    score: 0.8,
    tags: &[],
};
static GIBBERISH: CodedRule = CodedRule {
    id: "gibberish",
    category: "gibberish",
    entity: "GIBBERISH",
    severity: Severity::Low,
    score: 0.8,
    tags: CONSUMPTION,
};
static REPETITION: CodedRule = CodedRule {
    id: "repetition",
    category: "token_flood",
    entity: "REPETITION",
    severity: Severity::Medium,
    score: 0.8,
    tags: CONSUMPTION,
};
static LONG_WORD: CodedRule = CodedRule {
    id: "long-word",
    category: "token_flood",
    entity: "LONG_WORD",
    severity: Severity::Low,
    score: 0.8,
    tags: CONSUMPTION,
};
static LONG_LINE: CodedRule = CodedRule {
    id: "long-line",
    category: "token_flood",
    entity: "LONG_LINE",
    severity: Severity::Low,
    score: 0.8,
    tags: CONSUMPTION,
};

static CONSUMPTION: &[&str] = &["owasp:LLM10:2025", "atlas:AML.T0029"];

/// Names the entity types of the detector's findings.
pub(crate) fn entities() -> impl Iterator<Item = &'static str> {
    CODED.iter().map(|rule| rule.entity).chain(["BANNED_WORD", "BANNED_TOPIC", "COMPETITOR"])
}
