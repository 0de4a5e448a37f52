//! The forms that stand-ins have in a text, and how they are known again: redaction leaves alone what it wrote.
//!
//! A scan skips what lies in a placeholder, so its form must have no room for anything worth hiding: names are those of
//! known entities, digests have one length, buckets must be buckets, and tokens are spelled in the letters `a` to `p`,
//! in which no key, number or address can be written.

use crate::ByteSpan;

/// Whether a span holds nothing but placeholders of known entities, whole or in part.
pub(crate) fn is_placeholder(text: &str, span: ByteSpan, known: &dyn Fn(&str) -> bool) -> bool {
    let Some(before) = text.get(..span.start) else { return false };
    // The placeholder that the span begins in, if any. The inner bracket of a token is not its beginning.
    let nearby = before.len().saturating_sub(MAX_PLACEHOLDER);
    let opening = memchr::memrchr(b'[', before.as_bytes().get(nearby..).unwrap_or_default())
        .map(|at| at + nearby)
        .map(|at| if before.get(..at).is_some_and(|outer| outer.ends_with('[')) { at - 1 } else { at });
    let mut at = match opening.and_then(|opening| end_of(text, opening, known)) {
        Some(end) if end > span.start => end,
        _ => span.start,
    };
    let mut any = at > span.start;
    while at < span.end {
        // A span may begin at the second bracket of a token.
        let opens = at.checked_sub(1).filter(|_| at == span.start && before.ends_with('['));
        if let Some(end) =
            end_of(text, at, known).or_else(|| opens.and_then(|outer| end_of(text, outer, known)))
        {
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

/// Writes `[ENTITY]`, or `[ENTITY:detail]`.
pub(super) fn placeholder(entity: &str, detail: &str) -> String {
    if detail.is_empty() { format!("[{entity}]") } else { format!("[{entity}:{detail}]") }
}

/// Returns the entities and numbers of the numbered placeholders in a text.
pub(super) fn numbered(text: &str) -> impl Iterator<Item = (&str, u32)> {
    memchr::memchr_iter(b'[', text.as_bytes()).filter_map(|opening| {
        let found = numbered_at(text, opening)?;
        Some((found.entity, found.number))
    })
}

/// A numbered placeholder in a text.
#[derive(Debug)]
pub(super) struct NumberedAt<'t> {
    pub(super) span: ByteSpan,
    pub(super) entity: &'t str,
    pub(super) number: u32,
}

/// Reads the numbered placeholder that begins at `start`.
pub(super) fn numbered_at(text: &str, start: usize) -> Option<NumberedAt<'_>> {
    let inside = text.get(start..)?.strip_prefix('[')?;
    let close = inside.bytes().take(MAX_NAME).position(|byte| byte == b']')?;
    let (entity, number) = split_number(inside.get(..close)?)?;
    let span = ByteSpan { start, end: start + close + 2 };
    is_entity(entity).then_some(NumberedAt { span, entity, number })
}

/// A token in a text.
#[derive(Debug)]
pub(super) struct TokenAt<'t> {
    pub(super) span: ByteSpan,
    /// `ENTITY` or `ENTITY/purpose`.
    pub(super) header: &'t str,
    pub(super) body: &'t str,
}

/// Reads the token that begins at `start`.
pub(super) fn token_at(text: &str, start: usize) -> Option<TokenAt<'_>> {
    let inside = text.get(start..)?.strip_prefix(TOKEN_OPENS)?;
    let (header, rest) =
        inside.split_at_checked(inside.bytes().take(2 * MAX_NAME).position(|b| b == b':')?)?;
    let rest = rest.get(1..)?;
    let length = rest.bytes().take(MAX_PLACEHOLDER).take_while(|b| matches!(b, b'a'..=b'p')).count();
    let body = rest.get(..length)?;
    let (entity, purpose) = header.split_once('/').unwrap_or((header, ""));
    let well_formed = is_entity(entity)
        && is_purpose_or_empty(purpose)
        && length >= 2 * TAG_BYTES
        && length % 2 == 0
        && rest.get(length..)?.starts_with(TOKEN_CLOSES);
    let end = start + TOKEN_OPENS.len() + header.len() + 1 + length + TOKEN_CLOSES.len();
    well_formed.then_some(TokenAt { span: ByteSpan { start, end }, header, body })
}

/// Whether a text may be the purpose of tokens.
pub(super) fn is_purpose(purpose: &str) -> bool {
    !purpose.is_empty() && is_purpose_or_empty(purpose)
}

fn is_purpose_or_empty(purpose: &str) -> bool {
    purpose.len() <= 32 && purpose.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// Returns the end of the placeholder that begins at `start`.
fn end_of(text: &str, start: usize, known: &dyn Fn(&str) -> bool) -> Option<usize> {
    if let Some(token) = token_at(text, start) {
        let entity = token.header.split('/').next().unwrap_or_default();
        return known(entity).then_some(token.span.end);
    }
    let inside = text.get(start..)?.strip_prefix('[')?;
    let close = inside.bytes().take(MAX_NAME + 40).position(|byte| byte == b']')?;
    let inside = inside.get(..close)?;
    let ours = match inside.split_once(':') {
        Some((entity, detail)) => known(entity) && (is_digest(detail) || is_bucket(detail)),
        None => known(inside) || split_number(inside).is_some_and(|(entity, _)| known(entity)),
    };
    ours.then_some(start + close + 2)
}

fn split_number(name: &str) -> Option<(&str, u32)> {
    let (entity, digits) = name.rsplit_once('_')?;
    let plain = (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    Some((entity, plain.then(|| digits.parse().ok())??))
}

fn is_entity(name: &str) -> bool {
    (2..=MAX_NAME).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

fn is_digest(detail: &str) -> bool {
    detail.len() == 2 * DIGEST_BYTES && detail.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
}

/// Whether a detail is a bucket as the operator writes it: `30-39`, `90+`, `1984`, `1980s`, `1984-05`.
fn is_bucket(detail: &str) -> bool {
    let number = |digits: &str| -> Option<u64> {
        ((1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| digits.parse().ok())?
    };
    if let Some((low, high)) = detail.split_once('-') {
        let month = low.len() == 4 && high.len() == 2 && number(high).is_some_and(|month| month <= 12);
        let range = number(low).zip(number(high)).is_some_and(|(low, high)| {
            high >= low && low % (high - low + 1) == 0 && (high - low + 1) % 5 == 0
        });
        return (month && number(low).is_some()) || range;
    }
    let digits = detail.strip_suffix(['+', 's']).unwrap_or(detail);
    digits.len() <= 4 && number(digits).is_some()
}

pub(super) const TOKEN_OPENS: &str = "[[LS1:";
pub(super) const TOKEN_CLOSES: &str = "]]";
pub(super) const TAG_BYTES: usize = 16;

/// 128 bits: equal digests mean equal values.
pub(super) const DIGEST_BYTES: usize = 16;

/// The longest name of an entity.
const MAX_NAME: usize = 64;

/// The longest placeholder is a token; see `token::MAX_VALUE`.
const MAX_PLACEHOLDER: usize = 18 << 10;
