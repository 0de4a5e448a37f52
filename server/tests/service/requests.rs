//! What each method answers.

use llm_shield_proto::v1::{self, Action};
use tonic::{Code, Request};

use crate::support::{INJECTION, TestServer, content, explained, redact_of, scan_of};

const MAIL: &str = "Écris à ada.lovelace@babbage-engines.com 🚀, merci";
const ADDRESS: &str = "ada.lovelace@babbage-engines.com";

#[tokio::test(flavor = "multi_thread")]
async fn scan_finds_and_decides() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/scanner").await;

    let blocked = client.scan(scan_of(INJECTION)).await.unwrap().into_inner();
    assert_eq!(blocked.action(), Action::Block);
    assert_eq!(blocked.verdict(), v1::Verdict::Malicious);
    assert!(blocked.injection_score >= 0.5);
    assert!(!blocked.audit_record_id.is_empty());
    assert_eq!(blocked.policy.as_ref().unwrap().name, "standard");
    assert_eq!(blocked.policy.unwrap().digest.len(), 64);
    let coverage = blocked.coverage.unwrap();
    assert_eq!(
        (coverage.bytes_total, coverage.bytes_scanned),
        (INJECTION.len() as u64, INJECTION.len() as u64)
    );

    let allowed = client.scan(scan_of("What is the boiling point of water?")).await.unwrap().into_inner();
    assert_eq!(allowed.action(), Action::Allow, "{:?}", allowed.findings);
    assert!(!allowed.findings_truncated);
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_come_in_three_units() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/scanner").await;
    let text = format!("🚀é {MAIL}");
    let answer = client.scan(scan_of(&text)).await.unwrap().into_inner();
    let finding = answer.findings.iter().find(|finding| finding.entity == "EMAIL_ADDRESS").unwrap();
    assert_eq!(finding.content_id, "0");
    let span = finding.span.unwrap();
    let start = text.find(ADDRESS).unwrap();
    assert_eq!(text.get(span.start_byte as usize..span.end_byte as usize), Some(ADDRESS));
    assert_eq!(span.start_code_point as usize, text[..start].chars().count());
    assert_eq!(span.start_utf16 as usize, text[..start].encode_utf16().count());
    assert_eq!(span.end_utf16 - span.start_utf16, ADDRESS.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn redact_replaces_and_says_where() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/redactor").await;
    let mut request = redact_of(MAIL);
    request.contents.push(v1::Content { id: "second".into(), ..content("nothing here") });
    let answer = client.redact(request).await.unwrap().into_inner();
    let [first, second] = answer.contents.as_slice() else { panic!("{answer:?}") };
    assert!(!first.text.contains(ADDRESS));
    let redaction = &first.redactions[0];
    assert_eq!(redaction.entity, "EMAIL_ADDRESS");
    let (before, after) = (redaction.original.unwrap(), redaction.redacted.unwrap());
    assert_eq!(&MAIL[before.start_byte as usize..before.end_byte as usize], ADDRESS);
    let rest = &first.text[after.end_byte as usize..];
    assert_eq!(rest, &MAIL[before.end_byte as usize..]);
    assert_eq!((second.id.as_str(), second.text.as_str()), ("second", "nothing here"));
    assert!(second.redactions.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn large_texts_are_scanned_to_their_end() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/scanner").await;
    let text = format!("{} {INJECTION}", "The weather was mild and the harvest good. ".repeat(2000));
    let answer = client.scan(scan_of(&text)).await.unwrap().into_inner();
    assert_eq!(answer.action(), Action::Block);
    assert_eq!(answer.coverage.unwrap().bytes_scanned, text.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_are_capped_and_the_action_is_not() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/scanner").await;
    let mails: String = (0..3_000).map(|n| format!("user{n}@babbage-engines.com ")).collect();
    let mut request = scan_of(&mails);
    request.contents.extend([content(&mails), content(&mails), content(&mails), content(INJECTION)]);
    let answer = client.scan(request).await.unwrap().into_inner();
    assert_eq!(answer.findings.len(), 10_000);
    assert!(answer.findings_truncated);
    assert_eq!(answer.action(), Action::Block);
}

#[tokio::test(flavor = "multi_thread")]
async fn server_info_tells_the_caller_what_it_is() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/auditor").await;
    let info = client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner();
    assert_eq!(info.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(info.principal, "spiffe://test.local/acme/auditor");
    assert_eq!((info.tenant.as_str(), info.roles), ("acme", vec!["auditor".to_owned()]));
    assert_eq!(info.default_policy, "standard");
    assert!(info.policies.iter().any(|policy| policy.name == "strict"));
    assert!(info.detectors.iter().all(|detector| !detector.name.is_empty()));
    assert!(info.detectors.iter().any(|detector| detector.rule_count > 0));
    assert_eq!(info.max_message_bytes, 4 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_id_is_kept_when_sane_and_made_otherwise() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/scanner").await;
    let mut ask = async |id: &str| {
        let mut request = Request::new(scan_of("hello"));
        request.metadata_mut().insert("x-request-id", id.parse().unwrap());
        let response = client.scan(request).await.unwrap();
        let echoed = response.metadata().get("x-request-id").unwrap().to_str().unwrap().to_owned();
        assert_eq!(echoed, response.get_ref().request_id);
        echoed
    };
    assert_eq!(ask("req-42/a").await, "req-42/a");
    for bad in ["has space", &"x".repeat(129)] {
        let made = ask(bad).await;
        assert_eq!(uuid::Uuid::parse_str(&made).unwrap().get_version_num(), 7);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_policy_is_not_found() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/scanner").await;
    let mut request = scan_of("hello");
    request.policy = "no-such".into();
    let status = client.scan(request).await.unwrap_err();
    let (reason, metadata, details) = explained(&status, Code::NotFound);
    assert_eq!((reason.as_str(), metadata["policy"].as_str()), ("POLICY_NOT_FOUND", "no-such"));
    assert_eq!(details.resource_info().unwrap().resource_name, "no-such");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_default_policy_decides() {
    let server = TestServer::with(|config| {
        config.policies.tenants.insert("acme".into(), "permissive".into());
    })
    .await;
    let name = async |caller: &str| {
        let answer = server.client(caller).await.scan(scan_of("hello")).await.unwrap().into_inner();
        answer.policy.unwrap().name
    };
    assert_eq!(name("acme/scanner").await, "permissive");
    assert_eq!(name("globex/all").await, "standard");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_fields_are_named() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/scanner").await;
    let mut request = scan_of("hello");
    request.contents[0].role = 99;
    request.policy = "x".repeat(129);
    let status = client.scan(request).await.unwrap_err();
    let (_, _, details) = explained(&status, Code::InvalidArgument);
    let fields: Vec<_> = details
        .bad_request()
        .unwrap()
        .field_violations
        .iter()
        .map(|violation| violation.field.as_str())
        .collect();
    assert_eq!(fields, ["contents[0].role", "policy"]);

    let status = client.scan(v1::ScanRequest::default()).await.unwrap_err();
    assert_eq!(
        explained(&status, Code::InvalidArgument).2.bad_request().unwrap().field_violations[0].field,
        "contents"
    );
}
