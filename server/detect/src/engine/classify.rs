//! Where a classifier joins the rules. The library holds no model: the host brings one that it has made ready.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{
    Cancel, Content, DetectorReport, DetectorStatus, Direction, Engine, Finding, Policy, Report, Request,
    Role, Severity,
};

use super::DetectorInfo;

/// The classifier's name among detectors.
pub(crate) const DETECTOR: &str = "classifier";

/// The least and the most that is left of the time for everything after the classifier, a fifth in between: a verdict
/// that is late is none, and the classifier itself stops only at its next layer.
const RESERVE: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(250)];

/// A model that says how likely a text carries an injection.
pub trait Classifier: fmt::Debug + Send + Sync {
    /// Judges a text; ends soon after `cancel` is raised, with what is known by then.
    ///
    /// # Errors
    /// When nothing is known of the text.
    fn judge(&self, text: &str, role: Role, cancel: &Cancel) -> Result<Judgement, Unjudged>;

    /// Names the model, its version and digest.
    fn model_id(&self) -> &str;
}

/// What a classifier makes of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// The calibrated probability that it carries an injection, in [0, 1].
    pub probability: f64,
    /// The share of the text that was read, in [0, 1].
    pub coverage: f64,
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
    /// 0 where it did not run or failed.
    pub(super) probability: f64,
    pub(super) coverage: f64,
    pub(super) status: DetectorStatus,
    pub(super) duration: Duration,
}

impl Engine {
    /// Has a classifier judge texts beside the rules from now on, where the policy asks for it.
    #[must_use]
    pub fn with_classifier(mut self, classifier: Arc<dyn Classifier>) -> Self {
        self.classifier = Some(classifier);
        if !self.detectors.iter().any(|detector| &*detector.name == DETECTOR) {
            let entities = vec![ENTITY.into()];
            self.detectors.push(DetectorInfo { name: DETECTOR.into(), rule_count: 0, entities });
            self.detectors.sort_by(|a, b| a.name.cmp(&b.name));
        }
        self
    }

    /// Names the model that took part in what a report tells of, if one did.
    #[must_use]
    pub fn classifier_of(&self, report: &Report) -> Option<&str> {
        let took_part = |detector: &DetectorReport| {
            &*detector.detector == DETECTOR && detector.status != DetectorStatus::Skipped
        };
        let classifier = self.classifier.as_ref().filter(|_| report.detectors.iter().any(took_part))?;
        Some(classifier.model_id())
    }

    /// Whether the classifier takes part in a scan: then that takes milliseconds, not microseconds.
    #[must_use]
    pub fn classifies(&self, request: &Request<'_>, policy: &Policy) -> bool {
        let runs = |content: &Content<'_>| policy.runs(DETECTOR, request.direction, content.role);
        self.classifier.is_some() && request.contents.iter().any(runs)
    }

    /// Has the classifier judge a content.
    pub(super) fn classify(&self, content: &Content<'_>, cancel: &Cancel) -> Classified {
        let began = Instant::now();
        let cancel = cancel.with_reserve(RESERVE);
        let judged = match &self.classifier {
            Some(classifier) => classifier.judge(content.text, content.role, &cancel),
            None => Err(Unjudged::Failed),
        };
        let (probability, coverage, status) = match judged {
            Ok(Judgement { coverage, .. }) if coverage < 1.0 && cancel.is_cancelled() => {
                let probability = judged.map_or(0.0, |judgement| judgement.probability);
                (probability, coverage, DetectorStatus::TimedOut)
            }
            Ok(Judgement { probability, coverage }) => (probability, coverage, DetectorStatus::Ok),
            Err(Unjudged::Stopped) => (0.0, 0.0, DetectorStatus::TimedOut),
            Err(Unjudged::Failed) => (0.0, 0.0, DetectorStatus::Failed),
        };
        Classified { probability, coverage, status, duration: began.elapsed() }
    }
}

impl Classified {
    /// Returns a finding of the whole content, where there is anything to tell of.
    pub(super) fn finding(
        &self,
        index: usize,
        content: &Content<'_>,
        direction: Direction,
        policy: &Policy,
    ) -> Option<Finding> {
        let finding = Finding {
            content: index,
            detector: DETECTOR.into(),
            category: "prompt_injection".into(),
            entity: ENTITY.into(),
            rule_id: DETECTOR.into(),
            severity: Severity::High,
            score: self.probability,
            span: crate::ByteSpan { start: 0, end: content.text.len() },
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
