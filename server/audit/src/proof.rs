//! Proofs that a log holds what it held, made from the indexes of its segments.

use std::ops::Range;

use crate::checkpoint::Checkpoint;
use crate::files::Part;
use crate::frame::Next;
use crate::list::List;
use crate::name::LogName;
use crate::note::Trust;
use crate::piece::{Piece, Shelves};
use crate::recover::{closings, marks_of, read_checkpoint};
use crate::tree::{Frontier, Hash, consistency_ranges, inclusion_ranges, verify_inclusion};
use crate::walk::Marks;
use crate::{AuditError, Result};

/// Proves that a record is in a log of some size (RFC 6962, section 2.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// The record's leaf.
    pub leaf_hash: Hash,
    /// Its index.
    pub leaf_index: u64,
    /// The path from the leaf to the root.
    pub path: Vec<Hash>,
    /// Signs the root.
    pub checkpoint: Checkpoint,
    /// The checkpoint as it is signed.
    pub note: String,
}

/// Proves that a log begins with what it was (RFC 6962, section 2.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// How many records it had.
    pub from: u64,
    /// The proof.
    pub path: Vec<Hash>,
    /// Signs the root of the larger tree.
    pub checkpoint: Checkpoint,
    /// The checkpoint as it is signed.
    pub note: String,
}

impl InclusionProof {
    /// Returns whether the record is proved to be in the log that the checkpoint signs.
    pub fn holds(&self) -> bool {
        let Checkpoint { size, root, .. } = &self.checkpoint;
        verify_inclusion(&self.leaf_hash, self.leaf_index, *size, &self.path, root)
    }
}

/// Makes proofs about one log.
pub(crate) struct Prover {
    pieces: Vec<Piece>,
    closings: Vec<Checkpoint>,
    newest: Checkpoint,
    newest_note: String,
    /// The leaves of the segment that was read last.
    read: Option<(u64, u64, Vec<Hash>)>,
}

impl Prover {
    /// `listed` is given for the log of the store's own writer.
    pub(crate) fn new(
        shelves: &Shelves,
        log: &LogName,
        listed: Option<&List>,
        trust: &Trust,
    ) -> Result<Self> {
        let own = listed.is_some();
        let (mut marks, newest) = if own {
            let (newest, note) = read_checkpoint(&shelves.store, log, trust)?.unzip();
            (marks_of(log, newest.as_ref(), listed)?, newest.zip(note))
        } else {
            (Marks::default(), None)
        };
        let pieces = Piece::all(shelves, log, own)?;
        let closings = closings(&pieces, &mut marks, trust)?;
        let newest = match (newest, pieces.iter().zip(&closings).next_back()) {
            (Some(newest), _) => newest,
            (None, Some((piece, closing))) => (closing.clone(), note_of(piece)?),
            (None, None) => return Err(AuditError::invalid("the log has no checkpoint")),
        };
        let (newest, newest_note) = newest;
        Ok(Self { pieces, closings, newest, newest_note, read: None })
    }

    /// Returns the checkpoint of this size, 0 for the newest.
    fn checkpoint(&self, size: u64) -> Result<(Checkpoint, String)> {
        if size == 0 || size == self.newest.size {
            return Ok((self.newest.clone(), self.newest_note.clone()));
        }
        let mut kept = self.pieces.iter().zip(&self.closings);
        let Some((piece, closing)) = kept.find(|(_, closing)| closing.size == size) else {
            return Err(AuditError::invalid("no checkpoint of this size is kept"));
        };
        Ok((closing.clone(), note_of(piece)?))
    }

    pub(crate) fn inclusion(&mut self, leaf_index: u64, size: u64) -> Result<InclusionProof> {
        let (checkpoint, note) = self.checkpoint(size)?;
        if leaf_index >= checkpoint.size {
            return Err(AuditError::invalid("the record is not in a log of this size"));
        }
        let leaf_hash = self.root(leaf_index..leaf_index.saturating_add(1))?;
        let path = self.roots(inclusion_ranges(leaf_index, checkpoint.size))?;
        Ok(InclusionProof { leaf_hash, leaf_index, path, checkpoint, note })
    }

    pub(crate) fn consistency(&mut self, from: u64, size: u64) -> Result<ConsistencyProof> {
        let (checkpoint, note) = self.checkpoint(size)?;
        if from == 0 || from > checkpoint.size {
            return Err(AuditError::invalid("the log was never of this size"));
        }
        let path = self.roots(consistency_ranges(from, checkpoint.size))?;
        Ok(ConsistencyProof { from, path, checkpoint, note })
    }

    fn roots(&mut self, ranges: Vec<Range<u64>>) -> Result<Vec<Hash>> {
        ranges.into_iter().map(|range| self.root(range)).collect()
    }

    fn root(&mut self, range: Range<u64>) -> Result<Hash> {
        let mut tree = Frontier::default();
        let mut next = range.start;
        while next < range.end {
            let (first, leaves) = self.leaves(next)?;
            let skip = usize::try_from(next.saturating_sub(first)).unwrap_or(usize::MAX);
            let most = usize::try_from(range.end.saturating_sub(next)).unwrap_or(usize::MAX);
            leaves.iter().skip(skip).take(most).for_each(|leaf| tree.push(*leaf));
            let reached = range.start.saturating_add(tree.size());
            if reached == next {
                return Err(AuditError::invalid("the log has no such record"));
            }
            next = reached;
        }
        Ok(tree.root())
    }

    /// Returns the leaves of the segment that holds a record, and the first one's index.
    fn leaves(&mut self, record: u64) -> Result<(u64, &[Hash])> {
        let known = self.read.as_ref().is_some_and(|(first, end, _)| (*first..*end).contains(&record));
        if !known {
            let closed = self.closings.partition_point(|closing| closing.size <= record);
            let mut read = None;
            // Behind the closed segments there is one, or two while the first of them is being closed.
            for (place, piece) in self.pieces.iter().enumerate().skip(closed) {
                let (first, leaves) = read_leaves(piece, self.closings.get(place))?;
                let end = first.saturating_add(leaves.len() as u64);
                if (first..end).contains(&record) {
                    read = Some((first, end, leaves));
                    break;
                }
            }
            self.read = read;
        }
        match &self.read {
            Some((first, _, leaves)) => Ok((*first, leaves)),
            None => Err(AuditError::invalid("the log has no such record")),
        }
    }
}

fn note_of(piece: &Piece) -> Result<String> {
    let note = piece.read(Part::Checkpoint)?.and_then(|note| String::from_utf8(note.into()).ok());
    note.ok_or_else(|| piece.corrupt(Part::Checkpoint, "it was changed while it was read"))
}

fn read_leaves(piece: &Piece, closing: Option<&Checkpoint>) -> Result<(u64, Vec<Hash>)> {
    if let Some(closing) = closing {
        let index = piece.index(closing)?;
        return Ok((index.first, index.entries.into_iter().map(|entry| entry.leaf).collect()));
    }
    let reader = piece.open()?;
    let (mut frames, mut leaves) = (reader.frames()?, Vec::new());
    while let Next::Frame(frame) = frames.next()? {
        leaves.push(frame.leaf(&reader.digest));
    }
    Ok((reader.header.before.size(), leaves))
}
