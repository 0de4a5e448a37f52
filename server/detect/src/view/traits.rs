//! What is known of a character, in one number, so that a text of any script costs a look-up for each character.
//!
//! Unicode's own tables answer one question each, by search. Their answers are put together here for sixty-four
//! neighbouring characters when one of them is first met: a process pays for the scripts that it sees.

use std::sync::OnceLock;

use unicode_normalization::char::{canonical_combining_class, decompose_compatible, is_combining_mark};
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfkc_quick};

use super::chars::{
    confusable_in_tables, digit, drops_marks, is_invisible, letter_symbol, plain, shape_alike,
};

/// The traits of a character: flags, and what it becomes when it is folded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Traits(u64);

impl Traits {
    /// Shows nothing where it stands.
    pub(crate) const INVISIBLE: Self = Self::flag(0);
    /// Belongs to the character before it.
    pub(crate) const MARK: Self = Self::flag(1);
    pub(crate) const WHITE: Self = Self::flag(2);
    /// A letter or number.
    pub(crate) const WORD: Self = Self::flag(3);
    /// Like a combining mark, also of those in names.
    pub(crate) const COMBINING: Self = Self::flag(4);
    pub(crate) const UPPER: Self = Self::flag(5);
    pub(crate) const LOWER: Self = Self::flag(6);
    /// Folded, it is the one character that [`Self::folded`] tells.
    pub(crate) const FOLDS: Self = Self::flag(7);
    /// As [`Self::FOLDS`], and as long as before.
    pub(crate) const FOLDS_IN_PLACE: Self = Self::flag(8);
    /// Marks behind it fall when it is folded.
    pub(crate) const DROPS_MARKS: Self = Self::flag(9);
    /// Neither it nor what stands beside it changes by compatibility composition or lower case.
    pub(crate) const INERT: Self = Self::flag(10);
    /// Its place among several marks is not free.
    pub(crate) const ORDERED: Self = Self::flag(11);
    /// The clean view has something else in its place.
    pub(crate) const UNCLEAN: Self = Self::flag(12);
    /// Looks like an ASCII letter, or is used for one.
    pub(crate) const ALIKE: Self = Self::flag(13);
    /// Cannot be told from an ASCII letter.
    pub(crate) const CONFUSABLE: Self = Self::flag(14);
    /// A symbol that shows an ASCII letter.
    pub(crate) const SYMBOL: Self = Self::flag(15);
    /// Without case and diacritics, it is the one character that [`Self::bare`] tells.
    pub(crate) const BARE: Self = Self::flag(16);

    /// Looks a character up.
    #[inline]
    pub(crate) fn of(character: char) -> Self {
        let code = character as usize;
        // As many as all other characters together, and all alike but for two that look like Latin capitals.
        if matches!(code, 0x4E2C..=0x9FFF | 0xAC00..=0xD7A3) {
            return Self(UNIFORM.0 | u64::from(character) | u64::from(character) << BARE_AT);
        }
        let Some(block) = BLOCKS.get(code / BLOCK) else { return Self(0) };
        match block.get() {
            Some(block) => block.get(code % BLOCK).copied().unwrap_or(Self(0)),
            None => fill(block, code),
        }
    }

    /// Whether it has one of those traits.
    #[inline]
    pub(crate) const fn has(self, traits: Self) -> bool {
        self.0 & traits.0 != 0
    }

    #[inline]
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns what it is when folded, if that is one character.
    #[inline]
    pub(crate) fn folded(self) -> Option<char> {
        char::from_u32(low_bits(self.0)).filter(|_| self.has(Self::FOLDS))
    }

    /// Returns what it is without case and diacritics, if that is one character.
    #[inline]
    pub(crate) fn bare(self) -> Option<char> {
        char::from_u32(low_bits(self.0 >> BARE_AT)).filter(|_| self.has(Self::BARE))
    }

    const fn flag(place: u32) -> Self {
        Self(1 << (FLAGS_AT + place))
    }

    fn when(self, has: bool) -> Self {
        if has { self } else { Self(0) }
    }

    /// Finds out by Unicode's tables.
    fn compute(character: char) -> Self {
        let mark = is_mark_in_tables(character);
        let alike = shape_alike(character).or_else(|| confusable_in_tables(character)).is_some();
        let invisible = is_invisible(character);
        let normal = std::iter::once(character).nfkc().eq(std::iter::once(character));
        let mut first = None;
        decompose_compatible(character, |part| {
            first.get_or_insert(part);
        });
        let plain_form = plain(character);
        let hidden = invisible || character.is_control();
        let white = character.is_whitespace();
        let inert = normal
            && is_nfkc_quick(std::iter::once(character)) == IsNormalized::Yes
            && character.to_lowercase().eq(std::iter::once(character))
            && plain_form.is_none()
            && !hidden
            && !white;
        let traits = [
            (Self::INVISIBLE, invisible),
            (Self::MARK, mark),
            (Self::WHITE, white),
            (Self::WORD, character.is_alphanumeric()),
            (Self::COMBINING, is_combining_mark(character)),
            (Self::UPPER, character.is_uppercase()),
            (Self::LOWER, character.is_lowercase()),
            (Self::DROPS_MARKS, plain_form.is_some() || first.is_some_and(drops_marks)),
            (Self::INERT, inert),
            (Self::ORDERED, canonical_combining_class(character) != 0),
            (Self::UNCLEAN, invisible || digit(character).is_some() || !mark && !normal),
            (Self::ALIKE, alike),
            (Self::CONFUSABLE, confusable_in_tables(character).is_some()),
            (Self::SYMBOL, letter_symbol(character).is_some()),
        ];
        let mut all = Self(0);
        for (flag, has) in traits {
            all = all.or(flag.when(has));
        }
        if !hidden && !white {
            let folded = super::fold::fold_alone(character);
            if let Some(folded) = only(&folded) {
                let in_place = folded.len_utf8() == character.len_utf8();
                all = all.or(Self::FOLDS).or(Self::FOLDS_IN_PLACE.when(in_place));
                all.0 |= u64::from(folded);
            }
        }
        if let Some(bare) = only(&crate::names::bare(character)) {
            all = all.or(Self::BARE);
            all.0 |= u64::from(bare) << BARE_AT;
        }
        all
    }
}

/// Makes the traits of a character and its neighbours.
#[cold]
fn fill(block: &OnceLock<Box<[Traits; BLOCK]>>, code: usize) -> Traits {
    let block = block.get_or_init(|| {
        let first = code - code % BLOCK;
        Box::new(std::array::from_fn(|place| {
            let character = u32::try_from(first + place).ok().and_then(char::from_u32);
            character.map_or(Traits(0), Traits::compute)
        }))
    });
    block.get(code % BLOCK).copied().unwrap_or(Traits(0))
}

/// Whether a character belongs to the one before it, slowly.
pub(super) fn is_mark_in_tables(character: char) -> bool {
    u32::from(character) >= 0x300
        && (canonical_combining_class(character) != 0 || is_combining_mark(character))
}

fn only(text: &str) -> Option<char> {
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none())
}

fn low_bits(number: u64) -> u32 {
    u32::try_from(number & 0x1F_FFFF).unwrap_or(0)
}

/// The character without case and diacritics stands from this bit on, the flags behind it.
const BARE_AT: u32 = 21;
const FLAGS_AT: u32 = 42;

/// What Han and Hangul have.
const UNIFORM: Traits =
    Traits::WORD.or(Traits::FOLDS).or(Traits::FOLDS_IN_PLACE).or(Traits::INERT).or(Traits::BARE);

const BLOCK: usize = 64;

static BLOCKS: [OnceLock<Box<[Traits; BLOCK]>>; 0x11_0000 / BLOCK] =
    [const { OnceLock::new() }; 0x11_0000 / BLOCK];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn han_and_hangul_are_all_alike() {
        for code in (0x4E00..=0x9FFF_u32).chain(0xAC00..=0xD7A3) {
            let character = char::from_u32(code).unwrap();
            assert_eq!(Traits::of(character), Traits::compute(character), "{character} {code:x}");
        }
    }

    #[test]
    fn of_some() {
        assert!(Traits::of('\u{200b}').has(Traits::INVISIBLE));
        assert!(Traits::of('\u{301}').has(Traits::MARK));
        assert_eq!(Traits::of('Ж').folded(), Some('ж'));
        assert_eq!(Traits::of('Ё').folded(), Some('е'));
        assert_eq!(Traits::of('Ü').bare(), Some('u'));
        assert_eq!(Traits::of('ß').folded(), None);
        assert!(Traits::of('а').has(Traits::CONFUSABLE));
        assert!(!Traits::of('ж').has(Traits::ALIKE));
    }
}
