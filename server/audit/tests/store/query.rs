use futures_util::StreamExt;
use llm_shield_audit::{Action, AuditError, AuditLog, AuditOptions, Query};
use uuid::Uuid;

use crate::support::{Home, all, record, requests, tenant};

/// A log of 60 records over several segments; each third is allowed, each fifth of another principal.
async fn filled() -> Home {
    let home = Home::new();
    let log = AuditLog::open(AuditOptions { segment_bytes: 6_000, ..home.options() }).await.unwrap();
    for number in 0..60 {
        let mut record = record("acme", &number.to_string());
        if number % 3 == 0 {
            record.action = Action::Allow;
        }
        if number % 5 == 0 {
            record.principal = "other".to_owned();
        }
        log.append(record).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    log.close().await.unwrap();
    home
}

fn numbers(of: impl Iterator<Item = u64>) -> Vec<String> {
    of.map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn filters_and_orders() {
    let home = filled().await;
    let store = home.reader().await;
    let everything = Query::of(tenant("acme"));
    assert_eq!(requests(&store, everything.clone()).await, numbers(0..60));
    let newest = Query { newest_first: true, ..everything.clone() };
    assert_eq!(requests(&store, newest.clone()).await, numbers((0..60).rev()));
    let newest = Query { limit: Some(7), ..newest };
    assert_eq!(requests(&store, newest).await, numbers((53..60).rev()));
    let allowed = Query { actions: vec![Action::Allow], ..everything.clone() };
    assert_eq!(requests(&store, allowed).await, numbers((0..60).filter(|number| number % 3 == 0)));
    let other = Query {
        actions: vec![Action::Allow, Action::Flag],
        principal: Some("other".to_owned()),
        newest_first: true,
        ..everything.clone()
    };
    assert_eq!(requests(&store, other).await, numbers((0..60).rev().filter(|number| number % 15 == 0)));
    let none = Query { limit: Some(0), ..everything };
    assert!(requests(&store, none).await.is_empty());
}

#[tokio::test]
async fn time_ranges_and_ids() {
    let home = filled().await;
    let store = home.reader().await;
    let records = all(store.query(Query::of(tenant("acme"))).unwrap()).await;
    for (first, end) in [(0, 59), (10, 11), (13, 47), (30, 30), (58, 59)] {
        for newest_first in [false, true] {
            let query = Query {
                start: Some(records[first].time),
                end: Some(records[end].time),
                newest_first,
                ..Query::of(tenant("acme"))
            };
            let mut found = requests(&store, query).await;
            if newest_first {
                found.reverse();
            }
            assert_eq!(found, numbers(first as u64..end as u64));
        }
    }
    for record in records.iter().step_by(7) {
        let query = Query { record_id: Some(record.id), ..Query::of(tenant("acme")) };
        assert_eq!(all(store.query(query).unwrap()).await, std::slice::from_ref(record));
    }
    for unknown in [Uuid::from_u128(5), Uuid::max()] {
        let query = Query { record_id: Some(unknown), ..Query::of(tenant("acme")) };
        assert!(requests(&store, query).await.is_empty());
    }
}

#[tokio::test]
async fn pages_join_without_gap_or_overlap() {
    let home = filled().await;
    let store = home.reader().await;
    for newest_first in [false, true] {
        let whole = Query { principal: Some("other".to_owned()), newest_first, ..Query::of(tenant("acme")) };
        let expected = requests(&store, whole.clone()).await;
        let (mut found, mut page_token) = (Vec::new(), None);
        loop {
            let page = Query { limit: Some(5), page_token: page_token.take(), ..whole.clone() };
            let records = all(store.query(page.clone()).unwrap()).await;
            let Some(last) = records.last() else { break };
            page_token = Some(page.page_token_after(last));
            found.extend(records.into_iter().map(|record| record.decision.request_id));
        }
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_token_of_another_query_is_refused() {
    let home = filled().await;
    let store = home.reader().await;
    let query = Query::of(tenant("acme"));
    let record = all(store.query(Query { limit: Some(1), ..query.clone() }).unwrap()).await.remove(0);
    let token = Some(query.page_token_after(&record));
    for other in [
        Query { tenant: tenant("other"), page_token: token.clone(), ..query.clone() },
        Query { newest_first: true, page_token: token.clone(), ..query.clone() },
        Query { principal: Some("x".to_owned()), page_token: token, ..query.clone() },
        Query { page_token: Some("AQ".to_owned()), ..query.clone() },
        Query { page_token: Some("%%%".to_owned()), ..query.clone() },
        Query { page_token: Some(String::new()), ..query.clone() },
    ] {
        assert!(matches!(store.query(other), Err(AuditError::Invalid { .. })));
    }
}

#[tokio::test]
async fn a_dropped_stream_ends_the_search_and_a_stream_is_a_stream() {
    let home = filled().await;
    let store = home.reader().await;
    drop(store.query(Query::of(tenant("acme"))).unwrap());
    let taken: Vec<_> = store.query(Query::of(tenant("acme"))).unwrap().take(3).collect().await;
    assert_eq!(taken.len(), 3);
}

#[tokio::test]
async fn public_keys_read_nothing() {
    let home = filled().await;
    let store = home.public_reader_of(&home.store_path()).await;
    assert!(matches!(store.query(Query::of(tenant("acme"))), Err(AuditError::Invalid { .. })));
}
