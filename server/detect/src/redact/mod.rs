//! Redaction: what findings cover is replaced, all of it.
//!
//! Overlapping findings are redacted as one: the union of their bytes is covered, under the name and by the operator of
//! the strongest, in the policy's order (see `resolve`). Text outside is copied byte for byte. JSON, XML and tables are
//! changed in their leaves only, see [`structure`].

mod conversation;
mod date;
mod format;
mod keys;
mod operator;
mod placeholder;
mod restore;
mod structure;
mod surrogate;
mod token;

use std::fmt;
use std::sync::Arc;

use crate::policy::Policy;
use crate::resolve::strength;
use crate::{ByteSpan, Finding};

use self::structure::{Kind, Structure};

pub use conversation::Conversation;
pub use date::DateOrder;
pub use keys::RedactionKeys;
pub use operator::{DatePart, Operator};
pub(crate) use placeholder::is_placeholder;
pub use restore::{Place, Restored, Undo, restore, restore_in};
pub(crate) use structure::{may_become_document, may_become_table};

/// A redacted text.
#[derive(Clone, Default, PartialEq)]
pub struct Redacted {
    /// The text.
    pub text: String,
    /// What was done, in the order of the text.
    pub redactions: Vec<Redaction>,
}

/// One place that was redacted.
#[derive(Clone, Debug, PartialEq)]
pub struct Redaction {
    /// The entity type.
    pub entity: Arc<str>,
    /// The rule.
    pub rule_id: Arc<str>,
    /// The name of the operator that wrote the stand-in: `replace` where the policy's has no key, or cannot treat the
    /// value, and `hash` where `surrogate` knows no made-up value of the kind.
    pub operator: &'static str,
    /// Where it was in the text as given.
    pub original: ByteSpan,
    /// Where its stand-in is in the redacted text.
    pub redacted: ByteSpan,
}

/// Redacts what the findings of a text cover, as the policy says.
///
/// Findings need no order and may overlap; the result depends on neither. Without a key the operators that need one write
/// the entity's name alone.
#[must_use]
pub fn redact(text: &str, findings: &[Finding], policy: &Policy, keys: &RedactionKeys) -> Redacted {
    redact_in(text, findings, policy, keys, &mut Conversation::default())
}

/// Redacts a part of a text: what [`redact_in`] makes of that part in the whole.
///
/// Of a finding that reaches over an end only what is inside is redacted. Places of redactions are in the part and in its redacted form.
#[must_use]
pub fn redact_part(
    text: &str,
    part: ByteSpan,
    findings: &[Finding],
    policy: &Policy,
    keys: &RedactionKeys,
    conversation: &mut Conversation,
) -> Redacted {
    let inside = findings.iter().filter(|finding| finding.span.overlaps(part)).cloned().map(|mut finding| {
        finding.span =
            ByteSpan { start: finding.span.start.max(part.start), end: finding.span.end.min(part.end) };
        finding
    });
    let inside: Vec<Finding> = inside.collect();
    let arrived = text.get(..part.end).unwrap_or(text);
    let mut redacted = redact_in(arrived, &inside, policy, keys, conversation);
    redacted.text = redacted.text.get(part.start..).unwrap_or_default().to_owned();
    for redaction in &mut redacted.redactions {
        for span in [&mut redaction.original, &mut redaction.redacted] {
            span.start = span.start.saturating_sub(part.start);
            span.end = span.end.saturating_sub(part.start);
        }
    }
    redacted
}

/// Redacts as [`redact`] does, with the state of a conversation: numbers go on where they were, and dates are shifted for
/// its subject.
///
/// Redacting what it wrote changes nothing, even where stand-ins look like values (`fpe`, `date_shift`,
/// `surrogate`): the last texts are remembered by their digests. Without that state such stand-ins are values like others.
#[must_use]
pub fn redact_in(
    text: &str,
    findings: &[Finding],
    policy: &Policy,
    keys: &RedactionKeys,
    conversation: &mut Conversation,
) -> Redacted {
    let marks = marks(text, findings, policy);
    if conversation.is_restorable() || marks.iter().any(|mark| matches!(mark.operator, Operator::Number {})) {
        conversation.observe(text);
    }
    let order = policy.overlap();
    let known = conversation.stand_ins(text).to_vec();
    let mut unmarked = Vec::new();
    let mut redacted = Redacted { text: String::with_capacity(text.len()), redactions: Vec::new() };
    let mut copied = 0;
    let mut rest = marks.into_iter().peekable();
    while let Some(mut union) = rest.next() {
        // A mask that leaves characters open speaks for one plain value, not for what overlaps it or was decoded.
        let mut plain = union.finding.path.is_empty();
        while let Some(mark) = rest.next_if(|mark| mark.span.start < union.span.end) {
            plain &= union.span == mark.span && mark.finding.path.is_empty();
            union.span.end = union.span.end.max(mark.span.end);
            if strength(mark.finding, union.finding, order).is_gt() {
                union = Mark { span: union.span, ..mark };
            }
        }
        let stands_in = |span: &ByteSpan| span.contains(union.span);
        if let Some(stand_in) = known.iter().find(|span| stands_in(span)) {
            // It is one in the next text too, which may be the same.
            let shift = redacted.text.len() + stand_in.start;
            unmarked.push(ByteSpan {
                start: shift.saturating_sub(copied),
                end: shift.saturating_sub(copied) + stand_in.len(),
            });
            continue;
        }
        let operator = if plain { union.operator.clone() } else { union.operator.whole() };
        let operator = operator.within(conversation);
        let Finding { entity, rule_id, .. } = union.finding;
        let value = Structure::decode(union.kind, text.get(union.span.range()).unwrap_or_default());
        let (stand_in, applied) = operator.stand_in(entity, &value, keys, conversation);
        redacted.text.push_str(text.get(copied..union.span.start).unwrap_or_default());
        let start = redacted.text.len();
        redacted.text.push_str(&Structure::encode(union.kind, &stand_in));
        redacted.redactions.push(Redaction {
            entity: entity.clone(),
            rule_id: rule_id.clone(),
            operator: applied,
            original: union.span,
            redacted: ByteSpan { start, end: redacted.text.len() },
        });
        if applied == operator.name() && !operator.leaves_mark() {
            unmarked.push(ByteSpan { start, end: redacted.text.len() });
        }
        copied = union.span.end;
    }
    redacted.text.push_str(text.get(copied..).unwrap_or_default());
    conversation.wrote(&redacted.text, unmarked);
    redacted
}

/// A place to redact, and the finding that it is for.
struct Mark<'f> {
    span: ByteSpan,
    kind: Kind,
    finding: &'f Finding,
    operator: &'f Operator,
}

/// Returns the places to redact, in the order of the text.
fn marks<'f>(text: &str, findings: &'f [Finding], policy: &'f Policy) -> Vec<Mark<'f>> {
    let mut structure = None;
    let mut marks = Vec::new();
    for finding in findings {
        let operator = policy.operator(finding);
        let span = finding.span.on_boundaries(text);
        if *operator == Operator::Keep || span.is_empty() {
            continue;
        }
        let structure = structure.get_or_insert_with(|| Structure::of(text));
        let pieces = structure.pieces(text, span);
        marks.extend(pieces.into_iter().map(|(span, kind)| Mark { span, kind, finding, operator }));
    }
    leave_surrogates(text, &mut marks, policy);
    let order = policy.overlap();
    marks.sort_by(|a, b| a.span.cmp(&b.span).then_with(|| strength(b.finding, a.finding, order)));
    marks
}

/// Drops the places that made-up values are in, of entities that get such values: they are not what they look like to
/// other rules either.
fn leave_surrogates(text: &str, marks: &mut Vec<Mark<'_>>, policy: &Policy) {
    let made = |entity: &&str| *policy.operator_of(entity) == Operator::Surrogate {};
    let entities: Vec<&str> = surrogate::ENTITIES.iter().copied().filter(made).collect();
    if entities.is_empty() {
        return;
    }
    let made_up = |span: ByteSpan| {
        let value = text.get(span.range()).unwrap_or_default();
        value.len() <= LONGEST_SURROGATE
            && entities.iter().any(|entity| surrogate::is_surrogate(entity, value))
    };
    let mut known: Vec<ByteSpan> = Vec::new();
    for mark in marks.iter() {
        known.extend([mark.span, word_around(text, mark.span)].into_iter().filter(|span| made_up(*span)));
    }
    known.sort_unstable();
    known.dedup();
    // Two made-up values do not lie within each other.
    marks.retain(|mark| {
        let before = known.partition_point(|span| span.start <= mark.span.start);
        !before.checked_sub(1).and_then(|at| known.get(at)).is_some_and(|span| span.contains(mark.span))
    });
}

/// Returns the word that a span lies in, without the punctuation around it.
fn word_around(text: &str, span: ByteSpan) -> ByteSpan {
    let (before, after) =
        (text.get(..span.start).unwrap_or_default(), text.get(span.end..).unwrap_or_default());
    let nearby = before.floor_char_boundary(before.len().saturating_sub(LONGEST_SURROGATE));
    let near = before.get(nearby..).unwrap_or_default();
    let far = after.get(..after.floor_char_boundary(LONGEST_SURROGATE)).unwrap_or_default();
    let ends = |c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';')
    };
    let start =
        nearby + near.char_indices().rev().find(|(_, c)| ends(*c)).map_or(0, |(at, c)| at + c.len_utf8());
    let length = far.find(ends).unwrap_or(far.len());
    let word = text.get(start..span.end + length).unwrap_or_default();
    let end = start + word.trim_end_matches(['.', ':', '!', '?']).len();
    ByteSpan { start, end: end.max(span.end) }
}

/// Longer than any made-up value.
const LONGEST_SURROGATE: usize = 64;

// === impl Redacted ===

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redacted({} bytes, {} redactions)", self.text.len(), self.redactions.len())
    }
}
