//! Secrets: make, read through the cache, rotate, delete.
//!
//! `cargo run -p llm-shield-cloud-aws --example secrets_example`, with credentials and a region in the environment.
#![expect(clippy::print_stdout, reason = "an example talks")]

use llm_shield_cloud::{CloudSecretManager, SecretValue, VersionStage};
use llm_shield_cloud_aws::AwsSecretsManager;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let secrets = AwsSecretsManager::new().await?;
    let name = format!("llm-shield/test/example-{}", uuid::Uuid::now_v7().simple());

    secrets.create_secret(&name, &SecretValue::from_string("first".to_owned())).await?;
    for _ in 0..1000 {
        secrets.get_secret(&name).await?;
    }
    println!("1000 reads made {} call of Secrets Manager", secrets.fetches());

    secrets.rotate_secret(&name, &SecretValue::from_string("second".to_owned())).await?;
    let current = secrets.get_secret(&name).await?;
    let previous = secrets.get_secret_version(&name, VersionStage::Previous).await?;
    // A value prints as `SecretValue(..)`; only its length and version are told here.
    println!("current {current:?} has {} bytes, previous {}", current.len(), previous.len());

    secrets.delete_secret(&name).await?;
    println!("deleted; it can be had back for 30 days");
    Ok(())
}
