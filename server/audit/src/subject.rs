//! Contents under the key of their subject, so that destroying one key takes them away for good while the records that
//! held them, and the proofs over these, stay.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use llm_shield_cloud::{DATA_KEY_BYTES, EncryptionContext};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::files::{log_directory, object_name};
use crate::name::LogName;
use crate::record::{KeptContent, NewRecord};
use crate::{AuditError, Result, Tenant};

/// The key of one subject in one log, ready for use.
pub struct SubjectKey {
    tag: String,
    key: RandomizedNonceKey,
    context: Vec<u8>,
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SubjectKey").field("tag", &self.tag).finish_non_exhaustive()
    }
}

/// What of a record is the subject's.
#[derive(Serialize, Deserialize)]
struct Private {
    digests: Vec<String>,
    kept: Vec<KeptContent>,
    /// By the finding's index.
    fingerprints: Vec<(usize, String)>,
}

impl SubjectKey {
    pub(crate) fn new(key: &[u8; DATA_KEY_BYTES], log: &LogName, tag: &str) -> Result<Self> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, key)
            .map_err(|_unspecified| AuditError::invalid("the subject's key is not an AES-256 key"))?;
        let context = log.context("audit-contents").with("subject", tag).to_canonical_bytes();
        Ok(Self { tag: tag.to_owned(), key, context })
    }

    /// Puts what of a record is the subject's under its key.
    pub(crate) fn seal(&self, record: &mut NewRecord) -> Result<()> {
        let fingerprints = record
            .findings
            .iter_mut()
            .enumerate()
            .filter_map(|(index, finding)| Some((index, finding.fingerprint.take()?)))
            .collect();
        let private = Private {
            digests: std::mem::take(&mut record.content_digests),
            kept: std::mem::take(&mut record.kept),
            fingerprints,
        };
        let mut bytes = serde_json::to_vec(&private)
            .map_err(|_content| AuditError::invalid("the contents cannot be written as JSON"))?;
        let nonce = self
            .key
            .seal_in_place_append_tag(self.authenticated(), &mut bytes)
            .map_err(|_unspecified| AuditError::unavailable("random numbers"))?;
        record.subject = Some(self.tag.clone());
        record.sealed_contents = Some(STANDARD.encode([nonce.as_ref().as_slice(), &bytes].concat()));
        Ok(())
    }

    /// Puts what is the subject's back into a record; says what is wrong when it is not what was sealed.
    pub(crate) fn open(&self, record: &mut NewRecord) -> std::result::Result<(), &'static str> {
        const CHANGED: &str = "the contents do not open under their subject's key";
        let Some(sealed) = &record.sealed_contents else { return Ok(()) };
        let bytes = Zeroizing::new(STANDARD.decode(sealed).map_err(|_content| CHANGED)?);
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>().ok_or(CHANGED)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let opened = self
            .key
            .open_in_place(Nonce::from(nonce), self.authenticated(), &mut sealed)
            .map_err(|_unspecified| CHANGED)?;
        let private: Private = serde_json::from_slice(opened).map_err(|_content| CHANGED)?;
        record.sealed_contents = None;
        record.content_digests = private.digests;
        record.kept = private.kept;
        for (index, fingerprint) in private.fingerprints {
            if let Some(finding) = record.findings.get_mut(index) {
                finding.fingerprint = Some(fingerprint);
            }
        }
        Ok(())
    }

    fn authenticated(&self) -> Aad<&[u8]> {
        Aad::from(self.context.as_slice())
    }
}

/// Subject keys that are in use, by tenant and tag.
///
/// Bounded in number and age: who loses the right to open keys seals and reads on for so long.
#[derive(Debug, Default)]
pub(crate) struct SubjectKeys(Mutex<Known>);

/// A tenant, and the tag of one of its subjects.
type Name = (Tenant, String);
type Known = HashMap<Name, (Instant, Arc<SubjectKey>)>;

impl SubjectKeys {
    const MAX_AGE: Duration = Duration::from_secs(300);
    const MOST: usize = 4096;

    pub(crate) fn find(&self, name: &Name) -> Option<Arc<SubjectKey>> {
        let keys = self.lock();
        let (since, key) = keys.get(name)?;
        (since.elapsed() < Self::MAX_AGE).then(|| Arc::clone(key))
    }

    pub(crate) fn keep(&self, name: Name, key: Arc<SubjectKey>) {
        let mut keys = self.lock();
        if keys.len() >= Self::MOST {
            keys.retain(|_, (since, _)| since.elapsed() < Self::MAX_AGE);
        }
        if keys.len() >= Self::MOST {
            keys.clear();
        }
        keys.insert(name, (Instant::now(), key));
    }

    pub(crate) fn forget(&self, name: &Name) {
        self.lock().remove(name);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says what a subject's key is for.
pub(crate) fn context(log: &LogName, tag: &str) -> EncryptionContext {
    log.context("audit-subject").with("subject", tag)
}

/// The first line of the file that holds a subject's wrapped key.
pub(crate) fn origin(log: &LogName, tag: &str) -> String {
    format!("{}/subject/{tag}", log.origin())
}

/// The directory of a log's subject keys.
pub(crate) fn directory(store: &Path, log: &LogName) -> PathBuf {
    log_directory(store, &log.tenant).join("subjects")
}

/// Where a subject's wrapped key lies.
pub(crate) fn path(store: &Path, log: &LogName, tag: &str) -> PathBuf {
    directory(store, log).join(file_name(tag))
}

/// Names a subject's key relative to the store.
pub(crate) fn object(log: &LogName, tag: &str) -> String {
    object_name(&log.tenant, &format!("subjects/{}", file_name(tag)))
}

fn file_name(tag: &str) -> String {
    format!("{tag}{SUFFIX}")
}

/// Returns the tag of the subject whose key a file holds.
pub(crate) fn tag_of(file_name: &str) -> Option<&str> {
    file_name.strip_suffix(SUFFIX).filter(|tag| is_tag(tag))
}

/// Returns whether a text is what [`subject_tag`](crate::tenant_keys::TenantKeys::subject_tag) makes.
pub(crate) fn is_tag(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

const SUFFIX: &str = ".key";
