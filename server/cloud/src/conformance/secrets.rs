use std::time::{Duration, SystemTime};

use super::expect_error;
use crate::{CloudSecretManager, SecretOptions, SecretValue, VersionStage};

/// Runs everything over `secrets`, below `prefix` (which begins with `llm-shield/` and ends with `/`).
pub async fn secrets(secrets: &dyn CloudSecretManager, prefix: &str) {
    let name = format!("{prefix}database-password");
    let value = |text: &str| SecretValue::from_string(text.to_owned());
    let now = || async { secrets.get_secret(&name).await.unwrap() };
    let version = async |stage| secrets.get_secret_version(&name, stage).await;

    expect_error(secrets.get_secret(&name).await, "not found");
    expect_error(secrets.get_secret_metadata(&name).await, "not found");
    expect_error(secrets.update_secret(&name, &value("x")).await, "not found");
    expect_error(secrets.rotate_secret(&name, &value("x")).await, "not found");
    expect_error(secrets.delete_secret(&name).await, "not found");

    let options = SecretOptions {
        description: Some("a test".to_owned()),
        tags: [("purpose".to_owned(), "test".to_owned())].into(),
        encryption: None,
    };
    secrets.create_secret_with_options(&name, &value("first"), &options).await.unwrap();
    expect_error(secrets.create_secret(&name, &value("again")).await, "conflict");
    assert_eq!(now().await.as_string().unwrap(), "first");
    expect_error(version(VersionStage::Previous).await, "not found");
    let metadata = secrets.get_secret_metadata(&name).await.unwrap();
    assert_eq!((metadata.name.as_str(), metadata.tags), (name.as_str(), options.tags));
    let age = SystemTime::now().duration_since(metadata.created_at.unwrap()).unwrap_or_default();
    assert!(age < Duration::from_secs(3600), "{age:?}");
    assert_eq!(metadata.version.as_deref(), now().await.version());

    secrets.update_secret(&name, &value("second")).await.unwrap();
    assert_eq!(now().await.as_string().unwrap(), "second");
    assert_eq!(version(VersionStage::Previous).await.unwrap().as_string().unwrap(), "first");
    secrets.rotate_secret(&name, &value("third")).await.unwrap();
    assert_eq!(now().await.as_string().unwrap(), "third");
    assert_eq!(version(VersionStage::Current).await.unwrap(), value("third"));
    assert_eq!(version(VersionStage::Previous).await.unwrap(), value("second"));
    expect_error(version(VersionStage::Pending).await, "not found");
    assert_ne!(secrets.get_secret_metadata(&name).await.unwrap().version, metadata.version);

    let binary = format!("{prefix}tls/key");
    secrets.create_secret(&binary, &SecretValue::from_bytes(vec![0, 255, 128])).await.unwrap();
    let read = secrets.get_secret(&binary).await.unwrap();
    assert_eq!(read.as_bytes(), [0, 255, 128]);
    expect_error(read.as_string(), "invalid");

    assert_eq!(secrets.list_secrets(prefix).await.unwrap(), [name.clone(), binary.clone()]);
    assert_eq!(secrets.list_secrets(&format!("{prefix}tls/")).await.unwrap(), std::slice::from_ref(&binary));
    assert!(secrets.list_secrets(&format!("{prefix}none")).await.unwrap().is_empty());

    secrets.delete_secret(&name).await.unwrap();
    expect_error(secrets.get_secret(&name).await, "not found");
    expect_error(secrets.create_secret(&name, &value("new")).await, "conflict");
    assert_eq!(secrets.list_secrets(prefix).await.unwrap(), std::slice::from_ref(&binary));
    secrets.restore_secret(&name).await.unwrap();
    assert_eq!(now().await.as_string().unwrap(), "third");
    secrets.delete_secret(&name).await.unwrap();
    secrets.delete_secret(&binary).await.unwrap();

    for bad in [
        "",
        "database-password",
        "llm-shield/",
        "llm-shield/a b",
        "llm-shield/ä",
        &format!("llm-shield/{}", "x".repeat(512)),
    ] {
        expect_error(secrets.get_secret(bad).await, "invalid");
        expect_error(secrets.create_secret(bad, &value("x")).await, "invalid");
        expect_error(secrets.delete_secret(bad).await, "invalid");
    }
    for bad in [vec![], vec![0; 65_537]] {
        let refused = secrets.create_secret(&format!("{prefix}size"), &SecretValue::from_bytes(bad)).await;
        expect_error(refused, "invalid");
    }
    // Both bytes: one number alone may stand for something else.
    assert!(!format!("{:?} {secrets:?}", read).contains("255, 128"));
}
