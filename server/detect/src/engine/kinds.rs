//! What an engine can find, and why it found it: for those who explain a policy.

use std::time::Duration;

use super::Engine;
use super::checks::Checks;
use super::pass::{Pass, Running};
use crate::cancel::Cancel;
use crate::policy::Policy;
use crate::resolve::merge_views;
use crate::rules::Rule;
use crate::{ByteSpan, Content, Finding, Severity};

impl Engine {
    /// Returns everything that the engine's rules and the policy's own find in a text, those included that the policy
    /// does not tell of. [`Policy::explain`] says of each why.
    #[must_use]
    pub fn inspect_with(&self, content: &Content<'_>, policy: &Policy) -> Vec<Finding> {
        let detectors = self.detectors_under(policy);
        let running = Running::new(&detectors, |_| true);
        let checks = Checks::of_policy(self, policy);
        let mut buffers = self.take();
        let cancel = Cancel::never();
        let mut pass = Pass {
            engine: self,
            custom: policy.custom(),
            content,
            index: 0,
            running: &running,
            checks: &checks,
            cancel: &cancel,
            decode: true,
            truncated: false,
            buffers: &mut buffers,
        };
        let (mut findings, _) = pass.run(&mut vec![Duration::ZERO; detectors.len()]);
        self.give_back(buffers);
        merge_views(&mut findings);
        findings
    }

    /// Returns a finding of every kind, at no place.
    pub(crate) fn kinds(&self) -> Vec<Finding> {
        let mut kinds: Vec<Finding> = {
            let rules = self.raw.rules().iter().chain(self.folded.rules()).chain(self.output.rules());
            rules.map(kind_of).collect()
        };
        kinds.extend(self.checks_of_kinds());
        for detector in &self.detectors {
            for entity in &detector.entities {
                if kinds.iter().any(|kind| kind.detector == detector.name && kind.entity == *entity) {
                    continue;
                }
                kinds.push(Finding {
                    content: 0,
                    detector: detector.name.clone(),
                    category: match &*detector.name {
                        "pii" => "personal_data".into(),
                        "secrets" => "secret".into(),
                        other => other.into(),
                    },
                    entity: entity.clone(),
                    rule_id: "".into(),
                    severity: Severity::Medium,
                    score: 1.0,
                    span: ByteSpan::default(),
                    path: Vec::new(),
                    pointer: None,
                });
            }
        }
        kinds
    }

    pub(crate) fn rule(&self, id: &str) -> Option<&Rule> {
        self.raw.rules().iter().chain(self.folded.rules()).find(|rule| &*rule.id == id)
    }
}

/// Returns a finding of a rule's kind, at no place.
pub(crate) fn kind_of(rule: &Rule) -> Finding {
    Finding {
        content: 0,
        detector: rule.detector.clone(),
        category: rule.category.clone(),
        entity: rule.entity.clone(),
        rule_id: rule.id.clone(),
        severity: rule.severity,
        score: rule.score,
        span: ByteSpan::default(),
        path: Vec::new(),
        pointer: None,
    }
}
