//! Closing a segment: its index is built from what lies on disk, and a checkpoint signs both.
//!
//! Done behind the writer's back, and again when it was interrupted: nothing of it is needed to read the records.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use crate::checkpoint::{Checkpoint, Closing};
use crate::facet;
use crate::files::{Part, log_directory, segment_file_name, write_whole};
use crate::frame::Next;
use crate::index::{Entry, Index, Postings};
use crate::keys::Keys;
use crate::name::LogName;
use crate::piece::{Piece, SegmentReader};
use crate::seal::{SegmentCipher, segment_context};
use crate::tenant_keys::TenantKeys;
use crate::tree::{Hash, sha256};
use crate::walk::Position;
use crate::{AuditError, Result};

/// A segment that has ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    /// Where the log stood behind it.
    pub(crate) at: Position,
    /// Its key, where it is still known.
    pub(crate) cipher: Option<Arc<SegmentCipher>>,
}

impl Ended {
    /// Closes the segment and returns its checkpoint.
    pub(crate) async fn close(
        &self,
        store: &Path,
        log: &LogName,
        keys: &Keys,
        tenant_keys: TenantKeys,
        previous: Option<Hash>,
    ) -> Result<Checkpoint> {
        let piece = Piece::in_outbox(store, log, self.at.segment);
        let reader = piece.open()?;
        let cipher = match &self.cipher {
            Some(cipher) => Arc::clone(cipher),
            None => {
                let context = segment_context(log, self.at.segment);
                let key = keys.unwrap(&log.tenant, reader.header.wrapped_key.clone(), &context).await?;
                Arc::new(SegmentCipher::new(&key, log, self.at.segment)?)
            }
        };
        let size = self.at.tree.size();
        let bytes = reader.end;
        let directory = log_directory(store, &log.tenant);
        let path = directory.join(segment_file_name(self.at.segment, Part::Index));
        let index = blocking(&piece, Part::Index, move || {
            let index = build(&reader, &cipher, &tenant_keys, size)?;
            write_whole(&path, &index).map_err(|error| AuditError::io("an index", error))?;
            Ok(sha256(&index))
        })
        .await?;
        let time = Timestamp::now();
        let checkpoint = Checkpoint {
            size,
            root: self.at.tree.root(),
            segment: self.at.segment,
            closing: Some(Closing { bytes, index, edge: self.at.tree.subtrees().to_vec() }),
            previous,
            // The clock may step back; the log does not.
            time: time.max(Timestamp::from_microsecond(self.at.time_us).unwrap_or(time)),
            ..Checkpoint::start(log)
        };
        let note = checkpoint.sign(keys.signer()).await?;
        let path = directory.join(segment_file_name(self.at.segment, Part::Checkpoint));
        blocking(&piece, Part::Checkpoint, move || {
            write_whole(&path, note.as_bytes())
                .map(drop)
                .map_err(|error| AuditError::io("a checkpoint", error))
        })
        .await?;
        Ok(checkpoint)
    }
}

fn build(
    reader: &SegmentReader,
    cipher: &SegmentCipher,
    tenant_keys: &TenantKeys,
    size: u64,
) -> Result<Vec<u8>> {
    let header = &reader.header;
    let (mut entries, mut postings) = (Vec::new(), Postings::default());
    let mut frames = reader.frames()?;
    let first = header.before.size();
    let broken = |sequence: u64, what: &str| {
        AuditError::corrupt(format!("{} record {sequence}", reader.piece.object(Part::Records)), what)
    };
    for sequence in first..size {
        let frame = match frames.next()? {
            Next::Frame(frame) if frame.clear.sequence == sequence => frame,
            Next::Frame(_) => return Err(broken(sequence, "another record stands in its place")),
            Next::Damaged { what, .. } => return Err(broken(sequence, what)),
            Next::End => return Err(broken(sequence, "the record is missing")),
        };
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let place =
            u32::try_from(entries.len()).map_err(|_many| AuditError::invalid("a segment is too long"))?;
        let leaf = frame.leaf(&reader.digest);
        entries.push(Entry { leaf, length, time_us: frame.clear.time_us });
        let record = cipher.open(frame, leaf).map_err(|what| broken(sequence, what))?;
        facet::of(&record.decision, |facet| postings.add(facet.hash(), place));
    }
    let (nonce, sealed) = tenant_keys.seal_postings(&header.log, header.segment, &postings)?;
    let index = Index { segment: header.segment, first, header: reader.digest, entries, nonce, sealed };
    index.encode().ok_or_else(|| AuditError::invalid("a segment is too long"))
}

async fn blocking<T: Send + 'static>(
    piece: &Piece,
    part: Part,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let result = tokio::task::spawn_blocking(work).await.map_err(|_stopped| AuditError::Closed)?;
    result.map_err(|error| match error {
        AuditError::Unavailable { source, .. } => {
            AuditError::Unavailable { what: format!("`{}`", piece.object(part)), source }
        }
        other => other,
    })
}
