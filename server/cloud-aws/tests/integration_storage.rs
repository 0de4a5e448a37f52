//! S3.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its case fails")]

mod common;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use common::{Place, everywhere, harmed};
use llm_shield_aws_emulator::Fault;
use llm_shield_cloud::{
    CloudError, CloudStorage, GetObjectOptions, PutObjectOptions, Retention, RetentionMode,
    conformance::{self, StorageTraits},
};
use llm_shield_cloud_aws::{AwsS3Storage, S3Options};

everywhere! { conforms, a_kms_key_encrypts_objects_of_every_size, many_are_deleted, a_missing_bucket_is_told, }

/// Three parts, the last one short.
const LARGE: usize = (16 << 20) + 12_345;

async fn conforms(place: Place) {
    let (storage, prefix) = place.storage().await;
    storage.check().await.unwrap();
    let retention = match (place.account, std::env::var_os("TEST_S3_OBJECT_LOCK")) {
        // moto forgets the retention of multipart uploads.
        (false, _) => 1,
        (true, Some(_)) => 2,
        // A bucket of an account need not have Object Lock.
        (true, None) => 0,
    };
    let traits = StorageTraits { sizes: [10, LARGE], refuses_retained: false, retention };
    conformance::storage(Arc::new(storage), &prefix, traits).await;
}

async fn a_kms_key_encrypts_objects_of_every_size(place: Place) {
    let kms = aws_sdk_kms::Client::new(place.aws.config());
    let key =
        kms.create_key().description("llm-shield-test").send().await.unwrap().key_metadata.unwrap().key_id;
    let (storage, prefix) = place.storage().await;
    let options = PutObjectOptions {
        encryption: Some(key.clone()),
        content_type: Some("text/x-llm-shield".to_owned()),
        metadata: [("origin".to_owned(), "test".to_owned())].into(),
        ..PutObjectOptions::default()
    };
    for size in [10, LARGE] {
        let name = format!("{prefix}{size}");
        storage.put_object_with_options(&name, Bytes::from(vec![7; size]), &options).await.unwrap();
        let found = place.s3().head_object().bucket(storage.bucket()).key(&name).send().await.unwrap();
        assert_eq!(found.server_side_encryption.unwrap().as_str(), "aws:kms");
        assert!(found.ssekms_key_id.unwrap().ends_with(&key), "{size}");
        assert_eq!(storage.get_object(&name).await.unwrap().len(), size);
        // A copy, in one piece and in parts, lies under the same key.
        let copies = S3Options { copy_part_size: 5 << 20, ..S3Options::default() };
        let copies = AwsS3Storage::with(&place.aws, storage.bucket(), copies);
        let copy = format!("{name}/copy");
        copies.move_object(&name, &copy).await.unwrap();
        assert!(!storage.object_exists(&name).await.unwrap());
        let found = place.s3().head_object().bucket(storage.bucket()).key(&copy).send().await.unwrap();
        assert!(found.ssekms_key_id.unwrap().ends_with(&key), "{size}");
        assert_eq!(found.content_type.as_deref(), Some("text/x-llm-shield"));
        assert_eq!(found.metadata.unwrap().get("origin").map(String::as_str), Some("test"));
        assert_eq!(storage.get_object(&copy).await.unwrap(), vec![7; size]);
        storage.delete_object(&copy).await.unwrap();
    }
    kms.schedule_key_deletion().key_id(key).pending_window_in_days(7).send().await.unwrap();
}

async fn many_are_deleted(place: Place) {
    let (storage, prefix) = place.storage().await;
    let keys: Vec<String> = (0..1005).map(|number| format!("{prefix}many/{number:04}")).collect();
    for batch in keys.chunks(50) {
        let puts = batch.iter().map(|key| storage.put_object(key, Bytes::from_static(b"x")));
        for put in futures_util::future::join_all(puts).await {
            put.unwrap();
        }
    }
    assert_eq!(storage.list_objects(&prefix).await.unwrap(), keys, "more than one page");
    assert_eq!(storage.list_objects_with_limit(&prefix, 1003).await.unwrap().len(), 1003);
    assert_eq!(storage.list_objects_with_metadata(&prefix).await.unwrap().len(), keys.len());
    let bad: Vec<String> = keys.iter().cloned().chain(["../bad".to_owned()]).collect();
    assert!(matches!(storage.delete_objects(&bad).await, Err(CloudError::Invalid { .. })));
    assert_eq!(storage.list_objects(&prefix).await.unwrap().len(), keys.len(), "nothing is deleted");
    assert!(storage.delete_objects(&keys).await.unwrap().is_empty());
    assert!(storage.list_objects(&prefix).await.unwrap().is_empty());
}

async fn a_missing_bucket_is_told(place: Place) {
    let storage =
        AwsS3Storage::with(&place.aws, format!("llm-shield-none-{}", place.id), S3Options::default());
    assert!(matches!(storage.check().await, Err(CloudError::NotFound { .. })));
    assert!(matches!(storage.put_object("a", Bytes::new()).await, Err(CloudError::NotFound { .. })));
    assert!(matches!(storage.list_objects("a").await, Err(CloudError::NotFound { .. })));
}

#[tokio::test]
async fn a_version_under_retention_stays() {
    let (place, front) = harmed().await;
    let (storage, prefix) = place.storage().await;
    let until = SystemTime::now() + Duration::from_secs(3600);
    let retention = Some(Retention { mode: RetentionMode::Compliance, until });
    let options = PutObjectOptions { retention, ..PutObjectOptions::default() };
    let key = format!("{prefix}small");
    let written = storage.put_object_with_options(&key, Bytes::from_static(b"kept"), &options).await.unwrap();
    let version = written.version_id.unwrap();
    storage.delete_object(&key).await.unwrap();
    assert!(!storage.object_exists(&key).await.unwrap(), "under a mark of deletion");
    let removal = place.s3().delete_object().bucket(storage.bucket()).key(&key).version_id(&version);
    assert!(removal.send().await.is_err(), "the version itself cannot go");
    let kept = place.s3().get_object().bucket(storage.bucket()).key(&key).version_id(&version);
    let kept = kept.send().await.unwrap().body.collect().await.unwrap().into_bytes();
    assert_eq!(kept, "kept");

    let held = PutObjectOptions { legal_hold: true, ..PutObjectOptions::default() };
    let key = format!("{prefix}held");
    let written = storage.put_object_with_options(&key, Bytes::from_static(b"held"), &held).await.unwrap();
    let version = written.version_id.unwrap();
    let remove = || place.s3().delete_object().bucket(storage.bucket()).key(&key).version_id(&version).send();
    assert!(remove().await.is_err(), "held");
    storage.set_legal_hold(&key, false).await.unwrap();
    remove().await.unwrap();

    // moto forgets it for uploads in parts; that S3 is asked for it shows in the request.
    front.seen();
    storage
        .put_object_with_options(&format!("{prefix}large"), Bytes::from(vec![1; LARGE]), &options)
        .await
        .unwrap();
    let begun = front.seen().into_iter().find(|seen| seen.what.contains("uploads")).unwrap();
    assert_eq!(begun.headers["x-amz-object-lock-mode"], "COMPLIANCE");
    assert!(begun.headers.contains_key("x-amz-object-lock-retain-until-date"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_fails_aborts_the_upload() {
    let (place, front) = harmed().await;
    let (storage, prefix) = place.storage().await;
    let key = format!("{prefix}large");
    front.harm_always("partNumber=2", Fault::Error("AccessDenied", 403));
    let error = storage.put_object(&key, Bytes::from(vec![1; LARGE])).await.unwrap_err();
    assert!(matches!(error, CloudError::AccessDenied { .. }), "{error:?}");
    assert!(!storage.object_exists(&key).await.unwrap());
    assert!(uploads(&place, &storage).await.is_empty());

    // And one that is given up under way.
    front.harm_always("partNumber=2", Fault::Hang(Duration::from_secs(30)));
    let upload = storage.put_object(&key, Bytes::from(vec![1; LARGE]));
    assert!(tokio::time::timeout(Duration::from_secs(3), upload).await.is_err());
    for _ in 0..200 {
        if uploads(&place, &storage).await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(uploads(&place, &storage).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_given_up_while_it_is_aborted_is_aborted() {
    let (place, front) = harmed().await;
    let (storage, prefix) = place.storage().await;
    // No part arrives in time; then the first abort hangs, and whoever waits for it gives up.
    let options = S3Options { transfer_timeout: Duration::from_millis(1), ..S3Options::default() };
    let hasty = AwsS3Storage::with(&place.aws, storage.bucket(), options);
    front.harm("DELETE", [Fault::Hang(Duration::from_secs(30))]);
    let key = format!("{prefix}large");
    let upload =
        tokio::spawn(async move { hasty.put_object(&key, Bytes::from(vec![1; LARGE])).await.map(drop) });
    while !front.seen().iter().any(|seen| seen.what.starts_with("DELETE")) {
        assert!(!upload.is_finished());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    upload.abort();
    for _ in 0..200 {
        if uploads(&place, &storage).await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(uploads(&place, &storage).await.is_empty());
}

async fn uploads(place: &Place, storage: &AwsS3Storage) -> Vec<String> {
    let answer = place.s3().list_multipart_uploads().bucket(storage.bucket()).send().await.unwrap();
    answer.uploads.unwrap_or_default().into_iter().filter_map(|upload| upload.upload_id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_off_is_sent_and_read_again() {
    let (place, front) = harmed().await;
    let (storage, prefix) = place.storage().await;
    let content: Bytes = (0..LARGE).map(|place| u8::try_from(place % 251).unwrap()).collect();
    let (small, large) = (format!("{prefix}small"), format!("{prefix}large"));

    front.harm("small", [Fault::Error("SlowDown", 503), Fault::Reset]);
    storage.put_object(&small, content.slice(..100_000)).await.unwrap();
    front.harm("partNumber", [Fault::Status(500), Fault::Reset, Fault::Error("InternalError", 500)]);
    storage.put_object(&large, content.clone()).await.unwrap();

    for (key, length) in [(&small, 100_000), (&large, LARGE)] {
        for faults in [[Fault::HalfBody, Fault::HalfBody], [Fault::Reset, Fault::Status(503)]] {
            front.harm("GET", faults);
            let read = storage.get_object(key).await.unwrap();
            assert!(read == content.slice(..length), "{key}");
        }
    }
    // A reader of one version is not given parts of another.
    let options = GetObjectOptions { if_match: Some("\"other\"".to_owned()), ..GetObjectOptions::default() };
    let refused = storage.get_object_with_options(&large, &options).await;
    assert!(matches!(refused, Err(CloudError::Conflict { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_hangs() {
    let (place, front) = harmed().await;
    let (storage, prefix) = place.storage().await;
    let options = S3Options { transfer_timeout: Duration::from_millis(300), ..S3Options::default() };
    let hasty = AwsS3Storage::with(&place.aws, storage.bucket(), options);
    let key = format!("{prefix}object");
    storage.put_object(&key, Bytes::from(vec![1; 10_000])).await.unwrap();
    for fault in [Fault::Hang(Duration::from_secs(60)), Fault::SlowBody(Duration::from_secs(60))] {
        front.harm_always("GET", fault.clone());
        let read = tokio::time::timeout(Duration::from_secs(50), hasty.get_object(&key)).await;
        let error = read.expect("an error, in time").unwrap_err();
        assert!(matches!(error, CloudError::Unavailable { .. }), "{fault:?}: {error:?}");
    }
}

#[tokio::test]
async fn an_object_that_is_gone_was_changed_meanwhile() {
    let (place, front) = harmed().await;
    let (storage, prefix) = place.storage().await;
    let options = PutObjectOptions { if_match: Some("\"etag\"".to_owned()), ..PutObjectOptions::default() };
    let key = format!("{prefix}a");
    for (code, conflict) in [("NoSuchKey", true), ("NoSuchBucket", false)] {
        front.harm_always(&prefix, Fault::Error(code, 404));
        let error = storage.put_object_with_options(&key, Bytes::new(), &options).await.unwrap_err();
        assert_eq!(matches!(error, CloudError::Conflict { .. }), conflict, "{code}: {error:?}");
    }
}

#[tokio::test]
async fn another_region_is_told() {
    let (place, front) = harmed().await;
    let (storage, prefix) = place.storage().await;
    for code in ["PermanentRedirect", "AuthorizationHeaderMalformed"] {
        front.harm_always(&prefix, Fault::Error(code, 400));
        let error = storage.put_object(&format!("{prefix}a"), Bytes::new()).await.unwrap_err();
        assert!(error.to_string().contains("another region"), "{error}");
    }
}
