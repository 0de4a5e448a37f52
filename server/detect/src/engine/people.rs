//! Names as part of the detector `pii`: found by word lists and grammar where rules have no pattern to go by.

use std::sync::LazyLock;

use super::RuleInfo;
use super::checks::Place;
use crate::names::{Named, Names};
use crate::{ByteSpan, Finding, Severity};

pub(super) const DETECTOR: &str = "pii";

const CATEGORY: &str = "personal_data";

/// The word lists are the same for every engine.
static NAMES: LazyLock<Names> = LazyLock::new(Names::new);

/// A grammar of [`Names`], as findings show it.
#[derive(Debug)]
pub(super) struct NameRule {
    id: &'static str,
    pub(super) entity: &'static str,
    severity: Severity,
}

pub(super) static RULES: &[NameRule] = &[
    NameRule { id: "person-name", entity: "PERSON", severity: Severity::Medium },
    NameRule { id: "postal-address", entity: "LOCATION", severity: Severity::Medium },
    NameRule { id: "place-name", entity: "LOCATION", severity: Severity::Low },
    NameRule { id: "organization-name", entity: "ORGANIZATION", severity: Severity::Low },
    NameRule { id: "nationality-religion", entity: "NRP", severity: Severity::Low },
];

impl NameRule {
    pub(super) fn info(&self) -> RuleInfo {
        RuleInfo {
            id: self.id.into(),
            detector: DETECTOR.into(),
            entity: self.entity.into(),
            severity: self.severity,
            tags: Vec::new(),
        }
    }
}

/// Makes the word lists ready, which else the first text would wait for.
pub(super) fn warm() {
    LazyLock::force(&NAMES);
}

/// Finds the names in one view of a content.
pub(super) fn find(
    content: usize,
    place: &Place<'_>,
    source: impl Fn(ByteSpan) -> Option<ByteSpan>,
    findings: &mut Vec<Finding>,
) {
    let mut found: Vec<Named> = Vec::new();
    NAMES.find(&place.layer.text, &mut found);
    let path = if found.is_empty() { Vec::new() } else { place.path() };
    findings.extend(found.into_iter().filter_map(|named| {
        let severity = RULES.iter().find(|rule| rule.id == named.rule_id)?.severity;
        Some(Finding {
            content,
            detector: DETECTOR.into(),
            category: CATEGORY.into(),
            entity: named.entity.into(),
            rule_id: named.rule_id.into(),
            severity,
            score: named.score,
            span: source(named.span)?,
            path: path.clone(),
            pointer: place.pointer(named.span),
        })
    }));
}
