//! Reads of a store by other processes, put on record by the one that appends to it.
//!
//! Who holds the keys can read a store without its server. Our own commands leave a note beside the logs when they do,
//! which the server finds, within a second or when it is started; it is a record like that of a read over the network.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::files::{entries, make_directory, outbox_directory, read_if_there, remove_whole, write_whole};
use crate::{AuditError, AuditLog, NewRecord, Result, Tenant};

/// Under this RPC such reads are on record.
const RPC: &str = "Audit";
/// Where notes lie; no tenant's directory has capital letters.
const NOTES: &str = "READS";
/// Between the tenant's directory name and the note's; in neither of them.
const SEPARATOR: char = '~';
/// Notes that wait at most: a store without a server is read as often as one likes.
const MOST_NOTES: usize = 10_000;
/// The longest name or value in a note, in characters, and the most labels.
const MOST_CHARS: usize = 256;
const MOST_LABELS: usize = 32;

/// What a note says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    by: String,
    labels: BTreeMap<String, String>,
}

impl AuditLog {
    /// Puts on record what other processes have noted; returns how many reads there were.
    ///
    /// # Errors
    /// As [`append`](Self::append); what is not on record yet stays noted.
    pub async fn record_reads(&self) -> Result<usize> {
        let directory = outbox_directory(&self.keys.store).join(NOTES);
        let failed = |error| AuditError::io("the notes of reads", error);
        let notes = {
            let directory = directory.clone();
            blocking(move || entries(&directory)).await?.map_err(failed)?
        };
        let mut done = 0;
        for name in notes {
            let Some(tenant) = tenant_of(&name) else { continue };
            let path = directory.join(&name);
            let read = path.clone();
            let bytes = blocking(move || read_if_there(&read)).await?.map_err(failed)?.unwrap_or_default();
            if let Ok(Note { by, labels }) = serde_json::from_slice(&bytes) {
                let mut record = NewRecord::of_call(tenant, short(&by), RPC);
                record.labels = labels
                    .iter()
                    .take(MOST_LABELS)
                    .map(|(name, value)| (short(name), short(value)))
                    .collect();
                self.append(record).await?;
                done += 1;
            }
            blocking(move || remove_whole(&path)).await?.map_err(failed)?;
        }
        Ok(done)
    }
}

/// Notes a read of a tenant's log for the process that appends to the store, or will; returns whether there is a place
/// for it: a copy of an archive alone has none.
///
/// # Errors
/// When the note cannot be written.
pub async fn note_read(
    store: impl Into<PathBuf>,
    tenant: &Tenant,
    by: &str,
    labels: BTreeMap<String, String>,
) -> Result<bool> {
    let outbox = outbox_directory(&store.into());
    let name = format!("{}{SEPARATOR}{}", tenant.path_name(), Uuid::now_v7());
    let mut note = Note { by: by.to_owned(), labels };
    note.labels.insert("time".to_owned(), Timestamp::now().to_string());
    let write = move || {
        let directory = outbox.join(NOTES);
        if !outbox.is_dir() || entries(&directory)?.len() >= MOST_NOTES {
            return Ok(false);
        }
        make_directory(&directory)?;
        write_whole(&directory.join(name), &serde_json::to_vec(&note)?).map(|_file| true)
    };
    blocking(write).await?.map_err(|error| AuditError::io("the note of this read", error))
}

fn tenant_of(file_name: &str) -> Option<Tenant> {
    let (tenant, note) = file_name.split_once(SEPARATOR)?;
    note.parse::<Uuid>().ok()?;
    Tenant::from_path_name(tenant)
}

fn short(text: &str) -> String {
    text.chars().take(MOST_CHARS).collect()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|_stopped| AuditError::Closed)
}
