//! Secrets in a file, through the suite that all secret managers pass, and what is particular to a file.

use std::{fs, os::unix::fs::PermissionsExt};

use llm_shield_cloud::local::SecretFile;
use llm_shield_cloud::{CloudError, CloudSecretManager, SecretValue, conformance};

#[tokio::test]
async fn conforms() {
    let directory = tempfile::tempdir().unwrap();
    let secrets = SecretFile::open_or_create(directory.path().join("secrets/secrets.json")).unwrap();
    conformance::secrets(&secrets, "llm-shield/test/").await;
}

#[tokio::test]
async fn the_file_is_private_and_shared() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secrets/secrets.json");
    let [one, other] = [(); 2].map(|()| SecretFile::open_or_create(&path).unwrap());
    one.create_secret("llm-shield/a", &SecretValue::from_string("hunter2".to_owned())).await.unwrap();
    assert_eq!(other.get_secret("llm-shield/a").await.unwrap().as_string().unwrap(), "hunter2");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("secrets", "secret")).unwrap();
    let error = other.get_secret("llm-shield/a").await.unwrap_err();
    assert!(matches!(error, CloudError::Invalid { .. }) && !format!("{error:?}").contains("aHVudGVyMg"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(SecretFile::open_or_create(&path), Err(CloudError::AccessDenied { .. })));
}
