//! The tables of the detector, in automata of their own: an input pays nothing for them.

use crate::cancel::{Cancel, Cancelled};
use crate::matcher::{Hit, Matcher, Scratch};
use crate::rules::{Family, Rule, RuleError};

/// The compiled tables.
#[derive(Debug)]
pub(crate) struct OutputRules {
    matcher: Matcher,
}

impl OutputRules {
    /// Compiles the detector's rules.
    pub(crate) fn new(rules: Vec<Rule>) -> Result<Self, RuleError> {
        Ok(Self { matcher: Matcher::new(rules, Family::Raw)? })
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        self.matcher.rules()
    }

    pub(crate) fn rule(&self, hit: Hit) -> Option<&Rule> {
        self.matcher.rule(hit.rule)
    }

    pub(crate) fn scratch(&self) -> Scratch {
        self.matcher.scratch()
    }

    /// Appends the matches in a view that is not folded, each once.
    pub(crate) fn scan(
        &self,
        text: &str,
        scratch: &mut Scratch,
        cancel: &Cancel,
        hits: &mut Vec<Hit>,
    ) -> Result<(), Cancelled> {
        let outcome = self.matcher.scan(text, |_| true, scratch, cancel, hits);
        hits.sort_unstable_by_key(|hit| (hit.rule, hit.span));
        hits.dedup_by_key(|hit| (hit.rule, hit.span));
        hits.truncate(MOST_HITS);
        outcome
    }
}

/// Hits in one view, at most: a page full of scripts is judged by the first thousand.
const MOST_HITS: usize = 1024;
