//! Lists of words that are not wanted: one automaton over all lists of a policy, compiled with it.

use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::view::fold;
use crate::{Action, ByteSpan, Severity};

use super::config::{WordKind, WordList};

/// The compiled lists of a policy.
#[derive(Debug)]
pub(crate) struct WordLists {
    automaton: AhoCorasick,
    /// For every pattern the list that it belongs to.
    of: Vec<usize>,
    lists: Vec<List>,
}

/// What findings of a list are called.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) rule_id: Arc<str>,
    pub(crate) category: &'static str,
    pub(crate) entity: &'static str,
    pub(crate) severity: Severity,
    action: Option<Action>,
    whole_words: bool,
    min_matches: usize,
}

impl WordLists {
    /// Compiles lists that were checked; `None` where there is nothing to look for.
    pub(crate) fn new(lists: &[WordList]) -> Result<Option<Self>, String> {
        let mut patterns = Vec::new();
        let mut of = Vec::new();
        for (place, list) in lists.iter().enumerate() {
            for entry in &list.entries {
                let (folded, _) = fold(entry.trim());
                if !folded.is_empty() {
                    patterns.push(folded);
                    of.push(place);
                }
            }
        }
        if patterns.is_empty() {
            return Ok(None);
        }
        // Overlapping matches: a word within a longer, unwanted match must not be lost.
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&patterns)
            .map_err(|error| error.to_string())?;
        Ok(Some(Self { automaton, of, lists: lists.iter().map(List::new).collect() }))
    }

    /// Appends the matches in folded text.
    pub(crate) fn find<'l>(&'l self, folded: &str, found: &mut Vec<(&'l List, ByteSpan)>) {
        let mut per_list: Vec<Vec<(usize, ByteSpan)>> = vec![Vec::new(); self.lists.len()];
        for hit in self.automaton.find_overlapping_iter(folded) {
            let pattern = hit.pattern().as_usize();
            let span = ByteSpan { start: hit.start(), end: hit.end() };
            let Some(place) = self.of.get(pattern).copied() else { continue };
            let (Some(list), Some(hits)) = (self.lists.get(place), per_list.get_mut(place)) else { continue };
            if hits.len() < MOST && (!list.whole_words || is_whole(folded, span)) {
                hits.push((pattern, span));
            }
        }
        for (list, hits) in self.lists.iter().zip(&mut per_list) {
            let mut different: Vec<usize> = hits.iter().map(|(pattern, _)| *pattern).collect();
            different.sort_unstable();
            different.dedup();
            if different.len() >= list.min_matches {
                found.extend(hits.drain(..).map(|(_, span)| (list, span)));
            }
        }
    }

    /// Returns what a list asks for.
    pub(crate) fn action(&self, rule_id: &str) -> Option<Action> {
        self.lists.iter().find(|list| *list.rule_id == *rule_id).and_then(|list| list.action)
    }
}

impl List {
    fn new(list: &WordList) -> Self {
        let (category, entity, severity) = match list.kind {
            WordKind::Words => ("banned_words", "BANNED_WORD", Severity::Medium),
            WordKind::Topic => ("banned_topic", "BANNED_TOPIC", Severity::Medium),
            WordKind::Competitors => ("competitor", "COMPETITOR", Severity::Low),
        };
        Self {
            rule_id: format!("banned-{}", list.name).into(),
            category,
            entity,
            severity,
            action: list.action,
            whole_words: list.whole_words,
            min_matches: list.min_matches,
        }
    }
}

/// Whether a span is not a part of longer words. Scripts without spaces have no longer words.
fn is_whole(text: &str, span: ByteSpan) -> bool {
    let (Some(before), Some(word), Some(after)) =
        (text.get(..span.start), text.get(span.range()), text.get(span.end..))
    else {
        return false;
    };
    let joins = |inner: Option<char>, outer: Option<char>| {
        inner.is_some_and(is_joined) && outer.is_some_and(is_joined)
    };
    !joins(word.chars().next(), before.chars().next_back())
        && !joins(word.chars().next_back(), after.chars().next())
}

fn is_joined(character: char) -> bool {
    character.is_alphanumeric()
        && !matches!(u32::from(character), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF)
}

/// Matches of one list that are told of in one view.
const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(lists: &[(&str, usize, &[&str])]) -> WordLists {
        let lists: Vec<WordList> = lists
            .iter()
            .map(|(name, min_matches, entries)| WordList {
                name: (*name).to_owned(),
                kind: WordKind::Words,
                action: Some(Action::Block),
                whole_words: true,
                min_matches: *min_matches,
                entries: entries.iter().map(|entry| (*entry).to_owned()).collect(),
            })
            .collect();
        WordLists::new(&lists).unwrap().unwrap()
    }

    fn found(lists: &WordLists, text: &str) -> Vec<String> {
        let (folded, map) = fold(text);
        let mut found = Vec::new();
        lists.find(&folded, &mut found);
        found.iter().map(|(_, span)| text.get(map.source(*span).range()).unwrap().to_owned()).collect()
    }

    #[test]
    fn folded_whole_words() {
        let lists = lists(&[("a", 1, &["Café Noir", "ass", "禁止"])]);
        assert_eq!(
            found(&lists, "Le CAFE\u{301}  NOIR, class, Ass! 这是禁止的"),
            ["CAFE\u{301}  NOIR", "Ass", "禁止"]
        );
        assert_eq!(lists.action("banned-a"), Some(Action::Block));
    }

    #[test]
    fn a_topic_needs_several() {
        let lists = lists(&[("t", 2, &["ballot", "election", "candidate"])]);
        assert!(found(&lists, "The candidate, the candidate.").is_empty());
        assert_eq!(found(&lists, "The candidate won the election.").len(), 2);
    }

    #[test]
    fn many_entries() {
        let entries: Vec<String> = (0..100_000).map(|n| format!("word{n}x")).collect();
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        let lists = lists(&[("m", 1, &entries)]);
        assert_eq!(found(&lists, "a word99999x and word7x, no word7xx"), ["word99999x", "word7x"]);
    }
}
