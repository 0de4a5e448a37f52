use std::sync::Arc;
use std::time::Duration;

use llm_shield_audit::{AuditError, AuditLog, AuditOptions, Query, Tenant};

use crate::support::{Home, all, record, requests, tenant, verify};

#[tokio::test]
async fn a_record_comes_back_as_it_was() {
    let home = Home::new();
    let log = home.log().await;
    let receipt = log.append(record("acme", "first")).await.unwrap();
    log.append(record("acme", "second")).await.unwrap();
    log.close().await.unwrap();
    let records = all(home.reader().await.query(Query::of(tenant("acme"))).unwrap()).await;
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].decision, record("acme", "first"));
    assert_eq!((records[0].id, records[0].sequence, records[0].time), (receipt.id, 0, receipt.time));
    assert_eq!(receipt.id.get_version_num(), 7);
    assert!(records[1].time >= records[0].time);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_appends_are_all_there_once_and_in_order() {
    let home = Home::new();
    let log =
        Arc::new(AuditLog::open(AuditOptions { segment_bytes: 200_000, ..home.options() }).await.unwrap());
    let tasks: Vec<_> = (0..32)
        .map(|task| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                let tenant = ["acme", "other"][task % 2];
                let mut receipts = Vec::new();
                for number in 0..100 {
                    let request = format!("{task}-{number}");
                    receipts.push((request.clone(), log.append(record(tenant, &request)).await.unwrap()));
                }
                (tenant, receipts)
            })
        })
        .collect();
    let mut acknowledged = Vec::new();
    for task in tasks {
        acknowledged.push(task.await.unwrap());
    }
    log.close().await.unwrap();
    let store = home.reader().await;
    let report = verify(&store).await;
    assert_eq!((report.problem, report.records, report.tenants), (None, 3200, 2));
    assert!(report.segments > 6, "{} segments", report.segments);
    for name in ["acme", "other"] {
        let records = all(store.query(Query::of(tenant(name))).unwrap()).await;
        assert_eq!(records.len(), 1600);
        for (tenant, receipts) in acknowledged.iter().filter(|(tenant, _)| *tenant == name) {
            assert_eq!(*tenant, name);
            assert!(receipts.is_sorted_by_key(|(_, receipt)| receipt.sequence));
            for (request, receipt) in receipts {
                let found = &records[usize::try_from(receipt.sequence).unwrap()];
                assert_eq!((&found.decision.request_id, found.id), (request, receipt.id));
            }
        }
    }
}

#[tokio::test]
async fn a_log_goes_on_after_a_restart() {
    let home = Home::new();
    for run in 0..3 {
        let log = home.log().await;
        assert_eq!(log.append(record("acme", &run.to_string())).await.unwrap().sequence, run);
        log.close().await.unwrap();
    }
    let store = home.reader().await;
    assert_eq!(requests(&store, Query::of(tenant("acme"))).await, ["0", "1", "2"]);
    let report = verify(&store).await;
    assert_eq!((report.problem, report.records, report.segments), (None, 3, 3));
}

#[tokio::test]
async fn a_second_opener_is_refused_until_the_first_closes() {
    let home = Home::new();
    let log = home.log().await;
    let error = AuditLog::open(home.options()).await.unwrap_err();
    assert!(matches!(error, AuditError::Locked { .. }), "{error}");
    log.close().await.unwrap();
    assert!(matches!(log.append(record("acme", "late")).await, Err(AuditError::Closed)));
    home.log().await.close().await.unwrap();
}

#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let home = Home::new();
    let log = home.log().await;
    for name in ["acme", "../acme", "ACME", "ac/me"] {
        log.append(record(name, name)).await.unwrap();
    }
    log.close().await.unwrap();
    let store = home.reader().await;
    for name in ["acme", "../acme", "ACME", "ac/me"] {
        assert_eq!(requests(&store, Query::of(tenant(name))).await, [name]);
    }
    assert_eq!(store.tenants().await.unwrap().len(), 4);
    assert!(requests(&store, Query::of(tenant("nobody"))).await.is_empty());
    assert_eq!(verify(&store).await.problem, None);
}

#[tokio::test]
async fn digests_are_keyed_by_tenant_and_stable() {
    let home = Home::new();
    let log = home.log().await;
    let (acme, other): (Tenant, Tenant) = (tenant("acme"), tenant("other"));
    let digest = log.digest_key(&acme).await.unwrap().digest("text");
    assert_eq!(digest.len(), 64);
    assert_eq!(log.digest_key(&acme).await.unwrap().digest("text"), digest);
    assert_ne!(log.digest_key(&other).await.unwrap().digest("text"), digest);
    log.append(record("acme", "1")).await.unwrap();
    log.close().await.unwrap();
    let log = home.log().await;
    assert_eq!(log.digest_key(&acme).await.unwrap().digest("text"), digest);
    log.close().await.unwrap();
    let found = home.reader().await.digest_key(&acme).await.unwrap().unwrap();
    assert_eq!(found.digest("text"), digest);
}

#[tokio::test]
async fn a_reader_works_beside_the_writer() {
    let home = Home::new();
    let log = home.log().await;
    for number in 0..50 {
        log.append(record("acme", &number.to_string())).await.unwrap();
        let store = home.reader().await;
        assert_eq!(requests(&store, Query::of(tenant("acme"))).await.len(), number + 1);
        let report = verify(&store).await;
        assert_eq!((report.problem, report.records), (None, number as u64 + 1));
    }
    log.close().await.unwrap();
}

#[tokio::test]
async fn old_segments_are_followed_by_new_ones() {
    let home = Home::new();
    let log = AuditLog::open(AuditOptions { segment_age: Duration::ZERO, ..home.options() }).await.unwrap();
    for number in 0..20 {
        log.append(record("acme", &number.to_string())).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    log.close().await.unwrap();
    let report = verify(&home.reader().await).await;
    assert_eq!((report.problem, report.records), (None, 20));
    assert!(report.segments > 5, "{}", report.segments);
}

#[tokio::test]
async fn a_rotated_key_reads_old_and_new_segments() {
    let home = Home::new();
    for number in 0..3 {
        let log = home.log().await;
        log.append(record("acme", &number.to_string())).await.unwrap();
        log.close().await.unwrap();
        home.keys.rotate_encryption_key("audit").unwrap();
    }
    let report = verify(&home.reader().await).await;
    assert_eq!((report.problem, report.records), (None, 3));
}

#[tokio::test]
async fn too_large_or_too_many_is_refused_and_nothing_is_lost() {
    let home = Home::new();
    let log = Arc::new(home.log().await);
    let mut huge = record("acme", "huge");
    huge.labels.insert("x".to_owned(), "y".repeat(9 * 1024 * 1024));
    assert!(matches!(log.append(huge).await, Err(AuditError::Invalid { .. })));
    let mut large = record("acme", "large");
    large.labels.insert("x".to_owned(), "y".repeat(5 * 1024 * 1024));
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let (log, large) = (Arc::clone(&log), large.clone());
            tokio::spawn(async move { log.append(large).await })
        })
        .collect();
    let mut kept = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => kept += 1,
            Err(error) => assert!(matches!(error, AuditError::Overloaded), "{error}"),
        }
    }
    assert!(kept > 0);
    log.append(record("acme", "after")).await.unwrap();
    log.close().await.unwrap();
    assert_eq!(verify(&home.reader().await).await.records, kept + 1);
}

#[tokio::test]
async fn a_key_manager_that_is_away_refuses_and_comes_back() {
    let home = Home::new();
    let options = AuditOptions { encryption_key_id: "missing".to_owned(), ..home.options() };
    let log = AuditLog::open(options).await.unwrap();
    assert!(matches!(log.append(record("acme", "1")).await, Err(AuditError::Keys { .. })));
    home.keys.ensure_encryption_key("missing").unwrap();
    assert_eq!(log.append(record("acme", "2")).await.unwrap().sequence, 0);
    log.close().await.unwrap();
    assert_eq!(verify(&home.reader().await).await.problem, None);
}
