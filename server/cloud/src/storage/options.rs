use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use super::Retention;
use crate::{CloudError, Result};

/// How an object is written. Every field holds for objects of every size.
#[derive(Debug, Clone, Default)]
pub struct PutObjectOptions {
    /// The media type.
    pub content_type: Option<String>,
    /// Where the provider keeps it.
    pub storage_class: Option<StorageClass>,
    /// The id of the provider's key that the store encrypts it under; none: the store's default. A store that does not
    /// encrypt refuses one with [`CloudError::Invalid`].
    pub encryption: Option<String>,
    /// Names and values to keep with it. Names are printable ASCII without `:`, taken in small letters; values are
    /// printable ASCII. Both together have at most 2048 bytes.
    pub metadata: BTreeMap<String, String>,
    /// The checksum that the provider compares with what arrives.
    pub checksum: Checksum,
    /// Until when it can be neither deleted nor replaced.
    pub retention: Option<Retention>,
    /// Whether it can be neither deleted nor replaced until [`set_legal_hold`](super::CloudStorage::set_legal_hold) says
    /// otherwise.
    pub legal_hold: bool,
    /// Write only when no object has this key.
    pub if_none_match: bool,
    /// Write only when the object that is there has this `etag`.
    pub if_match: Option<String>,
    /// Told how much has been written.
    pub progress: Option<Progress>,
}

impl PutObjectOptions {
    /// Checks what holds for every provider.
    ///
    /// # Errors
    /// [`CloudError::Invalid`].
    pub fn check(&self) -> Result<()> {
        if self.if_none_match && self.if_match.is_some() {
            return Err(CloudError::invalid("`if_none_match` and `if_match` exclude each other"));
        }
        let plain = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let name =
            |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
        if !self.metadata.iter().all(|(key, value)| name(key) && plain(value)) {
            return Err(CloudError::invalid("an object's metadata is printable ASCII"));
        }
        if self.metadata.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() > 2048 {
            return Err(CloudError::invalid("an object's metadata has at most 2048 bytes"));
        }
        if !self.content_type.as_deref().is_none_or(plain) {
            return Err(CloudError::invalid("a media type is printable ASCII"));
        }
        Ok(())
    }
}

/// How an object is read.
#[derive(Debug, Clone, Default)]
pub struct GetObjectOptions {
    /// Which bytes; all by default.
    pub range: Option<ByteRange>,
    /// Read only the object with this `etag`.
    pub if_match: Option<String>,
    /// Told how much has been read.
    pub progress: Option<Progress>,
}

/// A part of an object. What reaches behind its end is cut there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// From the first place up to and not including the second.
    Between(u64, u64),
    /// From a place to the end.
    From(u64),
    /// So many at the end.
    Last(u64),
}

impl ByteRange {
    /// Returns the first place and the one behind the last, in an object of `size` bytes.
    ///
    /// # Errors
    /// [`CloudError::Invalid`] for a range that is empty or begins behind the end: providers refuse it, too.
    pub fn within(self, size: u64) -> Result<std::ops::Range<u64>> {
        let range = match self {
            Self::Between(start, end) => start..end.min(size),
            Self::From(start) => start..size,
            Self::Last(length) => size.saturating_sub(length)..size,
        };
        if range.is_empty() {
            return Err(CloudError::invalid("the range holds no byte of the object"));
        }
        Ok(range)
    }
}

/// Where a provider keeps an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StorageClass {
    /// At once, several places.
    #[default]
    Standard,
    /// Moved by the provider to where it costs least by how often it is read.
    IntelligentTiering,
    /// Read seldom.
    StandardInfrequentAccess,
    /// Read seldom, one place.
    OneZoneInfrequentAccess,
    /// Archived, readable at once.
    GlacierInstantRetrieval,
    /// Archived, readable after minutes to hours.
    Glacier,
    /// Archived, readable after hours.
    DeepArchive,
}

impl StorageClass {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Standard,
        Self::IntelligentTiering,
        Self::StandardInfrequentAccess,
        Self::OneZoneInfrequentAccess,
        Self::GlacierInstantRetrieval,
        Self::Glacier,
        Self::DeepArchive,
    ];

    /// Returns the name that S3 has for it, and that configurations use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::IntelligentTiering => "INTELLIGENT_TIERING",
            Self::StandardInfrequentAccess => "STANDARD_IA",
            Self::OneZoneInfrequentAccess => "ONEZONE_IA",
            Self::GlacierInstantRetrieval => "GLACIER_IR",
            Self::Glacier => "GLACIER",
            Self::DeepArchive => "DEEP_ARCHIVE",
        }
    }
}

impl FromStr for StorageClass {
    type Err = CloudError;

    fn from_str(name: &str) -> Result<Self> {
        let unknown = || CloudError::invalid(format!("there is no storage class `{}`", name.escape_debug()));
        Self::ALL.into_iter().find(|class| class.name() == name).ok_or_else(unknown)
    }
}

/// The checksum that goes with an object; the provider refuses content that does not match it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Checksum {
    /// CRC-32: against accidents.
    #[default]
    Crc32,
    /// CRC-32C: against accidents.
    Crc32c,
    /// SHA-256.
    Sha256,
}

/// Is told how many bytes of how many have been written or read; possibly from several threads.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(u64, u64) + Send + Sync>);

impl Progress {
    /// Calls `told` with what is done and the whole. It must return soon and not block.
    pub fn new(told: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        Self(Arc::new(told))
    }

    /// Tells.
    pub fn tell(&self, done: u64, whole: u64) {
        (self.0)(done, whole);
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Progress(..)")
    }
}
