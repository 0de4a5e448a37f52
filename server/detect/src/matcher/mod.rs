//! Finds the matches of all rules of a family in one text.
//!
//! One pass for the keywords of all rules says where a rule is worth trying. Rules whose matches begin with a keyword are
//! tried right there, all at once; of the others, each pattern runs on the window around its keyword, where the window
//! holds a run of characters as long as every match needs. Rules without keywords are tried where tokens begin. The decision to argue with: patterns are not merged into one big automaton. Merged,
//! they cost memory and time by the sum of their states; behind keywords, a text pays for the rules that it hints at.

mod context;
mod judge;
mod keywords;
mod runs;
mod together;
mod tokens;

use std::ops::Range;
use std::sync::Arc;

use regex_automata::Input;
use regex_automata::util::primitives::NonMaxUsize;

use crate::ByteSpan;
use crate::cancel::{Cancel, Cancelled};
use crate::rules::{Family, Rule, RuleError};

use self::context::{Contexts, Occurrences};
use self::keywords::Keywords;
use self::runs::Runs;
use self::together::{Place, Together, TogetherCache};

/// The automata of one family of rules.
#[derive(Debug)]
pub(crate) struct Matcher {
    /// The family's rules; all indices below are into this.
    rules: Vec<Rule>,
    detectors: Vec<Arc<str>>,
    keywords: Keywords,
    /// For every rule the place of its detector.
    detector_of: Vec<usize>,
    triggered: Vec<Triggered>,
    /// Rules that are run over the whole text.
    everywhere: Vec<usize>,
    contexts: Contexts,
    /// Rules whose matches begin with a keyword.
    leading: Option<Together>,
    /// Rules that are tried where tokens begin, by detector: who asks for a few rules does not pay for the others.
    tokens: Vec<Together>,
}

/// What a keyword sets off.
#[derive(Debug)]
struct Triggered {
    /// How many bytes the keyword has.
    length: usize,
    /// Rules whose windows it opens.
    rules: Vec<usize>,
    /// Rules that are tried where it begins.
    leading: Vec<usize>,
}

/// A match of a rule that passed its checks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    pub(crate) rule: usize,
    pub(crate) span: ByteSpan,
    pub(crate) score: f64,
}

/// What one scan needs besides the text, kept from scan to scan.
#[derive(Debug)]
pub(crate) struct Scratch {
    windows: Vec<Window>,
    /// For every rule one more than the place of its last window, 0 for none.
    last_window: Vec<usize>,
    leading: Option<TogetherCache>,
    tokens: Vec<TogetherCache>,
    /// Where keywords begin that matches begin with.
    leads: Vec<usize>,
    seen: Occurrences,
    runs: Runs,
    lower: Vec<u8>,
    /// For every rule whether its detector is wanted.
    wanted: Vec<bool>,
    /// Bytes that patterns were run over, since it was made.
    pub(crate) examined: u64,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    rule: usize,
    start: usize,
    end: usize,
    /// For a rule whose matches begin with a keyword: how many windows of the rule touch each other up to this one.
    /// From [`MOST_TRIES`] on they are one, and searched as a whole.
    tries: u8,
}

impl Matcher {
    /// Builds the automata over rules of one family.
    pub(crate) fn new(rules: Vec<Rule>, family: Family) -> Result<Self, RuleError> {
        let mut pairs: Vec<(&str, usize)> = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            pairs.extend(rule.keywords.iter().map(|keyword| (keyword.as_str(), index)));
        }
        pairs.sort_unstable();
        let mut words: Vec<&str> = Vec::new();
        let mut triggered: Vec<Triggered> = Vec::new();
        let short =
            |rule: &Rule| rule.shape.leads && !rule.shape.unicode_words && rule.window.1 <= LEAD_BYTES;
        let leading = rules.iter().enumerate().filter(|(_, rule)| family == Family::Raw && short(rule));
        let leading = Together::new(&rules, leading.map(|(index, _)| index).collect());
        for (word, rule) in pairs {
            if words.last() != Some(&word) {
                words.push(word);
                triggered.push(Triggered { length: word.len(), rules: Vec::new(), leading: Vec::new() });
            }
            if let Some(set_off) = triggered.last_mut() {
                let leads = leading.as_ref().is_some_and(|leading| leading.has(rule));
                if leads { set_off.leading.push(rule) } else { set_off.rules.push(rule) }
            }
        }
        let keywords = Keywords::new(&words, family == Family::Raw);
        let contexts = Contexts::new(&rules);
        let everywhere = rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.runs_everywhere())
            .map(|(index, _)| index)
            .collect();
        let mut detectors: Vec<Arc<str>> = rules.iter().map(|rule| rule.detector.clone()).collect();
        detectors.sort_unstable();
        detectors.dedup();
        let place =
            |rule: &Rule| detectors.iter().position(|name| *name == rule.detector).unwrap_or_default();
        let detector_of: Vec<usize> = rules.iter().map(place).collect();
        let of_tokens = |detector: usize| {
            let own = rules.iter().zip(&detector_of).enumerate();
            let own = own.filter(move |(_, (_, of))| **of == detector);
            own.filter(|(_, (rule, _))| rule.keywords.is_empty() && !rule.runs_everywhere())
                .map(|(index, _)| index)
                .collect::<Vec<_>>()
        };
        let mut tokens = Vec::new();
        for own in (0..detectors.len()).map(of_tokens).filter(|own| !own.is_empty()) {
            tokens.push(Together::new(&rules, own).ok_or_else(|| {
                let message = "the patterns are too large together".to_owned();
                RuleError::Automaton { automaton: "tokens", message }
            })?);
        }
        Ok(Self { rules, detectors, keywords, detector_of, triggered, everywhere, contexts, leading, tokens })
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Names the detectors that have rules here.
    pub(crate) fn detectors(&self) -> impl Iterator<Item = &str> {
        self.detectors.iter().map(|name| &**name)
    }

    pub(crate) fn rule(&self, index: usize) -> Option<&Rule> {
        self.rules.get(index)
    }

    pub(crate) fn scratch(&self) -> Scratch {
        Scratch {
            windows: Vec::new(),
            last_window: vec![0; self.rules.len()],
            leading: self.leading.as_ref().map(Together::cache),
            tokens: self.tokens.iter().map(Together::cache).collect(),
            leads: Vec::new(),
            seen: Occurrences::default(),
            runs: Runs::default(),
            lower: Vec::new(),
            wanted: Vec::new(),
            examined: 0,
        }
    }

    /// Appends the matches in `text` of the rules of the detectors that `wanted` lets through.
    pub(crate) fn scan(
        &self,
        text: &str,
        wanted: impl Fn(&str) -> bool,
        scratch: &mut Scratch,
        cancel: &Cancel,
        hits: &mut Vec<Hit>,
    ) -> Result<(), Cancelled> {
        scratch.seen.clear(text.len());
        scratch.runs.clear();
        scratch.examined = scratch.examined.saturating_add(text.len() as u64);
        let of_detectors: Vec<bool> = self.detectors.iter().map(|name| wanted(name)).collect();
        scratch.wanted.clear();
        let of_rule = |detector: &usize| of_detectors.get(*detector).copied().unwrap_or_default();
        scratch.wanted.extend(self.detector_of.iter().map(of_rule));
        let outcome = self
            .collect_windows(text, scratch, cancel)
            .and_then(|()| self.search_windows(text, scratch, cancel, hits));
        for window in scratch.windows.drain(..) {
            if let Some(last) = scratch.last_window.get_mut(window.rule) {
                *last = 0;
            }
        }
        outcome?;
        self.search_places(text, scratch, cancel, hits)
    }

    fn collect_windows(&self, text: &str, scratch: &mut Scratch, cancel: &Cancel) -> Result<(), Cancelled> {
        let Scratch { windows, last_window, leads, lower, wanted, .. } = scratch;
        leads.clear();
        let asked = |rule: usize| wanted.get(rule).copied().unwrap_or_default();
        for &rule in self.everywhere.iter().filter(|rule| asked(**rule)) {
            windows.push(Window { rule, start: 0, end: text.len(), tries: 0 });
        }
        self.keywords.find(text.as_bytes(), lower, cancel, |keyword, end| {
            let Some(set_off) = self.triggered.get(keyword) else { return };
            let start = end.saturating_sub(set_off.length);
            if set_off.leading.iter().any(|rule| asked(*rule)) {
                leads.push(start);
            }
            let begins = |rule: &usize| {
                self.rules.get(*rule).is_some_and(|rule| rule.shape.may_begin(text.as_bytes(), start))
            };
            for &index in set_off.rules.iter().filter(|rule| asked(**rule) && begins(rule)) {
                self.open_window(index, start..end, text.len(), windows, last_window);
            }
        })
    }

    /// Notes the window of a rule around one of its keywords.
    fn open_window(
        &self,
        index: usize,
        keyword: Range<usize>,
        text_len: usize,
        windows: &mut Vec<Window>,
        last_window: &mut [usize],
    ) {
        let (Some(rule), Some(last)) = (self.rules.get(index), last_window.get_mut(index)) else { return };
        let (before, after) = rule.window;
        let leads = rule.shape.leads;
        let mut window = Window {
            rule: index,
            start: if leads { keyword.start } else { keyword.start.saturating_sub(before) },
            end: keyword.end.saturating_add(after).min(text_len),
            tries: u8::from(leads),
        };
        // Windows of one rule grow together, up to a size: a pattern that looks ahead to the window's end would else be
        // quadratic in a text that is full of its keyword.
        let longest = before.saturating_add(after).saturating_mul(4).max(1024);
        if let Some(open) = last.checked_sub(1).and_then(|place| windows.get_mut(place))
            && window.start <= open.end
        {
            window.tries = if leads { open.tries.saturating_add(1) } else { 0 };
            let grows = !leads || open.tries > MOST_TRIES;
            if grows && window.end.saturating_sub(open.start) <= longest {
                open.end = open.end.max(window.end);
                open.start = open.start.min(window.start);
                return;
            }
        }
        windows.push(window);
        *last = windows.len();
    }

    fn search_windows(
        &self,
        text: &str,
        scratch: &mut Scratch,
        cancel: &Cancel,
        hits: &mut Vec<Hit>,
    ) -> Result<(), Cancelled> {
        let mut since_check = 0;
        let Scratch { windows, last_window, seen, runs, examined, .. } = scratch;
        // From here on, where the last match of a rule ended.
        for window in windows.iter() {
            if let Some(last) = last_window.get_mut(window.rule) {
                *last = 0;
            }
        }
        for window in windows.iter() {
            let Some(rule) = self.rules.get(window.rule) else { continue };
            let Some(done) = last_window.get_mut(window.rule) else { continue };
            let span = ByteSpan { start: window.start, end: window.end };
            if !runs.holds(text.as_bytes(), rule.shape.run, span) {
                continue;
            }
            let length = window.end.saturating_sub(window.start);
            since_check += length;
            if since_check > CHECK_BYTES {
                cancel.check()?;
                since_check = 0;
            }
            if rule.context.as_ref().is_some_and(|context| context.required)
                && !self.contexts.around(window.rule, text, span, seen)
            {
                continue;
            }
            let once = (1..=MOST_TRIES).contains(&window.tries);
            let anchored = if once { regex_automata::Anchored::Yes } else { regex_automata::Anchored::No };
            *examined = examined.saturating_add(length as u64);
            let mut at = window.start.max(if window.tries > 0 { *done } else { 0 });
            if once && at > window.start {
                continue;
            }
            while at < window.end {
                let input = Input::new(text).span(at..window.end).anchored(anchored);
                let Some(found) = find(rule, &input) else { break };
                at = found.whole.end.max(at + 1);
                *done = at;
                if let Some(value) = found.value {
                    hits.extend(judge::judge(rule, window.rule, text, value, &self.contexts, seen));
                }
                if once {
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Matcher {
    /// Tries rules where one of their keywords begins, and where tokens begin.
    fn search_places(
        &self,
        text: &str,
        scratch: &mut Scratch,
        cancel: &Cancel,
        hits: &mut Vec<Hit>,
    ) -> Result<(), Cancelled> {
        let Scratch { leading, tokens, leads, seen, wanted, examined, .. } = scratch;
        let mut place = Place { rules: &self.rules, contexts: &self.contexts, text, wanted, seen, examined };
        let mut checked = 0;
        let mut look = |at: usize| {
            let due = at < checked || at - checked > CHECK_BYTES;
            checked = if due { at } else { checked };
            if due { cancel.check() } else { Ok(()) }
        };
        let reach =
            |start: usize, most: usize| ByteSpan { start, end: start.saturating_add(most).min(text.len()) };
        if let (Some(together), Some(cache)) = (&self.leading, leading) {
            leads.sort_unstable();
            leads.dedup();
            for &start in leads.iter() {
                look(start)?;
                together.try_at(reach(start, LEAD_BYTES), &mut place, cache, hits);
            }
        }
        let mut asked: Vec<(&Together, &mut TogetherCache)> =
            self.tokens.iter().zip(tokens).filter(|(together, _)| together.any(place.wanted)).collect();
        if !asked.is_empty() {
            tokens::starts(text.as_bytes(), |start| {
                look(start)?;
                for (together, cache) in &mut asked {
                    together.try_at(reach(start, tokens::TOKEN_BYTES), &mut place, cache, hits);
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

struct Found {
    whole: ByteSpan,
    /// The span of the rule's group, when it took part in the match: a branch without it matches to be passed over.
    value: Option<ByteSpan>,
}

/// Runs a rule's pattern once.
fn find(rule: &Rule, input: &Input<'_>) -> Option<Found> {
    let pattern = rule.compiled()?;
    let mut slots: [Option<NonMaxUsize>; 2 * MAX_GROUPS] = [None; 2 * MAX_GROUPS];
    let group = pattern.group.min(MAX_GROUPS - 1);
    let wanted = slots.get_mut(..2 * (group + 1))?;
    pattern.regex.search_slots(input, wanted)?;
    let span = |group: usize| {
        let start = slots.get(2 * group).copied().flatten()?.get();
        let end = slots.get(2 * group + 1).copied().flatten()?.get();
        Some(ByteSpan { start, end })
    };
    Some(Found { whole: span(0)?, value: span(group) })
}

/// How often in a row a rule whose matches begin with a keyword is tried at the keyword itself. A text that is full of
/// the keyword is read once instead.
const MOST_TRIES: u8 = 4;

/// Rules whose matches are no longer than this are tried together where their keyword begins.
const LEAD_BYTES: usize = 1024;

/// Groups of a pattern up to the one that holds the value.
const MAX_GROUPS: usize = 16;

/// Patterns, which are slower, look at the clock more often.
const CHECK_BYTES: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{builtin_tables, compile};

    #[test]
    fn most_secrets_are_tried_together() {
        let rules = compile(builtin_tables()).unwrap();
        let (secrets, _): (Vec<Rule>, Vec<Rule>) =
            rules.into_iter().partition(|rule| &*rule.detector == "secrets");
        let matcher = Matcher::new(secrets, Family::Raw).unwrap();
        let leading = matcher.leading.as_ref().unwrap();
        let together = (0..matcher.rules.len()).filter(|rule| leading.has(*rule)).count();
        assert!(together * 5 > matcher.rules.len() * 4, "{together} of {}", matcher.rules.len());
    }
}
