mod convert;
mod copy;
mod download;
mod upload;

use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    types::{Delete, ObjectIdentifier, ObjectLockLegalHold, ObjectLockLegalHoldStatus},
};
use bytes::Bytes;
use llm_shield_cloud::{
    CloudError, CloudStorage, GetObjectOptions, ListedObject, Object, ObjectMetadata, ObjectPage,
    ObjectVersion, PutObjectOptions, Result,
    storage::{MAX_DELETE_BATCH, check_key},
};

use crate::{
    Aws, AwsOptions,
    error::{Words, classify, translate},
};

/// How objects are moved.
#[derive(Debug, Clone, Copy)]
pub struct S3Options {
    /// Larger objects are written and read in parts. Default 5 MiB, the least that S3 takes.
    pub part_threshold: usize,
    /// The size of a part, where that makes no more than 10,000 of them. Default 8 MiB.
    pub part_size: usize,
    /// How many parts of one object are on their way at one time. Default 8.
    pub parallel_parts: usize,
    /// Larger objects are copied in parts of this size, 5 MiB to 5 GiB, where that makes no more than 10,000 of them.
    /// Default 512 MiB.
    pub copy_part_size: u64,
    /// The time for one part, or one object without parts. Default 60 s.
    pub transfer_timeout: Duration,
}

impl Default for S3Options {
    fn default() -> Self {
        Self {
            part_threshold: 5 << 20,
            part_size: 8 << 20,
            parallel_parts: 8,
            copy_part_size: 512 << 20,
            transfer_timeout: Duration::from_secs(60),
        }
    }
}

/// Objects in a bucket of S3.
///
/// - Above the threshold an object is written as a multipart upload, several parts at one time, and read by ranges of
///   the same version. An upload that fails or is given up is aborted; S3's life-cycle rules are the second net for
///   those whose abort fails, too.
/// - All options hold for both ways of writing. `encryption` is the id of a KMS key (SSE-KMS).
/// - A copy lies under the KMS key of its original and in its storage class; objects of any size are copied.
/// - What is sent carries a checksum that S3 compares. What is read in one piece is compared with it as well; of what
///   is read in ranges, each range is protected by TLS alone.
/// - In a bucket with versions nothing is ever overwritten: [`delete_object`](CloudStorage::delete_object) and writing
///   over an object under retention succeed, and the version under retention stays.
/// - A conditional write whose first answer was lost on the way can be told
///   [`Conflict`](CloudError::Conflict) about itself: who must know compares what is there.
#[derive(Debug, Clone)]
pub struct AwsS3Storage {
    client: Client,
    /// For what moves objects, which takes longer.
    transfers: Client,
    bucket: String,
    region: String,
    options: S3Options,
}

impl AwsS3Storage {
    /// Returns a bucket, with the environment's region.
    ///
    /// # Errors
    /// [`CloudError::Invalid`] when no region is set.
    pub async fn new(bucket: impl Into<String>) -> Result<Self> {
        Ok(Self::with(&Aws::load(AwsOptions::default()).await?, bucket, S3Options::default()))
    }

    /// Returns a bucket in a region.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub async fn new_with_region(bucket: impl Into<String>, region: impl Into<String>) -> Result<Self> {
        let options = AwsOptions { region: Some(region.into()), ..AwsOptions::default() };
        Ok(Self::with(&Aws::load(options).await?, bucket, S3Options::default()))
    }

    /// Returns a bucket of `aws`.
    pub fn with(aws: &Aws, bucket: impl Into<String>, options: S3Options) -> Self {
        let timeouts = aws_config::timeout::TimeoutConfig::builder()
            .connect_timeout(aws.options().connect_timeout)
            .operation_attempt_timeout(options.transfer_timeout)
            .operation_timeout(options.transfer_timeout.saturating_mul(aws.options().attempts.max(1)))
            .build();
        // An emulator has no name for each bucket.
        let config =
            aws_sdk_s3::config::Builder::from(aws.config()).force_path_style(aws.endpoint().is_some());
        Self {
            client: Client::from_conf(config.clone().build()),
            transfers: Client::from_conf(config.timeout_config(timeouts).build()),
            bucket: bucket.into(),
            region: aws.region().to_owned(),
            options: S3Options {
                // S3 refuses smaller parts, but for the last.
                part_size: options.part_size.max(5 << 20),
                parallel_parts: options.parallel_parts.max(1),
                copy_part_size: options.copy_part_size.clamp(5 << 20, 5 << 30),
                ..options
            },
        }
    }

    /// Returns the bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Returns the region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Checks that the bucket is there and may be used.
    ///
    /// # Errors
    /// [`CloudError::NotFound`], [`CloudError::AccessDenied`], or [`CloudError::Invalid`] when it is in another region.
    pub async fn check(&self) -> Result<()> {
        let answer = self.client.head_bucket().bucket(&self.bucket).send().await;
        answer.map_err(|error| translate(format!("bucket {}", self.bucket), error))?;
        Ok(())
    }

    /// Returns whether objects can be kept from deletion (Object Lock).
    ///
    /// # Errors
    /// [`CloudError::AccessDenied`] without `s3:GetBucketObjectLockConfiguration`, and as [`check`](Self::check).
    pub async fn has_object_lock(&self) -> Result<bool> {
        let answer = self.client.get_object_lock_configuration().bucket(&self.bucket).send().await;
        match answer {
            Ok(answer) => {
                Ok(answer.object_lock_configuration.is_some_and(|lock| lock.object_lock_enabled.is_some()))
            }
            Err(error) if error.code() == Some("ObjectLockConfigurationNotFoundError") => Ok(false),
            Err(error) => Err(translate(format!("bucket {}", self.bucket), error)),
        }
    }

    /// Names an object in errors.
    fn what(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }
}

#[async_trait]
impl CloudStorage for AwsS3Storage {
    async fn get_object_with_options(&self, key: &str, options: &GetObjectOptions) -> Result<Object> {
        check_key(key)?;
        self.download(key, options).await
    }

    async fn put_object_with_options(
        &self,
        key: &str,
        data: Bytes,
        options: &PutObjectOptions,
    ) -> Result<ObjectVersion> {
        check_key(key)?;
        options.check()?;
        if data.len() > self.options.part_threshold {
            self.upload_in_parts(key, data, options).await
        } else {
            self.upload(key, data, options).await
        }
    }

    async fn delete_object(&self, key: &str) -> Result<()> {
        check_key(key)?;
        let answer = self.client.delete_object().bucket(&self.bucket).key(key).send().await;
        answer.map_err(|error| translate(self.what(key), error))?;
        Ok(())
    }

    async fn delete_objects(&self, keys: &[String]) -> Result<Vec<(String, CloudError)>> {
        // All of them, before any is deleted.
        keys.iter().try_for_each(|key| check_key(key))?;
        let mut failed = Vec::new();
        for batch in keys.chunks(MAX_DELETE_BATCH) {
            let mut delete = Delete::builder().quiet(true);
            for key in batch {
                delete =
                    delete.objects(ObjectIdentifier::builder().key(key).build().map_err(convert::unbuilt)?);
            }
            let answer = self
                .client
                .delete_objects()
                .bucket(&self.bucket)
                .delete(delete.build().map_err(convert::unbuilt)?)
                .send()
                .await
                .map_err(|error| translate(self.what(""), error))?;
            for error in answer.errors.unwrap_or_default() {
                let key = error.key.unwrap_or_default();
                let words = Words(error.message.unwrap_or_default());
                let cause = classify(self.what(&key), error.code.as_deref(), None, words, None);
                failed.push((key, cause));
            }
        }
        Ok(failed)
    }

    async fn list_page(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<ObjectPage> {
        if limit == 0 {
            return Ok(ObjectPage { objects: Vec::new(), more: false });
        }
        let answer = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix)
            .set_start_after(start_after.map(str::to_owned))
            .max_keys(i32::try_from(limit).unwrap_or(1000).min(1000))
            .send()
            .await
            .map_err(|error| translate(self.what(prefix), error))?;
        let more = answer.is_truncated.unwrap_or(false);
        let objects: Vec<ListedObject> =
            answer.contents.unwrap_or_default().into_iter().filter_map(convert::listed).collect();
        Ok(ObjectPage { more: more && !objects.is_empty(), objects })
    }

    async fn get_object_metadata(&self, key: &str) -> Result<ObjectMetadata> {
        check_key(key)?;
        let answer = self.client.head_object().bucket(&self.bucket).key(key).send().await;
        Ok(convert::head(answer.map_err(|error| translate(self.what(key), error))?))
    }

    async fn set_legal_hold(&self, key: &str, hold: bool) -> Result<()> {
        check_key(key)?;
        let status = if hold { ObjectLockLegalHoldStatus::On } else { ObjectLockLegalHoldStatus::Off };
        self.client
            .put_object_legal_hold()
            .bucket(&self.bucket)
            .key(key)
            .legal_hold(ObjectLockLegalHold::builder().status(status).build())
            .send()
            .await
            .map_err(|error| translate(self.what(key), error))?;
        Ok(())
    }

    async fn copy_object(&self, from: &str, to: &str) -> Result<()> {
        check_key(from)?;
        check_key(to)?;
        self.copy(from, to).await
    }
}
