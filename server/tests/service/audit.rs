//! The audit trail: every decision is in it, and nobody sees another tenant's.

use llm_shield_proto::v1::{self, Action};
use tonic::Code;

use crate::support::{Client, INJECTION, TestServer, explained, redact_of, scan_of};

async fn records(client: &mut Client, request: v1::AuditRequest) -> Vec<v1::AuditResponse> {
    let mut stream = client.audit(request).await.unwrap().into_inner();
    let mut records = Vec::new();
    while let Some(response) = stream.message().await.unwrap() {
        records.push(response);
    }
    records
}

fn ids(responses: &[v1::AuditResponse]) -> Vec<String> {
    responses.iter().map(|response| response.record.as_ref().unwrap().id.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_decision_is_recorded_without_its_text() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/all").await;
    let mut request = scan_of(INJECTION);
    request.labels.insert("app".into(), "shop".into());
    request.idempotency_key = "once".into();
    let blocked = client.scan(request).await.unwrap().into_inner();
    let redacted = client.redact(redact_of("write to ada@babbage-engines.com")).await.unwrap().into_inner();

    let found = records(&mut client, v1::AuditRequest::default()).await;
    assert_eq!(ids(&found), [blocked.audit_record_id, redacted.audit_record_id]);
    let record = found[0].record.clone().unwrap();
    assert_eq!((record.tenant.as_str(), record.principal.as_str()), ("acme", "spiffe://test.local/acme/all"));
    assert_eq!((record.rpc.as_str(), record.action()), ("Scan", Action::Block));
    assert_eq!(record.request_id, blocked.request_id);
    assert_eq!(record.findings.len(), blocked.findings.len());
    assert_eq!(record.content_digests[0].len(), 64);
    assert_eq!(record.labels["app"], "shop");
    assert_eq!(record.labels["idempotency_key"], "once");
    assert!(record.time.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_records_are_invisible() {
    let server = TestServer::start().await;
    let mut acme = server.client("acme/all").await;
    let mut globex = server.client("globex/all").await;
    let secret = acme.scan(scan_of(INJECTION)).await.unwrap().into_inner().audit_record_id;
    let own = globex.scan(scan_of("hello")).await.unwrap().into_inner().audit_record_id;

    assert_eq!(ids(&records(&mut globex, v1::AuditRequest::default()).await), [own]);
    let filter = v1::AuditFilter { record_id: secret, ..Default::default() };
    let by_id = v1::AuditRequest { filter: Some(filter), ..Default::default() };
    assert!(records(&mut globex, by_id).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_can_be_filtered_and_paged() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/all").await;
    let mut made = Vec::new();
    for text in ["hello", INJECTION, "good morning", INJECTION] {
        made.push(client.scan(scan_of(text)).await.unwrap().into_inner().audit_record_id);
    }
    let filter = v1::AuditFilter { actions: vec![Action::Block.into()], ..Default::default() };
    let blocked = v1::AuditRequest { filter: Some(filter), newest_first: true, ..Default::default() };
    assert_eq!(ids(&records(&mut client, blocked).await), [made[3].clone(), made[1].clone()]);

    let first = records(&mut client, v1::AuditRequest { limit: 3, ..Default::default() }).await;
    assert_eq!(ids(&first), made[..3]);
    let page_token = first[2].next_page_token.clone();
    assert_eq!(
        ids(&records(&mut client, v1::AuditRequest { page_token, ..Default::default() }).await),
        made[3..]
    );
}

async fn verified(client: &mut Client) -> v1::VerifyAuditResponse {
    let mut stream = client.verify_audit(v1::VerifyAuditRequest::default()).await.unwrap().into_inner();
    let mut last = None;
    while let Some(response) = stream.message().await.unwrap() {
        last = Some(response);
    }
    last.filter(|last| last.done).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_log_is_verified_and_a_changed_one_told() {
    let server = TestServer::start().await;
    let (mut acme, mut globex) = (server.client("acme/all").await, server.client("globex/all").await);
    let nothing = verified(&mut acme).await;
    assert!(nothing.intact && nothing.records_checked == 1, "of itself: {nothing:?}");
    for _ in 0..3 {
        acme.scan(scan_of("hello")).await.unwrap();
    }
    globex.scan(scan_of("hello")).await.unwrap();
    let intact = verified(&mut acme).await;
    assert!(intact.intact && intact.records_checked == 5, "three scans and two checks: {intact:?}");

    let segment = server.file("data/audit/outbox/acme/00000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let broken = verified(&mut acme).await;
    assert!(
        !broken.intact && broken.first_broken.contains("acme") && !broken.problem.is_empty(),
        "{broken:?}"
    );
    assert!(verified(&mut globex).await.intact, "nor does another tenant hear of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_queries_name_the_field() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/auditor").await;
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let filter = |filter| v1::AuditRequest { filter: Some(filter), ..Default::default() };
    let cases = [
        ("page_token", v1::AuditRequest { page_token: "forged".into(), ..Default::default() }),
        ("filter.record_id", filter(v1::AuditFilter { record_id: "x".into(), ..Default::default() })),
        ("filter.actions[0]", filter(v1::AuditFilter { actions: vec![0], ..Default::default() })),
        ("filter.start_time", filter(v1::AuditFilter { start_time: at(i64::MAX), ..Default::default() })),
        (
            "filter.end_time",
            filter(v1::AuditFilter { start_time: at(2), end_time: at(1), ..Default::default() }),
        ),
        ("limit", v1::AuditRequest { limit: 1_000_001, ..Default::default() }),
    ];
    for (field, request) in cases {
        let status = client.audit(request).await.unwrap_err();
        let (_, _, details) = explained(&status, Code::InvalidArgument);
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, field);
    }
}
