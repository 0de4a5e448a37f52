//! Secrets Manager.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its case fails")]

mod common;

use std::{sync::Arc, time::Duration};

use common::{Place, everywhere, harmed};
use llm_shield_aws_emulator::Fault;
use llm_shield_cloud::{CloudError, CloudSecretManager, SecretOptions, SecretValue, conformance};
use llm_shield_cloud_aws::{AwsSecretsManager, SecretsOptions};

everywhere! { conforms, a_rotation_elsewhere_is_seen, a_key_of_ones_own_encrypts, }

fn value(text: &str) -> SecretValue {
    SecretValue::from_string(text.to_owned())
}

fn uncached() -> SecretsOptions {
    SecretsOptions { cache_ttl: Duration::ZERO, stale: Duration::ZERO }
}

async fn conforms(place: Place) {
    let secrets = AwsSecretsManager::with(&place.aws, SecretsOptions::default());
    conformance::secrets(&secrets, &format!("llm-shield/test/{}/", place.id)).await;
}

async fn a_rotation_elsewhere_is_seen(place: Place) {
    let name = format!("llm-shield/test/{}", place.id);
    let ours = AwsSecretsManager::with(&place.aws, SecretsOptions::default());
    let theirs = AwsSecretsManager::with(&place.aws, SecretsOptions::default());
    ours.create_secret(&name, &value("old")).await.unwrap();
    assert_eq!(ours.get_secret(&name).await.unwrap(), value("old"));
    theirs.rotate_secret(&name, &value("new")).await.unwrap();
    assert_eq!(ours.get_secret(&name).await.unwrap(), value("old"), "within its time to live");
    assert_eq!((ours.cache_size(), ours.fetches()), (1, 1));
    ours.clear_cache();
    assert_eq!(ours.get_secret(&name).await.unwrap(), value("new"));
    ours.delete_secret(&name).await.unwrap();
    assert_eq!(ours.cache_size(), 0);
}

async fn a_key_of_ones_own_encrypts(place: Place) {
    let kms = aws_sdk_kms::Client::new(place.aws.config());
    let key = kms.create_key().description("llm-shield-test").send().await.unwrap().key_metadata.unwrap();
    let name = format!("llm-shield/test/{}/key", place.id);
    let secrets = AwsSecretsManager::with(&place.aws, uncached());
    let options = SecretOptions { encryption: Some(key.key_id.clone()), ..SecretOptions::default() };
    secrets.create_secret_with_options(&name, &value("x"), &options).await.unwrap();
    let client = aws_sdk_secretsmanager::Client::new(place.aws.config());
    let found = client.describe_secret().secret_id(&name).send().await.unwrap();
    assert!(found.kms_key_id.unwrap().ends_with(&key.key_id));
    assert_eq!(secrets.get_secret(&name).await.unwrap(), value("x"));
    secrets.delete_secret(&name).await.unwrap();
    kms.schedule_key_deletion().key_id(key.key_id).pending_window_in_days(7).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_reads_are_one_call() {
    let (place, front) = harmed().await;
    let name = format!("llm-shield/test/{}", place.id);
    let secrets = Arc::new(AwsSecretsManager::with(&place.aws, SecretsOptions::default()));
    secrets.create_secret(&name, &value("x")).await.unwrap();
    front.seen();
    let readers: Vec<_> = (0..1000)
        .map(|_| {
            let (secrets, name) = (Arc::clone(&secrets), name.clone());
            tokio::spawn(async move { secrets.get_secret(&name).await.unwrap() })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap(), value("x"));
    }
    let calls = front.seen();
    assert_eq!(calls.len(), 1, "{calls:?}");
}

#[tokio::test]
async fn an_outage_is_bridged_by_what_is_known() {
    let (place, front) = harmed().await;
    let name = format!("llm-shield/test/{}", place.id);
    let options = SecretsOptions { cache_ttl: Duration::ZERO, stale: Duration::from_secs(600) };
    let secrets = AwsSecretsManager::with(&place.aws, options);
    secrets.create_secret(&name, &value("x")).await.unwrap();
    secrets.get_secret(&name).await.unwrap();
    front.harm_always("GetSecretValue", Fault::Error("ThrottlingException", 400));
    assert_eq!(secrets.get_secret(&name).await.unwrap(), value("x"));
    let other = AwsSecretsManager::with(&place.aws, options);
    let error = other.get_secret(&name).await.unwrap_err();
    assert!(matches!(error, CloudError::Throttled { .. }), "{error:?}");
    front.harm_always("GetSecretValue", Fault::Error("AccessDeniedException", 400));
    let error = other.get_secret(&name).await.unwrap_err();
    assert!(matches!(error, CloudError::AccessDenied { .. }), "{error:?}");
}
