//! base64, base32 and plain hex, what is packed in them, and base58, whose runs look like theirs.

use std::cell::Cell;
use std::ops::Range;

use super::alphabets::{TRIES_58, base58};
use super::packed::inflate;
use super::wide::utf16;
use super::{Writer, readable};

/// Decodes the runs, each encoding into one view; decoded pieces are parted by a line break.
/// What is unpacked counts against `left`.
pub(super) fn decode(
    text: &str,
    runs: &[Range<usize>],
    left: &Cell<usize>,
    emit: &mut impl FnMut(&'static str, Option<Writer>),
) {
    let mut views = Views {
        left,
        tries: Cell::new(TRIES_58),
        base64: None,
        base32: None,
        hex: None,
        packed: None,
        base58: None,
    };
    let mut rest = runs;
    while let Some((first, tail)) = rest.split_first() {
        let (joined, used) = joined_runs(text, first, tail);
        rest = tail.get(used..).unwrap_or_default();
        if used > 0 && append_wrapped(text, &joined, &mut views) {
            continue;
        }
        for run in runs.get(runs.len() - rest.len() - used - 1..runs.len() - rest.len()).unwrap_or_default() {
            append_run(text, run.clone(), &mut views);
        }
    }
    let Views { base64, base32, hex, packed, base58, .. } = views;
    let named = [("base64", base64), ("base32", base32), ("hex", hex), ("gzip", packed), ("base58", base58)];
    for (name, writer) in named {
        emit(name, writer);
    }
}

/// The views of the encodings, and what may still be spent on them.
struct Views<'a> {
    left: &'a Cell<usize>,
    tries: Cell<usize>,
    base64: Option<Writer>,
    base32: Option<Writer>,
    hex: Option<Writer>,
    packed: Option<Writer>,
    base58: Option<Writer>,
}

fn append_run(text: &str, run: Range<usize>, views: &mut Views<'_>) {
    if append_piece(text, run.clone(), views) {
        return;
    }
    // Part of a path or of a longer name: its longest piece may still be a carrier.
    let Some(whole) = text.get(run.clone()) else { return };
    let mut at = run.start;
    for piece in whole.split_inclusive(['/', '-', '_', '+']) {
        let end = at + piece.len();
        let kept = piece.trim_end_matches(['/', '-', '_', '+']).len();
        if kept >= 16 && kept < whole.len() {
            append_piece(text, at..at + kept, views);
        }
        at = end;
    }
}

fn append_piece(text: &str, run: Range<usize>, views: &mut Views<'_>) -> bool {
    let Some(carrier) = text.get(run.clone()).map(str::as_bytes) else { return false };
    if carrier.len() % 2 == 0
        && let Some(bytes) = bits(carrier, 4, hex_value)
    {
        if let Some(decoded) = readable(&bytes) {
            append(&mut views.hex, &decoded, 1, run.start, 2, run.end);
            return true;
        }
        if let Some(decoded) = utf16(&bytes) {
            append(&mut views.hex, &decoded, usize::MAX, run.start, run.len(), run.end);
            return true;
        }
        if let Some(inflated) = inflate(&bytes, views.left) {
            append(&mut views.packed, &inflated, usize::MAX, run.start, run.len(), run.end);
            return true;
        }
    }
    let base32 = if carrier.iter().any(u8::is_ascii_lowercase) { base32_lower } else { base32_value };
    if let Some(decoded) = bits(carrier, 5, base32).and_then(|bytes| readable(&bytes)) {
        append(&mut views.base32, &decoded, 5, run.start, 8, padded(text, run.end, 6));
        return true;
    }
    if let Some(bytes) = bits(carrier, 6, base64_value) {
        if let Some(decoded) = readable(&bytes) {
            append(&mut views.base64, &decoded, 3, run.start, 4, padded(text, run.end, 2));
            return true;
        }
        if let Some(decoded) = utf16(&bytes) {
            let end = padded(text, run.end, 2);
            append(&mut views.base64, &decoded, usize::MAX, run.start, end - run.start, end);
            return true;
        }
        if let Some(inflated) = inflate(&bytes, views.left) {
            let end = padded(text, run.end, 2);
            append(&mut views.packed, &inflated, usize::MAX, run.start, end - run.start, end);
            return true;
        }
    }
    if let Some(decoded) = base58(carrier, &views.tries) {
        append(&mut views.base58, &decoded, usize::MAX, run.start, run.len(), run.end);
        return true;
    }
    if let Some(decoded) = from_the_end(carrier) {
        append(&mut views.base64, &decoded, usize::MAX, run.start, run.len(), run.end);
        return true;
    }
    false
}

/// Decodes base64 that is written from its end; its beginning tells whether it is worth it.
fn from_the_end(carrier: &[u8]) -> Option<String> {
    let turned: Vec<u8> = carrier.iter().rev().copied().collect();
    let read = |part: &[u8]| {
        let bytes = bits(part, 6, base64_value)?;
        readable(&bytes).or_else(|| utf16(&bytes))
    };
    read(turned.get(..PEEKED)?)?;
    read(&turned)
}

/// Decodes runs that are one carrier wrapped over lines.
fn append_wrapped(text: &str, lines: &[Range<usize>], views: &mut Views<'_>) -> bool {
    let mut carrier = Vec::new();
    for line in lines {
        carrier.extend_from_slice(text.get(line.clone()).unwrap_or_default().as_bytes());
    }
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return false };
    let hex = carrier.iter().all(u8::is_ascii_hexdigit);
    let decoded = if hex { bits(&carrier, 4, hex_value) } else { bits(&carrier, 6, base64_value) };
    let Some(bytes) = decoded else { return false };
    let Some(decoded) = readable(&bytes) else {
        let end = padded(text, last.end, 2);
        if let Some(decoded) = utf16(&bytes) {
            let view = if hex { &mut views.hex } else { &mut views.base64 };
            append(view, &decoded, usize::MAX, first.start, end - first.start, end);
            return true;
        }
        let Some(inflated) = inflate(&bytes, views.left) else { return false };
        append(&mut views.packed, &inflated, usize::MAX, first.start, end - first.start, end);
        return true;
    };
    let (view, out_unit, src_unit) = if hex { (&mut views.hex, 1, 2) } else { (&mut views.base64, 3, 4) };
    // Lines of whole units map one by one; else the carrier maps as a whole.
    let mut at = 0;
    let mut pieces = Vec::new();
    for line in lines {
        let bytes = if line == last {
            decoded.len() - at.min(decoded.len())
        } else {
            line.len() / src_unit * out_unit
        };
        let whole_units = line == last || line.len() % src_unit == 0;
        match decoded.get(at..at + bytes).filter(|_| whole_units) {
            Some(piece) => pieces.push((piece, line)),
            None => {
                append(view, &decoded, usize::MAX, first.start, last.end - first.start, last.end);
                return true;
            }
        }
        at += bytes;
    }
    let mut fresh = true;
    for (piece, line) in pieces {
        let end = if line == last { padded(text, line.end, 2) } else { line.end };
        if fresh {
            append(view, piece, out_unit, line.start, src_unit, end);
        } else if let Some(writer) = view {
            writer.decoded(piece, out_unit, line.start, src_unit, end);
            writer.carried();
        }
        fresh = false;
    }
    true
}

/// Returns the runs that `first` continues in, when only a line break parts them, and how many of `tail` they are.
fn joined_runs(text: &str, first: &Range<usize>, tail: &[Range<usize>]) -> (Vec<Range<usize>>, usize) {
    let mut joined = vec![first.clone()];
    let mut end = first.end;
    if first.len() >= 32 {
        for run in tail {
            let gap = text.get(end..run.start).unwrap_or("?");
            if !gap.contains('\n') || !gap.chars().all(|c| matches!(c, '\n' | '\r' | ' ' | '\t' | '>')) {
                break;
            }
            joined.push(run.clone());
            end = run.end;
        }
    }
    let used = joined.len() - 1;
    (joined, used)
}

fn append(
    view: &mut Option<Writer>,
    decoded: &str,
    out_unit: usize,
    src: usize,
    src_unit: usize,
    src_end: usize,
) {
    let writer = view.get_or_insert_with(Writer::default);
    if !writer.text().is_empty() {
        writer.replace("\n", src, src);
    }
    writer.decoded(decoded, out_unit, src, src_unit, src_end);
    writer.carried();
}

/// Moves the end of a carrier over its padding.
fn padded(text: &str, end: usize, most: usize) -> usize {
    let padding =
        text.as_bytes().get(end..).unwrap_or_default().iter().take(most).take_while(|b| **b == b'=').count();
    end + padding
}

/// Puts digits of `width` bits together; what is left of a last, incomplete byte is dropped.
fn bits(carrier: &[u8], width: u32, value: fn(u8) -> Option<u32>) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(carrier.len());
    let (mut held, mut count) = (0_u32, 0_u32);
    for &digit in carrier {
        held = held << width | value(digit)?;
        count += width;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(held >> count & 0xFF).ok()?);
            held &= (1 << count) - 1;
        }
    }
    Some(bytes)
}

fn hex_value(digit: u8) -> Option<u32> {
    char::from(digit).to_digit(16)
}

fn base32_value(digit: u8) -> Option<u32> {
    match digit {
        b'A'..=b'Z' => Some(u32::from(digit - b'A')),
        b'2'..=b'7' => Some(u32::from(digit - b'2') + 26),
        _ => None,
    }
}

/// As tools for lower-case names write it.
fn base32_lower(digit: u8) -> Option<u32> {
    if digit.is_ascii_uppercase() { None } else { base32_value(digit.to_ascii_uppercase()) }
}

fn base64_value(digit: u8) -> Option<u32> {
    match digit {
        b'A'..=b'Z' => Some(u32::from(digit - b'A')),
        b'a'..=b'z' => Some(u32::from(digit - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(digit - b'0') + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// Signs of base64 that tell whether a run is text.
const PEEKED: usize = 24;
