//! base64, base32 and plain hex.

use std::ops::Range;

use super::{Writer, readable};

/// Decodes the runs, each encoding into one view; decoded pieces are parted by a line break.
pub(super) fn decode(text: &str, runs: &[Range<usize>], emit: &mut impl FnMut(&'static str, Option<Writer>)) {
    let mut views: Views = [None, None, None];
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
    for (name, writer) in ["base64", "base32", "hex"].into_iter().zip(views) {
        emit(name, writer);
    }
}

/// Of base64, base32 and hex.
type Views = [Option<Writer>; 3];

fn append_run(text: &str, run: Range<usize>, views: &mut Views) {
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

fn append_piece(text: &str, run: Range<usize>, views: &mut Views) -> bool {
    let Some(carrier) = text.get(run.clone()).map(str::as_bytes) else { return false };
    let [base64, base32, hex] = views;
    if carrier.len() % 2 == 0
        && let Some(decoded) = bits(carrier, 4, hex_value).and_then(|bytes| readable(&bytes))
    {
        append(hex, &decoded, 1, run.start, 2, run.end);
        return true;
    }
    if let Some(decoded) = bits(carrier, 5, base32_value).and_then(|bytes| readable(&bytes)) {
        append(base32, &decoded, 5, run.start, 8, padded(text, run.end, 6));
        return true;
    }
    if let Some(decoded) = bits(carrier, 6, base64_value).and_then(|bytes| readable(&bytes)) {
        append(base64, &decoded, 3, run.start, 4, padded(text, run.end, 2));
        return true;
    }
    false
}

/// Decodes runs that are one carrier wrapped over lines.
fn append_wrapped(text: &str, lines: &[Range<usize>], views: &mut Views) -> bool {
    let mut carrier = Vec::new();
    for line in lines {
        carrier.extend_from_slice(text.get(line.clone()).unwrap_or_default().as_bytes());
    }
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return false };
    let hex = carrier.iter().all(u8::is_ascii_hexdigit);
    let [base64, _, hexadecimal] = views;
    let (decoded, view, out_unit, src_unit) = if hex {
        (bits(&carrier, 4, hex_value), hexadecimal, 1, 2)
    } else {
        (bits(&carrier, 6, base64_value), base64, 3, 4)
    };
    let Some(decoded) = decoded.and_then(|bytes| readable(&bytes)) else { return false };
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
