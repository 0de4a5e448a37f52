//! From bytes of a view back to bytes of the text that it was made of.

use crate::ByteSpan;

/// The map of a view, as segments sorted by their place in the view.
///
/// Within a segment every `out_unit` bytes of the view come from `src_unit` bytes of the source: 1 from 1 where text was
/// copied, 3 from 4 under base64, all from all where something was replaced as a whole. A span of the view maps to the
/// smallest span of the source that made it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map {
    segments: Vec<Segment>,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    out: usize,
    out_unit: usize,
    src: usize,
    src_unit: usize,
    src_end: usize,
    /// Whether its source is one encoded run.
    carrier: bool,
}

impl Map {
    /// Maps a span of the view to its source.
    pub(crate) fn source(&self, span: ByteSpan) -> ByteSpan {
        let first = self.segment(span.start);
        let start = first.map_or(span.start, |segment| segment.before(span.start));
        if span.is_empty() {
            return ByteSpan { start, end: start };
        }
        let at = span.end.saturating_sub(1);
        let last = self.segment(at);
        let end = last.map_or(span.end, |segment| segment.after(at));
        // A view may read its source from the end.
        let start = start.min(last.map_or(start, |segment| segment.before(at)));
        let end = end.max(first.map_or(end, |segment| segment.after(span.start)));
        ByteSpan { start, end: end.max(start) }
    }

    /// Maps a span to its source, and to the whole of an encoded run where the span is all of it, most of it, or by
    /// `always` any of it: what is left of a run would still tell something of the value.
    pub(crate) fn carrier(&self, span: ByteSpan, always: bool) -> ByteSpan {
        let mut source = self.source(span);
        let mut place = self.segments.partition_point(|segment| segment.out <= span.start).saturating_sub(1);
        while let Some(segment) = self.segments.get(place).filter(|segment| segment.out < span.end) {
            let end = self.segments.get(place + 1).map_or(usize::MAX, |next| next.out);
            let covered = end.min(span.end).saturating_sub(segment.out.max(span.start));
            let run = segment.units() * segment.out_unit.min(segment.src_end);
            if segment.carrier && (always || covered * 2 >= run) {
                source.start = source.start.min(segment.src);
                source.end = source.end.max(segment.src_end);
            }
            place += 1;
        }
        source
    }

    fn segment(&self, at: usize) -> Option<&Segment> {
        let after = self.segments.partition_point(|segment| segment.out <= at);
        after.checked_sub(1).and_then(|place| self.segments.get(place))
    }

    fn push(&mut self, segment: Segment) {
        if let Some(last) = self.segments.last_mut() {
            let same_units = last.out_unit == segment.out_unit && last.src_unit == segment.src_unit;
            let copied = last.out_unit == 1 && last.src_unit == 1;
            let adjoining = last.src_end == segment.src
                && segment.out.saturating_sub(last.out) == segment.src.saturating_sub(last.src);
            if copied && same_units && adjoining {
                last.src_end = segment.src_end;
                return;
            }
        }
        self.segments.push(segment);
    }
}

// === impl Segment ===

impl Segment {
    fn units(&self) -> usize {
        self.src_end.saturating_sub(self.src) / self.src_unit.max(1)
    }

    fn before(&self, at: usize) -> usize {
        let units = at.saturating_sub(self.out) / self.out_unit;
        self.src.saturating_add(units.saturating_mul(self.src_unit)).min(self.src_end)
    }

    fn after(&self, at: usize) -> usize {
        let units = at.saturating_sub(self.out) / self.out_unit;
        self.src.saturating_add(units.saturating_add(1).saturating_mul(self.src_unit)).min(self.src_end)
    }
}

/// Writes a view's text and its map side by side.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    text: String,
    map: Map,
}

impl Writer {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), map: Map::default() }
    }

    /// Appends text that has, byte for byte, the length of its source.
    pub(crate) fn copy(&mut self, text: &str, src: usize) {
        if !text.is_empty() {
            let src_end = src.saturating_add(text.len());
            self.map.push(Segment {
                out: self.text.len(),
                out_unit: 1,
                src,
                src_unit: 1,
                src_end,
                carrier: false,
            });
            self.text.push_str(text);
        }
    }

    /// Appends ASCII text in lower case.
    pub(crate) fn copy_lower(&mut self, text: &str, src: usize) {
        let start = self.text.len();
        self.copy(text, src);
        if let Some(tail) = self.text.get_mut(start..) {
            tail.make_ascii_lowercase();
        }
    }

    /// Appends a character that stands for `src..src_end`.
    pub(crate) fn character(&mut self, character: char, src: usize, src_end: usize) {
        let mut buffer = [0; 4];
        self.replace(character.encode_utf8(&mut buffer), src, src_end);
    }

    /// Appends text that stands, as a whole, for `src..src_end`.
    pub(crate) fn replace(&mut self, text: &str, src: usize, src_end: usize) {
        if text.len() == src_end.saturating_sub(src) && text.chars().nth(1).is_none() {
            self.copy(text, src);
        } else if !text.is_empty() {
            let src_unit = src_end.saturating_sub(src);
            self.map.push(Segment {
                out: self.text.len(),
                out_unit: usize::MAX,
                src,
                src_unit,
                src_end,
                carrier: false,
            });
            self.text.push_str(text);
        }
    }

    /// Appends text of which nothing is written at `at`.
    pub(crate) fn insert(&mut self, text: &str, at: usize) {
        self.replace(text, at, at);
    }

    /// Ends a line of the view at `at`.
    pub(crate) fn break_line(&mut self, at: usize) {
        self.replace("\n", at, at);
    }

    /// Appends decoded text of which `out_unit` bytes come from `src_unit` bytes of `src..src_end`.
    pub(crate) fn decoded(
        &mut self,
        text: &str,
        out_unit: usize,
        src: usize,
        src_unit: usize,
        src_end: usize,
    ) {
        if !text.is_empty() {
            let out_unit = out_unit.max(1);
            self.map.push(Segment { out: self.text.len(), out_unit, src, src_unit, src_end, carrier: false });
            self.text.push_str(text);
        }
    }

    /// Says that what was appended last is all that an encoded run holds.
    pub(crate) fn carried(&mut self) {
        if let Some(last) = self.map.segments.last_mut() {
            last.carrier = true;
        }
    }

    /// Appends a character that [`Self::ran`] will tell the source of.
    #[inline]
    pub(crate) fn run_on(&mut self, character: char) {
        self.text.push(character);
    }

    /// Says that all from `begun` on stands, byte for byte, for the source from `src` on.
    pub(crate) fn ran(&mut self, begun: usize, src: usize) {
        let length = self.text.len().saturating_sub(begun);
        if length > 0 {
            let src_end = src.saturating_add(length);
            self.map.push(Segment { out: begun, out_unit: 1, src, src_unit: 1, src_end, carrier: false });
        }
    }

    /// Takes back what was appended by [`Self::run_on`] beyond `length`.
    pub(crate) fn take_back(&mut self, length: usize) {
        self.text.truncate(length);
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn finish(self) -> (String, Map) {
        (self.text, self.map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_cover_what_made_them() {
        let mut writer = Writer::default();
        writer.copy("ab", 0);
        writer.replace("ss", 2, 4);
        writer.decoded("abcdef", 3, 4, 4, 12);
        writer.copy("z", 20);
        let (text, map) = writer.finish();
        assert_eq!(text, "abssabcdefz");
        let source = |start, end| map.source(ByteSpan { start, end }).range();
        assert_eq!(source(0, 2), 0..2);
        assert_eq!(source(3, 4), 2..4);
        assert_eq!(source(4, 5), 4..8);
        assert_eq!(source(6, 8), 4..12);
        assert_eq!(source(9, 11), 8..21);
        assert_eq!(source(5, 5), 4..4);
    }
}
