//! Compressed text within an encoding: gzip, zlib and bare deflate.

use std::cell::Cell;
use std::io::Read;

use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};

use super::readable;

/// Inflates bytes to readable text. What is inflated counts against `left` whatever comes of it, so that a bomb is read
/// no further than the budget goes.
pub(super) fn inflate(bytes: &[u8], left: &Cell<usize>) -> Option<String> {
    let most = left.get().min(MOST);
    if bytes.len() < LEAST || most == 0 {
        return None;
    }
    match bytes {
        [0x1F, 0x8B, 8, ..] => read(GzDecoder::new(bytes), most, left),
        [first, second, ..] if is_zlib(*first, *second) => read(ZlibDecoder::new(bytes), most, left),
        // Of the kinds of blocks that text is packed in.
        [first, ..] if matches!(first & 7, 2..=5) => bare(bytes, most, left),
        _ => None,
    }
}

/// Bare deflate has no mark; nearly all other bytes fail within the first of its codes.
fn bare(bytes: &[u8], most: usize, left: &Cell<usize>) -> Option<String> {
    let mut start = [0; 16];
    let peeked = DeflateDecoder::new(bytes).read(&mut start).ok()?;
    let start = start.get(..peeked)?;
    if start.len() < 6 || start.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace()) {
        return None;
    }
    read(DeflateDecoder::new(bytes), most, left)
}

fn read(decoder: impl Read, most: usize, left: &Cell<usize>) -> Option<String> {
    let mut text = Vec::new();
    // A stream that is cut short has told something until then.
    let ended = decoder.take(most as u64).read_to_end(&mut text).is_ok();
    left.set(left.get().saturating_sub(text.len()));
    let told = if ended { 6 } else { 32 };
    readable(&text).filter(|text| text.len() >= told)
}

fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x8F == 0x08 && (u16::from(first) << 8 | u16::from(second)) % 31 == 0
}

/// No packed phrase is shorter.
const LEAST: usize = 12;

/// What one stream may yield.
const MOST: usize = 256 << 10;
