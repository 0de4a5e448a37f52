//! What a match must pass to become a hit, and how sure it makes us.

use super::Hit;
use super::context::{Contexts, Occurrences};
use crate::ByteSpan;
use crate::rules::{Invalid, Rule};

/// Judges a match of a rule.
pub(super) fn judge(
    rule: &Rule,
    index: usize,
    text: &str,
    span: ByteSpan,
    contexts: &Contexts,
    seen: &mut Occurrences,
) -> Option<Hit> {
    let span = span.on_boundaries(text);
    let value = text.get(span.range()).filter(|value| !value.is_empty())?;
    if rule.entropy.is_some_and(|least| shannon_entropy(value) < least) {
        return None;
    }
    if rule.allows(value) {
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
        let found = contexts.beside(index, text, span, seen);
        if !found && context.required {
            return None;
        }
        if found && valid {
            score = context.score.map_or(score, |with_context| score.max(with_context));
        }
    }
    Some(Hit { rule: index, span, score })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy() {
        assert!(shannon_entropy("aaaa").abs() < 1e-9);
        assert!((shannon_entropy("abcd") - 2.0).abs() < 1e-9);
    }
}
