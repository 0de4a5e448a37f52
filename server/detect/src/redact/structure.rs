//! Texts with a structure stay what they are: JSON, XML and CSV still parse after redaction, with their keys.
//!
//! The places that may change are the *leaves*: inside of strings, numbers, text between tags, attribute values, cells. A
//! finding that runs over several leaves is redacted in each of them; the quotes, commas and tags between hold no value.
//! A finding that lies wholly in a JSON key is redacted there; one that only runs over a key leaves it. JSON within a leaf,
//! such as the arguments of a tool call, and between the words of a text has leaves of its own, see [`nested`].

mod json;
mod nested;
mod table;
mod xml;

use std::ops::Range;

use crate::ByteSpan;

use self::nested::Nested;

/// Whether a text that is still arriving may yet be one JSON or XML document. What begins with a tag is taken for one
/// until its end: whether the tags are balanced is not known before.
pub(crate) fn may_become_document(text: &str) -> bool {
    text.trim_start().starts_with('<') || json::may_become(text)
}

/// Whether a text that is still arriving may yet be a table.
pub(crate) fn may_become_table(text: &str) -> bool {
    table::may_become(text)
}

/// What a place in a text is, and so how a stand-in is written there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Free text.
    Text,
    /// Inside a JSON string.
    JsonString,
    /// A whole JSON number, `true`, `false` or `null`.
    JsonScalar,
    /// XML text or an attribute's value.
    Xml,
    /// A quoted CSV cell, without the quotes.
    QuotedCell,
    /// A CSV cell without quotes.
    Cell,
    /// A leaf of JSON that is written within another leaf.
    Nested(Nested),
}

#[derive(Clone, Copy, Debug)]
struct Leaf {
    span: ByteSpan,
    kind: Kind,
    key: bool,
}

/// The leaves of a text, in order; none for free text.
#[derive(Debug, Default)]
pub(super) struct Structure {
    leaves: Vec<Leaf>,
}

impl Structure {
    /// Looks at a text. All of it must be of one form, or it is free text, with documents in it or without.
    pub(super) fn of(text: &str) -> Self {
        let free = Leaf { span: ByteSpan { start: 0, end: text.len() }, kind: Kind::Text, key: false };
        let outer = json::leaves(text).or_else(|| xml::leaves(text)).or_else(|| table::leaves(text));
        let mut leaves = Vec::new();
        for leaf in outer.unwrap_or_else(|| vec![free]) {
            nested::open(text, leaf, &mut leaves);
        }
        if leaves.iter().all(|leaf| leaf.kind == Kind::Text) {
            leaves.clear();
        }
        Self { leaves }
    }

    /// Splits a span into the places where stand-ins go.
    pub(super) fn pieces(&self, text: &str, span: ByteSpan) -> Vec<(ByteSpan, Kind)> {
        if self.leaves.is_empty() {
            return vec![(span, Kind::Text)];
        }
        let first = self.leaves.partition_point(|leaf| leaf.span.end <= span.start);
        let touched: Vec<&Leaf> =
            self.leaves.iter().skip(first).take_while(|leaf| leaf.span.start < span.end).collect();
        let keys_only = touched.iter().all(|leaf| leaf.key);
        touched
            .into_iter()
            .filter(|leaf| keys_only || !leaf.key)
            .map(|leaf| (leaf.cut(text, span), leaf.kind))
            .filter(|(span, _)| !span.is_empty())
            .collect()
    }

    /// Returns what the place at an offset is.
    pub(super) fn kind_at(&self, offset: usize) -> Kind {
        let after = self.leaves.partition_point(|leaf| leaf.span.end <= offset);
        self.leaves
            .get(after)
            .filter(|leaf| leaf.span.range().contains(&offset))
            .map_or(Kind::Text, |leaf| leaf.kind)
    }

    /// Returns the value that stands in a place.
    pub(super) fn decode(kind: Kind, written: &str) -> String {
        match kind {
            Kind::JsonString => {
                serde_json::from_str(&format!("\"{written}\"")).unwrap_or_else(|_| written.to_owned())
            }
            Kind::QuotedCell => written.replace("\"\"", "\""),
            Kind::Nested(nested) => nested.decode(written),
            _ => written.to_owned(),
        }
    }

    /// Writes a stand-in as its place needs it.
    pub(super) fn encode(kind: Kind, value: &str) -> String {
        match kind {
            Kind::Text => value.to_owned(),
            Kind::JsonString => json::string(value)
                .strip_prefix('"')
                .and_then(|inside| inside.strip_suffix('"'))
                .unwrap_or_default()
                .to_owned(),
            Kind::JsonScalar if serde_json::from_str::<serde_json::Number>(value).is_ok() => value.to_owned(),
            Kind::JsonScalar => json::string(value),
            Kind::Xml => xml::escape(value),
            Kind::QuotedCell => value.replace('"', "\"\""),
            Kind::Cell => encode_cell(value),
            Kind::Nested(nested) => nested.encode(value),
        }
    }
}

/// Writes a value so that it stays one cell without quotes.
fn encode_cell(value: &str) -> String {
    value.replace([',', ';', '\t', '"', '\n', '\r'], " ")
}

// === impl Leaf ===

impl Leaf {
    /// Returns the part of a span in this leaf, with escapes that it cuts taken whole.
    fn cut(&self, text: &str, span: ByteSpan) -> ByteSpan {
        if matches!(self.kind, Kind::JsonScalar)
            || matches!(self.kind, Kind::Nested(nested) if nested.is_scalar())
        {
            return self.span;
        }
        let inside = ByteSpan {
            start: span.start.clamp(self.span.start, self.span.end),
            end: span.end.clamp(self.span.start, self.span.end),
        };
        let unit = |at: usize| -> Option<Range<usize>> {
            let leaf = self.span.range();
            match self.kind {
                Kind::JsonString => json::escape_over(text, leaf, at),
                Kind::Xml => xml::reference_over(text, leaf, at),
                Kind::QuotedCell => table::quote_over(text, leaf, at),
                Kind::Nested(nested) => {
                    nested.escape_over(text, self.span, at).map(|unit| unit.start..unit.end)
                }
                _ => None,
            }
        };
        ByteSpan {
            start: unit(inside.start).map_or(inside.start, |unit| unit.start),
            end: unit(inside.end).map_or(inside.end, |unit| unit.end),
        }
    }
}

#[cfg(test)]
mod tests;
