//! What the key-ring file holds, and reading and replacing it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use super::private_file;
use crate::{CloudError, Result};

const FORMAT: &str = "llm-shield key ring v1";
/// A ring of ten thousand keys is below 2 MiB; anything much larger is not a key ring.
const MAX_RING_BYTES: u64 = 16 * 1024 * 1024;

/// Key material that is wiped when dropped and printed by nothing.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(pub(super) Zeroizing<Vec<u8>>);

/// All keys of a ring.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    format: String,
    pub(super) encryption_keys: BTreeMap<String, EncryptionKey>,
    pub(super) signing_keys: BTreeMap<String, SigningKey>,
}

/// One key-encryption key in all versions that can still be needed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EncryptionKey {
    /// The version that wraps new data keys.
    pub(super) current: u32,
    pub(super) versions: BTreeMap<u32, Secret>,
}

/// One signing key, as PKCS #8.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SigningKey {
    pub(super) algorithm: String,
    pub(super) pkcs8: Secret,
}

// === impl Keys ===

impl Keys {
    pub(super) fn empty() -> Self {
        Self { format: FORMAT.to_owned(), encryption_keys: BTreeMap::new(), signing_keys: BTreeMap::new() }
    }

    fn parse(path: &Path, json: &[u8]) -> Result<Self> {
        let damaged = |source: Option<crate::Source>| CloudError::Invalid {
            reason: format!("`{}` is not a key ring of this version", path.display()),
            source,
        };
        // The position only: serde's message may quote what it read.
        let keys: Self = serde_json::from_slice(json).map_err(|error| {
            damaged(Some(format!("at line {} column {}", error.line(), error.column()).into()))
        })?;
        let complete = keys.encryption_keys.values().all(|key| {
            key.versions.contains_key(&key.current) && key.versions.values().all(Secret::is_aes_256)
        });
        if keys.format != FORMAT || !complete { Err(damaged(None)) } else { Ok(keys) }
    }

    fn to_json(&self) -> Result<Zeroizing<Vec<u8>>> {
        // Sized ahead so that growing does not leave copies of keys behind in freed memory.
        let secrets = self.encryption_keys.values().map(|key| key.versions.len()).sum::<usize>()
            + self.signing_keys.len();
        let names: usize = self.encryption_keys.keys().chain(self.signing_keys.keys()).map(String::len).sum();
        let mut json = Zeroizing::new(Vec::with_capacity(1024 + secrets * 1024 + names * 8));
        serde_json::to_writer_pretty(&mut *json, self).map_err(|error| CloudError::Invalid {
            reason: "the key ring cannot be written down".to_owned(),
            source: Some(error.into()),
        })?;
        Ok(json)
    }
}

// === impl Secret ===

impl Secret {
    fn is_aes_256(&self) -> bool {
        self.0.len() == crate::DATA_KEY_BYTES
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(STANDARD.encode(&*self.0)))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        // Borrowed from the file's buffer, which is wiped: base64 needs no escapes, so no copy is made.
        let text = <&str>::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(|_content| de::Error::custom("not base64"))?;
        Ok(Self(Zeroizing::new(bytes)))
    }
}

// === files ===

/// Reads a ring after checking that nobody else can.
pub(super) fn read(path: &Path) -> Result<Keys> {
    Keys::parse(path, &private_file::read(path, MAX_RING_BYTES)?)
}

/// Replaces a ring whole.
pub(super) fn replace(path: &Path, keys: &Keys) -> Result<()> {
    private_file::replace(path, &keys.to_json()?)
}
