//! The index of a closed segment: which record lies where, and which records have a given principal, detector, label ….
//!
//! ```text
//! magic "LLMSHIDX" | version u16 | segment u64 | first sequence u64 | header digest [32] | records u32
//! | per record: leaf [32], length of its frame u32, time µs i64 | nonce [12] | postings, sealed
//! ```
//!
//! The leaves make proofs cheap and name a changed record without any key. The postings would tell what records hold,
//! so they are sealed under a key of the tenant. The checkpoint that closes the segment signs the digest of the whole.

use std::collections::BTreeMap;

use crate::bytes::Fields;
use crate::frame::NONCE_BYTES;
use crate::tree::Hash;

const MAGIC: &[u8; 8] = b"LLMSHIDX";
const VERSION: u16 = 1;

/// What an index says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) segment: u64,
    /// The first record's sequence.
    pub(crate) first: u64,
    /// SHA-256 of the segment's header.
    pub(crate) header: Hash,
    pub(crate) entries: Vec<Entry>,
    pub(crate) nonce: [u8; NONCE_BYTES],
    /// The postings, as they are sealed.
    pub(crate) sealed: Vec<u8>,
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) leaf: Hash,
    /// The length of its frame.
    pub(crate) length: u32,
    pub(crate) time_us: i64,
}

impl Index {
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(&self.segment.to_be_bytes());
        out.extend_from_slice(&self.first.to_be_bytes());
        out.extend_from_slice(&self.header);
        out.extend_from_slice(&u32::try_from(self.entries.len()).ok()?.to_be_bytes());
        for entry in &self.entries {
            out.extend_from_slice(&entry.leaf);
            out.extend_from_slice(&entry.length.to_be_bytes());
            out.extend_from_slice(&entry.time_us.to_be_bytes());
        }
        out.extend_from_slice(&self.nonce);
        out.extend_from_slice(&self.sealed);
        Some(out)
    }

    /// Reads an index; `None` when it is none.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        if fields.array().as_ref() != Some(MAGIC) || fields.u16()? != VERSION {
            return None;
        }
        let (segment, first, header) = (fields.u64()?, fields.u64()?, fields.array()?);
        let count = fields.u32()?;
        let entries = (0..count)
            .map(|_| Some(Entry { leaf: fields.array()?, length: fields.u32()?, time_us: fields.i64()? }))
            .collect::<Option<_>>()?;
        let nonce = fields.array()?;
        Some(Self { segment, first, header, entries, nonce, sealed: fields.0.to_vec() })
    }
}

/// Which records of a segment have a facet, by the facet's hash, in the order of the log.
#[derive(Debug, Default)]
pub(crate) struct Postings(BTreeMap<u64, Posting>);

#[derive(Debug, Default)]
struct Posting {
    /// Steps from one record to the next, seven bits a byte.
    steps: Vec<u8>,
    next: u32,
}

impl Postings {
    /// Notes that a record, counted from the segment's first, has a facet. Records come in order.
    pub(crate) fn add(&mut self, facet: u64, record: u32) {
        let posting = self.0.entry(facet).or_default();
        // The same facet twice in one record is one.
        let Some(mut step) = record.checked_sub(posting.next) else { return };
        while let Some(low) = u8::try_from(step & 0x7f).ok().filter(|_| step > 0x7f) {
            posting.steps.push(low | 0x80);
            step >>= 7;
        }
        posting.steps.push(u8::try_from(step).unwrap_or(0));
        posting.next = record.saturating_add(1);
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (facet, posting) in &self.0 {
            out.extend_from_slice(&facet.to_be_bytes());
            out.extend_from_slice(&u32::try_from(posting.steps.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.extend_from_slice(&posting.steps);
        }
        out
    }

    /// Returns the records that have any of these facets, in order; `None` when the bytes are no postings.
    pub(crate) fn find(bytes: &[u8], facets: &[u64]) -> Option<Vec<u32>> {
        let mut fields = Fields(bytes);
        let mut found = Vec::new();
        while !fields.0.is_empty() {
            let facet = fields.u64()?;
            let (steps, rest) = {
                let length = usize::try_from(fields.u32()?).ok()?;
                fields.0.split_at_checked(length)?
            };
            fields.0 = rest;
            if facets.contains(&facet) {
                unpack(steps, &mut found);
            }
        }
        found.sort_unstable();
        found.dedup();
        Some(found)
    }
}

fn unpack(steps: &[u8], found: &mut Vec<u32>) {
    let (mut next, mut step, mut shift) = (0_u32, 0_u32, 0_u32);
    for byte in steps {
        step |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        shift = shift.saturating_add(7);
        if byte & 0x80 == 0 {
            let record = next.saturating_add(step);
            found.push(record);
            (next, step, shift) = (record.saturating_add(1), 0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn postings_come_back(sets in proptest::collection::vec(
            proptest::collection::btree_set(0_u32..300_000, 0..40), 1..5,
        )) {
            let mut postings = Postings::default();
            for (facet, records) in (0..).zip(&sets) {
                for record in records {
                    postings.add(facet, *record);
                    postings.add(facet, *record);
                }
            }
            let bytes = postings.encode();
            for (facet, records) in (0..).zip(&sets) {
                let expected: Vec<u32> = records.iter().copied().collect();
                prop_assert_eq!(Postings::find(&bytes, &[facet]).unwrap(), expected);
            }
            let all: BTreeSet<u32> = sets.into_iter().flatten().collect();
            let facets: Vec<u64> = (0..9).collect();
            prop_assert_eq!(Postings::find(&bytes, &facets).unwrap(), all.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(Postings::find(&bytes, &[99]).unwrap(), Vec::<u32>::new());
        }

        #[test]
        fn an_index_comes_back(count in 0_u32..20, sealed in proptest::collection::vec(any::<u8>(), 0..50)) {
            let entries = (0..count).map(|n| Entry { leaf: [3; 32], length: n, time_us: -i64::from(n) }).collect();
            let index = Index { segment: 4, first: 9, header: [1; 32], entries, nonce: [2; 12], sealed };
            prop_assert_eq!(Index::decode(&index.encode().unwrap()), Some(index));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            drop(Postings::find(&bytes, &[0]));
            drop(Index::decode(&[MAGIC.as_slice(), &VERSION.to_be_bytes(), &bytes].concat()));
        }
    }
}
