//! What happens when something under the service fails.

use std::{fs, path::PathBuf, time::Duration};

use llm_shield_proto::v1;
use tonic::Code;

use crate::support::{TestServer, eventually, explained, reason, redact_of, scan_of};

/// The directory of the only log in a server's audit store.
fn log_directory(server: &TestServer) -> PathBuf {
    server.file("data/audit/outbox")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_record_there_is_no_answer() {
    let server = TestServer::start().await;
    // A file lies where the tenant's log should be made.
    let in_the_way = log_directory(&server).join("acme");
    fs::write(&in_the_way, "").unwrap();
    let mut client = server.client("acme/all").await;
    let refused = [
        client.scan(scan_of("hello")).await.unwrap_err(),
        client.redact(redact_of("hello")).await.unwrap_err(),
    ];
    for status in refused {
        let (reason, _, details) = explained(&status, Code::Unavailable);
        assert_eq!(reason, "AUDIT_UNAVAILABLE");
        assert!(details.retry_info().unwrap().retry_delay.unwrap() > Duration::ZERO);
    }
    server.client("globex/all").await.scan(scan_of("hello")).await.unwrap();

    fs::remove_file(in_the_way).unwrap();
    client.scan(scan_of("hello")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_fails_is_no_answer_either() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/all").await;
    // The log can be made, and its first segment cannot.
    let segment = log_directory(&server).join("acme/00000001.seg");
    fs::create_dir_all(&segment).unwrap();
    let status = client.scan(scan_of("hello")).await.unwrap_err();
    assert_eq!(reason(&status, Code::Unavailable), "AUDIT_UNAVAILABLE");

    fs::remove_dir(segment).unwrap();
    let answer = client.scan(scan_of("hello")).await.unwrap().into_inner();
    let mut records = client.audit(v1::AuditRequest::default()).await.unwrap().into_inner();
    assert_eq!(records.message().await.unwrap().unwrap().record.unwrap().id, answer.audit_record_id);
    assert!(records.message().await.unwrap().is_none(), "the refused scan left a record");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_its_deadline_stops_is_no_decision() {
    let server = TestServer::with(|config| config.limits.max_deadline = Duration::from_millis(20)).await;
    let mut client = server.client("acme/all").await;
    let text = "write to ada@babbage-engines.com, 4111 1111 1111 1111 ".repeat(70_000);
    let status = client.scan(scan_of(&text)).await.unwrap_err();
    assert_eq!(reason(&status, Code::DeadlineExceeded), "DEADLINE_EXCEEDED");
    // The read itself is recorded within the same deadline, and the first record of a tenant takes longer.
    let read = || {
        let mut client = client.clone();
        async move { client.audit(v1::AuditRequest::default()).await.ok() }
    };
    let mut records = eventually("the log is read", read).await.into_inner();
    assert!(records.message().await.unwrap().is_none(), "no decision, no record");
}
