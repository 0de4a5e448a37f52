//! Bringing a store into order before anything is appended to it.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::Path;

use crate::chain::{LOG, Position};
use crate::digest;
use crate::files::{
    list_tenants, log_directory, logs_directory, read_if_there, remove_leftovers, segment_file_name,
};
use crate::head_keeper::{HEAD_FILE, LIST_FILE};
use crate::segment::{SegmentReader, object_name};
use crate::statement::{Head, List, read_head, read_list};
use crate::trust::Trust;
use crate::walk::{Marks, Torn, contiguous_segments, walk_segment};
use crate::{AuditError, Result, Tenant};

/// A store that can be appended to.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// Where each log stands.
    pub(crate) positions: BTreeMap<Tenant, Position>,
    /// What LOGS says.
    pub(crate) listed: List,
}

/// Cuts off what a crash left unfinished, and refuses a store where anything else is wrong.
///
/// Each log is read from the segment of its signed head on: what lies before it was checked when it was written and
/// is checked by verification, and a start does not get slower with every record.
pub(crate) fn recover(store: &Path, trust: &Trust) -> Result<Recovered> {
    let failed = |error| AuditError::io("the audit store", error);
    remove_leftovers(&logs_directory(store)).map_err(failed)?;
    let tenants = list_tenants(store).map_err(failed)?;
    let listed = listed_logs(store, trust)?;
    if let Some(list) = &listed
        && let Some(missing) = list.heads.keys().find(|tenant| !tenants.contains(tenant))
    {
        return Err(AuditError::corrupt(
            format!("{LOG}/{}", missing.path_name()),
            format!("the log is missing, and {LIST_FILE} signs it"),
        ));
    }
    let mut positions = BTreeMap::new();
    for tenant in tenants {
        remove_leftovers(&log_directory(store, &tenant)).map_err(failed)?;
        let position = recover_log(store, &tenant, trust, listed.as_ref())?;
        positions.insert(tenant, position);
    }
    Ok(Recovered { positions, listed: listed.unwrap_or_default() })
}

/// Reads LOGS; `None` when there is none.
pub(crate) fn listed_logs(store: &Path, trust: &Trust) -> Result<Option<List>> {
    let object = format!("{LOG}/{LIST_FILE}");
    let text = read_if_there(&logs_directory(store).join(LIST_FILE))
        .map_err(|error| AuditError::io(format!("`{object}`"), error))?;
    text.map(|text| read_list(&text, trust).map_err(|what| AuditError::corrupt(object, what))).transpose()
}

/// Reads a log's HEAD; `None` when there is none.
pub(crate) fn signed_head(store: &Path, tenant: &Tenant, trust: &Trust) -> Result<Option<Head>> {
    let object = head_object(tenant);
    let text = read_if_there(&log_directory(store, tenant).join(HEAD_FILE))
        .map_err(|error| AuditError::io(format!("`{object}`"), error))?;
    text.map(|text| read_head(&text, tenant, trust).map_err(|what| AuditError::corrupt(object, what)))
        .transpose()
}

/// Collects what is signed about a log that has segments.
pub(crate) fn marks_of(tenant: &Tenant, head: Option<Head>, listed: Option<&List>) -> Result<Marks> {
    let mut marks = Marks::default();
    let head = head.ok_or_else(|| AuditError::corrupt(head_object(tenant), "the signed head is missing"))?;
    marks.add(head, HEAD_FILE);
    let list = listed
        .ok_or_else(|| AuditError::corrupt(format!("{LOG}/{LIST_FILE}"), "the signed list is missing"))?;
    let listed = list.heads.get(tenant).ok_or_else(|| {
        AuditError::corrupt(format!("{LOG}/{}", tenant.path_name()), format!("{LIST_FILE} has no such log"))
    })?;
    marks.add(*listed, LIST_FILE);
    marks.closed = list.closed;
    Ok(marks)
}

fn recover_log(store: &Path, tenant: &Tenant, trust: &Trust, listed: Option<&List>) -> Result<Position> {
    let last = contiguous_segments(store, tenant)?;
    let head = signed_head(store, tenant, trust)?;
    if last == 0 && head.is_none_or(|head| head.records == 0) {
        return Ok(Position::start(tenant));
    }
    let marks = marks_of(tenant, head, listed)?;
    let digest_key = log_directory(store, tenant).join("digest.key");
    if !digest_key.exists() {
        return Err(AuditError::corrupt(digest::object_name(tenant), "the tenant's digest key is missing"));
    }
    let first = head.map_or(1, |head| head.segment).clamp(1, last.max(1));
    let mut at = Position::start(tenant);
    let mut torn = None;
    for segment in first..=last {
        let mut reader = SegmentReader::open(&log_directory(store, tenant), tenant, segment)?;
        if segment == first && first > 1 {
            // The signed head, which lies in this segment, vouches for what the header says of the past.
            let header = &reader.header;
            let (records, head) = (header.first_sequence, header.previous);
            at = Position { segment: first.saturating_sub(1), records, head, time_us: i64::MIN };
        }
        (at, torn) = walk_segment(&mut reader, tenant, at, &marks, segment == last, &mut |_| Ok(()))?;
    }
    if let Some(what) = marks.missing(at) {
        return Err(AuditError::corrupt(object_name(tenant, last.max(1)), what));
    }
    if let Some(Torn { offset }) = torn {
        cut(store, tenant, last, offset)?;
    }
    Ok(at)
}

fn cut(store: &Path, tenant: &Tenant, segment: u64, length: u64) -> Result<()> {
    let path = log_directory(store, tenant).join(segment_file_name(segment));
    let cut = || {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(length)?;
        file.sync_all()
    };
    tracing::info!(%tenant, segment, length, "an unfinished record was cut off the audit log");
    cut().map_err(|error| AuditError::io(format!("`{}`", object_name(tenant, segment)), error))
}

fn head_object(tenant: &Tenant) -> String {
    format!("{LOG}/{}/{HEAD_FILE}", tenant.path_name())
}
