use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use aws_sdk_s3::{operation::get_object::GetObjectOutput, primitives::ByteStream, types::ChecksumMode};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use llm_shield_cloud::{ByteRange, CloudError, GetObjectOptions, Object, ObjectMetadata, Result};
use tokio::time::timeout;

use super::{AwsS3Storage, convert};
use crate::error::translate;

/// How often a body that broke off is read.
const BODY_ATTEMPTS: u32 = 3;

impl AwsS3Storage {
    /// Reads an object: in one request when it is small, by ranges of the same version when it is not.
    pub(super) async fn download(&self, key: &str, options: &GetObjectOptions) -> Result<Object> {
        if matches!(options.range, Some(ByteRange::Between(start, end)) if start >= end)
            || options.range == Some(ByteRange::Last(0))
        {
            return Err(CloudError::invalid("the range holds no byte of the object"));
        }
        let answer = self.get(key, options.range, options.if_match.as_deref()).await?;
        let metadata = convert::got(&answer);
        let range = match options.range {
            Some(range) => range.within(metadata.size)?,
            None => 0..metadata.size,
        };
        let wanted = Wanted { storage: self, key, metadata: &metadata, options, read: AtomicU64::new(0) };
        let whole = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let data = if whole <= self.options.part_threshold {
            wanted.body(answer.body, range).await?
        } else {
            // What has begun to come is dropped: the parts come faster.
            drop(answer);
            wanted.parts(range).await?
        };
        Ok(Object { data, metadata })
    }

    async fn get(&self, key: &str, range: Option<ByteRange>, etag: Option<&str>) -> Result<GetObjectOutput> {
        let range = range.map(|range| match range {
            ByteRange::Between(start, end) => format!("bytes={start}-{}", end.saturating_sub(1)),
            ByteRange::From(start) => format!("bytes={start}-"),
            ByteRange::Last(length) => format!("bytes=-{length}"),
        });
        self.transfers
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .set_checksum_mode(range.is_none().then_some(ChecksumMode::Enabled))
            .set_range(range)
            .set_if_match(etag.map(str::to_owned))
            .send()
            .await
            .map_err(|error| translate(self.what(key), error))
    }
}

/// What is to be read.
struct Wanted<'a> {
    storage: &'a AwsS3Storage,
    key: &'a str,
    metadata: &'a ObjectMetadata,
    options: &'a GetObjectOptions,
    read: AtomicU64,
}

impl Wanted<'_> {
    /// Reads a body that is at hand; when it breaks off, the range is asked for again.
    async fn body(&self, body: ByteStream, range: Range<u64>) -> Result<Bytes> {
        let whole = range.end - range.start;
        let data = match self.collect(body, whole).await {
            Err(error) if error.is_transient() && whole > 0 => self.part(range, 2).await?,
            read => read?,
        };
        self.tell(whole, whole);
        Ok(data)
    }

    async fn parts(&self, range: Range<u64>) -> Result<Bytes> {
        let whole = range.end - range.start;
        let size = self.storage.options.part_size;
        let step = u64::try_from(size).unwrap_or(u64::MAX);
        let parts = (range.start..range.end).step_by(size).map(|start| {
            let part = start..range.end.min(start.saturating_add(step));
            async move {
                let length = part.end - part.start;
                let data = self.part(part, 1).await?;
                self.tell(length, whole);
                Ok::<_, CloudError>(data)
            }
        });
        let whole =
            usize::try_from(whole).map_err(|_too_large| CloudError::invalid("too large for memory"))?;
        let mut data = BytesMut::with_capacity(whole);
        let mut parts = stream::iter(parts).buffered(self.storage.options.parallel_parts);
        while let Some(part) = parts.try_next().await? {
            data.extend_from_slice(&part);
        }
        Ok(data.freeze())
    }

    /// Reads a range of the version that was seen first.
    async fn part(&self, range: Range<u64>, mut attempt: u32) -> Result<Bytes> {
        loop {
            let part = ByteRange::Between(range.start, range.end);
            let answer = self.storage.get(self.key, Some(part), self.metadata.etag.as_deref()).await?;
            match self.collect(answer.body, range.end - range.start).await {
                Err(error) if error.is_transient() && attempt < BODY_ATTEMPTS => attempt += 1,
                read => return read,
            }
        }
    }

    async fn collect(&self, body: ByteStream, length: u64) -> Result<Bytes> {
        let broken = |words: Option<String>| CloudError::Unavailable {
            what: self.storage.what(self.key),
            source: words.map(Into::into),
        };
        let read = timeout(self.storage.options.transfer_timeout, body.collect()).await;
        let data = read
            .map_err(|_elapsed| broken(Some("the object came too slowly".to_owned())))?
            .map_err(|error| broken(Some(format!("the object broke off: {error}"))))?
            .into_bytes();
        if u64::try_from(data.len()).ok() != Some(length) {
            return Err(broken(Some("another number of bytes came than was told".to_owned())));
        }
        Ok(data)
    }

    fn tell(&self, more: u64, whole: u64) {
        let read = self.read.fetch_add(more, Ordering::Relaxed) + more;
        if let Some(progress) = &self.options.progress {
            progress.tell(read, whole);
        }
    }
}
