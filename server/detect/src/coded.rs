//! Rules that are code, where no pattern can say what is meant: what they are called, and what they saw.

use std::sync::Arc;

use crate::engine::RuleInfo;
use crate::{ByteSpan, Finding, Severity};

/// A rule in code. It has the same labels as one of a table.
#[derive(Debug)]
pub(crate) struct CodedRule {
    pub(crate) id: &'static str,
    pub(crate) category: &'static str,
    pub(crate) entity: &'static str,
    pub(crate) severity: Severity,
    /// How sure a plain case makes us; cases differ.
    pub(crate) score: f64,
    pub(crate) tags: &'static [&'static str],
}

/// What a rule in code saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) rule: &'static CodedRule,
    pub(crate) severity: Severity,
    pub(crate) score: f64,
    pub(crate) span: ByteSpan,
}

impl CodedRule {
    /// Says that the rule saw a plain case.
    pub(crate) fn at(&'static self, span: ByteSpan) -> Seen {
        Seen { rule: self, severity: self.severity, score: self.score, span }
    }

    /// Says that the rule saw a case of that score.
    pub(crate) fn scored(&'static self, span: ByteSpan, score: f64) -> Seen {
        Seen { score: score.clamp(0.0, 1.0), ..self.at(span) }
    }

    pub(crate) fn info(&self, detector: &str) -> RuleInfo {
        RuleInfo {
            id: self.id.into(),
            detector: detector.into(),
            entity: self.entity.into(),
            severity: self.severity,
            tags: self.tags.iter().map(|tag| (*tag).to_owned()).collect(),
        }
    }
}

impl Seen {
    /// Makes the finding, with the span as the content's own.
    pub(crate) fn finding(
        &self,
        detector: &Arc<str>,
        content: usize,
        span: ByteSpan,
        path: &[&'static str],
    ) -> Finding {
        Finding {
            content,
            detector: detector.clone(),
            category: self.rule.category.into(),
            entity: self.rule.entity.into(),
            rule_id: self.rule.id.into(),
            severity: self.severity,
            score: self.score,
            span,
            path: path.to_vec(),
            pointer: None,
        }
    }
}
