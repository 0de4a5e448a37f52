//! The clean view, which byte patterns read where a text is not plain; and the view in which look-alikes are ASCII.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::decompose_canonical;

use super::chars::{digit, escape_len, is_invisible, is_mark, letter_symbol, look_alike};
use super::fold::ascii_len;
use super::map::{Map, Writer};
use super::traits::Traits;

/// Removes what cannot be seen and the marks on ASCII letters and digits, and writes compatibility forms, digits of other
/// scripts, look-alike letters within ASCII words and words of which all letters bear marks as ASCII. Answers `None` when that changes nothing.
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
    // Where the characters end between which is no white space, and whether they are a disguised value.
    let (mut token_end, mut value) = (0, false);
    while at < text.len() {
        let rest = text.get(at..).unwrap_or_default();
        if at >= token_end {
            let gap = text.get(token_end..at).unwrap_or_default();
            let start = gap.rfind(char::is_whitespace).map_or(token_end, |space| token_end + space + 1);
            let token = text.get(start..).unwrap_or(rest);
            token_end = start + token.find(char::is_whitespace).unwrap_or(token.len()).max(1);
            value = is_marked_value(text.get(start..token_end).unwrap_or_default());
        }
        if let Some(length) = escape_len(rest) {
            changed = true;
            at += length;
            continue;
        }
        let word = word_len(rest);
        let piece = rest.get(..word).unwrap_or_default();
        let before = at.checked_sub(1).and_then(|last| text.as_bytes().get(last));
        let place = Place { src: at, on_ascii: before.is_some_and(u8::is_ascii_graphic), value };
        changed |= clean_word(piece, place, &mut writer);
        at += word.max(1);
    }
    changed.then(|| writer.finish())
}

/// Whether cleaning could change anything, told by a table: text of most languages is left as it is, and that is seen
/// without taking its words apart.
fn may_change(text: &str) -> bool {
    // Whether the word that goes on here has ASCII letters or digits, and whether it has look-alikes.
    let (mut ascii, mut alike) = (false, false);
    let mut marked = Marked::default();
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
            if marked.passes(run) {
                return true;
            }
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
            let on_ascii = end == length && run.last().is_some_and(u8::is_ascii_graphic);
            let bare = traits.folded().is_some_and(|folded| folded.is_ascii_lowercase());
            if on_ascii && traits.has(Traits::MARK) || marked.takes(bare) {
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

/// How many letters with marks stand near each other.
#[derive(Default)]
struct Marked {
    in_row: usize,
    in_token: usize,
    /// Whether the token has signs of an address or a key.
    signed: bool,
}

impl Marked {
    /// Takes note of ASCII between other characters; answers whether the token that it ends is a disguised value.
    fn passes(&mut self, run: &[u8]) -> bool {
        // A few letters, digits or signs may stand between.
        let head = run.get(..run.len().min(NEAR)).unwrap_or_default();
        let tail = run.get(run.len().saturating_sub(NEAR)..).unwrap_or_default();
        let first = head.iter().position(u8::is_ascii_whitespace).unwrap_or(head.len());
        self.signed |= head.iter().take(first).any(|byte| is_value_sign(*byte));
        let disguised = self.signed && self.in_token >= 3;
        if run.len() > LONGEST_BARE || first < head.len() {
            self.in_row = 0;
        }
        if first < head.len() || run.len() > NEAR {
            let last = tail.iter().rposition(u8::is_ascii_whitespace).map_or(0, |space| space + 1);
            self.signed = tail.iter().skip(last).any(|byte| is_value_sign(*byte));
            self.in_token = 0;
        }
        disguised
    }

    /// Takes note of another character, which may be a letter with marks.
    fn takes(&mut self, bare: bool) -> bool {
        self.in_row = if bare { self.in_row + 1 } else { 0 };
        self.in_token += usize::from(bare);
        self.in_row >= MARKED || self.signed && self.in_token >= 3
    }
}

/// What is known of where a word stands.
#[derive(Clone, Copy)]
struct Place {
    src: usize,
    /// Whether marks that it begins with belong to an ASCII character.
    on_ascii: bool,
    /// Whether it is part of a value that is disguised by marks.
    value: bool,
}

/// Writes one word, or the gap before the next; answers whether that changed it.
fn clean_word(word: &str, place: Place, writer: &mut Writer) -> bool {
    let Place { src, mut on_ascii, value } = place;
    if word
        .bytes()
        .all(|byte| byte.is_ascii() && (byte >= b' ' || byte.is_ascii_whitespace()) && byte != 0x7F)
    {
        writer.copy(word, src);
        return false;
    }
    let mixed = word.bytes().any(|byte| byte.is_ascii_alphanumeric());
    let disguised = value || all_marked(word);
    let mut changed = false;
    for (at, character) in word.char_indices() {
        let (start, end) = (src + at, src + at + character.len_utf8());
        if on_ascii && is_mark(character) {
            changed = true;
            continue;
        }
        on_ascii = character.is_ascii_graphic()
            || disguised && bare(character).is_some()
            || on_ascii && is_invisible(character);
        let ascii = bare(character).filter(|_| disguised);
        let ascii =
            ascii.or_else(|| digit(character)).or_else(|| if mixed { look_alike(character) } else { None });
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

/// Returns the ASCII letter that a letter is with marks on it.
fn bare(character: char) -> Option<char> {
    if !matches!(u32::from(character), 0xC0..=0x24F | 0x1E00..=0x1EFF) {
        return None;
    }
    let mut first = None;
    decompose_canonical(character, |part| {
        first.get_or_insert(part);
    });
    first.filter(char::is_ascii_alphabetic)
}

/// Whether a row of characters is no word, but an address or a key, and several of its letters bear marks.
fn is_marked_value(token: &str) -> bool {
    token.bytes().any(is_value_sign) && token.chars().filter(|c| bare(*c).is_some()).nth(2).is_some()
}

/// Whether a byte is in addresses and keys, and not in words.
fn is_value_sign(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'@' | b'_')
}

/// Whether nearly every letter of a word bears a mark, as in no language.
fn all_marked(word: &str) -> bool {
    let marked = word.chars().filter(|character| bare(*character).is_some()).count();
    let letters = word.chars().filter(|character| character.is_alphabetic()).count();
    marked >= MARKED && marked * 4 >= letters * 3
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

/// Letters with marks that make a word a disguised one.
const MARKED: usize = 5;

/// ASCII that may stand between such letters.
const LONGEST_BARE: usize = 8;

/// The same within a value.
const NEAR: usize = 64;

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
    fn marks() {
        let cleaned = |text: &str| clean(text).map(|(text, _)| text);
        assert_eq!(cleaned("g\u{307}h\u{308}p_1\u{20e3}A").unwrap(), "ghp_1A");
        assert_eq!(cleaned("ṗȧṡṡẇȯṙḋ: ḣuṅṫėṙ2").unwrap().split(':').next(), Some("password"));
        assert_eq!(
            cleaned("to ḃȯḃ@ėẋȧṁṗlė.ċȯṁ or ṡk_livė_51HqLẏj").unwrap(),
            "to bob@example.com or sk_live_51HqLyj"
        );
        assert_eq!(cleaned("příští žluťoučký kůň, préférées, Việt Nam ở đó"), None);
    }

    #[test]
    fn look_alikes() {
        assert_eq!(latinise("ignоrе аll").unwrap().0, "ignore all");
        assert_eq!(latinise("ɪɢɴᴏʀᴇ").unwrap().0, "ignore");
        assert!(latinise("привет, как дела").is_none());
    }
}
