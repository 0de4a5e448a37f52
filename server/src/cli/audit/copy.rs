//! `llm-shield audit export --format store`: a copy of all that a store holds, to be verified elsewhere.
//!
//! Records stay sealed and keys wrapped: whoever has the copy and the public key can verify and prove, and read nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use super::{StoreArgs, store::PREFIX};

/// The writer's directory in a store.
const OUTBOX: &str = "outbox";
/// What commands leave for the server; no part of the log.
const REQUESTS: [&str; 2] = ["ERASE", "READS"];

/// Copies a store into a directory that is not there yet, or empty; returns how many files that makes.
pub(crate) async fn run(args: &StoreArgs, to: &Path) -> Result<u64> {
    let is_empty = fs::read_dir(to).map_or(true, |mut entries| entries.next().is_none());
    ensure!(is_empty, "{} is not empty", to.display());
    let mut count = 0;
    // What leaves the outbox meanwhile is in the archive then, and statements before what they state: the copy of a store
    // that a server writes to is whole.
    if let Some(store) = args.directory()? {
        let outbox = store.join(OUTBOX);
        let (mut statements, mut records) = (Vec::new(), Vec::new());
        files(&outbox, &mut statements)?;
        records.extend(statements.extract_if(.., |file| file.extension().is_some_and(|kind| kind == "seg")));
        for file in statements.iter().chain(&records) {
            let place = to.join(OUTBOX).join(file.strip_prefix(&outbox)?);
            match fs::read(file) {
                // Taken to the archive since it was seen.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                read => {
                    let bytes = read.with_context(|| format!("cannot read {}", file.display()))?;
                    count += write(&place, &bytes)?;
                }
            }
        }
    }
    // As a store has it, whatever prefix it has in a bucket.
    let archive = args.archive().await?;
    for key in archive.storage.list_objects(&archive.prefix).await? {
        let bytes = archive.storage.get_object(&key).await?;
        let below = key.strip_prefix(&archive.prefix).unwrap_or(&key);
        ensure!(below.split('/').all(|part| part != ".."), "`{key}` is no name of an object of ours");
        count += write(&to.join(PREFIX).join(below), &bytes)?;
    }
    ensure!(count > 0, "there is no log in this store");
    Ok(count)
}

/// Adds the files below a directory, but for requests to a server.
fn files(directory: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| format!("cannot read {}", directory.display()))?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            if !REQUESTS.iter().any(|requests| entry.file_name() == *requests) {
                files(&entry.path(), found)?;
            }
        } else {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn write(place: &Path, bytes: &[u8]) -> Result<u64> {
    let written = fs::create_dir_all(place.parent().unwrap_or(place)).and_then(|()| fs::write(place, bytes));
    written.with_context(|| format!("cannot write {}", place.display()))?;
    Ok(1)
}
