//! Where the keywords of rules stand in a text.
//!
//! Each keyword is known by its three rarest bytes in a row. A table of bits, small enough for the nearest cache, says
//! whether three bytes of the text may be those of some keyword; the few places that pass are compared with the
//! keywords themselves. An automaton over the same keywords costs several times as much a byte, since its states do not
//! fit into that cache. The filter is the domain of FDR, the literal matcher of Hyperscan (Wang et al., NSDI 2019),
//! with a bit for each triple in place of buckets.

use crate::cancel::{Cancel, Cancelled};

/// The keywords of a family of rules.
#[derive(Debug)]
pub(super) struct Keywords {
    words: Vec<Box<[u8]>>,
    ignore_case: bool,
    /// A word of bits for the hash of two bytes, in it a bit for the third.
    filter: Box<[u32]>,
    /// For every hash of three bytes where its entries begin; they end where those of the next begin.
    starts: Box<[u32]>,
    entries: Box<[Entry]>,
    /// Keywords of one byte.
    singles: Vec<(u8, usize)>,
    /// Keywords of two bytes.
    doubles: Vec<([u8; 2], usize)>,
}

/// A keyword, to be found by some of its bytes.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Four bytes of the keyword, or three where it ends.
    known_by: u32,
    mask: u32,
    word: u32,
    /// How many bytes of the keyword stand before those.
    offset: u32,
    /// The first eight bytes of the keyword, or all that it has: what needs no call to be compared.
    head: u64,
    head_mask: u64,
}

impl Keywords {
    /// Takes keywords, all in lower case where case is to be ignored, none of them empty.
    pub(super) fn new(words: &[&str], ignore_case: bool) -> Self {
        let mut filter = vec![0_u32; PAIRS].into_boxed_slice();
        let mut found: Vec<(usize, Entry)> = Vec::new();
        let (mut singles, mut doubles) = (Vec::new(), Vec::new());
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let mut pass = |first: u8, second: u8, bits: u32| {
            if let Some(word) = filter.get_mut(hash(first, second)) {
                *word |= bits;
            }
        };
        for (index, word) in words.iter().enumerate() {
            let bytes = word.as_bytes();
            let offset = rarest(bytes);
            match *bytes.get(offset..).unwrap_or_default() {
                [] => {}
                [byte] => singles.push((byte, index)),
                [first, second] => {
                    doubles.push(([first, second], index));
                    pass(first, second, u32::MAX);
                }
                [first, second, third, ref rest @ ..] => {
                    let fourth = rest.first().copied();
                    let known_by = u32::from_le_bytes([first, second, third, fourth.unwrap_or_default()]);
                    let mask = if fourth.is_some() { u32::MAX } else { THREE_BYTES };
                    let (word, offset) = (number(index), number(offset));
                    let (head, head_mask) = head(bytes);
                    found.push((slot(known_by), Entry { known_by, mask, word, offset, head, head_mask }));
                    pass(first, second, bit(third));
                }
            }
        }
        found.sort_by_key(|(slot, _)| *slot);
        let begins = |slot: usize| number(found.partition_point(|(other, _)| *other < slot));
        let starts = (0..=SLOTS).map(begins).collect();
        Self {
            words: words.iter().map(|word| word.as_bytes().into()).collect(),
            ignore_case,
            filter,
            starts,
            entries: found.into_iter().map(|(_, entry)| entry).collect(),
            singles,
            doubles,
        }
    }

    /// Calls `met` with every keyword and where it ends, nearly in the order of the text. `lower` is room to work in.
    pub(super) fn find(
        &self,
        text: &[u8],
        lower: &mut Vec<u8>,
        cancel: &Cancel,
        mut met: impl FnMut(usize, usize),
    ) -> Result<(), Cancelled> {
        let bytes = if self.ignore_case {
            lower.clear();
            lower.extend(text.iter().map(u8::to_ascii_lowercase));
            lower.as_slice()
        } else {
            text
        };
        for (byte, word) in &self.singles {
            for at in memchr::memchr_iter(*byte, bytes) {
                met(*word, at + 1);
            }
        }
        let mut begun = 0;
        for piece in bytes.chunks(CHUNK_BYTES) {
            cancel.check()?;
            let end = (begun + piece.len() + 3).min(bytes.len());
            let quads = bytes.get(begun..end).unwrap_or_default().windows(4);
            for (at, quad) in quads.enumerate() {
                if let &[first, second, third, fourth] = quad {
                    self.look(bytes, begun + at, [first, second, third, fourth], &mut met);
                }
            }
            begun += piece.len();
        }
        // What is nearer to the end than four bytes.
        for at in bytes.len().saturating_sub(3)..bytes.len() {
            let mut quad = [0; 4];
            for (place, byte) in quad.iter_mut().zip(bytes.get(at..).unwrap_or_default()) {
                *place = *byte;
            }
            self.look(bytes, at, quad, &mut met);
        }
        Ok(())
    }

    /// Looks whether a keyword is known by what stands at a place.
    #[expect(clippy::inline_always, reason = "a call for every byte costs more than what it does")]
    #[inline(always)]
    fn look(&self, bytes: &[u8], at: usize, quad: [u8; 4], met: &mut impl FnMut(usize, usize)) {
        let [first, second, third, _] = quad;
        let bits = self.filter.get(hash(first, second)).copied().unwrap_or_default();
        if bits & bit(third) != 0 {
            if bits == u32::MAX {
                let same = self.doubles.iter().filter(|(double, _)| *double == [first, second]);
                same.filter(|_| at + 2 <= bytes.len()).for_each(|(_, word)| met(*word, at + 2));
            }
            self.compare(bytes, at, u32::from_le_bytes(quad), met);
        }
    }

    /// Compares the keywords that are known by three bytes with what stands at a place.
    #[inline(never)]
    fn compare(&self, bytes: &[u8], at: usize, quad: u32, met: &mut impl FnMut(usize, usize)) {
        let slot = slot(quad);
        let bound = |slot: usize| self.starts.get(slot).map_or(0, |start| *start as usize);
        for entry in self.entries.get(bound(slot)..bound(slot + 1)).unwrap_or_default() {
            if quad & entry.mask != entry.known_by {
                continue;
            }
            let Some(start) = at.checked_sub(entry.offset as usize) else { continue };
            let Some(rest) = bytes.get(start..) else { continue };
            if rest
                .first_chunk()
                .is_some_and(|first| u64::from_le_bytes(*first) & entry.head_mask != entry.head)
            {
                continue;
            }
            let Some(word) = self.words.get(entry.word as usize) else { continue };
            if rest.starts_with(word) {
                met(entry.word as usize, start + word.len());
            }
        }
    }
}

/// Returns the first eight bytes of a keyword, and the mask of those that it has.
fn head(word: &[u8]) -> (u64, u64) {
    let (mut head, mut mask) = ([0; 8], [0; 8]);
    for ((byte, known), of) in head.iter_mut().zip(&mut mask).zip(word) {
        (*byte, *known) = (*of, u8::MAX);
    }
    (u64::from_le_bytes(head), u64::from_le_bytes(mask))
}

/// Returns the offset of the three bytes of a keyword, or of the two that it has, that texts hold least often.
fn rarest(word: &[u8]) -> usize {
    let weight = |triple: &[u8]| triple.iter().map(|byte| frequency(*byte)).sum::<usize>();
    let places = word.windows(3).enumerate().min_by_key(|(_, triple)| weight(triple));
    places.map_or(0, |(offset, _)| offset)
}

/// Ranks bytes by how often they stand in prose and code, the rarest lowest; only the order of sums matters.
fn frequency(byte: u8) -> usize {
    let place = FREQUENT.iter().position(|frequent| *frequent == byte);
    place.map_or(0, |place| FREQUENT.len() - place)
}

/// Letters in the order of their frequency in English, among them what code holds as often.
const FREQUENT: &[u8] = b" etaoinsrhldcu\nmfpgwyb.,v_k-\"'x0=1:/(2)j3qz";

/// Twelve bits of two bytes, by multiplication with a constant of large order (Knuth 6.4).
#[inline]
fn hash(first: u8, second: u8) -> usize {
    let pair = u32::from(first) | u32::from(second) << 8;
    (pair.wrapping_mul(0x9E37_79B1) >> 20) as usize
}

#[inline]
fn bit(third: u8) -> u32 {
    1 << (third & 31)
}

/// Thirteen bits of the first three of four bytes.
#[inline]
fn slot(quad: u32) -> usize {
    ((quad & THREE_BYTES).wrapping_mul(0x9E37_79B1) >> 19) as usize
}

const THREE_BYTES: u32 = 0x00FF_FFFF;
const PAIRS: usize = 1 << 12;
const SLOTS: usize = 1 << 13;

/// So many bytes between two looks at the clock.
const CHUNK_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(words: &[&str], text: &str) -> Vec<(usize, usize)> {
        let mut all = Vec::new();
        let keywords = Keywords::new(words, true);
        keywords
            .find(text.as_bytes(), &mut Vec::new(), &Cancel::never(), |word, end| all.push((end, word)))
            .unwrap();
        all.sort_unstable();
        all
    }

    #[test]
    fn overlapping_at_the_edges_and_in_any_case() {
        let words = ["@", "id", "key", "api_key", "привет"];
        assert_eq!(found(&words, "API_KEY"), [(7, 2), (7, 3)]);
        assert_eq!(found(&words, "@id"), [(1, 0), (3, 1)]);
        assert_eq!(found(&words, "Id привет"), [(2, 1), (15, 4)]);
        assert_eq!(found(&words, "i"), []);
    }

    #[test]
    fn across_chunks() {
        let text = format!("{}api_key", "x".repeat(CHUNK_BYTES - 3));
        assert_eq!(found(&["api_key"], &text), [(text.len(), 0)]);
    }

    proptest! {
        #[test]
        fn like_a_plain_search(text in "[abcAB@é]{0,40}", words in prop::collection::btree_set("[abc@é]{1,5}", 1..12)) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let lower = text.to_ascii_lowercase();
            let mut expected = Vec::new();
            for (index, word) in words.iter().enumerate() {
                for start in 0..lower.len() {
                    if lower.as_bytes()[start..].starts_with(word.as_bytes()) {
                        expected.push((start + word.len(), index));
                    }
                }
            }
            expected.sort_unstable();
            prop_assert_eq!(found(&words, &text), expected);
        }
    }
}
