//! What the key-ring file holds, and reading and replacing it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

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
    let failed = |error| CloudError::from_io(path.display().to_string(), error);
    require_private(parent(path)?)?;
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(open_to_others(path, "0600"));
    }
    if metadata.len() > MAX_RING_BYTES {
        return Err(CloudError::invalid(format!("`{}` is too large for a key ring", path.display())));
    }
    let length = usize::try_from(metadata.len()).unwrap_or(0);
    let mut json = Zeroizing::new(Vec::with_capacity(length + 1));
    Read::by_ref(&mut file).take(MAX_RING_BYTES).read_to_end(&mut json).map_err(failed)?;
    Keys::parse(path, &json)
}

/// Replaces a ring whole: after a crash it is the old one or the new one.
pub(super) fn replace(path: &Path, keys: &Keys) -> Result<()> {
    let json = keys.to_json()?;
    let temporary = with_suffix(path, ".new");
    let written = write_private(&temporary, &json).and_then(|()| {
        fs::rename(&temporary, path)?;
        File::open(path.parent().unwrap_or_else(|| Path::new(".")))?.sync_all()
    });
    written.map_err(|error| CloudError::from_io(path.display().to_string(), error))
}

/// Keeps other processes from changing the ring until the handle is dropped.
pub(super) fn lock(path: &Path) -> Result<File> {
    let lock_path = with_suffix(path, ".lock");
    let failed = |error| CloudError::from_io(lock_path.display().to_string(), error);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&lock_path)
        .map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

/// Creates the ring's directory for its owner only, or refuses one that others can look into.
pub(super) fn make_private_parent(path: &Path) -> Result<()> {
    let directory = parent(path)?;
    if !directory.exists() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| CloudError::from_io(directory.display().to_string(), error))?;
    }
    require_private(directory)
}

fn require_private(directory: &Path) -> Result<()> {
    let metadata = fs::metadata(directory)
        .map_err(|error| CloudError::from_io(directory.display().to_string(), error))?;
    if metadata.permissions().mode() & 0o077 == 0 { Ok(()) } else { Err(open_to_others(directory, "0700")) }
}

fn open_to_others(path: &Path, mode: &str) -> CloudError {
    CloudError::AccessDenied {
        what: path.display().to_string(),
        source: Some(format!("other users can open it; its mode must be {mode}").into()),
    }
}

fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    // A leftover of a crash may have any content and mode: start from a new file.
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn parent(path: &Path) -> Result<&Path> {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => Ok(directory),
        _ => Err(CloudError::invalid(format!("`{}` has no directory to be private in", path.display()))),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
