//! Personal data: what is found under its own name, what is left to be read, and what is flagged without cause.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    gold::{Case as _, Mark, Personal},
    secrets::Flagged,
    spans::{Cover, Found, Tally, ratio},
    subject::Findings,
};

/// Told by their form or a checksum, the same in every country.
const STRUCTURED: [&str; 8] = [
    "CREDIT_CARD",
    "CRYPTO",
    "EMAIL_ADDRESS",
    "IBAN_CODE",
    "IP_ADDRESS",
    "MAC_ADDRESS",
    "PHONE_NUMBER",
    "US_SSN",
];
/// Told by meaning alone.
const NAMED: [&str; 7] = ["AGE", "DATE_TIME", "LOCATION", "NRP", "ORGANIZATION", "PERSON", "TITLE"];
/// The source whose numbers are spelled, spaced or disguised.
const OBFUSCATED: &str = "own-obfuscated";

/// A mark is found when spans of its entity type cover at least half of it. A span is wrong when its type is one that is
/// marked throughout the text, and it touches no mark of any type.
#[derive(Debug, Default)]
pub(super) struct Score {
    entities: BTreeMap<String, Tally>,
    sources: BTreeMap<String, Tally>,
    /// Texts without any mark.
    pub(super) harmless: Flagged,
}

/// Scores what was found.
pub(super) fn score(cases: &[Personal], findings: &Findings) -> Score {
    let mut score = Score::default();
    for case in cases {
        let found: Vec<Found> = findings.get(case.id()).into_iter().flatten().map(canonical).collect();
        score.add(case, &found);
    }
    score
}

impl Score {
    fn add(&mut self, case: &Personal, found: &[Found]) {
        for mark in case.spans.iter().filter(|mark| !mark.weak) {
            let entity = entity(&mark.entity);
            self.both(entity, &case.source, &tally(mark, entity, found));
        }
        let scope: BTreeSet<&str> = case.scope.iter().map(|name| entity(name)).collect();
        let wrong = found.iter().filter(|found| {
            let touches = |mark: &Mark| found.overlaps(&(mark.start..mark.end));
            scope.contains(found.entity.as_str()) && !case.spans.iter().any(touches)
        });
        let mut any = false;
        for found in wrong {
            any = true;
            self.both(&found.entity, &case.source, &Tally { wrong: 1, ..Tally::default() });
        }
        if case.spans.is_empty() {
            self.harmless.texts += 1;
            self.harmless.flagged += usize::from(any);
        }
    }

    fn both(&mut self, entity: &str, source: &str, tally: &Tally) {
        self.entities.entry(entity.to_owned()).or_default().add(tally);
        self.sources.entry(source.to_owned()).or_default().add(tally);
    }

    /// Returns the mean F2 of the structured types, each weighing the same.
    pub(super) fn structured_f2(&self) -> f64 {
        let f2: Vec<f64> =
            STRUCTURED.iter().filter_map(|&name| self.entities.get(name)).map(Tally::f2).collect();
        f2.iter().sum::<f64>() * ratio(1, f2.len())
    }

    /// Returns the identity numbers of all countries as one.
    pub(super) fn national(&self) -> Tally {
        self.sum(|name| !STRUCTURED.contains(&name) && !NAMED.contains(&name))
    }

    /// Returns everything as one.
    pub(super) fn all(&self) -> Tally {
        self.sum(|_| true)
    }

    /// Returns what is told by form or checksum as one: what a redaction by rules can be held to.
    pub(super) fn unnamed(&self) -> Tally {
        self.sum(|name| !NAMED.contains(&name))
    }

    pub(super) fn entity(&self, name: &str) -> Tally {
        self.entities.get(name).copied().unwrap_or_default()
    }

    pub(super) fn obfuscated(&self) -> Tally {
        self.sources.get(OBFUSCATED).copied().unwrap_or_default()
    }

    pub(super) const fn sources(&self) -> &BTreeMap<String, Tally> {
        &self.sources
    }

    fn sum(&self, which: impl Fn(&str) -> bool) -> Tally {
        let mut sum = Tally::default();
        self.entities.iter().filter(|(name, _)| which(name)).for_each(|(_, tally)| sum.add(tally));
        sum
    }
}

fn tally(mark: &Mark, entity: &str, found: &[Found]) -> Tally {
    let range = mark.start..mark.end;
    let named = Cover::new(&range, found.iter().filter(|found| found.entity == entity));
    Tally {
        marked: 1,
        found: usize::from(named.half()),
        full: usize::from(named.full()),
        wrong: 0,
        characters: range.len(),
        // Whatever it was called: it is redacted all the same.
        left: Cover::new(&range, found).left(),
    }
}

fn canonical(found: &Found) -> Found {
    Found { range: found.range.clone(), entity: entity(&found.entity).to_owned() }
}

/// Returns one name for what detectors and data sets call differently.
fn entity(name: &str) -> &str {
    match name {
        "EMAIL" => "EMAIL_ADDRESS",
        "PHONE" | "PH_MOBILE_NUMBER" | "TR_PHONE_NUMBER" => "PHONE_NUMBER",
        "CREDITCARD" => "CREDIT_CARD",
        "IBAN" => "IBAN_CODE",
        "SSN" => "US_SSN",
        "IP" | "IPV4" | "IPV6" => "IP_ADDRESS",
        "MAC" => "MAC_ADDRESS",
        "ADDRESS" | "FAC" | "GPE" | "LOC" | "STREET_ADDRESS" => "LOCATION",
        "ORG" => "ORGANIZATION",
        "NAME" | "PER" => "PERSON",
        "BITCOIN" => "CRYPTO",
        "DATE" => "DATE_TIME",
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::gold;

    const CASES: &str = r#"
{"id":"a","text":"0123456789","source":"s","scope":["PHONE"],"spans":[{"start":0,"end":4,"entity":"PHONE_NUMBER"}]}
{"id":"b","text":"0123456789","source":"s","scope":["PHONE"],"spans":[{"start":0,"end":4,"entity":"US_SSN","weak":true}]}
{"id":"c","text":"0123456789","source":"s","scope":["PHONE"],"spans":[]}
{"id":"d","text":"0123456789","source":"own-obfuscated","scope":[],"spans":[{"start":0,"end":4,"entity":"US_ITIN"}]}"#;

    fn scored(found: &[(&str, &str, std::ops::Range<usize>)]) -> Score {
        let cases: Vec<Personal> = gold::parse(CASES.as_bytes()).unwrap();
        let mut findings = Findings::new();
        for (id, entity, range) in found {
            let found = Found { range: range.clone(), entity: (*entity).to_owned() };
            findings.entry((*id).to_owned()).or_default().push(found);
        }
        score(&cases, &findings)
    }

    #[test]
    fn types_have_to_agree_but_cover_all_the_same() {
        let score = scored(&[("a", "PHONE", 2..4), ("d", "US_SSN", 0..4)]);
        assert_eq!((score.entity("PHONE_NUMBER").found, score.entity("PHONE_NUMBER").left), (1, 2));
        assert_eq!((score.national().marked, score.national().found, score.national().left), (1, 0, 0));
        assert_eq!(score.obfuscated().marked, 1);
        assert!((score.structured_f2() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn only_types_in_scope_can_be_wrong() {
        let score = scored(&[("a", "PHONE", 5..7), ("b", "PHONE", 3..6), ("c", "IBAN", 0..4)]);
        assert_eq!(score.all().wrong, 1);
        assert_eq!(score.harmless, Flagged { texts: 1, flagged: 0 });
        assert_eq!(scored(&[("c", "PHONE", 0..4)]).harmless.flagged, 1);
    }
}
