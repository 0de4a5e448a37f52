//! Objects: named, whole, immutable pieces of bytes.

mod options;
mod retention;

use std::{fmt, time::SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

pub use self::{
    options::{ByteRange, Checksum, GetObjectOptions, Progress, PutObjectOptions, StorageClass},
    retention::{Retention, RetentionMode},
};
use crate::{CloudError, Result};

/// The longest key that every provider takes, in bytes.
pub const MAX_KEY_BYTES: usize = 1024;

/// The most keys that one request of a provider deletes; [`CloudStorage::delete_objects`] takes any number.
pub const MAX_DELETE_BATCH: usize = 1000;

/// Keeps objects under keys such as `scan-results/acme/000001.seg`.
///
/// A write is all or nothing: a reader sees the object before it or after it. Writes are durable when they return.
/// Keys are UTF-8 of 1 to 1024 bytes, parts divided by `/`; no part is empty, `.` or `..`. Lists are in the order of
/// the keys' bytes.
///
/// Beyond what each method says, all of them fail with [`Invalid`](CloudError::Invalid) for a key that cannot be, with
/// [`AccessDenied`](CloudError::AccessDenied), [`Throttled`](CloudError::Throttled) and
/// [`Unavailable`](CloudError::Unavailable) as the provider does, and with [`NotFound`](CloudError::NotFound) when the
/// store itself (a bucket) does not exist. Implementations retry what is transient for some seconds, not longer.
#[async_trait]
pub trait CloudStorage: fmt::Debug + Send + Sync {
    /// Returns an object's bytes, whole or in part, and what is known of it.
    ///
    /// # Errors
    /// [`NotFound`](CloudError::NotFound); [`Conflict`](CloudError::Conflict) when it is not the one that
    /// `options.if_match` names; [`Invalid`](CloudError::Invalid) for a range that begins behind its end.
    async fn get_object_with_options(&self, key: &str, options: &GetObjectOptions) -> Result<Object>;

    /// Writes an object.
    ///
    /// # Errors
    /// [`Conflict`](CloudError::Conflict) when a condition of `options` does not hold;
    /// [`AccessDenied`](CloudError::AccessDenied) when what is there is under retention and the store keeps no versions.
    async fn put_object_with_options(
        &self,
        key: &str,
        data: Bytes,
        options: &PutObjectOptions,
    ) -> Result<ObjectVersion>;

    /// Deletes an object. That there is none is no error.
    ///
    /// A store with versions puts a mark of deletion over the object, which is then gone for every reader here, and
    /// keeps the version under it, also while that is under retention.
    ///
    /// # Errors
    /// [`AccessDenied`](CloudError::AccessDenied) when it is under retention and the store keeps no versions.
    async fn delete_object(&self, key: &str) -> Result<()>;

    /// Returns up to `limit` objects whose keys begin with `prefix` and are greater than `start_after`.
    ///
    /// # Errors
    /// As the provider fails.
    async fn list_page(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<ObjectPage>;

    /// Returns what is known of an object, without its bytes.
    ///
    /// # Errors
    /// [`NotFound`](CloudError::NotFound).
    async fn get_object_metadata(&self, key: &str) -> Result<ObjectMetadata>;

    /// Copies an object with its metadata, within the store. What is at `to` is replaced; retention is not copied.
    ///
    /// # Errors
    /// [`NotFound`](CloudError::NotFound); as [`put_object_with_options`](Self::put_object_with_options).
    async fn copy_object(&self, from: &str, to: &str) -> Result<()>;

    /// Puts a hold on an object, or takes it away. Under one it can be neither deleted nor replaced, whatever its
    /// retention.
    ///
    /// # Errors
    /// [`NotFound`](CloudError::NotFound); [`Invalid`](CloudError::Invalid) where the store has no such thing.
    async fn set_legal_hold(&self, key: &str, hold: bool) -> Result<()> {
        let _: (&str, bool) = (key, hold);
        Err(CloudError::invalid("this store has no legal hold"))
    }

    /// Returns an object's bytes.
    ///
    /// # Errors
    /// [`NotFound`](CloudError::NotFound).
    async fn get_object(&self, key: &str) -> Result<Bytes> {
        Ok(self.get_object_with_options(key, &GetObjectOptions::default()).await?.data)
    }

    /// Writes an object with no options; what is there is replaced.
    ///
    /// # Errors
    /// As [`put_object_with_options`](Self::put_object_with_options).
    async fn put_object(&self, key: &str, data: Bytes) -> Result<ObjectVersion> {
        self.put_object_with_options(key, data, &PutObjectOptions::default()).await
    }

    /// Deletes objects, and returns those that could not be, with the reason for each.
    ///
    /// # Errors
    /// Nothing could be deleted at all.
    async fn delete_objects(&self, keys: &[String]) -> Result<Vec<(String, CloudError)>> {
        let mut failed = Vec::new();
        for key in keys {
            if let Err(error) = self.delete_object(key).await {
                failed.push((key.clone(), error));
            }
        }
        Ok(failed)
    }

    /// Returns all keys that begin with `prefix`, page after page.
    ///
    /// # Errors
    /// As the provider fails.
    async fn list_objects(&self, prefix: &str) -> Result<Vec<String>> {
        self.list_objects_with_limit(prefix, usize::MAX).await
    }

    /// Returns the first `limit` keys that begin with `prefix`.
    ///
    /// # Errors
    /// As the provider fails.
    async fn list_objects_with_limit(&self, prefix: &str, limit: usize) -> Result<Vec<String>> {
        let mut keys: Vec<String> = Vec::new();
        while keys.len() < limit {
            let page = self.list_page(prefix, keys.last().map(String::as_str), limit - keys.len()).await?;
            keys.extend(page.objects.into_iter().map(|object| object.key));
            if !page.more {
                break;
            }
        }
        Ok(keys)
    }

    /// Returns all objects whose keys begin with `prefix`, page after page, with what a list tells of them.
    ///
    /// # Errors
    /// As the provider fails.
    async fn list_objects_with_metadata(&self, prefix: &str) -> Result<Vec<ListedObject>> {
        let mut objects: Vec<ListedObject> = Vec::new();
        loop {
            let last = objects.last().map(|object| object.key.as_str());
            let page = self.list_page(prefix, last, usize::MAX).await?;
            objects.extend(page.objects);
            if !page.more {
                return Ok(objects);
            }
        }
    }

    /// Returns whether there is an object.
    ///
    /// # Errors
    /// As the provider fails; that there is none is `Ok(false)`.
    async fn object_exists(&self, key: &str) -> Result<bool> {
        match self.get_object_metadata(key).await {
            Ok(_) => Ok(true),
            Err(CloudError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Copies an object, then deletes the original. When that fails, both are there.
    ///
    /// # Errors
    /// As [`copy_object`](Self::copy_object) and [`delete_object`](Self::delete_object);
    /// [`Invalid`](CloudError::Invalid) when both keys are the same.
    async fn move_object(&self, from: &str, to: &str) -> Result<()> {
        if from == to {
            return Err(CloudError::invalid("an object cannot be moved onto itself"));
        }
        self.copy_object(from, to).await?;
        self.delete_object(from).await
    }
}

/// An object, or a part of one.
#[derive(Clone)]
pub struct Object {
    /// The bytes of the object, or of the range that was asked for.
    pub data: Bytes,
    /// What is known of the whole object.
    pub metadata: ObjectMetadata,
}

impl fmt::Debug for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Object")
            .field("bytes", &self.data.len())
            .field("metadata", &self.metadata)
            .finish()
    }
}

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMetadata {
    /// Its size in bytes, whole.
    pub size: u64,
    /// When it was written.
    pub last_modified: Option<SystemTime>,
    /// Its media type, where one was given.
    pub content_type: Option<String>,
    /// Changes with its content; opaque, not a digest. Compared with `if_match`.
    pub etag: Option<String>,
    /// Where it is kept; [`StorageClass::Standard`] where nothing else was asked for.
    pub storage_class: StorageClass,
    /// Names and values that were given with it. Names are in small letters.
    pub metadata: std::collections::BTreeMap<String, String>,
    /// Until when it can be neither deleted nor replaced.
    pub retention: Option<Retention>,
    /// Its version, in a store that keeps versions.
    pub version_id: Option<String>,
}

/// Names what a write has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectVersion {
    /// As [`ObjectMetadata::etag`].
    pub etag: Option<String>,
    /// As [`ObjectMetadata::version_id`].
    pub version_id: Option<String>,
}

/// An object in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written.
    pub last_modified: Option<SystemTime>,
    /// As [`ObjectMetadata::etag`], where a list tells it.
    pub etag: Option<String>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPage {
    /// The objects, in the order of their keys' bytes.
    pub objects: Vec<ListedObject>,
    /// Whether there are more behind the last of them. Never true of a page without objects.
    pub more: bool,
}

/// Checks what every provider asks of a key.
///
/// # Errors
/// [`CloudError::Invalid`].
pub fn check_key(key: &str) -> Result<()> {
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        return Err(CloudError::invalid(format!("an object's key has 1 to {MAX_KEY_BYTES} bytes")));
    }
    if key.contains('\0') || key.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(CloudError::invalid(
            "the parts of an object's key are not empty, `.` or `..`, and hold no NUL",
        ));
    }
    Ok(())
}
