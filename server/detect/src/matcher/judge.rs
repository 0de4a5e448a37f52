//! What a match must pass to become a hit, and how sure it makes us.

use regex_automata::Input;

use super::Hit;
use crate::ByteSpan;
use crate::rules::{Context, Invalid, Rule};

/// Judges a match of a rule.
pub(super) fn judge(rule: &Rule, index: usize, text: &str, span: ByteSpan) -> Option<Hit> {
    let span = on_boundaries(text, span);
    let value = text.get(span.range()).filter(|value| !value.is_empty())?;
    if rule.entropy.is_some_and(|least| shannon_entropy(value) < least) {
        return None;
    }
    if rule.stopwords.as_ref().is_some_and(|words| words.is_match(value))
        || rule.allow.as_ref().is_some_and(|allow| allow.is_match(Input::new(value)))
    {
        return None;
    }
    let mut score = rule.score;
    let mut valid = true;
    if let Some(validator) = rule.validator {
        valid = validator(value);
        score = match (valid, rule.invalid) {
            (true, _) => rule.valid_score.unwrap_or(score),
            (false, Invalid::Lower) => score * INVALID_FACTOR,
            (false, Invalid::Drop) => return None,
        };
    }
    if let Some(context) = &rule.context {
        let found = in_context(context, text, span);
        if !found && context.required {
            return None;
        }
        if found && valid {
            score = context.score.map_or(score, |with_context| score.max(with_context));
        }
    }
    Some(Hit { rule: index, span, score })
}

/// Byte patterns may begin or end inside a character: take the whole character.
fn on_boundaries(text: &str, span: ByteSpan) -> ByteSpan {
    ByteSpan { start: text.floor_char_boundary(span.start), end: text.ceil_char_boundary(span.end) }
}

fn in_context(context: &Context, text: &str, span: ByteSpan) -> bool {
    let before = span.start.saturating_sub(CONTEXT_BEFORE)..span.start;
    let after = span.end..span.end.saturating_add(CONTEXT_AFTER).min(text.len());
    [before, after].into_iter().any(|range| {
        let input = aho_corasick::Input::new(text).span(range);
        // Overlapping, or a word inside a longer one ("tel" in "Telefon") would hide the longer.
        context.words.try_find_overlapping_iter(input).is_ok_and(|mut found| {
            found.any(|word| is_whole_word(text, ByteSpan { start: word.start(), end: word.end() }))
        })
    })
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

/// Returns the Shannon entropy of the bytes of a text, in bits per byte.
#[expect(clippy::cast_precision_loss, reason = "counts of bytes of a span are far below 2^52")]
fn shannon_entropy(value: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = value.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total)
        .map(|share| -share * share.log2())
        .sum()
}

const INVALID_FACTOR: f64 = 0.4;
const CONTEXT_BEFORE: usize = 64;
const CONTEXT_AFTER: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy() {
        assert!(shannon_entropy("aaaa").abs() < 1e-9);
        assert!((shannon_entropy("abcd") - 2.0).abs() < 1e-9);
    }

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
