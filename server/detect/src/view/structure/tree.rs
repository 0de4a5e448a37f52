//! The places of a document, and how they are written: JSON Pointer (RFC 6901), and the like of `XPath` for markup.

use std::ops::Range;

use crate::ByteSpan;

/// The values, elements and attributes of the documents in a text, in the order of their beginnings.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    /// The names of all steps, one after the other.
    names: String,
}

#[derive(Debug)]
struct Node {
    span: ByteSpan,
    parent: Option<usize>,
    step: Step,
}

/// The step from a node's parent to it.
#[derive(Clone, Debug)]
enum Step {
    /// A document within the text.
    Root,
    Index(usize),
    /// The key, and where in the text it ends.
    Member(Range<usize>, usize),
    Element(Range<usize>, usize),
    Attribute(Range<usize>),
}

impl Tree {
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub(super) fn root(&mut self, span: ByteSpan) -> usize {
        self.push(span, None, Step::Root)
    }

    pub(super) fn index(&mut self, span: ByteSpan, parent: usize, index: usize) -> usize {
        self.push(span, Some(parent), Step::Index(index))
    }

    /// Adds a member, whose key ends at `key_end`.
    pub(super) fn member(&mut self, span: ByteSpan, parent: usize, key: &str, key_end: usize) -> usize {
        let name = self.name(if says_a_name(key) { key } else { VALUE });
        self.push(span, Some(parent), Step::Member(name, key_end))
    }

    /// Adds the `nth` element of its name below its parent, from 1.
    pub(super) fn element(&mut self, span: ByteSpan, parent: usize, name: &str, nth: usize) -> usize {
        let name = self.name(name);
        self.push(span, Some(parent), Step::Element(name, nth))
    }

    pub(super) fn attribute(&mut self, span: ByteSpan, parent: usize, name: &str) -> usize {
        let name = self.name(name);
        self.push(span, Some(parent), Step::Attribute(name))
    }

    /// Sets where a node ends that was begun before its end was known.
    pub(super) fn close(&mut self, node: usize, end: usize) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.span.end = end;
        }
    }

    /// Returns the place of the smallest node that holds a span; `None` for a whole document and outside of documents.
    /// What is found is never repeated: a finding within a key has the place of the key's object, and a key that looks
    /// like a value is written `*`.
    pub(crate) fn pointer(&self, span: ByteSpan) -> Option<String> {
        let after = self.nodes.partition_point(|node| node.span.start <= span.start);
        let mut at = after.checked_sub(1);
        while let Some(node) = at.and_then(|at| self.nodes.get(at)) {
            let in_key = matches!(node.step, Step::Member(_, key_end) if span.end <= key_end);
            if node.span.contains(span) && !in_key {
                break;
            }
            at = node.parent;
        }
        let mut steps: Vec<&Step> = Vec::new();
        while let Some(node) = at.and_then(|at| self.nodes.get(at)) {
            steps.push(&node.step);
            at = node.parent;
        }
        let mut pointer = String::new();
        for step in steps.into_iter().rev() {
            self.write(step, &mut pointer);
        }
        (!pointer.is_empty()).then_some(pointer)
    }

    fn write(&self, step: &Step, pointer: &mut String) {
        let name = |range: &Range<usize>| self.names.get(range.clone()).unwrap_or_default();
        match step {
            Step::Root => {}
            Step::Index(index) => {
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
            Step::Member(key, _) => {
                pointer.push('/');
                for character in name(key).chars() {
                    match character {
                        '~' => pointer.push_str("~0"),
                        '/' => pointer.push_str("~1"),
                        other => pointer.push(other),
                    }
                }
            }
            Step::Element(element, nth) => {
                pointer.push('/');
                pointer.push_str(name(element));
                pointer.push('[');
                pointer.push_str(&nth.to_string());
                pointer.push(']');
            }
            Step::Attribute(attribute) => {
                pointer.push_str("/@");
                pointer.push_str(name(attribute));
            }
        }
    }

    fn push(&mut self, span: ByteSpan, parent: Option<usize>, step: Step) -> usize {
        self.nodes.push(Node { span, parent, step });
        self.nodes.len() - 1
    }

    /// Keeps the beginning of a name: a pointer is read by people.
    fn name(&mut self, name: &str) -> Range<usize> {
        let start = self.names.len();
        self.names.push_str(name.get(..name.floor_char_boundary(LONGEST_NAME)).unwrap_or_default());
        start..self.names.len()
    }
}

/// Whether a key is the name of something, not an address, a number or a token.
fn says_a_name(key: &str) -> bool {
    let digits = |word: &str| word.bytes().filter(u8::is_ascii_digit).count();
    let mut words = key.split(|c: char| !c.is_alphanumeric());
    let long = |word: &str| digits(word) >= 6 || word.len() >= 16 && digits(word) > 0;
    key.len() <= LONGEST_NAME && !key.contains('@') && digits(key) <= 8 && !words.any(long)
}

/// Stands for a key that looks like a value.
const VALUE: &str = "*";

const LONGEST_NAME: usize = 64;
