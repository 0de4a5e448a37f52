//! Postal addresses: a street with its number, and the lines that go on from it to the country.

use super::lexicon::{
    BODY, COMMON, COUNTRY, DWELL, GEO_HEAD, GIVEN, LEGAL, PARTICLE, PLACE, Reading, STATE, STOP, STREET,
    STREET_HEAD, SURNAME, TITLE, UNIT,
};
use super::token::{Gap, Shape, Token};
use super::{Hit, Kind};

/// Finds an address that begins at `index`, with a house number or with the street.
pub(super) fn find(reading: &Reading<'_>, index: usize) -> Option<Hit> {
    let (core, needed) = core(reading, index)?;
    let (last, evidence) = extend(reading, core, needed == 0);
    if evidence < needed {
        return None;
    }
    let score = match (needed, evidence) {
        (0, 0) => 0.65,
        (0, _) => 0.8,
        _ => 0.6,
    };
    Some(Hit::new(Kind::Address, index, last, score))
}

/// Whether an address begins at `index`, whatever follows its street.
pub(super) fn begins(reading: &Reading<'_>, index: usize) -> bool {
    core(reading, index).is_some_and(|(_, needed)| needed == 0)
}

/// Returns the last token of street and number, and how much evidence must follow: none if a word says "street".
fn core(reading: &Reading<'_>, index: usize) -> Option<(usize, usize)> {
    let first = reading.at(index);
    if first.shape == Shape::Number {
        if first.len() > 6
            || reading.at(index + 1).glued()
                && !reading.at(index + 1).is(b',')
                && !reading.at(index + 1).is(b'/')
        {
            return None;
        }
        let mut at = index + 1;
        // "3968, 24 Bay Street", "33/6361 Mall Road"
        if reading.at(at).is(b'/') && reading.at(at + 1).shape == Shape::Number {
            at += 2;
        }
        if reading.at(at).shape == Shape::Number
            && reading.at(at).gap == Gap::Space
            && reading.at(at).len() <= 6
        {
            at += 1;
        }
        at += usize::from(reading.at(at).is(b',') && reading.at(at).glued());
        return street(reading, at, true);
    }
    let boxed =
        first.has(UNIT) && reading.word(first) == "Box" && reading.at(index + 1).shape == Shape::Number;
    let po = reading.word(first) == "P"
        && reading.at(index + 1).is(b'.')
        && reading.word(reading.at(index + 2)) == "O";
    let post = reading.word(first) == "PO"
        && reading.word(reading.at(index + 1)) == "Box"
        && reading.at(index + 2).shape == Shape::Number;
    if boxed || post {
        return Some((if post { index + 2 } else { index + 1 }, 0));
    }
    if po {
        let number = (index + 3..index + 6).find(|&at| reading.at(at).shape == Shape::Number)?;
        return Some((number, 0));
    }
    street(reading, index, false)
}

/// Reads the words of a street; without a number before it, one has to follow.
fn street(reading: &Reading<'_>, index: usize, numbered: bool) -> Option<(usize, usize)> {
    let first = reading.at(index);
    let head = first.has(STREET_HEAD);
    if !(first.capital() || (head && reading.at(index + 1).word()))
        || (numbered && first.gap != Gap::Space)
        || first.has(TITLE) && !head
    {
        return None;
    }
    if first.has(STOP) && !head && !first.has(GEO_HEAD) {
        return None;
    }
    let mut last = index;
    let mut tail = false;
    for _ in 0..5 {
        if tail && !reading.next_word(last).is_some_and(|next| reading.at(next).has(STREET)) {
            break;
        }
        let dot = head && last == index && reading.at(last + 1).is(b'.');
        let mut next = match reading.next_word(last) {
            Some(next) => next,
            None if dot && reading.at(last + 2).capital() => last + 2,
            None => break,
        };
        if reading.at(next).shape == Shape::Lower && reading.at(next).has(PARTICLE | STREET) {
            match reading.next_word(next) {
                Some(after) if reading.at(after).capital() => next = after,
                _ if reading.at(next).has(STREET) => {}
                _ => break,
            }
        }
        let token = reading.at(next);
        let lower_street = token.shape == Shape::Lower && token.has(STREET) && token.len() > 3;
        if !(token.capital() || lower_street)
            || token.has(UNIT)
            || token.has(STOP) && !token.has(STREET) && token.shape != Shape::Initial
        {
            break;
        }
        last = next;
        tail = token.has(STREET) && token.shape != Shape::Initial;
    }
    let dot =
        reading.at(last + 1).is(b'.') && reading.at(last + 1).glued() && (tail || reading.at(last).len() < 4);
    let after = last + 1 + usize::from(dot) + usize::from(reading.at(last + 1).is(b','));
    let number = reading.at(after).shape == Shape::Number
        && reading.at(after).gap == Gap::Space
        && reading.at(after).len() <= 5
        || reading.at(after).shape == Shape::Code
            && reading.at(after).len() <= 4
            && reading.at(after).gap == Gap::Space;
    if !(numbered || number || tail || head) {
        return None;
    }
    let named =
        || (index..=last).any(|at| reading.at(at).capital() && compound(reading.word(reading.at(at))));
    let street_word = (tail || head) && last > index || named();
    let mut end = if number { after } else { last };
    // "5-6", "93/10"
    while number
        && matches!(reading.at(end + 1).shape, Shape::Mark(b'-' | b'/'))
        && reading.at(end + 1).glued()
    {
        let behind = reading.at(end + 2);
        if !(behind.glued() && matches!(behind.shape, Shape::Number | Shape::Code))
            || behind.len() > 4
            || end > after + 4
        {
            break;
        }
        end += 2;
    }
    if street_word {
        // "Wall Street" alone is a place too; a single word is not.
        let common = first.has(COMMON) && !numbered && !number;
        let sure = numbered || number || (tail && !common && unambiguous(reading.word(reading.at(last))));
        return if sure { Some((end, 0)) } else { head.then_some((end, 1)) };
    }
    if first.has(COMMON) || reading.at(last).has(BODY | LEGAL) {
        return None;
    }
    let lives_on =
        number && reading.word(reading.before(index, 1)) == "on" && reading.before(index, 2).has(DWELL);
    (numbered || number).then_some((end, if lives_on { 0 } else { 2 }))
}

/// Words that, behind a capital word, are a street even without a number.
fn unambiguous(word: &str) -> bool {
    matches!(
        word.to_ascii_lowercase().as_str(),
        "street"
            | "avenue"
            | "boulevard"
            | "road"
            | "lane"
            | "ave"
            | "blvd"
            | "rd"
            | "highway"
            | "crescent"
            | "terrace"
            | "parkway"
    )
}

/// Words that hold their street: "Hauptstraße", "Storgatan".
fn compound(word: &str) -> bool {
    const ENDS: &[&str] = &[
        "straße", "strasse", "straat", "gasse", "gatan", "gaten", "vägen", "vagen", "veien", "gade", "weg",
        "laan", "plein", "gracht", "katu", "tie", "allee", "damm", "ufer", "platz", "ring", "vej", "gata",
        "steeg", "dreef", "kuja", "vegur", "götu", "str", "stieg", "graben",
    ];
    word.len() > 6 && ENDS.iter().any(|end| word.ends_with(end)) && word.chars().count() > 6
}

/// Follows the address over commas and lines; returns its last token and how much of it was told by more than capitals.
fn extend(reading: &Reading<'_>, core: usize, sure: bool) -> (usize, usize) {
    let (mut open, mut lettered) = (None, sure);
    let (mut last, mut at, mut evidence, mut pending) = (core, core + 1, 0, 0);
    for _ in 0..7 {
        at += usize::from(
            reading.at(at).is(b'.')
                && reading.at(at).glued()
                && reading.at(at + 1).gap == Gap::Space
                && reading.at(at + 1).has(UNIT),
        );
        let mut comma = false;
        while reading.at(at).is(b',') && !comma {
            comma = true;
            at += 1;
        }
        let new_line = reading.at(at).gap == Gap::Line;
        for _ in 0..2 {
            at += usize::from(reading.at(at).is(b'>') || reading.at(at).is(b','));
        }
        let Some((end, told)) = segment(reading, at, new_line || comma, new_line) else { break };
        // Behind a word that may be no street, numbers alone tell nothing: "ISO 9001 14001", "GPS 48 85 83".
        let letters = (at..=end).any(|at| reading.at(at).word() || reading.at(at).shape == Shape::Code);
        let code = (new_line || comma) && (at..=end).any(|at| reading.at(at).len() > 3);
        let told = if sure || letters || code { told } else { 0 };
        lettered |= letters;
        if told > 0 {
            evidence += told;
            last = end;
            pending = 0;
            open = None;
        } else {
            open = (comma && !new_line && pending == 0).then_some(end);
            pending += 1;
            if pending > 2 {
                break;
            }
        }
        at = end + 1;
    }
    // The town that ends the line: "55 Halsey Road, Hayborough".
    if let Some(end) = open.filter(|_| sure) {
        let next = reading.at(end + 1);
        if next.gap == Gap::Line || next.is(b'.') || next.is(b'<') || next.is(b'"') {
            last = end;
        }
    }
    (last, if lettered { evidence } else { 0 })
}

/// Reads one part of an address; returns its last token and its evidence.
fn segment(reading: &Reading<'_>, start: usize, separated: bool, new_line: bool) -> Option<(usize, usize)> {
    let first = reading.at(start);
    if !separated && first.gap != Gap::Space || first.shape == Shape::None {
        return None;
    }
    let (mut told, mut words, mut numbers, mut last, mut at) = (0, 0, 0, start, start);
    loop {
        let token = reading.at(at);
        if at > start && !matches!(token.gap, Gap::Space | Gap::None) {
            break;
        }
        match token.shape {
            Shape::Number | Shape::Code if token.len() <= 7 => {
                numbers += 1;
                told += 1;
                last = at;
            }
            Shape::Mark(b'.' | b'-' | b'#') if at > start || token.is(b'#') => {
                let dash = token.is(b'-') || token.is(b'#');
                let abbreviation = token.is(b'.')
                    && reading.at(at - 1).has(UNIT | STATE)
                    && reading.at(at + 1).gap == Gap::Space;
                if !(dash && reading.at(at + 1).glued() || abbreviation) {
                    break;
                }
            }
            _ if token.has(UNIT) && (token.capital() || reading.at(at + 1).shape == Shape::Number) => {
                told += usize::from(reading.at(at + 1).shape == Shape::Number || reading.at(at + 1).is(b'.'));
                last = at;
            }
            _ if token.capital() && (!token.has(STOP | TITLE) || token.has(STATE | GEO_HEAD)) => {
                let single_name = token.has(GIVEN | SURNAME) && !token.has(PLACE);
                told += usize::from(
                    token.has(PLACE) && !single_name
                        || (token.has(STATE) && token.shape == Shape::Upper && token.len() == 2)
                        || token.has(COUNTRY),
                );
                words += 1;
                last = at;
            }
            _ if token.shape == Shape::Lower
                && (token.has(PARTICLE) || matches!(reading.word(token), "nan" | "am" | "an" | "sur"))
                && words > 0 => {}
            Shape::Lower => return None,
            _ => break,
        }
        at += 1;
        if at > start + 9 {
            break;
        }
    }
    let phone = numbers > 2
        || (new_line && numbers > 1 && words == 0)
        || (numbers > 0 && words == 0 && !new_line && !separated && false_number(first));
    let end_token = reading.at(last);
    let nothing = words == 0 && numbers == 0 && told == 0;
    (!phone && !nothing && words <= 6 && !end_token.has(BODY | LEGAL)).then_some((last, told))
}

/// A long number directly behind an address is a telephone's, not a code.
fn false_number(token: Token) -> bool {
    token.shape == Shape::Number && token.len() > 6
}
