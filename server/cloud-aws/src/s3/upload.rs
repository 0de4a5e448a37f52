use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use aws_sdk_s3::{
    error::ProvideErrorMetadata,
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use llm_shield_cloud::{CloudError, CloudStorage, ObjectVersion, PutObjectOptions, Result};

use super::{AwsS3Storage, convert::Written};
use crate::error::translate;

/// The most parts that an object has.
pub(super) const MAX_PARTS: usize = 10_000;

/// How often a write that met another one is tried.
const CONFLICT_ATTEMPTS: u32 = 3;

impl AwsS3Storage {
    /// Writes an object in one request.
    pub(super) async fn upload(
        &self,
        key: &str,
        data: Bytes,
        options: &PutObjectOptions,
    ) -> Result<ObjectVersion> {
        let size = length(data.len());
        let mut attempt = 1;
        let answer = loop {
            let written = Written::of(options);
            let answer = self
                .transfers
                .put_object()
                .bucket(&self.bucket)
                .key(key)
                .body(ByteStream::from(data.clone()))
                .set_content_type(written.content_type)
                .set_storage_class(written.storage_class)
                .set_server_side_encryption(written.encryption)
                .set_ssekms_key_id(written.key_id)
                .set_metadata(written.metadata)
                .checksum_algorithm(written.checksum)
                .set_object_lock_mode(written.lock)
                .set_object_lock_retain_until_date(written.locked_until)
                .set_object_lock_legal_hold_status(written.held)
                .set_if_none_match(written.if_none_match)
                .set_if_match(written.if_match)
                .send()
                .await;
            match answer {
                // Another conditional write was under way: who of the two wins is not yet known.
                Err(error)
                    if error.code() == Some("ConditionalRequestConflict") && attempt < CONFLICT_ATTEMPTS =>
                {
                    tokio::time::sleep(Duration::from_millis(50) * attempt).await;
                    attempt += 1;
                }
                answer => break answer.map_err(|error| self.unwritten(key, options, error))?,
            }
        };
        if let Some(progress) = &options.progress {
            progress.tell(size, size);
        }
        Ok(ObjectVersion { etag: answer.e_tag, version_id: answer.version_id })
    }

    /// Writes an object in parts, several at one time.
    pub(super) async fn upload_in_parts(
        &self,
        key: &str,
        data: Bytes,
        options: &PutObjectOptions,
    ) -> Result<ObjectVersion> {
        self.refuse_early(key, options).await?;
        let written = Written::of(options);
        let answer = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(key)
            .set_content_type(written.content_type)
            .set_storage_class(written.storage_class)
            .set_server_side_encryption(written.encryption)
            .set_ssekms_key_id(written.key_id)
            .set_metadata(written.metadata)
            .checksum_algorithm(written.checksum)
            .set_object_lock_mode(written.lock)
            .set_object_lock_retain_until_date(written.locked_until)
            .set_object_lock_legal_hold_status(written.held)
            .send()
            .await
            .map_err(|error| translate(self.what(key), error))?;
        let upload = Upload::begun(self, key, answer.upload_id)?;
        let finished = async {
            let parts = upload.parts(&data, options).await?;
            upload.complete(parts, options).await
        };
        let outcome = finished.await;
        upload.close(outcome).await
    }
}

impl AwsS3Storage {
    /// Tells why an object was not written. S3 says that there is none where another one was to be replaced.
    fn unwritten<E>(
        &self,
        key: &str,
        options: &PutObjectOptions,
        error: SdkError<E, HttpResponse>,
    ) -> CloudError
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        if options.if_match.is_some() && error.code() == Some("NoSuchKey") {
            return CloudError::Conflict { what: self.what(key) };
        }
        translate(self.what(key), error)
    }

    /// Looks at the conditions before the parts are sent for nothing. They are decided at the end, by S3.
    async fn refuse_early(&self, key: &str, options: &PutObjectOptions) -> Result<()> {
        if !options.if_none_match && options.if_match.is_none() {
            return Ok(());
        }
        let there = match self.get_object_metadata(key).await {
            Ok(metadata) => metadata.etag,
            Err(CloudError::NotFound { .. }) => None,
            Err(error) => return Err(error),
        };
        let holds = if options.if_none_match { there.is_none() } else { there == options.if_match };
        if holds { Ok(()) } else { Err(CloudError::Conflict { what: self.what(key) }) }
    }
}

/// An upload that is under way. Dropped before its end, it is aborted in the background.
pub(super) struct Upload<'a> {
    storage: &'a AwsS3Storage,
    key: &'a str,
    id: String,
    open: bool,
}

impl<'a> Upload<'a> {
    /// Takes up the upload that S3 has named in its answer.
    pub(super) fn begun(storage: &'a AwsS3Storage, key: &'a str, id: Option<String>) -> Result<Self> {
        let id = id.ok_or_else(|| CloudError::Unavailable {
            what: storage.what(key),
            source: Some("the answer names no upload".into()),
        })?;
        Ok(Self { storage, key, id, open: true })
    }

    /// Returns the name that S3 has given it.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Returns the object's key.
    pub(super) const fn key(&self) -> &str {
        self.key
    }

    /// Returns how it has ended, after freeing the parts of one that has failed.
    pub(super) async fn close<T>(mut self, outcome: Result<T>) -> Result<T> {
        if outcome.is_err() {
            abort(self.storage.clone(), self.key.to_owned(), self.id.clone()).await;
        }
        // Only now: given up above, it is aborted when it is dropped.
        self.open = false;
        outcome
    }

    async fn parts(&self, data: &Bytes, options: &PutObjectOptions) -> Result<Vec<CompletedPart>> {
        let size = self.storage.options.part_size.max(data.len().div_ceil(MAX_PARTS));
        let (whole, sent) = (length(data.len()), AtomicU64::new(0));
        let sent = &sent;
        let parts = (0..data.len()).step_by(size).zip(1..).map(|(start, number)| {
            let part = data.slice(start..data.len().min(start.saturating_add(size)));
            async move {
                let bytes = length(part.len());
                let done = self.part(number, part, options).await?;
                let sent = sent.fetch_add(bytes, Ordering::Relaxed) + bytes;
                if let Some(progress) = &options.progress {
                    progress.tell(sent, whole);
                }
                Ok(done)
            }
        });
        stream::iter(parts).buffered(self.storage.options.parallel_parts).try_collect().await
    }

    async fn part(&self, number: i32, data: Bytes, options: &PutObjectOptions) -> Result<CompletedPart> {
        let answer = self
            .storage
            .transfers
            .upload_part()
            .bucket(&self.storage.bucket)
            .key(self.key)
            .upload_id(&self.id)
            .part_number(number)
            .checksum_algorithm(Written::of(options).checksum)
            .body(ByteStream::from(data))
            .send()
            .await
            .map_err(|error| translate(self.storage.what(self.key), error))?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(answer.e_tag)
            .set_checksum_crc32(answer.checksum_crc32)
            .set_checksum_crc32_c(answer.checksum_crc32_c)
            .set_checksum_sha256(answer.checksum_sha256)
            .build())
    }

    /// Puts the parts together.
    pub(super) async fn complete(
        &self,
        parts: Vec<CompletedPart>,
        options: &PutObjectOptions,
    ) -> Result<ObjectVersion> {
        let written = Written::of(options);
        let answer = self
            .storage
            .transfers
            .complete_multipart_upload()
            .bucket(&self.storage.bucket)
            .key(self.key)
            .upload_id(&self.id)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .set_if_none_match(written.if_none_match)
            .set_if_match(written.if_match)
            .send()
            .await
            .map_err(|error| self.storage.unwritten(self.key, options, error))?;
        Ok(ObjectVersion { etag: answer.e_tag, version_id: answer.version_id })
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        if self.open
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(abort(self.storage.clone(), self.key.to_owned(), self.id.clone()));
        }
    }
}

/// Frees the parts. That this fails is logged only: the error that led here is the one to tell.
async fn abort(storage: AwsS3Storage, key: String, id: String) {
    let request = storage.client.abort_multipart_upload().bucket(&storage.bucket).key(&key).upload_id(id);
    if let Err(error) = request.send().await {
        let error = translate(storage.what(&key), error);
        tracing::warn!(%error, "an upload that failed could not be aborted; its parts stay until a life-cycle rule");
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
