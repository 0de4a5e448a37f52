//! Words near a span that make a match more likely: found for all rules in one pass over a text, when first asked for.

use aho_corasick::automaton::Automaton as _;
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, MatchKind, StartKind};

use crate::ByteSpan;
use crate::rules::{Rule, RuleError};

/// The context words of all rules of a family.
#[derive(Debug)]
pub(super) struct Contexts {
    automaton: Option<DFA>,
    /// For every word its length and the rules that it counts for, sorted.
    words: Vec<(usize, Vec<usize>)>,
}

/// The context words of one text.
#[derive(Debug, Default)]
pub(super) struct Occurrences {
    found: Vec<Occurrence>,
    collected: bool,
}

#[derive(Clone, Copy, Debug)]
struct Occurrence {
    start: usize,
    end: usize,
    word: usize,
}

impl Contexts {
    pub(super) fn new(rules: &[Rule]) -> Result<Self, RuleError> {
        let mut pairs: Vec<(String, usize)> = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let words = rule.context.iter().flat_map(|context| &context.words);
            pairs.extend(words.map(|word| (word.to_ascii_lowercase(), index)));
        }
        pairs.sort_unstable();
        pairs.dedup();
        let mut texts: Vec<String> = Vec::new();
        let mut words: Vec<(usize, Vec<usize>)> = Vec::new();
        for (word, rule) in pairs {
            match words.last_mut().filter(|_| texts.last() == Some(&word)) {
                Some((_, rules)) => rules.push(rule),
                None => {
                    words.push((word.len(), vec![rule]));
                    texts.push(word);
                }
            }
        }
        let automaton = if texts.is_empty() {
            None
        } else {
            let built = DFA::builder()
                .match_kind(MatchKind::Standard)
                .start_kind(StartKind::Unanchored)
                .ascii_case_insensitive(true)
                .prefilter(false)
                .build(&texts);
            Some(built.map_err(|error| RuleError::Automaton {
                automaton: "context words",
                message: error.to_string(),
            })?)
        };
        Ok(Self { automaton, words })
    }

    /// Whether a word of the rule stands close before or after a span.
    pub(super) fn beside(&self, rule: usize, text: &str, span: ByteSpan, seen: &mut Occurrences) -> bool {
        self.collect(text, seen);
        let before = ByteSpan { start: span.start.saturating_sub(CONTEXT_BEFORE), end: span.start };
        let after = ByteSpan { start: span.end, end: span.end.saturating_add(CONTEXT_AFTER) };
        self.within(rule, before, seen) || self.within(rule, after, seen)
    }

    /// Whether a word of the rule stands where it would count for some span within `span`.
    pub(super) fn around(&self, rule: usize, text: &str, span: ByteSpan, seen: &mut Occurrences) -> bool {
        self.collect(text, seen);
        let reach = ByteSpan {
            start: span.start.saturating_sub(CONTEXT_BEFORE),
            end: span.end.saturating_add(CONTEXT_AFTER),
        };
        self.within(rule, reach, seen)
    }

    fn within(&self, rule: usize, span: ByteSpan, seen: &Occurrences) -> bool {
        let first = seen.found.partition_point(|word| word.end <= span.start);
        let near = seen.found.get(first..).unwrap_or_default().iter().take_while(|word| word.end <= span.end);
        near.filter(|word| word.start >= span.start).any(|occurrence| {
            self.words.get(occurrence.word).is_some_and(|(_, rules)| rules.binary_search(&rule).is_ok())
        })
    }

    fn collect(&self, text: &str, seen: &mut Occurrences) {
        if seen.collected {
            return;
        }
        seen.collected = true;
        let Some(dfa) = &self.automaton else { return };
        let Ok(mut state) = dfa.start_state(Anchored::No) else { return };
        for (at, &byte) in text.as_bytes().iter().enumerate() {
            state = dfa.next_state(Anchored::No, state, byte);
            if dfa.is_special(state) && dfa.is_match(state) {
                // Overlapping, or a word inside a longer one ("tel" in "Telefon") would hide the longer.
                for place in 0..dfa.match_len(state) {
                    let word = dfa.match_pattern(state, place).as_usize();
                    let end = at + 1;
                    let start = end.saturating_sub(self.words.get(word).map_or(0, |(length, _)| *length));
                    if is_whole_word(text, ByteSpan { start, end }) {
                        seen.found.push(Occurrence { start, end, word });
                    }
                }
            }
        }
    }
}

impl Occurrences {
    /// Forgets the words of the text before.
    pub(super) fn clear(&mut self) {
        self.found.clear();
        self.collected = false;
    }
}

fn is_whole_word(text: &str, span: ByteSpan) -> bool {
    let (Some(before), Some(word), Some(after)) =
        (text.get(..span.start), text.get(span.range()), text.get(span.end..))
    else {
        return false;
    };
    let joins = |edge: Option<char>, neighbour: Option<char>| {
        edge.is_some_and(is_word_letter) && neighbour.is_some_and(is_word_letter)
    };
    !joins(word.chars().next(), before.chars().next_back())
        && !joins(word.chars().next_back(), after.chars().next())
}

/// Letters of scripts whose words stand apart: Han and Kana need no spaces, and particles stick to Hangul words.
fn is_word_letter(character: char) -> bool {
    character.is_alphanumeric()
        && !matches!(u32::from(character), 0x0E00..=0x0EFF | 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF)
}

const CONTEXT_BEFORE: usize = 64;
const CONTEXT_AFTER: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words() {
        let whole = |text: &str, word: &str| {
            let start = text.find(word).unwrap();
            is_whole_word(text, ByteSpan { start, end: start + word.len() })
        };
        assert!(whole("my ssn: 1", "ssn"));
        assert!(whole("api_token=1", "token"));
        assert!(!whole("classname", "ssn"));
        assert!(!whole("сотелефоны", "телефон"));
        assert!(whole("我的电话号码", "电话"));
    }
}
