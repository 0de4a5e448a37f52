//! Encodings that mail and the domain system brought: UTF-7, uuencode, punycode.

use super::escapes::replace;
use super::{Writer, readable};
use crate::output::punycode;

/// `+AGkAZwBu-`: base64 of UTF-16 between a plus sign and a hyphen.
pub(super) fn utf7(text: &str) -> Option<Writer> {
    replace(text, b'+', |rest| {
        let signs = rest.as_bytes().get(1..)?;
        // ASCII letters begin with a zero byte.
        if signs.first() != Some(&b'A') {
            return None;
        }
        let length = signs.iter().take(LONGEST).take_while(|sign| base64_value(**sign).is_some()).count();
        let (mut held, mut bits) = (0_u32, 0_u32);
        let mut units: Vec<u16> = Vec::with_capacity(length * 3 / 8);
        for sign in signs.iter().take(length) {
            held = held << 6 | base64_value(*sign)?;
            bits += 6;
            if bits >= 16 {
                bits -= 16;
                units.push(u16::try_from(held >> bits & 0xFFFF).ok()?);
                held &= (1 << bits) - 1;
            }
        }
        let decoded = String::from_utf16(&units).ok()?;
        let plain = decoded.chars().filter(|c| matches!(c, ' '..='~' | '\n' | '\u{a0}'..='\u{24f}')).count();
        let text = decoded.chars().count() >= 3 && plain * 10 >= decoded.chars().count() * 9 && held == 0;
        let hyphen = usize::from(signs.get(length) == Some(&b'-'));
        text.then_some((decoded, 1 + length + hyphen))
    })
}

/// Lines between `begin 644 name` and `end`, each with its length as its first sign.
pub(super) fn uuencode(text: &str) -> Option<Writer> {
    let mut writer: Option<Writer> = None;
    let mut inside = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let signs = line.trim_end_matches(['\r', '\n']);
        let begins = signs.strip_prefix("begin ").is_some_and(|rest| {
            rest.split(' ')
                .next()
                .is_some_and(|mode| mode.len() == 3 && mode.bytes().all(|b| b.is_ascii_digit()))
        });
        if begins || signs == "end" {
            inside = begins;
            continue;
        }
        if !inside {
            continue;
        }
        let Some(bytes) = uuencoded(signs.as_bytes()) else {
            inside = false;
            continue;
        };
        if let Some(decoded) = readable(&bytes) {
            let writer = writer.get_or_insert_with(Writer::default);
            writer.decoded(&decoded, 3, start + 1, 4, start + signs.len());
        }
    }
    writer
}

fn uuencoded(line: &[u8]) -> Option<Vec<u8>> {
    let value =
        |sign: u8| sign.checked_sub(b' ').filter(|value| *value <= 64).map(|value| u32::from(value % 64));
    let (first, signs) = line.split_first()?;
    let length = usize::try_from(value(*first)?).ok()?;
    let mut bytes = Vec::with_capacity(length);
    for group in signs.chunks(4) {
        let mut held = 0;
        for place in 0..4 {
            held = held << 6 | group.get(place).map_or(Some(0), |sign| value(*sign))?;
        }
        let [_, unit @ ..] = held.to_be_bytes();
        bytes.extend(unit);
    }
    let fits = bytes.len() >= length && bytes.len() <= length + 3;
    bytes.truncate(length);
    fits.then_some(bytes)
}

/// `xn--bcher-kva`: labels of domain names in other scripts.
pub(super) fn punycode_labels(text: &str) -> Option<Writer> {
    replace(text, b'x', |rest| {
        let label = rest.strip_prefix("xn--")?;
        let length = label.bytes().take(63).take_while(|b| b.is_ascii_alphanumeric() || *b == b'-').count();
        let decoded = punycode(&label.get(..length)?.to_ascii_lowercase())?;
        Some((decoded, 4 + length))
    })
}

fn base64_value(sign: u8) -> Option<u32> {
    match sign {
        b'A'..=b'Z' => Some(u32::from(sign - b'A')),
        b'a'..=b'z' => Some(u32::from(sign - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(sign - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

const LONGEST: usize = 4096;
