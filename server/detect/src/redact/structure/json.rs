//! The leaves of JSON: one value, or several after each other as in JSON Lines.

use std::ops::Range;

use serde::de::IgnoredAny;

use super::{Kind, Leaf};
use crate::ByteSpan;

/// Returns the leaves of a text that is JSON objects or arrays and nothing else.
pub(super) fn leaves(text: &str) -> Option<Vec<Leaf>> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    for value in values {
        value.ok()?;
    }
    Some(leaves_of(text, 0..text.len()))
}

/// Returns the leaves of a part of a text that is known to be JSON.
pub(super) fn leaves_of(text: &str, part: Range<usize>) -> Vec<Leaf> {
    let bytes = text.as_bytes().get(..part.end).unwrap_or_default();
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let mut leaves = Vec::new();
    let mut at = part.start;
    while at < bytes.len() {
        match byte(at) {
            b'"' => {
                let start = at + 1;
                at = start;
                while at < bytes.len() && byte(at) != b'"' {
                    at += if byte(at) == b'\\' { 2 } else { 1 };
                }
                let after = bytes.get(at + 1..).unwrap_or_default();
                let key = after.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
                leaves.push(Leaf { span: ByteSpan { start, end: at }, kind: Kind::JsonString, key });
                at += 1;
            }
            b'-' | b'0'..=b'9' | b'a'..=b'z' => {
                let start = at;
                while matches!(byte(at), b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E') {
                    at += 1;
                }
                leaves.push(Leaf { span: ByteSpan { start, end: at }, kind: Kind::JsonScalar, key: false });
            }
            _ => at += 1,
        }
    }
    leaves
}

/// Returns where in a text JSON objects and arrays are, and in what was a string, strings that hold one.
///
/// Brackets are common in prose, so in the midst of it only an object with a key and a list at the beginning of a line
/// are taken for JSON. In prose a document has a longest length, so that one is known when it has come.
pub(super) fn documents(text: &str, prose: bool) -> Vec<ByteSpan> {
    let bytes = text.as_bytes();
    let begin = text.len() - text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).len();
    let longest = if prose { LONGEST_IN_PROSE } else { text.len() };
    let mut documents = Vec::new();
    let (mut at, mut unclosed) = (begin, 0);
    while let Some(next) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'{', b'[', rest)) {
        let opening = at + next;
        let Some(start) = begins_document(bytes, opening, begin, prose) else {
            at = opening + 1;
            continue;
        };
        let end = text.floor_char_boundary(start.saturating_add(longest));
        let mut values = serde_json::Deserializer::from_str(text.get(start..end).unwrap_or_default())
            .into_iter::<IgnoredAny>();
        at = match values.next() {
            Some(Ok(_)) => {
                let end = start + values.byte_offset();
                documents.push(ByteSpan { start, end });
                end.max(opening + 1)
            }
            Some(Err(error)) if error.is_eof() => {
                unclosed += 1;
                if unclosed > MOST_UNCLOSED {
                    break;
                }
                opening + 1
            }
            Some(Err(error)) => {
                let read = offset(text.get(start..end).unwrap_or_default(), error.line(), error.column());
                (start + read).saturating_sub(1).max(opening + 1)
            }
            None => opening + 1,
        };
    }
    documents
}

/// Returns where the value begins whose first bracket is at `opening`, if it may be a document.
fn begins_document(bytes: &[u8], opening: usize, begin: usize, prose: bool) -> Option<usize> {
    let after = bytes.get(opening + 1..).unwrap_or_default();
    let next = *after.iter().find(|byte| !byte.is_ascii_whitespace())?;
    let before = opening.checked_sub(1).and_then(|at| bytes.get(at)).copied();
    if !prose && next == b'\\' && before == Some(b'"') {
        return opening.checked_sub(1);
    }
    let fits = if bytes.get(opening) == Some(&b'{') {
        next == b'"'
    } else if opening == begin {
        matches!(next, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9')
    } else {
        before == Some(b'\n') && matches!(next, b'{' | b'"')
    };
    fits.then_some(opening)
}

/// Returns the offset of a line and column, both from 1, the column in bytes.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start =
        line.checked_sub(2).and_then(|breaks| memchr::memchr_iter(b'\n', text.as_bytes()).nth(breaks));
    text.floor_char_boundary(start.map_or(0, |start| start + 1) + column)
}

/// Whether a text that is still arriving may yet be JSON and nothing else.
pub(super) fn may_become(text: &str) -> bool {
    let start = text.trim_start();
    if !start.starts_with(['{', '[']) {
        return start.is_empty();
    }
    let values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    for value in values {
        if let Err(error) = value {
            return error.is_eof();
        }
    }
    true
}

/// Writes a JSON string.
pub(super) fn string(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

/// Returns the escape sequence that `at` lies inside of, a surrogate pair as one.
pub(super) fn escape_over(text: &str, leaf: Range<usize>, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let earliest = at.saturating_sub(LONGEST).max(leaf.start);
    // Read forward from a place that surely begins a unit: no backslash before it.
    let mut unit = earliest;
    while unit > leaf.start && bytes.get(unit - 1) == Some(&b'\\') {
        unit -= 1;
    }
    while unit < at {
        let end = unit + length(bytes.get(unit..leaf.end)?);
        if end > at {
            return Some(unit..end.min(leaf.end));
        }
        unit = end;
    }
    None
}

/// Returns the length of the character or escape that begins here.
pub(super) fn length(rest: &[u8]) -> usize {
    match rest {
        [b'\\', b'u', ..] => {
            let high = matches!(rest, [_, _, b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', ..]);
            let low =
                matches!(rest.get(6..), Some([b'\\', b'u', b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', ..]));
            if high && low { 12 } else { 6 }
        }
        [b'\\', ..] => 2,
        _ => 1,
    }
}

/// Two escapes of four digits. Reading on from inside one of them is read as plain characters, which is right again at
/// its end.
const LONGEST: usize = 24;

/// The longest document in prose, as much as is held back of a text that arrives in pieces.
const LONGEST_IN_PROSE: usize = 64 << 10;

/// What begins like a document and has no end costs a reading each: so many, and no more are looked for.
const MOST_UNCLOSED: usize = 64;
