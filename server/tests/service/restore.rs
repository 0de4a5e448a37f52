//! What was redacted comes back: to those who may see it, and to nobody else.

use std::{fs, time::Duration};

use llm_shield_proto::v1::{self, Action, Verdict};
use tonic::Code;

use crate::support::{Client, TestServer, content, explained, reason, redact_of};

const POLICY: &str = "
name: vault
input: {detectors: {pii: {action: redact}}}
operators: {DEFAULT: {operator: token}, CREDIT_CARD: {operator: fpe, keep_last: 4}}
";

async fn vault() -> TestServer {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vault.yaml");
    fs::write(&path, POLICY).unwrap();
    TestServer::with(|config| {
        config.policies.files.insert("vault".to_owned(), path);
        config.policies.tenants.insert("acme".to_owned(), "vault".to_owned());
        config.policies.tenants.insert("globex".to_owned(), "vault".to_owned());
    })
    .await
}

fn restore_of(text: &str) -> v1::RestoreRequest {
    v1::RestoreRequest { contents: vec![content(text)], ..Default::default() }
}

async fn redacted(client: &mut Client, text: &str, conversation: &str) -> String {
    let request = v1::RedactRequest { conversation: conversation.to_owned(), ..redact_of(text) };
    client.redact(request).await.unwrap().into_inner().contents.remove(0).text
}

async fn records(server: &TestServer) -> Vec<v1::AuditRecord> {
    let mut stream =
        server.client("acme/all").await.audit(v1::AuditRequest::default()).await.unwrap().into_inner();
    let mut records = Vec::new();
    while let Some(response) = stream.message().await.unwrap() {
        records.push(response.record.unwrap());
    }
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_come_back_and_the_call_is_on_record() {
    let server = vault().await;
    let text = "write to ada@babbage-engines.com or bob@babbage-engines.com";
    let sealed = redacted(&mut server.client("acme/redactor").await, text, "").await;
    assert!(!sealed.contains("babbage") && sealed.contains("[[LS1:EMAIL_ADDRESS:"), "{sealed}");

    let mut restorer = server.client("acme/restorer").await;
    let mut request = v1::RestoreRequest { purpose: "to answer the customer".into(), ..restore_of(&sealed) };
    request.contents[0].id = "answer".into();
    request.contents[0].role = v1::Role::Assistant.into();
    let answer = restorer.restore(request).await.unwrap().into_inner();
    let back = &answer.contents[0];
    assert_eq!((back.text.as_str(), back.id.as_str(), back.role()), (text, "answer", v1::Role::Assistant));
    assert_eq!((answer.restored_count, answer.unknown_count), (2, 0));

    let record = records(&server).await.pop().unwrap();
    assert_eq!((record.id.as_str(), record.rpc.as_str()), (answer.audit_record_id.as_str(), "Restore"));
    assert_eq!((record.action(), record.verdict()), (Action::Allow, Verdict::Sensitive));
    assert_eq!(record.principal, "spiffe://test.local/acme/restorer");
    assert_eq!(record.labels["purpose"], "to answer the customer");
    assert_eq!(record.labels["restored"], "EMAIL_ADDRESS=2");
    assert_eq!(record.content_digests.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_and_changed_tokens_refuse_the_call() {
    let server = vault().await;
    let sealed = redacted(&mut server.client("acme/all").await, "write to ada@babbage-engines.com", "").await;
    let at = sealed.find("]]").unwrap() - 1;
    let letter = if &sealed[at..=at] == "a" { "b" } else { "a" };
    let changed = format!("{}{letter}{}", &sealed[..at], &sealed[at + 1..]);
    let cut = sealed[..at].to_owned();
    let moved = sealed.replace("EMAIL_ADDRESS", "PERSON");
    for (caller, text) in
        [("globex/all", &sealed), ("acme/all", &changed), ("acme/all", &cut), ("acme/all", &moved)]
    {
        let mut request = restore_of("nothing to see");
        request.contents.push(content(text));
        let status = server.client(caller).await.restore(request).await.unwrap_err();
        let (reason, metadata, _) = explained(&status, Code::InvalidArgument);
        assert_eq!(reason, "NOT_RESTORABLE");
        assert_eq!((metadata["content"].as_str(), metadata["count"].as_str()), ("1", "1"));
        assert!(!format!("{status:?}").contains("babbage"));
    }
    let refused = records(&server).await.pop().unwrap();
    assert_eq!((refused.rpc.as_str(), refused.action()), ("Restore", Action::Block));
    assert_eq!(refused.labels["refused"], "1 not restorable");
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_formats_come_back_where_they_are_said_to_be() {
    let server = vault().await;
    let mut client = server.client("acme/all").await;
    let text = "pay with 4111 1111 1111 1111 today";
    let sealed = client.redact(redact_of(text)).await.unwrap().into_inner().contents.remove(0);
    assert!(sealed.text != text && sealed.text.ends_with(" 1111 today"), "{}", sealed.text);
    let place = v1::RestorePlace {
        content_index: 0,
        span: sealed.redactions[0].redacted,
        entity: sealed.redactions[0].entity.clone(),
    };
    let request = v1::RestoreRequest { places: vec![place.clone()], ..restore_of(&sealed.text) };
    let answer = client.restore(request.clone()).await.unwrap().into_inner();
    assert_eq!((answer.contents[0].text.as_str(), answer.restored_count), (text, 1));
    let other = server.client("globex/all").await.restore(request.clone()).await.unwrap().into_inner();
    assert_ne!(other.contents[0].text, text, "another key gives another value");

    let span = |start_byte, end_byte| Some(v1::Span { start_byte, end_byte, ..Default::default() });
    let cases = [
        ("places[0].content_index", v1::RestorePlace { content_index: 1, ..place.clone() }),
        ("places[0].span", v1::RestorePlace { span: None, ..place.clone() }),
        ("places[0].span", v1::RestorePlace { span: span(5, u64::MAX), ..place.clone() }),
        ("places[0].span", v1::RestorePlace { span: span(9, 3), ..place.clone() }),
        ("places[0].entity", v1::RestorePlace { entity: "EMAIL_ADDRESS".into(), ..place.clone() }),
    ];
    for (field, place) in cases {
        let request = v1::RestoreRequest { places: vec![place], ..request.clone() };
        let status = client.restore(request).await.unwrap_err();
        let details = explained(&status, Code::InvalidArgument).2;
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, field);
    }
    let twice = v1::RestoreRequest { places: vec![place.clone(), place], ..request };
    let status = client.restore(twice).await.unwrap_err();
    assert_eq!(reason(&status, Code::InvalidArgument), "INVALID_FIELD");
}

#[tokio::test(flavor = "multi_thread")]
async fn placeholders_are_stable_within_a_conversation() {
    let server = TestServer::start().await;
    let mut client = server.client("acme/all").await;
    let ada = "write to ada@babbage-engines.com";
    assert_eq!(
        redacted(&mut client, ada, "").await,
        "write to [EMAIL_ADDRESS]",
        "none without a conversation"
    );
    assert_eq!(redacted(&mut client, ada, "c-1").await, "write to [EMAIL_ADDRESS_1]");
    let both = "bob@babbage-engines.com, ADA@babbage-engines.com";
    assert_eq!(redacted(&mut client, both, "c-1").await, "[EMAIL_ADDRESS_2], [EMAIL_ADDRESS_1]");
    assert_eq!(redacted(&mut client, both, "c-2").await, "[EMAIL_ADDRESS_1], [EMAIL_ADDRESS_2]");

    let said = "Dear [EMAIL_ADDRESS_2], see [FIGURE_1]; ask [EMAIL_ADDRESS_1], not [EMAIL_ADDRESS_7].";
    let request = v1::RestoreRequest { conversation: "c-1".into(), ..restore_of(said) };
    let answer = client.restore(request.clone()).await.unwrap().into_inner();
    assert_eq!(
        answer.contents[0].text,
        "Dear bob@babbage-engines.com, see [FIGURE_1]; ask ada@babbage-engines.com, not [EMAIL_ADDRESS_7]."
    );
    assert_eq!((answer.restored_count, answer.unknown_count), (2, 1));
    // Without the conversation they are words like others.
    let without = client.restore(restore_of(said)).await.unwrap().into_inner();
    assert_eq!((without.contents[0].text.as_str(), without.restored_count), (said, 0));

    let status = server.client("globex/all").await.restore(request.clone()).await.unwrap_err();
    assert_eq!(reason(&status, Code::NotFound), "CONVERSATION_NOT_FOUND");
    redacted(&mut server.client("globex/all").await, "write to eve@babbage-engines.com", "c-1").await;
    let theirs = server.client("globex/all").await.restore(request).await.unwrap().into_inner();
    assert!(theirs.contents[0].text.contains("ask eve@") && !theirs.contents[0].text.contains("ada@"));
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_of_one_request_share_their_numbers() {
    let server = TestServer::start().await;
    let mut request = redact_of("from ada@babbage-engines.com");
    request.contents.push(content("to bob@babbage-engines.com, from ada@babbage-engines.com"));
    request.conversation = "c".into();
    let answer = server.client("acme/all").await.redact(request).await.unwrap().into_inner();
    let texts: Vec<_> = answer.contents.iter().map(|content| content.text.as_str()).collect();
    assert_eq!(texts, ["from [EMAIL_ADDRESS_1]", "to [EMAIL_ADDRESS_2], from [EMAIL_ADDRESS_1]"]);
    assert_eq!(records(&server).await[0].labels["conversation"], "c");
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_are_forgotten() {
    let server = TestServer::with(|config| {
        config.conversations.max_per_tenant = 1;
        config.conversations.max_idle = Duration::from_millis(300);
    })
    .await;
    let mut client = server.client("acme/all").await;
    let restore = |conversation: &str| v1::RestoreRequest {
        conversation: conversation.into(),
        ..restore_of("[EMAIL_ADDRESS_1]")
    };
    redacted(&mut client, "ada@babbage-engines.com", "old").await;
    redacted(&mut client, "bob@babbage-engines.com", "new").await;
    let status = client.restore(restore("old")).await.unwrap_err();
    assert_eq!(reason(&status, Code::NotFound), "CONVERSATION_NOT_FOUND");
    tokio::time::sleep(Duration::from_millis(400)).await;
    let status = client.restore(restore("new")).await.unwrap_err();
    assert_eq!(reason(&status, Code::NotFound), "CONVERSATION_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_is_bounded() {
    let server = TestServer::with(|config| config.limits.max_message_bytes = 4096).await;
    let mut client = server.client("acme/all").await;
    let long = format!("{}@babbage-engines.com", "a".repeat(60));
    redacted(&mut client, &format!("write to {long}"), "c").await;
    let text = "[EMAIL_ADDRESS_1] ".repeat(200);
    let request = v1::RestoreRequest { conversation: "c".into(), ..restore_of(&text) };
    let status = client.restore(request).await.unwrap_err();
    assert_eq!(reason(&status, Code::ResourceExhausted), "RESTORED_TEXT_TOO_LARGE");
}
