//! Words, numbers and marks of a text, each read once with its hash, so that every later question is a table look-up.

use unicode_normalization::UnicodeNormalization as _;

use crate::view::traits::Traits;

/// How a token is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Shape {
    /// Past either end of the text.
    #[default]
    None,
    /// `word`
    Lower,
    /// `Word`, `McDonald`, `O'Brien`
    Capital,
    /// `WORD`
    Upper,
    /// `W`
    Initial,
    /// `iPhone`
    Mixed,
    /// A word of a script without capitals.
    Uncased,
    /// Digits only.
    Number,
    /// Letters with digits or underscores: an identifier, a code.
    Code,
    /// One mark; typographic variants are given as the ASCII one, others as 0.
    Mark(u8),
}

/// What stands between a token and the one before it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Gap {
    /// Nothing.
    None,
    /// One or two spaces.
    Space,
    /// A tab or many spaces: another column.
    Wide,
    /// A line break, or the beginning of the text.
    #[default]
    Line,
}

/// One token; offsets are bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Token {
    pub(super) start: usize,
    /// One past the word itself; a possessive `'s` stands outside.
    pub(super) end: usize,
    pub(super) hash: u64,
    /// What the lexicon says of the word.
    pub(super) flags: u64,
    pub(super) shape: Shape,
    pub(super) gap: Gap,
    pub(super) possessive: bool,
}

impl Token {
    /// Whether the token has one of `flags`.
    #[inline]
    pub(super) fn has(self, flags: u64) -> bool {
        self.flags & flags != 0
    }

    /// Whether it is this mark.
    #[inline]
    pub(super) fn is(self, mark: u8) -> bool {
        self.shape == Shape::Mark(mark)
    }

    /// Whether it stands directly at the token before it.
    #[inline]
    pub(super) fn glued(self) -> bool {
        self.gap == Gap::None
    }

    /// Whether it begins with a capital, as names do.
    #[inline]
    pub(super) fn capital(self) -> bool {
        matches!(self.shape, Shape::Capital | Shape::Upper | Shape::Initial)
    }

    /// Whether it is a word, whatever its case.
    #[inline]
    pub(super) fn word(self) -> bool {
        !matches!(self.shape, Shape::None | Shape::Number | Shape::Code | Shape::Mark(_))
    }

    /// Whether its first character is ASCII.
    pub(super) fn ascii_start(self, text: &str) -> bool {
        text.as_bytes().get(self.start).is_some_and(u8::is_ascii)
    }

    /// Its length in bytes.
    #[inline]
    pub(super) fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }
}

/// Splits a text; `flags` is asked once for each word, by its hash.
pub(super) fn tokenise(text: &str, flags: impl Fn(u64) -> u64) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len() / 5 + 4);
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut gap = Gap::Line;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b' ' => {
                at += 1;
                if gap == Gap::None {
                    gap = Gap::Space;
                    if bytes.get(at) == Some(&b' ') && bytes.get(at + 1) == Some(&b' ') {
                        gap = Gap::Wide;
                    }
                }
                continue;
            }
            b'\n' | b'\r' => {
                at += 1;
                gap = Gap::Line;
                continue;
            }
            0..=31 | 127 => {
                at += 1;
                if gap != Gap::Line {
                    gap = Gap::Wide;
                }
                continue;
            }
            _ => {}
        }
        let mut token = Token { start: at, gap, ..Token::default() };
        at = if byte.is_ascii_alphanumeric() || byte == b'_' {
            word(text, at, &mut token)
        } else if byte.is_ascii() {
            token.shape = Shape::Mark(byte);
            at + 1
        } else {
            let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) else { break };
            let next = at + character.len_utf8();
            if is_word_character(character) {
                word(text, at, &mut token)
            } else if character.is_whitespace() {
                gap = if gap == Gap::Line { Gap::Line } else { Gap::Space };
                at = next;
                continue;
            } else {
                token.shape = Shape::Mark(ascii_mark(character));
                next
            }
        };
        if token.end == 0 {
            token.end = at;
        }
        if token.word() {
            token.flags = flags(token.hash);
        }
        tokens.push(token);
        gap = Gap::None;
    }
    tokens
}

/// Joins the hashes of the words of a phrase.
pub(super) fn join(phrase: u64, word: u64) -> u64 {
    finish(phrase.rotate_left(23) ^ word)
}

/// The hash of a word while its letters are read: eight at a time, so that most words cost one multiplication.
#[derive(Clone, Copy, Default)]
struct Hash {
    done: u64,
    /// The letters since, the last one lowest.
    letters: u64,
}

impl Hash {
    #[inline]
    fn add(&mut self, byte: u8) {
        self.letters = self.letters << 8 | u64::from(byte);
        if self.letters >> 56 != 0 {
            self.done = finish(self.done ^ self.letters);
            self.letters = 0;
        }
    }

    fn add_character(&mut self, character: char) {
        character.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| self.add(byte));
    }

    fn finish(self) -> u64 {
        finish(self.done.rotate_left(17) ^ self.letters)
    }
}

/// What has been seen of the letters of a word.
#[derive(Default)]
struct Letters {
    count: usize,
    upper: usize,
    lower: usize,
    first_upper: bool,
    code: bool,
}

/// Reads the word or number at `at`, and returns where the next token begins.
fn word(text: &str, start: usize, token: &mut Token) -> usize {
    let bytes = text.as_bytes();
    let mut letters = Letters::default();
    let mut digits = 0usize;
    let mut hash = Hash::default();
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'a'..=b'z' => {
                // Most of every text.
                let run =
                    bytes.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_lowercase());
                let before = at;
                for byte in run {
                    hash.add(*byte);
                    at += 1;
                }
                letters.lower += at - before;
                letters.count += at - before;
            }
            b'A'..=b'Z' => {
                letters.first_upper |= letters.count == 0;
                letters.upper += 1;
                letters.count += 1;
                hash.add(byte | 0x20);
                at += 1;
            }
            b'0'..=b'9' => {
                digits += 1;
                at += 1;
            }
            b'_' => {
                letters.code = true;
                at += 1;
            }
            b'\'' => match apostrophe(text, at, at + 1, token) {
                Some(next) => at = next,
                None => break,
            },
            _ if byte.is_ascii() => break,
            _ => {
                let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) else { break };
                let next = at + character.len_utf8();
                if character == '\u{2019}' {
                    match apostrophe(text, at, next, token) {
                        Some(next) => at = next,
                        None => break,
                    }
                    if token.possessive {
                        break;
                    }
                    continue;
                }
                let traits = Traits::of(character);
                if !is_of_word(character, traits) {
                    break;
                }
                letters.first_upper |= letters.count == 0 && traits.has(Traits::UPPER);
                letters.upper += usize::from(traits.has(Traits::UPPER));
                letters.lower += usize::from(traits.has(Traits::LOWER));
                letters.count += 1;
                fold(character, traits, &mut hash);
                at = next;
            }
        }
        if token.possessive {
            break;
        }
    }
    if token.end == 0 {
        token.end = at;
    }
    token.hash = hash.finish();
    token.shape = shape(&letters, digits);
    at.max(token.end)
}

/// Returns where the word goes on behind an apostrophe, if it does; a possessive ends it and is stepped over.
fn apostrophe(text: &str, at: usize, next: usize, token: &mut Token) -> Option<usize> {
    let mut rest = text.get(next..)?.chars();
    let first = rest.next().filter(|&character| is_word_character(character))?;
    if at == token.start {
        return None;
    }
    let second = rest.next();
    if matches!(first, 's' | 'S') && !second.is_some_and(is_word_character) {
        token.possessive = true;
        token.end = at;
        return Some(next + first.len_utf8());
    }
    Some(next)
}

fn shape(letters: &Letters, digits: usize) -> Shape {
    if letters.code || (digits > 0 && letters.count > 0) {
        return Shape::Code;
    }
    if digits > 0 {
        return Shape::Number;
    }
    match (letters.upper, letters.lower) {
        (0, 0) => Shape::Uncased,
        (0, _) => Shape::Lower,
        (1, 0) => Shape::Initial,
        (_, 0) => Shape::Upper,
        (upper, lower) if letters.first_upper && upper <= lower + 1 => Shape::Capital,
        _ => Shape::Mixed,
    }
}

/// Adds a character to the hash without its case and, in Latin script, without its diacritics.
fn fold(character: char, traits: Traits, hash: &mut Hash) {
    match traits.bare() {
        Some(bare) => hash.add_character(bare),
        None if matches!(character, '\u{300}'..='\u{36f}') => {}
        None => bare(character).chars().for_each(|part| hash.add_character(part)),
    }
}

/// Writes a character without its case and diacritics, slowly.
pub(crate) fn bare(character: char) -> String {
    // Only scripts with diacritics or case have something to fold; to decompose every Hangul syllable would be dear.
    if !matches!(character, '\u{c0}'..='\u{24f}' | '\u{370}'..='\u{52f}' | '\u{1e00}'..='\u{1fff}') {
        let kept = !matches!(character, '\u{300}'..='\u{36f}');
        return if kept { character.to_string() } else { String::new() };
    }
    let mut bare = String::new();
    for lower in character.to_lowercase() {
        match lower {
            'ß' => bare.push_str("ss"),
            'ø' => bare.push('o'),
            'æ' => bare.push_str("ae"),
            'œ' => bare.push_str("oe"),
            'ł' => bare.push('l'),
            'đ' | 'ð' => bare.push('d'),
            'þ' => bare.push_str("th"),
            'ı' => bare.push('i'),
            _ => {
                let parts = std::iter::once(lower).nfd();
                bare.extend(parts.filter(|part| !('\u{300}'..='\u{36f}').contains(part)));
            }
        }
    }
    bare
}

fn finish(hash: u64) -> u64 {
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

fn is_word_character(character: char) -> bool {
    is_of_word(character, Traits::of(character))
}

fn is_of_word(character: char, traits: Traits) -> bool {
    traits.has(Traits::WORD.or(Traits::COMBINING)) || matches!(character, '_' | '\u{200c}' | '\u{200d}')
}

fn ascii_mark(character: char) -> u8 {
    match character {
        '\u{2018}' | '\u{2019}' => b'\'',
        '\u{201c}' | '\u{201d}' | '\u{ab}' | '\u{bb}' | '\u{300c}' | '\u{300d}' => b'"',
        '\u{2010}' | '\u{2011}' => b'-',
        '\u{3001}' | '\u{ff0c}' | '\u{60c}' => b',',
        '\u{3002}' => b'.',
        '\u{ff1a}' => b':',
        '\u{ff01}' => b'!',
        '\u{ff1f}' => b'?',
        _ => 0,
    }
}
