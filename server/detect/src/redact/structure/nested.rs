//! Documents within leaves: JSON in the strings of JSON, as in the arguments of tool calls, in cells and elements, and
//! between the words of a text. Their leaves take the place of the one that they are in.

use super::{Kind, Leaf, json, xml};
use crate::ByteSpan;

/// What a leaf of JSON is written within.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::redact) struct Nested {
    /// What holds the outermost document.
    outer: Outer,
    /// Strings of JSON around the leaf's own document.
    strings: u8,
    /// Whether the leaf is a number, `true`, `false` or `null`, and no string.
    scalar: bool,
}

/// What holds a document that is not the text itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outer {
    /// Nothing that changes how it is written.
    Plain,
    /// XML, with quotes as references, or as they are.
    Xml { bare_quotes: bool },
    /// A quoted CSV cell.
    QuotedCell,
    /// A CSV cell without quotes.
    Cell,
}

/// A way to write a text within another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Layer {
    JsonString,
    Xml,
    QuotedCell,
}

/// Appends a leaf, or the leaves of the documents in it and what is between them.
pub(super) fn open(text: &str, leaf: Leaf, leaves: &mut Vec<Leaf>) {
    let written = text.get(leaf.span.range()).unwrap_or_default();
    let may_hold = !leaf.key && leaf.kind.strings().is_some_and(|strings| strings <= DEEPEST);
    if !may_hold || memchr::memchr2(b'{', b'[', written.as_bytes()).is_none() {
        leaves.push(leaf);
        return;
    }
    let view = View::of(written, layers(leaf.kind, true));
    let documents = json::documents(&view.text, leaf.kind == Kind::Text);
    if documents.is_empty() {
        leaves.push(leaf);
        return;
    }
    let source = |span: ByteSpan| {
        let span = view.source(span);
        ByteSpan { start: leaf.span.start + span.start, end: leaf.span.start + span.end }
    };
    let between = |start: usize, end: usize, leaves: &mut Vec<Leaf>| {
        if !view.text.get(start..end).unwrap_or_default().trim().is_empty() {
            leaves.push(Leaf { span: source(ByteSpan { start, end }), ..leaf });
        }
    };
    let mut done = 0;
    for document in documents {
        between(done, document.start, leaves);
        for inner in json::leaves_of(&view.text, document.range()) {
            let kind = within(leaf.kind, inner.kind, written);
            open(text, Leaf { span: source(inner.span), kind, key: inner.key }, leaves);
        }
        done = document.end;
    }
    between(done, view.text.len(), leaves);
}

/// Returns what a leaf of a document in a leaf is.
fn within(kind: Kind, inner: Kind, written: &str) -> Kind {
    let scalar = inner == Kind::JsonScalar;
    let held_by = |outer| Kind::Nested(Nested { outer, strings: 0, scalar });
    match kind {
        Kind::Nested(nested) => Kind::Nested(Nested { strings: nested.strings + 1, scalar, ..nested }),
        Kind::JsonString => Kind::Nested(Nested { outer: Outer::Plain, strings: 1, scalar }),
        Kind::Xml => held_by(Outer::Xml { bare_quotes: written.contains('"') }),
        Kind::QuotedCell => held_by(Outer::QuotedCell),
        Kind::Cell => held_by(Outer::Cell),
        Kind::Text | Kind::JsonScalar => inner,
    }
}

/// Returns the layers around what a leaf says, the outermost first: those of its document, and its own.
fn layers(kind: Kind, own: bool) -> Vec<Layer> {
    let mut layers = Vec::new();
    let (strings, is_string) = match kind {
        Kind::Nested(nested) => {
            match nested.outer {
                Outer::Xml { .. } => layers.push(Layer::Xml),
                Outer::QuotedCell => layers.push(Layer::QuotedCell),
                Outer::Plain | Outer::Cell => {}
            }
            (nested.strings, !nested.scalar)
        }
        Kind::JsonString => (0, true),
        Kind::Xml if own => return vec![Layer::Xml],
        Kind::QuotedCell if own => return vec![Layer::QuotedCell],
        _ => (0, false),
    };
    layers.extend((0..strings + u8::from(is_string && own)).map(|_| Layer::JsonString));
    layers
}

impl Nested {
    pub(super) fn is_scalar(self) -> bool {
        self.scalar
    }

    /// Returns the value that a leaf says.
    pub(super) fn decode(self, written: &str) -> String {
        View::of(written, layers(Kind::Nested(self), true)).text
    }

    /// Writes a stand-in as its document and all that is around it need it.
    pub(super) fn encode(self, value: &str) -> String {
        let plain = if self.outer == Outer::Cell { super::encode_cell(value) } else { value.to_owned() };
        let leaf = if self.scalar { Kind::JsonScalar } else { Kind::JsonString };
        let mut out = super::Structure::encode(leaf, &plain);
        for _ in 0..self.strings {
            out = super::Structure::encode(Kind::JsonString, &out);
        }
        match self.outer {
            Outer::Plain | Outer::Cell => out,
            Outer::Xml { bare_quotes } => {
                let escaped = xml::escape(&out);
                if bare_quotes { escaped.replace("&quot;", "\"") } else { escaped }
            }
            Outer::QuotedCell => out.replace('"', "\"\""),
        }
    }

    /// Returns the escape of the leaf's document that `at` lies inside of, as it is written in the text.
    pub(super) fn escape_over(self, text: &str, leaf: ByteSpan, at: usize) -> Option<ByteSpan> {
        let far = LONGEST_UNIT << self.strings;
        let bytes = text.as_bytes();
        let mut start = text.floor_char_boundary(at.saturating_sub(far).max(leaf.start));
        // Read forward from a place that surely begins a unit in each layer.
        while start > leaf.start && matches!(bytes.get(start - 1), Some(b'\\' | b'"')) {
            start -= 1;
        }
        let end = text.ceil_char_boundary((at + far).min(leaf.end));
        let view = View::of(text.get(start..end)?, layers(Kind::Nested(self), false));
        let mut unit = 0;
        while unit < view.text.len() {
            let next = view.text.ceil_char_boundary(unit + json::length(view.text.as_bytes().get(unit..)?));
            let span = view.source(ByteSpan { start: unit, end: next.min(view.text.len()) });
            let (from, to) = (start + span.start, start + span.end);
            if from >= at {
                return None;
            }
            if to > at {
                return Some(ByteSpan { start: from, end: to });
            }
            unit = next;
        }
        None
    }
}

impl Kind {
    /// How many strings of JSON are around a leaf that may hold a document; none for one that cannot.
    fn strings(self) -> Option<u8> {
        match self {
            Self::Nested(nested) => (!nested.scalar).then_some(nested.strings + 1),
            Self::JsonScalar => None,
            _ => Some(0),
        }
    }
}

/// A written text with its layers undone.
struct View {
    text: String,
    /// Where in the written text each byte comes from, and where that ends.
    map: Vec<usize>,
}

impl View {
    fn of(written: &str, layers: Vec<Layer>) -> Self {
        let mut view = Self { text: written.to_owned(), map: (0..=written.len()).collect() };
        for layer in layers {
            view = view.without(layer);
        }
        view
    }

    fn without(self, layer: Layer) -> Self {
        let mut out = Self { text: String::with_capacity(self.text.len()), map: Vec::new() };
        out.map.reserve(self.text.len() + 1);
        let mut at = 0;
        while let Some((character, length)) = self.text.get(at..).and_then(|rest| unit(layer, rest)) {
            let from = self.map.get(at).copied().unwrap_or_default();
            out.map.extend(std::iter::repeat_n(from, character.len_utf8()));
            out.text.push(character);
            at += length;
        }
        out.map.push(self.map.last().copied().unwrap_or_default());
        out
    }

    fn source(&self, span: ByteSpan) -> ByteSpan {
        let place = |at: usize| self.map.get(at).or_else(|| self.map.last()).copied().unwrap_or_default();
        ByteSpan { start: place(span.start), end: place(span.end) }
    }
}

/// Reads what a text begins with: a character as it is, or an escape of its layer.
fn unit(layer: Layer, rest: &str) -> Option<(char, usize)> {
    let first = rest.chars().next()?;
    let escaped = match (layer, first) {
        (Layer::JsonString, '\\') => {
            let length = rest.floor_char_boundary(json::length(rest.as_bytes()));
            let said: Option<String> =
                rest.get(..length).and_then(|unit| serde_json::from_str(&format!("\"{unit}\"")).ok());
            said.and_then(|said| said.chars().next()).map(|character| (character, length))
        }
        (Layer::QuotedCell, '"') => rest.starts_with("\"\"").then_some(('"', 2)),
        (Layer::Xml, '&') => xml::reference(rest),
        _ => None,
    };
    escaped.or_else(|| Some((first, first.len_utf8())))
}

/// Documents within strings of documents.
const DEEPEST: u8 = 4;

/// More than the longest escape of JSON, a surrogate pair, is long in one layer.
const LONGEST_UNIT: usize = 24;
