//! Models that change while the server runs: the promoted version of the store is what judges.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use llm_shield::model::{
    registry::{Registry, Release, Trial},
    trust,
};
use llm_shield_classifier::Manifest;
use llm_shield_cloud::{
    CloudKeyManager as _, CloudStorage,
    local::{DirectoryStorage, KeyRing},
};
use llm_shield_proto::v1;
use tempfile::TempDir;

use crate::metrics::get;
use crate::support::{Client, TestServer, eventually, scan_of};

const BUNDLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../classifier/model");
const NAME: &str = "llm-shield-injection";

/// A model store with a signing key, in the data directory that a server will use.
struct Shop {
    dir: TempDir,
    ring: KeyRing,
    registry: Registry,
}

impl Shop {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ring = KeyRing::open_or_create(dir.path().join("keys/ring.json")).unwrap();
        ring.ensure_signing_key("models").unwrap();
        let storage: Arc<dyn CloudStorage> =
            Arc::new(DirectoryStorage::open(dir.path().join("data/objects")).unwrap());
        Self { registry: Registry::new(storage, "models/"), ring, dir }
    }

    async fn public_key(&self) -> PathBuf {
        let path = self.dir.path().join("models.pem");
        std::fs::write(&path, trust::to_pem(&self.ring.public_key("models").await.unwrap())).unwrap();
        path
    }

    async fn push(&self, version: &str) -> Release {
        let dir = self.dir.path().join(version);
        std::fs::create_dir(&dir).unwrap();
        for entry in Path::new(BUNDLE).read_dir().unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), dir.join(entry.file_name())).unwrap();
        }
        let manifest = std::fs::read(dir.join("manifest.json")).unwrap();
        let manifest = Manifest::with_members(&manifest, &[("version", version.into())]).unwrap();
        let manifest = trust::sign(&manifest, &self.ring, "models").await.unwrap();
        std::fs::write(dir.join("manifest.json"), manifest).unwrap();
        self.registry.push(&dir).await.unwrap().1
    }

    async fn promote(&self, release: &Release, trial: Option<Trial>) {
        self.registry.promote(NAME, release.clone(), trial).await.unwrap();
    }

    /// Changes a byte in the middle of a version's weights where they lie, or changes it back.
    fn harm(&self, version: &str) {
        let store = self.dir.path().join("data/objects/models");
        let weights = store.join(NAME).join(version).join("model.safetensors");
        let mut bytes = std::fs::read(&weights).unwrap();
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 1;
        }
        std::fs::write(&weights, bytes).unwrap();
    }

    async fn server(&self) -> TestServer {
        let (data, key) = (self.dir.path().join("data"), self.public_key().await);
        TestServer::with(move |config| {
            config.data_dir = data;
            config.model.enabled = true;
            config.model.name = Some(NAME.to_owned());
            config.model.public_keys = vec![key];
            config.model.poll_interval = Duration::from_millis(100);
            config.model.threads = 1;
            config.admin.listen = "127.0.0.1:0".parse().ok();
        })
        .await
    }
}

async fn judged_by(client: &Client, text: &str) -> String {
    let answer: v1::ScanResponse = client.clone().scan(scan_of(text)).await.unwrap().into_inner();
    assert!(!answer.degraded);
    let version = answer.model_id.strip_prefix(NAME).unwrap().trim_start_matches('@').to_owned();
    version.split_once('+').unwrap().0.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_promoted_version_judges() {
    let shop = Shop::new();
    let (one, two) = (shop.push("1.0.0").await, shop.push("1.1.0").await);
    shop.promote(&one, None).await;
    let server = shop.server().await;
    let client = server.client("acme/scanner").await;
    assert_eq!(judged_by(&client, "What goes well with soup?").await, "1.0.0");

    // Every request until the change is judged by one of the two, and none fails.
    shop.promote(&two, None).await;
    let becomes = |version: &'static str| {
        let client = client.clone();
        async move {
            eventually("the version judges", || async {
                (judged_by(&client, "What goes well with soup?").await == version).then_some(())
            })
            .await;
        }
    };
    becomes("1.1.0").await;
    shop.registry.roll_back(NAME).await.unwrap();
    becomes("1.0.0").await;

    // A version on trial judges its share of the texts, always the same ones.
    shop.promote(&two, Some(Trial::Percent(50))).await;
    eventually("both judge", || async {
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..12 {
            seen.insert(judged_by(&client, &format!("Order {number} was sent on Monday.")).await);
        }
        (seen.len() == 2).then_some(())
    })
    .await;

    // In shadow it decides nothing.
    shop.promote(&two, Some(Trial::Shadow)).await;
    becomes("1.0.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_trusted_does_not_judge() {
    let shop = Shop::new();
    let (one, two) = (shop.push("1.0.0").await, shop.push("1.1.0").await);
    shop.promote(&one, None).await;
    let server = shop.server().await;
    let client = server.client("acme/scanner").await;

    // Changed where it lies: the version before stays in force.
    shop.harm("1.1.0");
    shop.promote(&two, None).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(judged_by(&client, "What goes well with soup?").await, "1.0.0");

    // Mended, it is taken up by itself.
    shop.harm("1.1.0");
    eventually("the mended version judges", || async {
        (judged_by(&client, "What goes well with soup?").await == "1.1.0").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_is_tried_until_it_can_be() {
    let shop = Shop::new();
    let (one, two) = (shop.push("1.0.0").await, shop.push("1.1.0").await);
    shop.promote(&one, None).await;
    let server = shop.server().await;
    let client = server.client("acme/scanner").await;
    let judges = async || {
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..12 {
            seen.insert(judged_by(&client, &format!("Order {number} was sent on Monday.")).await);
        }
        seen
    };

    // What cannot be tried is told of, and the current one decides alone.
    shop.harm("1.1.0");
    shop.promote(&two, Some(Trial::Percent(50))).await;
    let failed = r#"shield_reloads_total{what="model",outcome="failed"}"#;
    eventually("the failure is counted", || async {
        get(&server, "/metrics").await.lines().any(|line| line.starts_with(failed)).then_some(())
    })
    .await;
    assert_eq!(judges().await.len(), 1);

    shop.harm("1.1.0");
    eventually("both judge", || async { (judges().await.len() == 2).then_some(()) }).await;
}
