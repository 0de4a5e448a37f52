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

/// What the rules make of one content.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RuleScores {
    /// Of all findings, in [0, 1].
    pub all: f64,
    /// Of what a classifier cannot read: findings in text that somebody disguised.
    pub unreadable: f64,
}

/// Joins the rules' scores with a classifier's probability for the same content, the whole of which it read.
///
/// What was found in plain words the classifier has read as well, and it knows whether they are meant or quoted: there
/// the rules move its log-odds by a third of their own. On hand-written texts, where rules fire on harmless texts as
/// often as on attacks, that costs a hundredth of its recall at 1 % false positives, and on mutated attacks both together
/// find more than either (`docs/quality.md`); taking either's word for it lost nearly all of that recall. What stood in disguise only the rules have read: there either may be sure alone.
///
/// Rises with each of the three.
#[must_use]
pub fn combine(rules: RuleScores, classifier: f64) -> f64 {
    let evidence = log_odds(rules.all.max(BASELINE)) - log_odds(BASELINE);
    let joint = probability(WEIGHT.mul_add(evidence, log_odds(classifier)));
    joint.max(either(rules.unreadable, classifier)).clamp(0.0, 1.0)
}

/// Returns the probability that one of two is right, each of which may be sure alone; never below either.
pub(crate) fn either(rules: f64, classifier: f64) -> f64 {
    let sure = ((rules - BASELINE) / (1.0 - BASELINE)).clamp(0.0, 1.0);
    (1.0 - (1.0 - sure) * (1.0 - classifier.clamp(0.0, 1.0))).max(rules).clamp(0.0, 1.0)
}

fn log_odds(probability: f64) -> f64 {
    let probability = probability.clamp(1e-6, 1.0 - 1e-6);
    (probability / (1.0 - probability)).ln()
}

fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// A phrase counts for more where nobody has reason to give orders, and where somebody took pains to disguise it.
fn strengthened(finding: &Finding, role: Role) -> f64 {
    let mut doubt = 1.0 - finding.score;
    // A hint is no more than a hint wherever it stands.
    if finding.score >= 0.5 {
        if matches!(role, Role::Tool | Role::Document) {
            doubt *= IN_DATA;
        }
        if disguised(finding) {
            doubt *= DISGUISED;
        }
    }
    1.0 - doubt
}

/// Whether a finding stood in text that no reader takes in as it stands.
pub(crate) fn disguised(finding: &Finding) -> bool {
    finding.path.iter().any(|step| DISGUISES.contains(step))
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

/// What the rules' log-odds weigh beside those of a classifier that has read the same words.
const WEIGHT: f64 = 1.0 / 3.0;
const FURTHER: f64 = 0.35;
const IN_DATA: f64 = 0.8;
const DISGUISED: f64 = 0.6;
const SIGNALS: usize = 8;
const CEILING: f64 = 0.995;
