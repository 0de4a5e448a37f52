//! Closed segments on their way to the object store.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use llm_shield_audit::{AuditError, AuditLog, AuditOptions, Durability, Query, Store, StoreKeys};
use llm_shield_cloud::CloudStorage as _;

use crate::support::{Home, SIGNING_KEY, copy_directory, record, requests, tenant, verify};
use crate::unsteady::{fill, numbers, options, segments_in, storage_in};

#[tokio::test]
async fn closed_segments_leave_the_outbox_and_everything_holds() {
    let home = Home::new();
    let storage = storage_in(&home.store_path());
    for run in 0..3 {
        let log = AuditLog::open(options(&home, &storage)).await.unwrap();
        fill(&log, run * 20, 20).await;
        log.close().await.unwrap();
        assert!(segments_in(&home.store_path().join("outbox")).is_empty());
    }
    let archived = segments_in(&home.store_path().join("scan-results/acme"));
    assert!(archived.len() > 6, "{archived:?}");
    let day = archived[0].strip_prefix(home.store_path().join("scan-results/acme")).unwrap();
    assert_eq!(day.components().count(), 4, "year, month, day and file: {day:?}");
    for store in [home.reader().await, home.public_reader_of(&home.store_path()).await] {
        let report = verify(&store).await;
        assert_eq!((report.problem, report.records), (None, 60));
    }
    let store = home.reader().await;
    assert_eq!(requests(&store, Query::of(tenant("acme"))).await, numbers(60));
    let proof = store.prove_inclusion(&tenant("acme"), None, 3, 0).await.unwrap();
    assert!(proof.holds());

    // The same through the object store alone, without an outbox.
    let keys = StoreKeys::Manager {
        key_manager: Arc::clone(&home.keys) as _,
        signing_key_ids: vec![SIGNING_KEY.to_owned()],
    };
    let remote = Store::open_remote(None, storage, "scan-results/", keys).await.unwrap();
    let report = verify(&remote).await;
    assert_eq!((report.problem, report.records, report.tenants), (None, 60, 1));
    let newest = Query { newest_first: true, limit: Some(2), ..Query::of(tenant("acme")) };
    assert_eq!(requests(&remote, newest).await, ["59", "58"]);
    assert!(remote.prove_consistency(&tenant("acme"), None, 5, 0).await.is_ok());
}

#[tokio::test]
async fn an_absent_store_is_waited_for_and_drained_to() {
    let home = Home::new();
    let storage = storage_in(&home.store_path());
    let log = AuditLog::open(options(&home, &storage)).await.unwrap();
    fill(&log, 0, 1).await;
    storage.away.store(true, Ordering::Relaxed);
    fill(&log, 1, 30).await;
    log.signed(&tenant("acme"), 31).await;
    // Throttled, failing, refusing and silent in turn.
    while storage.refusals.load(Ordering::Relaxed) < 6 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(segments_in(&home.store_path().join("scan-results")).is_empty());
    let store = home.reader().await;
    assert_eq!(requests(&store, Query::of(tenant("acme"))).await, numbers(31), "seen at once");
    storage.away.store(false, Ordering::Relaxed);
    while segments_in(&home.store_path().join("scan-results")).len() < 5 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    log.close().await.unwrap();
    let report = verify(&home.reader().await).await;
    assert_eq!((report.problem, report.records), (None, 31));
}

#[tokio::test]
async fn what_arrived_and_was_not_cleared_away_is_no_harm() {
    let home = Home::new();
    let storage = storage_in(&home.store_path());
    let log = AuditLog::open(options(&home, &storage)).await.unwrap();
    // The tenant's key is shared by then.
    fill(&log, 0, 1).await;
    storage.away.store(true, Ordering::Relaxed);
    fill(&log, 1, 20).await;
    log.close().await.unwrap();
    let before = home.directory.path().join("before");
    copy_directory(&home.store_path().join("outbox"), &before);
    storage.away.store(false, Ordering::Relaxed);
    AuditLog::open(options(&home, &storage)).await.unwrap().close().await.unwrap();
    let writes = storage.writes.load(Ordering::Relaxed);
    assert!(segments_in(&home.store_path().join("outbox")).is_empty());

    // As if the crash had come between the last write and clearing the outbox.
    fs::remove_dir_all(home.store_path().join("outbox")).unwrap();
    copy_directory(&before, &home.store_path().join("outbox"));
    assert_eq!(verify(&home.reader().await).await.problem, None);
    let log = AuditLog::open(options(&home, &storage)).await.unwrap();
    while !segments_in(&home.store_path().join("outbox")).is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(storage.writes.load(Ordering::Relaxed), writes, "nothing is written twice");
    fill(&log, 21, 5).await;
    log.close().await.unwrap();
    let store = home.reader().await;
    assert_eq!(requests(&store, Query::of(tenant("acme"))).await, numbers(26));
    assert_eq!(verify(&store).await.problem, None);
}

#[tokio::test]
async fn remote_durability_answers_when_the_object_is_there() {
    let home = Home::new();
    let storage = storage_in(&home.store_path());
    let mut options = options(&home, &storage);
    if let Some(archive) = &mut options.archive {
        archive.durability = Durability::Remote;
        archive.gather = Duration::from_millis(5);
        archive.acknowledge = Duration::from_secs(2);
    }
    let log = Arc::new(AuditLog::open(options).await.unwrap());
    log.append(record("acme", "0")).await.unwrap();
    assert_eq!(segments_in(&home.store_path().join("scan-results")).len(), 1);
    let tasks: Vec<_> = (1..9)
        .map(|number: usize| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { log.append(record("acme", &number.to_string())).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let archived = segments_in(&home.store_path().join("scan-results")).len();
    assert!((2..=9).contains(&archived), "{archived} segments for 9 records");
    storage.away.store(true, Ordering::Relaxed);
    let error = log.append(record("acme", "9")).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    storage.away.store(false, Ordering::Relaxed);
    log.close().await.unwrap();
    assert_eq!(
        verify(&home.reader().await).await.records,
        10,
        "what was not acknowledged is kept all the same"
    );
}

#[tokio::test]
async fn a_full_outbox_refuses() {
    let home = Home::new();
    let storage = storage_in(&home.store_path());
    let mut options = options(&home, &storage);
    if let Some(archive) = &mut options.archive {
        archive.outbox_bytes = 20_000;
    }
    let log = AuditLog::open(options).await.unwrap();
    fill(&log, 0, 1).await;
    storage.away.store(true, Ordering::Relaxed);
    let mut kept = 1;
    let error = loop {
        match log.append(record("acme", &kept.to_string())).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 1000, "never full");
    };
    assert!(matches!(&error, AuditError::Unavailable { .. }), "{error}");
    storage.away.store(false, Ordering::Relaxed);
    while log.append(record("acme", &kept.to_string())).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    log.close().await.unwrap();
    assert_eq!(requests(&home.reader().await, Query::of(tenant("acme"))).await, numbers(kept + 1));
}

#[tokio::test]
async fn two_writers_share_a_store_and_a_tenants_key() {
    let (home, other) = (Home::new(), Home::new());
    let archive = home.directory.path().join("archive");
    let storage = storage_in(&archive);
    let first = AuditLog::open(options(&home, &storage)).await.unwrap();
    let second = AuditOptions { directory: other.store_path(), ..options(&home, &storage) };
    let second = AuditLog::open(second).await.unwrap();
    for number in 0..20 {
        let log = if number % 2 == 0 { &first } else { &second };
        log.append(record("acme", &number.to_string())).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let digest = first.digest_key(&tenant("acme")).await.unwrap().digest("text");
    assert_eq!(second.digest_key(&tenant("acme")).await.unwrap().digest("text"), digest);
    first.close().await.unwrap();
    second.close().await.unwrap();
    let keys = StoreKeys::Manager {
        key_manager: Arc::clone(&home.keys) as _,
        signing_key_ids: vec![SIGNING_KEY.to_owned()],
    };
    let store = Store::open_remote(None, storage, "scan-results/", keys).await.unwrap();
    let report = verify(&store).await;
    assert_eq!((report.problem, report.records, report.tenants), (None, 20, 1));
    let all_of = Query::of(tenant("acme"));
    assert_eq!(requests(&store, all_of.clone()).await, numbers(20), "in the order of time");
    let mut newest = numbers(20);
    newest.reverse();
    assert_eq!(requests(&store, Query { newest_first: true, ..all_of.clone() }).await, newest);
    for newest_first in [false, true] {
        let whole = Query { newest_first, ..all_of.clone() };
        let expected = requests(&store, whole.clone()).await;
        let (mut found, mut page_token) = (Vec::new(), None);
        loop {
            let page = Query { limit: Some(3), page_token: page_token.take(), ..whole.clone() };
            let records = crate::support::all(store.query(page.clone()).unwrap()).await;
            let Some(last) = records.last() else { break };
            page_token = Some(page.page_token_after(last));
            found.extend(records.into_iter().map(|record| record.decision.request_id));
        }
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_log_that_nobody_appends_to_is_archived_too() {
    let home = Home::new();
    let storage = storage_in(&home.store_path());
    let options = AuditOptions { segment_age: Duration::from_millis(200), ..options(&home, &storage) };
    let log = AuditLog::open(options).await.unwrap();
    fill(&log, 0, 1).await;
    while segments_in(&home.store_path().join("scan-results")).is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    fill(&log, 1, 1).await;
    log.close().await.unwrap();
    let report = verify(&home.reader().await).await;
    assert_eq!((report.problem, report.records, report.segments), (None, 2, 2));
}

#[tokio::test]
async fn what_is_wrong_with_one_log_holds_up_no_other() {
    let home = Home::new();
    let storage = storage_in(&home.store_path());
    let log = AuditLog::open(options(&home, &storage)).await.unwrap();
    fill(&log, 0, 1).await;
    log.append(record("other", "0")).await.unwrap();
    let day = jiff::Timestamp::now().strftime("%Y/%m/%d");
    let in_the_way = format!("scan-results/acme/{day}/{}-00000001.seg", log.log_id());
    storage.storage.put_object(&in_the_way, Bytes::from_static(b"not ours")).await.unwrap();
    log.close().await.unwrap();
    assert_eq!(segments_in(&home.store_path().join("scan-results/other")).len(), 1);
    assert_eq!(segments_in(&home.store_path().join("outbox/acme")).len(), 1, "nothing is lost");
}
