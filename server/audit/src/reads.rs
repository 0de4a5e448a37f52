//! Reads of a store by other processes, put on record by the one that appends to it.
//!
//! Who holds the keys can read a store without its server. Our own commands leave a note beside the logs when they do,
//! which the server finds, within a second or when it is started; it is a record like that of a read over the network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::files::outbox_directory;
use crate::requests::Requests;
use crate::{AuditError, AuditLog, NewRecord, Result, Tenant};

/// Under this RPC such reads are on record.
const RPC: &str = "Audit";
/// Where notes lie.
const NOTES: &str = "READS";
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
        let notes = notes(&self.keys.store);
        let mut done = 0;
        for note in notes.waiting().await? {
            if note.name.parse::<Uuid>().is_err() {
                continue;
            }
            if let Ok(Note { by, labels }) = serde_json::from_slice(&note.content().await?) {
                let mut record = NewRecord::of_call(note.tenant.clone(), short(&by), RPC);
                record.labels = labels
                    .iter()
                    .take(MOST_LABELS)
                    .map(|(name, value)| (short(name), short(value)))
                    .collect();
                self.append(record).await?;
                done += 1;
            }
            note.done().await?;
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
    let store = store.into();
    let notes = notes(&store);
    if !outbox_directory(&store).is_dir() || notes.waiting().await?.len() >= MOST_NOTES {
        return Ok(false);
    }
    let mut note = Note { by: by.to_owned(), labels };
    note.labels.insert("time".to_owned(), Timestamp::now().to_string());
    let note = serde_json::to_vec(&note).map_err(|error| AuditError::invalid(error.to_string()))?;
    notes.leave(tenant, &Uuid::now_v7().to_string(), note).await?;
    Ok(true)
}

fn notes(store: &Path) -> Requests {
    Requests::of(store, NOTES, "the notes of reads")
}

fn short(text: &str) -> String {
    text.chars().take(MOST_CHARS).collect()
}
