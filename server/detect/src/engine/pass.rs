//! One content through all its views.

use std::time::{Duration, Instant};

use super::checks::{Checks, ContentChecks, Place};
use super::{Buffers, DetectorInfo, Engine, people};
use crate::cancel::{Cancel, Cancelled};
use crate::hidden;
use crate::matcher::{Hit, Matcher};
use crate::policy::Custom;
use crate::redact::is_placeholder;
use crate::view::{Layers, Wanted};
use crate::{ByteSpan, Content, Finding};

/// Which detectors run on a content, in the engine's order.
#[derive(Debug)]
pub(super) struct Running {
    runs: Vec<bool>,
    names: Vec<std::sync::Arc<str>>,
}

impl Running {
    pub(super) fn new(detectors: &[DetectorInfo], runs: impl Fn(&str) -> bool) -> Self {
        Self {
            runs: detectors.iter().map(|detector| runs(&detector.name)).collect(),
            names: detectors.iter().filter(|detector| runs(&detector.name)).map(|d| d.name.clone()).collect(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = bool> {
        self.runs.iter().copied()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|running| **running == *name)
    }

    fn any_rule(&self, matcher: &Matcher) -> bool {
        matcher.detectors().any(|name| self.has(name))
    }
}

/// The scan of one content.
pub(super) struct Pass<'a> {
    pub(super) engine: &'a Engine,
    /// Rules of the policy.
    pub(super) custom: Option<&'a Custom>,
    pub(super) content: &'a Content<'a>,
    pub(super) index: usize,
    pub(super) running: &'a Running,
    pub(super) checks: &'a Checks<'a>,
    pub(super) cancel: &'a Cancel,
    pub(super) buffers: &'a mut Buffers,
}

impl Pass<'_> {
    /// Returns what was found, and whether all was looked at. Adds to every detector the time of its passes.
    pub(super) fn run(&mut self, durations: &mut [Duration]) -> (Vec<Finding>, bool) {
        let mut findings = Vec::new();
        let started = Instant::now();
        let wanted = Wanted {
            raw: self.running.any_rule(&self.engine.raw)
                || self.custom.is_some_and(|custom| self.running.any_rule(&custom.raw)),
            folded: self.running.any_rule(&self.engine.folded)
                || self.custom.is_some_and(|custom| self.running.any_rule(&custom.folded)),
        };
        if self.running.has(hidden::DETECTOR) {
            findings
                .extend(hidden::find(self.content.text).into_iter().map(|found| self.hidden_finding(found)));
        }
        let checks = self.checks.on(self.engine, self.content, self.index, self.running);
        checks.text(&mut findings);
        let done = self.views(wanted, &checks, &mut findings).is_ok();
        let took = started.elapsed();
        for (duration, runs) in durations.iter_mut().zip(self.running.iter()) {
            if runs {
                *duration += took;
            }
        }
        (findings, done)
    }

    fn views(
        &mut self,
        wanted: Wanted,
        checks: &ContentChecks<'_>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), Cancelled> {
        let views = checks.widen(wanted);
        if !views.raw && !views.folded {
            return Ok(());
        }
        let text = self.content.text;
        let layers = Layers::new(text, views, &self.engine.vocabulary, self.cancel)?;
        let names = self.engine.names && self.running.has(people::DETECTOR);
        let (engine, custom) = (self.engine, self.custom);
        let known = |entity: &str| engine.knows(entity) || custom.is_some_and(|custom| custom.knows(entity));
        let stands_in = |text: &str, span: ByteSpan| is_placeholder(text, span, &known);
        for (at, layer) in layers.iter() {
            self.cancel.check()?;
            let place = Place { layers: &layers, at, layer, text };
            if names && !layer.folded && layer.is_prose() {
                let source = |span: ByteSpan| {
                    let source = place.source(span);
                    let given = !stands_in(text, source) && !stands_in(&layer.text, span);
                    (given && !source.is_empty()).then_some(source)
                };
                people::find(self.index, &place, source, findings);
            }
            let buffers = &mut *self.buffers;
            checks.view(&place, &mut buffers.output, &mut buffers.hits, self.cancel, findings)?;
            let (matcher, scratch, runs) = if layer.folded {
                (&self.engine.folded, &mut self.buffers.folded, wanted.folded)
            } else {
                (&self.engine.raw, &mut self.buffers.raw, wanted.raw)
            };
            if !runs {
                continue;
            }
            let running = self.running;
            let hits = &mut self.buffers.hits;
            let outcome =
                matcher.scan(&layer.text, |detector| running.has(detector), scratch, self.cancel, hits);
            // The same value is often met in several windows.
            hits.sort_unstable_by_key(|hit| (hit.rule, hit.span));
            hits.dedup_by_key(|hit| (hit.rule, hit.span));
            let path = if hits.is_empty() { Vec::new() } else { place.path() };
            // What is left out of the raw views would be left in the clear by redaction.
            let most = if layer.folded { MOST_PHRASES } else { usize::MAX };
            for hit in hits.drain(..).take(most) {
                let secret = matcher.rule(hit.rule).is_some_and(|rule| &*rule.category == "secret");
                let span = if secret { place.whole_source(hit.span) } else { place.source(hit.span) };
                if !span.is_empty() && !stands_in(text, span) && !stands_in(&layer.text, hit.span) {
                    findings.extend(finding(matcher, hit, self.index, span, &path, &place));
                }
            }
            outcome?;
            if let Some(custom) = custom {
                self.own_rules(custom, &place, &stands_in, findings)?;
            }
        }
        Ok(())
    }

    /// Runs the policy's rules on one layer.
    fn own_rules(
        &mut self,
        custom: &Custom,
        place: &Place<'_>,
        stands_in: &dyn Fn(&str, ByteSpan) -> bool,
        findings: &mut Vec<Finding>,
    ) -> Result<(), Cancelled> {
        let layer = place.layer;
        let matcher = if layer.folded { &custom.folded } else { &custom.raw };
        let (running, hits) = (self.running, &mut self.buffers.hits);
        let wanted = |detector: &str| running.has(detector);
        let outcome = custom.with_buffers(|raw, folded| {
            let scratch = if layer.folded { folded } else { raw };
            matcher.scan(&layer.text, wanted, scratch, self.cancel, hits)
        });
        hits.sort_unstable_by_key(|hit| (hit.rule, hit.span));
        hits.dedup_by_key(|hit| (hit.rule, hit.span));
        let path = if hits.is_empty() { Vec::new() } else { place.path() };
        for hit in hits.drain(..) {
            let value = layer.text.get(hit.span.range()).unwrap_or_default();
            let span = place.source(hit.span);
            let counts = matcher.rule(hit.rule).is_some_and(|rule| custom.confirms(rule, value))
                && !span.is_empty()
                && !stands_in(self.content.text, span)
                && !stands_in(&layer.text, hit.span);
            if counts {
                findings.extend(finding(matcher, hit, self.index, span, &path, place));
            }
        }
        outcome
    }

    fn hidden_finding(&self, found: hidden::Hidden) -> Finding {
        Finding {
            content: self.index,
            detector: hidden::DETECTOR.into(),
            category: hidden::CATEGORY.into(),
            entity: hidden::ENTITY.into(),
            rule_id: found.rule.id.into(),
            severity: found.rule.severity,
            score: found.rule.score,
            span: found.span,
            path: Vec::new(),
            pointer: None,
        }
    }
}

fn finding(
    matcher: &Matcher,
    hit: Hit,
    content: usize,
    span: ByteSpan,
    path: &[&'static str],
    place: &Place<'_>,
) -> Option<Finding> {
    let rule = matcher.rule(hit.rule)?;
    Some(Finding {
        content,
        detector: rule.detector.clone(),
        category: rule.category.clone(),
        entity: rule.entity.clone(),
        rule_id: rule.id.clone(),
        severity: rule.severity,
        score: hit.score,
        span,
        path: path.to_vec(),
        pointer: place.pointer(hit.span),
    })
}

/// Phrases of attacks told of in one view, at most: the score of a text that holds so many does not rise any more.
const MOST_PHRASES: usize = 4096;
