//! The segments of a log, and reading one wherever it lies.

use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::checkpoint::Checkpoint;
use crate::files::{Part, list_segments, log_directory, object_name, read_if_there, segment_file_name};
use crate::frame::{Frame, FrameReader, Next};
use crate::index::Index;
use crate::name::LogName;
use crate::note::Trust;
use crate::segment::{MAX_HEADER_BYTES, SegmentHeader};
use crate::tree::{Hash, sha256};
use crate::{AuditError, Result};

/// One segment of a log.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) log: LogName,
    pub(crate) segment: u64,
    directory: PathBuf,
}

impl Piece {
    pub(crate) fn new(store: &Path, log: &LogName, segment: u64) -> Self {
        Self { log: log.clone(), segment, directory: log_directory(store, &log.tenant) }
    }

    /// Returns all segments of a writer's log after checking that none is missing between them.
    pub(crate) fn all(store: &Path, log: &LogName) -> Result<Vec<Self>> {
        let directory = log_directory(store, &log.tenant);
        let segments = list_segments(&directory).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => AuditError::corrupt(
                object_name(&log.tenant, ""),
                "a file in it is named like a segment and is none",
            ),
            _ => AuditError::io(format!("the log of `{}`", log.tenant), error),
        })?;
        let pieces = segments.into_iter().map(|segment| Self { segment, ..Self::new(store, log, segment) });
        let mut all: Vec<Self> = Vec::new();
        for piece in pieces {
            let expected = all.last().map_or(1, |last| last.segment.saturating_add(1));
            if piece.segment != expected {
                let missing = Self { segment: expected, ..piece };
                return Err(AuditError::corrupt(missing.object(Part::Records), "the segment is missing"));
            }
            all.push(piece);
        }
        Ok(all)
    }

    /// Names a part of the segment relative to the store.
    pub(crate) fn object(&self, part: Part) -> String {
        object_name(&self.log.tenant, &segment_file_name(self.segment, part))
    }

    /// Returns the error that says what is wrong with a part.
    pub(crate) fn corrupt(&self, part: Part, what: impl Into<String>) -> AuditError {
        AuditError::corrupt(self.object(part), what)
    }

    /// Reads the checkpoint that closes the segment; `None` when it has not ended.
    pub(crate) fn checkpoint(&self, trust: &Trust) -> Result<Option<Checkpoint>> {
        let Some(note) = self.read(Part::Checkpoint)? else { return Ok(None) };
        let checkpoint = Checkpoint::open_of(&note, trust, &self.log)
            .map_err(|what| self.corrupt(Part::Checkpoint, what))?;
        if checkpoint.segment != self.segment || checkpoint.closing.is_none() {
            return Err(self.corrupt(Part::Checkpoint, "it is the checkpoint of another segment"));
        }
        Ok(Some(checkpoint))
    }

    /// Reads the index, which must be the one that this checkpoint signs.
    pub(crate) fn index(&self, checkpoint: &Checkpoint) -> Result<Index> {
        let wrong = |what| self.corrupt(Part::Index, what);
        let bytes = self.read(Part::Index)?.ok_or_else(|| wrong("the segment's index is missing"))?;
        if checkpoint.closing.is_none_or(|closing| closing.index != sha256(&bytes)) {
            return Err(wrong("the index is not the one that its checkpoint signs"));
        }
        Index::decode(&bytes)
            .filter(|index| index.segment == self.segment)
            .ok_or_else(|| wrong("the index cannot be read"))
    }

    /// Opens the segment and reads its header.
    ///
    /// # Errors
    /// [`AuditError::Corrupt`] when the header is damaged or belongs elsewhere.
    pub(crate) fn open(&self) -> Result<SegmentReader> {
        let failed = |error| AuditError::io(format!("`{}`", self.object(Part::Records)), error);
        let path = self.directory.join(segment_file_name(self.segment, Part::Records));
        let mut file = File::open(path).map_err(failed)?;
        let end = file.metadata().map_err(failed)?.len();
        let mut start = Vec::new();
        Read::by_ref(&mut file).take(MAX_HEADER_BYTES).read_to_end(&mut start).map_err(failed)?;
        let wrong = |what| self.corrupt(Part::Records, what);
        let (header, length) = SegmentHeader::decode(&start).map_err(wrong)?;
        if header.log.tenant != self.log.tenant {
            return Err(wrong("the segment belongs to another tenant's log"));
        }
        if header.log.id != self.log.id {
            return Err(wrong("the segment belongs to another writer's log"));
        }
        if header.segment != self.segment {
            return Err(wrong("the segment belongs at another place of the log"));
        }
        start.truncate(length);
        Ok(SegmentReader {
            piece: self.clone(),
            header,
            digest: sha256(&start),
            start: length as u64,
            end,
            file,
        })
    }

    pub(crate) fn read(&self, part: Part) -> Result<Option<Vec<u8>>> {
        read_if_there(&self.directory.join(segment_file_name(self.segment, part)))
            .map_err(|error| AuditError::io(format!("`{}`", self.object(part)), error))
    }
}

/// A segment opened for reading, up to where it ended then.
#[derive(Debug)]
pub(crate) struct SegmentReader {
    pub(crate) piece: Piece,
    pub(crate) header: SegmentHeader,
    /// SHA-256 of the header.
    pub(crate) digest: Hash,
    /// Where the first frame begins.
    pub(crate) start: u64,
    pub(crate) end: u64,
    file: File,
}

impl SegmentReader {
    /// Reads all frames, one behind the other.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn frames(&self) -> Result<Frames> {
        let file = self.file.try_clone().map_err(|error| self.failed(error))?;
        let source = At { file, offset: self.start };
        let frames = FrameReader::new(BufReader::with_capacity(256 * 1024, source), self.start, self.end);
        Ok(Frames { frames, object: self.piece.object(Part::Records) })
    }

    /// Reads one frame.
    ///
    /// # Errors
    /// [`AuditError::Corrupt`] when there is none at this place.
    pub(crate) fn frame_at(&self, offset: u64, length: u32, sequence: u64) -> Result<Frame> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        let wrong = |what: &str| {
            AuditError::corrupt(format!("{} record {sequence}", self.piece.object(Part::Records)), what)
        };
        self.file.read_exact_at(&mut bytes, offset).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => wrong("the record is cut short"),
            _ => self.failed(error),
        })?;
        let frame = Frame::parse(bytes).map_err(wrong)?;
        if frame.clear.sequence == sequence {
            Ok(frame)
        } else {
            Err(wrong("another record stands in its place"))
        }
    }

    fn failed(&self, error: std::io::Error) -> AuditError {
        AuditError::io(format!("`{}`", self.piece.object(Part::Records)), error)
    }
}

/// The frames of a segment.
#[derive(Debug)]
pub(crate) struct Frames {
    frames: FrameReader<BufReader<At>>,
    object: String,
}

impl Frames {
    /// Returns where the next frame begins.
    pub(crate) fn offset(&self) -> u64 {
        self.frames.offset()
    }

    /// Reads the next frame.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn next(&mut self) -> Result<Next> {
        self.frames.next().map_err(|error| AuditError::io(format!("`{}`", self.object), error))
    }
}

/// A file read from a place of its own, whoever else reads it.
#[derive(Debug)]
struct At {
    file: File,
    offset: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset = self.offset.saturating_add(read as u64);
        Ok(read)
    }
}
