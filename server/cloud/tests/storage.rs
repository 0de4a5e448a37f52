//! Objects in a directory, through the suite that all stores pass, and what is particular to files.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its case fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use llm_shield_cloud::conformance::{self, StorageTraits};
use llm_shield_cloud::local::DirectoryStorage;
use llm_shield_cloud::{CloudError, CloudStorage, PutObjectOptions, Retention, RetentionMode};

fn store() -> (tempfile::TempDir, DirectoryStorage) {
    let directory = tempfile::tempdir().unwrap();
    let store = DirectoryStorage::open(directory.path().join("store")).unwrap();
    (directory, store)
}

#[tokio::test]
async fn conforms() {
    let (_directory, store) = store();
    let traits = StorageTraits { sizes: [10, 100_000], refuses_retained: true, retention: 2 };
    conformance::storage(Arc::new(store.clone()), "deep/below/", traits).await;
    let left: Vec<_> =
        fs::read_dir(store.directory()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".llm-shield"], "empty directories go with the last object in them");
    assert_eq!(fs::read_dir(store.directory().join(".llm-shield/unfinished")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_object_is_a_file_and_a_file_an_object() {
    let (_directory, store) = store();
    store.put_object("a/b", Bytes::from_static(b"ours")).await.unwrap();
    let path = store.directory().join("a/b");
    assert_eq!(fs::read(&path).unwrap(), b"ours");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(store.directory().join("a/c"), b"theirs").unwrap();
    assert_eq!(store.list_objects("a/").await.unwrap(), ["a/b", "a/c"]);
    assert_eq!(store.get_object("a/c").await.unwrap(), "theirs");
    let before = store.get_object_metadata("a/b").await.unwrap().etag;
    fs::write(&path, b"edit").unwrap();
    assert_ne!(store.get_object_metadata("a/b").await.unwrap().etag, before);
}

#[tokio::test]
async fn what_a_file_cannot_be_is_refused() {
    let (_directory, store) = store();
    store.put_object("a", Bytes::new()).await.unwrap();
    store.put_object("b/c", Bytes::new()).await.unwrap();
    let long = "x".repeat(256);
    for key in ["a/b", "b", ".llm-shield/lock", &long] {
        let error = store.put_object(key, Bytes::new()).await.unwrap_err();
        assert!(matches!(error, CloudError::Invalid { .. }), "{key}: {error:?}");
    }
    assert!(matches!(store.get_object("a/b").await, Err(CloudError::NotFound { .. })));
    assert!(matches!(store.get_object("b").await, Err(CloudError::NotFound { .. })));
    assert_eq!(store.list_objects("").await.unwrap(), ["a", "b/c"]);
    assert!(store.list_objects("../").await.unwrap().is_empty());
    let encrypted = PutObjectOptions { encryption: Some("key".to_owned()), ..PutObjectOptions::default() };
    let refused = store.put_object_with_options("d", Bytes::new(), &encrypted).await;
    assert!(matches!(refused, Err(CloudError::Invalid { .. })));
}

#[tokio::test]
async fn retention_survives_a_new_start() {
    let (_directory, store) = store();
    let until = SystemTime::now() + Duration::from_secs(600);
    let retention = Some(Retention { mode: RetentionMode::Compliance, until });
    let options = PutObjectOptions { retention, ..PutObjectOptions::default() };
    store.put_object_with_options("kept", Bytes::from_static(b"1"), &options).await.unwrap();
    let store = DirectoryStorage::open(store.directory()).unwrap();
    assert!(matches!(store.delete_object("kept").await, Err(CloudError::AccessDenied { .. })));
}

#[tokio::test]
async fn a_link_out_of_the_store_is_not_listed() {
    let (directory, store) = store();
    fs::write(directory.path().join("outside"), b"secret").unwrap();
    std::os::unix::fs::symlink(directory.path(), store.directory().join("link")).unwrap();
    assert!(store.list_objects("").await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_held_stays_until_it_is_released() {
    let (_directory, store) = store();
    let held = PutObjectOptions { legal_hold: true, ..PutObjectOptions::default() };
    store.put_object_with_options("a", Bytes::from_static(b"1"), &held).await.unwrap();
    store.put_object("b", Bytes::from_static(b"1")).await.unwrap();
    store.set_legal_hold("b", true).await.unwrap();
    for key in ["a", "b"] {
        let refused = store.delete_object(key).await.unwrap_err();
        assert!(matches!(refused, CloudError::AccessDenied { .. }), "{refused:?}");
        assert!(store.put_object(key, Bytes::from_static(b"2")).await.is_err());
        assert_eq!(store.get_object(key).await.unwrap(), "1");
        store.set_legal_hold(key, false).await.unwrap();
        store.delete_object(key).await.unwrap();
    }
    assert!(matches!(store.set_legal_hold("c", true).await, Err(CloudError::NotFound { .. })));
}
