//! The leaves of delimited tables (RFC 4180, with comma, semicolon or tab): their cells.

use std::ops::Range;

use super::{Kind, Leaf};
use crate::ByteSpan;

/// Returns the cells of a text whose lines all have the same number of them. Prose that happens to have that form loses
/// nothing: a finding that runs over a comma is then redacted on both sides of it.
pub(super) fn leaves(text: &str) -> Option<Vec<Leaf>> {
    let delimiter = delimiter(text.lines().next()?)?;
    let bytes = text.as_bytes();
    let mut leaves = Vec::new();
    let (mut at, mut rows, mut columns) = (0, 0_usize, None);
    while at < bytes.len() {
        let before = leaves.len();
        loop {
            let (leaf, end) = cell(bytes, at, delimiter)?;
            leaves.push(leaf);
            at = end;
            if bytes.get(at) != Some(&delimiter) {
                break;
            }
            at += 1;
        }
        at += match bytes.get(at..) {
            Some([b'\r', b'\n', ..]) => 2,
            Some([]) => 0,
            _ => 1,
        };
        let cells = leaves.len() - before;
        if cells < 2 || columns.is_some_and(|columns| columns != cells) {
            return None;
        }
        columns = Some(cells);
        rows += 1;
    }
    (rows >= 2).then_some(leaves)
}

/// Whether a text that is still arriving may yet be a table.
pub(super) fn may_become(text: &str) -> bool {
    let Some((first, _)) = text.split_once('\n') else { return true };
    let Some(delimiter) = delimiter(first) else { return false };
    let bytes = text.as_bytes();
    let (mut at, mut columns) = (0, None);
    while at < bytes.len() {
        let mut cells = 0_usize;
        loop {
            let Some((_, end)) = cell(bytes, at, delimiter) else {
                return bytes.get(at) == Some(&b'"') && closing_quote(bytes, at).is_none();
            };
            cells += 1;
            at = end;
            if bytes.get(at) != Some(&delimiter) {
                break;
            }
            at += 1;
        }
        if at >= bytes.len() {
            return columns.is_none_or(|columns| cells <= columns);
        }
        at += if bytes.get(at..at + 2) == Some(b"\r\n") { 2 } else { 1 };
        if cells < 2 || columns.is_some_and(|columns| columns != cells) {
            return false;
        }
        columns = Some(cells);
    }
    true
}

/// Returns the doubled quote that `at` lies in the middle of.
pub(super) fn quote_over(text: &str, leaf: Range<usize>, at: usize) -> Option<Range<usize>> {
    let before = text.as_bytes().get(leaf.start..at)?;
    let quotes = before.iter().rev().take_while(|byte| **byte == b'"').count();
    let splits = quotes % 2 == 1 && at < leaf.end && text.as_bytes().get(at) == Some(&b'"');
    splits.then_some(at.saturating_sub(1)..at + 1)
}

fn delimiter(first: &str) -> Option<u8> {
    [b'\t', b';', b','].into_iter().find(|delimiter| first.as_bytes().contains(delimiter))
}

/// Returns the quote that ends the cell whose first quote is at `start`.
fn closing_quote(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += memchr::memchr(b'"', bytes.get(at..)?)?;
        if bytes.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

fn cell(bytes: &[u8], start: usize, delimiter: u8) -> Option<(Leaf, usize)> {
    if bytes.get(start) == Some(&b'"') {
        let at = closing_quote(bytes, start)?;
        let span = ByteSpan { start: start + 1, end: at };
        let ends = bytes.get(at + 1).is_none_or(|byte| *byte == delimiter || matches!(byte, b'\n' | b'\r'));
        return ends.then_some((Leaf { span, kind: Kind::QuotedCell, key: false }, at + 1));
    }
    let rest = bytes.get(start..)?;
    let length = rest
        .iter()
        .position(|byte| *byte == delimiter || matches!(byte, b'\n' | b'\r'))
        .unwrap_or(rest.len());
    let span = ByteSpan { start, end: start + length };
    Some((Leaf { span, kind: Kind::Cell, key: false }, start + length))
}
