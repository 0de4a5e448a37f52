//! Organizations: listed ones, capital words before a legal form or a body, and what someone works for.

use super::lexicon::{
    AFTER_ORGANIZATION, BODY, BODY_OF, BRAND, CAPITALS, COMMON, GIVEN, GROUP, LEGAL, ORGANIZATION, PLACE,
    Reading, STOP, STREET, SURNAME, TITLE, WORK,
};
use super::token::{Gap, Shape, Token};
use super::{Hit, Kind, address};

/// Finds an organization that begins at `index`.
pub(super) fn find(reading: &Reading<'_>, index: usize) -> Option<Hit> {
    let first = reading.at(index);
    let (flags, last) = reading.phrase(index);
    let listed = (flags & ORGANIZATION != 0).then(|| listed(reading, index, last, flags)).flatten();
    let formed = formed(reading, index, first);
    match (listed, formed) {
        (Some(listed), Some(formed)) if formed.last >= listed.last => Some(formed),
        (Some(listed), _) => Some(listed),
        (None, formed) => formed,
    }
}

fn listed(reading: &Reading<'_>, index: usize, last: usize, flags: u64) -> Option<Hit> {
    let (first, end) = (reading.at(index), reading.at(last));
    if flags & CAPITALS != 0 && first.shape != Shape::Upper {
        return None;
    }
    let cue = works_for(reading, index) || followed(reading, last) || end.possessive;
    let single = last == index;
    let doubtful = flags & (COMMON | GIVEN | SURNAME | PLACE | BRAND) != 0;
    let score = match (single && doubtful, cue) {
        (_, true) if works_for(reading, index) || followed(reading, last) => 0.8,
        (false, true) => 0.75,
        (false, false) if flags & BRAND != 0 => 0.4,
        (false, false) => 0.65,
        (true, true) if flags & (COMMON | GIVEN | SURNAME | PLACE) == 0 => 0.5,
        _ => 0.35,
    };
    Some(Hit::new(Kind::Organization, index, last, score))
}

/// Finds the company in a letterhead: the line below a person's, above a street, a telephone or the person again.
pub(super) fn below(reading: &Reading<'_>, person: usize, last: usize) -> Option<Hit> {
    let quoted = |at: usize| usize::from(reading.at(at).is(b'>') && reading.at(at).gap == Gap::Line);
    let starts_line = reading.begins_line(person)
        || reading.before(person, 1).has(TITLE)
        || reading.before(person, 1).is(b'.');
    let first = last + 1 + quoted(last + 1);
    if !starts_line || reading.at(last + 1).gap != Gap::Line {
        return None;
    }
    let mut end = first;
    while end < first + 7 && (end == first || reading.at(end).gap != Gap::Line) {
        let token = reading.at(end);
        let name = token.capital()
            || token.shape == Shape::Mixed
            || matches!(reading.word(token), "and" | "of" | "&" | "," | "-" | ".");
        if !name || token.has(STOP | TITLE) && token.shape != Shape::Lower {
            return None;
        }
        end += 1;
    }
    let next = end + quoted(end);
    let follows = reading.at(next).shape == Shape::Number
        || address::begins(reading, next)
        || reading.at(next).hash == reading.at(person).hash;
    let proper = (first..end).any(|at| reading.at(at).word() && !reading.at(at).has(PLACE | STREET))
        && !address::begins(reading, first);
    (reading.at(end).gap == Gap::Line && end > first && follows && proper)
        .then(|| Hit::new(Kind::Organization, first, end - 1, 0.6))
}

/// Finds names that show by their form that they are an organization's.
fn formed(reading: &Reading<'_>, index: usize, first: Token) -> Option<Hit> {
    if first.has(STOP | TITLE) && first.shape != Shape::Initial {
        return None;
    }
    if let Some(hit) = body_of(reading, index, first) {
        return Some(hit);
    }
    if let Some(hit) = partners(reading, index, first) {
        return Some(hit);
    }
    if let Some(hit) = prefixed(reading, index, first) {
        return Some(hit);
    }
    let mut proper = 0;
    let mut last = index;
    let mut best: Option<Hit> = None;
    for words in 1..=6 {
        let token = reading.at(last);
        if words > 1 && token.has(LEGAL) {
            let mut hit =
                Hit::new(Kind::Organization, index, last, if proper > 0 || words > 2 { 0.85 } else { 0.7 });
            hit.end = abbreviation_end(reading, last);
            best = Some(hit);
        } else if words > 1 && token.has(BODY) && token.capital() {
            best = Some(Hit::new(Kind::Organization, index, last, if proper > 0 { 0.65 } else { 0.3 }));
        }
        // "Chase Bank": a word that is a company or a place too is one here, unless it only begins a sentence.
        let proper_word = token.has(ORGANIZATION | PLACE) && !reading.begins_sentence(last);
        proper += usize::from(proper_word || !token.has(COMMON | STOP | BODY | GROUP | STREET));
        let Some(next) = next_word(reading, last) else { break };
        last = next;
    }
    if let Some(end) = dotted_form(reading, last) {
        let mut hit = Hit::new(Kind::Organization, index, end, 0.85);
        hit.end = Some(reading.at(end).end);
        return Some(hit);
    }
    if best.is_some() {
        return best;
    }
    if works_for(reading, index)
        && !first.has(COMMON | GROUP | PLACE)
        && first.len() > 1
        && (!first.has(GIVEN) || first.has(SURNAME))
    {
        let score = if first.has(GIVEN) { 0.45 } else { 0.6 };
        return Some(Hit::new(Kind::Organization, index, last, score));
    }
    described(reading, index, first)
}

/// "Acme is a design agency", "Acme invested …", "at Acme, 12 Main Street".
fn described(reading: &Reading<'_>, index: usize, first: Token) -> Option<Hit> {
    if first.has(COMMON | GROUP | PLACE | TITLE)
        || !matches!(first.shape, Shape::Capital | Shape::Mixed)
        || first.len() < 3
    {
        return None;
    }
    let mut last = index;
    while let Some(next) = next_word(reading, last).filter(|&next| next < index + 8) {
        last = next;
    }
    if first.has(COMMON) && last == index {
        return None;
    }
    let named = first.has(GIVEN);
    let (one, two) = (reading.at(last + 1), reading.at(last + 2));
    let article = |at: usize| matches!(reading.word(reading.at(at)), "a" | "an" | "the" | "one");
    let linked = (matches!(reading.word(one), "is" | "was") && article(last + 2))
        || (one.is(b',') && article(last + 2));
    let company = |at: usize| {
        matches!(
            reading.word(reading.at(at)),
            "company"
                | "agency"
                | "firm"
                | "corporation"
                | "bank"
                | "startup"
                | "manufacturer"
                | "provider"
                | "conglomerate"
                | "retailer"
                | "airline"
                | "nonprofit"
                | "multinational"
                | "publisher"
                | "subsidiary"
                | "brokerage"
                | "charity"
        )
    };
    if linked && (last + 3..last + 8).any(company) && !(named && one.is(b',')) {
        return Some(Hit::new(Kind::Organization, index, last, 0.7));
    }
    let corporate = matches!(reading.word(one), "invested" | "acquired" | "unveiled" | "manufactures")
        && one.gap == Gap::Space;
    if corporate && !named {
        return Some(Hit::new(Kind::Organization, index, last, 0.6));
    }
    let place = one.is(b',') && two.shape == Shape::Number && address::begins(reading, last + 2);
    let at = matches!(reading.word(reading.before(index, 1)), "at" | "At") && first.gap == Gap::Space;
    (at && place).then(|| Hit::new(Kind::Organization, index, last, 0.6))
}

/// "Grupo Planeta", "Groupe Bolloré", "ООО Ромашка".
fn prefixed(reading: &Reading<'_>, index: usize, first: Token) -> Option<Hit> {
    let prefix = matches!(
        reading.word(first),
        "Grupo"
            | "Groupe"
            | "Gruppo"
            | "Compañía"
            | "Compagnie"
            | "Société"
            | "Banco"
            | "Banca"
            | "Banque"
            | "ООО"
            | "ОАО"
            | "ЗАО"
            | "ПАО"
            | "Firma"
            | "Editorial"
            | "Laboratorios"
            | "Stiftung"
    );
    let next = reading.next_word(index)?;
    if !prefix || !reading.at(next).capital() || reading.at(next).has(STOP) {
        return None;
    }
    let mut last = next;
    while let Some(next) = next_word(reading, last).filter(|&next| next < index + 6) {
        last = next;
    }
    let end = dotted_form(reading, last);
    let mut hit = Hit::new(Kind::Organization, index, end.unwrap_or(last), 0.65);
    hit.end = end.map(|end| reading.at(end).end);
    Some(hit)
}

/// The next word of an organization's name: over `&`, a comma before a legal form, `of` and `and` between capitals.
fn next_word(reading: &Reading<'_>, last: usize) -> Option<usize> {
    let (next, after) = (reading.at(last + 1), reading.at(last + 2));
    if next.is(b'&') && after.gap == Gap::Space && (after.capital() || after.shape == Shape::Mixed) {
        return Some(last + 2);
    }
    if next.is(b',') && after.gap == Gap::Space && after.has(LEGAL) && after.capital() {
        return Some(last + 2);
    }
    // "GmbH & Co. KG"
    let legal = reading.at(last).has(LEGAL) && next.is(b'.') && next.glued() && after.gap == Gap::Space;
    if legal && after.has(LEGAL) && (after.capital() || after.shape == Shape::Mixed) {
        return Some(last + 2);
    }
    let index = reading.next_word(last)?;
    let token = reading.at(index);
    let capital = token.capital() || token.shape == Shape::Mixed;
    if capital && (!token.has(STOP | TITLE) || token.has(LEGAL))
        || token.has(LEGAL) && token.shape == Shape::Mixed
    {
        return Some(index);
    }
    // "Bed Bath and Beyond Inc" is rare; "Thomas and Sons" is not.
    let joins = matches!(reading.word(token), "and" | "And" | "und" | "et" | "y" | "e" | "of" | "for" | "de");
    let behind = reading.next_word(index)?;
    (joins && reading.at(behind).capital() && reading.at(behind).has(LEGAL | BODY)).then_some(behind)
}

/// "University of Leeds", "Ministry of Foreign Affairs".
fn body_of(reading: &Reading<'_>, index: usize, first: Token) -> Option<Hit> {
    if !first.has(BODY_OF) || !first.capital() {
        return None;
    }
    let of = reading.at(index + 1);
    let links = matches!(
        reading.word(of),
        "of" | "for" | "de" | "di" | "do" | "da" | "der" | "des" | "für" | "degli" | "delle" | "del"
    );
    if !links || of.gap != Gap::Space {
        return None;
    }
    let mut at = index + 2;
    while at < index + 4
        && matches!(reading.word(reading.at(at)), "the" | "la" | "los" | "las" | "die" | "den")
    {
        at += 1;
    }
    let head = reading.at(at);
    if !head.capital() || head.gap != Gap::Space || head.has(STOP) {
        return None;
    }
    let mut last = at;
    for _ in 0..5 {
        let Some(mut next) = reading.next_word(last) else { break };
        if matches!(reading.word(reading.at(next)), "and" | "y" | "e" | "und" | "of" | "&") {
            let Some(behind) = reading.next_word(next) else { break };
            next = behind;
        }
        if !reading.at(next).capital() || reading.at(next).has(STOP) {
            break;
        }
        last = next;
    }
    Some(Hit::new(Kind::Organization, index, last, 0.75))
}

/// "Marshall, Hernandez and Simpson", "Valentine-Murray", "Barnes & Noble", "Thomas and Sons": family names joined.
fn partners(reading: &Reading<'_>, index: usize, first: Token) -> Option<Hit> {
    let family = |token: Token| token.capital() && token.has(SURNAME);
    let only = |token: Token| family(token) && !token.has(GIVEN);
    if !first.capital() || first.possessive {
        return None;
    }
    let (one, two, three, four) =
        (reading.at(index + 1), reading.at(index + 2), reading.at(index + 3), reading.at(index + 4));
    let and = |token: Token| matches!(reading.word(token), "and" | "&" | "und" | "y" | "et");
    let placed = |end: usize| {
        matches!(reading.word(reading.before(index, 1)), "at" | "from")
            || works_for(reading, index)
            || followed(reading, end)
    };
    if family(first) && one.is(b',') && one.glued() && family(two) && two.gap == Gap::Space {
        let link = if three.is(b',') { reading.at(index + 4) } else { three };
        let end = if three.is(b',') { index + 5 } else { index + 4 };
        if and(link)
            && family(reading.at(end))
            && (placed(end) || only(first) || only(two) || only(reading.at(end)))
            && !reading.at(end + 1).has(BODY)
        {
            let before = reading.before(index, 1);
            let listed = before.is(b',') && !before.glued();
            return (!listed).then(|| Hit::new(Kind::Organization, index, end, 0.6));
        }
    }
    if family(first) && one.is(b'-') && one.glued() && two.glued() && family(two) {
        let alone = !three.capital()
            && !reading.before(index, 1).capital()
            && !reading.before(index, 1).is(b'.')
            && !three.is(b'-');
        let cue = matches!(reading.word(reading.before(index, 1)), "from" | "at" | "by")
            || works_for(reading, index)
            || followed(reading, index + 2);
        return (alone && cue).then(|| Hit::new(Kind::Organization, index, index + 2, 0.86));
    }
    let sons = matches!(
        reading.word(two),
        "Sons" | "Co" | "Company" | "Partners" | "Associates" | "Daughters" | "Söhne" | "Hijos" | "Fils"
    );
    if and(one) && sons && one.gap == Gap::Space && !first.has(STOP) && !four.is(b'&') {
        return Some(Hit::new(Kind::Organization, index, index + 2, 0.8));
    }
    if one.is(b'&') && one.gap == Gap::Space && family(first) && family(two) && (only(first) || only(two)) {
        return Some(Hit::new(Kind::Organization, index, index + 2, 0.65));
    }
    None
}

/// "S.A.", "S.p.A.", "B.V.", "L.L.C." behind `last`; returns its last token.
fn dotted_form(reading: &Reading<'_>, last: usize) -> Option<usize> {
    let mut at = last + 1;
    // The run may have taken the first letter of the form with it.
    if reading.at(last).shape == Shape::Initial {
        at = last;
        for _ in 0..4 {
            if reading.before(at, 1).is(b'.') && reading.before(at, 2).shape == Shape::Initial {
                at -= 2;
            }
        }
    } else if reading.at(at).is(b',') {
        at += 1;
    }
    if reading.at(at).gap != Gap::Space {
        return None;
    }
    // "S/A"
    if reading.word(reading.at(at)) == "S"
        && reading.at(at + 1).is(b'/')
        && reading.word(reading.at(at + 2)) == "A"
    {
        return Some(at + 2);
    }
    let mut letters = [0u8; 4];
    let mut count = 0;
    while let Some(slot) = letters.get_mut(count) {
        let (letter, dot) = (reading.at(at), reading.at(at + 1));
        let Some(&byte) = reading.word(letter).as_bytes().first() else { break };
        if letter.len() != 1 || !dot.is(b'.') || !dot.glued() || (count > 0 && !letter.glued()) {
            break;
        }
        *slot = byte.to_ascii_uppercase();
        count += 1;
        at += 2;
    }
    let form = letters.get(..count).unwrap_or_default();
    let known: [&[u8]; 19] = [
        b"SL", b"SLL", b"SLU", b"SNC", b"EV", b"EG", b"SASU", b"SA", b"SPA", b"BV", b"NV", b"LLC", b"LLP",
        b"SRL", b"SARL", b"AG", b"AS", b"PLC", b"SAS",
    ];
    known.contains(&form).then(|| at - 1)
}

/// The full stop of "Inc." belongs to the name.
fn abbreviation_end(reading: &Reading<'_>, last: usize) -> Option<usize> {
    let (token, dot) = (reading.at(last), reading.at(last + 1));
    let short = matches!(
        reading.word(token),
        "Inc" | "Ltd" | "Corp" | "Co" | "Bros" | "Pty" | "Ltda" | "Cia" | "Pvt"
    );
    let ends_sentence = reading.at(last + 2).capital() || reading.at(last + 2).shape == Shape::None;
    (short && dot.is(b'.') && dot.glued() && !ends_sentence).then_some(dot.end)
}

/// "works at", "CEO of", "joined".
fn works_for(reading: &Reading<'_>, index: usize) -> bool {
    if reading.at(index).gap != Gap::Space {
        return false;
    }
    let (mut one, mut two) = (reading.before(index, 1), reading.before(index, 2));
    if reading.word(one).eq_ignore_ascii_case("the") {
        (one, two) = (two, reading.before(index, 3));
    }
    let linked = matches!(
        reading.word(one),
        "at" | "for" | "by" | "of" | "with" | "bei" | "chez" | "en" | "presso" | "na" | "no"
    );
    // "Owned by", not "work by": that is done by people.
    if reading.word(one) == "by" && !reading.word(two).ends_with("ed") {
        return false;
    }
    (linked && two.has(WORK)) || matches!(reading.word(one), "joined" | "joining" | "acquired")
}

fn followed(reading: &Reading<'_>, last: usize) -> bool {
    let (token, next) = (reading.at(last), reading.at(last + 1));
    let near = next.gap == Gap::Space || token.possessive;
    near && next.has(AFTER_ORGANIZATION) && (next.shape == Shape::Lower || next.shape == Shape::Upper)
}
