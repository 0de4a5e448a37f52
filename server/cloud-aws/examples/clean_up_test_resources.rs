//! Removes what tests and examples have left in an account: secrets below `llm-shield/test/`, objects below `test/` in
//! the bucket of `TEST_S3_BUCKET` with all their versions, uploads there that never ended, log groups below
//! `/llm-shield-test/`, and keys described as `llm-shield-test`. What cannot be removed, such as versions under retention,
//! is told, and the exit code is 1 then.
//!
//! `cargo run -p llm-shield-cloud-aws --example clean_up_test_resources`
#![expect(clippy::print_stdout, reason = "an example talks")]

use std::process::ExitCode;

use aws_sdk_s3::{Client, config::Builder};
use llm_shield_cloud::CloudSecretManager;
use llm_shield_cloud_aws::{Aws, AwsOptions, AwsSecretsManager, SecretsOptions};

/// What the tests' objects begin with.
const PREFIX: &str = "test/";

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let aws = Aws::load(AwsOptions::default()).await?;
    println!("in {} as {}", aws.region(), aws.identity().await?.arn);

    let secrets = AwsSecretsManager::with(&aws, SecretsOptions::default());
    let names = secrets.list_secrets("llm-shield/test/").await?;
    for name in &names {
        secrets.delete_secret(name).await?;
    }
    println!("{} secrets", names.len());

    let mut left = 0;
    if let Ok(bucket) = std::env::var("TEST_S3_BUCKET") {
        let config = Builder::from(aws.config()).force_path_style(aws.endpoint().is_some()).build();
        let client = Client::from_conf(config);
        left += versions(&client, &bucket).await?;
        left += uploads(&client, &bucket).await?;
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
            // Keys of others may not be looked at; ours may.
            let Ok(found) = kms.describe_key().key_id(&id).send().await else { continue };
            let is_left = found.key_metadata.is_some_and(|key| {
                key.description.as_deref() == Some("llm-shield-test") && key.deletion_date.is_none()
            });
            if is_left {
                kms.schedule_key_deletion().key_id(&id).pending_window_in_days(7).send().await?;
                keys += 1;
            }
        }
    }
    println!("{keys} keys");
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Deletes all versions of the tests' objects, and the marks of deleted ones; returns how many stay.
async fn versions(client: &Client, bucket: &str) -> anyhow::Result<u64> {
    let (mut gone, mut left) = (0_u64, 0_u64);
    let (mut after, mut after_version, mut more) = (None, None, true);
    while more {
        let list = client.list_object_versions().bucket(bucket).prefix(PREFIX);
        let page = list.set_key_marker(after).set_version_id_marker(after_version).send().await?;
        more = page.is_truncated.unwrap_or(false);
        (after, after_version) = (page.next_key_marker, page.next_version_id_marker);
        let versions = page.versions.unwrap_or_default().into_iter().map(|one| (one.key, one.version_id));
        let marks = page.delete_markers.unwrap_or_default().into_iter().map(|one| (one.key, one.version_id));
        for (key, version) in versions.chain(marks) {
            let key = key.unwrap_or_default();
            let delete = client.delete_object().bucket(bucket).key(&key).set_version_id(version);
            match delete.send().await {
                Ok(_) => gone += 1,
                Err(error) => {
                    left += 1;
                    println!("{key} stays: {}", aws_sdk_s3::error::DisplayErrorContext(error));
                }
            }
        }
    }
    println!("{gone} versions of objects, {left} could not be deleted");
    Ok(left)
}

/// Ends uploads that never did; returns how many stay.
async fn uploads(client: &Client, bucket: &str) -> anyhow::Result<u64> {
    let (mut gone, mut left) = (0_u64, 0_u64);
    let found = client.list_multipart_uploads().bucket(bucket).prefix(PREFIX).send().await?;
    for upload in found.uploads.unwrap_or_default() {
        let abort = client.abort_multipart_upload().bucket(bucket).set_key(upload.key);
        match abort.set_upload_id(upload.upload_id).send().await {
            Ok(_) => gone += 1,
            Err(_) => left += 1,
        }
    }
    println!("{gone} uploads, {left} could not be ended");
    Ok(left)
}
