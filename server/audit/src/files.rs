//! Files of a store: names, durable writes, the lock.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::name::LogId;
use crate::{AuditError, Result, Tenant};

const SEGMENT_SUFFIX: &str = ".seg";
const TEMPORARY_SUFFIX: &str = ".new";
/// Statements and wrapped keys are far smaller; the list of logs has some 150 bytes a log.
const MAX_SMALL_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// The writer's directory in a store.
pub(crate) const OUTBOX: &str = "outbox";
/// File name of a log's newest checkpoint.
pub(crate) const CHECKPOINT_FILE: &str = "checkpoint";
/// File name of the signed list of logs.
pub(crate) const LIST_FILE: &str = "LOGS";
/// File name of the writer's id.
const ID_FILE: &str = "ID";
/// File name of the lock beside the outbox.
const LOCK_FILE: &str = "LOCK";

/// Returns where the writer keeps its logs.
pub(crate) fn outbox_directory(store: &Path) -> PathBuf {
    store.join(OUTBOX)
}

/// Returns where the writer keeps a tenant's log.
pub(crate) fn log_directory(store: &Path, tenant: &Tenant) -> PathBuf {
    outbox_directory(store).join(tenant.path_name())
}

/// Names a file of a tenant's log relative to the store.
pub(crate) fn object_name(tenant: &Tenant, file: &str) -> String {
    format!("{OUTBOX}/{}/{file}", tenant.path_name())
}

/// What there is of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The header and the records.
    Records,
    /// Which record lies where.
    Index,
    /// The checkpoint that closes it.
    Checkpoint,
}

impl Part {
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Records => SEGMENT_SUFFIX,
            Self::Index => ".idx",
            Self::Checkpoint => ".checkpoint",
        }
    }
}

/// Returns the file name of a part of a segment.
pub(crate) fn segment_file_name(segment: u64, part: Part) -> String {
    format!("{segment:08}{}", part.suffix())
}

/// Reads the writer's id; `None` in a store that nobody has written to.
pub(crate) fn read_id(store: &Path) -> Result<Option<LogId>> {
    let object = format!("{OUTBOX}/{ID_FILE}");
    let bytes = read_if_there(&outbox_directory(store).join(ID_FILE))
        .map_err(|error| AuditError::io(format!("`{object}`"), error))?;
    let parse = |bytes: Vec<u8>| LogId::parse(std::str::from_utf8(&bytes).ok()?.strip_suffix('\n')?);
    bytes
        .map(|bytes| parse(bytes).ok_or_else(|| AuditError::corrupt(object, "it is no writer's id")))
        .transpose()
}

/// Returns whether a writer has been in this directory: a copy of archived segments has neither lock nor outbox.
pub(crate) fn had_writer(store: &Path) -> bool {
    store.join(LOCK_FILE).exists() || outbox_directory(store).exists()
}

/// Writes the writer's id.
pub(crate) fn write_id(store: &Path, id: &LogId) -> io::Result<()> {
    write_whole(&outbox_directory(store).join(ID_FILE), format!("{id}\n").as_bytes()).map(drop)
}

/// Returns the numbers of the segments that lie in a log's directory, in order; none when there is no directory.
///
/// # Errors
/// The name of a file that looks like a segment and is none, or what the system says.
pub(crate) fn list_segments(log_directory: &Path) -> io::Result<Vec<u64>> {
    let mut segments = Vec::new();
    for entry in entries(log_directory)? {
        let Some(number) = entry.strip_suffix(SEGMENT_SUFFIX) else { continue };
        match number.parse() {
            Ok(segment) if segment_file_name(segment, Part::Records) == entry => segments.push(segment),
            _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "a segment with a foreign name")),
        }
    }
    segments.sort_unstable();
    Ok(segments)
}

/// Returns the numbers of the segments whose closing checkpoint lies in a log's directory, in order.
///
/// # Errors
/// What the system says.
pub(crate) fn closed_segments(log_directory: &Path) -> io::Result<Vec<u64>> {
    let suffix = Part::Checkpoint.suffix();
    let mut segments: Vec<u64> = entries(log_directory)?
        .iter()
        .filter_map(|entry| entry.strip_suffix(suffix)?.parse().ok())
        .filter(|segment| *segment > 0)
        .collect();
    segments.sort_unstable();
    Ok(segments)
}

/// Returns the tenants that have a directory, in the order of their names.
///
/// # Errors
/// What the system says.
pub(crate) fn list_tenants(store: &Path) -> io::Result<Vec<Tenant>> {
    let directory = outbox_directory(store);
    let mut tenants = Vec::new();
    for entry in entries(&directory)? {
        if let Some(tenant) = Tenant::from_path_name(&entry)
            && directory.join(&entry).is_dir()
        {
            tenants.push(tenant);
        }
    }
    tenants.sort_unstable();
    Ok(tenants)
}

/// Removes what an interrupted write left behind.
///
/// # Errors
/// What the system says.
pub(crate) fn remove_leftovers(directory: &Path) -> io::Result<()> {
    for entry in entries(directory)?.iter().filter(|entry| entry.ends_with(TEMPORARY_SUFFIX)) {
        fs::remove_file(directory.join(entry))?;
    }
    Ok(())
}

/// Returns the names of what lies in a directory; none when there is no directory.
///
/// # Errors
/// What the system says.
pub(crate) fn entries(directory: &Path) -> io::Result<Vec<String>> {
    match fs::read_dir(directory) {
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        Err(error) => Err(error),
        Ok(entries) => {
            entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned())).collect()
        }
    }
}

/// A file above is not there, or is no directory.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Reads a small file; `None` when there is none.
///
/// # Errors
/// What the system says.
pub(crate) fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
        Ok(metadata) if metadata.len() > MAX_SMALL_FILE_BYTES => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the file is too large"))
        }
        Ok(_) => fs::read(path).map(Some),
    }
}

/// Puts a whole file in place: after a crash it is there with all its bytes, or as it was before.
///
/// # Errors
/// What the system says.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<File> {
    // A name of its own: a write that was given up may still be under way in its thread.
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}{TEMPORARY_SUFFIX}", COUNT.fetch_add(1, Ordering::Relaxed)));
    let temporary = PathBuf::from(temporary);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_directory(path.parent().unwrap_or_else(|| Path::new(".")))?;
    Ok(file)
}

/// Removes a file for good; returns whether it was there.
///
/// # Errors
/// What the system says.
pub(crate) fn remove_whole(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => sync_directory(path.parent().unwrap_or_else(|| Path::new("."))).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a directory, and those above it, that only the owner can open.
///
/// # Errors
/// What the system says.
pub(crate) fn make_directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    // The entry of the directory itself must survive too.
    directory.parent().map_or(Ok(()), sync_directory)
}

/// Takes the store for this process until the handle is dropped.
///
/// # Errors
/// [`AuditError::Locked`] when another process has it.
pub(crate) fn lock_store(store: &Path) -> Result<File> {
    let path = store.join(LOCK_FILE);
    let failed = |error| AuditError::io(format!("`{}`", path.display()), error);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(AuditError::Locked { directory: store.display().to_string() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    // `""` is the parent of a bare file name.
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    File::open(directory)?.sync_all()
}
