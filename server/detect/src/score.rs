//! From findings to one injection score, and how a classifier's score joins it.

use crate::{Finding, Role};

/// What a text without any sign gets: rules alone cannot promise that nothing is there.
pub(crate) const BASELINE: f64 = 0.02;

/// Scores the injection findings of one content.
///
/// The strongest finding counts in full; each further rule takes a part of the remaining doubt, less than a finding of
/// its own would, because rules that fire together mostly saw the same words.
pub(crate) fn injection<'f>(findings: impl Iterator<Item = &'f Finding>, role: Role) -> f64 {
    let mut signals: Vec<(&str, f64)> = Vec::new();
    for finding in findings {
        // Hidden text is odd in itself, which its own detector tells of; what it says is scored by the rules that read it.
        if &*finding.detector != "injection" {
            continue;
        }
        let score = strengthened(finding, role);
        match signals.iter_mut().find(|(rule, _)| *rule == &*finding.rule_id) {
            Some((_, known)) => *known = known.max(score),
            None => signals.push((&finding.rule_id, score)),
        }
    }
    signals.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let doubt = signals
        .iter()
        .take(SIGNALS)
        .enumerate()
        .map(|(place, (_, score))| 1.0 - if place == 0 { *score } else { score * FURTHER })
        .product::<f64>();
    (1.0 - doubt).clamp(BASELINE, CEILING)
}

/// Joins the rules' score with a classifier's: either may be sure alone, and both in doubt are more than one. Rises with
/// each of the two, and is never below the rules' own.
#[must_use]
pub fn combine(rules: f64, classifier: f64) -> f64 {
    let alone = rules;
    let rules = ((rules - BASELINE) / (1.0 - BASELINE)).clamp(0.0, 1.0);
    (1.0 - (1.0 - rules) * (1.0 - classifier.clamp(0.0, 1.0))).max(alone).clamp(0.0, 1.0)
}

/// A phrase counts for more where nobody has reason to give orders, and where somebody took pains to disguise it.
fn strengthened(finding: &Finding, role: Role) -> f64 {
    let mut doubt = 1.0 - finding.score;
    // A hint is no more than a hint wherever it stands.
    if finding.score >= 0.5 {
        if matches!(role, Role::Tool | Role::Document) {
            doubt *= IN_DATA;
        }
        if finding.path.iter().any(|step| DISGUISES.contains(step)) {
            doubt *= DISGUISED;
        }
    }
    1.0 - doubt
}

/// Steps that no benign text takes by chance; JSON, URLs and HTML are escaped every day.
static DISGUISES: &[&str] = &[
    "base64",
    "base32",
    "hex",
    "binary",
    "decimal",
    "morse",
    "rot13",
    "caesar",
    "atbash",
    "reversed",
    "deobfuscated",
    "confusables",
    "tag-characters",
    "variation-selectors",
    "zero-width",
    "braille",
    "upside-down",
    "joined-strings",
    "spaced",
    "unmarked",
    "gzip",
    "base58",
    "base85",
    "rot47",
    "nato",
    "acrostic",
    "utf-7",
    "uuencode",
];

const FURTHER: f64 = 0.35;
const IN_DATA: f64 = 0.8;
const DISGUISED: f64 = 0.6;
const SIGNALS: usize = 8;
const CEILING: f64 = 0.995;
