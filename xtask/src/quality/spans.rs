//! Spans, what they cover of each other, and the measures made of that.

use std::{collections::HashMap, ops::Range};

/// Something found; offsets in code points, within the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) range: Range<usize>,
    pub(super) entity: String,
}

impl Found {
    pub(super) fn overlaps(&self, other: &Range<usize>) -> bool {
        self.range.start < other.end && other.start < self.range.end
    }
}

/// Which code points of a range are covered by any of some spans.
#[derive(Debug)]
pub(super) struct Cover(Vec<bool>);

impl Cover {
    pub(super) fn new<'a>(range: &Range<usize>, found: impl IntoIterator<Item = &'a Found>) -> Self {
        let mut covered = vec![false; range.len()];
        for found in found {
            let start = found.range.start.saturating_sub(range.start);
            let end = found.range.end.saturating_sub(range.start).min(range.len());
            if let Some(part) = covered.get_mut(start..end) {
                part.fill(true);
            }
        }
        Self(covered)
    }

    pub(super) fn covered(&self) -> usize {
        self.0.iter().filter(|&&covered| covered).count()
    }

    pub(super) fn left(&self) -> usize {
        self.0.len() - self.covered()
    }

    /// At least half of it: what counts as found.
    pub(super) fn half(&self) -> bool {
        self.covered() * 2 >= self.0.len()
    }

    pub(super) fn full(&self) -> bool {
        self.left() == 0
    }
}

/// Maps byte offsets to those of code points; none inside a character or behind the text.
#[derive(Debug)]
pub(super) struct CodePoints(HashMap<usize, usize>);

impl CodePoints {
    pub(super) fn new(text: &str) -> Self {
        let starts = text.char_indices().map(|(byte, _)| byte).chain([text.len()]);
        Self(starts.enumerate().map(|(point, byte)| (byte, point)).collect())
    }

    pub(super) fn range(&self, bytes: &Range<usize>) -> Option<Range<usize>> {
        let range = *self.0.get(&bytes.start)?..*self.0.get(&bytes.end)?;
        (range.start < range.end).then_some(range)
    }
}

/// How many there are, how many were found, and how much else was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) marked: usize,
    pub(super) found: usize,
    pub(super) full: usize,
    pub(super) wrong: usize,
    pub(super) characters: usize,
    pub(super) left: usize,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.marked += other.marked;
        self.found += other.found;
        self.full += other.full;
        self.wrong += other.wrong;
        self.characters += other.characters;
        self.left += other.left;
    }

    pub(super) fn recall(&self) -> f64 {
        ratio(self.found, self.marked)
    }

    pub(super) fn full_recall(&self) -> f64 {
        ratio(self.full, self.marked)
    }

    pub(super) fn precision(&self) -> f64 {
        ratio(self.found, self.found + self.wrong)
    }

    /// Returns the F measure that holds recall twice as dear as precision.
    pub(super) fn f2(&self) -> f64 {
        let (precision, recall) = (self.precision(), self.recall());
        if precision + recall == 0.0 {
            0.0
        } else {
            5.0 * precision * recall / 4.0f64.mul_add(precision, recall)
        }
    }

    /// Returns the share of marked characters that nothing covers: what a redaction would leave to be read.
    pub(super) fn leak(&self) -> f64 {
        ratio(self.left, self.characters)
    }
}

/// Returns a share; 0 of nothing.
pub(super) fn ratio(part: usize, whole: usize) -> f64 {
    // Counts of cases are far below what f64 holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "counts of cases are small")]
    let ratio = part as f64 / whole.max(1) as f64;
    ratio
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(range: Range<usize>) -> Found {
        Found { range, entity: String::new() }
    }

    #[test]
    fn half_is_found_and_all_is_full() {
        let cover = |spans: &[Found]| Cover::new(&(10..14), spans);
        assert!(cover(&[found(12..20)]).half());
        assert!(!cover(&[found(12..20)]).full());
        assert!(!cover(&[found(13..20)]).half());
        assert!(!cover(&[found(0..10), found(14..20)]).half());
        let pieces = cover(&[found(0..12), found(11..14)]);
        assert!(pieces.full());
        assert_eq!(cover(&[found(0..11)]).left(), 3);
    }

    #[test]
    fn offsets_are_turned_into_code_points() {
        let points = CodePoints::new("aé😀z");
        assert_eq!(points.range(&(1..7)), Some(1..3));
        assert_eq!(points.range(&(0..8)), Some(0..4));
        assert_eq!(points.range(&(2..7)), None);
        assert_eq!(points.range(&(3..3)), None);
        assert_eq!(points.range(&(0..9)), None);
    }

    #[test]
    fn f2_leans_towards_recall() {
        let tally = Tally { marked: 10, found: 8, wrong: 8, ..Tally::default() };
        assert!((tally.f2() - 5.0 * 0.5 * 0.8 / (4.0 * 0.5 + 0.8)).abs() < 1e-12);
        assert!(Tally::default().f2().abs() < f64::EPSILON);
        assert!(found(1..3).overlaps(&(2..9)) && !found(1..3).overlaps(&(3..9)));
    }
}
