//! What the words around a name say about it: a greeting, a relation, "my name is".

use super::lexicon::{
    AFTER_PERSON, BEFORE_PERSON, CLOSING, COPULA, GIVEN, GREETING, NAME_WORD, OBJECT, RELATION, Reading,
    SELF, STOP, SURNAME, TITLE,
};
use super::token::{Gap, Shape};

/// How strongly the words around a name say that it is a person's.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Cue {
    None,
    /// A word that often stands beside people.
    Weak,
    /// A greeting, a relation, a closing.
    Strong,
    /// A title, or "my name is".
    Certain,
}

/// How strongly the words before `index` announce a person.
pub(super) fn before(reading: &Reading<'_>, index: usize) -> Cue {
    let token = reading.at(index);
    let (one, two) = (reading.before(index, 1), reading.before(index, 2));
    if one.shape == Shape::None {
        return Cue::None;
    }
    if token.gap == Gap::Line {
        // The line below "Best regards,".
        let closing = if one.is(b',') { two } else { one };
        return if closing.has(CLOSING) { Cue::Strong } else { Cue::None };
    }
    if one.is(b':') {
        return match two.has(NAME_WORD | RELATION) {
            true if two.has(NAME_WORD) => Cue::Certain,
            true => Cue::Strong,
            false => Cue::None,
        };
    }
    if one.is(b',') {
        return if two.has(CLOSING) && two.shape == Shape::Capital { Cue::Strong } else { Cue::None };
    }
    if token.gap != Gap::Space && !one.is(b'"') {
        return Cue::None;
    }
    if named_by(reading, index) {
        return Cue::Certain;
    }
    if (one.has(SELF) && one.len() > 2) || (reading.word(one) == "am" && reading.word(two) == "I") {
        return Cue::Strong;
    }
    if one.has(TITLE) && one.shape == Shape::Lower && one.len() > 1
        || one.is(b'.') && one.glued() && two.has(TITLE) && two.shape == Shape::Lower && two.len() > 1
    {
        return Cue::Certain;
    }
    let speaking = matches!(reading.word(one), "by" | "By")
        && matches!(
            reading.word(two),
            "directed"
                | "written"
                | "authored"
                | "signed"
                | "composed"
                | "painted"
                | "sung"
                | "produced"
                | "Written"
                | "Directed"
                | "Signed"
                | "photographed"
                | "performed"
        );
    // "User Satisfaction", "Customer Success": in headings the word before is capital too.
    let related = one.has(RELATION) && (one.shape == Shape::Lower || token.has(GIVEN | SURNAME));
    if speaking || one.has(GREETING) || related {
        return Cue::Strong;
    }
    if one.has(OBJECT) && matches!(reading.word(two), "call" | "called" | "calls" | "name") {
        return Cue::Strong;
    }
    let speech = matches!(
        reading.word(one),
        "said"
            | "says"
            | "asked"
            | "replied"
            | "told"
            | "tell"
            | "ask"
            | "remind"
            | "named"
            | "called"
            | "user"
            | "User"
            | "meet"
            | "thank"
            | "Thank"
    );
    if speech && !token.has(STOP) && token.shape == Shape::Capital && token.has(GIVEN | SURNAME) {
        return Cue::Strong;
    }
    if one.has(BEFORE_PERSON) { Cue::Weak } else { Cue::None }
}

/// How strongly the words behind `last` speak of a person.
pub(super) fn after(reading: &Reading<'_>, last: usize) -> Cue {
    let (token, next) = (reading.at(last), reading.at(last + 1));
    let spaced = next.gap == Gap::Space && next.shape == Shape::Lower && next.has(AFTER_PERSON);
    let address = next.is(b'<') && reading.at(last + 3).is(b'@');
    if token.possessive || spaced || address { Cue::Weak } else { Cue::None }
}

/// What [`named_by`] asks of the word before.
pub(super) const NAMES: u64 = COPULA | SELF | OBJECT;

/// Whether the words before say that a name follows: "my name is", "named him".
pub(super) fn named_by(reading: &Reading<'_>, index: usize) -> bool {
    let (one, two) = (reading.before(index, 1), reading.before(index, 2));
    if reading.at(index).gap != Gap::Space || !one.has(NAMES) {
        return false;
    }
    let word = reading.word(one);
    if one.has(COPULA) && two.has(NAME_WORD) {
        // "The name is required": whose name it is must be said.
        let whose = reading.before(index, 3);
        return matches!(
            reading.word(whose).to_ascii_lowercase().as_str(),
            "my" | "his" | "her" | "mein" | "meine" | "mi" | "meu" | "mijn" | "mitt" | "mit" | "moje"
        ) || two.possessive;
    }
    if one.has(OBJECT) {
        let verb = reading.word(two);
        return verb.eq_ignore_ascii_case("named") || verb.eq_ignore_ascii_case("christened");
    }
    one.has(SELF)
        && !word.eq_ignore_ascii_case("i'm")
        && !word.eq_ignore_ascii_case("im")
        && word != "I\u{2019}m"
}
