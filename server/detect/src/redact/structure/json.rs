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
    let bytes = text.as_bytes();
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let mut leaves = Vec::new();
    let mut at = 0;
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
    Some(leaves)
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
fn length(rest: &[u8]) -> usize {
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
