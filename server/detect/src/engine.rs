//! The engine: rules compiled once, run over every view of a text.

use std::sync::{Mutex, PoisonError};

use crate::cancel::Cancel;
use crate::matcher::{Hit, Matcher, Scratch};
use crate::rules::{Family, Rule, RuleError, Table, builtin_tables, compile};
use crate::view::fold;
use crate::{ByteSpan, Finding};

/// Rules compiled once; shared by all threads.
#[derive(Debug)]
pub struct Engine {
    raw: Matcher,
    folded: Matcher,
    idle: Mutex<Vec<Box<Buffers>>>,
}

#[derive(Debug)]
struct Buffers {
    raw: Scratch,
    folded: Scratch,
    hits: Vec<Hit>,
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
        let (folded, raw): (Vec<Rule>, Vec<Rule>) =
            compile(tables)?.into_iter().partition(|rule| rule.family == Family::Folded);
        Ok(Self {
            raw: Matcher::new(raw, Family::Raw)?,
            folded: Matcher::new(folded, Family::Folded)?,
            idle: Mutex::new(Vec::new()),
        })
    }

    /// Returns everything that any rule finds in a text, whatever a policy would make of it.
    #[must_use]
    pub fn inspect(&self, text: &str) -> Vec<Finding> {
        let mut buffers = self.take();
        let mut findings = Vec::new();
        let Buffers { raw, folded, hits } = buffers.as_mut();
        let cancel = Cancel::never();
        let _ = self.raw.scan(text, |_| true, raw, &cancel, hits);
        findings.extend(hits.drain(..).filter_map(|hit| finding(&self.raw, hit, 0, hit.span)));
        let (view, map) = fold(text);
        let _ = self.folded.scan(&view, |_| true, folded, &cancel, hits);
        findings.extend(hits.drain(..).filter_map(|hit| finding(&self.folded, hit, 0, map.source(hit.span))));
        self.give_back(buffers);
        findings
    }

    fn take(&self) -> Box<Buffers> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| {
            Box::new(Buffers { raw: self.raw.scratch(), folded: self.folded.scratch(), hits: Vec::new() })
        })
    }

    fn give_back(&self, buffers: Box<Buffers>) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(buffers);
    }
}

fn finding(matcher: &Matcher, hit: Hit, content: usize, span: ByteSpan) -> Option<Finding> {
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
        path: Vec::new(),
    })
}
