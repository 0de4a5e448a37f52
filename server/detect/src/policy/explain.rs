//! Why a policy decides as it does: what holds for every entity, and for a finding which rule, score, threshold and
//! action led to the decision.

use super::data::PolicyData;
use super::shape::nearest;
use super::{FailMode, Policy, PolicyError};
use crate::engine::{CLASSIFIER, kind_of};
use crate::rules::{Invalid, Rule};
use crate::{Action, DetectorInfo, Direction, Engine, Finding};

/// Which part of a policy a value comes from; the closest wins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// The setting of the rule.
    Rule,
    /// The setting of the entity.
    Entity,
    /// The policy's own rule or denied value.
    CustomRule,
    /// The detector.
    Detector,
    /// The detector is in shadow mode: it tells and moves nothing.
    Shadow,
    /// Nothing in the policy: this is what holds without a word.
    Builtin,
}

/// What holds for an entity of a detector in one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// The detector.
    pub detector: String,
    /// The entity type.
    pub entity: String,
    /// Whether it is looked for.
    pub enabled: bool,
    /// The least score of a finding that is told of.
    pub threshold: f64,
    /// Where the threshold comes from.
    pub threshold_from: Source,
    /// What is done about a finding.
    pub action: Action,
    /// Where the action comes from.
    pub action_from: Source,
    /// The operator that redacts it.
    pub operator: &'static str,
    /// What an unfinished detector means.
    pub fail: FailMode,
}

/// A part of a finding's score.
#[derive(Clone, Debug, PartialEq)]
pub struct ScorePart {
    /// What it stands for.
    pub what: &'static str,
    /// The score with it and all before it.
    pub score: f64,
}

/// Why a finding was told of or not, and what was done about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The finding.
    pub finding: Finding,
    /// What made its score, in order; one part for what no rule table tells of.
    pub parts: Vec<ScorePart>,
    /// Whether entity and rule are wanted.
    pub enabled: bool,
    /// The least score.
    pub threshold: f64,
    /// Where the threshold comes from.
    pub threshold_from: Source,
    /// The place in the allow list of the entry that lets it pass.
    pub allowed_by: Option<usize>,
    /// Whether the finding is told of.
    pub admitted: bool,
    /// What is done about it, if it is told of.
    pub action: Action,
    /// Where the action comes from.
    pub action_from: Source,
    /// The operator that redacts it.
    pub operator: &'static str,
}

impl Policy {
    /// Returns what holds for every entity that an engine and the policy's own rules find, sorted by detector.
    #[must_use]
    pub fn effective(&self, engine: &Engine, direction: Direction) -> Vec<Effective> {
        let mut kinds: Vec<Finding> = engine.kinds();
        kinds.extend(self.custom().into_iter().flat_map(|custom| custom.rules()).map(kind_of));
        kinds.sort_by(|a, b| (&a.detector, &a.entity, &a.rule_id).cmp(&(&b.detector, &b.entity, &b.rule_id)));
        // One row for an entity, and one for each of its rules that has a setting or is the policy's own.
        let side = self.side(direction);
        let own = |kind: &Finding| {
            side.rules.contains_key(&*kind.rule_id)
                || self.custom().is_some_and(|custom| custom.action(&kind.rule_id).is_some())
        };
        let mut rows = Vec::new();
        for kind in &kinds {
            let mut row = self.row(kind, own(kind), direction);
            // What is redacted is said for a category, too: then an entity alone does not name a row.
            let alike = |other: &&Finding| other.detector == kind.detector && other.entity == kind.entity;
            let split = |other: &Finding| {
                other.category != kind.category && self.operator(other).name() != row.operator
            };
            if !own(kind) && kinds.iter().filter(alike).any(split) {
                row.entity = format!("{} ({})", kind.entity, kind.category);
            }
            if rows.last() != Some(&row) && !rows.contains(&row) {
                rows.push(row);
            }
        }
        rows
    }

    fn row(&self, kind: &Finding, by_rule: bool, direction: Direction) -> Effective {
        let mut kind = kind.clone();
        if !by_rule {
            kind.rule_id = "".into();
        }
        let detector = self.detector(direction, &kind.detector);
        let (mut threshold, mut threshold_from) = self.threshold(&kind, direction);
        let (mut action, mut action_from) = self.action_from(&kind, direction);
        // What nothing says of a phrase is said of the text that it is in.
        if matches!(&*kind.detector, "injection" | CLASSIFIER) {
            let (least, done) = self.injection(direction);
            let from = self.source_of(direction, "injection");
            if threshold_from == Source::Builtin {
                (threshold, threshold_from) = (least, from);
            }
            if action_from == Source::Builtin {
                (action, action_from) = (done, from);
            }
        }
        let entity =
            if by_rule { format!("{} ({})", kind.entity, kind.rule_id) } else { kind.entity.to_string() };
        Effective {
            detector: kind.detector.to_string(),
            entity,
            enabled: detector.enabled && self.is_wanted(&kind, direction),
            threshold,
            threshold_from,
            action,
            action_from,
            operator: self.operator(&kind).name(),
            fail: detector.fail,
        }
    }

    /// Explains a finding that [`Engine::inspect_with`] returned.
    #[must_use]
    pub fn explain(
        &self,
        engine: &Engine,
        finding: &Finding,
        text: &str,
        direction: Direction,
    ) -> Explanation {
        let custom = self.custom().and_then(|c| c.rules().find(|rule| rule.id == finding.rule_id));
        let rule = custom.or_else(|| engine.rule(&finding.rule_id));
        let enabled =
            self.detector(direction, &finding.detector).enabled && self.is_wanted(finding, direction);
        let (threshold, threshold_from) = self.threshold(finding, direction);
        let (action, action_from) = self.action_from(finding, direction);
        let allowed_by = self.allowed_by(finding, text);
        let admitted = enabled && finding.score >= threshold && allowed_by.is_none();
        Explanation {
            finding: finding.clone(),
            parts: rule.map_or_else(
                || vec![ScorePart { what: "detector", score: finding.score }],
                |rule| parts(rule, finding.score),
            ),
            enabled,
            threshold,
            threshold_from,
            allowed_by,
            admitted,
            action: if admitted { action } else { Action::Allow },
            action_from,
            operator: self.operator(finding).name(),
        }
    }

    /// Returns the names in the policy that neither the engine nor the policy's own rules know: what they say would
    /// silently hold for nothing.
    #[must_use]
    pub fn unknown_names(&self, engine: &Engine) -> Vec<PolicyError> {
        unknown_names(&self.inner.data, engine)
    }

    /// Returns the policy's own rules that have to be tried on all of every text, since no literal says where they may
    /// match: they are what costs time.
    pub fn slow_rules(&self) -> impl Iterator<Item = &str> {
        self.custom().into_iter().flat_map(|custom| custom.everywhere())
    }
}

/// Returns the names in a policy that neither an engine nor the policy's own rules know, and its ids that are taken.
pub(super) fn unknown_names(data: &PolicyData, engine: &Engine) -> Vec<PolicyError> {
    let mut detectors: Vec<String> = engine.detectors().iter().map(|d| d.name.to_string()).collect();
    detectors.extend(OUTSIDE.iter().map(|name| (*name).to_owned()));
    let mut entities: Vec<String> =
        engine.detectors().iter().flat_map(|d: &DetectorInfo| &d.entities).map(ToString::to_string).collect();
    entities.extend(OUTSIDE_ENTITIES.iter().map(|name| (*name).to_owned()));
    let mut rules: Vec<String> = engine.rules().map(|rule| rule.id.to_string()).collect();
    let built_in = rules.len();
    for rule in &data.custom_rules {
        entities.push(rule.entity.clone().unwrap_or_else(|| rule.detector.entity().to_owned()));
    }
    entities.extend(data.deny.iter().map(|denied| denied.entity.clone()));
    let own: Vec<(String, String)> = own_ids(data);
    rules.extend(own.iter().map(|(_, id)| id.clone()));
    rules.extend(data.checks.hygiene.word_lists.iter().map(|list| format!("banned-{}", list.name)));
    let mut problems = Vec::new();
    let mut check = |key: String, name: &str, known: &[String]| {
        if !known.iter().any(|known| known == name) {
            let key = format!("{key}.{name}");
            let prefix = key.strip_suffix(name).unwrap_or_default();
            let nearest =
                nearest(name, known.iter().map(String::as_str)).map(|name| format!("{prefix}{name}"));
            problems.push(PolicyError::UnknownKey { key, nearest });
        }
    };
    for (side, of) in [("input", &data.input), ("output", &data.output)] {
        of.detectors.keys().for_each(|name| check(format!("{side}.detectors"), name, &detectors));
        of.entities.keys().for_each(|name| check(format!("{side}.entities"), name, &entities));
        of.rules.keys().for_each(|name| check(format!("{side}.rules"), name, &rules));
    }
    for name in data.operators.keys().filter(|name| *name != "DEFAULT") {
        check("operators".to_owned(), name, &entities);
    }
    for (place, entry) in data.allow.iter().enumerate() {
        entry.entities.iter().for_each(|name| check(format!("allow[{place}].entities"), name, &entities));
        entry.rules.iter().for_each(|name| check(format!("allow[{place}].rules"), name, &rules));
    }
    for (key, id) in own {
        if rules.iter().take(built_in).any(|rule| *rule == id) {
            let message = format!("`{id}` is the id of a built-in rule");
            problems.push(PolicyError::Value { key: format!("{key}.id"), message });
        }
    }
    problems
}

/// Returns the ids of the rules that a policy brings, with the keys that they stand at.
fn own_ids(data: &PolicyData) -> Vec<(String, String)> {
    let rules = data.custom_rules.iter().enumerate();
    let denied = data.deny.iter().enumerate();
    rules
        .map(|(place, rule)| (format!("custom_rules[{place}]"), rule.id.clone()))
        .chain(denied.map(|(place, denied)| (format!("deny[{place}]"), denied.id_at(place))))
        .collect()
}

/// Takes a score apart: a rule's numbers and the score that came out leave no doubt what was met.
fn parts(rule: &Rule, score: f64) -> Vec<ScorePart> {
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    let mut parts = vec![ScorePart { what: "pattern", score: rule.score }];
    let mut reached = rule.score;
    if rule.validator.is_some() {
        let agreed = rule.valid_score.unwrap_or(rule.score);
        let lowered = rule.invalid == Invalid::Lower && score < agreed && score < rule.score;
        reached = if lowered { score } else { agreed };
        let what = if lowered { "validator disagreed" } else { "validator agreed" };
        parts.push(ScorePart { what, score: reached });
    }
    if let Some(context) = &rule.context {
        if context.required || (score > reached && !near(score, reached)) {
            parts.push(ScorePart { what: "context word near", score });
        } else {
            parts.push(ScorePart { what: "no context word needed or found", score: reached });
        }
    }
    if !parts.last().is_some_and(|last| near(last.score, score)) {
        parts.push(ScorePart { what: "detector", score });
    }
    parts
}

/// Detectors that are not the engine's: a policy may name them all the same.
static OUTSIDE: &[&str] = &["classifier", "custom", "hygiene", "output"];

/// Entities that recognisers of names give besides those of the engine's rules.
static OUTSIDE_ENTITIES: &[&str] = &["NRP", "TITLE"];
