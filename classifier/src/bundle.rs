//! A model bundle: its files read whole and checked by digest, from a folder or from within the program.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use sha2::{Digest as _, Sha256};

use crate::{
    config,
    error::BundleError,
    manifest::{self, Manifest},
};

pub(crate) const WEIGHTS: &str = "model.safetensors";
pub(crate) const TOKENIZER: &str = "tokenizer.json";

/// The largest file of a bundle, in bytes.
const MAX_FILE_BYTES: u64 = 512 << 20;

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// A bundle whose files are those that its manifest names.
pub struct Bundle {
    manifest: Manifest,
    digest: String,
    pub(crate) config: Cow<'static, [u8]>,
    pub(crate) tokenizer: Cow<'static, [u8]>,
    pub(crate) weights: Cow<'static, [u8]>,
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bundle")
            .field("name", &self.manifest.name)
            .field("version", &self.manifest.version)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

impl Bundle {
    /// Reads the bundle in a folder.
    ///
    /// # Errors
    /// When a file cannot be read, is not what the manifest names, or the manifest is not of the format.
    pub fn open(dir: &Path) -> Result<Self, BundleError> {
        Self::open_if(dir, |_| Ok(()))
    }

    /// Reads the bundle in a folder if its manifest is one that `agree` agrees to: the very bytes that it was asked
    /// about are what every other file is checked against, and none of those is read before.
    ///
    /// # Errors
    /// As [`Bundle::open`], and what `agree` says.
    pub fn open_if<E: From<BundleError>>(
        dir: &Path,
        agree: impl FnOnce(&[u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let bytes = |name: &str| read(&dir.join(name)).map(Cow::Owned);
        let manifest = bytes(manifest::FILE)?;
        agree(&manifest)?;
        Ok(Self::from_files(&manifest, bytes)?)
    }

    /// Returns the bundle that was built into this program, if one was.
    ///
    /// # Errors
    /// When it is not whole.
    pub fn embedded() -> Result<Option<Self>, BundleError> {
        let file = |name: &str| EMBEDDED.iter().find(|(known, _)| *known == name);
        if file(manifest::FILE).is_none() {
            return Ok(None);
        }
        let bytes = |name: &str| match file(name) {
            Some((_, bytes)) => Ok(Cow::Borrowed(*bytes)),
            None => Err(BundleError::Read { file: name.to_owned(), source: io::ErrorKind::NotFound.into() }),
        };
        Self::from_files(&bytes(manifest::FILE)?, bytes).map(Some)
    }

    fn from_files(
        manifest_bytes: &[u8],
        bytes: impl Fn(&str) -> Result<Cow<'static, [u8]>, BundleError>,
    ) -> Result<Self, BundleError> {
        let manifest = Manifest::read(manifest_bytes)?;
        for name in manifest.files.keys() {
            // The names come from the manifest, and a folder's other files are none of its business.
            if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', ':']) {
                return Err(BundleError::format(manifest::FILE, "`files`: a name is no plain file name"));
            }
        }
        let checked = |name: &'static str| {
            let expected = manifest.files.get(name).ok_or_else(|| {
                BundleError::format(manifest::FILE, format!("`files` does not name `{name}`"))
            })?;
            let bytes = bytes(name)?;
            compare(name, expected, &bytes)?;
            Ok::<_, BundleError>(bytes)
        };
        let (config, tokenizer, weights) = (checked(config::FILE)?, checked(TOKENIZER)?, checked(WEIGHTS)?);
        for (name, expected) in &manifest.files {
            if ![config::FILE, TOKENIZER, WEIGHTS].contains(&name.as_str()) {
                compare(name, expected, &bytes(name)?)?;
            }
        }
        let digest = hex::encode(Sha256::digest(manifest_bytes));
        Ok(Self { manifest, digest, config, tokenizer, weights })
    }

    /// Returns what the bundle says of itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the SHA-256 of the manifest, in hexadecimal: it names every byte of the bundle.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Returns the size of the files that serving reads, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.config.len() + self.tokenizer.len() + self.weights.len()
    }
}

fn compare(name: &str, expected: &str, bytes: &[u8]) -> Result<(), BundleError> {
    let found = hex::encode(Sha256::digest(bytes));
    if found.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(BundleError::Digest { file: name.to_owned(), expected: expected.to_owned(), found })
}

fn read(path: &Path) -> Result<Vec<u8>, BundleError> {
    let attempt = || {
        let mut bytes = Vec::new();
        let read = File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        if u64::try_from(read).is_ok_and(|read| read > MAX_FILE_BYTES) {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than any model that is served"));
        }
        Ok(bytes)
    };
    attempt().map_err(|source| BundleError::Read { file: path.display().to_string(), source })
}
