//! Many rules tried at one place of a text at once.
//!
//! A single anchored automaton over all these rules reads on from a place until none of them can match any more, which
//! is after a few bytes nearly always. The rules that it names are then confirmed by their own patterns. What a place
//! costs so hardly grows with the number of rules.

use std::fmt;

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchError, MatchKind, PatternID, PatternSet};

use super::context::{Contexts, Occurrences};
use super::{Hit, find, judge};
use crate::ByteSpan;
use crate::rules::Rule;

/// The automaton over some rules that read bytes.
#[derive(Debug)]
pub(super) struct Together {
    automaton: DFA,
    /// The rule of every pattern of the automaton.
    rules: Vec<usize>,
}

/// What the automaton learns and needs while it runs.
pub(super) struct TogetherCache {
    automaton: Cache,
    matching: PatternSet,
}

impl fmt::Debug for TogetherCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TogetherCache").finish_non_exhaustive()
    }
}

/// One text, and what is known of it.
pub(super) struct Place<'a> {
    pub(super) rules: &'a [Rule],
    pub(super) contexts: &'a Contexts,
    pub(super) text: &'a str,
    /// For every rule whether it is asked for.
    pub(super) wanted: &'a [bool],
    pub(super) seen: &'a mut Occurrences,
    pub(super) examined: &'a mut u64,
}

impl Together {
    /// Builds the automaton over those of the rules; `None` where there is none, or they are too large together.
    pub(super) fn new(all: &[Rule], rules: Vec<usize>) -> Option<Self> {
        let patterns: Vec<&str> =
            rules.iter().filter_map(|index| all.get(*index)).map(|rule| rule.pattern.as_str()).collect();
        if patterns.is_empty() {
            return None;
        }
        let automaton = DFA::builder()
            .configure(
                DFA::config()
                    .match_kind(MatchKind::All)
                    .cache_capacity(CACHE_BYTES)
                    .skip_cache_capacity_check(true),
            )
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .thompson(
                thompson::Config::new()
                    .utf8(false)
                    .which_captures(WhichCaptures::None)
                    .nfa_size_limit(Some(NFA_BYTES)),
            )
            .build_many(&patterns)
            .ok()?;
        Some(Self { automaton, rules })
    }

    pub(super) fn cache(&self) -> TogetherCache {
        TogetherCache {
            automaton: self.automaton.create_cache(),
            matching: PatternSet::new(self.rules.len()),
        }
    }

    /// Whether a rule is one of these.
    pub(super) fn has(&self, rule: usize) -> bool {
        self.rules.binary_search(&rule).is_ok()
    }

    /// Whether one of the rules is asked for.
    pub(super) fn any(&self, wanted: &[bool]) -> bool {
        self.rules.iter().any(|rule| wanted.get(*rule).copied().unwrap_or_default())
    }

    /// Tries the rules where `reach` begins, and no further than where it ends.
    pub(super) fn try_at(
        &self,
        reach: ByteSpan,
        place: &mut Place<'_>,
        cache: &mut TogetherCache,
        hits: &mut Vec<Hit>,
    ) {
        let TogetherCache { automaton, matching } = cache;
        let input = Input::new(place.text).span(reach.range()).anchored(Anchored::Yes);
        matching.clear();
        // A failure means that the automaton gave up; then every rule is tried.
        let (read, all_match) = match run(&self.automaton, automaton, &input, matching) {
            Ok(read) => (read, false),
            Err(_) => (reach.end.saturating_sub(reach.start), true),
        };
        *place.examined = place.examined.saturating_add(read as u64);
        if matching.is_empty() && !all_match {
            return;
        }
        for (pattern, &index) in self.rules.iter().enumerate() {
            if !all_match && !PatternID::new(pattern).is_ok_and(|id| matching.contains(id)) {
                continue;
            }
            let asked = place.wanted.get(index).copied().unwrap_or_default();
            let Some(rule) = place.rules.get(index).filter(|_| asked) else { continue };
            if !rule.shape.may_begin(place.text.as_bytes(), reach.start) {
                continue;
            }
            let needed = rule.context.as_ref().is_some_and(|context| context.required);
            // A match is no longer than what the automaton read.
            let read_to = ByteSpan { start: reach.start, end: (reach.start + read).min(reach.end) };
            if needed && !place.contexts.around(index, place.text, read_to, place.seen) {
                continue;
            }
            *place.examined = place.examined.saturating_add(read as u64);
            if let Some(value) = find(rule, &input).and_then(|found| found.value) {
                hits.extend(judge::judge(rule, index, place.text, value, place.contexts, place.seen));
            }
        }
    }
}

/// Reads on until no pattern can match any more; notes those that did, and answers how many bytes were read.
fn run(
    automaton: &DFA,
    cache: &mut Cache,
    input: &Input<'_>,
    matching: &mut PatternSet,
) -> Result<usize, MatchError> {
    let mut state = automaton.start_state_forward(cache, input)?;
    let bytes = input.haystack();
    let mut note = |cache: &Cache, state: LazyStateID| {
        for place in 0..automaton.match_len(cache, state) {
            matching.insert(automaton.match_pattern(cache, state, place));
        }
    };
    let failed = |_| MatchError::gave_up(input.start());
    let mut at = input.start();
    while let Some(&byte) = bytes.get(at..input.end()).and_then(<[u8]>::first) {
        state = automaton.next_state(cache, state, byte).map_err(failed)?;
        at += 1;
        if state.is_match() {
            note(cache, state);
        } else if state.is_dead() {
            return Ok(at - input.start());
        } else if state.is_quit() {
            return Err(MatchError::quit(byte, at));
        }
    }
    // A match is told of one byte late, for the sake of `\b`.
    state = match bytes.get(at) {
        Some(&byte) => automaton.next_state(cache, state, byte).map_err(failed)?,
        None => automaton.next_eoi_state(cache, state).map_err(failed)?,
    };
    if state.is_match() {
        note(cache, state);
    }
    Ok(at - input.start())
}

/// What the automaton may learn before it starts afresh. 3,000 short texts with personal data of all kinds teach it 11 MB;
/// with room for 8 MB most of their time went into learning the same again.
const CACHE_BYTES: usize = 16 << 20;

/// What the automaton may be made of.
const NFA_BYTES: usize = 64 << 20;
