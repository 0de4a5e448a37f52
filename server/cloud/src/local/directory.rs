use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

use super::blocking;
use super::object_file::{Layout, Note, WriteLock};
use crate::storage::check_key;
use crate::{
    CloudError, CloudStorage, GetObjectOptions, Object, ObjectMetadata, ObjectPage, ObjectVersion,
    PutObjectOptions, Result,
};

/// Objects as files of a directory: the object `a/b` is the file `a/b`.
///
/// A write goes to a file of its own, is synced, and takes its place by one rename under a lock that all processes
/// share, so conditions (`if_none_match`, `if_match`) hold between processes, too. What is known of an object beside
/// its bytes lies under `.llm-shield`; files that something else has put into the directory are objects as well.
///
/// Retention and holds are kept by this program only: who may write to the directory can remove the file. There is one version of
/// an object, so one under retention can be neither replaced nor deleted. `a` and `a/b` cannot both be objects, a part
/// of a key has at most 255 bytes, and a key's first part is not `.llm-shield`. Storage classes are kept and have no
/// effect; `encryption` is refused.
#[derive(Clone)]
pub struct DirectoryStorage {
    layout: Arc<Layout>,
}

impl DirectoryStorage {
    /// Opens the directory, making it (for its owner only) when there is none.
    ///
    /// # Errors
    /// [`CloudError::AccessDenied`] or [`CloudError::Unavailable`] when it cannot be made or written.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self> {
        Ok(Self { layout: Arc::new(Layout::open(directory.into())?) })
    }

    /// Returns the directory.
    pub fn directory(&self) -> &Path {
        self.layout.root()
    }
}

impl std::fmt::Debug for DirectoryStorage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DirectoryStorage").field("directory", &self.directory()).finish()
    }
}

#[async_trait]
impl CloudStorage for DirectoryStorage {
    async fn get_object_with_options(&self, key: &str, options: &GetObjectOptions) -> Result<Object> {
        check_key(key)?;
        let (layout, key, options) = (Arc::clone(&self.layout), key.to_owned(), options.clone());
        blocking(move || get(&layout, &key, &options)).await
    }

    async fn put_object_with_options(
        &self,
        key: &str,
        data: Bytes,
        options: &PutObjectOptions,
    ) -> Result<ObjectVersion> {
        check_key(key)?;
        options.check()?;
        if options.encryption.is_some() {
            return Err(CloudError::invalid("a local directory does not encrypt objects"));
        }
        let (layout, key, options) = (Arc::clone(&self.layout), key.to_owned(), options.clone());
        blocking(move || put(&layout, &key, &data, &options)).await
    }

    async fn delete_object(&self, key: &str) -> Result<()> {
        check_key(key)?;
        let (layout, key) = (Arc::clone(&self.layout), key.to_owned());
        blocking(move || {
            let lock = layout.lock()?;
            match layout.metadata(&key) {
                Ok(there) => refuse_retained(&layout, &key, &there)?,
                Err(CloudError::NotFound { .. }) => return Ok(()),
                Err(error) => return Err(error),
            }
            layout.remove(&lock, &key)
        })
        .await
    }

    async fn list_page(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<ObjectPage> {
        let (layout, prefix) = (Arc::clone(&self.layout), prefix.to_owned());
        let start_after = start_after.map(str::to_owned);
        blocking(move || {
            let mut keys = layout.keys(&prefix)?;
            if let Some(start_after) = start_after {
                keys.retain(|key| *key > start_after);
            }
            let more = keys.len() > limit && limit > 0;
            keys.truncate(limit);
            let mut objects = Vec::with_capacity(keys.len());
            for key in keys {
                // One that went away meanwhile is not in the list.
                objects.extend(layout.listed(key)?);
            }
            let more = more && !objects.is_empty();
            Ok(ObjectPage { objects, more })
        })
        .await
    }

    async fn get_object_metadata(&self, key: &str) -> Result<ObjectMetadata> {
        check_key(key)?;
        let (layout, key) = (Arc::clone(&self.layout), key.to_owned());
        blocking(move || layout.metadata(&key)).await
    }

    async fn set_legal_hold(&self, key: &str, hold: bool) -> Result<()> {
        check_key(key)?;
        let (layout, key) = (Arc::clone(&self.layout), key.to_owned());
        blocking(move || {
            let lock = layout.lock()?;
            let known = layout.metadata(&key)?;
            layout.set_legal_hold(&lock, &key, known, hold)
        })
        .await
    }

    async fn copy_object(&self, from: &str, to: &str) -> Result<()> {
        let object = self.get_object_with_options(from, &GetObjectOptions::default()).await?;
        let ObjectMetadata { content_type, storage_class, metadata, .. } = object.metadata;
        let options = PutObjectOptions {
            content_type,
            storage_class: Some(storage_class),
            metadata,
            ..PutObjectOptions::default()
        };
        self.put_object_with_options(to, object.data, &options).await?;
        Ok(())
    }
}

fn get(layout: &Layout, key: &str, options: &GetObjectOptions) -> Result<Object> {
    let failed = |error| CloudError::from_io(key, error);
    // The bytes are those of one file, whatever happens to its name meanwhile.
    let mut file = layout.open_object(key)?;
    let metadata = layout.metadata_of(key, &file)?;
    if options.if_match.is_some() && options.if_match != metadata.etag {
        return Err(CloudError::Conflict { what: key.to_owned() });
    }
    let range = match options.range {
        Some(range) => range.within(metadata.size)?,
        None => 0..metadata.size,
    };
    let length = range.end - range.start;
    let mut data = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
    file.take(length).read_to_end(&mut data).map_err(failed)?;
    if let Some(progress) = &options.progress {
        progress.tell(length, length);
    }
    Ok(Object { data: data.into(), metadata })
}

fn put(layout: &Layout, key: &str, data: &[u8], options: &PutObjectOptions) -> Result<ObjectVersion> {
    // The slow part, before the lock.
    let content = layout.write_aside(data).map_err(|error| CloudError::from_io(key, error))?;
    let note = Note::new(data, &content, options)?;
    let lock = layout.lock()?;
    let there = found(layout.metadata(key))?;
    let conflict = || CloudError::Conflict { what: key.to_owned() };
    match &there {
        Some(_) if options.if_none_match => return Err(conflict()),
        Some(there) if options.if_match.is_some() && options.if_match != there.etag => {
            return Err(conflict());
        }
        None if options.if_match.is_some() => return Err(conflict()),
        Some(there) => refuse_retained(layout, key, there)?,
        None => {}
    }
    let etag = note.etag.clone();
    layout.install(&lock, key, content, &note)?;
    if let Some(progress) = &options.progress {
        let size = u64::try_from(data.len()).unwrap_or(u64::MAX);
        progress.tell(size, size);
    }
    Ok(ObjectVersion { etag: Some(etag), version_id: None })
}

fn refuse_retained(layout: &Layout, key: &str, there: &ObjectMetadata) -> Result<()> {
    if layout.is_held(key) {
        let source = Some("it is under a legal hold".into());
        return Err(CloudError::AccessDenied { what: key.to_owned(), source });
    }
    if there.retention.is_some_and(|retention| retention.holds_at(SystemTime::now())) {
        let source = Some("it is under retention".into());
        return Err(CloudError::AccessDenied { what: key.to_owned(), source });
    }
    Ok(())
}

fn found<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(CloudError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Layout {
    fn open_object(&self, key: &str) -> Result<File> {
        let file = File::open(self.object(key)?).map_err(|error| missing(key, error))?;
        let metadata = file.metadata().map_err(|error| CloudError::from_io(key, error))?;
        if metadata.is_file() { Ok(file) } else { Err(CloudError::NotFound { what: key.to_owned() }) }
    }

    fn metadata(&self, key: &str) -> Result<ObjectMetadata> {
        let file = self.open_object(key)?;
        self.metadata_of(key, &file)
    }

    fn remove(&self, _lock: &WriteLock, key: &str) -> Result<()> {
        let path = self.object(key)?;
        fs::remove_file(&path).map_err(|error| CloudError::from_io(key, error))?;
        self.remove_note(key);
        self.prune(&path);
        Ok(())
    }
}

/// A part of the key that is a file, not a directory, means that there is no such object.
fn missing(key: &str, error: io::Error) -> CloudError {
    match error.kind() {
        io::ErrorKind::NotADirectory => CloudError::NotFound { what: key.to_owned() },
        _ => CloudError::from_io(key, error),
    }
}
