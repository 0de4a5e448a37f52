//! Policies that change while the server runs.

use std::{fs, path::Path, process::Command, time::Duration};

use llm_shield_proto::v1::{self, Action};
use tonic::Code;

use crate::support::{Client, INJECTION, TestServer, eventually, logs, reason, scan_of};

/// A policy that does `action` with every injection.
fn policy(name: &str, action: &str) -> String {
    format!("name: {name}\ninput: {{detectors: {{injection: {{threshold: 0.5, action: {action}}}}}}}\n")
}

async fn with_policies(dir: &Path) -> TestServer {
    fs::write(dir.join("house.yaml"), policy("house", "block")).unwrap();
    let dir = dir.to_owned();
    TestServer::with(move |config| {
        config.policies.dir = Some(dir);
        config.policies.default = "house".to_owned();
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hangup_signal_reads_files_anew() {
    let dir = tempfile::tempdir().unwrap();
    let house = dir.path().join("house.yaml");
    fs::write(&house, policy("house", "block")).unwrap();
    let server = TestServer::with(|config| {
        config.policies.files.insert("house".to_owned(), house.clone());
        config.policies.default = "house".to_owned();
        config.policies.reload_interval = Duration::from_secs(3600);
    })
    .await;
    let client = server.client("acme/scanner").await;
    assert_eq!(decision(&client).await.action(), Action::Block);

    fs::write(&house, policy("house", "flag")).unwrap();
    // Every server of this program hears it; for the others it changes nothing.
    let process = std::process::id().to_string();
    assert!(Command::new("kill").args(["-HUP", &process]).status().unwrap().success());
    eventually("the new policy decides", || async {
        Some(decision(&client).await).filter(|answer| answer.action() == Action::Flag)
    })
    .await;
}

async fn decision(client: &Client) -> v1::ScanResponse {
    client.clone().scan(scan_of(INJECTION)).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_policy_decides_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let server = with_policies(dir.path()).await;
    let client = server.client("acme/scanner").await;
    let before = decision(&client).await;
    assert_eq!(before.action(), Action::Block);

    fs::write(dir.path().join("house.yaml"), policy("house", "flag")).unwrap();
    fs::write(dir.path().join("guest.yaml"), policy("guest", "flag")).unwrap();
    server.reload.reload();
    let after = eventually("the new policy decides", || async {
        Some(decision(&client).await).filter(|answer| answer.action() == Action::Flag)
    })
    .await;
    let (before, after) = (before.policy.unwrap(), after.policy.unwrap());
    assert_eq!((before.name.as_str(), after.name.as_str()), ("house", "house"));
    assert_ne!(before.digest, after.digest);
    let logs = logs();
    assert!(logs.lines().any(|line| line.contains(&before.digest) && line.contains(&after.digest)));
    let named = v1::ScanRequest { policy: "guest".into(), ..scan_of("hello") };
    client.clone().scan(named.clone()).await.unwrap();

    fs::remove_file(dir.path().join("guest.yaml")).unwrap();
    server.reload.reload();
    let status =
        eventually("the policy is gone", || async { client.clone().scan(named.clone()).await.err() }).await;
    assert_eq!(reason(&status, Code::NotFound), "POLICY_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_change_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let server = with_policies(dir.path()).await;
    let client = server.client("acme/scanner").await;
    let before = decision(&client).await.policy.unwrap().digest;

    fs::write(dir.path().join("broken.yaml"), "detectors: [not, a, policy]").unwrap();
    fs::write(dir.path().join("house.yaml"), policy("house", "flag")).unwrap();
    server.reload.reload();
    eventually("the failure is in the log", || async {
        logs().lines().any(|line| line.contains("broken.yaml")).then_some(())
    })
    .await;
    assert_eq!(decision(&client).await.policy.unwrap().digest, before);

    // A default that would be gone is as bad as a file that cannot be read.
    fs::remove_file(dir.path().join("broken.yaml")).unwrap();
    fs::rename(dir.path().join("house.yaml"), dir.path().join("house.off")).unwrap();
    server.reload.reload();
    eventually("the failure is in the log", || async {
        logs().lines().any(|line| line.contains("names the policy `house`")).then_some(())
    })
    .await;
    assert_eq!(decision(&client).await.policy.unwrap().digest, before);

    // Found by looking, without being asked.
    fs::rename(dir.path().join("house.off"), dir.path().join("house.yaml")).unwrap();
    eventually("the mended files are in force", || async {
        Some(decision(&client).await).filter(|answer| answer.action() == Action::Flag)
    })
    .await;
}
