//! Text written in characters that show nothing.

use super::{Writer, readable};

/// Reads the tag block, which mirrors ASCII. Emoji flags of regions use it by right (UTS #51).
pub(super) fn tag_characters(text: &str) -> Option<Writer> {
    let mut writer: Option<Writer> = None;
    let mut in_flag = false;
    for (at, character) in text.char_indices() {
        let code = u32::from(character);
        let tag = matches!(code, 0xE_0020..=0xE_007E);
        in_flag = code == 0x1_F3F4 || (in_flag && tag);
        if tag
            && !in_flag
            && let Some(letter) = char::from_u32(code - 0xE_0000)
        {
            writer.get_or_insert_with(Writer::default).character(letter, at, at + character.len_utf8());
        }
    }
    writer
}

/// Reads bytes that were written as variation selectors.
pub(super) fn variation_selectors(text: &str) -> Option<Writer> {
    from_bytes(text, |character| match u32::from(character) {
        code @ 0xFE00..=0xFE0F => u8::try_from(code - 0xFE00).ok(),
        code @ 0xE_0100..=0xE_01EF => u8::try_from(code - 0xE_0100 + 16).ok(),
        _ => None,
    })
}

/// Reads bits that were written as two kinds of zero-width characters.
pub(super) fn zero_width(text: &str) -> Option<Writer> {
    let mut bits: Vec<(u8, usize)> = Vec::new();
    for (at, character) in text.char_indices() {
        match character {
            '\u{200B}' => bits.push((0, at)),
            '\u{200C}' => bits.push((1, at)),
            _ => {}
        }
    }
    let bytes: Vec<u8> =
        bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |held, (bit, _)| held << 1 | bit)).collect();
    let decoded = readable(&bytes).filter(|decoded| decoded.is_ascii())?;
    let mut writer = Writer::default();
    for (character, carrier) in decoded.chars().zip(bits.chunks_exact(8)) {
        if let (Some((_, start)), Some((_, end))) = (carrier.first(), carrier.last()) {
            writer.character(character, *start, end + '\u{200B}'.len_utf8());
        }
    }
    Some(writer)
}

fn from_bytes(text: &str, value: impl Fn(char) -> Option<u8>) -> Option<Writer> {
    let carriers: Vec<(usize, char, u8)> =
        text.char_indices().filter_map(|(at, character)| Some((at, character, value(character)?))).collect();
    let bytes: Vec<u8> = carriers.iter().map(|(_, _, byte)| *byte).collect();
    let decoded = readable(&bytes)?;
    let mut writer = Writer::default();
    let mut carriers = carriers.iter();
    for character in decoded.chars() {
        let first = carriers.next();
        let last = carriers.by_ref().take(character.len_utf8() - 1).last().or(first);
        if let (Some((start, _, _)), Some((end, carrier, _))) = (first, last) {
            writer.character(character, *start, end + carrier.len_utf8());
        }
    }
    Some(writer)
}
