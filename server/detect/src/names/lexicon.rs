//! The word lists, hashed once into one table: word or phrase → what it can be.
//!
//! The table keeps 64-bit hashes and no words, so a look-up is one or two cache lines and no comparison of strings. Two
//! entries, or an entry and a word of a text, that share a hash would cost one wrong flag: with some 20,000 entries the
//! odds for a given word are below 1 in 10¹⁴.

use super::grammar;
use super::token::{Gap, Shape, Token, join, tokenise};

/// A given name.
pub(super) const GIVEN: u64 = 1;
/// A family name.
pub(super) const SURNAME: u64 = 1 << 1;
/// An ordinary word: alone it is no name.
pub(super) const COMMON: u64 = 1 << 2;
/// A function word, month or weekday: never part of a name.
pub(super) const STOP: u64 = 1 << 3;
/// A city, region, river, mountain or continent.
pub(super) const PLACE: u64 = 1 << 4;
/// A country.
pub(super) const COUNTRY: u64 = 1 << 5;
/// A well-known organization.
pub(super) const ORGANIZATION: u64 = 1 << 6;
/// An organization whose name mostly stands for its products.
pub(super) const BRAND: u64 = 1 << 7;
/// A nationality, religion or political group.
pub(super) const GROUP: u64 = 1 << 8;
/// Written in capitals, or it is another word (`US`, `IT`).
pub(super) const CAPITALS: u64 = 1 << 9;
/// Some phrase begins with this word.
pub(super) const PHRASE: u64 = 1 << 10;
/// `Inc`, `GmbH`: what ends the name of a company and nothing else.
pub(super) const LEGAL: u64 = 1 << 11;
/// `Bank`, `Group`: often ends the name of an organization.
pub(super) const BODY: u64 = 1 << 12;
/// `University`, `Ministry`: begins `… of X`.
pub(super) const BODY_OF: u64 = 1 << 13;
/// `Mr`, `Dr`: a name follows.
pub(super) const TITLE: u64 = 1 << 14;
/// `president`, `captain`: a name follows if it looks like one.
pub(super) const OFFICE: u64 = 1 << 15;
/// `van`, `de`, `bin`.
pub(super) const PARTICLE: u64 = 1 << 16;
/// `Jr`, `III`, `PhD`.
pub(super) const SUFFIX: u64 = 1 << 17;
/// A preposition before places.
pub(super) const TOWARD: u64 = 1 << 18;
/// A verb or noun that, with a preposition, is followed by a place: `lives`, `born`.
pub(super) const DWELL: u64 = 1 << 19;
/// `Dear`, `Hi`.
pub(super) const GREETING: u64 = 1 << 20;
/// `Regards`, `Sincerely`.
pub(super) const CLOSING: u64 = 1 << 21;
/// `name`, `nombre`.
pub(super) const NAME_WORD: u64 = 1 << 22;
/// `is`, `ist`, `es`.
pub(super) const COPULA: u64 = 1 << 23;
/// `I'm`, `heiße`, `llamo`.
pub(super) const SELF: u64 = 1 << 24;
/// `brother`, `colleague`, `starring`: a person's name follows.
pub(super) const RELATION: u64 = 1 << 25;
/// `said`, `tell`, `with`: a person's name often follows.
pub(super) const BEFORE_PERSON: u64 = 1 << 26;
/// `said`, `lives`: a person's name often precedes.
pub(super) const AFTER_PERSON: u64 = 1 << 27;
/// `Street`, `Lane`.
pub(super) const STREET: u64 = 1 << 28;
/// `Rue`, `Via`, `Calle`.
pub(super) const STREET_HEAD: u64 = 1 << 29;
/// `River`, `County`.
pub(super) const GEO_TAIL: u64 = 1 << 30;
/// `Lake`, `Mount`.
pub(super) const GEO_HEAD: u64 = 1 << 31;
/// A two-letter state or province.
pub(super) const STATE: u64 = 1 << 32;
/// `zip`, `postcode`.
pub(super) const POSTAL: u64 = 1 << 33;
/// `Apt`, `Suite`.
pub(super) const UNIT: u64 = 1 << 34;
/// `works`, `CEO`: with a preposition, an organization follows.
pub(super) const WORK: u64 = 1 << 35;
/// `announced`, `shares`: an organization often precedes.
pub(super) const AFTER_ORGANIZATION: u64 = 1 << 36;
/// `people`, `woman`: after a nationality.
pub(super) const FOLK: u64 = 1 << 37;
/// `name`, `customer`: a key or column that holds a person's name.
pub(super) const KEY: u64 = 1 << 38;
/// Not a person's name, though a list of names has it: a product, an assistant.
pub(super) const NOT_PERSON: u64 = 1 << 39;
/// `him`, `her`, `it`: between a naming verb and a name.
pub(super) const OBJECT: u64 = 1 << 40;
/// `of`, `and`, `invested`: behind a word of which nothing is known, it may tell what that is.
pub(super) const LINK: u64 = 1 << 41;
/// `joined`, `by`: before a word of which nothing is known, it may tell what that is.
pub(super) const LEADS: u64 = 1 << 42;

/// What a name can begin with, though the word is a function word too.
pub(super) const BEGINS: u64 = GIVEN
    | SURNAME
    | PLACE
    | ORGANIZATION
    | GROUP
    | PHRASE
    | TITLE
    | OFFICE
    | GEO_HEAD
    | STREET_HEAD
    | BODY_OF;

/// The compiled lists.
#[derive(Debug)]
pub(super) struct Lexicon {
    slots: Vec<(u64, u64)>,
    mask: u64,
}

impl Lexicon {
    /// Hashes the embedded lists.
    pub(super) fn new() -> Self {
        // Twice as many slots as entries and more keeps the probe sequences near one.
        let entries: usize = LISTS.iter().map(|(list, _)| list.len() / 8).sum::<usize>() + 2048;
        let size = (entries * 2).next_power_of_two();
        let mut lexicon = Self { slots: vec![(0, 0); size], mask: size as u64 - 1 };
        for (list, flags) in LISTS {
            for line in list.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
                lexicon.add(line, *flags);
            }
        }
        for (words, flags) in grammar::WORDS {
            for word in words.split_whitespace() {
                lexicon.add(&word.replace('_', " "), *flags);
            }
        }
        lexicon
    }

    /// Returns the flags of a hash, 0 if no entry has it.
    #[inline]
    pub(super) fn flags(&self, hash: u64) -> u64 {
        let mut slot = hash;
        loop {
            match self.slots.get(self.index(slot)) {
                Some(&(found, flags)) if found == hash && flags != 0 => return flags,
                Some(&(_, flags)) if flags != 0 => slot = slot.wrapping_add(1),
                _ => return 0,
            }
        }
    }

    fn index(&self, slot: u64) -> usize {
        usize::try_from(slot & self.mask).unwrap_or(0)
    }

    fn add(&mut self, entry: &str, flags: u64) {
        let words: Vec<Token> = tokenise(entry, |_| 0).into_iter().filter(|token| token.word()).collect();
        let Some((first, rest)) = words.split_first() else { return };
        let capitals =
            words.len() == 1 && first.shape == Shape::Upper && first.len() <= 4 && entry.is_ascii();
        let flags = if capitals { flags | CAPITALS } else { flags };
        let hash = rest.iter().fold(first.hash, |phrase, word| join(phrase, word.hash));
        if !rest.is_empty() {
            self.set(first.hash, PHRASE);
        }
        self.set(hash, flags);
    }

    fn set(&mut self, hash: u64, flags: u64) {
        let mut slot = hash;
        for _ in 0..self.slots.len() {
            let index = self.index(slot);
            let Some(entry) = self.slots.get_mut(index) else { return };
            if entry.1 == 0 || entry.0 == hash {
                *entry = (hash, entry.1 | flags);
                return;
            }
            slot = slot.wrapping_add(1);
        }
    }
}

/// A text with its tokens and the lists: what the grammars ask.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Token>,
    lexicon: &'a Lexicon,
}

impl<'a> Reading<'a> {
    pub(super) fn new(text: &'a str, lexicon: &'a Lexicon) -> Self {
        Self { text, tokens: tokenise(text, |hash| lexicon.flags(hash)), lexicon }
    }

    /// Returns a token; past either end it is [`Shape::None`].
    #[inline]
    pub(super) fn at(&self, index: usize) -> Token {
        self.tokens.get(index).copied().unwrap_or_default()
    }

    /// Returns the token `back` places before `index`.
    #[inline]
    pub(super) fn before(&self, index: usize, back: usize) -> Token {
        index.checked_sub(back).map_or_else(Token::default, |index| self.at(index))
    }

    /// Returns the text of a token.
    #[inline]
    pub(super) fn word(&self, token: Token) -> &'a str {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    /// Returns the index of the word that follows within the same name: behind one space, a hyphen, or the full stop
    /// of an initial or abbreviation.
    pub(super) fn next_word(&self, index: usize) -> Option<usize> {
        if self.at(index).possessive {
            return None;
        }
        let next = self.at(index + 1);
        if next.word() && next.gap == Gap::Space {
            return Some(index + 1);
        }
        let after = self.at(index + 2);
        if next.glued() && next.is(b'-') && after.word() && after.glued() {
            return Some(index + 2);
        }
        let short = self.at(index).shape == Shape::Initial || self.at(index).has(GEO_HEAD | TITLE);
        if short
            && next.glued()
            && next.is(b'.')
            && after.word()
            && matches!(after.gap, Gap::None | Gap::Space)
        {
            return Some(index + 2);
        }
        None
    }

    /// Returns the flags of the longest listed phrase that begins at `index`, and its last token.
    pub(super) fn phrase(&self, index: usize) -> (u64, usize) {
        let first = self.at(index);
        let mut best = (first.flags, index);
        if !first.has(PHRASE) {
            return best;
        }
        let (mut hash, mut last) = (first.hash, index);
        for _ in 0..5 {
            let Some(next) = self.next_word(last) else { break };
            hash = join(hash, self.at(next).hash);
            last = next;
            let flags = self.lexicon.flags(hash) & !PHRASE;
            // A phrase of ordinary words (`world bank`) is a name only when written as one.
            if flags != 0 && self.at(next).capital() == first.capital() {
                best = (flags, last);
            }
        }
        best
    }

    /// Whether the word could be capital only because a sentence or line begins there.
    pub(super) fn begins_sentence(&self, index: usize) -> bool {
        let previous = self.before(index, 1);
        self.at(index).gap == Gap::Line
            || match previous.shape {
                Shape::None => true,
                Shape::Mark(mark) => !matches!(mark, b',' | b'(' | b'-' | b'&' | b'\'' | b'/' | b'@' | b'='),
                _ => false,
            }
    }

    /// Whether the token is part of an address, path, call or identifier rather than of prose.
    pub(super) fn in_code(&self, first: usize, last: usize) -> bool {
        let (previous, next) = (self.before(first, 1), self.at(last + 1));
        let marks =
            |token: Token, marks: &[u8]| matches!(token.shape, Shape::Mark(mark) if marks.contains(&mark));
        let before = self.at(first).glued() && marks(previous, b"@#$\\/%~`._-+&?");
        let after =
            next.glued() && (marks(next, b"@\\/(_`~=%$+[{") || self.dotted(last) || self.scoped(last));
        let arrow = self.at(first).glued() && previous.is(b':') && self.before(first, 2).is(b':');
        before || after || arrow
    }

    /// Whether `::` stands directly behind.
    fn scoped(&self, last: usize) -> bool {
        let (one, two) = (self.at(last + 1), self.at(last + 2));
        one.is(b':') && two.is(b':') && two.glued()
    }

    /// Whether the word is the first of its line, but for the mark of a quotation or list.
    pub(super) fn begins_line(&self, index: usize) -> bool {
        let previous = self.before(index, 1);
        let bullet = previous.is(b'>') || previous.is(b'-') || previous.is(b'*');
        self.at(index).gap == Gap::Line || (bullet && previous.gap == Gap::Line)
    }

    /// Whether a full stop and a word stand directly behind, as in a domain.
    fn dotted(&self, last: usize) -> bool {
        let next = self.at(last + 2);
        self.at(last + 1).is(b'.')
            && next.glued()
            && matches!(next.shape, Shape::Lower | Shape::Code | Shape::Mixed | Shape::Number)
    }
}

/// The embedded lists, as they are.
#[cfg(test)]
pub(super) fn lists() -> impl Iterator<Item = &'static str> {
    LISTS.iter().map(|(list, _)| *list)
}

const LISTS: &[(&str, u64)] = &[
    (include_str!("../../names/given.txt"), GIVEN),
    (include_str!("../../names/surnames.txt"), SURNAME),
    (include_str!("../../names/common.txt"), COMMON),
    (include_str!("../../names/countries.txt"), COUNTRY | PLACE),
    (include_str!("../../names/cities.txt"), PLACE),
    (include_str!("../../names/regions.txt"), PLACE),
    (include_str!("../../names/organizations.txt"), ORGANIZATION),
    (include_str!("../../names/brands.txt"), ORGANIZATION | BRAND),
    (include_str!("../../names/groups.txt"), GROUP),
];
