//! Names of people, places, organizations and groups, by word lists and grammar, without a learned model.
//!
//! A text is cut into words once, each is looked up once, and every word that could begin a name is put to four
//! small grammars; the best answer wins and the reading goes on behind it. Each grammar looks at a bounded number of
//! words, so the time is linear in the text whatever it holds.
//!
//! It is no judge of meaning: a name that is in no list and has no cue beside it (`Dear …`, `Mr …`, `works at …`) is
//! not found. Precision is bought with [`lexicon::COMMON`]: a name that is a word too (`Will`, `Chase`, `May`) counts
//! only with evidence beside it.
//!
//! Scores: 0.85 strong evidence (title, or both names known), from 0.55 a known name or a firm cue, below 0.5 a hint.

mod address;
mod cue;
mod grammar;
mod group;
mod lexicon;
mod organization;
mod person;
mod place;
mod record;
mod script;
#[cfg(test)]
mod tests;
mod token;

use crate::span::ByteSpan;
use lexicon::{Lexicon, Reading};
pub(crate) use token::bare;
use token::{Gap, Shape, Token};

/// A name in a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Named {
    /// Where it stands, without title and possessive.
    pub span: ByteSpan,
    /// `PERSON`, `LOCATION`, `ORGANIZATION` or `NRP`.
    pub entity: &'static str,
    /// The grammar that found it.
    pub rule_id: &'static str,
    /// In (0, 1].
    pub score: f64,
}

/// The compiled word lists; immutable, to be made once and shared.
#[derive(Debug)]
pub struct Names {
    lexicon: Lexicon,
}

impl Names {
    /// Compiles the embedded lists: some milliseconds and a megabyte or two.
    #[must_use]
    pub fn new() -> Self {
        Self { lexicon: Lexicon::new() }
    }

    /// Adds the names in a text to `out`, in order and without overlap.
    pub fn find(&self, text: &str, out: &mut Vec<Named>) {
        let reading = Reading::new(text, &self.lexicon);
        let mut fields = record::fields(&reading).into_iter().peekable();
        let mut index = 0;
        let mut below: Option<Hit> = None;
        while index < reading.tokens.len() {
            while fields.peek().is_some_and(|field| field.first < index) {
                fields.next();
            }
            let hit = match fields.peek() {
                Some(field) if field.first == index => Some(*field),
                _ if below.is_some_and(|below| below.first == index) => below.take(),
                _ if plain(&reading, index) => None,
                _ => hit(&reading, index),
            };
            let Some(hit) = hit else {
                index += 1;
                continue;
            };
            let (first, last) = (reading.at(hit.first), reading.at(hit.last));
            let start = hit.start.unwrap_or(first.start);
            let end = hit.end.unwrap_or(last.end);
            // Grammars may look back (a house number before its street), never over what was found before.
            if start < end && out.last().is_none_or(|named: &Named| named.span.end <= start) {
                let (entity, rule_id) = hit.kind.labels();
                if hit.kind == Kind::Person {
                    below = organization::below(&reading, hit.first, hit.last);
                }
                out.push(Named { span: ByteSpan { start, end }, entity, rule_id, score: hit.score });
            }
            index = index.max(hit.last) + 1;
        }
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

/// Which grammar found a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Person,
    Place,
    Address,
    Organization,
    Group,
}

impl Kind {
    fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Person => ("PERSON", "person-name"),
            Self::Place => ("LOCATION", "place-name"),
            Self::Address => ("LOCATION", "postal-address"),
            Self::Organization => ("ORGANIZATION", "organization-name"),
            Self::Group => ("NRP", "nationality-religion"),
        }
    }
}

/// A name, as tokens.
#[derive(Clone, Copy, Debug)]
struct Hit {
    first: usize,
    last: usize,
    /// Byte offsets, where a name begins or ends within a token.
    start: Option<usize>,
    end: Option<usize>,
    kind: Kind,
    score: f64,
}

impl Hit {
    fn new(kind: Kind, first: usize, last: usize, score: f64) -> Self {
        Self { first, last, start: None, end: None, kind, score }
    }
}

/// Whether no name begins at `index`, as at most words, told without a grammar.
#[inline]
fn plain(reading: &Reading<'_>, index: usize) -> bool {
    let Some(token) = reading.tokens.get(index) else { return true };
    match token.shape {
        Shape::Mark(_) => true,
        Shape::Lower => {
            let before = index.checked_sub(1).and_then(|before| reading.tokens.get(before));
            let announced = before.is_some_and(|before| before.has(cue::NAMES));
            let known = token.has(KNOWN) && !token.has(lexicon::COMMON);
            !announced && !known && !token.has(lexicon::STREET_HEAD)
        }
        _ => false,
    }
}

/// Returns the best name that begins at `index`.
fn hit(reading: &Reading<'_>, index: usize) -> Option<Hit> {
    let token = reading.at(index);
    let hits = match token.shape {
        Shape::Capital | Shape::Upper | Shape::Initial => {
            if token.has(lexicon::STOP) && !token.has(lexicon::BEGINS) && token.shape != Shape::Initial {
                return None;
            }
            if token.shape != Shape::Initial && nothing_beside(reading, index, token) {
                return None;
            }
            if (reading.at(index + 1).glued() || token.glued()) && reading.in_code(index, index) {
                return None;
            }
            at_capital(reading, index)
        }
        Shape::Number => [address::find(reading, index), place::postal(reading, index), None, None, None],
        Shape::Lower => {
            // Most words: nothing is known of them and nothing is asked.
            if token.has(lexicon::STREET_HEAD)
                && let Some(hit) = address::find(reading, index)
            {
                return Some(hit);
            }
            if !worth_a_look(reading, index, token) {
                return None;
            }
            [
                person::find_lower(reading, index),
                place::find_lower(reading, index),
                group::find(reading, index),
                None,
                None,
            ]
        }
        Shape::Uncased => [script::compound(reading, index), script::find(reading, index), None, None, None],
        Shape::Code if !token.ascii_start(reading.text) => {
            [script::compound(reading, index), None, None, None, None]
        }
        _ => return None,
    };
    let mut best: Option<Hit> = None;
    for hit in hits.into_iter().flatten() {
        let better = match &best {
            None => true,
            // The longer name, if it is believed at all; of equals the surer.
            Some(best) if (hit.score >= 0.5) == (best.score >= 0.5) => {
                hit.last > best.last || (hit.last == best.last && hit.score > best.score)
            }
            Some(best) => hit.score > best.score,
        };
        if better {
            best = Some(hit);
        }
    }
    best.filter(|hit| !reading.in_code(hit.first, hit.last))
}

fn at_capital(reading: &Reading<'_>, index: usize) -> [Option<Hit>; 5] {
    [
        organization::find(reading, index),
        address::find(reading, index),
        place::find(reading, index),
        group::find(reading, index),
        person::find(reading, index),
    ]
}

/// Whether a capital word is none that any grammar knows, and stands alone among words that say nothing of it: most
/// nouns of a German text, most first words of sentences.
///
/// INVARIANT: no grammar finds anything where this is so. What they ask of the words beside is listed here, and a word
/// that they know by its letters is in [`lexicon::LINK`] or [`lexicon::LEADS`].
fn nothing_beside(reading: &Reading<'_>, index: usize, token: Token) -> bool {
    use lexicon as l;
    const SILENT: u64 = l::COMMON
        | l::KEY
        | l::WORK
        | l::AFTER_PERSON
        | l::AFTER_ORGANIZATION
        | l::BEFORE_PERSON
        | l::FOLK
        | l::POSTAL;
    const BEHIND: u64 = l::LEGAL
        | l::BODY
        | l::STREET
        | l::STREET_HEAD
        | l::PARTICLE
        | l::GEO_TAIL
        | l::COPULA
        | l::UNIT
        | l::LINK;
    const BEFORE: u64 = l::CLOSING
        | l::COPULA
        | l::SELF
        | l::OBJECT
        | l::TITLE
        | l::GREETING
        | l::RELATION
        | l::TOWARD
        | l::DWELL
        | l::LEADS;
    const TWO_BEFORE: u64 =
        l::CLOSING | l::NAME_WORD | l::RELATION | l::TITLE | l::DWELL | l::WORK | l::LEADS;
    if token.flags & !SILENT != 0 {
        return false;
    }
    let next = reading.at(index + 1);
    let alone = match next.shape {
        Shape::None => true,
        Shape::Lower => next.gap != Gap::None && !next.has(BEHIND) && next.len() > 1,
        Shape::Mark(b'.') => next.glued() && token.len() > 3,
        Shape::Mark(b'?' | b'!' | b';') => next.glued(),
        Shape::Mark(_) => false,
        _ => next.gap == Gap::Line && !next.has(BEHIND),
    };
    let (two, three) = (reading.before(index, 2), reading.before(index, 3));
    alone
        && !reading.before(index, 1).has(BEFORE)
        && !two.has(TWO_BEFORE)
        && two.shape != Shape::Initial
        && !three.has(l::DWELL | l::WORK)
}

fn worth_a_look(reading: &Reading<'_>, index: usize, token: Token) -> bool {
    (token.has(KNOWN) && !token.has(lexicon::COMMON)) || cue::named_by(reading, index)
}

const KNOWN: u64 = lexicon::GIVEN | lexicon::SURNAME | lexicon::PLACE | lexicon::GROUP | lexicon::PHRASE;
