//! The leaves of XML: text between tags, comments, CDATA sections and attribute values, when the tags are balanced.

use std::ops::Range;

use super::{Kind, Leaf};
use crate::ByteSpan;

/// Returns the leaves of a text that is one XML document.
pub(super) fn leaves(text: &str) -> Option<Vec<Leaf>> {
    if !text.trim_start().starts_with('<') || !text.trim_end().ends_with('>') {
        return None;
    }
    let mut reader = Reader { text, at: 0, open: Vec::new(), leaves: Vec::new(), elements: 0 };
    while reader.at < text.len() {
        reader.step()?;
    }
    (reader.open.is_empty() && reader.elements > 0).then_some(reader.leaves)
}

/// Writes a value so that it may stand in text and in attributes.
pub(super) fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            character => out.push(character),
        }
    }
    out
}

/// Returns the entity or character reference that `at` lies inside of.
pub(super) fn reference_over(text: &str, leaf: Range<usize>, at: usize) -> Option<Range<usize>> {
    let earliest = text.floor_char_boundary(at.saturating_sub(LONGEST).max(leaf.start));
    let start = earliest + text.get(earliest..at)?.rfind('&')?;
    let end = start + text.get(start..leaf.end)?.bytes().take(LONGEST).position(|byte| byte == b';')? + 1;
    (start < at && at < end).then_some(start..end)
}

/// Reads the reference that a text begins with: one of the five names, or a number.
pub(super) fn reference(rest: &str) -> Option<(char, usize)> {
    let inside = rest.strip_prefix('&')?;
    let end = inside.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = inside.get(..end)?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((character, end + 2))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    open: Vec<&'t str>,
    leaves: Vec<Leaf>,
    elements: usize,
}

impl<'t> Reader<'t> {
    fn step(&mut self) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        if !rest.starts_with('<') {
            let length = rest.find('<').unwrap_or(rest.len());
            self.leaf(length);
            return Some(());
        }
        for (opens, closes) in [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")] {
            if let Some(inside) = rest.strip_prefix(opens) {
                let length = inside.find(closes)?;
                self.at += opens.len();
                self.leaf(length);
                self.at += closes.len();
                return Some(());
            }
        }
        if rest.starts_with("<!") {
            self.at += rest.find('>')? + 1;
            return Some(());
        }
        if let Some(inside) = rest.strip_prefix("</") {
            let name = inside.get(..inside.find('>')?)?;
            self.at += name.len() + 3;
            return (self.open.pop()? == name.trim_end()).then_some(());
        }
        self.tag()
    }

    fn tag(&mut self) -> Option<()> {
        self.at += 1;
        let name = self.name()?;
        self.elements += 1;
        loop {
            self.white_space();
            let rest = self.text.get(self.at..)?;
            if rest.starts_with("/>") {
                self.at += 2;
                return Some(());
            }
            if rest.starts_with('>') {
                self.at += 1;
                self.open.push(name);
                return (self.open.len() <= DEEPEST).then_some(());
            }
            self.name()?;
            self.white_space();
            self.take('=')?;
            self.white_space();
            let quote = self.text.get(self.at..)?.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            self.at += 1;
            let length = self.text.get(self.at..)?.find(quote)?;
            self.leaf(length);
            self.at += 1;
        }
    }

    fn name(&mut self) -> Option<&'t str> {
        let rest = self.text.get(self.at..)?;
        let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '-' | '.');
        let name = rest.get(..rest.find(|c| !inside(c)).unwrap_or(rest.len()))?;
        self.at += name.len();
        name.starts_with(|c: char| c.is_alphabetic() || c == '_').then_some(name)
    }

    fn white_space(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, wanted: char) -> Option<()> {
        self.text.get(self.at..)?.strip_prefix(wanted)?;
        self.at += wanted.len_utf8();
        Some(())
    }

    fn leaf(&mut self, length: usize) {
        let span = ByteSpan { start: self.at, end: self.at + length };
        if length > 0 {
            self.leaves.push(Leaf { span, kind: Kind::Xml, key: false });
        }
        self.at += length;
    }
}

/// The longest reference that is looked for.
const LONGEST: usize = 12;

const DEEPEST: usize = 1024;
