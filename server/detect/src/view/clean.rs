//! The clean view, which byte patterns read where a text is not plain; and the view in which look-alikes are ASCII.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use super::chars::{confusable, digit, escape_len, is_invisible, is_mark, letter_symbol, look_alike};
use super::map::{Map, Writer};

/// Removes what cannot be seen, and writes compatibility forms, digits of other scripts and look-alike letters within
/// ASCII words as ASCII. Answers `None` when that changes nothing.
pub(crate) fn clean(text: &str) -> Option<(String, Map)> {
    // Many bytes at a time, without a branch for each.
    let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r');
    if text.as_bytes().chunks(64).all(|chunk| chunk.iter().fold(true, |all, byte| all & plain(byte))) {
        return None;
    }
    if !may_change(text) {
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

/// Whether cleaning could change anything, told by ranges and a table: text of most languages is left as it is, and that
/// is seen without taking its words apart.
fn may_change(text: &str) -> bool {
    let (mut ascii, mut alike) = (false, false);
    for character in text.chars() {
        if character.is_ascii() {
            if character.is_ascii_alphanumeric() {
                ascii = true;
            } else if character.is_ascii_control() && !character.is_ascii_whitespace() {
                return true;
            } else {
                (ascii, alike) = (false, false);
            }
        } else {
            match kept(character) {
                Kept::Never => return true,
                Kept::UnlessMixed => alike = true,
                Kept::Gap => (ascii, alike) = (false, false),
                Kept::Always => {}
            }
        }
        if ascii && alike {
            return true;
        }
    }
    false
}

/// Whether cleaning keeps a character.
#[derive(Clone, Copy)]
enum Kept {
    Always,
    /// It is kept, and parts words.
    Gap,
    /// Beside ASCII letters it is taken for one.
    UnlessMixed,
    Never,
}

fn kept(character: char) -> Kept {
    let code = u32::from(character);
    match code {
        0x4E00..=0x9FFF | 0xAC00..=0xD7A3 | 0x3041..=0x3096 | 0x30A1..=0x30FA | 0x0905..=0x0939 => {
            Kept::Always
        }
        0x2013 | 0x2014 | 0x2018..=0x201E | 0x2022 | 0x20AC | 0x3001 | 0x3002 => Kept::Gap,
        FIRST..LAST => {
            let place = usize::try_from(code - FIRST).ok();
            place.and_then(|place| KEPT.get(place)).copied().unwrap_or(Kept::Never)
        }
        _ => Kept::Never,
    }
}

/// Latin, Greek, Cyrillic, Armenian, Hebrew and Arabic letters.
static KEPT: LazyLock<Vec<Kept>> = LazyLock::new(|| {
    (FIRST..LAST)
        .map(|code| match char::from_u32(code) {
            Some(character) if is_invisible(character) || digit(character).is_some() => Kept::Never,
            Some(character) if !std::iter::once(character).nfkc().eq(std::iter::once(character)) => {
                Kept::Never
            }
            Some(character) if look_alike(character).is_some() => Kept::UnlessMixed,
            Some(character) if character.is_alphanumeric() || is_mark(character) => Kept::Always,
            Some(_) => Kept::Gap,
            None => Kept::Never,
        })
        .collect()
});

const FIRST: u32 = 0x80;
const LAST: u32 = 0x700;

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
        } else if character.is_ascii() || is_mark(character) {
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
    let in_word = |character: char| character.is_alphanumeric() || is_mark(character);
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
    if folded.is_ascii() || !folded.split(|c: char| !c.is_alphanumeric()).any(is_disguised) {
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

fn is_disguised(word: &str) -> bool {
    if word.is_ascii() {
        return false;
    }
    let (mut ascii, mut symbols, mut alikes, mut confusables, mut letters) =
        (0_usize, 0_usize, 0_usize, 0_usize, 0_usize);
    for character in word.chars() {
        letters += 1;
        ascii += usize::from(character.is_ascii_alphabetic());
        symbols += usize::from(letter_symbol(character).is_some());
        alikes += usize::from(look_alike(character).is_some());
        confusables += usize::from(confusable(character).is_some());
    }
    // Short words of look-alikes alone are words of their own script.
    let mixed = ascii > 0 && symbols + alikes > 0;
    mixed || symbols >= 3 || (confusables == letters && letters >= 5)
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
