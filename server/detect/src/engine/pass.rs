//! One content through all its views.

use std::time::{Duration, Instant};

use super::checks::{Checks, ContentChecks, Place};
use super::{Buffers, DetectorInfo, Engine, people};
use crate::cancel::{Cancel, Cancelled};
use crate::hidden;
use crate::hygiene;
use crate::matcher::{Hit, Matcher};
use crate::output;
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

    /// Names the detectors that run, with their places in the engine's order.
    fn each(&self, mut take: impl FnMut(usize, &str)) {
        let places = self.runs.iter().enumerate().filter(|(_, runs)| **runs).map(|(place, _)| place);
        for (place, name) in places.zip(&self.names) {
            take(place, name);
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|running| **running == *name)
    }

    fn any_rule(&self, matcher: &Matcher) -> bool {
        matcher.detectors().any(|name| self.has(name))
    }
}

/// Tells the detectors' times apart.
struct Clock<'a> {
    last: Instant,
    running: &'a Running,
    durations: &'a mut [Duration],
}

impl Clock<'_> {
    /// Counts the time since the last lap for the detectors that were at work, in equal parts.
    fn lap(&mut self, at_work: impl Fn(&str) -> bool) {
        let mut workers: u32 = 0;
        self.running.each(|_, name| workers += u32::from(at_work(name)));
        let now = Instant::now();
        // Where nobody was at work, the time is part of the next lap.
        let Some(share) = now.duration_since(self.last).checked_div(workers) else { return };
        self.last = now;
        let durations = &mut *self.durations;
        self.running.each(|place, name| {
            if at_work(name)
                && let Some(duration) = durations.get_mut(place)
            {
                *duration += share;
            }
        });
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
    /// Whether more is read than the text and its plain forms.
    pub(super) decode: bool,
    /// Whether something was left out for its amount.
    pub(super) truncated: bool,
    pub(super) buffers: &'a mut Buffers,
}

impl Pass<'_> {
    /// Returns what was found, and whether all was looked at. Adds to every detector the time of its passes.
    pub(super) fn run(&mut self, durations: &mut [Duration]) -> (Vec<Finding>, bool) {
        let mut findings = Vec::new();
        let mut clock = Clock { last: Instant::now(), running: self.running, durations };
        let wanted = Wanted {
            decoded: self.decode,
            raw: self.running.any_rule(&self.engine.raw)
                || self.custom.is_some_and(|custom| self.running.any_rule(&custom.raw)),
            folded: self.running.any_rule(&self.engine.folded)
                || self.custom.is_some_and(|custom| self.running.any_rule(&custom.folded)),
        };
        if self.running.has(hidden::DETECTOR) {
            findings
                .extend(hidden::find(self.content.text).into_iter().map(|found| self.hidden_finding(found)));
        }
        clock.lap(|name| name == hidden::DETECTOR);
        let checks = self.checks.on(self.engine, self.content, self.index, self.running);
        checks.text(&mut findings);
        clock.lap(|name| name == hygiene::DETECTOR);
        let done = self.views(wanted, &checks, &mut clock, &mut findings).is_ok();
        clock.lap(|_| true);
        (findings, done)
    }

    fn views(
        &mut self,
        wanted: Wanted,
        checks: &ContentChecks<'_>,
        clock: &mut Clock<'_>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), Cancelled> {
        let views = checks.widen(wanted);
        if !views.raw && !views.folded {
            return Ok(());
        }
        let text = self.content.text;
        let layers = Layers::new(text, views, &self.engine.vocabulary, self.cancel)?;
        self.truncated |= layers.truncated;
        self.buffers.read += layers.read;
        clock.lap(|name| name != hidden::DETECTOR);
        // What was seen in the text as it is.
        for finding in findings.iter_mut() {
            finding.pointer = layers.pointer(0, finding.span);
        }
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
                self.buffers.read += layer.text.len() as u64;
                clock.lap(|name| name == people::DETECTOR);
            }
            let buffers = &mut *self.buffers;
            checks.view(&place, &mut buffers.output, &mut buffers.hits, self.cancel, findings)?;
            let (matcher, scratch, runs) = if layer.folded {
                (&self.engine.folded, &mut self.buffers.folded, wanted.folded)
            } else {
                (&self.engine.raw, &mut self.buffers.raw, wanted.raw)
            };
            clock.lap(|name| name == output::DETECTOR || layer.folded && name == hygiene::DETECTOR);
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
            self.truncated |= hits.len() > most;
            for hit in hits.drain(..).take(most) {
                let secret = matcher.rule(hit.rule).is_some_and(|rule| &*rule.category == "secret");
                let span = if secret { place.whole_source(hit.span) } else { place.source(hit.span) };
                if !span.is_empty() && !stands_in(text, span) && !stands_in(&layer.text, hit.span) {
                    findings.extend(finding(matcher, hit, self.index, span, &path, &place));
                }
            }
            clock.lap(|name| matcher.detectors().any(|own| own == name));
            outcome?;
            if let Some(custom) = custom {
                self.own_rules(custom, &place, &stands_in, findings)?;
                clock.lap(|name| {
                    custom.raw.detectors().chain(custom.folded.detectors()).any(|own| own == name)
                });
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
