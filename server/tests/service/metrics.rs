//! What a scrape tells.

use llm_shield_proto::v1;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{INJECTION, TestServer, scan_of};

pub(crate) async fn get(server: &TestServer, path: &str) -> String {
    let mut stream = TcpStream::connect(server.admin.unwrap()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_decisions_and_findings_are_counted() {
    let server = TestServer::with(|config| config.admin.listen = "127.0.0.1:0".parse().ok()).await;
    let mut client = server.client("acme/scanner").await;
    client.scan(scan_of(&format!("{INJECTION} canary-quokka"))).await.unwrap();
    client.scan(v1::ScanRequest::default()).await.unwrap_err();

    let answer = get(&server, "/metrics").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for line in [
        r#"shield_requests_total{rpc="Scan",status="OK"}"#,
        r#"shield_requests_total{rpc="Scan",status="INVALID_ARGUMENT"}"#,
        r#"shield_request_duration_seconds_bucket{rpc="Scan",le="0.001"}"#,
        r#"shield_decisions_total{rpc="Scan",action="ACTION_BLOCK"}"#,
        r#"shield_findings_total{detector="injection"}"#,
        "shield_scanned_bytes_total",
        "shield_in_flight_requests",
        "shield_connections",
    ] {
        assert!(answer.lines().any(|found| found.starts_with(line)), "{line} is not in\n{answer}");
    }
    assert!(!answer.contains("quokka") && !answer.contains("spiffe:"), "{answer}");
    assert!(get(&server, "/livez").await.starts_with("HTTP/1.1 200"));
    assert!(get(&server, "/nothing").await.starts_with("HTTP/1.1 404"));
}
