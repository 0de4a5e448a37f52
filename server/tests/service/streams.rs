//! Texts that arrive in pieces: what is let out when, that the end says what one call over the whole would, and that each
//! stream leaves one record.

use std::pin::Pin;

use llm_shield_proto::v1::{
    self, Action, StreamMode, redact_stream_request, redact_stream_response, scan_stream_request,
    scan_stream_response,
};
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt as _, wrappers::UnboundedReceiverStream};
use tonic::Code;

use crate::support::{Client, INJECTION, TestServer, content, eventually, explained, reason};

const PROSE: &str = "The kettle was filled before anyone had asked for it, and when the rain stopped there was bread on \
                     the table. Nobody had said how many would come.\n";

fn answer_of_a_model() -> String {
    let mut text =
        format!("Zoë 🚀 wrote from grace.hopper@example.com about card 4111 1111 1111 1111.\n{PROSE}");
    text.push_str(&PROSE.repeat(12));
    text.push_str("Call +1 415 555 0132 or write to ada.lovelace@babbage-engines.com 👍🏽.\n");
    text.push_str(&PROSE.repeat(10));
    text
}

type Requests<T> = Pin<Box<dyn Stream<Item = T> + Send>>;

fn scanned(config: v1::StreamConfig, text: &str, size: usize) -> Requests<v1::ScanStreamRequest> {
    use scan_stream_request::Message::{Config, Delta};
    let pieces: Vec<_> = text.as_bytes().chunks(size).map(|piece| Delta(piece.to_vec())).collect();
    let messages = std::iter::once(Config(config)).chain(pieces);
    Box::pin(tokio_stream::iter(messages.map(|message| v1::ScanStreamRequest { message: Some(message) })))
}

fn redacted(config: v1::StreamConfig, text: &str, size: usize) -> Requests<v1::RedactStreamRequest> {
    use redact_stream_request::Message::{Config, Delta};
    let pieces: Vec<_> = text.as_bytes().chunks(size).map(|piece| Delta(piece.to_vec())).collect();
    let messages = std::iter::once(Config(config)).chain(pieces);
    Box::pin(tokio_stream::iter(messages.map(|message| v1::RedactStreamRequest { message: Some(message) })))
}

#[derive(Default)]
struct Scan {
    findings: Vec<v1::Finding>,
    releases: Vec<u64>,
    summary: Option<v1::ScanResponse>,
}

async fn scan(client: &mut Client, requests: Requests<v1::ScanStreamRequest>) -> Result<Scan, tonic::Status> {
    let mut answers = client.scan_stream(requests).await?.into_inner();
    let mut scan = Scan::default();
    while let Some(answer) = answers.next().await {
        match answer?.message.unwrap() {
            scan_stream_response::Message::Finding(finding) => scan.findings.push(finding),
            scan_stream_response::Message::ReleasedBytes(bytes) => scan.releases.push(bytes),
            scan_stream_response::Message::Summary(summary) => scan.summary = Some(summary),
        }
    }
    Ok(scan)
}

async fn redact(
    client: &mut Client,
    requests: Requests<v1::RedactStreamRequest>,
) -> Result<(Vec<String>, Option<v1::RedactResponse>), tonic::Status> {
    let mut answers = client.redact_stream(requests).await?.into_inner();
    let (mut deltas, mut summary) = (Vec::new(), None);
    while let Some(answer) = answers.next().await {
        match answer?.message.unwrap() {
            redact_stream_response::Message::Delta(delta) => deltas.push(delta),
            redact_stream_response::Message::Summary(said) => summary = Some(said),
        }
    }
    Ok((deltas, summary))
}

fn whole(text: &str) -> Vec<v1::Content> {
    vec![v1::Content { role: v1::Role::Assistant.into(), ..content(text) }]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanned_stream_says_what_one_scan_does() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/all").await;
    let text = answer_of_a_model();
    let request = v1::ScanRequest {
        contents: whole(&text),
        direction: v1::Direction::Output.into(),
        ..Default::default()
    };
    let unary = client.scan(request).await.unwrap().into_inner();
    assert!(unary.findings.len() >= 4);
    for size in [1, 7, 500, text.len()] {
        let scan = scan(&mut client, scanned(v1::StreamConfig::default(), &text, size)).await.unwrap();
        let summary = scan.summary.unwrap();
        assert_eq!(summary.findings, unary.findings);
        assert_eq!(scan.findings, unary.findings, "{size}");
        assert_eq!((summary.action(), summary.verdict()), (unary.action(), unary.verdict()));
        assert!(!summary.degraded && !summary.audit_record_id.is_empty());
        assert!(scan.releases.is_sorted());
        assert_eq!(scan.releases.last(), Some(&(text.len() as u64)));
        let inside = |bytes: &u64, span: &v1::Span| span.start_byte < *bytes && *bytes < span.end_byte;
        let spans = || unary.findings.iter().filter_map(|finding| finding.span.as_ref());
        assert!(scan.releases.iter().all(|bytes| !spans().any(|span| inside(bytes, span))));
        assert!(size == text.len() || scan.releases.len() > 3, "{:?}", scan.releases);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redacted_stream_gives_what_one_redact_does() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/all").await;
    let text = answer_of_a_model();
    let request = v1::RedactRequest {
        contents: whole(&text),
        direction: v1::Direction::Output.into(),
        ..Default::default()
    };
    let unary = client.redact(request).await.unwrap().into_inner();
    for mode in [StreamMode::Unspecified, StreamMode::Sliding, StreamMode::Buffered] {
        for size in [1, 13, 700] {
            let config = v1::StreamConfig { mode: mode.into(), ..Default::default() };
            let (deltas, summary) = redact(&mut client, redacted(config, &text, size)).await.unwrap();
            assert_eq!(deltas.concat(), unary.contents[0].text);
            assert_eq!(deltas.len() > 1, mode != StreamMode::Buffered);
            let summary = summary.unwrap();
            assert_eq!(summary.contents[0].redactions, unary.contents[0].redactions);
            assert_eq!((summary.contents[0].text.as_str(), summary.action()), ("", unary.action()));
            assert!(!summary.degraded);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_let_out_before_the_end() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/all").await;
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut requests = redacted(v1::StreamConfig::default(), &answer_of_a_model(), 100);
    while let Some(request) = requests.next().await {
        sender.send(request).unwrap();
    }
    let mut answers =
        client.redact_stream(UnboundedReceiverStream::new(receiver)).await.unwrap().into_inner();
    // The caller has not half-closed.
    let first = answers.next().await.unwrap().unwrap();
    let Some(redact_stream_response::Message::Delta(delta)) = first.message else { panic!("{first:?}") };
    assert!(delta.starts_with("Zoë") || delta.contains("[EMAIL_ADDRESS]"), "{delta}");
    drop(sender);
    assert!(answers.next().await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_passes_from_what_is_blocked_on() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/all").await;
    let text = format!("{}{INJECTION}\n{}", PROSE.repeat(10), PROSE.repeat(20));
    let config = v1::StreamConfig {
        role: v1::Role::User.into(),
        direction: v1::Direction::Input.into(),
        ..Default::default()
    };
    let outcome = scan(&mut client, scanned(config.clone(), &text, 64)).await.unwrap();
    assert_eq!(outcome.summary.unwrap().action(), Action::Block);
    let attack = text.find(INJECTION).unwrap() as u64;
    assert!(outcome.releases.iter().all(|bytes| *bytes <= attack), "{:?}", outcome.releases);
    assert!(!outcome.releases.is_empty());

    let audit = v1::StreamConfig { mode: StreamMode::Audit.into(), ..config };
    let outcome = scan(&mut client, scanned(audit, &text, 64)).await.unwrap();
    assert_eq!(outcome.summary.unwrap().action(), Action::Block);
    assert_eq!(outcome.releases.last(), Some(&(text.len() as u64)));
}

async fn records(client: &mut Client) -> Vec<v1::AuditRecord> {
    let mut answers = client.audit(v1::AuditRequest::default()).await.unwrap().into_inner();
    let mut records = Vec::new();
    while let Some(answer) = answers.next().await {
        records.extend(answer.unwrap().record);
    }
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn each_stream_leaves_one_record() {
    let server = TestServer::start().await;
    let mut client = server.client("globex/all").await;
    let config =
        v1::StreamConfig { labels: [("app".to_owned(), "shop".to_owned())].into(), ..Default::default() };
    let text = answer_of_a_model();
    let outcome = scan(&mut client, scanned(config.clone(), &text, 200)).await.unwrap();
    let (_, summary) = redact(&mut client, redacted(config, &text, 200)).await.unwrap();
    let ids = [outcome.summary.unwrap().audit_record_id, summary.unwrap().audit_record_id];
    let records = records(&mut client).await;
    let said: Vec<_> = records.iter().map(|record| (record.id.as_str(), record.rpc.as_str())).collect();
    assert_eq!(said, [(ids[0].as_str(), "ScanStream"), (ids[1].as_str(), "RedactStream")]);
    assert!(records.iter().all(|record| record.labels["app"] == "shop" && record.content_digests.len() == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_let_out_of_a_stream_that_breaks_off_is_recorded() {
    let server = TestServer::start().await;
    let mut client = server.client("globex/all").await;
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut requests = redacted(v1::StreamConfig::default(), &answer_of_a_model(), 100);
    while let Some(request) = requests.next().await {
        sender.send(request).unwrap();
    }
    let mut answers =
        client.redact_stream(UnboundedReceiverStream::new(receiver)).await.unwrap().into_inner();
    answers.next().await.unwrap().unwrap();
    let again = redact_stream_request::Message::Config(v1::StreamConfig::default());
    sender.send(v1::RedactStreamRequest { message: Some(again) }).unwrap();
    while answers.next().await.unwrap().is_ok() {}
    let record = eventually("a record", async || records(&mut client.clone()).await.pop()).await;
    assert_eq!((record.rpc.as_str(), record.labels["stream_ended"].as_str()), ("RedactStream", "early"));
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_break_the_rules_are_refused() {
    let server = TestServer::with(|config| config.limits.max_message_bytes = 4096).await;
    let mut client = server.client("acme/all").await;
    let field = |status: &tonic::Status| {
        let (_, _, details) = explained(status, Code::InvalidArgument);
        details.bad_request().unwrap().field_violations[0].field.clone()
    };
    let request = |message| v1::ScanStreamRequest { message: Some(message) };
    let delta = |bytes: &[u8]| request(scan_stream_request::Message::Delta(bytes.to_vec()));
    let config = || request(scan_stream_request::Message::Config(v1::StreamConfig::default()));
    let refused = [
        (vec![], "config"),
        (vec![delta(b"a")], "config"),
        (vec![config(), config()], "config"),
        (vec![config(), v1::ScanStreamRequest::default()], "message"),
    ];
    for (messages, wrong) in refused {
        let status = scan(&mut client, Box::pin(tokio_stream::iter(messages))).await.err().unwrap();
        assert_eq!(field(&status), wrong);
    }
    for bytes in [&b"a\xffb"[..], &"é".as_bytes()[..1]] {
        let messages = Box::pin(tokio_stream::iter([config(), delta(bytes)]));
        assert_eq!(
            reason(&scan(&mut client, messages).await.err().unwrap(), Code::InvalidArgument),
            "INVALID_UTF8"
        );
    }
    let large = scan(&mut client, scanned(v1::StreamConfig::default(), &"x".repeat(5000), 1000)).await;
    assert_eq!(reason(&large.err().unwrap(), Code::ResourceExhausted), "MESSAGE_TOO_LARGE");

    let no_policy = v1::StreamConfig { policy: "no-such".into(), ..Default::default() };
    let status = scan(&mut client, scanned(no_policy, "a", 1)).await.err().unwrap();
    assert_eq!(reason(&status, Code::NotFound), "POLICY_NOT_FOUND");
    let audit = v1::StreamConfig { mode: StreamMode::Audit.into(), ..Default::default() };
    assert_eq!(field(&redact(&mut client, redacted(audit, "a", 1)).await.unwrap_err()), "config.mode");
    let far = v1::StreamConfig { holdback_bytes: (1 << 20) + 1, ..Default::default() };
    assert_eq!(field(&scan(&mut client, scanned(far, "a", 1)).await.err().unwrap()), "holdback_bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_at_its_callers_deadline() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/all").await;
    let (_sender, receiver) = mpsc::unbounded_channel();
    let mut request = tonic::Request::new(UnboundedReceiverStream::<v1::ScanStreamRequest>::new(receiver));
    request.set_timeout(std::time::Duration::from_millis(200));
    let mut answers = client.scan_stream(request).await.unwrap().into_inner();
    let status = answers.next().await.unwrap().unwrap_err();
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status:?}");
}
