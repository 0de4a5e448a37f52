//! The second trigger: rules without keywords, tried where a token with a digit begins.
//!
//! A single anchored automaton over all these rules reads on from such a place until none of them can match any more,
//! which is after a few bytes nearly always. The rules that it names are then confirmed by their own patterns.

use std::fmt;

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchError, MatchKind, PatternSet};

use super::context::Contexts;
use super::{CHUNK_BYTES, Hit, Scratch, find, judge};
use crate::ByteSpan;
use crate::cancel::{Cancel, Cancelled};
use crate::rules::{Rule, RuleError};

/// The automaton over the rules that tokens trigger.
#[derive(Debug)]
pub(super) struct Tokens {
    automaton: Option<DFA>,
    /// The rule of every pattern of the automaton.
    rules: Vec<usize>,
}

/// What the automaton learns and needs while it runs.
pub(super) struct TokenCache {
    automaton: Option<Cache>,
    matching: PatternSet,
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}

impl Tokens {
    pub(super) fn new(all: &[Rule]) -> Result<Self, RuleError> {
        let rules: Vec<usize> = all
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.keywords.is_empty() && !rule.runs_everywhere())
            .map(|(index, _)| index)
            .collect();
        let patterns: Vec<&str> =
            rules.iter().filter_map(|index| all.get(*index)).map(|rule| rule.pattern.as_str()).collect();
        if patterns.is_empty() {
            return Ok(Self { automaton: None, rules });
        }
        let automaton = DFA::builder()
            .configure(
                DFA::config()
                    .match_kind(MatchKind::All)
                    .cache_capacity(CACHE_BYTES)
                    .skip_cache_capacity_check(true),
            )
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .thompson(thompson::Config::new().utf8(false).which_captures(WhichCaptures::None))
            .build_many(&patterns)
            .map_err(|error| RuleError::Automaton { automaton: "tokens", message: error.to_string() })?;
        Ok(Self { automaton: Some(automaton), rules })
    }

    pub(super) fn cache(&self) -> TokenCache {
        TokenCache {
            automaton: self.automaton.as_ref().map(DFA::create_cache),
            matching: PatternSet::new(self.rules.len()),
        }
    }

    pub(super) fn scan(
        &self,
        (all, contexts): (&[Rule], &Contexts),
        text: &str,
        scratch: &mut Scratch,
        cancel: &Cancel,
        hits: &mut Vec<Hit>,
    ) -> Result<(), Cancelled> {
        let Scratch {
            tokens: TokenCache { automaton: Some(cache), matching }, seen, wanted, examined, ..
        } = scratch
        else {
            return Ok(());
        };
        let Some(automaton) = &self.automaton else { return Ok(()) };
        let wanted = |rule: usize| wanted.get(rule).copied().unwrap_or_default();
        if !self.rules.iter().any(|rule| wanted(*rule)) {
            return Ok(());
        }
        let mut checked = 0;
        starts(text.as_bytes(), |start| {
            if start.saturating_sub(checked) > CHUNK_BYTES / 16 {
                checked = start;
                cancel.check()?;
            }
            let end = start.saturating_add(TOKEN_BYTES).min(text.len());
            let input = Input::new(text).span(start..end).anchored(Anchored::Yes);
            matching.clear();
            // A failure means that the automaton gave up; then every rule is tried.
            let (read, all_match) = match run(automaton, cache, &input, matching) {
                Ok(read) => (read, false),
                Err(_) => (end - start, true),
            };
            *examined = examined.saturating_add(read as u64);
            let named = (0..self.rules.len()).filter(|pattern| {
                all_match || regex_automata::PatternID::new(*pattern).is_ok_and(|id| matching.contains(id))
            });
            for pattern in if all_match || !matching.is_empty() { named } else { return Ok(()) } {
                let Some(&index) = self.rules.get(pattern) else { continue };
                let Some(rule) = all.get(index).filter(|_| wanted(index)) else { continue };
                let needed = rule.context.as_ref().is_some_and(|context| context.required);
                // A match is no longer than what the automaton read.
                let reach = ByteSpan { start, end: (start + read).min(end) };
                if needed && !contexts.around(index, text, reach, seen) {
                    continue;
                }
                *examined = examined.saturating_add(read as u64);
                let tried = Input::new(text).span(start..end).anchored(Anchored::Yes);
                if let Some(value) = find(rule, &tried).and_then(|found| found.value) {
                    hits.extend(judge::judge(rule, index, text, value, contexts, seen));
                }
            }
            Ok(())
        })
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

/// Calls `at` with every place where a token worth trying begins.
///
/// Within a run of letters, digits and separators that holds a digit these are the beginnings of words, `+`, `(` and
/// `#`; and the short word before such a run, for numbers that are written after their letters ("DE 89 …").
fn starts<E>(bytes: &[u8], mut at: impl FnMut(usize) -> Result<(), E>) -> Result<(), E> {
    let class = |place: usize| {
        bytes.get(place).map_or(0, |byte| CLASSES.get(usize::from(*byte)).copied().unwrap_or(0))
    };
    let mut done = 0;
    while let Some(digit) = next_digit(bytes, done) {
        let before = (done..digit).rev().take_while(|place| class(*place) & RUN != 0).count();
        let start = digit - before;
        let end = digit + (digit..bytes.len()).take_while(|place| class(*place) & RUN != 0).count();
        // The short word before, of letters and signs alone, with one byte between.
        if let Some(gap) = start.checked_sub(1).filter(|gap| *gap > done) {
            let length =
                (done..gap).rev().take(SHORT_WORD + 1).take_while(|place| class(*place) & RUN != 0).count();
            if (1..=SHORT_WORD).contains(&length) {
                at(gap - length)?;
            }
        }
        for place in start..end {
            let begins = class(place) & START != 0
                && (place == 0 || class(place) & WORD == 0 || class(place - 1) & WORD == 0);
            if begins {
                at(place)?;
            }
        }
        done = end;
    }
    Ok(())
}

/// Skips text without digits many bytes at a time.
fn next_digit(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    for chunk in bytes.get(from..)?.chunks(64) {
        if chunk.iter().fold(false, |any, byte| any | byte.is_ascii_digit()) {
            return chunk.iter().position(u8::is_ascii_digit).map(|place| at + place);
        }
        at += chunk.len();
    }
    None
}

const RUN: u8 = 1;
const DIGIT: u8 = 2;
const START: u8 = 4;
const WORD: u8 = 8;

/// What each byte may be part of.
static CLASSES: [u8; 256] = classes();

#[expect(clippy::indexing_slicing, reason = "indices below 256, evaluated when compiled")]
#[expect(clippy::cast_possible_truncation, reason = "indices below 256, evaluated when compiled")]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'0'..=b'9' => RUN | DIGIT | START | WORD,
            b'a'..=b'z' | b'A'..=b'Z' => RUN | START | WORD,
            b'+' | b'(' | b'#' => RUN | START,
            b')' | b'.' | b'-' | b'/' | b':' | b'_' | b',' => RUN,
            _ => 0,
        };
        byte += 1;
    }
    table
}

/// No token is longer than this; it bounds what a single beginning can cost.
const TOKEN_BYTES: usize = 256;

const SHORT_WORD: usize = 6;

/// What the automaton may learn before it starts afresh. 3,000 short texts with personal data of all kinds teach it 11 MB;
/// with room for 8 MB most of their time went into learning the same again.
const CACHE_BYTES: usize = 16 << 20;
