//! Spans, and their conversion between units.

use std::ops::Range;

/// A half-open range of bytes of the caller's own text; both ends lie on character boundaries.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ByteSpan {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl ByteSpan {
    /// Returns the length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether the span holds no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end <= self.start
    }

    /// Returns the span with the characters taken whole that it begins or ends in: byte patterns may cut them.
    pub(crate) fn on_boundaries(self, text: &str) -> Self {
        Self { start: text.floor_char_boundary(self.start), end: text.ceil_char_boundary(self.end) }
    }

    /// Whether the two spans share a byte.
    #[must_use]
    pub fn overlaps(&self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether `other` lies within this span.
    #[must_use]
    pub fn contains(&self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Returns the span as a range.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// One span in the three units that callers index by.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Span {
    /// UTF-8 bytes.
    pub bytes: Range<usize>,
    /// Unicode code points (Python).
    pub code_points: Range<usize>,
    /// UTF-16 code units (JavaScript, Java).
    pub utf16: Range<usize>,
}

/// Converts byte offsets of one text into code points and UTF-16 code units.
///
/// The text is read once, when the index is made: a checkpoint is kept every 256 bytes, so a conversion reads at most
/// that many, in any order. ASCII text needs no checkpoint at all.
#[derive(Debug)]
pub struct OffsetIndex<'t> {
    text: &'t str,
    checkpoints: Vec<Checkpoint>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Checkpoint {
    bytes: usize,
    code_points: usize,
    utf16: usize,
}

const CHECKPOINT_BYTES: usize = 256;

impl<'t> OffsetIndex<'t> {
    /// Makes the index of a text.
    #[must_use]
    pub fn new(text: &'t str) -> Self {
        let mut checkpoints = Vec::new();
        if !text.is_ascii() {
            let mut at = Checkpoint::default();
            let mut next = 0;
            for character in text.chars() {
                if at.bytes >= next {
                    checkpoints.push(at);
                    next = at.bytes.saturating_add(CHECKPOINT_BYTES);
                }
                at.advance(character);
            }
        }
        Self { text, checkpoints }
    }

    /// Returns a span in all units. Offsets past the end are taken as the end, those inside a character as its start.
    #[must_use]
    pub fn span(&self, span: ByteSpan) -> Span {
        let (start, end) = (self.locate(span.start), self.locate(span.end));
        Span {
            bytes: start.bytes..end.bytes,
            code_points: start.code_points..end.code_points,
            utf16: start.utf16..end.utf16,
        }
    }

    fn locate(&self, offset: usize) -> Checkpoint {
        let offset = offset.min(self.text.len());
        let after = self.checkpoints.partition_point(|checkpoint| checkpoint.bytes <= offset);
        let Some(mut at) = after.checked_sub(1).and_then(|i| self.checkpoints.get(i)).copied() else {
            return Checkpoint { bytes: offset, code_points: offset, utf16: offset };
        };
        for character in self.text.get(at.bytes..).unwrap_or_default().chars() {
            if at.bytes.saturating_add(character.len_utf8()) > offset {
                break;
            }
            at.advance(character);
        }
        at
    }
}

impl Checkpoint {
    fn advance(&mut self, character: char) {
        self.bytes += character.len_utf8();
        self.code_points += 1;
        self.utf16 += character.len_utf16();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_differ_on_every_plane() {
        let text = format!("{}a é 語 😀 z", "x".repeat(300));
        let index = OffsetIndex::new(&text);
        let start = text.find('😀').unwrap();
        let span = index.span(ByteSpan { start, end: start + 4 });
        assert_eq!(span.bytes, start..start + 4);
        assert_eq!(span.code_points.end - span.code_points.start, 1);
        assert_eq!(span.utf16.end - span.utf16.start, 2);
        assert_eq!(span.code_points.start, text.split_at(start).0.chars().count());
        assert_eq!(span.utf16.start, text.split_at(start).0.encode_utf16().count());
    }

    #[test]
    fn offsets_outside_are_clamped() {
        let index = OffsetIndex::new("é");
        assert_eq!(index.span(ByteSpan { start: 1, end: 9 }).bytes, 0..2);
    }
}
