//! An object store that fails when it is told to.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use llm_shield_audit::{ArchiveOptions, AuditLog, AuditOptions};
use llm_shield_cloud::local::DirectoryStorage;
use llm_shield_cloud::storage::{
    GetObjectOptions, Object, ObjectMetadata, ObjectPage, ObjectVersion, PutObjectOptions,
};
use llm_shield_cloud::{CloudError, CloudStorage, Result};

use crate::support::{Home, record};

/// A directory that can be told to be away, in all the ways of an object store, and counts what is written.
#[derive(Debug)]
pub(crate) struct Unsteady {
    pub(crate) storage: DirectoryStorage,
    pub(crate) away: AtomicBool,
    pub(crate) refusals: AtomicU64,
    pub(crate) writes: AtomicU64,
}

impl Unsteady {
    async fn check(&self) -> Result<()> {
        if !self.away.load(Ordering::Relaxed) {
            return Ok(());
        }
        let what = "objects".to_owned();
        match self.refusals.fetch_add(1, Ordering::Relaxed) % 4 {
            0 => Err(CloudError::Throttled { what, retry_after: None }),
            1 => Err(CloudError::Unavailable { what, source: Some("500 Internal Server Error".into()) }),
            2 => Err(CloudError::AccessDenied { what, source: None }),
            _ => std::future::pending().await,
        }
    }
}

#[expect(clippy::panic, reason = "what is never asked for")]
#[async_trait]
impl CloudStorage for Unsteady {
    async fn get_object_with_options(&self, key: &str, options: &GetObjectOptions) -> Result<Object> {
        self.check().await?;
        self.storage.get_object_with_options(key, options).await
    }

    async fn put_object_with_options(
        &self,
        key: &str,
        data: Bytes,
        options: &PutObjectOptions,
    ) -> Result<ObjectVersion> {
        self.check().await?;
        assert!(options.if_none_match, "objects are written once");
        let written = self.storage.put_object_with_options(key, data, options).await?;
        self.writes.fetch_add(1, Ordering::Relaxed);
        Ok(written)
    }

    async fn set_legal_hold(&self, key: &str, hold: bool) -> Result<()> {
        self.check().await?;
        self.storage.set_legal_hold(key, hold).await
    }

    async fn delete_object(&self, key: &str) -> Result<()> {
        panic!("nothing of an audit log is deleted: {key}");
    }

    async fn list_page(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<ObjectPage> {
        self.check().await?;
        self.storage.list_page(prefix, start_after, limit).await
    }

    async fn get_object_metadata(&self, key: &str) -> Result<ObjectMetadata> {
        self.check().await?;
        self.storage.get_object_metadata(key).await
    }

    async fn copy_object(&self, _from: &str, to: &str) -> Result<()> {
        panic!("nothing of an audit log is copied: {to}");
    }
}

pub(crate) fn storage_in(directory: &Path) -> Arc<Unsteady> {
    let storage = DirectoryStorage::open(directory).unwrap();
    Arc::new(Unsteady {
        storage,
        away: AtomicBool::new(false),
        refusals: AtomicU64::new(0),
        writes: AtomicU64::new(0),
    })
}

pub(crate) fn options(home: &Home, storage: &Arc<Unsteady>) -> AuditOptions {
    let storage = Arc::clone(storage) as Arc<dyn CloudStorage>;
    let archive = ArchiveOptions { patience: Duration::from_secs(4), ..ArchiveOptions::new(storage) };
    AuditOptions { segment_bytes: 4_000, archive: Some(archive), ..home.options() }
}

/// Returns the files below a directory, without those that the directory storage keeps for itself.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with(".llm-shield") {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub(crate) fn segments_in(directory: &Path) -> Vec<PathBuf> {
    files(directory).into_iter().filter(|file| file.extension().is_some_and(|it| it == "seg")).collect()
}

pub(crate) async fn fill(log: &AuditLog, from: usize, count: usize) {
    for number in from..from + count {
        log.append(record("acme", &number.to_string())).await.unwrap();
    }
}

pub(crate) fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}
