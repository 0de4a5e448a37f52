//! Segment files: the header, and opening one for reading.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use crate::bytes::{Fields, put_short};
use crate::chain::{Hash, LOG};
use crate::files::segment_file_name;
use crate::frame::{Frame, FrameReader, Next};
use crate::{AuditError, Result, Tenant};

const MAGIC: &[u8; 8] = b"LLMSHAUD";
const VERSION: u16 = 1;
/// AES-256-GCM with a random nonce. Another number is refused, not negotiated.
const AES_256_GCM: u8 = 1;
/// Wrapped keys have a few hundred bytes with every provider, names at most some hundred.
const MAX_HEADER_BYTES: u64 = 16 * 1024;

/// What a segment says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) segment: u64,
    pub(crate) first_sequence: u64,
    pub(crate) created_us: i64,
    /// The head of the chain behind the segment before.
    pub(crate) previous: Hash,
    pub(crate) tenant: Tenant,
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
        out.extend_from_slice(&self.first_sequence.to_be_bytes());
        out.extend_from_slice(&self.created_us.to_be_bytes());
        out.extend_from_slice(&self.previous);
        for text in [self.tenant.as_str(), LOG, &self.key_id] {
            put_short(&mut out, text.as_bytes())?;
        }
        put_short(&mut out, &self.wrapped_key)?;
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_be_bytes());
        (out.len() as u64 <= MAX_HEADER_BYTES).then_some(out)
    }

    /// Reads a header from the start of a file; returns its length too.
    fn decode(file: &[u8]) -> std::result::Result<(Self, usize), &'static str> {
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
            let first_sequence = fields.u64()?;
            let created_us = fields.i64()?;
            let previous = fields.array()?;
            let (tenant, log) = (fields.short_string()?, fields.short_string()?);
            let key_id = fields.short_string()?;
            let wrapped_key = fields.short()?.to_vec();
            let covered = file.len() - fields.0.len();
            let crc = fields.u32()?;
            let intact = crc32fast::hash(file.get(..covered)?) == crc && log == LOG;
            let tenant = Tenant::new(tenant).ok().filter(|_| intact)?;
            let header = Self { segment, first_sequence, created_us, previous, tenant, key_id, wrapped_key };
            Some((header, covered + 4))
        };
        body().ok_or(SHORT)
    }
}

/// A segment opened for reading.
#[derive(Debug)]
pub(crate) struct SegmentReader {
    pub(crate) header: SegmentHeader,
    /// The header as it stands in the file.
    pub(crate) header_bytes: Vec<u8>,
    frames: FrameReader<BufReader<File>>,
}

impl SegmentReader {
    /// Opens a segment of a log and reads its header.
    ///
    /// # Errors
    /// [`AuditError::Corrupt`] when the header is damaged, [`AuditError::Unavailable`] when it cannot be read.
    pub(crate) fn open(log_directory: &Path, tenant: &Tenant, segment: u64) -> Result<Self> {
        let object = object_name(tenant, segment);
        let failed = |error| AuditError::io(format!("`{object}`"), error);
        let mut file = File::open(log_directory.join(segment_file_name(segment))).map_err(failed)?;
        let end = file.metadata().map_err(failed)?.len();
        let mut start = Vec::new();
        Read::by_ref(&mut file).take(MAX_HEADER_BYTES).read_to_end(&mut start).map_err(failed)?;
        let (header, length) =
            SegmentHeader::decode(&start).map_err(|what| AuditError::corrupt(&object, what))?;
        start.truncate(length);
        file.seek(SeekFrom::Start(length as u64)).map_err(failed)?;
        let frames = FrameReader::new(BufReader::with_capacity(64 * 1024, file), length as u64, end);
        Ok(Self { header, header_bytes: start, frames })
    }

    /// Returns where the next frame begins.
    pub(crate) fn offset(&self) -> u64 {
        self.frames.offset()
    }

    /// Returns where the segment ended when it was opened.
    pub(crate) fn end(&self) -> u64 {
        self.frames.end()
    }

    /// Reads the next frame.
    ///
    /// # Errors
    /// [`AuditError::Unavailable`] when the file cannot be read.
    pub(crate) fn next(&mut self) -> Result<Next> {
        self.frames.next().map_err(|error| AuditError::io(format!("`{}`", self.object()), error))
    }

    /// Reads the frame that begins at an offset which [`offset`](Self::offset) returned before.
    ///
    /// # Errors
    /// [`AuditError::Corrupt`] when it is not there any more.
    pub(crate) fn frame_at(&mut self, offset: u64) -> Result<Frame> {
        self.frames.seek(offset).map_err(|error| {
            AuditError::io(format!("`{}`", object_name(&self.header.tenant, self.header.segment)), error)
        })?;
        match self.next()? {
            Next::Frame(frame) => Ok(frame),
            _ => Err(AuditError::corrupt(self.object(), "a record changed while it was read")),
        }
    }

    /// Returns the segment's name for people.
    pub(crate) fn object(&self) -> String {
        object_name(&self.header.tenant, self.header.segment)
    }
}

/// Names a segment relative to the store.
pub(crate) fn object_name(tenant: &Tenant, segment: u64) -> String {
    format!("{LOG}/{}/{}", tenant.path_name(), segment_file_name(segment))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader {
            segment: 3,
            first_sequence: 12,
            created_us: 1_700_000_000_000_000,
            previous: [5; 32],
            tenant: Tenant::new("acme").unwrap(),
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
