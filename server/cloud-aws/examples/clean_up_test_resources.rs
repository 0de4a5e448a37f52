//! Removes what tests and examples have left in an account: secrets below `llm-shield/test/`, objects below `test/` in
//! the bucket of `TEST_S3_BUCKET`, log groups below `/llm-shield-test/`, and keys described as `llm-shield-test`.
//!
//! `cargo run -p llm-shield-cloud-aws --example clean_up_test_resources`
#![expect(clippy::print_stdout, reason = "an example talks")]

use llm_shield_cloud::{CloudSecretManager, CloudStorage};
use llm_shield_cloud_aws::{Aws, AwsOptions, AwsS3Storage, AwsSecretsManager, S3Options, SecretsOptions};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let aws = Aws::load(AwsOptions::default()).await?;
    println!("in {} as {}", aws.region(), aws.identity().await?.arn);

    let secrets = AwsSecretsManager::with(&aws, SecretsOptions::default());
    let names = secrets.list_secrets("llm-shield/test/").await?;
    for name in &names {
        secrets.delete_secret(name).await?;
    }
    println!("{} secrets", names.len());

    if let Ok(bucket) = std::env::var("TEST_S3_BUCKET") {
        let storage = AwsS3Storage::with(&aws, bucket, S3Options::default());
        let keys = storage.list_objects("test/").await?;
        let failed = storage.delete_objects(&keys).await?;
        println!("{} objects, {} of them could not be deleted", keys.len(), failed.len());
    }

    let logs = aws_sdk_cloudwatchlogs::Client::new(aws.config());
    let mut pages =
        logs.describe_log_groups().log_group_name_prefix("/llm-shield-test/").into_paginator().send();
    let mut groups = 0;
    while let Some(page) = pages.next().await {
        for name in page?.log_groups.unwrap_or_default().into_iter().filter_map(|group| group.log_group_name)
        {
            logs.delete_log_group().log_group_name(name).send().await?;
            groups += 1;
        }
    }
    println!("{groups} log groups");

    let kms = aws_sdk_kms::Client::new(aws.config());
    let mut pages = kms.list_keys().into_paginator().send();
    let mut keys = 0;
    while let Some(page) = pages.next().await {
        for id in page?.keys.unwrap_or_default().into_iter().filter_map(|key| key.key_id) {
            let found = kms.describe_key().key_id(&id).send().await?.key_metadata;
            let left = found.is_some_and(|key| {
                key.description.as_deref() == Some("llm-shield-test") && key.deletion_date.is_none()
            });
            if left {
                kms.schedule_key_deletion().key_id(&id).pending_window_in_days(7).send().await?;
                keys += 1;
            }
        }
    }
    println!("{keys} keys");
    Ok(())
}
