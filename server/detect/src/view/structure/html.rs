//! The walk over markup: running text without its tags, a line for each block, and the attributes that a reader is told.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::label;
use super::markup::{self, Attribute, Token, Tokens};
use super::walk::{Source, Walk, copy};
use crate::ByteSpan;
use crate::view::decode::html_entity;

/// Whether a text is markup: it begins and ends with tags, and one of them closes.
pub(super) fn is_markup(text: &str) -> bool {
    let trimmed = text.trim();
    if !trimmed.starts_with('<') || !trimmed.ends_with('>') {
        return false;
    }
    Tokens::of(trimmed).any(|(_, token)| match token {
        Token::Close { .. } => true,
        Token::Open { name, closed, .. } => closed || is_one_of(&VOID, trimmed.get(name).unwrap_or_default()),
        _ => false,
    })
}

/// Walks markup below a node of the tree.
pub(super) fn walk(source: &Source<'_>, root: usize, walk: &mut Walk) {
    let end = source.text.len();
    let mut reading = Reading {
        source,
        walk,
        open: vec![Open { name: 0..0, node: root, label: None }],
        hidden_depth: 0,
        counts: HashMap::new(),
        line: false,
        told: Vec::new(),
    };
    for (span, token) in Tokens::of(source.text) {
        reading.token(span, token);
    }
    reading.end_line(end);
    while reading.open.len() > 1 {
        reading.close(end);
    }
}

struct Reading<'a, 's> {
    source: &'a Source<'s>,
    walk: &'a mut Walk,
    open: Vec<Open>,
    /// Open elements beyond those that are kept.
    hidden_depth: usize,
    /// How many elements of a name a node has.
    counts: HashMap<(usize, &'a str), usize>,
    /// Whether the line that is written has text.
    line: bool,
    /// Attributes to be told after the line: what they go by, and their values.
    told: Vec<(ByteSpan, ByteSpan)>,
}

/// An element that is not closed yet.
struct Open {
    name: Range<usize>,
    node: usize,
    /// What its text goes by.
    label: Option<ByteSpan>,
}

impl<'a> Reading<'a, '_> {
    fn token(&mut self, span: Range<usize>, token: Token) {
        match token {
            Token::Text | Token::Verbatim(_) | Token::Comment(_) => {
                let comment = matches!(token, Token::Comment(_));
                let style = self.name_of_last().eq_ignore_ascii_case("style");
                let inside = match token {
                    Token::Verbatim(inside) | Token::Comment(inside) => inside,
                    _ => span,
                };
                if comment {
                    self.told.push((ByteSpan::default(), bytes(inside)));
                } else if !style {
                    self.text(bytes(inside));
                }
            }
            Token::Open { name, attributes, closed } => self.open(span, name, attributes, closed),
            Token::Close { name } => self.close_named(&name, span),
            Token::Other => {}
        }
    }

    fn open(&mut self, span: Range<usize>, name: Range<usize>, attributes: Range<usize>, closed: bool) {
        let source: &'a Source<'_> = self.source;
        let written = source.text.get(name.clone()).unwrap_or_default();
        let known = is_one_of(&INLINE, written) || is_one_of(&BLOCK, written) || is_one_of(&VOID, written);
        if !is_one_of(&INLINE, written) {
            self.end_line(span.start);
        }
        // Items and cells need not be closed.
        let again = self.name_of_last().eq_ignore_ascii_case(written);
        if again && is_one_of(&UNCLOSED, written) && self.open.len() > 1 {
            self.close(span.start);
        }
        if self.open.len() > DEEPEST {
            self.hidden_depth += usize::from(!closed && !is_one_of(&VOID, written));
            return;
        }
        let parent = self.open.last().map_or(0, |open| open.node);
        let count = self.counts.entry((parent, written)).or_insert(0);
        *count += 1;
        let nth = *count;
        let place = source.place(bytes(span));
        let node = self.walk.tree.element(place, parent, written, nth);
        let named = self.attributes(attributes, node, known);
        if !closed && !is_one_of(&VOID, written) {
            let own = (!known).then(|| named.unwrap_or_else(|| bytes(name.clone())));
            self.open.push(Open { name, node, label: own });
        }
    }

    /// Adds the attributes of an element, and answers the value of the one that names what the element holds.
    fn attributes(&mut self, within: Range<usize>, node: usize, known: bool) -> Option<ByteSpan> {
        let source = self.source;
        let mut naming = None;
        for Attribute { name, value } in markup::attributes(source.text, within).take(MOST_ATTRIBUTES) {
            let written = source.text.get(name.clone()).unwrap_or_default();
            let place = source.place(ByteSpan { start: name.start, end: value.end });
            self.walk.tree.attribute(place, node, written);
            if label::names_another(written) && (1..=64).contains(&value.len()) {
                naming = Some(bytes(value.clone()));
            }
            let tells = !known
                || is_one_of(&TELLING, written)
                || written.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data-"));
            if tells && !value.is_empty() {
                let by = naming.filter(|_| label::is_named_by_another(written));
                self.told.push((by.unwrap_or_else(|| bytes(name)), bytes(value)));
            }
        }
        naming
    }

    fn close_named(&mut self, name: &Range<usize>, span: Range<usize>) {
        let source: &'a Source<'_> = self.source;
        let written = source.text.get(name.clone()).unwrap_or_default();
        if !is_one_of(&INLINE, written) {
            self.end_line(span.start);
        }
        if self.hidden_depth > 0 {
            self.hidden_depth -= 1;
            return;
        }
        let same = |open: &Open| {
            let open = source.text.get(open.name.clone()).unwrap_or_default();
            !open.is_empty() && open.eq_ignore_ascii_case(written)
        };
        let Some(at) = self.open.iter().rposition(same) else { return };
        while self.open.len() > at {
            self.close(span.end);
        }
    }

    fn close(&mut self, end: usize) {
        if let Some(closed) = self.open.pop() {
            let end = self.source.place(ByteSpan { start: end.saturating_sub(1), end }).end;
            self.walk.tree.close(closed.node, end);
        }
    }

    /// Appends text, its entities undone.
    fn text(&mut self, span: ByteSpan) {
        let source = self.source;
        let text = source.get(span);
        let skipped = if self.line { 0 } else { text.len() - text.trim_start().len() };
        let span = ByteSpan { start: span.start + skipped, end: span.end };
        if span.is_empty() || self.walk.writer.text().len() > self.walk.most {
            return;
        }
        if !self.line {
            let label = self.open.last().and_then(|open| open.label);
            self.label(label, span.start);
        }
        self.line = true;
        self.write(span);
    }

    fn label(&mut self, label: Option<ByteSpan>, before: usize) {
        let source = self.source;
        if let Some(label) = label.filter(|label| !label.is_empty()) {
            let at = source.place(ByteSpan { start: before, end: before + 1 }).start;
            let words: Cow<'_, str> = label::words(source.get(label));
            self.walk.writer.insert(&words, at);
            self.walk.writer.insert(": ", at);
        }
    }

    fn write(&mut self, span: ByteSpan) {
        let source = self.source;
        let mut copied = span.start;
        let bytes = source.text.as_bytes().get(..span.end).unwrap_or_default();
        let mut at = copied;
        while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(b'&', rest)) {
            at += found;
            let decoded = source.text.get(at..span.end).and_then(html_entity);
            let Some((decoded, length)) = decoded else {
                at += 1;
                continue;
            };
            copy(source, ByteSpan { start: copied, end: at }, &mut self.walk.writer);
            let place = source.place(ByteSpan { start: at, end: at + length });
            self.walk.writer.replace(&decoded, place.start, place.end);
            at += length;
            copied = at;
        }
        copy(source, ByteSpan { start: copied, end: span.end }, &mut self.walk.writer);
    }

    fn end_line(&mut self, at: usize) {
        let place = |at: usize| self.source.place(ByteSpan { start: at.saturating_sub(1), end: at }).end;
        if self.line {
            self.walk.writer.break_line(place(at));
            self.line = false;
        }
        for (label, value) in std::mem::take(&mut self.told) {
            if self.walk.writer.text().len() > self.walk.most {
                break;
            }
            self.label(Some(label), value.start);
            self.write(value);
            self.walk.writer.break_line(self.source.place(value).end);
        }
    }

    fn name_of_last(&self) -> &'a str {
        let source: &'a Source<'_> = self.source;
        self.open.last().and_then(|open| source.text.get(open.name.clone())).unwrap_or_default()
    }
}

fn bytes(range: Range<usize>) -> ByteSpan {
    ByteSpan { start: range.start, end: range.end }
}

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Elements that do not break a line of text.
static INLINE: [&str; 35] = [
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd",
    "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u",
    "var", "wbr", "nobr", "ruby", "rt", "data",
];

/// Elements whose names say nothing of their content.
static BLOCK: [&str; 66] = [
    "html",
    "head",
    "body",
    "title",
    "p",
    "div",
    "section",
    "article",
    "nav",
    "aside",
    "header",
    "footer",
    "main",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    "td",
    "th",
    "caption",
    "form",
    "fieldset",
    "legend",
    "button",
    "select",
    "option",
    "textarea",
    "pre",
    "blockquote",
    "figure",
    "figcaption",
    "script",
    "style",
    "noscript",
    "iframe",
    "video",
    "audio",
    "svg",
    "canvas",
    "address",
    "details",
    "summary",
    "template",
    "dialog",
    "center",
    "object",
    "picture",
    "map",
    "menu",
    "output",
    "progress",
    "meter",
    "path",
];

/// Elements that have no content.
static VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];

/// Elements that their like closes.
static UNCLOSED: [&str; 8] = ["p", "li", "tr", "td", "th", "dt", "dd", "option"];

/// Attributes that are text for a reader.
static TELLING: [&str; 11] = [
    "title",
    "alt",
    "aria-label",
    "aria-description",
    "placeholder",
    "content",
    "value",
    "label",
    "summary",
    "srcdoc",
    "caption",
];

/// Elements within elements whose places are told; what lies deeper has the place of the last of them.
const DEEPEST: usize = 64;

const MOST_ATTRIBUTES: usize = 256;
