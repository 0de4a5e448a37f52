//! The walk over documents: fills the tree, and writes the reading.

use std::borrow::Cow;

use super::json::{self, Kind, Value};
use super::{Tree, html, label};
use crate::ByteSpan;
use crate::view::map::{Map, Writer};

/// What a walk makes.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) tree: Tree,
    pub(super) writer: Writer,
    /// Whether the reading says anything that the text does not say to a reader of bytes.
    pub(super) differs: bool,
    /// Whether escapes were undone or tags left out on the way.
    pub(super) unescaped: bool,
    /// What the reading may be long.
    pub(super) most: usize,
}

/// A text that holds documents: the layer's own, or what a string in it says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    /// Where the text begins in its layer, or its map to it.
    pub(super) place: Place<'a>,
    /// Strings that it is within.
    pub(super) depth: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'a> {
    From(usize),
    Mapped(&'a Map),
}

impl Source<'_> {
    pub(super) fn get(&self, span: ByteSpan) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// Returns where a span stands in the layer.
    pub(super) fn place(&self, span: ByteSpan) -> ByteSpan {
        match self.place {
            Place::From(start) => ByteSpan { start: start + span.start, end: start + span.end },
            Place::Mapped(map) => map.source(span),
        }
    }
}

impl Walk {
    /// Walks the values of a JSON document below a node of the tree.
    pub(super) fn json(&mut self, source: &Source<'_>, values: &[Value], root: usize) {
        let mut nodes: Vec<usize> = Vec::with_capacity(values.len());
        for (at, value) in values.iter().enumerate() {
            let parent = value.parent.and_then(|parent| nodes.get(parent)).copied();
            let written = value.key.map_or(value.span, |key| ByteSpan {
                start: key.start.saturating_sub(1),
                end: value.span.end,
            });
            let place = source.place(written);
            let node = match (parent, value.key) {
                (Some(parent), Some(key)) => {
                    let key_end = source.place(key).end;
                    let key = plain(source.get(key));
                    self.tree.member(place, parent, &key, key_end)
                }
                (Some(parent), None) => self.tree.index(place, parent, value.place),
                (None, _) => root,
            };
            nodes.push(node);
            self.leaf(source, values, at, node);
        }
    }

    fn leaf(&mut self, source: &Source<'_>, values: &[Value], at: usize, node: usize) {
        let Some(value) = values.get(at) else { return };
        let inside = match value.kind {
            Kind::String => ByteSpan { start: value.span.start + 1, end: value.span.end.saturating_sub(1) },
            Kind::Number => value.span,
            _ => return,
        };
        if inside.is_empty() || self.writer.text().len() > self.most {
            return;
        }
        let raw = source.get(inside);
        if value.kind == Kind::String && source.depth < DEEPEST && may_hold_document(raw) {
            let mut inner = Writer::with_capacity(raw.len());
            write_string(source, inside, &mut inner);
            let (text, map) = inner.finish();
            let inner = Source { text: &text, place: Place::Mapped(&map), depth: source.depth + 1 };
            if self.document(&inner, node) {
                return;
            }
        }
        self.label(source, values, at);
        if value.kind == Kind::String {
            let escaped = write_string(source, inside, &mut self.writer);
            self.differs |= escaped;
            self.unescaped |= escaped;
        } else {
            copy(source, inside, &mut self.writer);
        }
        self.writer.break_line(source.place(inside).end);
    }

    /// Walks a text that is one document, if it is.
    fn document(&mut self, source: &Source<'_>, node: usize) -> bool {
        let trimmed = source.text.trim_start();
        if trimmed.starts_with('<') {
            let found = html::is_markup(source.text);
            if found {
                (self.differs, self.unescaped) = (true, true);
                html::walk(source, node, self);
            }
            return found;
        }
        let Ok((values, end)) = json::read(source.text, source.text.len() - trimmed.len()) else {
            return false;
        };
        let whole = source.text.get(end..).is_some_and(|rest| rest.trim().is_empty());
        if whole {
            (self.differs, self.unescaped) = (true, true);
            self.json(source, &values, node);
        }
        whole
    }

    /// Writes the name that a leaf goes by: its key, that of the array that it is in, or what a sibling says.
    fn label(&mut self, source: &Source<'_>, values: &[Value], at: usize) {
        let Some(value) = values.get(at) else { return };
        let start = source.place(value.span).start;
        if let Some(key) = value.key {
            let written = source.get(key);
            if label::is_named_by_another(written)
                && let Some(name) = named(source, values, at)
            {
                self.differs = true;
                self.writer.insert(&name, start);
            } else if written.contains('\\') {
                (self.differs, self.unescaped) = (true, true);
                write_string(source, key, &mut self.writer);
            } else if let Cow::Owned(words) = label::words(written) {
                let place = source.place(key);
                self.differs = true;
                self.writer.replace(&words, place.start, place.end);
            } else {
                copy(source, key, &mut self.writer);
            }
            self.writer.insert(": ", start);
            return;
        }
        // Lists of numbers are told of once: a thousand short ones are no identities.
        let first = value.place == 0;
        if !first && value.kind == Kind::Number && value.span.len() < SHORT_NUMBER {
            return;
        }
        let array = value.parent.and_then(|parent| values.get(parent));
        if let Some(key) = array.and_then(|array| array.key).filter(|key| key.len() <= LONGEST_LABEL) {
            self.differs |= !first;
            self.writer.insert(&label::words(&plain(source.get(key))), start);
            self.writer.insert(": ", start);
        }
    }
}

/// Returns what the sibling before a value says that the value is.
fn named(source: &Source<'_>, values: &[Value], at: usize) -> Option<String> {
    let value = values.get(at)?;
    let before = values.get(at.checked_sub(1)?)?;
    let names = before.parent == value.parent
        && before.kind == Kind::String
        && (3..=LONGEST_LABEL).contains(&before.span.len())
        && before.key.is_some_and(|key| label::names_another(source.get(key)));
    names.then(|| {
        let inside = ByteSpan { start: before.span.start + 1, end: before.span.end - 1 };
        label::words(&plain(source.get(inside))).into_owned()
    })
}

/// Appends the content of a string with its escapes undone; answers whether there were any.
fn write_string(source: &Source<'_>, inside: ByteSpan, writer: &mut Writer) -> bool {
    let bytes = source.text.as_bytes().get(..inside.end).unwrap_or_default();
    let mut at = inside.start;
    let mut copied = at;
    let mut escaped = false;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        at += found;
        let Some((character, length)) = bytes.get(at..).and_then(json::unescape) else {
            at = (at + 2).min(inside.end);
            continue;
        };
        copy(source, ByteSpan { start: copied, end: at }, writer);
        let place = source.place(ByteSpan { start: at, end: at + length });
        writer.character(character, place.start, place.end);
        at += length;
        copied = at;
        escaped = true;
    }
    copy(source, ByteSpan { start: copied, end: inside.end }, writer);
    escaped
}

/// Appends a part of a source as it is.
pub(super) fn copy(source: &Source<'_>, span: ByteSpan, writer: &mut Writer) {
    let text = source.get(span);
    let place = source.place(span);
    if place.len() == text.len() {
        writer.copy(text, place.start);
        return;
    }
    for (at, character) in text.char_indices() {
        let start = span.start + at;
        let place = source.place(ByteSpan { start, end: start + character.len_utf8() });
        writer.character(character, place.start, place.end);
    }
}

/// Undoes the escapes of a key or name.
fn plain(written: &str) -> Cow<'_, str> {
    if !written.contains('\\') {
        return Cow::Borrowed(written);
    }
    let source = Source { text: written, place: Place::From(0), depth: 0 };
    let mut writer = Writer::default();
    write_string(&source, ByteSpan { start: 0, end: written.len() }, &mut writer);
    Cow::Owned(writer.finish().0)
}

/// Whether a string may say a document, as its first sign has it.
fn may_hold_document(raw: &str) -> bool {
    let mut rest = raw;
    loop {
        let trimmed = rest.trim_start();
        let next = ["\\n", "\\r", "\\t"].into_iter().find_map(|escape| trimmed.strip_prefix(escape));
        match next {
            Some(next) => rest = next,
            None => {
                return trimmed.starts_with(['{', '[', '<'])
                    || ["\\u003c", "\\u003C"].into_iter().any(|escape| trimmed.starts_with(escape));
            }
        }
    }
}

/// Documents within strings of documents.
const DEEPEST: usize = 4;

const LONGEST_LABEL: usize = 64;

const SHORT_NUMBER: usize = 7;
