use std::ops::Range;

use aws_sdk_s3::{
    operation::head_object::HeadObjectOutput,
    types::{CompletedPart, MetadataDirective, ServerSideEncryption, StorageClass},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use llm_shield_cloud::{PutObjectOptions, Result};

use super::{
    AwsS3Storage, convert,
    upload::{MAX_PARTS, Upload},
};
use crate::error::translate;

impl AwsS3Storage {
    /// Copies an object within the bucket; what is at `to` is replaced.
    pub(super) async fn copy(&self, from: &str, to: &str) -> Result<()> {
        let head = self.client.head_object().bucket(&self.bucket).key(from).send().await;
        let original = Original {
            source: format!("{}/{}", self.bucket, convert::encode_key(from)),
            head: head.map_err(|error| translate(self.what(from), error))?,
        };
        if original.size() > self.options.copy_part_size {
            self.copy_in_parts(&original, from, to).await
        } else {
            self.copy_at_once(&original, from, to).await
        }
    }

    async fn copy_at_once(&self, original: &Original, from: &str, to: &str) -> Result<()> {
        let (encryption, key_id) = original.encryption();
        self.transfers
            .copy_object()
            .bucket(&self.bucket)
            .copy_source(&original.source)
            .set_copy_source_if_match(original.head.e_tag.clone())
            .key(to)
            .metadata_directive(MetadataDirective::Copy)
            .storage_class(original.class())
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(key_id)
            .send()
            .await
            .map_err(|error| translate(self.what(from), error))?;
        Ok(())
    }

    async fn copy_in_parts(&self, original: &Original, from: &str, to: &str) -> Result<()> {
        let (encryption, key_id) = original.encryption();
        let head = &original.head;
        let answer = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(to)
            .set_content_type(head.content_type.clone())
            .set_cache_control(head.cache_control.clone())
            .set_content_disposition(head.content_disposition.clone())
            .set_content_encoding(head.content_encoding.clone())
            .set_content_language(head.content_language.clone())
            .set_metadata(head.metadata.clone())
            .storage_class(original.class())
            .set_server_side_encryption(encryption)
            .set_ssekms_key_id(key_id)
            .send()
            .await
            .map_err(|error| translate(self.what(to), error))?;
        let upload = Upload::begun(self, to, answer.upload_id)?;
        let finished = async {
            let parts = ranges(original.size(), self.options.copy_part_size).zip(1..);
            let parts = parts.map(|(range, number)| self.copy_part(original, from, &upload, range, number));
            let parts = stream::iter(parts).buffered(self.options.parallel_parts).try_collect().await?;
            upload.complete(parts, &PutObjectOptions::default()).await
        };
        let outcome = finished.await;
        upload.close(outcome).await?;
        Ok(())
    }

    async fn copy_part(
        &self,
        original: &Original,
        from: &str,
        upload: &Upload<'_>,
        range: Range<u64>,
        number: i32,
    ) -> Result<CompletedPart> {
        let answer = self
            .transfers
            .upload_part_copy()
            .bucket(&self.bucket)
            .key(upload.key())
            .upload_id(upload.id())
            .part_number(number)
            .copy_source(&original.source)
            // All parts are of one version, whoever writes meanwhile.
            .set_copy_source_if_match(original.head.e_tag.clone())
            .copy_source_range(format!("bytes={}-{}", range.start, range.end.saturating_sub(1)))
            .send()
            .await
            .map_err(|error| translate(self.what(from), error))?;
        let part =
            answer.copy_part_result.unwrap_or_else(|| aws_sdk_s3::types::CopyPartResult::builder().build());
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(part.e_tag)
            .set_checksum_crc32(part.checksum_crc32)
            .set_checksum_crc32_c(part.checksum_crc32_c)
            .set_checksum_sha256(part.checksum_sha256)
            .build())
    }
}

/// What is copied.
struct Original {
    /// Bucket and key, as the header of a copy names them.
    source: String,
    head: HeadObjectOutput,
}

impl Original {
    fn size(&self) -> u64 {
        self.head.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0)
    }

    /// The class of a copy is not that of its original unless it is named.
    fn class(&self) -> StorageClass {
        self.head.storage_class.clone().unwrap_or(StorageClass::Standard)
    }

    /// Nor is its key. Encryption without a key of KMS is the bucket's affair.
    fn encryption(&self) -> (Option<ServerSideEncryption>, Option<String>) {
        let by_kms = |kind: &ServerSideEncryption| {
            matches!(kind, ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse)
        };
        match self.head.server_side_encryption.clone().filter(by_kms) {
            Some(kind) => (Some(kind), self.head.ssekms_key_id.clone()),
            None => (None, None),
        }
    }
}

/// Cuts an object of `size` bytes into parts of `part` bytes, or of more where there would be too many of them.
fn ranges(size: u64, part: u64) -> impl Iterator<Item = Range<u64>> {
    let part = part.max(size.div_ceil(u64::try_from(MAX_PARTS).unwrap_or(1))).max(1);
    (0..size.div_ceil(part)).map(move |number| {
        let start = number.saturating_mul(part);
        start..start.saturating_add(part).min(size)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_an_object_and_are_not_too_many() {
        for (size, part) in [(1, 5), (10, 5), (11, 5), (5 << 40, 5 << 20)] {
            let parts: Vec<_> = ranges(size, part).collect();
            assert!(parts.len() <= MAX_PARTS);
            assert_eq!(parts.first().map(|range| range.start), Some(0));
            assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert_eq!(parts.last().map(|range| range.end), Some(size));
        }
    }
}
