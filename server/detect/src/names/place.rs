//! Places: listed ones by preposition or alone, unlisted ones where a verb of dwelling or a neighbour tells.

use super::lexicon::{
    AFTER_PERSON, BODY, CAPITALS, COMMON, COPULA, COUNTRY, DWELL, GEO_HEAD, GEO_TAIL, GIVEN, GROUP, LEGAL,
    ORGANIZATION, PARTICLE, PLACE, POSTAL, Reading, STATE, STOP, STREET, SURNAME, TITLE, TOWARD,
};
use super::token::{Gap, Shape, Token};
use super::{Hit, Kind, person};

/// Finds a place that begins with a capital at `index`.
pub(super) fn find(reading: &Reading<'_>, index: usize) -> Option<Hit> {
    let first = reading.at(index);
    if let Some(last) = dotted_country(reading, index) {
        let mut hit = Hit::new(Kind::Place, index, last, 0.7);
        hit.end = Some(reading.at(last).end);
        return Some(hit);
    }
    let (flags, last) = reading.phrase(index);
    let listed = (flags & PLACE != 0).then(|| listed(reading, index, last, flags)).flatten();
    let guessed = guessed(reading, index, first);
    match (listed, guessed) {
        (Some(listed), Some(guessed)) if guessed.last > listed.last || guessed.score > listed.score + 0.2 => {
            Some(guessed)
        }
        (Some(listed), _) => Some(listed),
        (None, guessed) => guessed,
    }
}

/// Finds a listed place in lower case behind a preposition: only names that are nothing else.
pub(super) fn find_lower(reading: &Reading<'_>, index: usize) -> Option<Hit> {
    let (flags, last) = reading.phrase(index);
    let sure = flags & PLACE != 0 && flags & (COMMON | CAPITALS | GROUP | STOP) == 0;
    let long = reading.at(last).end.saturating_sub(reading.at(index).start) >= 5;
    let name = flags & (GIVEN | SURNAME) != 0 && flags & COUNTRY == 0;
    let cue = reading.at(index).gap == Gap::Space && reading.before(index, 1).has(TOWARD);
    let strong = cue && dwells(reading, index);
    (sure && long && cue && (!name || strong))
        .then(|| Hit::new(Kind::Place, index, last, if strong { 0.7 } else { 0.6 }))
}

/// Finds "10115 Berlin" and "zip code is 10115" at a number.
pub(super) fn postal(reading: &Reading<'_>, index: usize) -> Option<Hit> {
    let number = reading.at(index);
    if !(3..=6).contains(&number.len()) {
        return None;
    }
    let mut back = 1;
    while back < 4
        && (reading.before(index, back).has(COPULA)
            || reading.before(index, back).is(b':')
            || reading.word(reading.before(index, back)).eq_ignore_ascii_case("code"))
    {
        back += 1;
    }
    if reading.before(index, back).has(POSTAL) && number.len() >= 3 {
        return Some(Hit::new(Kind::Place, index, index, 0.7));
    }
    let next = reading.at(index + 1);
    if number.len() != 5 || next.gap != Gap::Space || !next.capital() {
        return None;
    }
    let (flags, last) = reading.phrase(index + 1);
    let edge = number.gap == Gap::Line || reading.before(index, 1).is(b',');
    (flags & PLACE != 0 && flags & COUNTRY == 0 && (edge || flags & COMMON == 0))
        .then(|| Hit::new(Kind::Place, index, last, 0.75))
}

/// Returns the last token of a run of capital words that could be a place's name, at most four words.
pub(super) fn run(reading: &Reading<'_>, index: usize) -> usize {
    let mut last = index;
    for _ in 0..4 {
        let Some(mut next) = reading.next_word(last) else { break };
        let mut token = reading.at(next);
        if token.shape == Shape::Lower
            && (token.has(PARTICLE)
                || matches!(reading.word(token), "am" | "sur" | "of" | "sous" | "on" | "upon" | "aan"))
        {
            let Some(after) = reading.next_word(next) else { break };
            if matches!(reading.word(token), "of" | "on")
                && !reading.before(next, 1).has(GEO_TAIL | GEO_HEAD | PLACE)
            {
                break;
            }
            next = after;
            token = reading.at(next);
        }
        if !token.capital() || (token.has(STOP) && !token.has(GEO_TAIL)) || token.has(TITLE | LEGAL) {
            break;
        }
        // "LONDON Next": another word begins.
        if (token.shape == Shape::Upper) != (reading.at(last).shape == Shape::Upper)
            && token.shape != Shape::Initial
        {
            break;
        }
        last = next;
    }
    last
}

/// Whether the words before say that someone dwells or goes there: "lives in", "originally from".
fn dwells(reading: &Reading<'_>, index: usize) -> bool {
    let (one, two, three) = (reading.before(index, 1), reading.before(index, 2), reading.before(index, 3));
    let preposition = one.has(TOWARD) || matches!(reading.word(one), "of" | "di" | "do" | "de" | "em");
    let here = reading.word(two).eq_ignore_ascii_case("i'm") || reading.word(two).eq_ignore_ascii_case("am");
    let down =
        matches!(reading.word(two), "up" | "back" | "down" | "over" | "here" | "out" | "right" | "together");
    let home = reading.word(two) == "home"
        || reading.word(one) == "hometown"
        || (reading.word(two) == "home" && reading.word(one) == "city");
    let origin = one.has(TOWARD)
        && reading.word(one).eq_ignore_ascii_case("from")
        && matches!(
            reading.word(two),
            "I'm"
                | "am"
                | "is"
                | "are"
                | "originally"
                | "come"
                | "comes"
                | "came"
                | "people"
                | "was"
                | "were"
                | "down"
        );
    (preposition && (two.has(DWELL) || (down && three.has(DWELL))))
        || (here && one.has(TOWARD) && reading.word(one) == "in")
        || origin
        || home
        || (one.has(DWELL) && matches!(reading.word(one), "visiting" | "visit" | "hometown" | "city"))
}

fn listed(reading: &Reading<'_>, index: usize, last: usize, flags: u64) -> Option<Hit> {
    let (first, end) = (reading.at(index), reading.at(last));
    if flags & CAPITALS != 0 && first.shape != Shape::Upper {
        return None;
    }
    let one = reading.before(index, 1);
    let cue = first.gap == Gap::Space && (one.has(TOWARD) || matches!(reading.word(one), "of" | "the"));
    let strong = dwells(reading, index);
    let comma = reading.at(last + 1).is(b',') && !end.possessive;
    let after_comma = one.is(b',') && reading.before(index, 2).capital();
    let beside = comma && reading.at(last + 2).has(COUNTRY | PLACE | STATE) && reading.at(last + 2).capital();
    let mut hit_last = last;
    if comma && reading.at(last + 2).has(STATE) && reading.at(last + 2).shape == Shape::Upper {
        hit_last = last + 2;
        if reading.at(last + 3).shape == Shape::Number && reading.at(last + 3).len() == 5 {
            hit_last = last + 3;
        }
    }
    let follow = reading.next_word(last).map(|next| reading.at(next)).unwrap_or_default();
    if follow.capital() && (follow.has(BODY | LEGAL)) && last == index {
        return None;
    }
    let evidence = strong || beside || hit_last > last || (after_comma && flags & COMMON == 0);
    let single = last == index;
    let score = if evidence {
        0.85
    } else if !single && flags & (COMMON | GIVEN | SURNAME) == 0 {
        0.75
    } else if flags & COMMON != 0 {
        if cue
            && !reading.begins_sentence(index)
            && first.shape == Shape::Capital
            && reading.word(one) != "the"
        {
            0.55
        } else {
            0.3
        }
    } else if flags & (GIVEN | SURNAME) != 0 && flags & COUNTRY == 0 {
        if cue { 0.7 } else { 0.4 }
    } else if flags & GIVEN != 0 {
        // Countries that are given names too: Jordan, Georgia, Chad.
        if cue {
            0.75
        } else if end.possessive || !reading.at(last + 1).has(AFTER_PERSON) {
            0.51
        } else {
            0.45
        }
    } else if flags & ORGANIZATION != 0 && !cue {
        0.4
    } else if cue {
        0.8
    } else {
        0.65
    };
    Some(Hit::new(Kind::Place, index, hit_last, score))
}

/// Finds an unlisted place by what stands around it.
fn guessed(reading: &Reading<'_>, index: usize, first: Token) -> Option<Hit> {
    if first.shape == Shape::Initial || (first.has(STOP) && !first.has(GEO_HEAD)) || first.has(TITLE) {
        return None;
    }
    let last = run(reading, index);
    let end = reading.at(last);
    let unlikely = first.has(COMMON | GROUP | ORGANIZATION) && !first.has(GEO_HEAD);
    let known_word = first.has(COMMON) || (last == index && end.has(BODY | STREET));
    if dwells(reading, index) && !unlikely && !end.has(BODY) && first.len() > 2 {
        let month = first.has(STOP) && !first.has(GEO_HEAD);
        let named = first.has(GIVEN) && last == index && !first.has(PLACE);
        return (!month && !named).then(|| Hit::new(Kind::Place, index, last, 0.6));
    }
    // "Lake Constance", "Mount Elbrus", "Los Molinos"
    if first.has(GEO_HEAD)
        && last > index
        && matches!(
            reading.word(first),
            "Lake"
                | "Mount"
                | "Mt"
                | "Cape"
                | "Fort"
                | "Port"
                | "Saint"
                | "St"
                | "San"
                | "Santa"
                | "São"
                | "Villa"
                | "Ciudad"
                | "Sankt"
        )
    {
        let second = reading.next_word(index).map(|next| reading.at(next)).unwrap_or_default();
        let saint = !matches!(reading.word(first), "Lake" | "Mount" | "Mt" | "Cape");
        if second.capital() && !second.has(COMMON | STOP) && !end.has(BODY | LEGAL) {
            let cue = reading.before(index, 1).has(TOWARD) || reading.before(index, 1).is(b',');
            return Some(Hit::new(Kind::Place, index, last, if cue || !saint { 0.7 } else { 0.45 }));
        }
    }
    // "Hudson River", "Orange County"
    if last > index && end.has(GEO_TAIL) && end.shape == Shape::Capital && !first.has(STOP) {
        let score = if first.has(COMMON) { 0.35 } else { 0.65 };
        return Some(Hit::new(Kind::Place, index, last, score));
    }
    let (comma, next) = (reading.at(last + 1), reading.at(last + 2));
    if comma.is(b',')
        && comma.glued()
        && next.gap == Gap::Space
        && !end.possessive
        && !known_word
        && !unlikely
    {
        // "Springfield, IL 62704"
        if next.shape == Shape::Upper && next.has(STATE) && next.len() <= 3 {
            let zip = reading.at(last + 3);
            let with_zip = zip.shape == Shape::Number && zip.len() == 5 && zip.gap == Gap::Space;
            return Some(Hit::new(
                Kind::Place,
                index,
                if with_zip { last + 3 } else { last + 2 },
                if with_zip { 0.85 } else { 0.7 },
            ));
        }
        // "Lippenhuizen, Netherlands"
        let named = (person::ambiguous(first) && last > index) || first.has(GIVEN);
        if next.capital()
            && next.has(COUNTRY)
            && !next.has(CAPITALS | GIVEN | COMMON)
            && !named
            && !reading.begins_sentence(index)
            && last < index + 3
        {
            return Some(Hit::new(Kind::Place, index, last, 0.6));
        }
    }
    None
}

/// "U.S.", "U.K.", "U.S.A.", "U.A.E.": returns the last token.
fn dotted_country(reading: &Reading<'_>, index: usize) -> Option<usize> {
    let letter = |at: usize| reading.word(reading.at(at));
    let dots = |at: usize| reading.at(at).is(b'.') && reading.at(at).glued();
    if letter(index) != "U" || !dots(index + 1) || !reading.at(index + 2).glued() || !dots(index + 3) {
        return None;
    }
    match letter(index + 2) {
        "S" if letter(index + 4) == "A" && dots(index + 5) => Some(index + 5),
        "A" if letter(index + 4) == "E" && dots(index + 5) => Some(index + 5),
        "S" | "K" => Some(index + 3),
        _ => None,
    }
}
