//! Between S3's types and ours.

use std::{collections::HashMap, time::SystemTime};

use aws_sdk_s3::{
    error::BuildError,
    operation::{get_object::GetObjectOutput, head_object::HeadObjectOutput},
    primitives::DateTime,
    types::{self as s3, ChecksumAlgorithm, ObjectLockLegalHoldStatus, ObjectLockMode},
};
use llm_shield_cloud::{
    Checksum, CloudError, ListedObject, ObjectMetadata, PutObjectOptions, Retention, RetentionMode,
    StorageClass,
};

/// The options of a write as S3 has them, the same for both ways of writing.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) content_type: Option<String>,
    pub(super) storage_class: Option<s3::StorageClass>,
    pub(super) encryption: Option<s3::ServerSideEncryption>,
    pub(super) key_id: Option<String>,
    pub(super) metadata: Option<HashMap<String, String>>,
    pub(super) checksum: ChecksumAlgorithm,
    pub(super) lock: Option<ObjectLockMode>,
    pub(super) locked_until: Option<DateTime>,
    pub(super) held: Option<ObjectLockLegalHoldStatus>,
    pub(super) if_none_match: Option<String>,
    pub(super) if_match: Option<String>,
}

impl Written {
    pub(super) fn of(options: &PutObjectOptions) -> Self {
        let metadata = options.metadata.iter();
        let metadata: HashMap<String, String> =
            metadata.map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        Self {
            content_type: options.content_type.clone(),
            storage_class: options.storage_class.map(class),
            encryption: options.encryption.as_ref().map(|_| s3::ServerSideEncryption::AwsKms),
            key_id: options.encryption.clone(),
            metadata: (!metadata.is_empty()).then_some(metadata),
            checksum: match options.checksum {
                Checksum::Crc32c => ChecksumAlgorithm::Crc32C,
                Checksum::Sha256 => ChecksumAlgorithm::Sha256,
                _ => ChecksumAlgorithm::Crc32,
            },
            lock: options.retention.map(|retention| match retention.mode {
                RetentionMode::Governance => ObjectLockMode::Governance,
                RetentionMode::Compliance => ObjectLockMode::Compliance,
            }),
            locked_until: options.retention.map(|retention| DateTime::from(retention.until)),
            held: options.legal_hold.then_some(ObjectLockLegalHoldStatus::On),
            if_none_match: options.if_none_match.then(|| "*".to_owned()),
            if_match: options.if_match.clone(),
        }
    }
}

pub(super) fn class(class: StorageClass) -> s3::StorageClass {
    s3::StorageClass::from(class.name())
}

pub(super) fn head(answer: HeadObjectOutput) -> ObjectMetadata {
    ObjectMetadata {
        size: size(answer.content_length),
        last_modified: time(answer.last_modified),
        content_type: answer.content_type,
        etag: answer.e_tag,
        storage_class: our_class(answer.storage_class),
        metadata: answer.metadata.unwrap_or_default().into_iter().collect(),
        retention: retention(answer.object_lock_mode, answer.object_lock_retain_until_date),
        version_id: answer.version_id,
    }
}

/// Returns what the answer to a read tells of the whole object.
pub(super) fn got(answer: &GetObjectOutput) -> ObjectMetadata {
    // `bytes 0-9/12345`: behind the slash is the size of the whole.
    let whole = answer.content_range.as_deref().and_then(|range| range.rsplit('/').next()?.parse().ok());
    ObjectMetadata {
        size: whole.unwrap_or_else(|| size(answer.content_length)),
        last_modified: time(answer.last_modified),
        content_type: answer.content_type.clone(),
        etag: answer.e_tag.clone(),
        storage_class: our_class(answer.storage_class.clone()),
        metadata: answer.metadata.clone().unwrap_or_default().into_iter().collect(),
        retention: retention(answer.object_lock_mode.clone(), answer.object_lock_retain_until_date),
        version_id: answer.version_id.clone(),
    }
}

pub(super) fn listed(object: s3::Object) -> Option<ListedObject> {
    Some(ListedObject {
        key: object.key?,
        size: size(object.size),
        last_modified: time(object.last_modified),
        etag: object.e_tag,
    })
}

/// Escapes a key for the header that names the original of a copy.
pub(super) fn encode_key(key: &str) -> String {
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The fields that a request must have are always set; were one missing, it would be told.
pub(super) fn unbuilt(error: BuildError) -> CloudError {
    CloudError::Invalid { reason: "a request to S3 is incomplete".to_owned(), source: Some(error.into()) }
}

fn our_class(class: Option<s3::StorageClass>) -> StorageClass {
    class.and_then(|class| class.as_str().parse().ok()).unwrap_or_default()
}

fn retention(mode: Option<ObjectLockMode>, until: Option<DateTime>) -> Option<Retention> {
    let mode = match mode? {
        ObjectLockMode::Compliance => RetentionMode::Compliance,
        _ => RetentionMode::Governance,
    };
    Some(Retention { mode, until: SystemTime::try_from(until?).ok()? })
}

fn size(length: Option<i64>) -> u64 {
    length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0)
}

fn time(time: Option<DateTime>) -> Option<SystemTime> {
    time.and_then(|time| SystemTime::try_from(time).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_escaped() {
        assert_eq!(encode_key("a b/ü+c~"), "a%20b/%C3%BC%2Bc~");
    }

    #[test]
    fn every_class_is_one_of_s3s() {
        for ours in StorageClass::ALL {
            let theirs = class(ours);
            assert!(s3::StorageClass::values().contains(&theirs.as_str()), "{theirs}");
            assert_eq!(our_class(Some(theirs)), ours);
        }
    }
}
