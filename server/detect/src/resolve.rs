//! Which of several findings on the same bytes stay.
//!
//! Findings are compared in the policy's [`Overlap`] order. A secret or personal datum that lies within a stronger one is
//! dropped; one that only overlaps stays, so that the union of all is covered. Findings of other kinds (injections,
//! hidden text, rules of the policy) drop nothing and are never dropped: a policy acts on each of them. The order is
//! total, so the outcome does not depend on the order in which detectors ran.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::Finding;

/// Which of overlapping findings wins. What is equal in the first respect is decided by the others: sure before unsure,
/// severity, score, length, the earlier start, the lesser rule id.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Overlap {
    /// Of those that are more likely right than wrong, the one that it would cost most to miss.
    #[default]
    Severity,
    /// The one that the detector is most sure of.
    Score,
    /// The one that covers most.
    Longest,
}

/// Compares two findings on the same text; the greater one wins.
pub(crate) fn strength(a: &Finding, b: &Finding, order: Overlap) -> Ordering {
    let sure = |finding: &Finding| finding.score >= SURE;
    let score = a.score.total_cmp(&b.score);
    let length = a.span.len().cmp(&b.span.len());
    let first = match order {
        Overlap::Severity => Ordering::Equal,
        Overlap::Score => score,
        Overlap::Longest => length,
    };
    first
        .then(sure(a).cmp(&sure(b)))
        .then(a.severity.cmp(&b.severity))
        .then(score)
        .then(length)
        .then(b.span.start.cmp(&a.span.start))
        .then_with(|| b.rule_id.cmp(&a.rule_id))
        .then_with(|| b.path.len().cmp(&a.path.len()))
}

/// From here on a finding is more likely right than wrong: a phone number with its country code is no national id whose
/// check digit fits by chance, however much worse it would be to miss one.
const SURE: f64 = 0.5;

/// Merges what one rule found in several views: of overlapping findings the one with the plainest path stays.
pub(crate) fn merge_views(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        (a.content, &a.rule_id, a.path.len(), a.span).cmp(&(b.content, &b.rule_id, b.path.len(), b.span))
    });
    // Within a rule the plain ones come first; the others are kept only where they add a place.
    let mut kept: Vec<Finding> = Vec::with_capacity(findings.len());
    let mut group = 0;
    for finding in findings.drain(..) {
        if kept
            .get(group)
            .is_some_and(|first| first.content != finding.content || first.rule_id != finding.rule_id)
        {
            group = kept.len();
        }
        let seen = kept.iter().skip(group).rev().take(COMPARED).any(|other| {
            other.span == finding.span || (other.path != finding.path && other.span.overlaps(finding.span))
        });
        if !seen {
            kept.push(finding);
        }
    }
    *findings = kept;
}

/// Drops the findings of byte patterns that lie within a stronger one, and sorts by content and start.
pub(crate) fn drop_contained(findings: &mut Vec<Finding>, order: Overlap) {
    findings.sort_by(|a, b| {
        (a.content, a.span.start).cmp(&(b.content, b.span.start)).then_with(|| strength(b, a, order))
    });
    let mut kept: Vec<Finding> = Vec::with_capacity(findings.len());
    let mut cluster: Vec<Finding> = Vec::new();
    let mut cluster_end = 0;
    for finding in findings.drain(..) {
        let joins = cluster.last().is_some_and(|last| last.content == finding.content)
            && finding.span.start < cluster_end;
        if !joins {
            settle(&mut cluster, &mut kept, order);
            cluster_end = 0;
        }
        cluster_end = cluster_end.max(finding.span.end);
        cluster.push(finding);
    }
    settle(&mut cluster, &mut kept, order);
    kept.sort_by(|a, b| {
        (a.content, a.span, &a.detector, &a.rule_id).cmp(&(b.content, b.span, &b.detector, &b.rule_id))
    });
    *findings = kept;
}

fn settle(cluster: &mut Vec<Finding>, kept: &mut Vec<Finding>, order: Overlap) {
    cluster.sort_by(|a, b| strength(b, a, order));
    let first = kept.len();
    for finding in cluster.drain(..) {
        let competes = |finding: &Finding| matches!(&*finding.category, "secret" | "personal_data");
        let beaten = competes(&finding)
            && kept
                .iter()
                .skip(first)
                .take(COMPARED)
                .any(|stronger| competes(stronger) && stronger.span.contains(finding.span));
        if !beaten {
            kept.push(finding);
        }
    }
}

/// Findings that one is compared with; more on the same bytes come from no honest text.
const COMPARED: usize = 64;
