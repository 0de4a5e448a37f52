//! A part of the caller's own string.

use crate::v1::Span;

/// Returns what a span covers of the text that was sent; nothing when the text is another one.
pub fn slice<'text>(text: &'text str, span: &Span) -> Option<&'text str> {
    let offset = |value| usize::try_from(value).ok();
    text.get(offset(span.start_byte)?..offset(span.end_byte)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start_byte: u64, end_byte: u64) -> Span {
        Span { start_byte, end_byte, ..Span::default() }
    }

    #[test]
    fn bytes_count() {
        assert_eq!(slice("🚀 ada", &span(5, 8)), Some("ada"));
        assert_eq!(slice("ada", &span(3, 3)), Some(""));
    }

    #[test]
    fn a_span_of_another_text_gives_nothing() {
        for (start, end) in [(1, 4), (0, 99), (4, 0), (u64::MAX, u64::MAX)] {
            assert_eq!(slice("🚀 ada", &span(start, end)), None, "{start}..{end}");
        }
    }
}
