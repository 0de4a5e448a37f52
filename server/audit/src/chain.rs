//! The hash chain of one log.

use aws_lc_rs::digest::{Context, SHA256};

use crate::Tenant;

/// A SHA-256.
pub(crate) type Hash = [u8; 32];

/// The log's name beside the tenant; later logs of a tenant get their own.
pub(crate) const LOG: &str = "scan-results";

// First bytes of what is hashed, so that no hash of one kind can be taken for another. 0 and 1 are RFC 6962's leaf and
// node.
const LEAF: u8 = 0;
const HEADER: u8 = 2;
const LINK: u8 = 3;
const START: u8 = 4;

/// Where a log stands behind its last record or segment header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// The segment, 0 before the first.
    pub(crate) segment: u64,
    /// How many records there are, which is the next one's sequence.
    pub(crate) records: u64,
    /// The head of the chain.
    pub(crate) head: Hash,
    /// Time of the last record or header, in microseconds since 1970: the next is not earlier.
    pub(crate) time_us: i64,
}

impl Position {
    /// Returns the position of a log without segments.
    pub(crate) fn start(tenant: &Tenant) -> Self {
        let head = hash(START, &[&length_of(tenant), tenant.as_str().as_bytes(), LOG.as_bytes()]);
        Self { segment: 0, records: 0, head, time_us: i64::MIN }
    }

    /// Returns the position behind a segment header.
    pub(crate) fn after_header(self, header: &[u8], created_us: i64) -> Self {
        Self {
            segment: self.segment.saturating_add(1),
            head: hash(HEADER, &[header]),
            time_us: created_us,
            ..self
        }
    }

    /// Returns the position behind a record with this leaf.
    pub(crate) fn after_record(self, leaf: &Hash, time_us: i64) -> Self {
        let head = hash(LINK, &[&self.head, leaf]);
        Self { records: self.records.saturating_add(1), head, time_us, ..self }
    }
}

/// Returns the leaf of a record: RFC 6962, section 2.1, over the whole frame.
pub(crate) fn leaf(frame: &[u8]) -> Hash {
    hash(LEAF, &[frame])
}

/// Returns the SHA-256 of bytes that are no part of the chain.
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(bytes);
    finish(context)
}

fn hash(kind: u8, parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[kind]);
    for part in parts {
        context.update(part);
    }
    finish(context)
}

fn finish(context: Context) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

fn length_of(tenant: &Tenant) -> [u8; 8] {
    u64::try_from(tenant.as_str().len()).unwrap_or(u64::MAX).to_be_bytes()
}
