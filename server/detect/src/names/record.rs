//! Names in records: a JSON or form key that says "name", a CSV column, the display name of a mail header.
//!
//! Here the key is the evidence, so names of every script and of no list are found; a bare key `name` names things
//! too, so its value must look like a person's name or have personal data beside it.

use super::lexicon::{
    BODY, BRAND, COMMON, COUNTRY, GIVEN, GROUP, KEY, LEGAL, NAME_WORD, ORGANIZATION, PLACE, Reading, STOP,
    SURNAME,
};
use super::token::{Gap, Shape};
use super::{Hit, Kind};

/// Returns the names in fields, in order.
pub(super) fn fields(reading: &Reading<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    // A table is read once for each of its first columns, so that many headers do not cost many passes.
    let mut table = Table::default();
    for (index, &token) in reading.tokens.iter().enumerate() {
        if !token.has(KEY) && !matches!(token.shape, Shape::Code | Shape::Mark(b'<')) {
            continue;
        }
        if is_key(reading, index) {
            if let Some(value) = value(reading, index) {
                hits.extend(name(reading, value, personal(reading, index)));
            } else if token.gap == Gap::Line
                || reading.before(index, 1).is(b',')
                || reading.before(index, 1).is(b';')
            {
                column(reading, index, &mut table, &mut hits);
            }
        } else if token.is(b'<') && reading.at(index + 1).glued() {
            hits.extend(mailbox(reading, index));
        }
    }
    hits.sort_by_key(|hit| hit.first);
    hits
}

fn is_key(reading: &Reading<'_>, index: usize) -> bool {
    let token = reading.at(index);
    match token.shape {
        Shape::Code => {
            // `customer_name`: identifiers are not in the lists, since they are not words.
            let word = reading.word(token);
            let ends = word.len().checked_sub(4).and_then(|at| word.get(at..));
            word.len() < 40 && ends.is_some_and(|end| end.eq_ignore_ascii_case("name")) && {
                let lower = word.to_ascii_lowercase();
                let subject = [
                    "full",
                    "first",
                    "last",
                    "customer",
                    "patient",
                    "client",
                    "employee",
                    "contact",
                    "holder",
                    "owner",
                    "guest",
                    "recipient",
                    "sender",
                    "display",
                    "middle",
                    "maiden",
                    "user",
                    "given",
                    "family",
                    "sur",
                ];
                subject.iter().any(|part| lower.contains(part))
            }
        }
        Shape::None | Shape::Number | Shape::Mark(_) => false,
        _ => token.has(KEY),
    }
}

/// Returns where the value of a key begins: `"name": "…`, `name=…`, `<name>…`.
fn value(reading: &Reading<'_>, key: usize) -> Option<usize> {
    let mut at = key + 1;
    if reading.at(at).is(b'"') || reading.at(at).is(b'\'') || reading.at(at).is(b'*') {
        at += 1;
        at += usize::from(reading.at(at).is(b'*'));
    }
    let sign = reading.at(at);
    let tag = sign.is(b'>') && reading.before(key, 1).is(b'<');
    if !(sign.is(b':') || sign.is(b'=') || tag) || reading.at(at + 1).gap == Gap::Line {
        return None;
    }
    at += 1;
    while matches!(reading.at(at).shape, Shape::Mark(b'"' | b'\'' | b'*')) {
        at += 1;
    }
    Some(at)
}

/// Whether the key says that it is a person's, or personal data stand near.
fn personal(reading: &Reading<'_>, key: usize) -> bool {
    let word = reading.word(reading.at(key)).to_ascii_lowercase();
    if word != "name"
        && !matches!(
            word.as_str(),
            "from" | "to" | "cc" | "contact" | "client" | "author" | "owner" | "sender"
        )
    {
        return true;
    }
    (key.saturating_sub(12)..key + 24).any(|near| {
        let word = reading.word(reading.at(near));
        let private = [
            "email",
            "e-mail",
            "phone",
            "mobile",
            "ssn",
            "iban",
            "dob",
            "birthday",
            "mail",
            "card",
            "birthdate",
            "tel",
            "passport",
            "age",
            "gender",
        ];
        word.len() < 10 && private.iter().any(|key| word.eq_ignore_ascii_case(key))
    })
}

/// Takes the name at `first`: one to five words up to a mark or the end of the line.
fn name(reading: &Reading<'_>, first: usize, personal: bool) -> Option<Hit> {
    let mut last = first;
    let (mut words, mut known, mut common, mut other) = (0, 0, 0, 0);
    let mut at = first;
    loop {
        let token = reading.at(at);
        let inside = at == first || matches!(token.gap, Gap::Space | Gap::None);
        if !inside {
            break;
        }
        if token.word() {
            if token.has(BODY | LEGAL) {
                return None;
            }
            words += 1;
            known += usize::from(token.has(GIVEN | SURNAME));
            common += usize::from(token.has(COMMON | STOP) && !token.has(SURNAME | GIVEN));
            other += usize::from(token.shape == Shape::Uncased);
            if !token.capital() && token.shape != Shape::Uncased && words == 1 {
                return None;
            }
            last = at;
        } else if !(words > 0 && (token.is(b'-') || token.is(b'.') && reading.at(at - 1).len() < 4)) {
            break;
        }
        if words > 5 {
            return None;
        }
        at += 1;
    }
    if reading.at(at).shape == Shape::Code || reading.at(at).shape == Shape::Number || reading.at(at).is(b'(')
    {
        return None;
    }
    let plausible = known > 0 || other == words || personal;
    let enough = words > 1 || known > 0;
    let score = match (personal, known > 0) {
        (true, true) => 0.85,
        (true, false) => 0.7,
        (false, true) if words > 1 && known > 1 => 0.75,
        // A given name, and a word that is no other: "Grace Hopper", not "Amber Alert".
        (false, true) if words > 1 && given_first(reading, first, last) => 0.55,
        (false, _) => return None,
    };
    (words > 0 && common == 0 && plausible && enough).then(|| Hit::new(Kind::Person, first, last, score))
}

/// Whether the first word of a value is a given name, and no other is a word, a place or a company.
fn given_first(reading: &Reading<'_>, first: usize, last: usize) -> bool {
    let other = COMMON | STOP | PLACE | COUNTRY | ORGANIZATION | BRAND | GROUP;
    let quoted = reading.before(first, 1).is(b'"') && reading.at(last + 1).is(b'"');
    quoted
        && reading.at(first).has(GIVEN)
        && !reading.at(first).has(PLACE)
        && last - first < 3
        && (first + 1..=last).all(|at| reading.at(at).capital() && !reading.at(at).has(other))
}

/// The table that was read last, as tokens.
#[derive(Default)]
struct Table {
    header_end: usize,
    end: usize,
    columns: usize,
}

/// Reads a CSV header at one of its columns, and takes the same column of the lines below.
fn column(reading: &Reading<'_>, key: usize, table: &mut Table, hits: &mut Vec<Hit>) {
    if key < table.end && (key >= table.header_end || table.columns > 4) {
        return;
    }
    let mut start = key;
    while start > 0 && reading.at(start).gap != Gap::Line {
        start -= 1;
        if key - start > 32 {
            return;
        }
    }
    let column = (start..key).filter(|&at| separator(reading, at)).count();
    let mut end = key + 1;
    while reading.at(end).gap != Gap::Line && end - key < 64 {
        end += 1;
    }
    let columns = (start..end).filter(|&at| separator(reading, at)).count();
    // A header holds names of columns only; prose has spaces between the words.
    let header = columns > 0
        && (start..end).all(|at| {
            separator(reading, at)
                || reading.at(at).word()
                || reading.at(at).shape == Shape::Code
                || reading.at(at).is(b'"')
        });
    let tight = (start + 1..end)
        .all(|at| reading.at(at).gap != Gap::Space || separator(reading, at.saturating_sub(1)));
    if !header || !tight || !reading.at(key).has(NAME_WORD | KEY) && reading.at(key).shape != Shape::Code {
        return;
    }
    let is_personal = personal(reading, key);
    *table =
        Table { header_end: end, end, columns: if end == table.header_end { table.columns + 1 } else { 1 } };
    let mut at = end;
    while at < reading.tokens.len() {
        let mut seen = 0;
        let mut first = None;
        let line = at;
        while at < reading.tokens.len() && (at == line || reading.at(at).gap != Gap::Line) {
            if seen == column && first.is_none() && !separator(reading, at) && !reading.at(at).is(b'"') {
                first = Some(at);
            }
            seen += usize::from(separator(reading, at));
            at += 1;
        }
        table.end = at;
        if seen < columns {
            return;
        }
        hits.extend(first.and_then(|first| name(reading, first, is_personal)));
    }
}

fn separator(reading: &Reading<'_>, at: usize) -> bool {
    let token = reading.at(at);
    token.is(b',') || token.is(b';') || token.is(b'|')
}

/// Takes the display name before `<mail@host>`.
fn mailbox(reading: &Reading<'_>, angle: usize) -> Option<Hit> {
    let at_sign = (angle + 2..angle + 12).find(|&at| reading.at(at).is(b'@'))?;
    if (angle + 1..at_sign).any(|at| reading.at(at).gap == Gap::Line || reading.at(at).gap == Gap::Space) {
        return None;
    }
    let mut last = angle.checked_sub(1)?;
    while last > 0 && matches!(reading.at(last).shape, Shape::Mark(b'"' | b'\'')) {
        last -= 1;
    }
    let mut first = last;
    if !reading.at(last).word() || reading.at(last).has(BODY | LEGAL) {
        return None;
    }
    while first > 0 && matches!(reading.at(first).gap, Gap::Space | Gap::None) {
        let before = reading.at(first - 1);
        if !before.word() || before.has(STOP) || last - first > 5 {
            break;
        }
        first -= 1;
    }
    let named = (first..=last)
        .any(|at| reading.at(at).has(GIVEN | SURNAME) || reading.at(at).shape == Shape::Uncased);
    let ordinary =
        (first..=last).any(|at| reading.at(at).has(COMMON) && !reading.at(at).has(GIVEN | SURNAME));
    let cased = (first..=last).all(|at| reading.at(at).capital() || reading.at(at).shape == Shape::Uncased);
    (cased && !ordinary && (named || last > first)).then(|| Hit::new(Kind::Person, first, last, 0.8))
}
