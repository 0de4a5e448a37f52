//! What a segment begins with.

use crate::Tenant;
use crate::bytes::{Fields, put_short};
use crate::name::{LogId, LogName};
use crate::tree::{Frontier, Hash};

const MAGIC: &[u8; 8] = b"LLMSHAUD";
const VERSION: u16 = 1;
/// AES-256-GCM with a random nonce. Another number is refused, not negotiated.
const AES_256_GCM: u8 = 1;
/// Wrapped keys have a few hundred bytes with every provider, names at most some hundred.
pub(crate) const MAX_HEADER_BYTES: u64 = 16 * 1024;

/// What a segment says about itself. It is whole in itself: the tree before it is known by its right edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) log: LogName,
    pub(crate) segment: u64,
    pub(crate) created_us: i64,
    /// The tree of all records before this segment; its size is the first record's sequence.
    pub(crate) before: Frontier,
    pub(crate) key_id: String,
    pub(crate) wrapped_key: Vec<u8>,
}

impl SegmentHeader {
    /// Returns the header as it stands in the file; `None` when a name or key is too long for it.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.push(AES_256_GCM);
        out.extend_from_slice(&self.segment.to_be_bytes());
        out.extend_from_slice(&self.created_us.to_be_bytes());
        out.extend_from_slice(&self.before.size().to_be_bytes());
        self.before.subtrees().iter().for_each(|root| out.extend_from_slice(root));
        for text in [self.log.tenant.as_str(), self.log.id.as_str(), &self.key_id] {
            put_short(&mut out, text.as_bytes())?;
        }
        put_short(&mut out, &self.wrapped_key)?;
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_be_bytes());
        (out.len() as u64 <= MAX_HEADER_BYTES).then_some(out)
    }

    /// Reads a header from the start of a file; returns its length too.
    pub(crate) fn decode(file: &[u8]) -> Result<(Self, usize), &'static str> {
        const SHORT: &str = "the segment header is damaged";
        let mut fields = Fields(file);
        if fields.array().as_ref() != Some(MAGIC) {
            return Err("this is not a segment of an audit log");
        }
        if fields.u16() != Some(VERSION) {
            return Err("the segment is of an unknown version");
        }
        if fields.array() != Some([AES_256_GCM]) {
            return Err("the segment names an unknown algorithm");
        }
        let mut body = || {
            let segment = fields.u64()?;
            let created_us = fields.i64()?;
            let size = fields.u64()?;
            let subtrees: Option<Vec<Hash>> = (0..size.count_ones()).map(|_| fields.array()).collect();
            let before = Frontier::from_parts(size, subtrees?)?;
            let (tenant, id) = (fields.short_string()?, fields.short_string()?);
            let key_id = fields.short_string()?;
            let wrapped_key = fields.short()?.to_vec();
            let covered = file.len() - fields.0.len();
            let crc = fields.u32()?;
            if crc32fast::hash(file.get(..covered)?) != crc {
                return None;
            }
            let log = LogName { tenant: Tenant::new(tenant).ok()?, id: LogId::parse(&id)? };
            let header = Self { log, segment, created_us, before, key_id, wrapped_key };
            Some((header, covered + 4))
        };
        body().ok_or(SHORT)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader {
            log: LogName {
                tenant: Tenant::new("acme").unwrap(),
                id: LogId::parse("0123456789abcdef").unwrap(),
            },
            segment: 3,
            created_us: 1_700_000_000_000_000,
            before: Frontier::from_parts(12, vec![[5; 32], [6; 32]]).unwrap(),
            key_id: "audit".to_owned(),
            wrapped_key: vec![1, 2, 3],
        }
    }

    #[test]
    fn a_header_comes_back_and_no_changed_byte_passes() {
        let bytes = header().encode().unwrap();
        let followed = [bytes.as_slice(), b"frames"].concat();
        assert_eq!(SegmentHeader::decode(&followed).unwrap(), (header(), bytes.len()));
        for changed in 0..bytes.len() {
            let mut copy = bytes.clone();
            copy[changed] ^= 1;
            assert!(SegmentHeader::decode(&copy).is_err(), "{changed}");
            assert!(SegmentHeader::decode(&bytes[..changed]).is_err(), "{changed}");
        }
    }

    #[test]
    fn a_name_that_does_not_fit_is_not_cut() {
        assert!(SegmentHeader { key_id: "k".repeat(70_000), ..header() }.encode().is_none());
        assert!(SegmentHeader { wrapped_key: vec![0; 20_000], ..header() }.encode().is_none());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            let forged = [&MAGIC[..], &VERSION.to_be_bytes(), &[AES_256_GCM], &tail].concat();
            prop_assert!(SegmentHeader::decode(&forged).is_err());
            prop_assert!(SegmentHeader::decode(&tail).is_err());
        }
    }
}
