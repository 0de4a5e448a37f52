//! Encrypting and opening the records of one segment.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use llm_shield_cloud::{DATA_KEY_BYTES, EncryptionContext};
use uuid::Uuid;

use crate::encode;
use crate::frame::{Clear, Frame, MAX_BODY_BYTES, NONCE_BYTES};
use crate::name::LogName;
use crate::record::{AuditRecord, NewRecord};
use crate::tree::Hash;
use crate::{AuditError, Result};

/// Says what a segment's key is for; the key manager binds the wrapped key to it.
pub(crate) fn segment_context(log: &LogName, segment: u64) -> EncryptionContext {
    log.segment_context(segment, "audit-segment")
}

/// Turns a decision into the bytes that are sealed.
///
/// # Errors
/// [`AuditError::Invalid`] when it is too long.
pub(crate) fn encode_body(record: &NewRecord) -> Result<Vec<u8>> {
    let body = encode::to_json(record)
        .map_err(|_content| AuditError::invalid("the record cannot be written as JSON"))?;
    if body.len() > MAX_BODY_BYTES {
        return Err(AuditError::invalid("the record is larger than 8 MiB: record fewer findings"));
    }
    Ok(body)
}

/// The data key of one segment, ready for use.
pub(crate) struct SegmentCipher {
    key: RandomizedNonceKey,
    log: LogName,
    context: Vec<u8>,
}

impl SegmentCipher {
    pub(crate) fn new(key: &[u8; DATA_KEY_BYTES], log: &LogName, segment: u64) -> Result<Self> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, key)
            .map_err(|_unspecified| AuditError::invalid("the data key is not an AES-256 key"))?;
        let context = log.segment_context(segment, "audit-record").to_canonical_bytes();
        Ok(Self { key, log: log.clone(), context })
    }

    /// Encrypts a record's bytes for its place.
    pub(crate) fn seal(&self, clear: Clear, mut body: Vec<u8>) -> Result<([u8; NONCE_BYTES], Vec<u8>)> {
        let nonce = self
            .key
            .seal_in_place_append_tag(self.authenticated(clear), &mut body)
            .map_err(|_unspecified| AuditError::unavailable("random numbers"))?;
        Ok((*nonce.as_ref(), body))
    }

    /// Decrypts a record; says what is wrong when it is not what was sealed at this place.
    pub(crate) fn open(&self, frame: Frame, leaf: Hash) -> std::result::Result<AuditRecord, &'static str> {
        let (clear, nonce) = (frame.clear, frame.nonce);
        let mut sealed = frame.into_sealed();
        let body = self
            .key
            .open_in_place(Nonce::from(&nonce), self.authenticated(clear), &mut sealed)
            .map_err(|_unspecified| "the record was changed, or was not sealed for this place")?;
        let decision: NewRecord =
            serde_json::from_slice(body).map_err(|_content| "the record's content is of an unknown form")?;
        let time = jiff::Timestamp::from_microsecond(clear.time_us)
            .map_err(|_range| "the record's time is out of range")?;
        if decision.tenant != self.log.tenant || !id_has_time(clear.id, clear.time_us) {
            return Err("the record contradicts its place");
        }
        let log = self.log.id.as_str().to_owned();
        let (id, sequence) = (clear.id, clear.sequence);
        Ok(AuditRecord { id, log, sequence, leaf_hash: leaf, time, contents_elsewhere: false, decision })
    }

    fn authenticated(&self, clear: Clear) -> Aad<Vec<u8>> {
        // The context says its own length, and the clear fields have a fixed one.
        Aad::from([self.context.as_slice(), &clear.to_bytes()].concat())
    }
}

impl std::fmt::Debug for SegmentCipher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SegmentCipher(..)")
    }
}

/// Makes a UUID version 7 of a time.
pub(crate) fn new_id(time_us: i64) -> Result<Uuid> {
    let mut random = [0; 10];
    aws_lc_rs::rand::fill(&mut random).map_err(|_unspecified| AuditError::unavailable("random numbers"))?;
    Ok(uuid::Builder::from_unix_timestamp_millis(unix_ms(time_us), &random).into_uuid())
}

/// Returns the milliseconds since 1970 that an id says it was made at.
pub(crate) fn id_time_ms(id: Uuid) -> i64 {
    // 48 bits always fit.
    i64::try_from(id.as_u128() >> 80).unwrap_or(i64::MAX)
}

fn id_has_time(id: Uuid, time_us: i64) -> bool {
    id.get_version_num() == 7 && u64::try_from(id_time_ms(id)).is_ok_and(|ms| ms == unix_ms(time_us))
}

fn unix_ms(time_us: i64) -> u64 {
    u64::try_from(time_us.div_euclid(1000)).unwrap_or(0)
}
