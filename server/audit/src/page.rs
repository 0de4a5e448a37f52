//! Page tokens: where to go on, bound to the query they came from.
//!
//! A token is no secret and gives no access: it holds a sequence number of the caller's own log. The fingerprint keeps
//! a caller from going on with another filter by mistake, which would skip records in silence.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::bytes::Fields;
use crate::name::LogId;
use crate::tree::sha256;
use crate::{AuditError, AuditRecord, Query, Result};

const VERSION: u8 = 1;
const FINGERPRINT_BYTES: usize = 8;

/// Where an answer stopped. The records of several logs come in the order of their times, then of their logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) time_us: i64,
    pub(crate) log: LogId,
    pub(crate) sequence: u64,
}

/// Returns the token that goes on behind a record of this query's answer.
pub(crate) fn token_after(query: &Query, record: &AuditRecord) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&record.time.as_microsecond().to_be_bytes());
    bytes.extend_from_slice(&record.sequence.to_be_bytes());
    bytes.extend_from_slice(record.log.as_bytes());
    bytes.extend_from_slice(&fingerprint(query));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns the place behind which to go on.
pub(crate) fn place_of(query: &Query, token: &str) -> Result<Place> {
    let foreign = || AuditError::invalid("the page token does not belong to this query");
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_content| foreign())?;
    let mut fields = Fields(&bytes);
    let version: [u8; 1] = fields.array().ok_or_else(foreign)?;
    let (time_us, sequence) = (fields.i64().ok_or_else(foreign)?, fields.u64().ok_or_else(foreign)?);
    let log: [u8; 16] = fields.array().ok_or_else(foreign)?;
    let log = std::str::from_utf8(&log).ok().and_then(LogId::parse).ok_or_else(foreign)?;
    let matches = version == [VERSION] && fields.0 == fingerprint(query);
    if matches { Ok(Place { time_us, log, sequence }) } else { Err(foreign()) }
}

fn fingerprint(query: &Query) -> [u8; FINGERPRINT_BYTES] {
    let mut actions: Vec<u8> = query.actions.iter().map(|action| action.number()).collect();
    actions.sort_unstable();
    actions.dedup();
    // Debug of numbers, options and strings is unambiguous: strings come quoted and escaped.
    let text = format!(
        "{:?} {:?} {:?} {actions:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        query.tenant.as_str(),
        query.start.map(jiff::Timestamp::as_nanosecond),
        query.end.map(jiff::Timestamp::as_nanosecond),
        query.principal,
        query.rpc,
        query.detectors,
        query.categories,
        query.labels,
        query.subject,
        query.reads,
        query.record_id.map(|id| id.as_u128()),
        query.newest_first,
    );
    let mut fingerprint = [0; FINGERPRINT_BYTES];
    for (byte, hashed) in fingerprint.iter_mut().zip(sha256(text.as_bytes())) {
        *byte = hashed;
    }
    fingerprint
}
