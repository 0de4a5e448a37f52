//! The detectors `output` and `hygiene` within a pass: what they ask of views, and findings of what they see.

use std::sync::Arc;

use super::pass::Running;
use super::{Engine, ScanOptions};
use crate::cancel::{Cancel, Cancelled};
use crate::coded::Seen;
use crate::hygiene::{self, HygieneConfig, HygieneJob};
use crate::matcher::{Hit, Scratch};
use crate::output::{self, OutputConfig, OutputJob, Rendering};
use crate::policy::Policy;
use crate::view::{Layer, Layers, Wanted};
use crate::{ByteSpan, Content, Direction, Finding, Request};

/// What a request asks of the two detectors; made once for all of its contents.
#[derive(Debug)]
pub(super) struct Checks<'a> {
    output: OutputJob<'a>,
    hygiene: HygieneJob<'a>,
    names: Names,
}

/// The detectors' names, as findings share them.
#[derive(Debug)]
struct Names {
    output: Arc<str>,
    hygiene: Arc<str>,
}

/// What one content asks of them.
#[derive(Debug)]
pub(super) struct ContentChecks<'a> {
    engine: &'a Engine,
    output: Option<(&'a OutputJob<'a>, Rendering<'a>)>,
    hygiene: Option<&'a HygieneJob<'a>>,
    names: &'a Names,
    content: &'a Content<'a>,
    index: usize,
}

/// A view among those of its text.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) layers: &'p Layers<'p>,
    pub(super) at: usize,
    pub(super) layer: &'p Layer<'p>,
    /// The text as it was given.
    pub(super) text: &'p str,
}

impl<'a> Checks<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        request: &Request<'_>,
        policy: &'a Policy,
        options: &'a ScanOptions,
    ) -> Self {
        let plain = Self::of_policy(engine, policy);
        // A policy may put the output's rules to work on inputs; there is no leak to speak of then.
        if request.direction == Direction::Input {
            return plain;
        }
        Self { output: OutputJob::new(request, policy.output_config(), options), ..plain }
    }

    /// Makes the checks of a policy for any text, without a request.
    pub(super) fn of_policy(engine: &'a Engine, policy: &'a Policy) -> Self {
        let counter = engine.token_counter.as_deref();
        let hygiene = HygieneJob::new(policy.hygiene_config(), policy.word_lists(), counter);
        Self { output: OutputJob::plain(policy.output_config()), hygiene, names: Names::new() }
    }

    /// Makes the checks that need no request and no policy.
    pub(super) fn of_rules() -> Self {
        let hygiene = HygieneJob::new(HygieneConfig::shared_default(), None, None);
        let output = OutputJob::plain(OutputConfig::shared_default());
        Self { output, hygiene, names: Names::new() }
    }

    pub(super) fn on(
        &'a self,
        engine: &'a Engine,
        content: &'a Content<'a>,
        index: usize,
        running: &Running,
    ) -> ContentChecks<'a> {
        let output = running.has(output::DETECTOR).then_some(&self.output);
        ContentChecks {
            engine,
            output: output.map(|job| (job, Rendering::new(content.text, job.config()))),
            hygiene: running.has(hygiene::DETECTOR).then_some(&self.hygiene),
            names: &self.names,
            content,
            index,
        }
    }
}

impl Place<'_> {
    /// Maps a span to the text as it was given.
    pub(super) fn source(&self, span: ByteSpan) -> ByteSpan {
        self.layers.source(self.at, span).on_boundaries(self.text)
    }

    /// The same, with encoded runs taken whole.
    pub(super) fn whole_source(&self, span: ByteSpan) -> ByteSpan {
        self.layers.whole_source(self.at, span).on_boundaries(self.text)
    }

    /// Names the steps to the view.
    pub(super) fn path(&self) -> Vec<&'static str> {
        self.layers.path(self.at)
    }

    /// Says where in a document a span is.
    pub(super) fn pointer(&self, span: ByteSpan) -> Option<Arc<str>> {
        self.layers.pointer(self.at, span)
    }
}

impl Names {
    fn new() -> Self {
        Self { output: output::DETECTOR.into(), hygiene: hygiene::DETECTOR.into() }
    }
}

impl ContentChecks<'_> {
    /// Returns which views are needed beside those that rules need.
    pub(super) fn widen(&self, rules: Wanted) -> Wanted {
        let output = self.output.as_ref();
        let words = self.hygiene.is_some_and(HygieneJob::wants_folded);
        Wanted {
            decoded: rules.decoded,
            raw: rules.raw || output.is_some(),
            folded: rules.folded || words || output.is_some_and(|(job, _)| job.wants_folded()),
        }
    }

    /// Appends what is seen in the text as it is.
    pub(super) fn text(&self, findings: &mut Vec<Finding>) {
        let Some(job) = self.hygiene else { return };
        let mut seen = Vec::new();
        job.text(self.content.text, &mut seen);
        findings
            .extend(seen.iter().map(|seen| seen.finding(&self.names.hygiene, self.index, seen.span, &[])));
    }

    /// Appends what is seen in one view.
    pub(super) fn view(
        &self,
        place: &Place<'_>,
        scratch: &mut Scratch,
        hits: &mut Vec<Hit>,
        cancel: &Cancel,
        findings: &mut Vec<Finding>,
    ) -> Result<(), Cancelled> {
        if place.layer.folded {
            self.words(place, findings);
        }
        let Some((job, rendering)) = &self.output else { return Ok(()) };
        let mut seen: Vec<Seen> = Vec::new();
        job.view(&place.layer.text, place.layer.folded, place.at == 0, &mut seen);
        let mut path = None;
        for seen in seen {
            let span = place.source(seen.span);
            if span.is_empty() {
                continue;
            }
            let path = path.get_or_insert_with(|| place.path());
            let mut finding = seen.finding(&self.names.output, self.index, span, path);
            finding.pointer = place.pointer(seen.span);
            rendering.weigh(&mut finding, seen.rule.tags.iter().copied());
            findings.push(finding);
        }
        if place.layer.folded {
            return Ok(());
        }
        let outcome = self.engine.output.scan(&place.layer.text, scratch, cancel, hits);
        for hit in hits.drain(..) {
            let span = place.source(hit.span);
            let Some(rule) = self.engine.output.rule(hit).filter(|_| !span.is_empty()) else { continue };
            let path = path.get_or_insert_with(|| place.path());
            let mut finding = Finding {
                content: self.index,
                detector: rule.detector.clone(),
                category: rule.category.clone(),
                entity: rule.entity.clone(),
                rule_id: rule.id.clone(),
                severity: rule.severity,
                score: hit.score,
                span,
                path: path.clone(),
                pointer: place.pointer(hit.span),
            };
            rendering.weigh(&mut finding, rule.tags.iter().map(String::as_str));
            findings.push(finding);
        }
        outcome
    }

    fn words(&self, place: &Place<'_>, findings: &mut Vec<Finding>) {
        let mut found = Vec::new();
        if let Some(job) = self.hygiene {
            job.folded(&place.layer.text, &mut found);
        }
        for (list, word) in found {
            let span = place.source(word);
            if !span.is_empty() {
                findings.push(Finding {
                    content: self.index,
                    detector: self.names.hygiene.clone(),
                    category: list.category.into(),
                    entity: list.entity.into(),
                    rule_id: list.rule_id.clone(),
                    severity: list.severity,
                    score: 1.0,
                    span,
                    path: place.path(),
                    pointer: place.pointer(word),
                });
            }
        }
    }
}

impl Engine {
    /// Returns a finding of every rule in code, at no place.
    pub(super) fn checks_of_kinds(&self) -> Vec<Finding> {
        let names = Names::new();
        let nowhere = ByteSpan { start: 0, end: 0 };
        let of_output = output::CODED.iter().filter(|_| !self.output.rules().is_empty());
        let output = of_output.map(|rule| rule.at(nowhere).finding(&names.output, 0, nowhere, &[]));
        let hygiene =
            hygiene::CODED.iter().map(|rule| rule.at(nowhere).finding(&names.hygiene, 0, nowhere, &[]));
        output.chain(hygiene).collect()
    }
}
