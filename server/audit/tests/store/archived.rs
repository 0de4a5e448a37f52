//! Segments in the object store: how they are kept, wrapped anew, and what of a change shows.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use llm_shield_audit::{
    ArchiveOptions, AuditError, AuditLog, AuditOptions, Keeping, Query, RewrapOptions, Store, StoreKeys,
    VerifyOptions,
};
use llm_shield_cloud::local::KeyRing;
use llm_shield_cloud::storage::RetentionMode;
use llm_shield_cloud::{CloudKeyManager as _, CloudStorage};

use crate::support::{ENCRYPTION_KEY, Home, SIGNING_KEY, copy_directory, record, requests, tenant, verify};
use crate::unsteady::{files, fill, numbers, options, segments_in, storage_in};

#[tokio::test]
async fn objects_are_retained_and_held_as_their_tenants_are() {
    let home = Home::new();
    let storage = storage_in(&home.store_path());
    let mut options = options(&home, &storage);
    let long = Keeping {
        retention: Some((RetentionMode::Compliance, Duration::from_secs(86_400))),
        legal_hold: true,
    };
    let archive = options.archive.as_mut().unwrap();
    archive.keeping.retention = Some((RetentionMode::Governance, Duration::from_secs(3_600)));
    archive.tenants.insert(tenant("long"), long);
    let archive = archive.clone();
    let log = AuditLog::open(options).await.unwrap();
    for name in ["acme", "long"] {
        log.append(record(name, "0")).await.unwrap();
    }
    log.close().await.unwrap();
    let directory = &storage.storage;
    for (name, mode, held) in
        [("acme", RetentionMode::Governance, false), ("long", RetentionMode::Compliance, true)]
    {
        let keys = directory.list_objects(&format!("scan-results/{name}/")).await.unwrap();
        assert_eq!(keys.len(), 4, "{keys:?}");
        for key in &keys {
            let retention = directory.get_object_metadata(key).await.unwrap().retention.unwrap();
            assert_eq!(retention.mode, mode);
            let error = directory.delete_object(key).await.unwrap_err();
            let why = std::error::Error::source(&error).unwrap().to_string();
            assert_eq!(why.contains("hold"), held, "{why}");
        }
    }
    assert_eq!(archive.set_legal_hold(&tenant("long"), false).await.unwrap(), 4);
    assert_eq!(archive.set_legal_hold(&tenant("acme"), true).await.unwrap(), 4);
    assert_eq!(verify(&home.reader().await).await.problem, None);
}

#[tokio::test]
async fn keys_are_wrapped_anew_and_no_record_is_touched() {
    let home = Home::new();
    let storage = storage_in(&home.store_path());
    let log = AuditLog::open(options(&home, &storage)).await.unwrap();
    fill(&log, 0, 12).await;
    let subject = log.subject_key(&tenant("acme"), "ada").await.unwrap();
    log.append_about(&subject, record("acme", "12")).await.unwrap();
    log.close().await.unwrap();
    let segments = segments_in(&home.store_path());
    let before: Vec<_> = segments.iter().map(|file| fs::read(file).unwrap()).collect();
    let archive = ArchiveOptions::new(Arc::clone(&storage) as Arc<dyn CloudStorage>);
    let rewrap = |again| RewrapOptions {
        key_manager: Arc::clone(&home.keys) as _,
        encryption_key_id: "next".to_owned(),
        signing_key_id: SIGNING_KEY.to_owned(),
        archive: archive.clone(),
        tenant: None,
        again,
    };
    let ring = home.keys.clone();
    ring.ensure_encryption_key("next").unwrap();
    let store = home.reader().await;
    let anew = store.rewrap(rewrap(false), |_| ()).await.unwrap();
    assert_eq!((anew.keys, anew.kept, anew.subjects_left), (segments.len() as u64 + 2, 0, false));
    let nothing = store.rewrap(rewrap(false), |_| ()).await.unwrap();
    assert_eq!((nothing.keys, nothing.kept), (0, anew.keys));
    assert_eq!(store.rewrap(rewrap(true), |_| ()).await.unwrap().keys, anew.keys, "a chain of two");

    // The old key is gone: what reads now reads by the new one.
    let ring_file = home.directory.path().join("keys/ring.json");
    let mut ring: serde_json::Value = serde_json::from_slice(&fs::read(&ring_file).unwrap()).unwrap();
    ring["encryption_keys"].as_object_mut().unwrap().remove("audit").unwrap();
    fs::write(&ring_file, serde_json::to_vec(&ring).unwrap()).unwrap();
    let keys = Arc::new(KeyRing::open(&ring_file).unwrap());
    let reading = StoreKeys::Manager {
        key_manager: Arc::clone(&keys) as _,
        signing_key_ids: vec![SIGNING_KEY.to_owned()],
    };
    let store = Store::open(home.store_path(), reading).await.unwrap();
    assert_eq!(requests(&store, Query::of(tenant("acme"))).await, numbers(13));
    let last = Query { newest_first: true, limit: Some(1), ..Query::of(tenant("acme")) };
    let last = crate::support::all(store.query(last).unwrap()).await.remove(0);
    assert!(last.decision.sealed_contents.is_none() && !last.decision.content_digests.is_empty());
    let narrow = Query { rpc: Some("Scan".to_owned()), ..Query::of(tenant("acme")) };
    assert_eq!(requests(&store, narrow).await.len(), 13, "indexes open, too");
    for store in [&store, &home.public_reader_of(&home.store_path()).await] {
        let report = verify(store).await;
        assert_eq!((report.problem, report.records), (None, 13));
    }
    let after: Vec<_> = segments.iter().map(|file| fs::read(file).unwrap()).collect();
    assert_eq!(before, after);

    // The writer goes on under the new key, and a changed note shows.
    let options =
        AuditOptions { key_manager: keys, encryption_key_id: "next".to_owned(), ..options(&home, &storage) };
    let log = AuditLog::open(options).await.unwrap();
    log.append(record("acme", "13")).await.unwrap();
    log.close().await.unwrap();
    let note = files(&home.store_path().join("scan-results/acme/rewrapped")).remove(0);
    let mut bytes = fs::read(&note).unwrap();
    bytes[80] ^= 1;
    fs::write(&note, bytes).unwrap();
    let problem = verify(&home.public_reader_of(&home.store_path()).await).await.problem.unwrap();
    assert!(problem.object.contains("rewrapped/"), "{problem:?}");
}

#[tokio::test]
async fn a_key_that_is_unknown_is_no_damage() {
    let home = Home::new();
    let storage = storage_in(&home.store_path());
    let log = AuditLog::open(options(&home, &storage)).await.unwrap();
    fill(&log, 0, 3).await;
    log.close().await.unwrap();
    // Another process rotates the key, as the command line does beside a running server.
    let ring = home.keys.path().to_owned();
    let other = Arc::new(KeyRing::open(&ring).unwrap());
    other.rotate_encryption_key(ENCRYPTION_KEY).unwrap();
    let anew = RewrapOptions {
        key_manager: other,
        encryption_key_id: ENCRYPTION_KEY.to_owned(),
        signing_key_id: SIGNING_KEY.to_owned(),
        archive: ArchiveOptions::new(Arc::clone(&storage) as Arc<dyn CloudStorage>),
        tenant: None,
        again: true,
    };
    assert!(home.reader().await.rewrap(anew, |_| ()).await.unwrap().keys > 1);
    let running = home.reader().await;
    assert_eq!(verify(&running).await.problem, None);
    assert_eq!(requests(&running, Query::of(tenant("acme"))).await, numbers(3));

    // A key manager that does not have the key: nothing can be said of the records, nor against them.
    let without = ring.with_file_name("without.json");
    let mut keys: serde_json::Value = serde_json::from_slice(&fs::read(&ring).unwrap()).unwrap();
    keys["encryption_keys"].as_object_mut().unwrap().remove(ENCRYPTION_KEY).unwrap();
    fs::copy(&ring, &without).unwrap();
    fs::write(&without, serde_json::to_vec(&keys).unwrap()).unwrap();
    let key_manager = Arc::new(KeyRing::open(&without).unwrap());
    let keys = StoreKeys::Manager { key_manager, signing_key_ids: vec![SIGNING_KEY.to_owned()] };
    let store = Store::open(home.store_path(), keys).await.unwrap();
    let error = store.verify(VerifyOptions::default(), |_| ()).await.unwrap_err();
    assert!(matches!(error, AuditError::Keys { .. }), "{error}");
    let error = store.query(Query::of(tenant("acme"))).unwrap().next().await.unwrap().unwrap_err();
    assert!(matches!(error, AuditError::Keys { .. }), "{error}");
}

#[tokio::test]
async fn a_segment_of_another_writers_log_shows() {
    let (home, other) = (Home::new(), Home::new());
    let storage = storage_in(&home.directory.path().join("archive"));
    let first = AuditLog::open(options(&home, &storage)).await.unwrap();
    let second = AuditOptions { directory: other.store_path(), ..options(&home, &storage) };
    let second = AuditLog::open(second).await.unwrap();
    for log in [&first, &second] {
        fill(log, 0, 3).await;
    }
    let (mine, theirs) = (first.log_id().to_owned(), second.log_id().to_owned());
    first.close().await.unwrap();
    second.close().await.unwrap();
    for file in files(&home.directory.path().join("archive")) {
        let name = file.file_name().unwrap().to_str().unwrap();
        if name.starts_with(&theirs) {
            fs::copy(&file, file.with_file_name(name.replace(&theirs, &mine))).unwrap();
        }
    }
    let key = home.keys.public_key(SIGNING_KEY).await.unwrap();
    let keys = StoreKeys::Public([(SIGNING_KEY.to_owned(), key)].into());
    let store = Store::open_remote(None, storage, "scan-results/", keys).await.unwrap();
    let problem = verify(&store).await.problem.unwrap();
    assert!(problem.object.contains(&mine), "{problem:?}");
}

#[tokio::test]
async fn changes_to_archived_objects_show() {
    let home = Home::new();
    let storage = storage_in(&home.store_path());
    let log = AuditLog::open(options(&home, &storage)).await.unwrap();
    fill(&log, 0, 20).await;
    log.close().await.unwrap();
    let whole = home.copy("whole");
    let archive = home.store_path().join("scan-results/acme");
    let store = home.public_reader_of(&home.store_path()).await;
    let found = async |what: &str| {
        let problem = verify(&store).await.problem.unwrap_or_else(|| panic!("unseen: {what}"));
        fs::remove_dir_all(home.store_path()).unwrap();
        copy_directory(&whole, &home.store_path());
        problem
    };
    for file in files(&archive) {
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, bytes).unwrap();
        let problem = found(&file.display().to_string()).await;
        let name = file.strip_prefix(home.store_path()).unwrap().display().to_string();
        assert!(problem.object.starts_with(&name), "{name}: {problem:?}");
        if !file.ends_with("tenant.key") {
            fs::remove_file(&file).unwrap();
            found(&format!("removed {name}")).await;
        }
    }
    let segments = segments_in(&archive);
    // One segment under another's name, and one more object of the same name elsewhere.
    fs::copy(&segments[0], &segments[1]).unwrap();
    let problem = found("replayed").await;
    assert!(segments[1].ends_with(Path::new(&problem.object).file_name().unwrap()), "{problem:?}");
    let elsewhere = archive.join("2020/01/01").join(segments[0].file_name().unwrap());
    fs::create_dir_all(elsewhere.parent().unwrap()).unwrap();
    fs::copy(&segments[0], &elsewhere).unwrap();
    found("twice").await;
    // The newest, with everything that belongs to it.
    let last = segments.last().unwrap();
    for suffix in ["seg", "idx", "checkpoint"] {
        fs::remove_file(last.with_extension(suffix)).unwrap();
    }
    found("the newest").await;
}

#[tokio::test]
async fn a_store_without_its_outbox_shows_and_a_copied_archive_verifies() {
    let home = Home::new();
    let storage = storage_in(&home.store_path());
    let log = AuditLog::open(options(&home, &storage)).await.unwrap();
    fill(&log, 0, 3).await;
    log.close().await.unwrap();
    let copy = home.directory.path().join("copy");
    copy_directory(&home.store_path().join("scan-results"), &copy.join("scan-results"));
    let report = verify(&home.public_reader_of(&copy).await).await;
    assert_eq!((report.problem, report.records), (None, 3));
    let outbox = home.store_path().join("outbox");
    fs::remove_dir_all(&outbox).unwrap();
    let of = |name: &str| VerifyOptions { tenant: Some(tenant(name)), ..VerifyOptions::default() };
    for (lock, is_there) in [(true, false), (true, true), (false, true)] {
        if !lock {
            fs::remove_file(home.store_path().join("LOCK")).unwrap();
        }
        if is_there {
            fs::create_dir_all(&outbox).unwrap();
        }
        for store in [home.reader().await, home.public_reader_of(&home.store_path()).await] {
            for options in [VerifyOptions::default(), of("acme"), of("nobody")] {
                let problem = store.verify(options, |_| ()).await.unwrap().problem.unwrap();
                assert_eq!(problem.object, "outbox", "{problem:?}");
                assert!(problem.what.starts_with("the writer's id is missing"), "{problem:?}");
            }
        }
    }
    fs::create_dir(home.directory.path().join("empty")).unwrap();
    let empty = home.public_reader_of(&home.directory.path().join("empty")).await;
    let report = verify(&empty).await;
    assert_eq!(
        (report.problem, report.tenants),
        (None, 0),
        "that nothing is there is for the caller to judge"
    );
}
