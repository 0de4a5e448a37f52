//! What a fuzzer feeds: every decoder of stored bytes. Nothing that it is given may make one panic, or take memory beyond
//! what the bytes themselves take.

use crate::archive;
use crate::checkpoint::Checkpoint;
use crate::frame::{Frame, FrameReader, Next};
use crate::index::{Index, Postings};
use crate::list::List;
use crate::note::Trust;
use crate::page;
use crate::query::Query;
use crate::segment::SegmentHeader;
use crate::wrapped_key::WrappedKey;
use crate::{Tenant, subject};

/// Reads bytes as whatever may lie in a store.
pub fn decode(bytes: &[u8]) {
    if let Ok((header, length)) = SegmentHeader::decode(bytes) {
        assert_eq!(header.encode().as_deref(), bytes.get(..length), "a header has one spelling");
        frames(bytes.get(length..).unwrap_or_default());
    }
    frames(bytes);
    drop(Frame::parse(bytes.to_vec()));
    if let Some(index) = Index::decode(bytes) {
        assert_eq!(index.encode().as_deref(), Some(bytes), "an index has one spelling");
        drop(Postings::find(&index.sealed, &[1, u64::MAX]));
    }
    drop(Postings::find(bytes, &[1, u64::MAX]));
    let trust = Trust::default();
    drop(Checkpoint::open(bytes, &trust));
    drop(List::open(bytes, &trust));
    drop(WrappedKey::open(bytes, &trust, ""));
    let text = String::from_utf8_lossy(bytes);
    drop(archive::parse(&text));
    assert!(subject::tag_of(&text).is_none_or(|tag| tag.len() == 32), "a tag has one length");
    if let Some(tenant) = Tenant::from_path_name(&text) {
        drop(page::place_of(&Query::of(tenant), &text));
    }
}

fn frames(bytes: &[u8]) {
    let mut frames = FrameReader::new(bytes, 0, bytes.len() as u64);
    let mut before = 0;
    while let Ok(Next::Frame(frame)) = frames.next() {
        assert!(frames.offset() > before && frame.len() as u64 == frames.offset() - before, "it goes on");
        before = frames.offset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{self, Clear};
    use crate::name::{LogId, LogName};
    use crate::tree::Frontier;

    /// A segment as it lies on the disk.
    fn segment() -> Vec<u8> {
        let header = SegmentHeader {
            log: LogName { tenant: Tenant::new("acme").unwrap(), id: LogId::random().unwrap() },
            segment: 3,
            created_us: 1_700_000_000_000_000,
            before: Frontier::from_parts(12, vec![[5; 32], [6; 32]]).unwrap(),
            key_id: "audit".to_owned(),
            wrapped_key: vec![1; 60],
        };
        let mut bytes = header.encode().unwrap();
        for sequence in 12..16 {
            let clear = Clear { sequence, time_us: 1_700_000_000_000_001, id: uuid::Uuid::nil() };
            frame::encode(&mut bytes, &[0; 32], clear, [0; 12], &[9; 40]).unwrap();
        }
        bytes
    }

    /// The fuzzer's poor relation, for every run of the tests.
    #[test]
    fn changed_cut_and_repeated_bytes_are_taken() {
        let whole = segment();
        decode(&whole);
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below.max(1)
        };
        for _ in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..=random(4) {
                let place = random(bytes.len());
                match random(4) {
                    0 => bytes.truncate(place),
                    1 => bytes.insert(place, [0, 1, 0x7f, 0xff][random(4)]),
                    2 => bytes.extend_from_within(place..),
                    _ if place < bytes.len() => bytes[place] ^= 1 << random(8),
                    _ => {}
                }
            }
            decode(&bytes);
        }
    }
}
