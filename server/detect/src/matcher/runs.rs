//! Long runs without white space: most rules are about tokens, and most prose holds none that is long enough.

use crate::ByteSpan;

/// The long runs of one text, found when somebody first asks.
#[derive(Debug, Default)]
pub(super) struct Runs {
    found: Vec<ByteSpan>,
    collected: bool,
}

impl Runs {
    /// Forgets the runs of the text before.
    pub(super) fn clear(&mut self) {
        self.found.clear();
        self.collected = false;
    }

    /// Whether `span` holds so many bytes in a row of which none is white space.
    pub(super) fn holds(&mut self, bytes: &[u8], length: usize, span: ByteSpan) -> bool {
        if length < LEAST {
            return true;
        }
        if !self.collected {
            self.collected = true;
            self.collect(bytes);
        }
        let first = self.found.partition_point(|run| run.end <= span.start);
        let near = self.found.get(first..).unwrap_or_default().iter().take_while(|run| run.start < span.end);
        near.into_iter().any(|run| run.end.min(span.end) >= run.start.max(span.start).saturating_add(length))
    }

    /// Looks at every [`LEAST`]th byte only: a run of that length cannot lie between two of them.
    fn collect(&mut self, bytes: &[u8]) {
        let inside = |byte: &&u8| **byte > b' ';
        let mut from = 0;
        while let Some(probe) = bytes.get(from + LEAST - 1) {
            let at = from + LEAST - 1;
            if *probe <= b' ' {
                from = at + 1;
                continue;
            }
            let head = bytes.get(from..at).unwrap_or_default().iter().rev().take_while(inside).count();
            let tail = bytes.get(at..).unwrap_or_default().iter().take_while(inside).count();
            let run = ByteSpan { start: at - head, end: at + tail };
            from = run.end + 1;
            if run.end - run.start >= LEAST {
                self.found.push(run);
            }
        }
    }
}

/// Shorter runs are everywhere.
const LEAST: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_spans() {
        let text = b"a short text, then abcdefghijklmnop-0123 and so on";
        let mut runs = Runs::default();
        let mut holds = |length, start, end| runs.holds(text, length, ByteSpan { start, end });
        assert!(holds(21, 0, text.len()));
        assert!(!holds(22, 0, text.len()));
        assert!(holds(11, 0, 5));
        assert!(!holds(12, 0, 30));
        assert!(holds(12, 19, 31));
        assert!(!holds(20, 41, text.len()));
    }
}
