//! KMS.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its case fails")]

mod common;

use aws_sdk_kms::{
    Client,
    types::{KeySpec, KeyUsageType},
};
use common::{Place, everywhere, harmed};
use llm_shield_aws_emulator::Fault;
use llm_shield_cloud::{
    CloudError, CloudKeyManager, EncryptionContext,
    conformance::{self, KeyTraits},
};
use llm_shield_cloud_aws::AwsKms;

everywhere! { conforms, an_alias_is_a_name, a_moved_alias_changes_no_signature, kms_checks_signatures_too, }

/// Keys that go when the test is over, as soon as KMS lets them.
struct Keys {
    client: Client,
    encryption: String,
    other: String,
    signing: String,
}

impl Keys {
    async fn make(place: &Place) -> Self {
        let client = Client::new(place.aws.config());
        let encryption = async || {
            let made = client.create_key().description("llm-shield-test").send().await.unwrap();
            made.key_metadata.unwrap().key_id
        };
        let (one, other) = (encryption().await, encryption().await);
        let signing = signing(&client).await;
        Self { client, encryption: one, other, signing }
    }

    async fn remove(self) {
        for key in [self.encryption, self.other, self.signing] {
            let deletion = self.client.schedule_key_deletion().key_id(key).pending_window_in_days(7);
            deletion.send().await.unwrap();
        }
    }
}

async fn signing(client: &Client) -> String {
    let key = client.create_key().description("llm-shield-test").key_usage(KeyUsageType::SignVerify);
    key.key_spec(KeySpec::EccNistP256).send().await.unwrap().key_metadata.unwrap().key_id
}

async fn conforms(place: Place) {
    let keys = Keys::make(&place).await;
    let names = KeyTraits {
        encryption: &keys.encryption,
        other: &keys.other,
        signing: &keys.signing,
        absent: "00000000-0000-4000-8000-000000000000",
    };
    conformance::keys(&AwsKms::new(&place.aws), names).await;
    keys.remove().await;
}

async fn an_alias_is_a_name(place: Place) {
    let keys = Keys::make(&place).await;
    let alias = format!("alias/llm-shield-test-{}", place.id);
    keys.client.create_alias().alias_name(&alias).target_key_id(&keys.encryption).send().await.unwrap();
    let kms = AwsKms::new(&place.aws);
    let context = EncryptionContext::new().with("tenant", "acme");
    let key = kms.generate_data_key(&alias, &context).await.unwrap();
    assert!(
        key.key_id.ends_with(&keys.encryption),
        "the key itself is told, which stays when the alias moves"
    );
    assert_eq!(*kms.decrypt(&key.wrapped, &context).await.unwrap(), *key.plaintext);
    keys.client.delete_alias().alias_name(&alias).send().await.unwrap();
    assert_eq!(*kms.decrypt(&key.wrapped, &context).await.unwrap(), *key.plaintext);
    keys.remove().await;
}

async fn a_moved_alias_changes_no_signature(place: Place) {
    let (keys, later) = (Keys::make(&place).await, Keys::make(&place).await);
    let alias = format!("alias/llm-shield-test-signing-{}", place.id);
    keys.client.create_alias().alias_name(&alias).target_key_id(&keys.signing).send().await.unwrap();
    let kms = AwsKms::new(&place.aws);
    kms.sign(&alias, b"before").await.unwrap();
    keys.client.update_alias().alias_name(&alias).target_key_id(&later.signing).send().await.unwrap();
    let signature = kms.sign(&alias, b"after").await.unwrap();
    assert!(kms.verify(&alias, b"after", &signature).await.unwrap());
    assert!(kms.verify_with_kms(&keys.signing, b"after", &signature).await.unwrap());
    assert_eq!(kms.public_key(&alias).await.unwrap(), kms.public_key(&keys.signing).await.unwrap());
    // Another process is told the other key, and signs with that one.
    let other = AwsKms::new(&place.aws);
    let signature = other.sign(&alias, b"after").await.unwrap();
    assert!(other.verify(&alias, b"after", &signature).await.unwrap());
    assert!(!kms.verify(&alias, b"after", &signature).await.unwrap());
    keys.client.delete_alias().alias_name(&alias).send().await.unwrap();
    keys.remove().await;
    later.remove().await;
}

async fn kms_checks_signatures_too(place: Place) {
    let keys = Keys::make(&place).await;
    let kms = AwsKms::new(&place.aws);
    let signature = kms.sign(&keys.signing, b"head").await.unwrap();
    assert!(kms.verify_with_kms(&keys.signing, b"head", &signature).await.unwrap());
    assert!(!kms.verify_with_kms(&keys.signing, b"heaD", &signature).await.unwrap());
    keys.remove().await;
}

#[tokio::test]
async fn a_key_that_is_disabled_or_denied_is_told() {
    let (place, front) = harmed().await;
    let keys = Keys::make(&place).await;
    let kms = AwsKms::new(&place.aws);
    for (code, status) in [
        ("DisabledException", 400),
        ("KMSInvalidStateException", 400),
        ("AccessDeniedException", 400),
        ("ExpiredTokenException", 400),
    ] {
        front.harm_always("GenerateDataKey", Fault::Error(code, status));
        let error = kms.generate_data_key(&keys.encryption, &EncryptionContext::new()).await.unwrap_err();
        assert!(matches!(error, CloudError::AccessDenied { .. }), "{code}: {error:?}");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.starts_with(code), "{cause}");
    }
}
