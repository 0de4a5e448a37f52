//! Which of several findings on the same bytes stay.
//!
//! The order is sure before unsure, then severity, then score, then length, then the earlier start, then the rule's id.
//! A finding that lies within a stronger one is dropped; one that only overlaps stays, so that the union of all is covered.

use std::cmp::Ordering;

use crate::Finding;

/// Compares two findings on the same text; the greater one wins.
pub(crate) fn strength(a: &Finding, b: &Finding) -> Ordering {
    let sure = |finding: &Finding| finding.score >= SURE;
    sure(a)
        .cmp(&sure(b))
        .then(a.severity.cmp(&b.severity))
        .then(a.score.total_cmp(&b.score))
        .then(a.span.len().cmp(&b.span.len()))
        .then(b.span.start.cmp(&a.span.start))
        .then_with(|| b.rule_id.cmp(&a.rule_id))
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
pub(crate) fn drop_contained(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        (a.content, a.span.start).cmp(&(b.content, b.span.start)).then_with(|| strength(b, a))
    });
    let mut kept: Vec<Finding> = Vec::with_capacity(findings.len());
    let mut cluster: Vec<Finding> = Vec::new();
    let mut cluster_end = 0;
    for finding in findings.drain(..) {
        let joins = cluster.last().is_some_and(|last| last.content == finding.content)
            && finding.span.start < cluster_end;
        if !joins {
            settle(&mut cluster, &mut kept);
            cluster_end = 0;
        }
        cluster_end = cluster_end.max(finding.span.end);
        cluster.push(finding);
    }
    settle(&mut cluster, &mut kept);
    kept.sort_by(|a, b| {
        (a.content, a.span, &a.detector, &a.rule_id).cmp(&(b.content, b.span, &b.detector, &b.rule_id))
    });
    *findings = kept;
}

fn settle(cluster: &mut Vec<Finding>, kept: &mut Vec<Finding>) {
    cluster.sort_by(|a, b| strength(b, a));
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
