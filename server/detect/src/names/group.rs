//! Nationalities, religions and political groups, where they are said of people.
//!
//! The same words name languages and kinds of things ("in French", "Swiss cheese"); those are hints at most.

use super::lexicon::{COMMON, FOLK, GIVEN, GROUP, Reading, SURNAME};
use super::token::{Gap, Shape};
use super::{Hit, Kind};

/// Finds a group at `index`.
pub(super) fn find(reading: &Reading<'_>, index: usize) -> Option<Hit> {
    let first = reading.at(index);
    let (flags, last) = reading.phrase(index);
    if flags & GROUP == 0 || first.shape == Shape::Upper && first.len() < 4 {
        return None;
    }
    let end = reading.at(last);
    if flags & COMMON != 0 && first.shape == Shape::Lower {
        return None;
    }
    let next = reading.at(last + 1);
    let folk = next.gap == Gap::Space && next.has(FOLK);
    let word = reading.word(end);
    let plural = word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us");
    let (one, two) = (reading.before(index, 1), reading.before(index, 2));
    let article = matches!(
        reading.word(one),
        "a" | "an"
            | "proud"
            | "devout"
            | "both"
            | "not"
            | "half"
            | "also"
            | "practicing"
            | "practising"
            | "raised"
            | "as"
    );
    let being = |word: &str| {
        matches!(
            word,
            "am" | "I'm"
                | "i'm"
                | "is"
                | "are"
                | "was"
                | "were"
                | "he's"
                | "she's"
                | "we're"
                | "they're"
                | "He's"
                | "She's"
                | "be"
                | "being"
                | "became"
                | "become"
                | "im"
                | "Im"
        )
    };
    let said = being(reading.word(one))
        || (article
            && (being(reading.word(two)) || reading.word(one) == "proud" || reading.word(one) == "devout"));
    // "is a French company" says nothing of a person.
    let closes = matches!(next.shape, Shape::None | Shape::Mark(_))
        || next.gap == Gap::Line
        || matches!(
            reading.word(next),
            "and"
                | "but"
                | "or"
                | "who"
                | "by"
                | "living"
                | "from"
                | "because"
                | "so"
                | "though"
                | "with"
                | "like"
                | "too"
        );
    let score = if folk || (said && closes) {
        0.65
    } else if plural && flags & (COMMON | GIVEN | SURNAME) == 0 && first.shape == Shape::Capital {
        0.6
    } else if first.shape == Shape::Lower {
        return None;
    } else {
        0.4
    };
    Some(Hit::new(Kind::Group, index, last, score))
}
