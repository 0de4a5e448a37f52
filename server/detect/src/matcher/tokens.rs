//! The second trigger: rules without keywords, tried where a token with a digit begins.

/// Calls `at` with every place where a token worth trying begins.
///
/// Within a run of letters, digits and separators that holds a digit these are the beginnings of words, `+`, `(` and
/// `#`; and the short word before such a run, for numbers that are written after their letters ("DE 89 …").
pub(super) fn starts<E>(bytes: &[u8], mut at: impl FnMut(usize) -> Result<(), E>) -> Result<(), E> {
    let class = |place: usize| {
        bytes.get(place).map_or(0, |byte| CLASSES.get(usize::from(*byte)).copied().unwrap_or(0))
    };
    let mut done = 0;
    while let Some(digit) = next_digit(bytes, done) {
        let before = (done..digit).rev().take_while(|place| class(*place) & RUN != 0).count();
        let start = digit - before;
        let end = digit + (digit..bytes.len()).take_while(|place| class(*place) & RUN != 0).count();
        // The short word before, of letters and signs alone, with one byte between.
        if let Some(gap) = start.checked_sub(1).filter(|gap| *gap > done) {
            let length =
                (done..gap).rev().take(SHORT_WORD + 1).take_while(|place| class(*place) & RUN != 0).count();
            if (1..=SHORT_WORD).contains(&length) {
                at(gap - length)?;
            }
        }
        for place in start..end {
            let begins = class(place) & START != 0
                && (place == 0 || class(place) & WORD == 0 || class(place - 1) & WORD == 0);
            if begins {
                at(place)?;
            }
        }
        done = end;
    }
    Ok(())
}

/// Skips text without digits many bytes at a time.
fn next_digit(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    for chunk in bytes.get(from..)?.chunks(64) {
        if chunk.iter().fold(false, |any, byte| any | byte.is_ascii_digit()) {
            return chunk.iter().position(u8::is_ascii_digit).map(|place| at + place);
        }
        at += chunk.len();
    }
    None
}

const RUN: u8 = 1;
const DIGIT: u8 = 2;
const START: u8 = 4;
const WORD: u8 = 8;

/// What each byte may be part of.
static CLASSES: [u8; 256] = classes();

#[expect(clippy::indexing_slicing, reason = "indices below 256, evaluated when compiled")]
#[expect(clippy::cast_possible_truncation, reason = "indices below 256, evaluated when compiled")]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'0'..=b'9' => RUN | DIGIT | START | WORD,
            b'a'..=b'z' | b'A'..=b'Z' => RUN | START | WORD,
            b'+' | b'(' | b'#' => RUN | START,
            b')' | b'.' | b'-' | b'/' | b':' | b'_' | b',' => RUN,
            _ => 0,
        };
        byte += 1;
    }
    table
}

/// No token is longer than this; it bounds what a single beginning can cost.
pub(super) const TOKEN_BYTES: usize = 256;

const SHORT_WORD: usize = 6;
