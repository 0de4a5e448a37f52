//! One pass over a text that finds the runs worth decoding; plain prose has none.

use std::ops::Range;

use crate::view::map::Writer;

/// Runs that may carry an encoding.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// Letters, digits and the signs of base64.
    pub(super) base64: Vec<Range<usize>>,
    /// Hexadecimal digits and what separates them.
    pub(super) numbers: Vec<Range<usize>>,
    /// Dots, dashes and what separates them.
    pub(super) morse: Vec<Range<usize>>,
    /// Anything but white space.
    pub(super) words: Vec<Range<usize>>,
}

/// Finds runs of at least [`LEAST`] bytes.
pub(super) fn find(bytes: &[u8]) -> Runs {
    let mut base64 = runs_of(bytes, BASE64);
    base64.retain(|run| !is_name(bytes.get(run.clone()).unwrap_or_default()));
    Runs {
        base64,
        numbers: runs_of(bytes, NUMBER),
        morse: runs_of(bytes, MORSE),
        words: runs_of(bytes, WORD),
    }
}

/// Whether a run is what code and paths are full of: small letters in parts. An encoding of so many bytes that has
/// neither a capital nor a digit is less likely than one in a hundred thousand.
fn is_name(run: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-' | b'/');
    run.iter().all(plain) && !run.iter().all(u8::is_ascii_lowercase)
}

/// Looks at every [`LEAST`]th byte only: a run of that length cannot lie between two of them.
fn runs_of(bytes: &[u8], bit: u8) -> Vec<Range<usize>> {
    let inside = |byte: &u8| CLASSES.get(usize::from(*byte)).is_some_and(|class| class & bit != 0);
    let mut runs = Vec::new();
    let mut from = 0;
    while let Some(probe) = bytes.get(from + LEAST - 1) {
        let at = from + LEAST - 1;
        if !inside(probe) {
            from = at + 1;
            continue;
        }
        let before =
            bytes.get(from..at).unwrap_or_default().iter().rev().take_while(|byte| inside(byte)).count();
        let after = bytes.get(at..).unwrap_or_default().iter().take_while(|byte| inside(byte)).count();
        let run = at - before..at + after;
        from = run.end + 1;
        if run.len() >= LEAST {
            runs.push(run);
        }
    }
    runs
}

/// Joins tokens that were wrapped over lines: a long run of token characters at the end of a line and one at the
/// beginning of the next.
pub(super) fn joined_lines(text: &str) -> Option<Writer> {
    let bytes = text.as_bytes();
    let mut writer: Option<Writer> = None;
    let mut copied = 0;
    for newline in memchr::memchr_iter(b'\n', bytes) {
        let line_end =
            if newline > 0 && bytes.get(newline - 1) == Some(&b'\r') { newline - 1 } else { newline };
        // A backslash says that the line goes on.
        let continued = line_end > 0 && bytes.get(line_end - 1) == Some(&b'\\');
        let line_end = line_end - usize::from(continued);
        let before = bytes.get(..line_end).unwrap_or_default();
        let head = before.iter().rev().take(512).take_while(|byte| is_token(**byte)).count();
        let after = bytes.get(newline + 1..).unwrap_or_default();
        let indent = after.iter().take(64).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let tail = after.iter().skip(indent).take(64).take_while(|byte| is_token(**byte)).count();
        let digit = before
            .iter()
            .rev()
            .take(head)
            .chain(after.iter().skip(indent).take(tail))
            .any(u8::is_ascii_digit);
        let wrapped = head >= WRAPPED && digit || continued && head >= CONTINUED;
        if wrapped && tail >= 2 && line_end >= copied {
            let writer = writer.get_or_insert_with(|| Writer::with_capacity(text.len()));
            writer.copy(text.get(copied..line_end).unwrap_or_default(), copied);
            copied = newline + 1 + indent;
        }
    }
    let mut writer = writer?;
    writer.copy(text.get(copied..).unwrap_or_default(), copied);
    Some(writer)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_' | b'-' | b'=' | b'.')
}

/// The shortest run that is looked at.
const LEAST: usize = 16;

/// The shortest piece of a token at the end of a line for the line to be taken as wrapped.
const WRAPPED: usize = 12;

/// The same where a backslash says so.
const CONTINUED: usize = 4;

const BASE64: u8 = 1;
const NUMBER: u8 = 2;
const MORSE: u8 = 4;
const WORD: u8 = 8;

static CLASSES: [u8; 256] = classes();

#[expect(clippy::indexing_slicing, reason = "indices below 256, evaluated when compiled")]
#[expect(clippy::cast_possible_truncation, reason = "indices below 256, evaluated when compiled")]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        let mut class = 0;
        if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_') {
            class |= BASE64;
        }
        if byte.is_ascii_hexdigit()
            || matches!(byte, b' ' | b',' | b':' | b';' | b'\n' | b'\r' | b'\t' | b'x')
        {
            class |= NUMBER;
        }
        if matches!(byte, b'.' | b'-' | b'/' | b' ' | b'|' | b'_' | b'\n') {
            class |= MORSE;
        }
        if byte.is_ascii_graphic() {
            class |= WORD;
        }
        table[at] = class;
        at += 1;
    }
    table
}
