//! How much of a text that is still arriving is settled.
//!
//! A text in pieces is scanned anew each time that enough of it has come, and the findings in its settled part are those
//! that the whole text will have there. Nothing can prove that for every text: a detector may change its mind about a
//! line by what stands pages below. So this holds back, beside a fixed number of bytes at the end, what is known to be
//! open: a finding, a word, a key block, an encoded run, a tag, a JSON object; and all of a text that may still turn out
//! to be one document. The host compares with the whole text at the end.

use crate::policy::Policy;
use crate::redact::{may_become_document, may_become_table};
use crate::view::structure::open_document;
use crate::{Action, Direction, Finding, Operator, Report};

/// The least that is held back at the end of a text, in bytes: more than the longest window of a rule for values that
/// can hold white space, and than the words that the grammars of names look at.
pub const LEAST_HOLD: usize = 1024;

/// Returns how many bytes from the start of a text are settled, given what was found in it so far, when at least `hold`
/// bytes are held back at its end. No finding reaches over that place.
#[must_use]
pub fn settled(text: &str, findings: &[Finding], policy: &Policy, hold: usize) -> usize {
    let hold = hold.max(LEAST_HOLD);
    let Some(most) = text.len().checked_sub(hold) else { return 0 };
    if may_become_document(text) {
        return 0;
    }
    let mut at = text.floor_char_boundary(most);
    at = run_start(text, at);
    at = coded_start(text, at);
    at = block_start(text, at);
    at = markup_start(text, at);
    at = open_document(text, at.saturating_sub(FAR), at).unwrap_or(at);
    let table = may_become_table(text);
    let cut = |finding: &&Finding| {
        let values = text.get(finding.span.range()).unwrap_or_default();
        table && *policy.operator(finding) != Operator::Keep && values.contains([',', ';', '\t', '"', '\n'])
    };
    at = findings.iter().filter(cut).map(|finding| finding.span.start).fold(at, usize::min);
    // Moving back for one finding may cut another that begins before it.
    let mut local: Vec<_> = findings.iter().filter(|finding| !is_global(finding)).collect();
    local.sort_unstable_by_key(|finding| std::cmp::Reverse(finding.span.end));
    for finding in local {
        if finding.span.end <= at {
            break;
        }
        at = at.min(finding.span.start);
    }
    text.floor_char_boundary(at)
}

/// Returns how much of the settled part of a text may be passed on: nothing from the first place on that the policy
/// blocks.
#[must_use]
pub fn passable(report: &Report, policy: &Policy, direction: Direction, settled: usize) -> usize {
    let attack = report.action == Action::Block;
    let blocks = |finding: &&Finding| {
        policy.action(finding, direction) == Action::Block || attack && &*finding.detector == "injection"
    };
    let blocked = report.findings.iter().filter(|finding| !is_global(finding)).filter(blocks);
    blocked.map(|finding| finding.span.start).fold(settled, usize::min)
}

/// Whether a finding is of the text as a whole, wherever its span lies.
fn is_global(finding: &Finding) -> bool {
    matches!(&*finding.detector, "hygiene" | "classifier")
}

/// Goes back to the start of the word that `at` lies in. Scripts that write no spaces have no such words.
fn run_start(text: &str, at: usize) -> usize {
    let inside = |byte: &u8| byte.is_ascii_graphic();
    let bytes = text.as_bytes();
    if !bytes.get(at).is_some_and(inside) {
        return at;
    }
    at - bytes.iter().take(at).rev().take_while(|byte| inside(byte)).count()
}

/// Goes back over words before `at` that may all be one encoded run: numbers, hexadecimal and Morse groups, letters
/// spelled out, lines of base64.
fn coded_start(text: &str, at: usize) -> usize {
    let mut start = at;
    while let Some(before) = text.get(..start) {
        let trimmed = before.trim_end_matches([' ', '\t', '\r', '\n']);
        let word = trimmed
            .rfind([' ', '\t', '\r', '\n'])
            .map_or(trimmed, |space| trimmed.get(space + 1..).unwrap_or_default());
        let gap = before.len() - trimmed.len();
        if word.is_empty() || gap > MOST_GAP || !is_coded(word) || at - start > FAR {
            break;
        }
        start = trimmed.len() - word.len();
    }
    start
}

/// Whether a word looks like part of an encoded run rather than like prose.
fn is_coded(word: &str) -> bool {
    let short = word.chars().nth(1).is_none();
    let code = |byte: u8| byte.is_ascii_hexdigit() || b".-_/\\%&#;:,x+=|".contains(&byte);
    let marked = |byte: u8| !byte.is_ascii_alphabetic();
    let long = word.len() >= LONG_LINE && word.bytes().all(|byte| byte.is_ascii_graphic());
    short || long || word.bytes().all(code) && word.bytes().any(marked)
}

/// Goes back to the start of a key block that is open at `at`.
fn block_start(text: &str, at: usize) -> usize {
    let Some(before) = text.get(..at) else { return at };
    let begins = ["-----BEGIN", "---- BEGIN", "PuTTY-User-Key-File"];
    let Some(start) = begins.iter().filter_map(|begin| before.rfind(begin)).max() else { return at };
    let ends = text.get(start..).and_then(|block| {
        let end = ["-----END", "---- END", "Private-MAC"].iter().filter_map(|end| block.find(end)).min()?;
        Some(start + block.get(end..)?.find('\n').map_or(block.len(), |line| end + line))
    });
    if at - start <= FAR && ends.is_none_or(|end| end > at) { start } else { at }
}

/// Goes back to the start of a tag, comment or fenced block of markup that is open at `at`.
fn markup_start(text: &str, at: usize) -> usize {
    let Some(before) = text.get(..at) else { return at };
    let open = |opens: &str, closes: &str, far: usize| {
        let start = before.rfind(opens)?;
        let inside = before.get(start + opens.len()..)?;
        (at - start <= far && !inside.contains(closes)).then_some(start)
    };
    let tag = open("<", ">", NEAR).filter(|start| {
        let next = before.as_bytes().get(start + 1);
        next.is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'!' | b'?'))
    });
    let fence =
        ["```xml", "```html", "```xhtml", "```svg"].iter().filter_map(|fence| open(fence, "```", FAR));
    [open("<!--", "-->", FAR), tag, open("](", ")", NEAR)]
        .into_iter()
        .flatten()
        .chain(fence)
        .fold(at, usize::min)
}

/// How far back something open is looked for that can be long, and that is short.
const FAR: usize = 64 << 10;
const NEAR: usize = 4 << 10;

/// White space between the groups of one encoded run, at most.
const MOST_GAP: usize = 8;

/// From this length on a word is no word.
const LONG_LINE: usize = 40;
