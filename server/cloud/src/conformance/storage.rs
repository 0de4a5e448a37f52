use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::expect_error;
use crate::{
    ByteRange, Checksum, CloudError, CloudStorage, GetObjectOptions, Progress, PutObjectOptions, Retention,
    RetentionMode, StorageClass,
};

/// In what implementations may differ.
#[derive(Debug, Clone, Copy)]
pub struct StorageTraits {
    /// The size of an object that is written in parts, and of another that is not.
    pub sizes: [usize; 2],
    /// Whether it keeps objects under retention from being replaced or deleted, by an error.
    pub refuses_retained: bool,
    /// How many of the sizes it keeps retention for, from the first on. An emulator may know less than what it stands for.
    pub retention: usize,
}

/// Runs everything over `storage`, below `prefix` (which ends with `/`).
pub async fn storage(storage: Arc<dyn CloudStorage>, prefix: &str, traits: StorageTraits) {
    let case = Case { storage, prefix: prefix.to_owned(), traits };
    case.reads_what_was_written().await;
    case.options_hold_at_every_size().await;
    case.ranges().await;
    case.conditions().await;
    case.one_of_many_writers_wins().await;
    case.lists().await;
    case.copies_and_moves().await;
    case.bad_keys().await;
    if traits.retention > 0 {
        case.retention().await;
    }
}

struct Case {
    storage: Arc<dyn CloudStorage>,
    prefix: String,
    traits: StorageTraits,
}

impl Case {
    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn content(size: usize) -> Bytes {
        // Bytes that differ between parts, so that parts in the wrong order show.
        let slow = (0..=u8::MAX).flat_map(|byte| std::iter::repeat_n(byte, 251)).cycle();
        (0..251).cycle().zip(slow).map(|(fast, slow): (u8, u8)| fast ^ slow).take(size).collect()
    }

    async fn reads_what_was_written(&self) {
        let key = self.key("plain/ä b+c.txt");
        expect_error(self.storage.get_object(&key).await, "not found");
        expect_error(self.storage.get_object_metadata(&key).await, "not found");
        assert!(!self.storage.object_exists(&key).await.unwrap());
        let before = self.storage.put_object(&key, Bytes::from_static(b"one")).await.unwrap();
        assert_eq!(self.storage.get_object(&key).await.unwrap(), "one");
        let after = self.storage.put_object(&key, Bytes::from_static(b"two!")).await.unwrap();
        assert_ne!(before.etag, after.etag);
        assert_eq!(self.storage.get_object(&key).await.unwrap(), "two!");
        let metadata = self.storage.get_object_metadata(&key).await.unwrap();
        assert_eq!((metadata.size, &metadata.etag), (4, &after.etag));
        assert_eq!(metadata.storage_class, StorageClass::Standard);
        let age = SystemTime::now().duration_since(metadata.last_modified.unwrap()).unwrap_or_default();
        assert!(age < Duration::from_secs(3600), "{age:?}");
        assert!(self.storage.object_exists(&key).await.unwrap());
        self.storage.delete_object(&key).await.unwrap();
        expect_error(self.storage.get_object(&key).await, "not found");
        self.storage.delete_object(&key).await.unwrap();
        let empty = self.key("plain/empty");
        self.storage.put_object(&empty, Bytes::new()).await.unwrap();
        assert!(self.storage.get_object(&empty).await.unwrap().is_empty());
        self.storage.delete_object(&empty).await.unwrap();
    }

    async fn options_hold_at_every_size(&self) {
        for size in self.traits.sizes {
            for checksum in [Checksum::Crc32, Checksum::Crc32c, Checksum::Sha256] {
                let key = self.key(&format!("options/{size}"));
                let told = Arc::new(AtomicU64::new(0));
                let progress = {
                    let told = Arc::clone(&told);
                    Progress::new(move |done, whole| {
                        assert!(done <= whole);
                        told.fetch_max(done, Ordering::Relaxed);
                    })
                };
                let options = PutObjectOptions {
                    content_type: Some("application/x-test".to_owned()),
                    storage_class: Some(StorageClass::IntelligentTiering),
                    metadata: [("purpose".to_owned(), "a test".to_owned())].into(),
                    checksum,
                    progress: Some(progress.clone()),
                    ..PutObjectOptions::default()
                };
                let content = Self::content(size);
                let written =
                    self.storage.put_object_with_options(&key, content.clone(), &options).await.unwrap();
                assert_eq!(told.swap(0, Ordering::Relaxed), size as u64);
                let options = GetObjectOptions { progress: Some(progress), ..GetObjectOptions::default() };
                let object = self.storage.get_object_with_options(&key, &options).await.unwrap();
                assert!(object.data == content, "{size} bytes come back as they were");
                assert_eq!(told.load(Ordering::Relaxed), size as u64);
                for metadata in [object.metadata, self.storage.get_object_metadata(&key).await.unwrap()] {
                    assert_eq!(metadata.size, size as u64);
                    assert_eq!(metadata.content_type.as_deref(), Some("application/x-test"));
                    assert_eq!(metadata.storage_class, StorageClass::IntelligentTiering);
                    assert_eq!(metadata.metadata.get("purpose").map(String::as_str), Some("a test"));
                    assert_eq!(metadata.etag, written.etag);
                }
                self.storage.delete_object(&key).await.unwrap();
            }
        }
        let options = PutObjectOptions {
            metadata: [("two\nlines".to_owned(), String::new())].into(),
            ..PutObjectOptions::default()
        };
        let refused = self.storage.put_object_with_options(&self.key("bad"), Bytes::new(), &options).await;
        expect_error(refused, "invalid");
    }

    async fn ranges(&self) {
        let key = self.key("ranges");
        self.storage.put_object(&key, Bytes::from_static(b"0123456789")).await.unwrap();
        for (range, expected) in [
            (ByteRange::Between(0, 1), "0"),
            (ByteRange::Between(3, 6), "345"),
            (ByteRange::Between(8, 100), "89"),
            (ByteRange::From(7), "789"),
            (ByteRange::Last(2), "89"),
            (ByteRange::Last(20), "0123456789"),
        ] {
            let options = GetObjectOptions { range: Some(range), ..GetObjectOptions::default() };
            let object = self.storage.get_object_with_options(&key, &options).await.unwrap();
            assert_eq!(object.data, expected, "{range:?}");
            assert_eq!(object.metadata.size, 10, "the size of the whole");
        }
        for range in
            [ByteRange::From(10), ByteRange::Between(12, 14), ByteRange::Between(4, 4), ByteRange::Last(0)]
        {
            let options = GetObjectOptions { range: Some(range), ..GetObjectOptions::default() };
            expect_error(self.storage.get_object_with_options(&key, &options).await, "invalid");
        }
        self.storage.delete_object(&key).await.unwrap();
    }

    async fn conditions(&self) {
        for size in self.traits.sizes {
            let key = self.key(&format!("conditions/{size}"));
            let content = Self::content(size);
            let absent =
                PutObjectOptions { if_match: Some("\"etag\"".to_owned()), ..PutObjectOptions::default() };
            let replaced = self.storage.put_object_with_options(&key, content.clone(), &absent).await;
            expect_error(replaced, "conflict");
            let once = PutObjectOptions { if_none_match: true, ..PutObjectOptions::default() };
            let first = self.storage.put_object_with_options(&key, content.clone(), &once).await.unwrap();
            let again = self.storage.put_object_with_options(&key, Bytes::from_static(b"x"), &once).await;
            expect_error(again, "conflict");
            let again = self.storage.put_object_with_options(&key, Self::content(size + 1), &once).await;
            expect_error(again, "conflict");
            assert!(
                self.storage.get_object(&key).await.unwrap() == content,
                "a refused write changes nothing"
            );

            let matching = PutObjectOptions { if_match: first.etag.clone(), ..PutObjectOptions::default() };
            let second =
                self.storage.put_object_with_options(&key, Self::content(size + 2), &matching).await.unwrap();
            expect_error(
                self.storage.put_object_with_options(&key, content.clone(), &matching).await,
                "conflict",
            );
            let reading =
                |etag: Option<String>| GetObjectOptions { if_match: etag, ..GetObjectOptions::default() };
            self.storage.get_object_with_options(&key, &reading(second.etag)).await.unwrap();
            let old = self.storage.get_object_with_options(&key, &reading(first.etag)).await;
            expect_error(old, "conflict");
            self.storage.delete_object(&key).await.unwrap();
            self.storage.put_object_with_options(&key, content, &once).await.unwrap();
            self.storage.delete_object(&key).await.unwrap();
        }
        let both = PutObjectOptions {
            if_none_match: true,
            if_match: Some("x".to_owned()),
            ..PutObjectOptions::default()
        };
        let refused = self.storage.put_object_with_options(&self.key("both"), Bytes::new(), &both).await;
        expect_error(refused, "invalid");
    }

    async fn one_of_many_writers_wins(&self) {
        let key = self.key("race");
        let writers = (0..8).map(|writer: u8| {
            let (storage, key) = (Arc::clone(&self.storage), key.clone());
            tokio::spawn(async move {
                let once = PutObjectOptions { if_none_match: true, ..PutObjectOptions::default() };
                let written = storage.put_object_with_options(&key, Bytes::from(vec![writer]), &once).await;
                match written {
                    Ok(_) => Some(writer),
                    Err(CloudError::Conflict { .. }) => None,
                    Err(error) => panic!("{error:?}"),
                }
            })
        });
        let mut winners = Vec::new();
        for writer in writers.collect::<Vec<_>>() {
            winners.extend(writer.await.unwrap());
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert_eq!(self.storage.get_object(&key).await.unwrap(), winners);
        self.storage.delete_object(&key).await.unwrap();
    }

    async fn lists(&self) {
        let names = ["list/a-b", "list/a/1", "list/b/10", "list/b/2", "list/ü"];
        let names: Vec<String> = names.iter().map(|name| self.key(name)).collect();
        for key in names.iter().rev() {
            self.storage.put_object(key, Bytes::from_static(b"12345")).await.unwrap();
        }
        let prefix = self.key("list/");
        assert_eq!(self.storage.list_objects(&prefix).await.unwrap(), names);
        assert_eq!(
            self.storage.list_objects_with_limit(&prefix, 2).await.unwrap(),
            names.iter().take(2).cloned().collect::<Vec<_>>()
        );
        assert!(self.storage.list_objects_with_limit(&prefix, 0).await.unwrap().is_empty());
        let below = self.storage.list_objects(&self.key("list/b")).await.unwrap();
        assert_eq!(below, [self.key("list/b/10"), self.key("list/b/2")]);
        assert!(self.storage.list_objects(&self.key("list/none")).await.unwrap().is_empty());
        let mut paged = Vec::new();
        loop {
            let last = paged.last().map(String::as_str);
            let page = self.storage.list_page(&prefix, last, 2).await.unwrap();
            assert!(page.objects.len() <= 2);
            paged.extend(page.objects.into_iter().map(|object| object.key));
            if !page.more {
                break;
            }
        }
        assert_eq!(paged, names);
        let objects = self.storage.list_objects_with_metadata(&prefix).await.unwrap();
        assert!(objects.iter().all(|object| object.size == 5 && object.last_modified.is_some()));
        assert_eq!(objects.len(), names.len());
        let mut doomed = names.clone();
        doomed.push(self.key("list/never-there"));
        assert!(self.storage.delete_objects(&doomed).await.unwrap().is_empty());
        assert!(self.storage.list_objects(&prefix).await.unwrap().is_empty());
        assert!(self.storage.delete_objects(&[]).await.unwrap().is_empty());
    }

    async fn copies_and_moves(&self) {
        let (from, to) = (self.key("move/from"), self.key("move/to/here ü"));
        expect_error(self.storage.copy_object(&from, &to).await, "not found");
        let options = PutObjectOptions {
            content_type: Some("text/plain".to_owned()),
            metadata: [("kept".to_owned(), "yes".to_owned())].into(),
            ..PutObjectOptions::default()
        };
        self.storage.put_object_with_options(&from, Bytes::from_static(b"moved"), &options).await.unwrap();
        self.storage.copy_object(&from, &to).await.unwrap();
        assert!(self.storage.object_exists(&from).await.unwrap());
        self.storage.move_object(&from, &to).await.unwrap();
        assert!(!self.storage.object_exists(&from).await.unwrap());
        let metadata = self.storage.get_object_metadata(&to).await.unwrap();
        assert_eq!(metadata.content_type.as_deref(), Some("text/plain"));
        assert_eq!(metadata.metadata.get("kept").map(String::as_str), Some("yes"));
        assert_eq!(self.storage.get_object(&to).await.unwrap(), "moved");
        expect_error(self.storage.move_object(&to, &to).await, "invalid");
        self.storage.delete_object(&to).await.unwrap();
    }

    async fn bad_keys(&self) {
        let long = "k".repeat(1025);
        for key in ["", "/a", "a//b", "a/", "../a", "a/../b", "a/./b", "a\0b", &long] {
            expect_error(self.storage.put_object(key, Bytes::new()).await, "invalid");
            expect_error(self.storage.get_object(key).await, "invalid");
            expect_error(self.storage.delete_object(key).await, "invalid");
            expect_error(self.storage.get_object_metadata(key).await, "invalid");
            expect_error(self.storage.copy_object(key, &self.key("x")).await, "invalid");
        }
    }

    async fn retention(&self) {
        let until = SystemTime::now() + Duration::from_secs(3);
        for size in self.traits.sizes.into_iter().take(self.traits.retention) {
            let key = self.key(&format!("retained/{size}"));
            let retention = Retention { mode: RetentionMode::Governance, until };
            let options = PutObjectOptions { retention: Some(retention), ..PutObjectOptions::default() };
            let content = Self::content(size);
            self.storage.put_object_with_options(&key, content.clone(), &options).await.unwrap();
            let kept = self.storage.get_object_metadata(&key).await.unwrap().retention.unwrap();
            assert_eq!(kept.mode, RetentionMode::Governance);
            let apart = kept.until.duration_since(until).unwrap_or_else(|earlier| earlier.duration());
            assert!(apart < Duration::from_secs(1), "{apart:?}");
            if self.traits.refuses_retained {
                expect_error(self.storage.delete_object(&key).await, "access denied");
                expect_error(self.storage.put_object(&key, Bytes::new()).await, "access denied");
                assert!(self.storage.get_object(&key).await.unwrap() == content);
            }
        }
        tokio::time::sleep(Duration::from_secs(4)).await;
        for size in self.traits.sizes.into_iter().take(self.traits.retention) {
            self.storage.delete_object(&self.key(&format!("retained/{size}"))).await.unwrap();
        }
    }
}
