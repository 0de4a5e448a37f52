//! Where in a text its documents are.

use super::html;
use super::json;
use super::walk::{Place, Source, Walk};
use super::{Tree, markup};
use crate::ByteSpan;
use crate::view::map::Map;

/// The documents of a text.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) tree: Tree,
    /// The documents read leaf by leaf, where that says more than the text does.
    pub(crate) reading: Option<Reading>,
}

/// A view of documents.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    pub(crate) map: Map,
    /// Whether escapes were undone or tags left out; else only names were put into words.
    pub(crate) unescaped: bool,
    /// Whether the text is one document and nothing else.
    pub(crate) whole: bool,
}

/// Finds and walks the documents of a text: the text itself, lines of it, fenced blocks, JSON objects between prose.
pub(crate) fn read(text: &str) -> Option<Read> {
    let bytes = text.as_bytes();
    memchr::memchr3(b'{', b'[', b'<', bytes)?;
    let mut walk = Walk { most: text.len().saturating_mul(2).saturating_add(1024), ..Walk::default() };
    let (mut name, mut whole) = ("json", false);
    if html::is_markup(text) {
        name = "xml";
        whole = true;
        markup_region(text, 0..text.len(), &mut walk);
    } else {
        whole |= json_regions(text, &mut walk);
        if let Some(blocks) = fenced_markup(text).filter(|_| walk.tree.is_empty()) {
            for block in blocks {
                name = "xml";
                markup_region(text, block, &mut walk);
            }
        }
    }
    if walk.tree.is_empty() {
        return None;
    }
    let Walk { tree, writer, differs, unescaped, .. } = walk;
    let reading = differs.then(|| {
        let (text, map) = writer.finish();
        Reading { name, text, map, unescaped, whole }
    });
    Some(Read { tree, reading })
}

/// Returns where the JSON value begins that `at` lies in, or that may go on to there, when it begins behind `from`.
pub(crate) fn open_document(text: &str, from: usize, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let begin = text.len() - text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).len();
    let mut next = from.max(begin);
    while let Some(found) = bytes.get(next..at).and_then(|rest| memchr::memchr2(b'{', b'[', rest)) {
        let start = next + found;
        if !begins_document(text, start, start == begin) {
            next = start + 1;
            continue;
        }
        match json::read(text, start) {
            Ok((_, end)) if end > at => return Some(start),
            Ok((_, end)) => next = end.max(start + 1),
            // A word or number that is cut off is seen to be wrong some bytes before the end.
            Err(failed) if failed + CUT_WORD >= text.len() => return Some(start),
            Err(failed) => next = failed.max(start + 1),
        }
    }
    None
}

/// Longer than `false`.
const CUT_WORD: usize = 8;

fn markup_region(text: &str, region: std::ops::Range<usize>, walk: &mut Walk) {
    let Some(inside) = text.get(region.clone()) else { return };
    let root = walk.tree.root(ByteSpan { start: region.start, end: region.end });
    let source = Source { text: inside, place: Place::From(region.start), depth: 0 };
    (walk.differs, walk.unescaped) = (true, true);
    html::walk(&source, root, walk);
}

/// Walks the JSON values of a text; answers whether it is one of them and nothing else. What was read once and found to
/// be none is not read again.
fn json_regions(text: &str, walk: &mut Walk) -> bool {
    let bytes = text.as_bytes();
    let begin = text.len() - text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).len();
    let mut found: Vec<(usize, Vec<json::Value>, usize)> = Vec::new();
    let mut at = begin;
    while let Some(next) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'{', b'[', rest)) {
        let start = at + next;
        if !begins_document(text, start, start == begin) {
            at = start + 1;
            continue;
        }
        match json::read(text, start) {
            Ok((values, end)) if values.len() > 1 => {
                found.push((start, values, end));
                at = end;
            }
            Ok((_, end)) => at = end,
            Err(failed) => at = failed.max(start + 1),
        }
    }
    let blank = |from: usize, to: usize| text.get(from..to).is_some_and(|gap| gap.trim().is_empty());
    let mut end = begin;
    let only = found.iter().all(|(start, _, next)| {
        let adjoins = blank(end, *start);
        end = *next;
        adjoins
    });
    let whole = only && blank(end, text.len()) && !found.is_empty();
    let lines = whole && found.len() > 1;
    let root = lines.then(|| walk.tree.root(ByteSpan { start: begin, end: text.len() }));
    let source = Source { text, place: Place::From(0), depth: 0 };
    for (number, (start, values, end)) in found.iter().enumerate() {
        let span = ByteSpan { start: *start, end: *end };
        let node = match root {
            Some(root) => walk.tree.index(span, root, number),
            None => walk.tree.root(span),
        };
        walk.json(&source, values, node);
    }
    whole
}

/// Whether an object or array begins here. Brackets are common in prose, so in the midst of it only an object with a key
/// and a list at the beginning of a line are taken for JSON.
fn begins_document(text: &str, start: usize, first: bool) -> bool {
    let bytes = text.as_bytes();
    let after = bytes.get(start + 1..).unwrap_or_default();
    let next = after.iter().find(|byte| !byte.is_ascii_whitespace());
    if bytes.get(start) == Some(&b'{') {
        return next == Some(&b'"');
    }
    if first {
        return next.is_some_and(|byte| matches!(byte, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9'));
    }
    let line_begins = start == 0 || bytes.get(start - 1) == Some(&b'\n');
    line_begins && next.is_some_and(|byte| matches!(byte, b'{' | b'"'))
}

/// Returns the bodies of the fenced blocks that say that they are markup.
fn fenced_markup(text: &str) -> Option<Vec<std::ops::Range<usize>>> {
    let mut blocks = Vec::new();
    let mut open: Option<usize> = None;
    let mut at = 0;
    memchr::memmem::find(text.as_bytes(), b"```")?;
    for line in text.split_inclusive('\n') {
        let next = at + line.len();
        if let Some(info) = line.trim().strip_prefix("```") {
            let language = info.trim().to_ascii_lowercase();
            match open.take() {
                Some(start) => blocks.push(start..at),
                None if ["xml", "html", "xhtml", "svg"].contains(&&*language) => open = Some(next),
                None => open = None,
            }
        }
        at = next;
    }
    let is_markup = |block: &std::ops::Range<usize>| {
        let inside = text.get(block.clone()).unwrap_or_default();
        markup::Tokens::of(inside).any(|(_, token)| matches!(token, markup::Token::Open { .. }))
    };
    blocks.retain(is_markup);
    (!blocks.is_empty()).then_some(blocks)
}
