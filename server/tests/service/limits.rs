//! What a caller cannot take.

use std::time::{Duration, Instant};

use llm_shield_proto::v1;
use tokio::{io::AsyncReadExt, net::TcpStream, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, client::Grpc, codec::Codec, transport::Channel};
use tonic_prost::ProstCodec;

use crate::support::{TestServer, Valid, eventually, explained, reason, scan_of};

/// `ScanRequest` as a client could send it that does not check its texts.
#[derive(Clone, PartialEq, prost::Message)]
struct RawScanRequest {
    #[prost(message, repeated, tag = "1")]
    contents: Vec<RawContent>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RawContent {
    #[prost(bytes, tag = "3")]
    text: Vec<u8>,
}

/// A message that is none of the schema's: its first field has another wire type.
#[derive(Clone, PartialEq, prost::Message)]
struct Garbage {
    #[prost(fixed64, tag = "1")]
    contents: u64,
}

async fn call<T: prost::Message + Default + 'static>(
    channel: Channel,
    path: &str,
    request: T,
) -> tonic::Status {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.unwrap();
    let codec: ProstCodec<T, v1::ScanResponse> = ProstCodec::default();
    grpc.unary(Request::new(request), path.parse().unwrap(), codec).await.unwrap_err()
}

const SCAN: &str = "/llm_shield.v1.ShieldService/Scan";

async fn scanner(server: &TestServer) -> Channel {
    server.channel(&server.authority.client("acme/scanner", Valid::Now)).await.unwrap()
}

/// A call whose message has not come yet: it stays open until something is sent.
pub(crate) async fn open_scan(
    server: &TestServer,
) -> (mpsc::Sender<v1::ScanRequest>, tokio::task::JoinHandle<Result<v1::ScanResponse, tonic::Status>>) {
    let (sender, receiver) = mpsc::channel(1);
    let mut grpc = Grpc::new(scanner(server).await);
    let call = tokio::spawn(async move {
        grpc.ready().await.unwrap();
        let codec: ProstCodec<v1::ScanRequest, v1::ScanResponse> = ProstCodec::default();
        fn same<C: Codec>(codec: C) -> C {
            codec
        }
        let request = Request::new(ReceiverStream::new(receiver));
        let response = grpc.client_streaming(request, SCAN.parse().unwrap(), same(codec)).await?;
        Ok(response.into_inner())
    });
    (sender, call)
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_not_utf8_is_refused() {
    let server = TestServer::start().await;
    let contents = vec![RawContent { text: b"caf\xe9 canary-not-utf8".to_vec() }];
    let status = call(scanner(&server).await, SCAN, RawScanRequest { contents }).await;
    let (reason, metadata, details) = explained(&status, Code::InvalidArgument);
    assert_eq!((reason.as_str(), metadata["field"].as_str()), ("INVALID_UTF8", "contents.text"));
    assert_eq!(details.bad_request().unwrap().field_violations[0].field, "contents.text");
    assert!(!format!("{status:?}").contains("canary"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_refused() {
    let server = TestServer::start().await;
    let channel = scanner(&server).await;
    let status = call(channel.clone(), SCAN, Garbage { contents: 7 }).await;
    assert_eq!(reason(&status, Code::InvalidArgument), "MALFORMED_MESSAGE");
    for path in ["/llm_shield.v1.ShieldService/Nope", "/no.Such/Method"] {
        let status = call(channel.clone(), path, v1::ScanRequest::default()).await;
        assert_eq!(reason(&status, Code::Unimplemented), "UNKNOWN_METHOD");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_a_message_names_the_limit() {
    let server = TestServer::with(|config| config.limits.max_message_bytes = 1024).await;
    let mut client = server.client("acme/scanner").await;
    let status = client.scan(scan_of(&"x".repeat(2000))).await.unwrap_err();
    let (reason, metadata, _) = explained(&status, Code::ResourceExhausted);
    assert_eq!((reason.as_str(), metadata["limit_bytes"].as_str()), ("MESSAGE_TOO_LARGE", "1024"));
    assert!(status.message().contains("1024 bytes"));
    client.scan(scan_of("small")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_refuses_at_once() {
    let server = TestServer::with(|config| config.limits.max_concurrent_requests = 1).await;
    let client = server.client("acme/scanner").await;
    let (sender, open) = open_scan(&server).await;
    // It must be there first: a refused one would not wait.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let status = eventually("refused", || async { client.clone().scan(scan_of("hello")).await.err() }).await;
    let (reason, metadata, details) = explained(&status, Code::ResourceExhausted);
    assert_eq!((reason.as_str(), metadata["limit"].as_str()), ("OVERLOADED", "1"));
    assert!(details.retry_info().unwrap().retry_delay.unwrap() > Duration::ZERO);
    assert!(!details.quota_failure().unwrap().violations.is_empty());

    sender.send(scan_of("hello")).await.unwrap();
    drop(sender);
    open.await.unwrap().unwrap();
    eventually("accepted", || async { client.clone().scan(scan_of("hello")).await.ok() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_gives_up_costs_nobody_else() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/scanner").await;
    let mut request = Request::new(scan_of(&"user@babbage-engines.com ".repeat(150_000)));
    request.set_timeout(Duration::from_millis(1));
    // The client's own clock may be the first to notice.
    let code = client.scan(request).await.unwrap_err().code();
    assert!(matches!(code, Code::DeadlineExceeded | Code::Cancelled), "{code:?}");
    client.scan(scan_of("hello")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_deadline_ends_slow_messages() {
    let server = TestServer::with(|config| config.limits.max_deadline = Duration::from_millis(200)).await;
    let (_sender, open) = open_scan(&server).await;
    let status = open.await.unwrap().unwrap_err();
    assert_eq!(reason(&status, Code::DeadlineExceeded), "DEADLINE_EXCEEDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_delay_nobody_and_are_closed() {
    let server = TestServer::with(|config| config.limits.handshake_timeout = Duration::from_secs(2)).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    let began = Instant::now();
    server.client("acme/scanner").await.scan(scan_of("hello")).await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "a handshake waited for silent peers: {:?}",
        began.elapsed()
    );
    for stream in &mut silent {
        assert!(matches!(stream.read(&mut [0; 64]).await, Ok(0) | Err(_)), "a silent connection was kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_are_closed() {
    let server = TestServer::with(|config| {
        config.limits.max_connections = 1;
        config.limits.handshake_timeout = Duration::from_secs(30);
    })
    .await;
    let first = TcpStream::connect(server.address).await.unwrap();
    let mut second = TcpStream::connect(server.address).await.unwrap();
    assert!(matches!(second.read(&mut [0; 64]).await, Ok(0) | Err(_)));
    drop(first);
    eventually("a place is free again", || async {
        let credentials = server.authority.client("acme/scanner", Valid::Now);
        server.channel(&credentials).await.ok()
    })
    .await;
}
