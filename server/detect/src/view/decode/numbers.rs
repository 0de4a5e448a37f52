//! Text written as numbers, hexadecimal, binary or decimal, one character each; and Morse code.

use std::ops::Range;

use super::{Writer, readable};

/// Decodes runs of separated numbers.
pub(super) fn decode(text: &str, runs: &[Range<usize>], emit: &mut impl FnMut(&'static str, Option<Writer>)) {
    let mut views: [Option<Writer>; 3] = [None, None, None];
    for run in runs {
        let Some(carrier) = text.get(run.clone()) else { continue };
        let tokens = tokens(carrier, run.start);
        let [hex, binary, decimal] = &mut views;
        spelled(text, &tokens, |token| number(token, 2, 8..=8), binary);
        unbroken_bits(text, &tokens, binary);
        // Pairs of digits may be either; what they spell decides.
        spelled(text, &tokens, |token| number(token, 10, 2..=3), decimal);
        spelled(text, &tokens, |token| number(token.trim_start_matches("0x"), 16, 2..=2), hex);
    }
    for (name, writer) in ["hex", "binary", "decimal"].into_iter().zip(views) {
        emit(name, writer);
    }
}

/// Appends what sequences of tokens spell, where that is text.
fn spelled(
    text: &str,
    tokens: &[Range<usize>],
    value: impl Fn(&str) -> Option<u8>,
    view: &mut Option<Writer>,
) {
    let mut rest = tokens;
    while !rest.is_empty() {
        let bytes: Vec<u8> = rest.iter().map_while(|token| value(text.get(token.clone())?)).collect();
        if let Some(decoded) = readable(&bytes).filter(|_| bytes.len() >= 6) {
            let writer = view.get_or_insert_with(Writer::default);
            let mut carriers = rest.iter();
            for character in decoded.chars() {
                let first = carriers.next();
                let last = carriers.by_ref().take(character.len_utf8() - 1).last().or(first);
                if let (Some(first), Some(last)) = (first, last) {
                    writer.character(character, first.start, last.end);
                }
            }
        }
        rest = rest.get(bytes.len().max(1)..).unwrap_or_default();
    }
}

fn number(token: &str, radix: u32, digits: std::ops::RangeInclusive<usize>) -> Option<u8> {
    if !digits.contains(&token.len()) || !token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u8::from_str_radix(token, radix).ok()
}

/// Decodes bits that nothing parts.
fn unbroken_bits(text: &str, tokens: &[Range<usize>], view: &mut Option<Writer>) {
    for token in tokens.iter().filter(|token| token.len() >= 48 && token.len() % 8 == 0) {
        let bits = text.get(token.clone()).unwrap_or_default().as_bytes();
        let bytes: Vec<u8> = bits
            .chunks_exact(8)
            .map_while(|bits| {
                std::str::from_utf8(bits).ok().and_then(|bits| u8::from_str_radix(bits, 2).ok())
            })
            .collect();
        if let Some(decoded) = readable(&bytes).filter(|_| bytes.len() * 8 == token.len()) {
            view.get_or_insert_with(Writer::default).decoded(&decoded, 1, token.start, 8, token.end);
        }
    }
}

fn tokens(carrier: &str, src: usize) -> Vec<Range<usize>> {
    let mut tokens = Vec::new();
    let mut at = src;
    for piece in carrier.split_inclusive([' ', ',', ':', ';', '\n', '\r', '\t']) {
        let token = piece.trim_end_matches([' ', ',', ':', ';', '\n', '\r', '\t']);
        if !token.is_empty() {
            tokens.push(at..at + token.len());
        }
        at += piece.len();
    }
    tokens
}

/// Decodes Morse code: letters are parted by a space, words by `/`, `|` or several spaces.
pub(super) fn morse(text: &str, runs: &[Range<usize>]) -> Option<Writer> {
    let mut writer: Option<Writer> = None;
    for run in runs {
        let carrier = text.get(run.clone()).unwrap_or_default();
        let mut piece = Writer::default();
        let (mut letters, mut odd) = (0_usize, 0_usize);
        let mut at = run.start;
        for token in carrier.split_inclusive([' ', '\n', '/', '|']) {
            let code = token.trim_end_matches([' ', '\n', '/', '|']);
            if let Some(letter) = morse_letter(code) {
                letters += 1;
                piece.character(letter, at, at + code.len());
            } else if !code.is_empty() {
                odd += 1;
            }
            let word_ends = token.ends_with(['/', '|', '\n']) || code.is_empty();
            if word_ends && !piece.text().is_empty() && !piece.text().ends_with(' ') {
                piece.character(' ', at, at + token.len());
            }
            at += token.len();
        }
        if letters >= 6 && odd * 8 <= letters {
            writer.get_or_insert(piece);
        }
    }
    writer
}

fn morse_letter(code: &str) -> Option<char> {
    if code.is_empty() || code.len() > 6 {
        return None;
    }
    // A leading 1 marks the length; dots are 0, dashes 1.
    let key = code.bytes().try_fold(1_u8, |key, sign| match sign {
        b'.' => Some(key << 1),
        b'-' | b'_' => Some(key << 1 | 1),
        _ => None,
    })?;
    Some(match key {
        0b101 => 'a',
        0b11000 => 'b',
        0b11010 => 'c',
        0b1100 => 'd',
        0b10 => 'e',
        0b10010 => 'f',
        0b1110 => 'g',
        0b10000 => 'h',
        0b100 => 'i',
        0b10111 => 'j',
        0b1101 => 'k',
        0b10100 => 'l',
        0b111 => 'm',
        0b110 => 'n',
        0b1111 => 'o',
        0b10110 => 'p',
        0b11101 => 'q',
        0b1010 => 'r',
        0b1000 => 's',
        0b11 => 't',
        0b1001 => 'u',
        0b10001 => 'v',
        0b1011 => 'w',
        0b11001 => 'x',
        0b11011 => 'y',
        0b11100 => 'z',
        0b11_1111 => '0',
        0b10_1111 => '1',
        0b10_0111 => '2',
        0b10_0011 => '3',
        0b10_0001 => '4',
        0b10_0000 => '5',
        0b11_0000 => '6',
        0b11_1000 => '7',
        0b11_1100 => '8',
        0b11_1110 => '9',
        0b101_0101 => '.',
        0b111_0011 => ',',
        0b100_1100 => '?',
        _ => return None,
    })
}
