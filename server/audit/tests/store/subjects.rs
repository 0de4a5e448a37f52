//! Contents that are kept, and erasing those about one subject.

use std::fs;
use std::sync::Arc;

use llm_shield_audit::{
    AuditLog, AuditOptions, ContentMode, KeptContent, NewRecord, Query, Store, StoreKeys, request_erasure,
};

use crate::support::{Home, SIGNING_KEY, all, record, tenant, verify};
use crate::unsteady::{options, storage_in};

fn with_contents(request: &str) -> NewRecord {
    let mut record = record("acme", request);
    record.content = ContentMode::Sealed;
    record.kept = vec![KeptContent { content_id: "0".to_owned(), text: format!("the text of {request}") }];
    record.findings[0].fingerprint = Some("ff".repeat(32));
    record
}

#[tokio::test]
async fn erased_contents_are_gone_and_everything_verifies() {
    let home = Home::new();
    let acme = tenant("acme");
    let log = AuditLog::open(AuditOptions { segment_bytes: 4_000, ..home.options() }).await.unwrap();
    let (ada, grace) =
        (log.subject_key(&acme, "ada").await.unwrap(), log.subject_key(&acme, "grace").await.unwrap());
    for number in 0..6 {
        log.append_about(&ada, with_contents(&format!("ada-{number}"))).await.unwrap();
        log.append_about(&grace, with_contents(&format!("grace-{number}"))).await.unwrap();
        log.append(with_contents(&format!("nobody-{number}"))).await.unwrap();
    }
    let store = home.reader().await;
    let before = all(store.query(Query::of(acme.clone())).unwrap()).await;
    assert!(before.iter().all(|record| record.decision.kept.len() == 1));
    assert_eq!(before[0].decision.kept[0].text, "the text of ada-0");
    let tag = before[0].decision.subject.clone().unwrap();
    assert_eq!(store.subject_tag(&acme, "ada").await.unwrap(), Some(tag.clone()));

    let erasure = log.erase_subject(&acme, "ada", "the officer").await.unwrap();
    assert!(erasure.existed && erasure.tag == tag);
    log.append_about(&log.subject_key(&acme, "ada").await.unwrap().clone(), with_contents("ada-new"))
        .await
        .unwrap();
    log.close().await.unwrap();
    let store = home.reader().await;
    let after = all(store.query(Query::of(acme.clone())).unwrap()).await;
    assert_eq!(after.len(), before.len() + 2);
    for (was, is) in before.iter().zip(&after) {
        assert_eq!((is.id, is.leaf_hash), (was.id, was.leaf_hash));
        if was.decision.subject == Some(tag.clone()) {
            assert!(is.decision.kept.is_empty() && is.decision.content_digests.is_empty());
            assert!(is.decision.findings[0].fingerprint.is_none() && is.decision.sealed_contents.is_some());
        } else {
            assert_eq!(is, was);
        }
    }
    let erased = &after[before.len()];
    assert_eq!(
        (erased.decision.rpc.as_str(), erased.decision.principal.as_str()),
        ("EraseSubject", "the officer")
    );
    assert_eq!(erased.decision.labels["subject"], tag);
    assert_eq!(after.last().unwrap().decision.kept[0].text, "the text of ada-new");
    assert_eq!(verify(&store).await.problem, None);
    assert_eq!(verify(&home.public_reader_of(&home.store_path()).await).await.problem, None);
    let of_ada = Query { subject: Some(tag), ..Query::of(acme) };
    assert_eq!(all(store.query(of_ada).unwrap()).await.len(), 7);
}

#[tokio::test]
async fn another_process_asks_for_an_erasure() {
    let home = Home::new();
    let acme = tenant("acme");
    let log = home.log().await;
    let key = log.subject_key(&acme, "ada").await.unwrap();
    log.append_about(&key, with_contents("1")).await.unwrap();
    let tag = home.reader().await.subject_tag(&acme, "ada").await.unwrap().unwrap();
    assert_eq!(log.carry_out_erasures().await.unwrap(), 0);
    let request = request_erasure(home.store_path(), &acme, &tag, "the officer").await.unwrap();
    fs::write(request.with_file_name("no request"), "x").unwrap();
    assert_eq!(log.carry_out_erasures().await.unwrap(), 1);
    assert!(!request.exists());
    log.close().await.unwrap();
    let records = all(home.reader().await.query(Query::of(acme)).unwrap()).await;
    assert!(records[0].decision.kept.is_empty());
    assert_eq!(records[1].decision.labels["key"], "destroyed");
}

#[tokio::test]
async fn a_changed_subject_key_shows() {
    let home = Home::new();
    let acme = tenant("acme");
    let log = home.log().await;
    let key = log.subject_key(&acme, "ada").await.unwrap();
    log.append_about(&key, with_contents("1")).await.unwrap();
    log.close().await.unwrap();
    let directory = home.store_path().join("outbox/acme/subjects");
    let path = fs::read_dir(&directory).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let problem = verify(&home.public_reader_of(&home.store_path()).await).await.problem.unwrap();
    assert!(problem.object.starts_with("outbox/acme/subjects/"), "{problem:?}");
}

#[tokio::test]
async fn a_key_that_is_gone_without_an_erasure_shows() {
    let home = Home::new();
    let acme = tenant("acme");
    let log = home.log().await;
    for name in ["ada", "grace"] {
        let key = log.subject_key(&acme, name).await.unwrap();
        log.append_about(&key, with_contents(name)).await.unwrap();
    }
    // Of grace no contents are left that a key must be there for.
    log.erase_subject(&acme, "grace", "the officer").await.unwrap();
    log.close().await.unwrap();
    let store = home.reader().await;
    assert_eq!(verify(&store).await.problem, None);
    let tag = store.subject_tag(&acme, "ada").await.unwrap().unwrap();
    fs::remove_file(home.store_path().join(format!("outbox/acme/subjects/{tag}.key"))).unwrap();
    let problem = verify(&store).await.problem.unwrap();
    assert_eq!(problem.object, format!("outbox/acme/subjects/{tag}.key"));
    assert!(problem.what.contains("no erasure"), "{problem:?}");
    // Whose contents there are is sealed.
    assert_eq!(verify(&home.public_reader_of(&home.store_path()).await).await.problem, None);
    // Erasing again puts it on record.
    let log = home.log().await;
    assert!(!log.erase_subject(&acme, "ada", "the officer").await.unwrap().existed);
    log.close().await.unwrap();
    assert_eq!(verify(&store).await.problem, None);
}

#[tokio::test]
async fn another_writers_subject_of_the_same_name_is_no_harm() {
    let (home, other) = (Home::new(), Home::new());
    let acme = tenant("acme");
    let storage = storage_in(&home.directory.path().join("archive"));
    let second = AuditOptions { directory: other.store_path(), ..options(&home, &storage) };
    for (options, request) in [(second, "theirs"), (options(&home, &storage), "mine")] {
        let log = AuditLog::open(options).await.unwrap();
        let key = log.subject_key(&acme, "ada").await.unwrap();
        log.append_about(&key, with_contents(request)).await.unwrap();
        log.close().await.unwrap();
    }
    let key_manager = Arc::clone(&home.keys) as _;
    let keys = StoreKeys::Manager { key_manager, signing_key_ids: vec![SIGNING_KEY.to_owned()] };
    let store = Store::open_remote(Some(home.store_path()), storage, "scan-results/", keys).await.unwrap();
    let report = verify(&store).await;
    assert_eq!((report.problem, report.records), (None, 2));
    let records = all(store.query(Query::of(acme)).unwrap()).await;
    let [theirs, mine] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(theirs.decision.subject, mine.decision.subject);
    assert!(theirs.contents_elsewhere && theirs.decision.sealed_contents.is_some());
    assert!(!mine.contents_elsewhere && mine.decision.sealed_contents.is_none());
    assert_eq!(mine.decision.kept[0].text, "the text of mine");
}

#[tokio::test]
async fn reads_are_listed_when_they_are_asked_for() {
    let home = Home::new();
    let log = home.log().await;
    log.append(record("acme", "1")).await.unwrap();
    let read = log.append(NewRecord::of_call(tenant("acme"), "auditor", "Audit")).await.unwrap();
    log.close().await.unwrap();
    let store = home.reader().await;
    let query = Query::of(tenant("acme"));
    for (query, count) in [
        (query.clone(), 1),
        (Query { reads: true, ..query.clone() }, 2),
        (Query { rpc: Some("Audit".to_owned()), ..query.clone() }, 1),
        (Query { record_id: Some(read.id), ..query.clone() }, 1),
        (Query { limit: Some(1), newest_first: true, ..query }, 1),
    ] {
        assert_eq!(all(store.query(query.clone()).unwrap()).await.len(), count, "{query:?}");
    }
}

#[tokio::test]
async fn a_narrow_query_opens_few_segments_and_records() {
    let home = Home::new();
    let log = AuditLog::open(AuditOptions { segment_bytes: 3_000, ..home.options() }).await.unwrap();
    for number in 0..60 {
        let mut record = record("acme", &number.to_string());
        if number == 17 {
            record.principal = "rare".to_owned();
            record.findings[0].detector = "secrets".to_owned();
            record.labels.insert("app".to_owned(), "other".to_owned());
        }
        log.append(record).await.unwrap();
    }
    log.close().await.unwrap();
    let store = home.reader().await;
    let all_of = Query::of(tenant("acme"));
    for query in [
        Query { principal: Some("rare".to_owned()), ..all_of.clone() },
        Query { detectors: vec!["secrets".to_owned(), "none".to_owned()], ..all_of.clone() },
        Query {
            labels: [("app".to_owned(), "other".to_owned())].into(),
            newest_first: true,
            ..all_of.clone()
        },
    ] {
        let mut stream = store.query(query).unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap().decision.request_id, "17");
        assert!(stream.next().await.is_none());
        let progress = stream.progress();
        assert!(progress.segments() > 10, "{progress:?}");
        assert_eq!((progress.opened(), progress.records()), (1, 1));
    }
    let nobody = Query { principal: Some("nobody".to_owned()), ..all_of };
    let mut stream = store.query(nobody).unwrap();
    assert!(stream.next().await.is_none());
    assert_eq!(stream.progress().opened(), 0);
}
