//! Redaction: what findings cover is replaced, all of it.
//!
//! Overlapping findings are redacted as one: the union of their bytes is covered, under the name and by the operator of
//! the strongest (severity, then score, then length, then start). Text outside is copied byte for byte.

mod operator;

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::policy::Policy;
use crate::resolve::strength;
use crate::{ByteSpan, Finding};

pub use operator::Operator;

/// Keys of redaction operators, per tenant. Wiped when dropped, and never shown.
#[derive(Default)]
pub struct RedactionKeys {
    hash: Option<Zeroizing<Vec<u8>>>,
}

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
    /// The operator's name.
    pub operator: &'static str,
    /// Where it was in the text as given.
    pub original: ByteSpan,
    /// Where its stand-in is in the redacted text.
    pub redacted: ByteSpan,
}

/// Redacts what the findings of a text cover, as the policy says.
///
/// Findings need no order and may overlap; the result depends on neither. Without a key the `hash` operator writes the
/// entity's name alone.
#[must_use]
pub fn redact(text: &str, findings: &[Finding], policy: &Policy, keys: &RedactionKeys) -> Redacted {
    let mut marked: Vec<(ByteSpan, &Finding, Operator)> = findings
        .iter()
        .map(|finding| (on_boundaries(text, finding.span), finding, policy.operator(finding)))
        .filter(|(span, _, operator)| !span.is_empty() && *operator != Operator::Keep)
        .collect();
    marked.sort_by(|(a, first, _), (b, second, _)| a.cmp(b).then_with(|| strength(second, first)));

    let mut redacted = Redacted { text: String::with_capacity(text.len()), redactions: Vec::new() };
    let mut copied = 0;
    let mut rest = marked.into_iter().peekable();
    while let Some((mut union, mut winner, mut operator)) = rest.next() {
        let mut several = false;
        while let Some((span, finding, other)) = rest.next_if(|(span, _, _)| span.start < union.end) {
            several |= union != span;
            union.end = union.end.max(span.end);
            if strength(finding, winner).is_gt() {
                (winner, operator) = (finding, other);
            }
        }
        // A mask that leaves characters open speaks for one value, not for what overlaps it.
        if several {
            operator = whole(operator);
        }
        redacted.text.push_str(text.get(copied..union.start).unwrap_or_default());
        let start = redacted.text.len();
        operator.apply(&winner.entity, text.get(union.range()).unwrap_or_default(), keys, &mut redacted.text);
        redacted.redactions.push(Redaction {
            entity: winner.entity.clone(),
            rule_id: winner.rule_id.clone(),
            operator: operator.name(),
            original: union,
            redacted: ByteSpan { start, end: redacted.text.len() },
        });
        copied = union.end;
    }
    redacted.text.push_str(text.get(copied..).unwrap_or_default());
    redacted
}

/// Whether a span holds nothing but placeholders that redaction left, whole or in part.
pub(crate) fn is_placeholder(text: &str, span: ByteSpan) -> bool {
    let Some(before) = text.get(..span.start) else { return false };
    // The placeholder that the span begins in, if any.
    let nearby = before.len().saturating_sub(MAX_PLACEHOLDER);
    let opening =
        memchr::memrchr(b'[', before.as_bytes().get(nearby..).unwrap_or_default()).map(|at| at + nearby);
    let mut at = match opening.and_then(|opening| placeholder_end(text, opening)) {
        Some(end) if end > span.start => end,
        _ => span.start,
    };
    let mut any = at > span.start;
    while at < span.end {
        if let Some(end) = placeholder_end(text, at) {
            any = true;
            at = end;
        } else if text.get(at..).and_then(|rest| rest.chars().next()).is_none_or(char::is_alphanumeric) {
            return false;
        } else {
            at = text.ceil_char_boundary(at + 1);
        }
    }
    any
}

/// Returns the end of the placeholder that begins at `start`.
fn placeholder_end(text: &str, start: usize) -> Option<usize> {
    let inside = text.get(start..)?.strip_prefix('[')?;
    let close = inside.bytes().take(MAX_PLACEHOLDER).position(|byte| byte == b']')?;
    let (entity, digest) = inside.get(..close)?.split_once(':').unwrap_or((inside.get(..close)?, ""));
    let entity_like = entity.len() >= 3
        && entity.starts_with(|c: char| c.is_ascii_uppercase())
        && entity.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    (entity_like && digest.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(start + close + 2)
}

fn whole(operator: Operator) -> Operator {
    match operator {
        Operator::Mask { char, .. } => Operator::Mask { char, count: None, from_end: false },
        other => other,
    }
}

fn on_boundaries(text: &str, span: ByteSpan) -> ByteSpan {
    ByteSpan { start: text.floor_char_boundary(span.start), end: text.ceil_char_boundary(span.end) }
}

// === impl RedactionKeys ===

impl RedactionKeys {
    /// Takes the tenant's key for the `hash` operator. An empty key is no key.
    #[must_use]
    pub fn with_hash_key(key: &[u8]) -> Self {
        Self { hash: (!key.is_empty()).then(|| Zeroizing::new(key.to_vec())) }
    }

    fn hash_key(&self) -> Option<&[u8]> {
        self.hash.as_ref().map(|key| key.as_slice())
    }
}

impl fmt::Debug for RedactionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactionKeys").finish_non_exhaustive()
    }
}

// === impl Redacted ===

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redacted({} bytes, {} redactions)", self.text.len(), self.redactions.len())
    }
}

const MAX_PLACEHOLDER: usize = 96;
