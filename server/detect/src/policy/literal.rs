//! Finds in a pattern the literals of which every match contains one, so that a rule written without keywords need not
//! be tried on every text.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// What a pattern's own text says of where it can match.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Hints {
    /// Literals in lower case; every match contains one of them, whatever the case of its letters. None: no such
    /// literals of three characters or more.
    pub(super) literals: Option<Vec<String>>,
    /// The longest match, in bytes; none when it has no bound.
    pub(super) longest: Option<usize>,
}

/// Reads a pattern that is known to compile.
pub(super) fn hints(pattern: &str, unicode: bool) -> Hints {
    let Ok(hir) = ParserBuilder::new().unicode(unicode).utf8(unicode).build().parse(pattern) else {
        return Hints::default();
    };
    Hints { literals: required(&hir), longest: hir.properties().maximum_len() }
}

fn required(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Concat(parts) => {
            let mut best = None;
            let mut run = String::new();
            for part in parts {
                match exact(part) {
                    Some(text) => run.push_str(&text),
                    None => {
                        best = better(best, usable(std::mem::take(&mut run)));
                        best = better(best, required(part));
                    }
                }
            }
            better(best, usable(run))
        }
        HirKind::Alternation(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(required(part)?);
            }
            all.sort();
            all.dedup();
            (all.len() <= MOST_LITERALS).then_some(all)
        }
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        _ => exact(hir).and_then(usable),
    }
}

/// Returns the one text that a part matches, in lower case, when the case of ASCII letters does not count.
fn exact(hir: &Hir) -> Option<String> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(String::new()),
        HirKind::Literal(literal) => {
            std::str::from_utf8(&literal.0).ok().filter(|text| text.is_ascii()).map(str::to_ascii_lowercase)
        }
        HirKind::Capture(capture) => exact(&capture.sub),
        HirKind::Concat(parts) => parts.iter().map(exact).collect(),
        HirKind::Class(class) => one_letter(class).map(String::from),
        _ => None,
    }
}

/// Returns the letter of a class that is its two cases. Unicode adds U+212A to `k` and U+017F to `s`; a text with these
/// is read in its clean form too, where they are plain letters.
fn one_letter(class: &Class) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => {
            class.ranges().iter().map(|r| (char::from(r.start()), char::from(r.end()))).collect()
        }
    };
    let mut letter = None;
    for (start, end) in ranges {
        if start != end || !(start.is_ascii() || matches!(start, '\u{212a}' | '\u{17f}')) {
            return None;
        }
        if start.is_ascii() {
            let lower = start.to_ascii_lowercase();
            if letter.is_some_and(|known| known != lower) {
                return None;
            }
            letter = Some(lower);
        }
    }
    letter
}

fn usable(text: String) -> Option<Vec<String>> {
    (text.len() >= SHORTEST).then(|| vec![text])
}

/// Prefers longer literals, then fewer.
fn better(a: Option<Vec<String>>, b: Option<Vec<String>>) -> Option<Vec<String>> {
    let worth =
        |set: &Vec<String>| (set.iter().map(String::len).min().unwrap_or(0), std::cmp::Reverse(set.len()));
    match (a, b) {
        (Some(a), Some(b)) => Some(if worth(&b) > worth(&a) { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// Shorter literals occur everywhere.
const SHORTEST: usize = 3;

const MOST_LITERALS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn literals(pattern: &str) -> Option<Vec<String>> {
        hints(pattern, true).literals
    }

    #[test]
    fn literals_are_required() {
        let some = |words: &[&str]| Some(words.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(literals(r"\bCUST-\d{6}\b"), some(&["cust-"]));
        assert_eq!(literals(r"(?i)project (falcon|eagle)"), some(&["project "]));
        assert_eq!(literals(r"(?i)sky"), some(&["sky"]));
        assert_eq!(literals(r"(?:abc|defg)\d+"), some(&["abc", "defg"]));
        assert_eq!(literals(r"(?:abc|\d)\d+"), None);
        assert_eq!(literals(r"(abc)?\d+"), None);
        assert_eq!(literals(r"(abc)+\d"), some(&["abc"]));
        assert_eq!(literals(r"\d{3}-\d{4}"), None);
        assert_eq!(literals(r"[ab]bc\d"), None);
    }

    #[test]
    fn bounded_matches() {
        assert_eq!(hints(r"CUST-\d{6}", false).longest, Some(11));
        assert_eq!(hints(r"CUST-\d+", false).longest, None);
    }
}
