//! What one tenant cannot take from the others.

use std::time::Duration;

use llm_shield_proto::v1;
use tonic::Code;

use crate::support::{TestServer, eventually, explained, scan_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_asks_too_often_is_told_when_to_come_back() {
    let server = TestServer::with(|config| config.limits.tenant_requests_per_second = 1).await;
    let (acme, mut globex) = (server.client("acme/all").await, server.client("globex/all").await);
    let status = eventually("refused", || async { acme.clone().scan(scan_of("hello")).await.err() }).await;
    let (reason, metadata, details) = explained(&status, Code::ResourceExhausted);
    assert_eq!(reason, "QUOTA_EXCEEDED");
    assert_eq!((metadata["quota"].as_str(), metadata["limit"].as_str()), ("tenant_requests_per_second", "1"));
    assert_eq!(details.quota_failure().unwrap().violations[0].subject, "tenant:acme");
    let wait = details.retry_info().unwrap().retry_delay.unwrap();
    assert!(wait > Duration::ZERO && wait <= Duration::from_millis(1001), "{wait:?}");

    globex.scan(scan_of("hello")).await.unwrap();
    tokio::time::sleep(wait).await;
    acme.clone().scan(scan_of("hello")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_sends_too_much_is_told_when_to_come_back() {
    let server = TestServer::with(|config| {
        config.limits.tenant_bytes_per_second = 1024;
        config.limits.max_message_bytes = 2048;
    })
    .await;
    let mut client = server.client("acme/all").await;
    client.scan(scan_of(&"x".repeat(1900))).await.unwrap();
    let status = client.scan(scan_of(&"x".repeat(1900))).await.unwrap_err();
    let (reason, metadata, details) = explained(&status, Code::ResourceExhausted);
    assert_eq!((reason.as_str(), metadata["quota"].as_str()), ("QUOTA_EXCEEDED", "tenant_bytes_per_second"));
    assert!(details.retry_info().unwrap().retry_delay.unwrap() > Duration::from_millis(200));
    client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_of_the_audit_log_are_bounded() {
    let server = TestServer::with(|config| config.limits.max_audit_streams = 1).await;
    let mut client = server.client("acme/all").await;
    // More than the window of HTTP/2 holds, so that the first query stays open while nobody reads it.
    for _ in 0..40 {
        let mut request = scan_of("hello");
        request.labels = (0..16).map(|n| (format!("label-{n}"), "x".repeat(250))).collect();
        client.scan(request).await.unwrap();
    }
    let open = client.audit(v1::AuditRequest::default()).await.unwrap();
    let status = client.audit(v1::AuditRequest::default()).await.unwrap_err();
    let (reason, metadata, details) = explained(&status, Code::ResourceExhausted);
    assert_eq!((reason.as_str(), metadata["limit"].as_str()), ("TOO_MANY_AUDIT_STREAMS", "1"));
    assert!(details.retry_info().unwrap().retry_delay.unwrap() > Duration::ZERO);
    assert!(!details.quota_failure().unwrap().violations.is_empty());

    drop(open);
    let client = &client;
    eventually("a place is free again", || async {
        client.clone().audit(v1::AuditRequest::default()).await.ok()
    })
    .await;
}
