//! The clean view, which byte patterns read where a text is not plain; and the view in which look-alikes are ASCII.

use unicode_normalization::UnicodeNormalization;

use super::chars::{digit, escape_len, is_invisible, letter_symbol, look_alike};
use super::fold::ascii_len;
use super::map::{Map, Writer};
use super::traits::Traits;

/// Removes what cannot be seen, and writes compatibility forms, digits of other scripts and look-alike letters within
/// ASCII words as ASCII. Answers `None` when that changes nothing.
pub(crate) fn clean(text: &str) -> Option<(String, Map)> {
    // Many bytes at a time, without a branch for each.
    let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r');
    if text.as_bytes().chunks(64).all(|chunk| chunk.iter().fold(true, |all, byte| all & plain(byte))) {
        return None;
    }
    let control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C) || *byte == 0x7F;
    let controls =
        !text.as_bytes().chunks(64).all(|chunk| !chunk.iter().fold(false, |any, byte| any | control(byte)));
    if !controls && !may_change(text) {
        return None;
    }
    let mut writer = Writer::with_capacity(text.len());
    let mut changed = false;
    let mut at = 0;
    while at < text.len() {
        let rest = text.get(at..).unwrap_or_default();
        if let Some(length) = escape_len(rest) {
            changed = true;
            at += length;
            continue;
        }
        let word = word_len(rest);
        let piece = rest.get(..word).unwrap_or_default();
        changed |= clean_word(piece, at, &mut writer);
        at += word.max(1);
    }
    changed.then(|| writer.finish())
}

/// Whether cleaning could change anything, told by a table: text of most languages is left as it is, and that is seen
/// without taking its words apart.
fn may_change(text: &str) -> bool {
    // Whether the word that goes on here has ASCII letters or digits, and whether it has look-alikes.
    let (mut ascii, mut alike) = (false, false);
    let mut rest = text;
    while !rest.is_empty() {
        let length = ascii_len(rest);
        let run = rest.as_bytes().get(..length).unwrap_or_default();
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            if alike && first.is_ascii_alphanumeric() {
                return true;
            }
            // What is left of the run is the word that it ends with.
            (ascii, alike) = (last.is_ascii_alphanumeric(), false);
        }
        let mut end = length;
        for character in rest.get(length..).unwrap_or_default().chars() {
            if character.is_ascii() {
                break;
            }
            let traits = Traits::of(character);
            if traits.has(Traits::UNCLEAN) {
                return true;
            }
            if !traits.has(Traits::WORD.or(Traits::MARK)) {
                (ascii, alike) = (false, false);
            } else if traits.has(Traits::ALIKE) {
                if ascii {
                    return true;
                }
                alike = true;
            }
            end += character.len_utf8();
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    false
}

/// Writes one word, or the gap before the next; answers whether that changed it.
fn clean_word(word: &str, src: usize, writer: &mut Writer) -> bool {
    if word
        .bytes()
        .all(|byte| byte.is_ascii() && (byte >= b' ' || byte.is_ascii_whitespace()) && byte != 0x7F)
    {
        writer.copy(word, src);
        return false;
    }
    let mixed = word.bytes().any(|byte| byte.is_ascii_alphanumeric());
    let mut changed = false;
    for (at, character) in word.char_indices() {
        let (start, end) = (src + at, src + at + character.len_utf8());
        let ascii = digit(character).or_else(|| if mixed { look_alike(character) } else { None });
        if is_invisible(character) {
            changed = true;
        } else if let Some(ascii) = ascii {
            changed = true;
            writer.character(ascii, start, end);
        } else if character.is_ascii() || !Traits::of(character).has(Traits::UNCLEAN) {
            writer.character(character, start, end);
        } else {
            let normal: String = std::iter::once(character).nfkc().collect();
            changed |= !normal.chars().eq(std::iter::once(character));
            writer.replace(&normal, start, end);
        }
    }
    changed
}

/// Returns the length of the run of word characters, or of other characters, that a text begins with. Invisible
/// characters do not end a word.
fn word_len(text: &str) -> usize {
    let in_word = |character: char| Traits::of(character).has(Traits::WORD.or(Traits::MARK));
    let mut characters = text.char_indices();
    let Some((_, first)) = characters.next() else { return 0 };
    let word = in_word(first);
    characters
        .find(|(_, character)| {
            *character == '\u{1b}' || !is_invisible(*character) && in_word(*character) != word
        })
        .map_or(text.len(), |(at, _)| at)
}

/// Writes the look-alikes of a folded text as ASCII letters. Answers `None` when no word asks for it: one that mixes
/// look-alikes with ASCII letters, or is made of look-alikes alone.
pub(crate) fn latinise(folded: &str) -> Option<(String, Map)> {
    if folded.is_ascii() || !has_disguised(folded) {
        return None;
    }
    let mut writer = Writer::with_capacity(folded.len());
    let mut copied = 0;
    for (at, character) in folded.char_indices().filter(|(_, character)| !character.is_ascii()) {
        if let Some(letter) = letter_symbol(character).or_else(|| look_alike(character)) {
            writer.copy(folded.get(copied..at).unwrap_or_default(), copied);
            copied = at + character.len_utf8();
            writer.character(letter.to_ascii_lowercase(), at, copied);
        }
    }
    writer.copy(folded.get(copied..).unwrap_or_default(), copied);
    Some(writer.finish())
}

fn has_disguised(text: &str) -> bool {
    let mut word = Letters::default();
    for character in text.chars() {
        if character.is_ascii() {
            if character.is_ascii_alphanumeric() {
                word.count += 1;
                word.ascii += usize::from(character.is_ascii_alphabetic());
                continue;
            }
        } else {
            let traits = Traits::of(character);
            if traits.has(Traits::WORD) {
                word.count += 1;
                word.symbols += usize::from(traits.has(Traits::SYMBOL));
                word.alikes += usize::from(traits.has(Traits::ALIKE));
                word.confusables += usize::from(traits.has(Traits::CONFUSABLE));
                continue;
            }
        }
        if word.disguised() {
            return true;
        }
        word = Letters::default();
    }
    word.disguised()
}

/// What the letters of a word are.
#[derive(Default)]
struct Letters {
    count: usize,
    ascii: usize,
    symbols: usize,
    alikes: usize,
    confusables: usize,
}

impl Letters {
    fn disguised(&self) -> bool {
        let mixed = self.ascii > 0 && self.symbols + self.alikes > 0;
        // Short words of look-alikes alone are words of their own script.
        mixed || self.symbols >= 3 || (self.confusables == self.count && self.count >= 5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ByteSpan;

    #[test]
    fn plain_text_has_no_clean_view() {
        assert!(clean("plain\ttext\n").is_none());
        assert!(clean("Москва").is_none());
    }

    #[test]
    fn hidden_and_disguised() {
        let text = "g\u{200b}hp_\u{200b}А1 ٤٢ ｋ";
        let (cleaned, map) = clean(text).unwrap();
        assert_eq!(cleaned, "ghp_A1 42 k");
        let span = map.source(ByteSpan { start: 0, end: 6 });
        assert_eq!(text.get(span.range()).unwrap(), "g\u{200b}hp_\u{200b}А1");
    }

    #[test]
    fn look_alikes() {
        assert_eq!(latinise("ignоrе аll").unwrap().0, "ignore all");
        assert_eq!(latinise("ɪɢɴᴏʀᴇ").unwrap().0, "ignore");
        assert!(latinise("привет, как дела").is_none());
    }
}
