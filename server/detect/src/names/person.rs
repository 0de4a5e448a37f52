//! People: title and name, given name and family name, initials, and names that a cue announces.

use super::cue::{self, Cue, named_by};
use super::lexicon::{
    AFTER_PERSON, BEFORE_PERSON, BODY, BODY_OF, BRAND, CAPITALS, CLOSING, COMMON, COUNTRY, GEO_TAIL, GIVEN,
    GREETING, GROUP, LEGAL, NOT_PERSON, OFFICE, ORGANIZATION, PARTICLE, PLACE, Reading, STOP, STREET, SUFFIX,
    SURNAME, TITLE, TOWARD,
};
use super::token::{Gap, Shape, Token};
use super::{Hit, Kind};

/// The words of a name, as they are counted.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    last: usize,
    words: usize,
    given: usize,
    surnames: usize,
    /// Words of which nothing is known.
    unknown: usize,
    common: usize,
    initials: usize,
    first: Token,
    second: Token,
    upper: usize,
}

/// Finds a person's name that begins with a capital at `index`.
pub(super) fn find(reading: &Reading<'_>, index: usize) -> Option<Hit> {
    let first = reading.at(index);
    if let Some(hit) = titled(reading, index) {
        return Some(hit);
    }
    // "April Jones" is a person, "My Baby" and "April" are not.
    let followed = || reading.next_word(index).is_some_and(|next| reading.at(next).has(SURNAME));
    if first.has(STOP)
        && first.shape != Shape::Initial
        && !(first.has(GIVEN) && first.len() > 2 && followed())
    {
        return None;
    }
    let cue = cue::before(reading, index);
    let parts = collect(reading, index, cue)?;
    let after = cue::after(reading, parts.last);
    let mut score = match parts.words {
        1 => alone(reading, index, first, cue, after),
        _ => several(reading, index, &parts, cue, after),
    };
    if reversed(reading, index, &parts) {
        let last = reading.next_word(index + 2).filter(|&next| reading.at(next).shape == Shape::Initial);
        return Some(Hit::new(Kind::Person, index, last.unwrap_or(index + 2), 0.8));
    }
    if parts.words == 1 && cue < Cue::Strong && eponym(reading, parts.last) {
        score = score.min(0.3);
    }
    if parts.upper == parts.words && parts.words > 0 && cue < Cue::Strong && parts.initials == 0 {
        // Capitals prove nothing; both names must be known.
        score = if parts.given > 0 && parts.surnames > 0 && parts.common == 0 && parts.words > 1 {
            score
        } else {
            0.0
        };
    }
    (score > 0.0).then(|| Hit::new(Kind::Person, index, parts.last, score))
}

/// Whether the word behind a name says that a thing is named after somebody: "the Kelvin scale", "Newton's law".
fn eponym(reading: &Reading<'_>, last: usize) -> bool {
    const LAWS: &str = "conjecture constant disease effect equation equations hypothesis inequality law laws \
        lemma paradox principle syndrome theorem theorems";
    const THINGS: &str = "algorithm chain cluster clusters coefficient coil compiler connector consumer \
        correlation cycle distribution engine equilibrium integral matrix method namespace node nodes \
        pipeline pipelines plugin polynomial producer sampling scale sequence server space telescope topic \
        topics transform triangle vs";
    let token = reading.at(last);
    let is = |at: usize, list: &str| {
        let word = reading.word(reading.at(at));
        reading.at(at).shape == Shape::Lower && list.split_ascii_whitespace().any(|thing| thing == word)
    };
    let ordinal = matches!(reading.word(reading.at(last + 1)), "first" | "second" | "third" | "last");
    if token.possessive {
        // "Anna's law firm"
        return !token.has(GIVEN) && is(last + 1 + usize::from(ordinal), LAWS);
    }
    is(last + 1, LAWS) || is(last + 1, THINGS)
}

/// Finds a name in lower case: only where a cue announces it, or both of its words are names and nothing else.
pub(super) fn find_lower(reading: &Reading<'_>, index: usize) -> Option<Hit> {
    let first = reading.at(index);
    let name = |token: Token, kind: u64| {
        token.has(kind)
            && token.shape == Shape::Lower
            && token.len() >= 4
            && !token.has(COMMON | PLACE | TOWARD | NOT_PERSON)
    };
    let next = reading.next_word(index).filter(|&next| {
        let second = reading.at(next);
        second.shape == Shape::Lower
            && second.len() > 2
            && !second.has(COMMON | STOP | AFTER_PERSON | BEFORE_PERSON)
    });
    let titled = reading.before(index, 1).has(TITLE)
        || (reading.before(index, 1).is(b'.')
            && reading.before(index, 2).has(TITLE)
            && reading.before(index, 2).len() > 1
            && reading.before(index, 1).glued());
    let certain = named_by(reading, index);
    if (titled && name(first, GIVEN | SURNAME))
        || (certain
            && !first.has(COMMON | STOP | GROUP | PLACE | BEFORE_PERSON | AFTER_PERSON)
            && first.len() > 2)
    {
        let last = next.filter(|&next| reading.at(next).has(GIVEN | SURNAME)).unwrap_or(index);
        return Some(Hit::new(
            Kind::Person,
            index,
            last,
            if first.has(GIVEN | SURNAME) { 0.7 } else { 0.55 },
        ));
    }
    if let Some(next) = next
        && name(first, GIVEN)
        && name(reading.at(next), SURNAME)
        && reading.word(first).is_ascii()
    {
        return Some(Hit::new(Kind::Person, index, next, 0.6));
    }
    let cue = cue::before(reading, index);
    (cue >= Cue::Strong && name(first, GIVEN)).then(|| Hit::new(Kind::Person, index, index, 0.5))
}

/// Finds the name behind a title at `index`; the title is no part of it.
fn titled(reading: &Reading<'_>, index: usize) -> Option<Hit> {
    let title = reading.at(index);
    // The letter M is a title before a full stop only.
    let dot = reading.at(index + 1).is(b'.') && reading.at(index + 1).glued();
    if !title.has(TITLE | OFFICE) || (title.shape == Shape::Initial && !dot) {
        return None;
    }
    let mut start = index + 1 + usize::from(dot);
    // "Herr Prof. Dr."
    for _ in 0..3 {
        if !reading.at(start).has(TITLE) || reading.at(start).gap != Gap::Space {
            break;
        }
        start += 1;
        start += usize::from(reading.at(start).is(b'.') && reading.at(start).glued());
    }
    let first = reading.at(start);
    let spaced = first.gap == Gap::Space || (dot && first.glued());
    if !spaced
        || !(first.capital() || first.shape == Shape::Uncased)
        || first.has(STOP) && !first.has(SURNAME | GIVEN)
    {
        return None;
    }
    if first.shape == Shape::Initial && !reading.at(start + 1).is(b'.') {
        return None;
    }
    let title_only = title.has(TITLE);
    if !title_only && (first.has(COMMON | PLACE | ORGANIZATION | GROUP | BODY) || !first.has(GIVEN | SURNAME))
    {
        return None;
    }
    let parts = collect(reading, start, Cue::Certain)?;
    if reading.at(parts.last + 1).has(STREET | BODY | GEO_TAIL) && !title_only {
        return None;
    }
    Some(Hit::new(Kind::Person, start, parts.last, if title_only { 0.85 } else { 0.7 }))
}

/// Gathers the words of a name from `index` on.
fn collect(reading: &Reading<'_>, index: usize, cue: Cue) -> Option<Parts> {
    let mut parts = Parts { last: index, first: reading.at(index), ..Parts::default() };
    let mut at = index;
    loop {
        let token = reading.at(at);
        parts.count(token);
        parts.last = at;
        if parts.words == 2 {
            parts.second = token;
        }
        if parts.words == 6 {
            break;
        }
        let Some(next) = next_part(reading, at, &parts, cue) else { break };
        at = next;
    }
    // An initial at the end takes its full stop: "Smith J."
    if reading.at(parts.last).shape == Shape::Initial && parts.words == 1 {
        return None;
    }
    Some(parts)
}

/// Returns the next word of a name, over particles.
fn next_part(reading: &Reading<'_>, at: usize, parts: &Parts, cue: Cue) -> Option<usize> {
    let mut next = reading.next_word(at)?;
    let mut token = reading.at(next);
    let mut particles = 0;
    while token.has(PARTICLE) && (token.shape == Shape::Lower || particles == 0) && particles < 3 {
        let after = reading.next_word(next)?;
        if !reading.at(after).capital() && !reading.at(after).has(PARTICLE) {
            return None;
        }
        // "Ana y Pedro" are two people.
        if token.shape == Shape::Lower
            && matches!(reading.word(token), "y" | "e" | "la" | "in")
            && particles == 0
            && parts.words == 1
        {
            return None;
        }
        let joined = matches!(reading.word(token), "y" | "e");
        next = after;
        token = reading.at(next);
        if joined && token.has(GIVEN) && !token.has(SURNAME) {
            return None;
        }
        particles += 1;
    }
    let same_script = matches!(token.shape, Shape::Uncased) && parts.first.shape == Shape::Uncased;
    if !(token.capital() || same_script)
        || (token.has(STOP) && token.shape != Shape::Initial && !token.has(SUFFIX))
    {
        return None;
    }
    // Capitals among words that are not: an abbreviation, not a name.
    if token.shape == Shape::Upper && parts.upper < parts.words && !token.has(SUFFIX) && !token.has(SURNAME) {
        return None;
    }
    if token.shape == Shape::Upper && token.has(CAPITALS) {
        return None;
    }
    let behind = reading.next_word(next).map(|behind| reading.at(behind)).unwrap_or_default();
    // A family name that is a place's too stands between two names: "Gilberto Bilbao Martí".
    let between = token.has(PLACE)
        && !token.has(COMMON)
        && behind.capital()
        && behind.has(SURNAME)
        && !behind.has(COMMON);
    let name = token.has(GIVEN | SURNAME) || between;
    if token.has(TITLE | LEGAL | GREETING | CLOSING) && !name {
        return None;
    }
    if token.has(COMMON | PLACE | BODY | STREET | GEO_TAIL | GROUP | ORGANIZATION)
        && !name
        && cue != Cue::Certain
    {
        return None;
    }
    if token.has(COMMON) && !token.has(SURNAME) && cue == Cue::Certain && parts.words > 0 {
        return None;
    }
    Some(next)
}

impl Parts {
    fn count(&mut self, token: Token) {
        self.words += 1;
        self.upper += usize::from(token.shape == Shape::Upper);
        if token.shape == Shape::Initial {
            self.initials += 1;
            return;
        }
        if token.has(SUFFIX) && self.words > 1 {
            return;
        }
        self.given += usize::from(token.has(GIVEN));
        self.surnames +=
            usize::from(token.has(SURNAME) || (!token.has(GIVEN | COMMON | PLACE) && self.words > 1));
        self.common += usize::from(token.has(COMMON));
        self.unknown += usize::from(!token.has(GIVEN | SURNAME | COMMON));
    }
}

/// Scores one word.
fn alone(reading: &Reading<'_>, index: usize, word: Token, cue: Cue, after: Cue) -> f64 {
    let hyphen = reading.at(index + 1).is(b'-') && reading.at(index + 1).glued();
    if word.shape == Shape::Initial || word.has(NOT_PERSON) && cue < Cue::Strong || hyphen {
        return 0.0;
    }
    if word.has(GROUP | BODY | BODY_OF | LEGAL | TITLE | GREETING) && !word.has(GIVEN) {
        return 0.0;
    }
    let toward = reading.before(index, 1).has(TOWARD);
    let plain = !word.has(COMMON | PLACE | ORGANIZATION);
    let starts = reading.begins_sentence(index);
    if word.has(GIVEN) {
        // Without its marks a Vietnamese word is easily a name that it is not.
        let marked = |character: char| matches!(character, '\u{1ea0}'..='\u{1ef9}' | '\u{300}'..='\u{36f}');
        if cue < Cue::Strong && !reading.word(word).is_ascii() && reading.word(word).contains(marked) {
            return 0.4;
        }
        return match (cue, after) {
            (Cue::Certain, _) => 0.85,
            (Cue::Strong, _) if !word.has(COMMON) || !starts => 0.8,
            // "Els", "Dat", "Esa": short names are function words of some language.
            _ if plain && starts && word.len() <= 3 && after == Cue::None => 0.45,
            _ if plain => 0.6,
            _ if word.has(PLACE) && toward => 0.0,
            (Cue::Weak, Cue::Weak) if !starts => 0.55,
            (_, Cue::Weak) if !word.has(COMMON) || (!starts && !word.has(PLACE)) => 0.52,
            (Cue::Weak, _) if !word.has(COMMON) => 0.5,
            _ => 0.3,
        };
    }
    if word.has(COMMON | PLACE | ORGANIZATION) || word.len() < 3 {
        return if cue == Cue::Certain && !word.has(COMMON) { 0.5 } else { 0.0 };
    }
    if word.has(SURNAME) {
        return match (cue, after) {
            (Cue::Certain | Cue::Strong, _) => 0.8,
            (Cue::Weak, Cue::Weak) => 0.55,
            (Cue::Weak, _) if !starts => 0.45,
            _ => 0.3,
        };
    }
    if word.shape == Shape::Upper {
        return 0.0;
    }
    match cue {
        Cue::Certain => 0.75,
        Cue::Strong => 0.6,
        _ => 0.0,
    }
}

/// Scores two words and more.
fn several(reading: &Reading<'_>, index: usize, parts: &Parts, cue: Cue, after: Cue) -> f64 {
    let follow = reading.next_word(parts.last).map(|next| reading.at(next)).unwrap_or_default();
    // "Madison Avenue", "Henry Ford Hospital": not a person.
    if follow.capital() && follow.has(STREET | GEO_TAIL | BODY | LEGAL) {
        return 0.0;
    }
    let (first, second) = (parts.first, parts.second);
    if first.shape == Shape::Initial {
        // "J. R. R. Tolkien", "J. Smith"
        let dotted = reading.at(index + 1).is(b'.');
        let known =
            parts.words > parts.initials && (parts.unknown + parts.given + parts.surnames) > parts.common;
        return if dotted && known { if parts.common == 0 { 0.75 } else { 0.4 } } else { 0.0 };
    }
    if cue == Cue::Certain {
        return 0.85;
    }
    if first.has(NOT_PERSON | BRAND) && cue < Cue::Strong && !second.has(SURNAME) {
        return 0.0;
    }
    let starts = reading.begins_sentence(index);
    let line = reading.begins_line(index) && reading.at(parts.last + 1).gap == Gap::Line;
    let boost = if cue == Cue::Strong || after == Cue::Weak || line { 0.2 } else { 0.0 };
    if first.has(GIVEN) {
        let middle = second.shape == Shape::Initial;
        let common_rest = parts.common.saturating_sub(usize::from(first.has(COMMON)));
        return match (first.has(COMMON), common_rest > 0) {
            (false, false) if parts.surnames > 0 => 0.85,
            (false, false) => 0.7,
            (false, true) if second.has(SURNAME | GIVEN) || middle => 0.75,
            (false, true) => 0.4 + boost,
            (true, false) if second.has(SURNAME | GIVEN) || middle => 0.8,
            (true, false) if !starts => 0.55 + boost,
            (true, false) => 0.35 + boost,
            (true, true) if second.has(SURNAME) => 0.45 + boost,
            (true, true) => 0.2 + boost,
        };
    }
    if first.has(COMMON | GROUP | BODY | LEGAL | TOWARD | BEFORE_PERSON) {
        return 0.0;
    }
    if first.has(PLACE | ORGANIZATION) && !first.has(SURNAME) {
        return 0.0;
    }
    if second.has(SURNAME) && !second.has(COMMON | PLACE) {
        return if first.has(SURNAME) && !starts {
            0.6
        } else if starts {
            0.45
        } else {
            0.55
        } + boost;
    }
    if second.has(GIVEN) && first.has(SURNAME) && !second.has(COMMON) {
        return 0.6 + boost;
    }
    // "Szabina J Gelencsér", "Willemine ten Pas": the shape of a name without a known word.
    let shaped =
        second.shape == Shape::Initial && parts.words == 3 && parts.common == 0 && parts.unknown == 2;
    let particle = matches!(
        reading.word(reading.at(index + 1)),
        "van" | "von" | "ter" | "ten" | "bin" | "ibn" | "vom" | "zu"
    );
    if first.shape == Shape::Capital && (shaped || (particle && parts.common == 0)) {
        return 0.6;
    }
    match cue {
        Cue::Strong if parts.common == 0 => 0.7,
        Cue::Strong => 0.4,
        _ => 0.0,
    }
}

/// "Surname, Given": only where both are known and nothing else.
fn reversed(reading: &Reading<'_>, index: usize, parts: &Parts) -> bool {
    let (first, comma, given) = (reading.at(index), reading.at(index + 1), reading.at(index + 2));
    let listed = reading.before(index, 1).is(b',')
        || reading.at(index + 3).is(b',')
        || reading.at(index + 3).has(STOP);
    parts.words == 1
        && first.has(SURNAME)
        && !first.has(GIVEN | COMMON | PLACE)
        && comma.is(b',')
        && comma.glued()
        && given.gap == Gap::Space
        && given.capital()
        && given.has(GIVEN)
        && !given.has(SURNAME | COMMON | PLACE)
        && !listed
}

/// Whether a country or city is meant, were the word no name.
pub(super) fn ambiguous(token: Token) -> bool {
    token.has(GIVEN | SURNAME) && !token.has(COUNTRY)
}
