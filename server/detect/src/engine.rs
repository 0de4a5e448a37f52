//! The engine: rules compiled once, run over every view of a text.

mod checks;
mod classify;
mod kinds;
mod pass;
mod people;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::cancel::Cancel;
use crate::hygiene::{self, TokenCount, TokenCounter};
use crate::matcher::{Hit, Matcher, Scratch};
use crate::output::canary::CanaryKeys;
use crate::output::{self, OutputRules, PromptFingerprint};
use crate::policy::{Custom, FailMode, Policy};
use crate::resolve::{drop_contained, merge_views};
use crate::rules::{Family, Rule, RuleError, Table, builtin_tables, compile};
use crate::view::Vocabulary;
use crate::{
    Action, Content, Coverage, DetectorReport, DetectorStatus, Direction, Finding, Report, Request,
    RuleScores, Severity, Verdict, hidden, score,
};

use self::checks::Checks;
use self::classify::Classified;
pub(crate) use self::classify::DETECTOR as CLASSIFIER;
pub use self::classify::{Classifier, Judgement, Unjudged};
pub(crate) use self::kinds::kind_of;
use self::pass::{Pass, Running};

/// Rules compiled once; shared by all threads, each scan on the thread that asks for it.
#[derive(Debug)]
pub struct Engine {
    raw: Matcher,
    folded: Matcher,
    /// Rules that read what a model wrote; apart, so that inputs pay nothing for them.
    output: OutputRules,
    /// Counts tokens, where the host has a tokenizer.
    token_counter: Option<Arc<dyn TokenCounter>>,
    /// Judges whole texts, where the host has a model.
    classifier: Option<Arc<dyn Classifier>>,
    vocabulary: Vocabulary,
    /// Whether names of people, places and organizations are looked for beside the rules of `pii`.
    names: bool,
    detectors: Vec<DetectorInfo>,
    /// Buffers of scans that are done, for those to come.
    idle: Mutex<Vec<Buffers>>,
}

/// A detector of an engine.
#[derive(Clone, Debug)]
pub struct DetectorInfo {
    /// Its name, as policies and findings give it.
    pub name: Arc<str>,
    /// How many rules it has.
    pub rule_count: usize,
    /// The entity types that its rules find, sorted.
    pub entities: Vec<Arc<str>>,
}

/// A rule of an engine, as it may be shown.
#[derive(Clone, Debug)]
pub struct RuleInfo {
    /// Its stable id.
    pub id: Arc<str>,
    /// The detector that it belongs to.
    pub detector: Arc<str>,
    /// The entity type that it finds.
    pub entity: Arc<str>,
    /// What it would cost to miss it.
    pub severity: Severity,
    /// The taxonomy entries that it stands for, such as `owasp:LLM01:2025`.
    pub tags: Vec<String>,
}

/// What a single scan may ask for besides its policy.
#[derive(Clone, Debug)]
pub struct ScanOptions {
    /// Only these of the detectors that the policy asks for; `None` for all of them.
    pub detectors: Option<Vec<String>>,
    /// The tenant's keys of canary tokens; without them a token's shape alone is told of.
    pub canary_keys: Option<CanaryKeys>,
    /// Fingerprints of system prompts to guard besides those that the request holds.
    pub prompts: Vec<PromptFingerprint>,
    /// Whether encodings, disguises and documents are looked into, as is the default. Without, only the text, its clean
    /// and its folded form are read: for comparisons with scanners that know no more.
    pub decode: bool,
    /// Whether the classifier takes part, as is the default where there is one.
    pub classify: bool,
    /// Whose texts they are, such as a tenant: a classifier that remembers texts shares nothing between scopes.
    pub scope: Arc<str>,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self {
            detectors: None,
            canary_keys: None,
            prompts: Vec::new(),
            decode: true,
            classify: true,
            scope: Arc::default(),
        }
    }
}

#[derive(Debug)]
struct Buffers {
    raw: Scratch,
    folded: Scratch,
    output: Scratch,
    hits: Vec<Hit>,
    /// Bytes that were read beside the rules, to make views and to find names.
    read: u64,
}

impl Engine {
    /// Makes an engine of the rules that come with the library.
    ///
    /// # Errors
    /// When a table is wrong, which the library's own tests rule out.
    pub fn builtin() -> Result<Self, RuleError> {
        Self::from_tables(builtin_tables())
    }

    /// Makes an engine of rule tables.
    ///
    /// # Errors
    /// When a table is wrong; the error names the rule and the field.
    pub fn from_tables(tables: &[Table<'_>]) -> Result<Self, RuleError> {
        let (output, rules): (Vec<Rule>, Vec<Rule>) =
            compile(tables)?.into_iter().partition(|rule| &*rule.detector == output::DETECTOR);
        let (folded, raw): (Vec<Rule>, Vec<Rule>) =
            rules.into_iter().partition(|rule| rule.family == Family::Folded);
        let texts =
            folded.iter().flat_map(|rule| rule.keywords.iter().chain([&rule.pattern]).map(String::as_str));
        let vocabulary = Vocabulary::new(texts);
        let names = tables.iter().any(|table| table.detector == people::DETECTOR);
        if names {
            people::warm();
        }
        let detectors = detectors(raw.iter().chain(&folded).chain(&output), names);
        Ok(Self {
            raw: Matcher::new(raw, Family::Raw)?,
            folded: Matcher::new(folded, Family::Folded)?,
            output: OutputRules::new(output)?,
            token_counter: None,
            classifier: None,
            vocabulary,
            names,
            detectors,
            idle: Mutex::new(Vec::new()),
        })
    }

    /// Counts tokens by the host's tokenizer from now on, where they would be estimated.
    #[must_use]
    pub fn with_token_counter(mut self, counter: Arc<dyn TokenCounter>) -> Self {
        self.token_counter = Some(counter);
        self
    }

    /// Returns how many tokens a text is, and whether that is an estimate.
    #[must_use]
    pub fn count_tokens(&self, text: &str) -> TokenCount {
        hygiene::count(self.token_counter.as_deref(), text)
    }

    /// Returns the detectors, sorted by name.
    #[must_use]
    pub fn detectors(&self) -> &[DetectorInfo] {
        &self.detectors
    }

    /// Returns the rules, in no particular order.
    pub fn rules(&self) -> impl Iterator<Item = RuleInfo> {
        let rules = self.raw.rules().iter().chain(self.folded.rules()).chain(self.output.rules());
        let of_tables = rules.map(|rule| RuleInfo {
            id: rule.id.clone(),
            detector: rule.detector.clone(),
            entity: rule.entity.clone(),
            severity: rule.severity,
            tags: rule.tags.clone(),
        });
        let of_output = output::CODED.iter().filter(|_| !self.output.rules().is_empty());
        let of_tables = of_tables
            .chain(of_output.map(|rule| rule.info(output::DETECTOR)))
            .chain(hygiene::CODED.iter().map(|rule| rule.info(hygiene::DETECTOR)));
        of_tables.chain(people::RULES.iter().filter(|_| self.names).map(people::NameRule::info))
    }

    /// Scans a request with all detectors that the policy asks for.
    #[must_use]
    pub fn scan(&self, request: &Request<'_>, policy: &Policy, cancel: &Cancel) -> Report {
        self.scan_with(request, policy, &ScanOptions::default(), cancel)
    }

    /// Scans a request with a selection of detectors.
    #[must_use]
    pub fn scan_with(
        &self,
        request: &Request<'_>,
        policy: &Policy,
        options: &ScanOptions,
        cancel: &Cancel,
    ) -> Report {
        let direction = request.direction;
        let selected = |name: &str| {
            options.detectors.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted == name))
        };
        let detectors = self.detectors_under(policy);
        let mut outcome = Outcome::new(detectors.len());
        let checks = Checks::new(self, request, policy, options);
        let mut buffers = self.take();
        for (index, content) in request.contents.iter().enumerate() {
            outcome.coverage.bytes_total += content.text.len();
            let running = Running::new(&detectors, |name| {
                selected(name)
                    && policy.runs(name, direction, content.role)
                    && (options.classify || name != CLASSIFIER)
            });
            outcome.ran(&running);
            let mut pass = Pass {
                engine: self,
                custom: policy.custom(),
                content,
                index,
                running: &running,
                checks: &checks,
                cancel,
                decode: options.decode,
                truncated: false,
                buffers: &mut buffers,
            };
            let (mut findings, done) = pass.run(&mut outcome.durations);
            outcome.coverage.truncated |= pass.truncated;
            if done {
                outcome.coverage.bytes_scanned += content.text.len();
            } else {
                outcome.stopped(&running);
            }
            policy.retain_admitted(&mut findings, content.text, direction);
            let classified = running.has(CLASSIFIER).then(|| {
                let classified = self.classify(content, &options.scope, cancel);
                outcome.classified(&detectors, &classified, if done { content.text.len() } else { 0 });
                classified
            });
            outcome.add(findings, content, direction, policy, index, classified.as_ref());
        }
        self.give_back(buffers);
        outcome.report(&detectors, policy, direction)
    }

    /// Returns everything that any rule finds in a text, whatever a policy would make of it.
    #[must_use]
    pub fn inspect(&self, text: &str) -> Vec<Finding> {
        let content = Content { role: crate::Role::User, text };
        // What `hygiene` tells of is no rule's finding: every long text has some of it.
        let running = Running::new(&self.detectors, |name| name != hygiene::DETECTOR);
        let checks = Checks::of_rules();
        let mut buffers = self.take();
        let cancel = Cancel::never();
        let mut pass = Pass {
            engine: self,
            custom: None,
            content: &content,
            index: 0,
            running: &running,
            checks: &checks,
            cancel: &cancel,
            decode: true,
            truncated: false,
            buffers: &mut buffers,
        };
        let (findings, _) = pass.run(&mut vec![Duration::ZERO; self.detectors.len()]);
        self.give_back(buffers);
        findings
    }

    /// Returns how many bytes were read, by patterns, to make views and to find names, in all scans so far whose buffers
    /// are at rest. Tests bound it.
    #[doc(hidden)]
    #[must_use]
    pub fn bytes_examined(&self) -> u64 {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.iter()
            .map(|buffers| {
                buffers.raw.examined + buffers.folded.examined + buffers.output.examined + buffers.read
            })
            .sum()
    }

    /// Whether some detector finds entities of that type.
    fn knows(&self, entity: &str) -> bool {
        let among = |detector: &DetectorInfo| {
            detector.entities.binary_search_by(|known| (**known).cmp(entity)).is_ok()
        };
        self.detectors.iter().any(among)
    }

    /// Returns the detectors, with the one of the policy's own rules.
    fn detectors_under(&self, policy: &Policy) -> Cow<'_, [DetectorInfo]> {
        match policy.custom().and_then(Custom::detector) {
            Some(own) => Cow::Owned(self.detectors.iter().cloned().chain([own]).collect()),
            None => Cow::Borrowed(&self.detectors),
        }
    }

    fn take(&self) -> Buffers {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| Buffers {
            raw: self.raw.scratch(),
            folded: self.folded.scratch(),
            output: self.output.scratch(),
            hits: Vec::new(),
            read: 0,
        })
    }

    fn give_back(&self, buffers: Buffers) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(buffers);
    }
}

/// What is known of a request while its contents are scanned.
#[derive(Debug)]
struct Outcome {
    findings: Vec<Finding>,
    injection_score: f64,
    action: Action,
    coverage: Coverage,
    durations: Vec<Duration>,
    status: Vec<DetectorStatus>,
    /// The classifier's highest probability, told of or not.
    probability: f64,
    model: Option<Arc<str>>,
}

impl Outcome {
    fn new(detectors: usize) -> Self {
        Self {
            findings: Vec::new(),
            injection_score: score::BASELINE,
            action: Action::Allow,
            coverage: Coverage::default(),
            durations: vec![Duration::ZERO; detectors],
            status: vec![DetectorStatus::Skipped; detectors],
            probability: 0.0,
            model: None,
        }
    }

    fn ran(&mut self, running: &Running) {
        for (status, runs) in self.status.iter_mut().zip(running.iter()) {
            if runs && *status == DetectorStatus::Skipped {
                *status = DetectorStatus::Ok;
            }
        }
    }

    fn stopped(&mut self, running: &Running) {
        for (status, runs) in self.status.iter_mut().zip(running.iter()) {
            if runs {
                *status = DetectorStatus::TimedOut;
            }
        }
    }

    /// Notes how the classifier fared on a content of which so many bytes were scanned by the rules.
    fn classified(&mut self, detectors: &[DetectorInfo], classified: &Classified, scanned: usize) {
        self.probability = self.probability.max(classified.probability());
        if let Some(model) = classified.model() {
            self.model = Some(model);
        }
        let place = detectors.iter().position(|detector| &*detector.name == CLASSIFIER);
        let Some(place) = place else { return };
        if let Some(duration) = self.durations.get_mut(place) {
            *duration += classified.duration;
        }
        if let Some(status) = self.status.get_mut(place)
            && classified.status != DetectorStatus::Ok
        {
            *status = classified.status;
        }
        if classified.coverage() < 1.0 {
            self.coverage.truncated |= classified.status == DetectorStatus::Ok;
            let unread = classify::unread(scanned, classified.coverage());
            self.coverage.bytes_scanned = self.coverage.bytes_scanned.saturating_sub(unread);
        }
    }

    fn add(
        &mut self,
        mut findings: Vec<Finding>,
        content: &Content<'_>,
        direction: Direction,
        policy: &Policy,
        index: usize,
        classified: Option<&Classified>,
    ) {
        merge_views(&mut findings);
        drop_contained(&mut findings, policy.overlap());
        // A shadowed detector is told of, and moves nothing.
        let enforced = |finding: &&Finding| !policy.is_shadow(&finding.detector, direction);
        let mut score = score::injection(findings.iter().filter(enforced), content.role);
        if let Some(classified) = classified {
            if !policy.is_shadow(CLASSIFIER, direction) {
                let disguised = findings.iter().filter(enforced).filter(|finding| score::disguised(finding));
                let rules = RuleScores { all: score, unreadable: score::injection(disguised, content.role) };
                score = classified.join(rules);
            }
            // Added behind the merging: its part of the text may hold others, and none of them is part of it.
            if let Some(finding) = classified.finding(index, content, direction, policy) {
                let place = findings.partition_point(|other| other.span.start < finding.span.start);
                findings.insert(place, finding);
            }
        }
        self.injection_score = self.injection_score.max(score);
        for finding in &findings {
            self.action = self.action.max(policy.action(finding, direction));
        }
        self.findings.append(&mut findings);
    }

    fn report(mut self, detectors: &[DetectorInfo], policy: &Policy, direction: Direction) -> Report {
        let (attack_from, attack_action) = policy.injection(direction);
        let attack = self.injection_score >= attack_from;
        let noted = self.injection_score >= policy.injection_flag(direction);
        if attack {
            self.action = self.action.max(attack_action);
        } else if noted {
            self.action = self.action.max(Action::Flag);
        }
        let undone =
            |status: &DetectorStatus| matches!(status, DetectorStatus::TimedOut | DetectorStatus::Failed);
        let degraded = self.status.iter().any(undone);
        let demanded = detectors.iter().zip(&self.status).any(|(detector, status)| {
            undone(status) && policy.fail_mode(&detector.name, direction) == FailMode::Closed
        });
        if demanded {
            self.action = Action::Block;
        }
        let enforced = |finding: &&Finding| !policy.is_shadow(&finding.detector, direction);
        let values = self
            .findings
            .iter()
            .filter(enforced)
            .any(|f| matches!(&*f.category, "secret" | "personal_data" | "prompt_leak"));
        // What is told for information says nothing of the text.
        let counts = |finding: &Finding| enforced(&finding) && finding.severity > Severity::Info;
        let verdict = match () {
            () if attack => Verdict::Malicious,
            () if demanded => Verdict::Undetermined,
            () if values => Verdict::Sensitive,
            () if noted || self.findings.iter().any(counts) => Verdict::Suspicious,
            () => Verdict::Benign,
        };
        let detectors = self.detector_reports(detectors, policy, direction);
        Report {
            action: self.action,
            verdict,
            findings: self.findings,
            injection_score: self.injection_score,
            detectors,
            coverage: self.coverage,
            degraded,
            model: self.model,
        }
    }

    fn detector_reports(
        &self,
        detectors: &[DetectorInfo],
        policy: &Policy,
        direction: Direction,
    ) -> Vec<DetectorReport> {
        let reports = detectors.iter().zip(&self.status).zip(&self.durations);
        reports
            .map(|((detector, status), duration)| {
                let own = self.findings.iter().filter(|finding| finding.detector == detector.name);
                let shadow = *status == DetectorStatus::Ok && policy.is_shadow(&detector.name, direction);
                DetectorReport {
                    detector: detector.name.clone(),
                    status: if shadow { DetectorStatus::Shadow } else { *status },
                    score: if &*detector.name == CLASSIFIER {
                        self.probability
                    } else {
                        own.clone().map(|finding| finding.score).fold(0.0, f64::max)
                    },
                    finding_count: own.count(),
                    duration: *duration,
                    reason: match status {
                        DetectorStatus::Skipped => "not asked for by the policy, the role or the request",
                        DetectorStatus::TimedOut => "stopped by the deadline",
                        DetectorStatus::Failed => "it failed",
                        _ => "",
                    },
                }
            })
            .collect()
    }
}

fn detectors<'r>(rules: impl Iterator<Item = &'r Rule>, names: bool) -> Vec<DetectorInfo> {
    let mut detectors: Vec<DetectorInfo> = vec![DetectorInfo {
        name: hidden::DETECTOR.into(),
        rule_count: hidden::RULES.len(),
        entities: vec![hidden::ENTITY.into()],
    }];
    detectors.push(DetectorInfo {
        name: hygiene::DETECTOR.into(),
        rule_count: hygiene::CODED.len(),
        entities: hygiene::entities().map(Arc::from).collect(),
    });
    for rule in rules {
        match detectors.iter_mut().find(|detector| detector.name == rule.detector) {
            Some(detector) => {
                detector.rule_count += 1;
                detector.entities.push(rule.entity.clone());
            }
            None => detectors.push(DetectorInfo {
                name: rule.detector.clone(),
                rule_count: 1,
                entities: vec![rule.entity.clone()],
            }),
        }
    }
    if let Some(detector) = detectors.iter_mut().find(|own| &*own.name == output::DETECTOR) {
        detector.rule_count += output::CODED.len();
        detector.entities.extend(output::CODED.iter().map(|rule| rule.entity.into()));
    }
    if names && let Some(detector) = detectors.iter_mut().find(|own| &*own.name == people::DETECTOR) {
        detector.rule_count += people::RULES.len();
        detector.entities.extend(people::RULES.iter().map(|rule| rule.entity.into()));
    }
    for detector in &mut detectors {
        detector.entities =
            std::mem::take(&mut detector.entities).into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    }
    detectors.sort_by(|a, b| a.name.cmp(&b.name));
    detectors
}
