//! The keys of a tenant that outlive its segments: for digests of contents, tags of subjects, and indexes.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac};
use llm_shield_cloud::{CloudKeyManager, DATA_KEY_BYTES, EncryptionContext};
use zeroize::Zeroizing;

use crate::files::{log_directory, object_name, read_if_there};
use crate::frame::NONCE_BYTES;
use crate::index::{Index, Postings};
use crate::name::LogName;
use crate::note::Trust;
use crate::piece::Shelves;
use crate::wrapped_key::WrappedKey;
use crate::{AuditError, Result, Tenant};

/// File name of a tenant's wrapped secret.
pub(crate) const FILE: &str = "tenant.key";

/// Another version of the derivation would be another salt.
const SALT: &[u8] = b"llm-shield/audit/tenant/1";

/// Makes the digests of contents that records hold.
///
/// Keyed, so that nobody without the key can guess a short text from its digest; one key a tenant, so that digests of
/// two tenants cannot be compared. The same text of one tenant always has the same digest.
#[derive(Clone)]
pub struct DigestKey(Arc<hmac::Key>);

impl DigestKey {
    /// Returns HMAC-SHA-256 of the text, in lower-case hex.
    pub fn digest(&self, text: impl AsRef<[u8]>) -> String {
        hex::encode(hmac::sign(&self.0, text.as_ref()))
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DigestKey(..)")
    }
}

/// All that is derived from a tenant's secret.
#[derive(Clone)]
pub(crate) struct TenantKeys {
    pub(crate) digest: DigestKey,
    subjects: Arc<hmac::Key>,
    index: Arc<RandomizedNonceKey>,
}

impl fmt::Debug for TenantKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TenantKeys(..)")
    }
}

impl TenantKeys {
    pub(crate) fn derive(secret: &[u8; DATA_KEY_BYTES]) -> Result<Self> {
        let mac = |purpose| {
            Ok::<_, AuditError>(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &*expand(secret, purpose)?)))
        };
        let index = RandomizedNonceKey::new(&AES_256_GCM, &*expand(secret, b"index")?)
            .map_err(|_unspecified| AuditError::invalid("a key cannot be derived"))?;
        Ok(Self { digest: DigestKey(mac(b"digest")?), subjects: mac(b"subject")?, index: Arc::new(index) })
    }

    pub(crate) async fn open(
        wrapped: &[u8],
        tenant: &Tenant,
        key_manager: &dyn CloudKeyManager,
    ) -> Result<Self> {
        Self::derive(&*key_manager.decrypt(wrapped, &context(tenant)).await?)
    }

    /// Returns what a subject is called in records: its id is in none of them.
    pub(crate) fn subject_tag(&self, subject: &str) -> String {
        let tag = hmac::sign(&self.subjects, subject.as_bytes());
        hex::encode(tag.as_ref().iter().copied().take(16).collect::<Vec<u8>>())
    }

    pub(crate) fn seal_postings(
        &self,
        log: &LogName,
        segment: u64,
        postings: &Postings,
    ) -> Result<([u8; NONCE_BYTES], Vec<u8>)> {
        let mut bytes = postings.encode();
        let nonce = self
            .index
            .seal_in_place_append_tag(index_context(log, segment), &mut bytes)
            .map_err(|_unspecified| AuditError::unavailable("random numbers"))?;
        Ok((*nonce.as_ref(), bytes))
    }

    /// Returns the postings of an index; `None` when they are not what was sealed for this segment.
    pub(crate) fn open_postings(&self, log: &LogName, mut index: Index) -> Option<Vec<u8>> {
        let context = index_context(log, index.segment);
        let length =
            self.index.open_in_place(Nonce::from(&index.nonce), context, &mut index.sealed).ok()?.len();
        index.sealed.truncate(length);
        Some(index.sealed)
    }
}

/// Reads a tenant's wrapped secret, from the outbox or else the archive; `None` when none was made.
pub(crate) fn read(shelves: &Shelves, tenant: &Tenant, trust: &Trust) -> Result<Option<WrappedKey>> {
    let object = object_name(tenant, FILE);
    let note = read_if_there(&log_directory(&shelves.store, tenant).join(FILE))
        .map_err(|error| AuditError::io(format!("`{object}`"), error))?;
    let (object, note) = match (note, &shelves.archive) {
        (Some(note), _) => (object, Some(note)),
        (None, Some(archive)) => {
            let key = archive.tenant_key(tenant, FILE);
            let note = archive.read(&key)?;
            (key, note.map(Vec::from))
        }
        (None, None) => (object, None),
    };
    note.map(|note| {
        WrappedKey::open(&note, trust, &origin(tenant)).map_err(|what| AuditError::corrupt(object, what))
    })
    .transpose()
}

/// Says what a tenant's secret is for.
pub(crate) fn context(tenant: &Tenant) -> EncryptionContext {
    tenant.context("audit-tenant")
}

/// The first line of the file that holds a tenant's wrapped secret.
pub(crate) fn origin(tenant: &Tenant) -> String {
    format!("llm-shield/{}/tenant.key", tenant.path_name())
}

fn index_context(log: &LogName, segment: u64) -> Aad<Vec<u8>> {
    Aad::from(log.segment_context(segment, "audit-index").to_canonical_bytes())
}

/// HKDF-SHA-256 (RFC 5869).
fn expand(secret: &[u8], purpose: &[u8]) -> Result<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, SALT)
        .extract(secret)
        .expand(&[purpose], hkdf::HKDF_SHA256)
        .and_then(|derived| derived.fill(key.as_mut()))
        .map_err(|_unspecified| AuditError::invalid("a key cannot be derived"))?;
    Ok(key)
}
