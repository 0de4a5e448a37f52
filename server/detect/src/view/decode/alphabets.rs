//! base58 and base85, in the alphabets of Bitcoin, of Adobe and of Git.

use std::cell::Cell;
use std::ops::Range;

use super::{Writer, readable};

/// Decodes a run of base58. The work grows with the square of its length, so long runs are no carriers and only so many
/// are tried.
pub(super) fn base58(carrier: &[u8], tries: &Cell<usize>) -> Option<String> {
    if carrier.len() > LONGEST_58 || tries.get() == 0 {
        return None;
    }
    let kinds = |kind: fn(&u8) -> bool| carrier.iter().any(kind);
    if !(kinds(u8::is_ascii_lowercase) && kinds(u8::is_ascii_uppercase)) {
        return None;
    }
    let mut digits = Vec::with_capacity(carrier.len());
    for sign in carrier {
        digits.push(u32::try_from(BASE58.iter().position(|digit| digit == sign)?).ok()?);
    }
    tries.set(tries.get() - 1);
    let mut bytes: Vec<u8> = Vec::with_capacity(carrier.len());
    for digit in digits {
        let mut carry = digit;
        for byte in &mut bytes {
            carry += u32::from(*byte) * 58;
            *byte = u8::try_from(carry & 0xFF).unwrap_or_default();
            carry >>= 8;
        }
        while carry > 0 {
            bytes.push(u8::try_from(carry & 0xFF).unwrap_or_default());
            carry >>= 8;
        }
    }
    bytes.reverse();
    // Keys and addresses are as long as this in base58; by chance alone a short one may be readable.
    readable(&bytes).filter(|text| text.len() >= 12 && text.is_ascii())
}

/// Decodes the runs of base85 in a text: between `<~` and `~>`, and words that are long enough.
pub(super) fn base85(text: &str, runs: &[Range<usize>]) -> Option<Writer> {
    let mut writer: Option<Writer> = None;
    let mut done = 0;
    for run in runs {
        if run.start < done {
            continue;
        }
        let Some(word) = text.get(run.clone()) else { continue };
        if let Some(inside) = text.get(run.start..).and_then(|rest| rest.strip_prefix("<~")) {
            let length = inside.bytes().take(LONGEST_85).position(|byte| byte == b'~');
            if let Some(length) = length {
                let signs: Vec<u8> =
                    inside.bytes().take(length).filter(|byte| !byte.is_ascii_whitespace()).collect();
                if let Some(decoded) = adobe(&signs) {
                    done = run.start + 2 + length + 2;
                    append(&mut writer, &decoded, run.start, done.min(text.len()));
                    continue;
                }
            }
        }
        let trimmed = word.trim_matches(['"', '\'', '`', ',']);
        let start = run.start + (word.len() - word.trim_start_matches(['"', '\'', '`', ',']).len());
        let signs = trimmed.as_bytes();
        // Letters and digits alone are another encoding's.
        let signs_of_its_own = signs.iter().filter(|byte| byte.is_ascii_punctuation()).count();
        if trimmed.len() < LEAST_85 || trimmed.len() > LONGEST_85 || signs_of_its_own < 2 {
            continue;
        }
        if let Some(decoded) = git(signs).or_else(|| adobe(signs)) {
            append(&mut writer, &decoded, start, start + trimmed.len());
        }
    }
    writer
}

fn append(writer: &mut Option<Writer>, decoded: &str, start: usize, end: usize) {
    let writer = writer.get_or_insert_with(Writer::default);
    if !writer.text().is_empty() {
        writer.break_line(start);
    }
    // `z` stands for four bytes, so places within a run are not those of a fixed unit.
    writer.decoded(decoded, usize::MAX, start, end - start, end);
    writer.carried();
}

fn adobe(signs: &[u8]) -> Option<String> {
    groups(signs, |sign| sign.checked_sub(b'!').filter(|digit| *digit < 85))
}

fn git(signs: &[u8]) -> Option<String> {
    groups(signs, |sign| u8::try_from(BASE85.iter().position(|digit| *digit == sign)?).ok())
}

fn groups(signs: &[u8], digit: impl Fn(u8) -> Option<u8>) -> Option<String> {
    let mut bytes: Vec<u8> = Vec::with_capacity(signs.len());
    for group in signs.chunks(5) {
        let mut value = 0_u32;
        for place in 0..5 {
            // A group that is cut short is filled up with the highest digit.
            let digit = group.get(place).map_or(Some(84), |sign| digit(*sign))?;
            value = value.checked_mul(85)?.checked_add(u32::from(digit))?;
        }
        bytes.extend(value.to_be_bytes().iter().take(group.len().saturating_sub(1)));
        // What is no text is mostly seen at once.
        if bytes.len() <= 8 && bytes.iter().any(|byte| !(b' '..=b'~').contains(byte) && *byte != b'\n') {
            return None;
        }
    }
    readable(&bytes).filter(|text| text.len() >= 12)
}

static BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
static BASE85: &[u8; 85] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

const LONGEST_58: usize = 256;
const LEAST_85: usize = 20;
const LONGEST_85: usize = 16 << 10;

/// Runs of base58 that are tried in one text.
pub(super) const TRIES_58: usize = 64;
