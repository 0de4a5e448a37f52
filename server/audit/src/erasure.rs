//! Erasing what is about one subject: its key is destroyed, and a record says so.
//!
//! Only the process that appends to a store can do it. Another process leaves a request beside the logs, which that
//! process finds.

use std::path::{Path, PathBuf};

use crate::requests::Requests;
use crate::{AuditLog, NewRecord, Receipt, Result, Tenant, subject};

/// Under this RPC an erasure is on record.
const RPC: &str = "EraseSubject";
/// The label of such a record that holds the subject's tag.
const SUBJECT: &str = "subject";
/// Where requests lie.
const REQUESTS: &str = "ERASE";
/// Who asks has a name of some length.
const MAX_NAME_BYTES: usize = 512;

/// What an erasure did.
#[derive(Debug, Clone)]
pub struct Erasure {
    /// Of the record that says so.
    pub receipt: Receipt,
    /// What the subject is called in records.
    pub tag: String,
    /// Whether there was a key to destroy.
    pub existed: bool,
}

impl AuditLog {
    /// Destroys the key of a subject, so that the contents about it are gone, and records that.
    ///
    /// The records themselves stay, and the log still verifies. Copies of the key that were made outside of the store
    /// (backups, snapshots) are not reached.
    ///
    /// # Errors
    /// As [`append`](Self::append). Erasing again is no error: it is what to do when the record could not be kept.
    pub async fn erase_subject(&self, tenant: &Tenant, subject: &str, by: &str) -> Result<Erasure> {
        let tag = self.keys.tenant_keys(tenant).await?.subject_tag(subject);
        self.erase(tenant, tag, by).await
    }

    /// Carries out the requests that other processes have left; returns how many there were.
    ///
    /// # Errors
    /// As [`erase_subject`](Self::erase_subject); what was not carried out is left for the next call.
    pub async fn carry_out_erasures(&self) -> Result<usize> {
        let requests = requests(&self.keys.store);
        let mut done = 0;
        for request in requests.waiting().await? {
            if !subject::is_tag(&request.name) {
                continue;
            }
            let by = request.content().await?;
            let by: String = String::from_utf8_lossy(&by).chars().take(MAX_NAME_BYTES).collect();
            self.erase(&request.tenant, request.name.clone(), &by).await?;
            request.done().await?;
            done += 1;
        }
        Ok(done)
    }

    async fn erase(&self, tenant: &Tenant, tag: String, by: &str) -> Result<Erasure> {
        let existed = self.keys.erase_subject(tenant, &tag).await?;
        let mut record = NewRecord::of_call(tenant.clone(), by, RPC);
        record.labels.insert(SUBJECT.to_owned(), tag.clone());
        record.labels.insert("key".to_owned(), if existed { "destroyed" } else { "not found" }.to_owned());
        let receipt = self.append(record).await?;
        Ok(Erasure { receipt, tag, existed })
    }
}

/// Leaves a request for the process that appends to a store; it is carried out when the file that is returned is gone.
///
/// # Errors
/// When the request cannot be written.
pub async fn request_erasure(
    store: impl Into<PathBuf>,
    tenant: &Tenant,
    tag: &str,
    by: &str,
) -> Result<PathBuf> {
    requests(&store.into()).leave(tenant, tag, by.as_bytes().to_vec()).await
}

/// Returns the tag of the subject that a record says was erased.
pub(crate) fn erased(record: &NewRecord) -> Option<&String> {
    (record.rpc == RPC).then(|| record.labels.get(SUBJECT)).flatten()
}

fn requests(store: &Path) -> Requests {
    Requests::of(store, REQUESTS, "the requests to erase")
}
