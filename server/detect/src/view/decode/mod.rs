//! Decoded views: what a text says under an encoding.
//!
//! Every decoder looks for its own carriers, cheaply, and writes what they decode to with a map back to them. What does
//! not decode to readable text is dropped: hashes, images and keys are no text. All decoded bytes of a request count
//! against one budget, so nesting cannot multiply.

mod alphabets;
mod bases;
mod carriers;
mod escapes;
mod hidden;
mod marks;
mod numbers;
mod packed;
mod runs;
mod scripts;
mod spelled;
mod split;
mod turned;
mod wide;
mod wire;

use std::cell::Cell;

pub(super) use self::escapes::html_entity;

use self::marks::Marks;
use super::map::{Map, Writer};

/// Takes the decoded views of a text, each with the name of its encoding; answers whether one was left out for the
/// budget.
pub(super) fn decode(
    text: &str,
    budget: &mut usize,
    mut emit: impl FnMut(&'static str, String, Map),
) -> bool {
    let mut left_out = false;
    let left = Cell::new(*budget);
    let mut emit = |name: &'static str, writer: Option<Writer>| {
        let Some(writer) = writer else { return };
        let bytes = writer.text().len();
        if bytes > 0 && bytes <= left.get() {
            left.set(left.get() - bytes);
            let (text, map) = writer.finish();
            emit(name, text, map);
        } else {
            left_out |= bytes > 0;
        }
    };
    let found = runs::find(text.as_bytes());
    bases::decode(text, &found.base64, &left, &mut emit);
    emit("base85", alphabets::base85(text, &found.words));
    numbers::decode(text, &found.numbers, &mut emit);
    emit("morse", numbers::morse(text, &found.morse));
    emit("reversed", turned::reversed(text, &found.base64));
    emit("rot13", turned::rot13(text, &found.base64));
    emit("percent", escapes::percent(text));
    emit("form", escapes::form(text));
    emit("html-entity", escapes::html_entities(text));
    emit("unicode-escape", escapes::backslash(text));
    emit("quoted-printable", escapes::quoted_printable(text));
    let carriers = carriers::of(text.as_bytes());
    if carriers.supplementary {
        emit("tag-characters", hidden::tag_characters(text));
    }
    if carriers.supplementary || carriers.selectors {
        emit("variation-selectors", hidden::variation_selectors(text));
    }
    if carriers.general {
        emit("zero-width", hidden::zero_width(text));
        emit("braille", scripts::braille(text));
    }
    if carriers.phonetic {
        emit("upside-down", scripts::upside_down(text));
    }
    let marks = Marks::of(text);
    let marked = |mark: bool, decode: fn(&str) -> Option<Writer>| if mark { decode(text) } else { None };
    emit("punycode", marked(marks.punycode, wire::punycode_labels));
    emit("uuencode", marked(marks.uuencode, wire::uuencode));
    emit("nato", marked(marks.spelled, spelled::code_words));
    emit("rot47", marked(marks.rot47, spelled::rot47));
    emit("utf-7", wire::utf7(text));
    emit("acrostic", spelled::acrostic(text));
    emit("joined-lines", runs::joined_lines(text));
    emit("joined-strings", split::joined_strings(text));
    emit("spaced", split::spaced(text));
    emit("unmarked", split::unmarked(text));
    *budget = left.get();
    left_out
}

/// Whether decoded bytes are readable: nearly all letters, digits, punctuation and white space.
fn readable(bytes: &[u8]) -> Option<String> {
    if bytes.len() < MIN_DECODED_BYTES {
        return None;
    }
    let mut text = String::with_capacity(bytes.len());
    let mut odd = 0_usize;
    for chunk in bytes.utf8_chunks() {
        odd +=
            chunk.valid().chars().filter(|c| c.is_control() && !c.is_whitespace() || is_private(*c)).count();
        text.push_str(chunk.valid());
        // A stand-in of one byte for each byte keeps the text as long as what it was decoded from.
        odd += chunk.invalid().len();
        text.extend(chunk.invalid().iter().map(|_| '?'));
        if odd * 8 > bytes.len() {
            return None;
        }
    }
    (odd * 10 <= text.len()).then_some(text)
}

fn is_private(character: char) -> bool {
    matches!(u32::from(character), 0xE000..=0xF8FF | 0xF_0000..=0x10_FFFF | 0xFFFD)
}

/// Shorter carriers hold no phrase and no secret, and are too often words.
const MIN_DECODED_BYTES: usize = 6;

#[cfg(test)]
mod tests;
