//! The segments of a log, and reading one wherever it lies.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::archive::{Archive, Archived};
use crate::checkpoint::Checkpoint;
use crate::files::{
    Part, list_segments, log_directory, object_name, read_id, read_if_there, segment_file_name,
};
use crate::frame::{Frame, FrameReader, Next};
use crate::index::Index;
use crate::name::LogName;
use crate::note::Trust;
use crate::segment::{MAX_HEADER_BYTES, SegmentHeader};
use crate::tree::{Hash, sha256};
use crate::{AuditError, Result, Tenant};

/// Where the logs of a store lie: those under way in the outbox, closed segments in the archive.
#[derive(Debug, Clone)]
pub(crate) struct Shelves {
    /// The store's directory, with the outbox in it.
    pub(crate) store: PathBuf,
    pub(crate) archive: Option<Archive>,
}

impl Shelves {
    /// Returns the logs of a tenant, and whether each is that of this store's writer.
    pub(crate) fn logs(&self, tenant: &Tenant) -> Result<Vec<(LogName, bool)>> {
        let own = read_id(&self.store)?;
        let mut ids = BTreeSet::new();
        if let Some(archive) = &self.archive {
            ids.extend(archive.segments(tenant)?.into_iter().map(|archived| archived.id));
        }
        ids.extend(own.clone());
        let named = ids.into_iter().map(|id| {
            let is_own = own.as_ref() == Some(&id);
            (LogName { tenant: tenant.clone(), id }, is_own)
        });
        Ok(named.collect())
    }
}

/// One segment of a log.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) log: LogName,
    pub(crate) segment: u64,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Outbox { directory: PathBuf, archive: Option<Archive> },
    Archive { archive: Archive, stem: String },
}

impl Piece {
    pub(crate) fn in_outbox(store: &Path, log: &LogName, segment: u64) -> Self {
        let place = Place::Outbox { directory: log_directory(store, &log.tenant), archive: None };
        Self { log: log.clone(), segment, place }
    }

    /// Returns the segments of a log that have records in the outbox, in order.
    pub(crate) fn all_in_outbox(store: &Path, log: &LogName) -> Result<Vec<Self>> {
        let directory = log_directory(store, &log.tenant);
        let segments = list_segments(&directory).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => AuditError::corrupt(
                object_name(&log.tenant, ""),
                "a file in it is named like a segment and is none",
            ),
            _ => AuditError::io(format!("the log of `{}`", log.tenant), error),
        })?;
        Ok(segments.into_iter().map(|segment| Self::in_outbox(store, log, segment)).collect())
    }

    /// Returns all segments of a log after checking that none is missing between them; `own` when it is the writer's of
    /// this store.
    pub(crate) fn all(shelves: &Shelves, log: &LogName, own: bool) -> Result<Vec<Self>> {
        // First the outbox: what leaves it meanwhile is found in the archive then.
        let waiting = if own { Self::all_in_outbox(&shelves.store, log)? } else { Vec::new() };
        let mut found = BTreeMap::new();
        if let Some(archive) = &shelves.archive {
            for Archived { id, segment, stem } in archive.segments(&log.tenant)? {
                if id != log.id {
                    continue;
                }
                let place = Place::Archive { archive: archive.clone(), stem };
                let piece = Self { log: log.clone(), segment, place };
                if let Some(other) = found.insert(segment, piece) {
                    return Err(other.corrupt(Part::Records, "another object is named like this segment"));
                }
            }
        }
        for piece in waiting {
            // What is whole in the archive is about to leave the outbox.
            match found.get(&piece.segment) {
                Some(archived) if archived.is_whole()? => {}
                _ => {
                    let directory = log_directory(&shelves.store, &log.tenant);
                    let place = Place::Outbox { directory, archive: shelves.archive.clone() };
                    found.insert(piece.segment, Self { place, ..piece });
                }
            }
        }
        let mut expected = 1_u64;
        for piece in found.values() {
            if piece.segment != expected {
                let missing = Self { segment: expected, place: piece.beside(expected), ..piece.clone() };
                return Err(AuditError::corrupt(missing.object(Part::Records), "the segment is missing"));
            }
            expected = expected.saturating_add(1);
        }
        Ok(found.into_values().collect())
    }

    /// Names a part of the segment relative to the store.
    pub(crate) fn object(&self, part: Part) -> String {
        match &self.place {
            Place::Outbox { .. } => object_name(&self.log.tenant, &segment_file_name(self.segment, part)),
            Place::Archive { stem, .. } => format!("{stem}{}", part.suffix()),
        }
    }

    /// Returns the segment where it has gone to since it was seen in the outbox.
    fn shipped(&self) -> Result<Option<Self>> {
        let Place::Outbox { archive: Some(archive), .. } = &self.place else { return Ok(None) };
        let there = archive.segments(&self.log.tenant)?;
        let mine = there.into_iter().find(|there| there.id == self.log.id && there.segment == self.segment);
        Ok(mine.map(|Archived { stem, .. }| Self {
            place: Place::Archive { archive: archive.clone(), stem },
            ..self.clone()
        }))
    }

    /// Returns whether all parts are where they were archived: the checkpoint is the last to come.
    fn is_whole(&self) -> Result<bool> {
        Ok(self.read(Part::Checkpoint)?.is_some())
    }

    /// Where a segment beside this one would lie.
    fn beside(&self, segment: u64) -> Place {
        match &self.place {
            Place::Archive { archive, stem } => {
                let start = stem.rsplit_once('-').map_or("", |(start, _)| start);
                Place::Archive { archive: archive.clone(), stem: format!("{start}-{segment:08}") }
            }
            outbox @ Place::Outbox { .. } => outbox.clone(),
        }
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
        if checkpoint.closing.as_ref().is_none_or(|closing| closing.index != sha256(&bytes)) {
            return Err(wrong("the index is not the one that its checkpoint signs"));
        }
        Index::decode(&bytes)
            .filter(|index| index.segment == self.segment)
            .ok_or_else(|| wrong("the index cannot be read"))
    }

    /// Reads the header alone.
    pub(crate) fn header(&self) -> Result<SegmentHeader> {
        let Place::Archive { archive, stem } = &self.place else { return Ok(self.open()?.header) };
        let start = archive.read_start(&format!("{stem}{}", Part::Records.suffix()), MAX_HEADER_BYTES)?;
        let start = start.ok_or_else(|| self.corrupt(Part::Records, "the segment is missing"))?;
        self.decode_header(&start).map(|(header, _)| header)
    }

    fn decode_header(&self, start: &[u8]) -> Result<(SegmentHeader, usize)> {
        let wrong = |what| self.corrupt(Part::Records, what);
        let (header, length) = SegmentHeader::decode(start).map_err(wrong)?;
        if header.log.tenant != self.log.tenant {
            return Err(wrong("the segment belongs to another tenant's log"));
        }
        if header.log.id != self.log.id {
            return Err(wrong("the segment belongs to another writer's log"));
        }
        if header.segment != self.segment {
            return Err(wrong("the segment belongs at another place of the log"));
        }
        Ok((header, length))
    }

    /// Opens the segment and reads its header.
    ///
    /// # Errors
    /// [`AuditError::Corrupt`] when the header is damaged or belongs elsewhere.
    pub(crate) fn open(&self) -> Result<SegmentReader> {
        let failed = |error| AuditError::io(format!("`{}`", self.object(Part::Records)), error);
        let (source, end) = match &self.place {
            Place::Outbox { directory, .. } => {
                let path = directory.join(segment_file_name(self.segment, Part::Records));
                let file = match File::open(path) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => match self.shipped()? {
                        Some(shipped) => return shipped.open(),
                        None => return Err(failed(error)),
                    },
                    opened => opened.map_err(failed)?,
                };
                let end = file.metadata().map_err(failed)?.len();
                (Source::File(file), end)
            }
            Place::Archive { archive, stem } => {
                let bytes = archive.read(&format!("{stem}{}", Part::Records.suffix()))?;
                let bytes = bytes.ok_or_else(|| self.corrupt(Part::Records, "the segment is missing"))?;
                let end = bytes.len() as u64;
                (Source::Memory(bytes), end)
            }
        };
        let mut start = vec![0; usize::try_from(end.min(MAX_HEADER_BYTES)).unwrap_or(0)];
        source.read_exact_at(&mut start, 0).map_err(failed)?;
        let (header, length) = self.decode_header(&start)?;
        start.truncate(length);
        let digest = sha256(&start);
        Ok(SegmentReader { piece: self.clone(), header, digest, start: length as u64, end, source })
    }

    pub(crate) fn read(&self, part: Part) -> Result<Option<Bytes>> {
        match &self.place {
            Place::Outbox { directory, .. } => {
                let bytes = read_if_there(&directory.join(segment_file_name(self.segment, part)))
                    .map_err(|error| AuditError::io(format!("`{}`", self.object(part)), error))?;
                match bytes {
                    Some(bytes) => Ok(Some(Bytes::from(bytes))),
                    None => self.shipped()?.map_or(Ok(None), |shipped| shipped.read(part)),
                }
            }
            Place::Archive { archive, stem } => archive.read(&format!("{stem}{}", part.suffix())),
        }
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
    source: Source,
}

/// The bytes of a segment.
#[derive(Debug)]
enum Source {
    File(File),
    /// Of an object: a segment is bounded, and so is this.
    Memory(Bytes),
}

impl Source {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        match self {
            Self::File(file) => file.read_exact_at(buffer, offset),
            Self::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let part = bytes.get(start..).and_then(|rest| rest.get(..buffer.len()));
                let part = part.ok_or(std::io::ErrorKind::UnexpectedEof)?;
                buffer.copy_from_slice(part);
                Ok(())
            }
        }
    }

    fn try_clone(&self) -> std::io::Result<Self> {
        Ok(match self {
            Self::File(file) => Self::File(file.try_clone()?),
            Self::Memory(bytes) => Self::Memory(bytes.clone()),
        })
    }
}

impl SegmentReader {
    /// Reads all frames, one behind the other.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn frames(&self) -> Result<Frames> {
        let source = self.source.try_clone().map_err(|error| self.failed(error))?;
        let source = At { source, offset: self.start };
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
        self.source.read_exact_at(&mut bytes, offset).map_err(|error| match error.kind() {
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

/// A segment read from a place of its own, whoever else reads it.
#[derive(Debug)]
struct At {
    source: Source,
    offset: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = match &self.source {
            Source::File(file) => file.read_at(buffer, self.offset)?,
            Source::Memory(bytes) => {
                let start = usize::try_from(self.offset).unwrap_or(usize::MAX);
                bytes.get(start..).unwrap_or_default().read(buffer)?
            }
        };
        self.offset = self.offset.saturating_add(read as u64);
        Ok(read)
    }
}
