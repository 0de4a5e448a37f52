//! Page tokens: where to go on, bound to the query they came from.
//!
//! A token is no secret and gives no access: it holds a sequence number of the caller's own log. The fingerprint keeps
//! a caller from going on with another filter by mistake, which would skip records in silence.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::bytes::Fields;
use crate::tree::sha256;
use crate::{AuditError, Query, Result};

const VERSION: u8 = 1;
const FINGERPRINT_BYTES: usize = 8;

/// Returns the token that goes on behind a record of this query's answer.
pub(crate) fn token_after(query: &Query, sequence: u64) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&sequence.to_be_bytes());
    bytes.extend_from_slice(&fingerprint(query));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns the sequence behind which to go on.
pub(crate) fn sequence_of(query: &Query, token: &str) -> Result<u64> {
    let foreign = || AuditError::invalid("the page token does not belong to this query");
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_content| foreign())?;
    let mut fields = Fields(&bytes);
    let version: [u8; 1] = fields.array().ok_or_else(foreign)?;
    let sequence = fields.u64().ok_or_else(foreign)?;
    let matches = version == [VERSION] && fields.0 == fingerprint(query);
    if matches { Ok(sequence) } else { Err(foreign()) }
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
