//! Where a [`DirectoryStorage`](super::DirectoryStorage) keeps what, and what it notes of an object beside its bytes.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::{CloudError, ListedObject, ObjectMetadata, PutObjectOptions, Result, Retention, StorageClass};

/// Holds notes, unfinished writes and the lock. Not an object.
const OWN: &str = ".llm-shield";
/// A write that a crash has cut off; none that is under way is so old.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);
/// A note is below 8 KiB; anything much larger is not one.
const MAX_NOTE_BYTES: u64 = 64 * 1024;

/// The places of a store.
#[derive(Debug)]
pub(super) struct Layout {
    root: PathBuf,
    written: AtomicU64,
}

/// Keeps other writers out, in this and other processes, until it is dropped.
#[derive(Debug)]
pub(super) struct WriteLock {
    _file: File,
}

/// A file that is written and synced and not yet in its place; removed when dropped.
#[derive(Debug)]
pub(super) struct Aside {
    path: PathBuf,
    stamp: Stamp,
}

/// What is noted of an object.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    /// The SHA-256 of the content, in hexadecimal.
    pub(super) etag: String,
    stamp: Stamp,
    content_type: Option<String>,
    storage_class: Option<String>,
    metadata: BTreeMap<String, String>,
    retention: Option<Retention>,
    #[serde(default)]
    legal_hold: bool,
}

/// Tells a file as it was written from one that was put there by something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stamp {
    size: u64,
    seconds: i64,
    nanoseconds: i64,
}

// === impl Layout ===

impl Layout {
    pub(super) fn open(root: PathBuf) -> Result<Self> {
        let layout = Self { root, written: AtomicU64::new(0) };
        for directory in [layout.unfinished(), layout.own("notes")] {
            let failed = |error| CloudError::from_io(directory.display().to_string(), error);
            make_directories(&directory).map_err(failed)?;
        }
        layout.remove_abandoned();
        Ok(layout)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the file of an object, whose key has been checked.
    pub(super) fn object(&self, key: &str) -> Result<PathBuf> {
        if key.split('/').next() == Some(OWN) || key.split('/').any(|part| part.len() > 255) {
            return Err(CloudError::invalid(format!(
                "a local object's key does not begin with `{OWN}/`, and its parts have at most 255 bytes"
            )));
        }
        Ok(self.root.join(key))
    }

    pub(super) fn lock(&self) -> Result<WriteLock> {
        let path = self.own("lock");
        let failed = |error| CloudError::from_io(path.display().to_string(), error);
        let mut options = OpenOptions::new();
        let file =
            options.create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(WriteLock { _file: file })
    }

    /// Writes and syncs a file that has no place yet.
    pub(super) fn write_aside(&self, content: &[u8]) -> io::Result<Aside> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let mut nonce = [0; 8];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_unspecified| io::Error::other("no random numbers"))?;
        let name = format!("{}-{number}-{:016x}", std::process::id(), u64::from_be_bytes(nonce));
        let path = self.unfinished().join(name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let mut aside = Aside { path, stamp: Stamp { size: 0, seconds: 0, nanoseconds: 0 } };
        file.write_all(content)?;
        file.sync_all()?;
        aside.stamp = Stamp::of(&file.metadata()?);
        Ok(aside)
    }

    /// Gives a written file its place. The note goes first: a crash in between leaves the old content with a note
    /// that does not fit it, and such a note is not believed.
    pub(super) fn install(&self, _lock: &WriteLock, key: &str, content: Aside, note: &Note) -> Result<()> {
        let object = self.object(key)?;
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists | io::ErrorKind::IsADirectory => {
                CloudError::invalid(format!("`{key}` and an object above or below it cannot both be files"))
            }
            _ => CloudError::from_io(key, error),
        };
        if object.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let made = object.parent().map_or(Ok(()), make_directories);
        made.map_err(failed)?;
        self.write_note(key, note)?;
        content.install(&object).map_err(failed)
    }

    fn write_note(&self, key: &str, note: &Note) -> Result<()> {
        let text = serde_json::to_vec(note).map_err(|error| CloudError::Invalid {
            reason: "an object's note cannot be written down".to_owned(),
            source: Some(error.into()),
        })?;
        let written = self.write_aside(&text).and_then(|aside| aside.install(&self.note(key)));
        written.map_err(|error| CloudError::from_io(key, error))
    }

    /// Puts a hold on an object of which `known` is known, or takes it away.
    pub(super) fn set_legal_hold(
        &self,
        _lock: &WriteLock,
        key: &str,
        known: ObjectMetadata,
        hold: bool,
    ) -> Result<()> {
        let status = fs::metadata(self.object(key)?).map_err(|error| CloudError::from_io(key, error))?;
        let ObjectMetadata { etag, content_type, storage_class, metadata, retention, .. } = known;
        let note = Note {
            etag: etag.unwrap_or_default(),
            stamp: Stamp::of(&status),
            content_type,
            storage_class: Some(storage_class.name().to_owned()),
            metadata,
            retention,
            legal_hold: hold,
        };
        self.write_note(key, &note)
    }

    /// Returns whether an object is under a hold.
    pub(super) fn is_held(&self, key: &str) -> bool {
        self.read_note(key).is_some_and(|note| note.legal_hold)
    }

    /// Returns what is known of an object that is open.
    pub(super) fn metadata_of(&self, key: &str, file: &File) -> Result<ObjectMetadata> {
        let failed = |error| CloudError::from_io(key, error);
        let status = file.metadata().map_err(failed)?;
        let stamp = Stamp::of(&status);
        let mut note = self.read_note(key);
        let etag = match &note {
            Some(note) if note.stamp == stamp => note.etag.clone(),
            // Changed or copied by something else: the note holds if it is of this content.
            _ => {
                let etag = digest_of(file).map_err(failed)?;
                note = note.filter(|note| note.etag == etag);
                etag
            }
        };
        let class = note.as_ref().and_then(|note| note.storage_class.as_deref());
        Ok(ObjectMetadata {
            size: stamp.size,
            last_modified: status.modified().ok(),
            etag: Some(etag),
            storage_class: class.and_then(|name| name.parse().ok()).unwrap_or_default(),
            content_type: note.as_ref().and_then(|note| note.content_type.clone()),
            retention: note.as_ref().and_then(|note| note.retention),
            metadata: note.map(|note| note.metadata).unwrap_or_default(),
            version_id: None,
        })
    }

    /// Returns what a list tells of an object; its etag only where that needs no reading.
    pub(super) fn listed(&self, key: String) -> Result<Option<ListedObject>> {
        let status = match fs::symlink_metadata(self.object(&key)?) {
            Err(error) if is_absent(&error) => return Ok(None),
            status => status.map_err(|error| CloudError::from_io(key.as_str(), error))?,
        };
        let stamp = Stamp::of(&status);
        let etag = self.read_note(&key).filter(|note| note.stamp == stamp).map(|note| note.etag);
        Ok(Some(ListedObject { key, size: stamp.size, last_modified: status.modified().ok(), etag }))
    }

    /// Lists the keys that begin with `prefix`, in the order of their bytes.
    pub(super) fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let parent = prefix.rsplit_once('/').map_or("", |(parent, _)| parent);
        if parent.split('/').any(|part| matches!(part, "." | ".." | OWN)) {
            return Ok(Vec::new());
        }
        let mut keys = Vec::new();
        let mut directories = vec![(self.root.join(parent), parent.to_owned())];
        while let Some((directory, above)) = directories.pop() {
            let entries = match fs::read_dir(&directory) {
                Err(error) if is_absent(&error) => continue,
                entries => entries.map_err(|error| CloudError::from_io(above.as_str(), error))?,
            };
            for entry in entries {
                let entry = entry.map_err(|error| CloudError::from_io(above.as_str(), error))?;
                // A name that is not UTF-8 is no key.
                let Ok(name) = entry.file_name().into_string() else { continue };
                let key = if above.is_empty() { name } else { format!("{above}/{name}") };
                match entry.file_type() {
                    Ok(kind) if kind.is_file() && key.starts_with(prefix) => keys.push(key),
                    Ok(kind) if kind.is_dir() && key != OWN => {
                        let below = format!("{key}/");
                        if below.starts_with(prefix) || prefix.starts_with(&below) {
                            directories.push((entry.path(), key));
                        }
                    }
                    _ => {}
                }
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }

    pub(super) fn remove_note(&self, key: &str) {
        let place = self.note(key);
        if fs::remove_file(&place).is_ok() {
            self.prune(&place);
        }
    }

    /// Removes directories that have become empty, and makes the removal durable.
    pub(super) fn prune(&self, removed: &Path) {
        let kept = [self.root.clone(), self.own("notes")];
        for directory in removed.ancestors().skip(1) {
            if kept.iter().any(|kept| kept == directory) || fs::remove_dir(directory).is_err() {
                drop(File::open(directory).and_then(|directory| directory.sync_all()));
                return;
            }
        }
    }

    fn read_note(&self, key: &str) -> Option<Note> {
        let file = File::open(self.note(key)).ok()?;
        let mut text = Vec::new();
        file.take(MAX_NOTE_BYTES).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn remove_abandoned(&self) {
        let Ok(entries) = fs::read_dir(self.unfinished()) else { return };
        for entry in entries.flatten() {
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            let age = written.ok().and_then(|written| SystemTime::now().duration_since(written).ok());
            if age.is_some_and(|age| age > ABANDONED) {
                drop(fs::remove_file(entry.path()));
            }
        }
    }

    fn own(&self, name: &str) -> PathBuf {
        self.root.join(OWN).join(name)
    }

    fn unfinished(&self) -> PathBuf {
        self.own("unfinished")
    }

    fn note(&self, key: &str) -> PathBuf {
        self.own("notes").join(key)
    }
}

// === impl Aside ===

impl Aside {
    fn install(self, place: &Path) -> io::Result<()> {
        let directory = place.parent().unwrap_or_else(|| Path::new("."));
        make_directories(directory)?;
        fs::rename(&self.path, place)?;
        File::open(directory)?.sync_all()
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // In its place it has another name, and this removes nothing.
        drop(fs::remove_file(&self.path));
    }
}

// === impl Note ===

impl Note {
    pub(super) fn new(data: &[u8], written: &Aside, options: &PutObjectOptions) -> Result<Self> {
        let mut digest = Context::new(&SHA256);
        digest.update(data);
        let metadata = options.metadata.iter();
        Ok(Self {
            etag: hex::encode(digest.finish()),
            stamp: written.stamp,
            content_type: options.content_type.clone(),
            storage_class: options.storage_class.map(StorageClass::name).map(str::to_owned),
            metadata: metadata.map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect(),
            retention: options.retention,
            legal_hold: options.legal_hold,
        })
    }
}

// === impl Stamp ===

impl Stamp {
    fn of(status: &fs::Metadata) -> Self {
        Self { size: status.len(), seconds: status.mtime(), nanoseconds: status.mtime_nsec() }
    }
}

/// Makes directories for their owner only, each durable in the one above it.
fn make_directories(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let above = directory.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        make_directories(above)?;
    }
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !directory.is_dir() => Err(error),
        _ => File::open(above.unwrap_or_else(|| Path::new(".")))?.sync_all(),
    }
}

fn digest_of(mut file: &File) -> io::Result<String> {
    let mut digest = Context::new(&SHA256);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        let Some(read) = buffer.get(..read).filter(|read| !read.is_empty()) else { break };
        digest.update(read);
    }
    Ok(hex::encode(digest.finish()))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
