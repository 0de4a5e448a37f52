//! Patterns, compiled when a text first asks for them: of hundreds of rules a process meets a few dozen.

mod run;

use std::borrow::Cow;
use std::sync::LazyLock;

use regex_automata::meta::{self, Regex};
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::primitives::PatternID;
use regex_automata::util::syntax;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::compile::Family;

/// Something that is made when it is first asked for; `None` when it cannot be made.
pub(crate) type Lazy<T> = LazyLock<Option<T>, Box<dyn FnOnce() -> Option<T> + Send>>;

/// A rule's pattern, ready to run.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub(crate) regex: Regex,
    /// The capture group whose span is the finding; 0 is the whole match.
    pub(crate) group: usize,
}

/// What a pattern's syntax says of its matches, before it is compiled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Whether every match begins with one of the rule's keywords, so that it need be tried only there.
    pub(crate) leads: bool,
    /// Whether the keyword must not be the end of a longer word.
    pub(crate) starts_word: bool,
    /// Whether it asks for the edges of words of any script, which automata over bytes cannot tell.
    pub(crate) unicode_words: bool,
    /// Every match holds so many bytes in a row of which none is white space.
    pub(crate) run: usize,
}

impl Shape {
    /// Whether a match may begin at a place as far as the byte before it goes.
    pub(crate) fn may_begin(&self, bytes: &[u8], at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        !(self.starts_word && before.is_some_and(u8::is_ascii_alphanumeric))
    }

    /// Looks at a pattern; fails as compiling it would.
    pub(super) fn new(pattern: &str, family: Family, keywords: &[String]) -> Result<Self, String> {
        let hir = parse(pattern, family)?;
        Ok(Self {
            leads: keywords_lead(&hir, keywords),
            starts_word: false,
            unicode_words: hir.properties().look_set().contains_word_unicode(),
            run: run::longest(&hir),
        })
    }
}

impl Pattern {
    /// Compiles a pattern.
    pub(super) fn new(pattern: &str, family: Family) -> Result<Self, String> {
        let hir = parse(pattern, family)?;
        let regex =
            builder(family, WhichCaptures::All).build_from_hir(&hir).map_err(|error| describe(&error))?;
        let group = span_group(&regex);
        // The whole match needs no captures, which cost many times what finding it costs.
        let group = if is_whole(&hir, group) { 0 } else { group };
        Ok(Self { group, regex })
    }
}

fn parse(pattern: &str, family: Family) -> Result<Hir, String> {
    let unicode = family == Family::Folded;
    let pattern = if unicode { ascii_edges(pattern) } else { Cow::Borrowed(pattern) };
    syntax::parse_with(&pattern, &syntax::Config::new().unicode(unicode).utf8(unicode))
        .map_err(|error| error.to_string())
}

/// Makes the edges of words those of ASCII words in a pattern that is ASCII: automata cannot tell the edges of words of
/// other scripts, and would leave every text that is not ASCII to engines that are many times slower. Folded text has
/// no other letters beside those of the pattern, or they are of another script, which is an edge as well.
fn ascii_edges(pattern: &str) -> Cow<'_, str> {
    if !pattern.is_ascii() || !pattern.contains(r"\b") || pattern.contains(r"\b{") {
        return Cow::Borrowed(pattern);
    }
    let mut edged = String::with_capacity(pattern.len() * 2);
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match (character, if character == '\\' { characters.next() } else { None }) {
            (_, Some('b')) => edged.push_str(r"(?-u:\b)"),
            (_, Some(escaped)) => edged.extend(['\\', escaped]),
            (other, None) => edged.push(other),
        }
    }
    Cow::Owned(edged)
}

/// Compiles patterns of which it only matters whether one matches.
pub(super) fn any_of(patterns: &[String], family: Family) -> Result<Regex, String> {
    builder(family, WhichCaptures::None).build_many(patterns).map_err(|error| describe(&error))
}

fn builder(family: Family, captures: WhichCaptures) -> meta::Builder {
    let unicode = family == Family::Folded;
    let mut builder = meta::Builder::new();
    builder.syntax(syntax::Config::new().unicode(unicode).utf8(unicode)).configure(
        Regex::config()
            .utf8_empty(unicode)
            .which_captures(captures)
            .nfa_size_limit(Some(NFA_SIZE_LIMIT))
            .onepass_size_limit(Some(ONEPASS_SIZE_LIMIT))
            .hybrid_cache_capacity(HYBRID_CACHE_CAPACITY)
            .dfa(false),
    );
    builder
}

fn describe(error: &meta::BuildError) -> String {
    match (error.syntax_error(), error.size_limit()) {
        (Some(syntax), _) => syntax.to_string(),
        (None, Some(limit)) => format!("compiles to more than {limit} bytes"),
        (None, None) => error.to_string(),
    }
}

/// Takes the group named `value`, else group 1, else the whole match.
fn span_group(regex: &Regex) -> usize {
    let groups = regex.group_info();
    groups
        .to_index(PatternID::ZERO, "value")
        .unwrap_or_else(|| usize::from(groups.group_len(PatternID::ZERO) > 1))
}

/// Whether nothing that takes up text stands beside a group.
fn is_whole(hir: &Hir, group: usize) -> bool {
    let is_group =
        |part: &Hir| matches!(part.kind(), HirKind::Capture(capture) if capture.index as usize == group);
    match hir.kind() {
        HirKind::Concat(parts) => {
            let empty = |part: &Hir| matches!(part.kind(), HirKind::Look(_) | HirKind::Empty);
            parts.iter().filter(|part| !empty(part)).all(is_group)
        }
        _ => is_group(hir),
    }
}

fn keywords_lead(hir: &Hir, keywords: &[String]) -> bool {
    let beginnings = beginnings(hir).strings;
    !keywords.is_empty()
        && beginnings
            .iter()
            .all(|string| keywords.iter().any(|keyword| string.starts_with(keyword.as_bytes())))
}

/// What matches can begin with, in lower case.
struct Beginnings {
    strings: Vec<Vec<u8>>,
    /// Whether these are whole matches, so that what follows can be appended.
    whole: bool,
}

impl Beginnings {
    fn of(string: Vec<u8>, whole: bool) -> Self {
        Self { strings: vec![string], whole }
    }

    fn then(self, next: Self) -> Self {
        if self.strings.len().saturating_mul(next.strings.len()) > MOST_BEGINNINGS {
            return Self { whole: false, ..self };
        }
        let joined =
            |head: &Vec<u8>| next.strings.iter().map(|tail| [head.as_slice(), tail].concat()).collect();
        let mut strings: Vec<Vec<u8>> = self.strings.iter().flat_map::<Vec<Vec<u8>>, _>(joined).collect();
        strings.sort_unstable();
        strings.dedup();
        let long = strings.iter().any(|string| string.len() > LONGEST_BEGINNING);
        Self { strings, whole: next.whole && !long }
    }
}

fn beginnings(hir: &Hir) -> Beginnings {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Beginnings::of(Vec::new(), true),
        HirKind::Literal(literal) => Beginnings::of(literal.0.to_ascii_lowercase(), true),
        HirKind::Class(class) => {
            let mut strings = members(class);
            strings.sort_unstable();
            strings.dedup();
            if strings.is_empty() {
                Beginnings::of(Vec::new(), false)
            } else {
                Beginnings { strings, whole: true }
            }
        }
        HirKind::Capture(capture) => beginnings(&capture.sub),
        HirKind::Concat(parts) => {
            let mut all = Beginnings::of(Vec::new(), true);
            for part in parts {
                if !all.whole {
                    break;
                }
                all = all.then(beginnings(part));
            }
            all
        }
        HirKind::Alternation(branches) => {
            let mut all = Beginnings { strings: Vec::new(), whole: true };
            for branch in branches {
                let branch = beginnings(branch);
                all.whole &= branch.whole;
                all.strings.extend(branch.strings);
            }
            if all.strings.len() > MOST_BEGINNINGS { Beginnings::of(Vec::new(), false) } else { all }
        }
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            let once = beginnings(&repetition.sub);
            let whole = once.whole && repetition.min == 1 && repetition.max == Some(1);
            Beginnings { whole, ..once }
        }
        HirKind::Repetition(repetition) if repetition.max == Some(1) => {
            let mut once = beginnings(&repetition.sub);
            once.strings.push(Vec::new());
            once
        }
        HirKind::Repetition(_) => Beginnings::of(Vec::new(), false),
    }
}

/// The characters of a small class, in lower case; none of a large one.
fn members(class: &Class) -> Vec<Vec<u8>> {
    match class {
        Class::Bytes(class) if class.ranges().len() <= MOST_MEMBERS => {
            let all = class.ranges().iter().flat_map(|range| range.start()..=range.end());
            let few: Vec<u8> = all.take(MOST_MEMBERS + 1).collect();
            if few.len() > MOST_MEMBERS {
                return Vec::new();
            }
            few.iter().map(|byte| vec![byte.to_ascii_lowercase()]).collect()
        }
        Class::Unicode(class) if class.ranges().len() <= MOST_MEMBERS => {
            let all = class.ranges().iter().flat_map(|range| range.start()..=range.end());
            let few: Vec<char> = all.take(MOST_MEMBERS + 1).collect();
            if few.len() > MOST_MEMBERS {
                return Vec::new();
            }
            few.iter().map(|letter| letter.to_ascii_lowercase().to_string().into_bytes()).collect()
        }
        _ => Vec::new(),
    }
}

const MOST_BEGINNINGS: usize = 256;
const LONGEST_BEGINNING: usize = 48;
const MOST_MEMBERS: usize = 8;

/// A single rule stays small, or hundreds of them do not fit beside each other.
const NFA_SIZE_LIMIT: usize = 2 << 20;

const ONEPASS_SIZE_LIMIT: usize = 64 << 10;

/// What a lazy automaton may hold before it starts afresh.
const HYBRID_CACHE_CAPACITY: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(pattern: &str, keywords: &[&str]) -> bool {
        let keywords: Vec<String> = keywords.iter().map(|keyword| (*keyword).to_owned()).collect();
        Shape::new(pattern, Family::Raw, &keywords).unwrap().leads
    }

    #[test]
    fn groups_that_are_all_of_a_match() {
        let group = |pattern: &str| Pattern::new(pattern, Family::Raw).unwrap().group;
        assert_eq!(group(r"\b(a[0-9]{2})\b"), 0);
        assert_eq!(group(r"(?i)\b(a(b)?)"), 0);
        assert_eq!(group(r"\b(a)c"), 1);
        assert_eq!(group(r"a|(b)"), 1);
        assert_eq!(group(r"(a){2}"), 1);
    }

    #[test]
    fn keywords_that_every_match_begins_with() {
        assert!(leads(r"\b(ghp_[0-9A-Za-z]{36})\b", &["ghp_"]));
        assert!(leads(r"(?i)\bgh[pos]_[a-z]{4}", &["ghp_", "gho_", "ghs_"]));
        assert!(leads(r"(?:sk|pk)-?[a-z]+", &["sk", "pk"]));
        assert!(!leads(r"(?:sk|pk)-?[a-z]+", &["sk-", "pk-"]));
        assert!(!leads(r"[a-z]+ghp_", &["ghp_"]));
        assert!(!leads(r#""?key"#, &["key"]));
        assert!(!leads(r"(?:a|b[0-9]*)key", &["akey"]));
    }
}
