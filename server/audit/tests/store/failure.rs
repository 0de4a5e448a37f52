//! The disk fills up, the key manager goes away.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use llm_shield_audit::{AuditError, AuditLog, AuditOptions, Query};
use llm_shield_cloud::local::KeyRing;
use llm_shield_cloud::{CloudError, CloudKeyManager, DataKey, EncryptionContext, PublicKey, Result};
use zeroize::Zeroizing;

use crate::support::{ENCRYPTION_KEY, Home, SIGNING_KEY, record, requests, tenant, verify};

/// A key ring that can be told to be away.
#[derive(Debug)]
struct Unsteady {
    keys: Arc<KeyRing>,
    away: AtomicBool,
}

impl Unsteady {
    fn check(&self) -> Result<()> {
        if self.away.load(Ordering::Relaxed) {
            return Err(CloudError::Unavailable { what: "keys".to_owned(), source: None });
        }
        Ok(())
    }
}

#[async_trait]
impl CloudKeyManager for Unsteady {
    async fn generate_data_key(&self, key_id: &str, context: &EncryptionContext) -> Result<DataKey> {
        self.check()?;
        self.keys.generate_data_key(key_id, context).await
    }

    async fn decrypt(&self, wrapped: &[u8], context: &EncryptionContext) -> Result<Zeroizing<[u8; 32]>> {
        self.check()?;
        self.keys.decrypt(wrapped, context).await
    }

    async fn sign(&self, key_id: &str, message: &[u8]) -> Result<Vec<u8>> {
        self.check()?;
        assert!(message.len() <= 4096, "longer than a key management service signs");
        self.keys.sign(key_id, message).await
    }

    async fn public_key(&self, key_id: &str) -> Result<PublicKey> {
        self.check()?;
        self.keys.public_key(key_id).await
    }
}

#[tokio::test]
async fn an_open_segment_outlives_the_key_manager() {
    let home = Home::new();
    let keys = Arc::new(Unsteady { keys: Arc::clone(&home.keys), away: AtomicBool::new(false) });
    let options = AuditOptions { key_manager: Arc::clone(&keys) as _, ..home.options() };
    let log = AuditLog::open(options.clone()).await.unwrap();
    log.append(record("acme", "before")).await.unwrap();
    keys.away.store(true, Ordering::Relaxed);
    log.append(record("acme", "meanwhile")).await.unwrap();
    let error = log.append(record("new tenant", "meanwhile")).await.unwrap_err();
    assert!(matches!(error, AuditError::Unavailable { .. }), "{error}");
    keys.away.store(false, Ordering::Relaxed);
    log.append(record("new tenant", "after")).await.unwrap();
    keys.away.store(true, Ordering::Relaxed);
    log.append(record("acme", "unsigned")).await.unwrap();
    assert!(log.close().await.is_err());
    keys.away.store(false, Ordering::Relaxed);
    let log = AuditLog::open(options).await.unwrap();
    log.close().await.unwrap();
    let store = home.reader().await;
    assert_eq!(verify(&store).await.problem, None);
    assert_eq!(requests(&store, Query::of(tenant("acme"))).await, ["before", "meanwhile", "unsigned"]);
    assert_eq!(requests(&store, Query::of(tenant("new tenant"))).await, ["after"]);
}

#[tokio::test]
async fn a_key_manager_that_is_away_at_start_or_at_rotation() {
    let home = Home::new();
    let keys = Arc::new(Unsteady { keys: Arc::clone(&home.keys), away: AtomicBool::new(true) });
    let options = AuditOptions { key_manager: Arc::clone(&keys) as _, segment_records: 4, ..home.options() };
    let error = AuditLog::open(options.clone()).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    keys.away.store(false, Ordering::Relaxed);
    let log = AuditLog::open(options).await.unwrap();
    let append = async |number: usize| log.append(record("acme", &number.to_string())).await.unwrap();
    append(0).await;
    keys.away.store(true, Ordering::Relaxed);
    for number in 1..12 {
        append(number).await;
    }
    keys.away.store(false, Ordering::Relaxed);
    let mut appended = 12;
    while verify(&home.reader().await).await.segments < 3 {
        append(appended).await;
        appended += 1;
        assert!(appended < 1_000, "no further segment is begun");
    }
    log.close().await.unwrap();
    let report = verify(&home.reader().await).await;
    assert_eq!((report.problem, report.records), (None, appended as u64));
}

#[tokio::test]
async fn a_long_list_of_logs_is_signed() {
    let home = Home::new();
    let keys = Arc::new(Unsteady { keys: Arc::clone(&home.keys), away: AtomicBool::new(false) });
    let log = AuditLog::open(AuditOptions { key_manager: keys, ..home.options() }).await.unwrap();
    for number in 0..80 {
        log.append(record(&format!("tenant-{number}"), "")).await.unwrap();
    }
    log.close().await.unwrap();
    let report = verify(&home.reader().await).await;
    assert_eq!((report.problem, report.tenants, report.records), (None, 80, 80));
}

const CHILD_STORE: &str = "LLM_SHIELD_AUDIT_TEST_FULL_DISK";

/// Not a test by itself: the process for which `a_full_disk_refuses_and_loses_nothing` bounds the size of files.
#[tokio::test]
async fn child() {
    let Ok(home) = std::env::var(CHILD_STORE) else { return };
    let home = std::path::PathBuf::from(home);
    let keys = Arc::new(KeyRing::open(home.join("keys/ring.json")).unwrap());
    let options = AuditOptions::new(home.join("store"), keys, ENCRYPTION_KEY, SIGNING_KEY);
    let log = AuditLog::open(options).await.unwrap();
    let mut acknowledged = 0;
    while log.append(record("acme", &acknowledged.to_string())).await.is_ok() {
        acknowledged += 1;
    }
    for _ in 0..3 {
        let error = log.append(record("acme", "refused")).await.unwrap_err();
        assert!(matches!(error, AuditError::Unavailable { .. }), "{error}");
    }
    log.close().await.unwrap();
    std::fs::write(home.join("acknowledged"), acknowledged.to_string()).unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let home = Home::new();
    let script = "trap '' XFSZ; ulimit -f 64; exec \"$0\" --exact failure::child";
    let status = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD_STORE, home.directory.path())
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let acknowledged = std::fs::read_to_string(home.directory.path().join("acknowledged")).unwrap();
    let acknowledged: u64 = acknowledged.parse().unwrap();
    assert!(acknowledged > 5);
    let report = verify(&home.reader().await).await;
    assert_eq!((report.problem, report.records, report.unfinished_bytes), (None, acknowledged, 0));
    let log = home.log().await;
    assert_eq!(log.append(record("acme", "after")).await.unwrap().sequence, acknowledged);
    log.close().await.unwrap();
}
