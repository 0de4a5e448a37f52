//! How many bytes without white space a match holds in a row at least.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Returns the length of the longest run that is in every match.
pub(super) fn longest(hir: &Hir) -> usize {
    Run::of(hir).best
}

/// What is in every match of an expression.
#[derive(Clone, Copy)]
struct Run {
    /// Whether matches hold nothing but the run.
    whole: bool,
    head: usize,
    tail: usize,
    best: usize,
}

impl Run {
    const EMPTY: Self = Self { whole: true, head: 0, tail: 0, best: 0 };
    const GAP: Self = Self { whole: false, ..Self::EMPTY };

    fn of(hir: &Hir) -> Self {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Self::EMPTY,
            HirKind::Literal(literal) => {
                let bytes = literal.0.iter().map(|byte| if *byte > b' ' { Self::long(1) } else { Self::GAP });
                bytes.fold(Self::EMPTY, Self::then)
            }
            HirKind::Class(class) if solid(class) => Self::long(1),
            HirKind::Class(_) => Self::GAP,
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Concat(parts) => parts.iter().map(Self::of).fold(Self::EMPTY, Self::then),
            HirKind::Alternation(branches) => {
                branches.iter().map(Self::of).reduce(Self::or).unwrap_or(Self::EMPTY)
            }
            HirKind::Repetition(repetition) => {
                let (once, times) = (Self::of(&repetition.sub), repetition.min as usize);
                match times {
                    _ if once.whole => Self::long(once.best.saturating_mul(times)),
                    0 => Self::GAP,
                    1 => once,
                    _ => once.then(once),
                }
            }
        }
    }

    fn long(length: usize) -> Self {
        Self { whole: true, head: length, tail: length, best: length }
    }

    fn then(self, next: Self) -> Self {
        Self {
            whole: self.whole && next.whole,
            head: if self.whole { self.head + next.head } else { self.head },
            tail: if next.whole { self.tail + next.tail } else { next.tail },
            best: self.best.max(next.best).max(self.tail + next.head),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            whole: self.whole && other.whole,
            head: self.head.min(other.head),
            tail: self.tail.min(other.tail),
            best: self.best.min(other.best),
        }
    }
}

/// Whether no member is white space, or begins with a byte that is.
fn solid(class: &Class) -> bool {
    match class {
        Class::Bytes(class) => class.ranges().iter().all(|range| range.start() > b' '),
        Class::Unicode(class) => class.ranges().iter().all(|range| range.start() > ' '),
    }
}

#[cfg(test)]
mod tests {
    use regex_automata::util::syntax;

    fn longest(pattern: &str) -> usize {
        super::longest(
            &syntax::parse_with(pattern, &syntax::Config::new().unicode(false).utf8(false)).unwrap(),
        )
    }

    #[test]
    fn of_patterns() {
        assert_eq!(longest(r"\bghp_[0-9A-Za-z]{36}\b"), 40);
        assert_eq!(longest(r"key\s{0,3}=\s?([a-z]{20,30}|[0-9]{18})"), 18);
        assert_eq!(longest(r"(?:ab c)?[x-z]{4}"), 4);
        assert_eq!(longest(r"(?:ab|a b)cd"), 3);
        assert_eq!(longest(r"(?:a b){3}"), 2);
        assert_eq!(longest(r"[^\n]{20}"), 0);
        assert_eq!(longest(r"(?:a{2}){3}\.?b"), 7);
    }
}
