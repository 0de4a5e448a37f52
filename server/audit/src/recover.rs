//! Bringing a store into order before anything is appended to it.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::Path;

use crate::checkpoint::Checkpoint;
use crate::closing::Ended;
use crate::files::{
    CHECKPOINT_FILE, LIST_FILE, OUTBOX, Part, closed_segments, list_tenants, log_directory, object_name,
    outbox_directory, read_id, read_if_there, remove_leftovers, segment_file_name, write_id,
};
use crate::keeper::Known;
use crate::list::{Head, List};
use crate::name::{LogId, LogName};
use crate::note::Trust;
use crate::piece::Piece;
use crate::tenant_keys;
use crate::walk::{Marks, Position, Torn, Walk};
use crate::{AuditError, Result, Tenant};

/// A store that can be appended to.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) logs: BTreeMap<Tenant, RecoveredLog>,
    /// Where the logs were signed to stand.
    pub(crate) list: List,
    /// Whether the signed list is behind that.
    pub(crate) unlisted: bool,
}

/// A log that can be appended to.
#[derive(Debug)]
pub(crate) struct RecoveredLog {
    /// Where it stands.
    pub(crate) position: Position,
    pub(crate) known: Known,
    /// Segments that are still to be closed.
    pub(crate) ended: Vec<Ended>,
    /// The newest that is signed of it beside the list.
    head: Option<Head>,
}

/// Cuts off what a crash left unfinished, and refuses a store where anything else is wrong.
///
/// Each log is read from its last closed segment on: what lies before it was checked when it was closed and is checked
/// by verification, and a start does not get slower with every record.
pub(crate) fn recover(store: &Path, trust: &Trust) -> Result<Recovered> {
    let failed = |error| AuditError::io("the audit store", error);
    remove_leftovers(&outbox_directory(store)).map_err(failed)?;
    let tenants = list_tenants(store).map_err(failed)?;
    let id = match read_id(store)? {
        Some(id) => id,
        None if tenants.is_empty() => {
            let id = LogId::random()?;
            write_id(store, &id).map_err(failed)?;
            id
        }
        None => return Err(AuditError::corrupt(OUTBOX, "the writer's id is missing, and there are logs")),
    };
    let listed = read_list(store, &id, trust)?;
    if let Some(list) = &listed
        && let Some(missing) = list.heads.keys().find(|tenant| !tenants.contains(tenant))
    {
        return Err(missing_log(missing));
    }
    let mut logs = BTreeMap::new();
    for tenant in tenants {
        remove_leftovers(&log_directory(store, &tenant)).map_err(failed)?;
        let log = LogName { tenant: tenant.clone(), id: id.clone() };
        logs.insert(tenant, recover_log(store, &log, trust, listed.as_ref())?);
    }
    let mut list = listed.unwrap_or_else(|| List::new(id));
    let mut unlisted = false;
    for (tenant, log) in &logs {
        // A crash came before the list was signed that knows it.
        if let (Some(head), Some(known)) = (log.head, list.heads.get_mut(tenant))
            && (head.size, head.segment, head.closed) > (known.size, known.segment, known.closed)
        {
            *known = head;
            unlisted = true;
        }
    }
    Ok(Recovered { logs, list, unlisted })
}

/// Says that a log is gone.
pub(crate) fn missing_log(tenant: &Tenant) -> AuditError {
    let object = format!("{OUTBOX}/{}", tenant.path_name());
    AuditError::corrupt(object, format!("the log is missing, and {LIST_FILE} signs it"))
}

/// Reads the list of logs; `None` when there is none.
pub(crate) fn read_list(store: &Path, id: &LogId, trust: &Trust) -> Result<Option<List>> {
    let object = format!("{OUTBOX}/{LIST_FILE}");
    let bytes = read_if_there(&outbox_directory(store).join(LIST_FILE))
        .map_err(|error| AuditError::io(format!("`{object}`"), error))?;
    let Some(bytes) = bytes else { return Ok(None) };
    match List::open(&bytes, trust) {
        Ok(list) if list.id == *id => Ok(Some(list)),
        Ok(_) => Err(AuditError::corrupt(object, "it is the list of another writer")),
        Err(what) => Err(AuditError::corrupt(object, what)),
    }
}

/// Reads a log's newest checkpoint, also as it is signed; `None` when there is none.
pub(crate) fn read_checkpoint(
    store: &Path,
    log: &LogName,
    trust: &Trust,
) -> Result<Option<(Checkpoint, String)>> {
    let object = object_name(&log.tenant, CHECKPOINT_FILE);
    let note = read_if_there(&log_directory(store, &log.tenant).join(CHECKPOINT_FILE))
        .map_err(|error| AuditError::io(format!("`{object}`"), error))?;
    note.map(|note| {
        let checkpoint =
            Checkpoint::open_of(&note, trust, log).map_err(|what| AuditError::corrupt(&object, what))?;
        Ok((checkpoint, String::from_utf8_lossy(&note).into_owned()))
    })
    .transpose()
}

/// Collects what is signed about a log that has segments.
pub(crate) fn marks_of(
    log: &LogName,
    checkpoint: Option<&Checkpoint>,
    listed: Option<&List>,
) -> Result<Marks> {
    let object = object_name(&log.tenant, CHECKPOINT_FILE);
    let mut marks = Marks::default();
    let checkpoint =
        checkpoint.ok_or_else(|| AuditError::corrupt(&object, "the log's checkpoint is missing"))?;
    marks.add(Head::from(checkpoint), &object)?;
    let list_object = format!("{OUTBOX}/{LIST_FILE}");
    let list = listed.ok_or_else(|| AuditError::corrupt(&list_object, "the signed list is missing"))?;
    let head = list.heads.get(&log.tenant).ok_or_else(|| {
        let object = format!("{OUTBOX}/{}", log.tenant.path_name());
        AuditError::corrupt(object, format!("{LIST_FILE} has no such log"))
    })?;
    marks.add(*head, &list_object)?;
    Ok(marks)
}

/// Reads the checkpoints that close a log's segments, from the first: of those that have ended, all must be there, each
/// naming the one before it.
pub(crate) fn closings(pieces: &[Piece], marks: &mut Marks, trust: &Trust) -> Result<Vec<Checkpoint>> {
    let mut closings: Vec<Checkpoint> = Vec::new();
    for piece in pieces {
        let behind = closings.last().map_or(0, |last| last.segment);
        let Some(closing) = piece.checkpoint(trust)? else {
            if marks.need_closing(piece.segment) {
                return Err(piece.corrupt(Part::Checkpoint, "the segment's checkpoint is missing"));
            }
            continue;
        };
        let object = piece.object(Part::Checkpoint);
        if behind.saturating_add(1) != piece.segment {
            return Err(AuditError::corrupt(object, "the checkpoint of the segment before it is missing"));
        }
        if closing.previous != closings.last().map(Checkpoint::digest) {
            return Err(AuditError::corrupt(
                object,
                "it does not follow the checkpoint of the segment before it",
            ));
        }
        marks.add(Head::from(&closing), &object)?;
        closings.push(closing);
    }
    Ok(closings)
}

fn recover_log(store: &Path, log: &LogName, trust: &Trust, listed: Option<&List>) -> Result<RecoveredLog> {
    let checkpoint = read_checkpoint(store, log, trust)?.map(|(checkpoint, _)| checkpoint);
    let pieces = Piece::all_in_outbox(store, log)?;
    let last_closing = last_closing(store, log, trust)?;
    if pieces.is_empty()
        && last_closing.is_none()
        && checkpoint.as_ref().is_none_or(|checkpoint| checkpoint.size == 0)
    {
        let (position, known) = (Position::start(), Known::default());
        return Ok(RecoveredLog { position, known, ended: Vec::new(), head: None });
    }
    let mut marks = marks_of(log, checkpoint.as_ref(), listed)?;
    if !log_directory(store, &log.tenant).join(tenant_keys::FILE).exists() {
        let object = object_name(&log.tenant, tenant_keys::FILE);
        return Err(AuditError::corrupt(object, "the tenant's key is missing"));
    }
    let mut at = Position::start();
    let mut known = Known::default();
    if let Some((piece, closing)) = &last_closing {
        let object = piece.object(Part::Checkpoint);
        marks.add(Head::from(closing), &object)?;
        at = Position::behind(closing)
            .ok_or_else(|| AuditError::corrupt(object, "its edge is not its root's"))?;
        known = Known { previous: Some(closing.digest()), closed: closing.segment };
    }
    let (mut ended, mut torn) = (Vec::new(), None);
    for (piece, next) in pieces.iter().zip(pieces.iter().skip(1).map(Some).chain([None])) {
        if piece.segment < known.closed {
            continue;
        }
        let reader = piece.open()?;
        let closing = last_closing.as_ref().filter(|(closed, _)| closed.segment == piece.segment);
        let closing = closing.map(|(_, closing)| (closing, None));
        if closing.is_some() {
            // Not yet taken away: what was closed last is looked at once more.
            let before = Position::before(&reader.header);
            Walk { marks: &marks, closing, is_last: false }.run(&reader, &before, &mut |_| Ok(()))?;
            continue;
        }
        let walk = Walk { marks: &marks, closing: None, is_last: next.is_none() };
        // It may have been begun before the one behind it was closed.
        let before = if ended.is_empty() { Position { time_us: i64::MIN, ..at.clone() } } else { at.clone() };
        (at, torn) = walk.run(&reader, &before, &mut |_| Ok(()))?;
        if marks.need_closing(piece.segment) {
            return Err(piece.corrupt(Part::Checkpoint, "the segment's checkpoint is missing"));
        }
        ended.push(Ended { at: at.clone(), cipher: None });
    }
    if let Some(what) = marks.missing(at.tree.size()) {
        let last = pieces.last().map(|last| last.object(Part::Records));
        return Err(AuditError::corrupt(last.unwrap_or_else(|| object_name(&log.tenant, "")), what));
    }
    if let (Some(Torn { offset }), Some(last)) = (torn, pieces.last()) {
        cut(store, last, offset)?;
    }
    let closing = last_closing.as_ref().map(|(_, closing)| closing);
    let newest = checkpoint.as_ref().into_iter().chain(closing).map(Head::from);
    let head = newest.max_by_key(|head| (head.size, head.segment, head.closed));
    Ok(RecoveredLog { position: at, known, ended, head })
}

/// Reads the last checkpoint in the outbox that closes a segment.
fn last_closing(store: &Path, log: &LogName, trust: &Trust) -> Result<Option<(Piece, Checkpoint)>> {
    let numbers = closed_segments(&log_directory(store, &log.tenant))
        .map_err(|error| AuditError::io(format!("the log of `{}`", log.tenant), error))?;
    let Some(last) = numbers.last() else { return Ok(None) };
    let piece = Piece::in_outbox(store, log, *last);
    let closing = piece.checkpoint(trust)?;
    Ok(closing.map(|closing| (piece, closing)))
}

fn cut(store: &Path, piece: &Piece, length: u64) -> Result<()> {
    let tenant = &piece.log.tenant;
    let path = log_directory(store, tenant).join(segment_file_name(piece.segment, Part::Records));
    let cut = || {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(length)?;
        file.sync_all()
    };
    tracing::info!(%tenant, piece.segment, length, "an unfinished record was cut off the audit log");
    cut().map_err(|error| AuditError::io(format!("`{}`", piece.object(Part::Records)), error))
}
