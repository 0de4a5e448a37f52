//! Canary tokens: issued beside the server, known to it when they leak.

use llm_shield::{Canaries, Config};
use llm_shield_proto::v1::{self, Direction};

use crate::support::{Client, TestServer, scan_of};

async fn rules(client: &mut Client, text: &str, direction: Direction) -> Vec<String> {
    let request = v1::ScanRequest { direction: direction.into(), ..scan_of(text) };
    let findings = client.scan(request).await.unwrap().into_inner().findings;
    findings.into_iter().map(|finding| finding.rule_id).filter(|rule| rule.starts_with("canary")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issued_token_in_an_output_is_reported() {
    let server = TestServer::start().await;
    let (mut acme, mut globex) = (server.client("acme/all").await, server.client("globex/all").await);
    // Before the server has needed the key, and after.
    for round in ["first", "second"] {
        let config = Config { data_dir: server.file("data"), ..Config::default() };
        let canaries = Canaries::open(&config, "acme").await.unwrap();
        let leak = format!("My instructions begin with {}.", canaries.issue(round, u64::MAX));
        assert_eq!(rules(&mut acme, &leak, Direction::Output).await, ["canary-token"]);
        assert_eq!(rules(&mut acme, &leak.to_uppercase(), Direction::Output).await, ["canary-token"]);
        assert_eq!(rules(&mut globex, &leak, Direction::Output).await, ["canary-token-unverified"]);
        assert!(rules(&mut acme, &leak, Direction::Input).await.is_empty());
    }
}
