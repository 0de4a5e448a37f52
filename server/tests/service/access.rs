//! Who gets in, and what each may call.

use llm_shield_proto::v1;
use tonic::Code;

use crate::support::{
    Authority, Client, Credentials, TestServer, Valid, eventually, explained, reason, redact_of, scan_of,
};

/// Says whether a call gets an answer, of whatever kind, from a handler or a layer.
async fn reaches(server: &TestServer, credentials: Option<&Credentials>) -> bool {
    match server.connect(credentials, &server.authority.pem).await {
        Ok(channel) => Client::new(channel).scan(scan_of("hello")).await.is_ok(),
        Err(_) => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_good_certificates_get_in() {
    let server = TestServer::start().await;
    let good = server.authority.client("acme/scanner", Valid::Now);
    assert!(reaches(&server, Some(&good)).await);
    assert!(!reaches(&server, None).await, "no certificate");
    let expired = server.authority.client("acme/scanner", Valid::Past);
    assert!(!reaches(&server, Some(&expired)).await, "expired");
    let foreign = Authority::new().client("acme/scanner", Valid::Now);
    assert!(!reaches(&server, Some(&foreign)).await, "another authority's");
    let for_servers = server.authority.server();
    assert!(!reaches(&server, Some(&for_servers)).await, "a server's certificate");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmapped_identity_may_do_nothing() {
    let server = TestServer::start().await;
    for name in ["acme/nobody", "acme/scanner/x", "umbrella/all"] {
        let mut client = server.client(name).await;
        let status = client.scan(scan_of("hello")).await.unwrap_err();
        assert_eq!(reason(&status, Code::PermissionDenied), "IDENTITY_NOT_MAPPED");
        let status = client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap_err();
        assert_eq!(reason(&status, Code::PermissionDenied), "IDENTITY_NOT_MAPPED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dns_names_are_mapped() {
    let server = TestServer::start().await;
    let credentials = server.authority.dns_client("billing.apps.test.local");
    let mut client = Client::new(server.channel(&credentials).await.unwrap());
    let info = client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner();
    assert_eq!((info.principal.as_str(), info.tenant.as_str()), ("billing.apps.test.local", "initech"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_method_demands_its_role() {
    let server = TestServer::start().await;
    let lacks = |status: tonic::Status, role: &str, rpc: &str| {
        let (reason, metadata, _) = explained(&status, Code::PermissionDenied);
        assert_eq!(reason, "PERMISSION_MISSING");
        assert_eq!((metadata["permission"].as_str(), metadata["rpc"].as_str()), (role, rpc));
        assert!(status.message().contains(role));
    };
    let mut auditor = server.client("acme/auditor").await;
    lacks(auditor.scan(scan_of("hello")).await.unwrap_err(), "scanner", "Scan");
    lacks(auditor.scan_stream(tokio_stream::empty()).await.unwrap_err(), "scanner", "ScanStream");
    lacks(auditor.redact(redact_of("hello")).await.unwrap_err(), "redactor", "Redact");
    lacks(auditor.redact_stream(tokio_stream::empty()).await.unwrap_err(), "redactor", "RedactStream");
    lacks(auditor.restore(v1::RestoreRequest::default()).await.unwrap_err(), "restorer", "Restore");
    let mut admin = server.client("acme/admin").await;
    lacks(admin.audit(v1::AuditRequest::default()).await.unwrap_err(), "auditor", "Audit");
    lacks(
        admin.get_audit_proof(v1::GetAuditProofRequest::default()).await.unwrap_err(),
        "auditor",
        "GetAuditProof",
    );
    lacks(admin.verify_audit(v1::VerifyAuditRequest::default()).await.unwrap_err(), "auditor", "VerifyAudit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_expires_is_refused_on_its_open_connection() {
    let server = TestServer::start().await;
    let credentials = server.authority.client("acme/scanner", Valid::For(4));
    let client = Client::new(server.channel(&credentials).await.unwrap());
    client.clone().scan(scan_of("hello")).await.unwrap();
    let status = eventually("refused", || async { client.clone().scan(scan_of("hello")).await.err() }).await;
    assert_eq!(reason(&status, Code::Unauthenticated), "CERTIFICATE_EXPIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_is_refused_on_its_open_connection() {
    let server = TestServer::start().await;
    let credentials = server.authority.client("acme/scanner", Valid::Now);
    let revoked = Client::new(server.channel(&credentials).await.unwrap());
    let mut other = server.client("acme/scanner").await;
    revoked.clone().scan(scan_of("hello")).await.unwrap();

    std::fs::write(server.file("crl.pem"), server.authority.crl(&[credentials.serial])).unwrap();
    server.reload.reload();
    let status = eventually("refused", || async { revoked.clone().scan(scan_of("hello")).await.err() }).await;
    assert_eq!(reason(&status, Code::Unauthenticated), "CERTIFICATE_NOT_TRUSTED");
    other.scan(scan_of("hello")).await.unwrap();
    assert!(!reaches(&server, Some(&credentials)).await, "nor does it get in anew");
}
