//! Where a Markdown text shows code: there markup is read, not rendered.

use crate::ByteSpan;

/// The code blocks and code spans of a text, in order.
#[derive(Debug, Default)]
pub(super) struct CodeRegions {
    spans: Vec<ByteSpan>,
}

/// A fenced block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'t> {
    /// The first word after the fence.
    pub(super) language: &'t str,
    pub(super) body: ByteSpan,
    /// The body with the lines of its fences.
    whole: ByteSpan,
}

impl CodeRegions {
    /// Reads a text once.
    pub(super) fn of(text: &str) -> Self {
        let mut spans = Vec::new();
        if memchr::memchr2(b'`', b'~', text.as_bytes()).is_none() {
            return Self { spans };
        }
        let mut at = 0;
        for block in blocks(text) {
            inline(text, at, block.whole.start, &mut spans);
            spans.push(block.body);
            at = block.whole.end;
        }
        inline(text, at, text.len(), &mut spans);
        Self { spans }
    }

    /// Whether a span lies within code.
    pub(super) fn cover(&self, span: ByteSpan) -> bool {
        let after = self.spans.partition_point(|code| code.start <= span.start);
        after.checked_sub(1).and_then(|place| self.spans.get(place)).is_some_and(|code| code.contains(span))
    }
}

/// Returns the fenced blocks. One that is not closed reaches to the end, as renderers have it.
pub(super) fn blocks(text: &str) -> impl Iterator<Item = Block<'_>> {
    let mut lines = lines(text);
    std::iter::from_fn(move || {
        let (fence, language, opening) = lines.by_ref().find_map(|(line, span)| {
            let (fence, info) = fence(line)?;
            Some((fence, info, span))
        })?;
        let closing = lines
            .by_ref()
            .find(|(line, _)| {
                line.trim().len() >= fence.len()
                    && line.trim().bytes().all(|byte| fence.as_bytes().first() == Some(&byte))
            })
            .map_or(ByteSpan { start: text.len(), end: text.len() }, |(_, span)| span);
        Some(Block {
            language,
            body: ByteSpan { start: opening.end, end: closing.start },
            whole: ByteSpan { start: opening.start, end: closing.end },
        })
    })
}

/// The lines of a text with their spans, without what ends them.
fn lines(text: &str) -> impl Iterator<Item = (&str, ByteSpan)> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let span = ByteSpan { start, end: start + line.len() };
        start = span.end;
        (line, span)
    })
}

fn fence(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start_matches([' ', '\t', '>']);
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let length = line.bytes().take_while(|byte| *byte == u8::try_from(mark).unwrap_or(0)).count();
    let (fence, info) = line.split_at_checked(length)?;
    (length >= 3 && !info.contains('`')).then(|| (fence, info.split_whitespace().next().unwrap_or_default()))
}

/// Adds the code spans between two places: as many marks close as opened.
fn inline(text: &str, from: usize, to: usize, spans: &mut Vec<ByteSpan>) {
    let Some(part) = text.get(from..to) else { return };
    let mut runs = Vec::new();
    let mut bytes = part.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        if byte == b'`' {
            let mut end = at + 1;
            while bytes.next_if(|(_, byte)| *byte == b'`').is_some() {
                end += 1;
            }
            runs.push(ByteSpan { start: from + at, end: from + end });
        }
    }
    let mut at = 0;
    while let Some(open) = runs.get(at) {
        let others = runs.iter().enumerate().skip(at + 1).take(MOST_RUNS);
        let close = others.into_iter().find(|(_, run)| run.len() == open.len()).filter(|(_, run)| {
            // A span does not go on over an empty line.
            text.get(open.end..run.start).is_some_and(|body| !body.contains("\n\n"))
        });
        match close {
            Some((place, run)) => {
                spans.push(ByteSpan { start: open.end, end: run.start });
                at = place + 1;
            }
            None => at += 1,
        }
    }
}

/// Runs of marks among which the closing one is looked for.
const MOST_RUNS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions() {
        let text = "a `b` c\n```html\n<script>\n```\nd ``e ` f`` g\n~~~\nopen";
        let regions = CodeRegions::of(text);
        let covered = |needle: &str| {
            let start = text.find(needle).unwrap();
            regions.cover(ByteSpan { start, end: start + needle.len() })
        };
        assert!(covered("b") && covered("<script>") && covered("e ` f") && covered("open"));
        assert!(!covered("c\n") && !covered(" g") && !covered("d "));
        assert_eq!(blocks(text).next().map(|block| block.language), Some("html"));
    }

    proptest::proptest! {
        #[test]
        fn any_text(text in "(`|~|\n|```|\\PC){0,60}") {
            let regions = CodeRegions::of(&text);
            let mut end = 0;
            for span in &regions.spans {
                proptest::prop_assert!(text.get(span.range()).is_some() && span.start >= end);
                end = span.end;
            }
        }
    }
}
