//! Objects: write with options, in parts, once only; read whole and in part; list, copy, delete.
//!
//! `cargo run -p llm-shield-cloud-aws --example storage_example`, with credentials and a region in the environment, and
//! the bucket in `TEST_S3_BUCKET`.
#![expect(clippy::print_stdout, reason = "an example talks")]

use anyhow::Context as _;
use bytes::Bytes;
use llm_shield_cloud::{
    ByteRange, CloudError, CloudStorage, GetObjectOptions, Progress, PutObjectOptions, StorageClass,
};
use llm_shield_cloud_aws::{Aws, AwsOptions, AwsS3Storage, S3Options};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let bucket = std::env::var("TEST_S3_BUCKET").context("TEST_S3_BUCKET names no bucket")?;
    let aws = Aws::load(AwsOptions::default()).await?;
    let storage = AwsS3Storage::with(&aws, bucket, S3Options::default());
    let prefix = format!("test/example-{}/", uuid::Uuid::now_v7().simple());

    // Above 5 MiB an object goes in parts, several at one time.
    let model = format!("{prefix}models/weights.bin");
    let options = PutObjectOptions {
        content_type: Some("application/octet-stream".to_owned()),
        storage_class: Some(StorageClass::IntelligentTiering),
        progress: Some(Progress::new(|done, whole| println!("written {done} of {whole} bytes"))),
        ..PutObjectOptions::default()
    };
    storage.put_object_with_options(&model, Bytes::from(vec![7; 20 << 20]), &options).await?;

    let head = GetObjectOptions { range: Some(ByteRange::Between(0, 1024)), ..GetObjectOptions::default() };
    let head = storage.get_object_with_options(&model, &head).await?;
    println!("read {} of {} bytes", head.data.len(), head.metadata.size);

    // Written once: the second writer is told.
    let result = format!("{prefix}scan-results/1.json");
    let once = PutObjectOptions { if_none_match: true, ..PutObjectOptions::default() };
    storage.put_object_with_options(&result, Bytes::from_static(b"{}"), &once).await?;
    match storage.put_object_with_options(&result, Bytes::from_static(b"[]"), &once).await {
        Err(CloudError::Conflict { what }) => println!("{what} was there already"),
        other => println!("unexpected: {other:?}"),
    }

    storage.copy_object(&result, &format!("{prefix}scan-results/2.json")).await?;
    let keys = storage.list_objects(&prefix).await?;
    println!("{} objects: {keys:?}", keys.len());
    let failed = storage.delete_objects(&keys).await?;
    println!("deleted all but {}", failed.len());
    Ok(())
}
