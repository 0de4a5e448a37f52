//! Where a classifier joins the rules. The library holds no model: the host brings one that it has made ready.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{
    ByteSpan, Cancel, Content, DetectorStatus, Direction, Engine, Finding, Policy, Request, Role, RuleScores,
    Severity, score,
};

use super::DetectorInfo;

/// The classifier's name among detectors.
pub(crate) const DETECTOR: &str = "classifier";

/// The least and the most that is left of the time for everything after the classifier, a fifth in between: a verdict
/// that is late is none, and the classifier itself stops only at its next layer.
const RESERVE: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(250)];

/// A model that says how likely a text carries an injection.
pub trait Classifier: fmt::Debug + Send + Sync {
    /// Judges a text; ends soon after `cancel` is raised, with what is known by then. `scope` is that of the
    /// [`ScanOptions`](crate::ScanOptions): what is remembered of a text is remembered for its scope alone.
    ///
    /// # Errors
    /// When nothing is known of the text.
    fn judge(&self, text: &str, role: Role, scope: &str, cancel: &Cancel) -> Result<Judgement, Unjudged>;
}

/// What a classifier makes of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The calibrated probability that it carries an injection, in [0, 1].
    pub probability: f64,
    /// The share of the text that was read, in [0, 1].
    pub coverage: f64,
    /// The part of the text that decided.
    pub span: ByteSpan,
    /// The family of attacks that this part resembles most, such as `prompt_extraction`.
    pub family: Arc<str>,
    /// The model that judged: its name, version and digest. A host may change models between two texts.
    pub model: Arc<str>,
}

/// Why a classifier has no judgement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unjudged {
    /// It was stopped before it had read anything.
    Stopped,
    /// It failed.
    Failed,
}

/// How the classifier fared on one content.
pub(super) struct Classified {
    judged: Option<Judgement>,
    pub(super) status: DetectorStatus,
    pub(super) duration: Duration,
}

impl Engine {
    /// Has a classifier judge texts beside the rules from now on, where the policy asks for it.
    #[must_use]
    pub fn with_classifier(mut self, classifier: Arc<dyn Classifier>) -> Self {
        self.classifier = Some(classifier);
        if !self.detectors.iter().any(|detector| &*detector.name == DETECTOR) {
            let entities = vec![JAILBREAK.into(), ENTITY.into()];
            self.detectors.push(DetectorInfo { name: DETECTOR.into(), rule_count: 0, entities });
            self.detectors.sort_by(|a, b| a.name.cmp(&b.name));
        }
        self
    }

    /// Whether the classifier takes part in a scan: then that takes milliseconds, not microseconds.
    #[must_use]
    pub fn classifies(&self, request: &Request<'_>, policy: &Policy) -> bool {
        let runs = |content: &Content<'_>| policy.runs(DETECTOR, request.direction, content.role);
        self.classifier.is_some() && request.contents.iter().any(runs)
    }

    /// Has the classifier judge a content.
    pub(super) fn classify(&self, content: &Content<'_>, scope: &str, cancel: &Cancel) -> Classified {
        let began = Instant::now();
        let cancel = cancel.with_reserve(RESERVE);
        let judged = match &self.classifier {
            Some(classifier) => classifier.judge(content.text, content.role, scope, &cancel),
            None => Err(Unjudged::Failed),
        };
        let status = match &judged {
            Ok(judgement) if judgement.coverage < 1.0 && cancel.is_cancelled() => DetectorStatus::TimedOut,
            Ok(_) => DetectorStatus::Ok,
            Err(Unjudged::Stopped) => DetectorStatus::TimedOut,
            Err(Unjudged::Failed) => DetectorStatus::Failed,
        };
        Classified { judged: judged.ok(), status, duration: began.elapsed() }
    }
}

impl Classified {
    /// Returns how likely the content carries an injection; 0 where that is not known.
    pub(super) fn probability(&self) -> f64 {
        self.judged.as_ref().map_or(0.0, |judged| judged.probability)
    }

    /// Returns the share of the content that was read.
    pub(super) fn coverage(&self) -> f64 {
        self.judged.as_ref().map_or(0.0, |judged| judged.coverage)
    }

    /// Joins the rules' scores of the content with the classifier's, as far as it got.
    pub(super) fn join(&self, rules: RuleScores) -> f64 {
        match &self.judged {
            Some(judged) if judged.coverage >= 1.0 => score::combine(rules, judged.probability),
            Some(judged) => score::either(rules.all, judged.probability),
            None => rules.all,
        }
    }

    /// Names the model that judged.
    pub(super) fn model(&self) -> Option<Arc<str>> {
        self.judged.as_ref().map(|judged| Arc::clone(&judged.model))
    }

    /// Returns a finding of the part that decided, where there is anything to tell of.
    pub(super) fn finding(
        &self,
        index: usize,
        content: &Content<'_>,
        direction: Direction,
        policy: &Policy,
    ) -> Option<Finding> {
        let judged = self.judged.as_ref()?;
        let finding = Finding {
            content: index,
            detector: DETECTOR.into(),
            category: "prompt_injection".into(),
            entity: if &*judged.family == "jailbreak" { JAILBREAK } else { ENTITY }.into(),
            rule_id: format!("{DETECTOR}-{}", judged.family.replace('_', "-")).into(),
            severity: Severity::High,
            score: judged.probability,
            span: judged.span,
            path: Vec::new(),
            pointer: None,
        };
        (!content.text.is_empty() && policy.admits(&finding, content.text, direction)).then_some(finding)
    }
}

/// Returns how many of a text's bytes a share of it leaves out.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a part of a length"
)]
pub(super) fn unread(length: usize, coverage: f64) -> usize {
    ((1.0 - coverage.clamp(0.0, 1.0)) * length as f64).ceil() as usize
}

const ENTITY: &str = "PROMPT_INJECTION";
const JAILBREAK: &str = "JAILBREAK";
