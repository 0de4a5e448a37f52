//! Words near a span that make a match more likely: found for all rules at once, in the part of a text that is asked for.

use std::ops::Range;

use super::keywords::Keywords;
use crate::ByteSpan;
use crate::cancel::{Cancel, Cancelled};
use crate::rules::Rule;

/// The context words of all rules of a family.
#[derive(Debug)]
pub(super) struct Contexts {
    keywords: Keywords,
    /// For every word its length and the rules that it counts for, sorted.
    words: Vec<(usize, Vec<usize>)>,
    longest: usize,
}

/// The context words of one text, looked for block by block where somebody asks.
#[derive(Debug, Default)]
pub(super) struct Occurrences {
    found: Vec<Occurrence>,
    /// For every block, what part of `found` ends in it; `None` for a block that nobody asked about yet.
    blocks: Vec<Option<Range<usize>>>,
    /// Room to work in.
    lower: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Occurrence {
    start: usize,
    end: usize,
    word: usize,
}

impl Contexts {
    pub(super) fn new(rules: &[Rule]) -> Self {
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
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let keywords = Keywords::new(&texts, true);
        let longest = words.iter().map(|(length, _)| *length).max().unwrap_or_default();
        Self { keywords, words, longest }
    }

    /// Whether a word of the rule stands close before or after a span.
    pub(super) fn beside(&self, rule: usize, text: &str, span: ByteSpan, seen: &mut Occurrences) -> bool {
        let before = ByteSpan { start: span.start.saturating_sub(CONTEXT_BEFORE), end: span.start };
        let after = ByteSpan { start: span.end, end: span.end.saturating_add(CONTEXT_AFTER) };
        self.within(rule, text, before, seen) || self.within(rule, text, after, seen)
    }

    /// Whether a word of the rule stands where it would count for some span within `span`.
    pub(super) fn around(&self, rule: usize, text: &str, span: ByteSpan, seen: &mut Occurrences) -> bool {
        let reach = ByteSpan {
            start: span.start.saturating_sub(CONTEXT_BEFORE),
            end: span.end.saturating_add(CONTEXT_AFTER),
        };
        self.within(rule, text, reach, seen)
    }

    fn within(&self, rule: usize, text: &str, span: ByteSpan, seen: &mut Occurrences) -> bool {
        let end = span.end.min(text.len());
        (span.start / BLOCK_BYTES..=end.saturating_sub(1) / BLOCK_BYTES).any(|block| {
            let range = self.collect(text, block, seen);
            seen.found.get(range).unwrap_or_default().iter().any(|word| {
                word.start >= span.start
                    && word.end <= end
                    && self.words.get(word.word).is_some_and(|(_, rules)| rules.binary_search(&rule).is_ok())
            })
        })
    }

    /// Returns where the words that end in a block are noted; looks for them the first time.
    fn collect(&self, text: &str, block: usize, seen: &mut Occurrences) -> Range<usize> {
        let Occurrences { found, blocks, lower } = seen;
        let Some(noted) = blocks.get_mut(block) else { return 0..0 };
        if let Some(range) = noted {
            return range.clone();
        }
        let first = found.len();
        let begin = block * BLOCK_BYTES;
        let end = begin.saturating_add(BLOCK_BYTES).min(text.len());
        let from = begin.saturating_sub(self.longest);
        let bytes = text.as_bytes().get(from..end).unwrap_or_default();
        // Overlapping, or a word inside a longer one ("tel" in "Telefon") would hide the longer.
        let (Ok(()) | Err(Cancelled)) = self.keywords.find(bytes, lower, &Cancel::never(), |word, end| {
            let end = from + end;
            let start = end.saturating_sub(self.words.get(word).map_or(0, |(length, _)| *length));
            if end > begin && is_whole_word(text, ByteSpan { start, end }) {
                found.push(Occurrence { start, end, word });
            }
        });
        let range = first..found.len();
        *noted = Some(range.clone());
        range
    }
}

impl Occurrences {
    /// Forgets the words of the text before; the next has so many bytes.
    pub(super) fn clear(&mut self, text_len: usize) {
        self.found.clear();
        self.blocks.clear();
        self.blocks.resize(text_len.div_ceil(BLOCK_BYTES), None);
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

/// What is looked through at a time.
const BLOCK_BYTES: usize = 256;

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
