//! Credentials: how many are found, whole, and what is taken for one.

use std::collections::BTreeMap;

use super::{
    gold::{Case as _, Secret},
    spans::{Cover, Found, Tally},
    subject::Findings,
};

/// The entity of credentials; others in the same text are not looked at.
const ENTITY: &str = "SECRET";

/// A credential is found when at least half of it is covered, and found whole when all of it is.
#[derive(Debug, Default)]
pub(super) struct Score {
    pub(super) all: Tally,
    pub(super) sources: BTreeMap<String, Tally>,
    /// Hidden by an encoding, by invisible characters, by line breaks.
    pub(super) hidden: Tally,
    /// In sentences, told by words such as "the password is".
    pub(super) passwords: Tally,
    pub(super) connection_strings: Tally,
    /// Texts without a credential, by what they hold instead.
    pub(super) harmless: BTreeMap<String, Flagged>,
}

/// How many of some texts were flagged that need not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flagged {
    pub(super) texts: usize,
    pub(super) flagged: usize,
}

/// Scores what was found.
pub(super) fn score(cases: &[Secret], findings: &Findings) -> Score {
    let mut score = Score::default();
    for case in cases {
        let found: Vec<&Found> =
            findings.get(case.id()).into_iter().flatten().filter(|found| found.entity == ENTITY).collect();
        if case.label == 0 {
            let flagged = score.harmless.entry(case.negative_kind.clone()).or_default();
            flagged.texts += 1;
            flagged.flagged += usize::from(!found.is_empty());
        } else {
            score.add(case, &tally(case, &found));
        }
    }
    score
}

impl Score {
    fn add(&mut self, case: &Secret, tally: &Tally) {
        self.all.add(tally);
        self.sources.entry(case.source.clone()).or_default().add(tally);
        if case.context.as_deref() == Some("obfuscated") {
            self.hidden.add(tally);
        }
        // Other sources have kinds of these names that are something else.
        match case.kind.as_str() {
            "password" if case.source == "own-generator" => self.passwords.add(tally),
            "connection_string" => self.connection_strings.add(tally),
            _ => (),
        }
    }
}

fn tally(case: &Secret, found: &[&Found]) -> Tally {
    let mut tally = Tally::default();
    for mark in &case.spans {
        let cover = Cover::new(&(mark.start..mark.end), found.iter().copied());
        tally.marked += 1;
        tally.found += usize::from(cover.half());
        tally.full += usize::from(cover.full());
        tally.characters += mark.end - mark.start;
        tally.left += cover.left();
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::gold;

    fn case(id: &str, label: u8, rest: &str) -> String {
        // "abcdefghijklmnop", masked.
        format!(
            r#"{{"id":"{id}","text_x":"Ozg5Pj88PTIzMDE2NzQ1Kg==","label":{label},"source":"own-generator",{rest}}}"#
        )
    }

    #[test]
    fn spans_and_look_alikes_are_counted() {
        let lines = [
            case(
                "half",
                1,
                r#""kind":"password","context":null,"spans":[{"start":4,"end":8,"entity":"SECRET"}]"#,
            ),
            case(
                "less",
                1,
                r#""kind":"x","context":"obfuscated","spans":[{"start":4,"end":8,"entity":"SECRET"}]"#,
            ),
            case("other", 0, r#""kind":"x","context":null,"negative_kind":"lookalike","spans":[]"#),
            case("wrong", 0, r#""kind":"x","context":null,"negative_kind":"lookalike","spans":[]"#),
        ];
        let cases: Vec<Secret> = gold::parse(lines.join("\n").as_bytes()).unwrap();
        let span = |entity: &str, start, end| vec![Found { range: start..end, entity: entity.to_owned() }];
        let findings = Findings::from([
            ("half".to_owned(), span("SECRET", 6, 16)),
            ("less".to_owned(), span("SECRET", 7, 16)),
            ("other".to_owned(), span("PERSON", 0, 3)),
            ("wrong".to_owned(), span("SECRET", 0, 3)),
        ]);
        let score = score(&cases, &findings);
        assert_eq!((score.all.marked, score.all.found, score.all.full, score.all.left), (2, 1, 0, 5));
        assert_eq!((score.passwords.found, score.hidden.found, score.hidden.marked), (1, 0, 1));
        assert_eq!(score.harmless["lookalike"], Flagged { texts: 2, flagged: 1 });
    }
}
