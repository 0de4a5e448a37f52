//! One record as bytes, and reading records one behind the other.

use std::io::Read;

use uuid::Uuid;

use crate::bytes::Fields;
use crate::tree::{Hash, leaf_hash};

/// Length of a nonce of AES-256-GCM.
pub(crate) const NONCE_BYTES: usize = 12;
/// `length` and `crc32`.
const PREFIX_BYTES: usize = 8;
/// What `length` counts before the ciphertext.
const CLEAR_BYTES: usize = 8 + 8 + 16 + NONCE_BYTES;
const TAG_BYTES: usize = 16;
const MIN_LENGTH: usize = CLEAR_BYTES + TAG_BYTES;
/// The longest record, as JSON: some fifty thousand findings.
pub(crate) const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
const MAX_LENGTH: usize = MIN_LENGTH + MAX_BODY_BYTES;

/// The fields of a frame that are not encrypted; all are authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clear {
    pub(crate) sequence: u64,
    pub(crate) time_us: i64,
    pub(crate) id: Uuid,
}

/// A record read from a segment, checked for damage but not for forgery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) clear: Clear,
    pub(crate) nonce: [u8; NONCE_BYTES],
    /// The frame as it stands in the file.
    bytes: Vec<u8>,
}

impl Frame {
    /// Takes one frame from its bytes; says what is wrong.
    pub(crate) fn parse(bytes: Vec<u8>) -> Result<Self, &'static str> {
        const CHANGED: &str = "the checksum of a record does not match its bytes";
        let (prefix, body) = bytes.split_first_chunk::<PREFIX_BYTES>().ok_or(CHANGED)?;
        let mut fields = Fields(prefix);
        let (length, crc) = (fields.u32().ok_or(CHANGED)?, fields.u32().ok_or(CHANGED)?);
        if usize::try_from(length) != Ok(body.len()) || !length_is_possible(length) {
            return Err("the length of a record was changed");
        }
        if checksum(&[&length.to_be_bytes(), body]) != crc {
            return Err(CHANGED);
        }
        let (clear, nonce) = decode(body).ok_or(CHANGED)?;
        Ok(Self { clear, nonce, bytes })
    }

    /// Returns the record's leaf in the tree of its log.
    pub(crate) fn leaf(&self, header: &Hash) -> Hash {
        leaf_hash(&[header, &self.bytes])
    }

    /// Returns how long the frame is.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the ciphertext, with room to decrypt it in.
    pub(crate) fn into_sealed(mut self) -> Vec<u8> {
        self.bytes.drain(..PREFIX_BYTES + CLEAR_BYTES);
        self.bytes
    }
}

impl Clear {
    /// Returns the bytes that are authenticated with the ciphertext.
    pub(crate) fn to_bytes(self) -> [u8; CLEAR_BYTES - NONCE_BYTES] {
        let mut bytes = [0; CLEAR_BYTES - NONCE_BYTES];
        let fields = self
            .sequence
            .to_be_bytes()
            .into_iter()
            .chain(self.time_us.to_be_bytes())
            .chain(self.id.into_bytes());
        for (byte, field) in bytes.iter_mut().zip(fields) {
            *byte = field;
        }
        bytes
    }
}

/// Appends a frame to `out` and returns its leaf, which also covers the segment's header; `None` when the ciphertext is
/// longer than a record may be.
pub(crate) fn encode(
    out: &mut Vec<u8>,
    header: &Hash,
    clear: Clear,
    nonce: [u8; NONCE_BYTES],
    sealed: &[u8],
) -> Option<Hash> {
    let length = CLEAR_BYTES + sealed.len();
    if !(MIN_LENGTH..=MAX_LENGTH).contains(&length) {
        return None;
    }
    let length = u32::try_from(length).ok()?.to_be_bytes();
    let clear = clear.to_bytes();
    let crc = checksum(&[&length, &clear, &nonce, sealed]).to_be_bytes();
    let start = out.len();
    for part in [&length[..], &crc, &clear, &nonce, sealed] {
        out.extend_from_slice(part);
    }
    out.get(start..).map(|frame| leaf_hash(&[header, frame]))
}

/// What comes next in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A whole frame.
    Frame(Frame),
    /// The end of the file, right behind a frame.
    End,
    /// Not a frame.
    Damaged {
        /// What is wrong.
        what: &'static str,
        /// Whether a write that was cut short can leave this: it reaches to the end of the file.
        torn: bool,
    },
}

/// Reads the frames of a segment from behind its header to the end that the file had when reading began.
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    source: R,
    offset: u64,
    end: u64,
}

impl<R: Read> FrameReader<R> {
    pub(crate) fn new(source: R, offset: u64, end: u64) -> Self {
        Self { source, offset, end }
    }

    /// Returns where the next frame begins in the file.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads the next frame. Behind damage there is nothing more to read.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn next(&mut self) -> std::io::Result<Next> {
        let left = self.end.saturating_sub(self.offset);
        if left == 0 {
            return Ok(Next::End);
        }
        let mut prefix = [0; PREFIX_BYTES];
        if left < PREFIX_BYTES as u64 {
            return Ok(Next::Damaged { what: "the last record is cut short", torn: true });
        }
        self.source.read_exact(&mut prefix)?;
        let length = Fields(&prefix).u32().unwrap_or(0);
        let (Ok(size), true) = (usize::try_from(length), length_is_possible(length)) else {
            // A file system may extend a file before it writes the data: then only zeros follow.
            let torn = prefix == [0; PREFIX_BYTES] && self.rest_is_zero()?;
            return Ok(Next::Damaged { what: "the length of a record was changed", torn });
        };
        if u64::from(length) > left - PREFIX_BYTES as u64 {
            return Ok(Next::Damaged { what: "the last record is cut short", torn: true });
        }
        let mut frame = prefix.to_vec();
        frame.resize(PREFIX_BYTES + size, 0);
        match self.source.read_exact(frame.get_mut(PREFIX_BYTES..).unwrap_or_default()) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Ok(Next::Damaged { what: "the last record is cut short", torn: true });
            }
            read => read?,
        }
        self.offset += (PREFIX_BYTES as u64) + u64::from(length);
        match Frame::parse(frame) {
            Ok(frame) => Ok(Next::Frame(frame)),
            Err(what) => {
                let torn = self.offset == self.end || self.rest_is_zero()?;
                Ok(Next::Damaged { what, torn })
            }
        }
    }

    fn rest_is_zero(&mut self) -> std::io::Result<bool> {
        let mut buffer = [0; 4096];
        loop {
            match self.source.read(&mut buffer)? {
                0 => return Ok(true),
                read if buffer.iter().take(read).any(|&byte| byte != 0) => return Ok(false),
                _ => {}
            }
        }
    }
}

fn length_is_possible(length: u32) -> bool {
    usize::try_from(length).is_ok_and(|length| (MIN_LENGTH..=MAX_LENGTH).contains(&length))
}

fn decode(body: &[u8]) -> Option<(Clear, [u8; NONCE_BYTES])> {
    let mut fields = Fields(body);
    let clear =
        Clear { sequence: fields.u64()?, time_us: fields.i64()?, id: Uuid::from_bytes(fields.array()?) };
    Some((clear, fields.array()?))
}

fn checksum(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: Hash = [9; 32];

    fn clear(sequence: u64) -> Clear {
        Clear { sequence, time_us: -5, id: Uuid::from_u128(7) }
    }

    fn read_all(bytes: &[u8]) -> (Vec<Frame>, Next) {
        let mut reader = FrameReader::new(bytes, 0, bytes.len() as u64);
        let mut frames = Vec::new();
        loop {
            match reader.next().unwrap() {
                Next::Frame(frame) => frames.push(frame),
                last => return (frames, last),
            }
        }
    }

    #[test]
    fn frames_come_back() {
        let mut bytes = Vec::new();
        let leaf = encode(&mut bytes, &HEADER, clear(1), [1; NONCE_BYTES], &[2; 40]).unwrap();
        encode(&mut bytes, &HEADER, clear(2), [3; NONCE_BYTES], &[4; 16]).unwrap();
        let (frames, last) = read_all(&bytes);
        assert_eq!(last, Next::End);
        assert_eq!((frames[0].clear, frames[0].nonce), (clear(1), [1; 12]));
        assert_eq!((frames[0].leaf(&HEADER), frames[0].clone().into_sealed()), (leaf, vec![2; 40]));
        assert_ne!(frames[0].leaf(&[0; 32]), leaf, "a frame has another leaf in another segment");
        assert_eq!(frames[1].clear.sequence, 2);
    }

    #[test]
    fn a_record_that_is_too_long_or_short_is_not_written() {
        let mut bytes = Vec::new();
        assert!(
            encode(&mut bytes, &HEADER, clear(1), [1; 12], &vec![0; MAX_BODY_BYTES + TAG_BYTES + 1])
                .is_none()
        );
        assert!(encode(&mut bytes, &HEADER, clear(1), [1; 12], &[0; TAG_BYTES - 1]).is_none());
        assert!(bytes.is_empty());
    }

    #[test]
    fn every_cut_is_torn_and_every_change_is_seen() {
        let mut bytes = Vec::new();
        encode(&mut bytes, &HEADER, clear(1), [1; 12], &[2; 30]).unwrap();
        let one = bytes.len();
        encode(&mut bytes, &HEADER, clear(2), [1; 12], &[2; 30]).unwrap();
        for cut in one + 1..bytes.len() {
            let (frames, last) = read_all(&bytes[..cut]);
            assert_eq!(frames.len(), 1);
            assert!(matches!(last, Next::Damaged { torn: true, .. }), "{cut}");
        }
        for changed in 0..bytes.len() {
            let mut copy = bytes.clone();
            copy[changed] ^= 0x10;
            let (frames, last) = read_all(&copy);
            assert!(frames.len() < 2 && matches!(last, Next::Damaged { .. }), "{changed}");
            if (PREFIX_BYTES..one).contains(&changed) {
                assert!(matches!(last, Next::Damaged { torn: false, .. }), "{changed}");
            }
        }
        bytes.extend_from_slice(&[0; 5000]);
        assert!(matches!(read_all(&bytes).1, Next::Damaged { torn: true, .. }));
        bytes.push(1);
        assert!(matches!(read_all(&bytes).1, Next::Damaged { torn: false, .. }));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            end in 0_u64..500,
        ) {
            let mut reader = FrameReader::new(bytes.as_slice(), 0, end);
            while let Ok(Next::Frame(_)) = reader.next() {}
            prop_assert!(read_all(&bytes).0.is_empty());
        }

        #[test]
        fn frames_behind_a_forged_length_never_panic(length in any::<u32>(), bytes in any::<[u8; 200]>()) {
            let mut forged = length.to_be_bytes().to_vec();
            forged.extend_from_slice(&bytes);
            let damaged = matches!(read_all(&forged).1, Next::Damaged { .. });
            prop_assert!(damaged);
        }
    }
}
