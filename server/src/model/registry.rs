//! The model store: bundles in the object store under `models/<name>/<version>/`, each written once, and beside them
//! which version is promoted.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use llm_shield_classifier::{Bundle, BundleError, Classifier, Manifest, Options};
use llm_shield_cloud::{CloudError, CloudStorage, PutObjectOptions};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::trust::{Trust, TrustError};

const MANIFEST: &str = "manifest.json";
/// The object that says which version is served.
const CHANNEL: &str = "channel.json";

/// Bundles in an object store.
#[derive(Clone, Debug)]
pub struct Registry {
    storage: Arc<dyn CloudStorage>,
    prefix: String,
}

/// A version of a model, down to its bytes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The version.
    pub version: String,
    /// The SHA-256 of its manifest, in hexadecimal.
    pub digest: String,
}

/// What is served of a model.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// What decides.
    pub current: Release,
    /// What decided before it: where a rollback goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Release>,
    /// What is on trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Candidate>,
}

/// A version on trial.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Which.
    pub release: Release,
    /// How.
    pub trial: Trial,
}

/// How a version is tried.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trial {
    /// It judges beside the current one and decides nothing; differences are counted.
    Shadow,
    /// It decides on so many of a hundred texts.
    Percent(u8),
}

/// Why the model store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The object store did not.
    #[error("the model store: {0}")]
    Storage(#[from] CloudError),
    /// A bundle is not whole.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A bundle is by nobody who is trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// What the store holds under a name is something else.
    #[error("{name}@{version}: {problem}")]
    Mismatch {
        /// The model.
        name: String,
        /// The version.
        version: String,
        /// What is wrong.
        problem: String,
    },
    /// Nothing is promoted.
    #[error("no version of `{0}` is promoted; promote one with `llm-shield model promote`")]
    NotPromoted(String),
    /// There is nothing to go back to.
    #[error("no version of `{0}` was promoted before the current one")]
    NoPrevious(String),
    /// A file of this machine cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Registry {
    /// Uses the bundles under `prefix` (such as `models/`) of an object store.
    pub fn new(storage: Arc<dyn CloudStorage>, prefix: impl Into<String>) -> Self {
        Self { storage, prefix: prefix.into() }
    }

    /// Writes the bundle in a directory to the store once it was seen to compute what its manifest says; returns its name
    /// and release, and whether it is new there.
    ///
    /// The manifest is written last: a version is either whole or not there. A version is never written over.
    ///
    /// # Errors
    /// The bundle cannot be served, or the store holds another one as this version.
    pub async fn push(&self, dir: &Path) -> Result<(String, Release, bool), RegistryError> {
        let bundle = Bundle::open(dir)?;
        Classifier::load(&bundle, &Options::default())?;
        let manifest = bundle.manifest();
        let (name, version) = (manifest.name.clone(), manifest.version.clone());
        let release = Release { version: version.clone(), digest: bundle.digest().to_owned() };
        if let Some(stored) = self.manifest(&name, &version).await? {
            if digest(&stored) == release.digest {
                return Ok((name, release, false));
            }
            let problem =
                "the store holds another bundle of this version; versions are never changed".to_owned();
            return Err(RegistryError::Mismatch { name, version, problem });
        }
        let files = manifest.files.iter().map(|(file, digest)| (file.as_str(), digest.as_str()));
        for (file, checked) in files.chain([(MANIFEST, bundle.digest())]) {
            let path = dir.join(file);
            let bytes = fs::read(&path).map_err(|source| RegistryError::File { path, source })?;
            if !digest(&bytes).eq_ignore_ascii_case(checked) {
                let problem = format!("`{file}` has changed since it was checked");
                return Err(RegistryError::Mismatch { name, version, problem });
            }
            // What an upload that was cut off left behind is written over; the manifest is what makes a version.
            let options = PutObjectOptions { if_none_match: file == MANIFEST, ..PutObjectOptions::default() };
            self.storage
                .put_object_with_options(&self.key(&name, &version, file), Bytes::from(bytes), &options)
                .await?;
        }
        Ok((name, release, true))
    }

    /// Lists the whole bundles of the store as name and version, in the order of their keys.
    ///
    /// # Errors
    /// As the store fails.
    pub async fn versions(&self) -> Result<Vec<(String, String)>, RegistryError> {
        let keys = self.storage.list_objects(&self.prefix).await?;
        let version = |key: &String| {
            let mut parts = key.strip_prefix(&self.prefix)?.split('/');
            match (parts.next(), parts.next(), parts.next(), parts.next()) {
                (Some(name), Some(version), Some(MANIFEST), None) => {
                    Some((name.to_owned(), version.to_owned()))
                }
                _ => None,
            }
        };
        Ok(keys.iter().filter_map(version).collect())
    }

    /// Brings a version to `cache`, as `<name>/<version>-<digest>`, and returns that directory; what lies there already
    /// is checked and used. Nothing but the manifest is read before its signature is checked, and no file is kept whose
    /// digest is not the manifest's.
    ///
    /// # Errors
    /// There is no such version, it is not the release that was asked for, not trusted or not whole.
    pub async fn pull(
        &self,
        name: &str,
        version: &str,
        expected: Option<&str>,
        trust: &Trust,
        cache: &Path,
    ) -> Result<PathBuf, RegistryError> {
        Ok(self.fetch(name, version, expected, trust, cache).await?.0)
    }

    /// Does what [`Registry::pull`] does, and returns the bundle as it was read and checked.
    pub(super) async fn fetch(
        &self,
        name: &str,
        version: &str,
        expected: Option<&str>,
        trust: &Trust,
        cache: &Path,
    ) -> Result<(PathBuf, Bundle), RegistryError> {
        if let Some(expected) = expected
            && let Some(found) = cached(name, version, expected, trust, cache)
        {
            return Ok(found);
        }
        let mismatch = |problem: String| RegistryError::Mismatch {
            name: name.to_owned(),
            version: version.to_owned(),
            problem,
        };
        let manifest_bytes = self
            .manifest(name, version)
            .await?
            .ok_or_else(|| mismatch("the store has no such version".to_owned()))?;
        let found = digest(&manifest_bytes);
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(mismatch(format!(
                "the store's manifest has the SHA-256 {found}, {expected} is what was promoted"
            )));
        }
        trust.check(&manifest_bytes)?;
        let manifest = Manifest::read(&manifest_bytes)?;
        if (manifest.name.as_str(), manifest.version.as_str()) != (name, version) {
            return Err(mismatch(format!("the manifest says {}@{}", manifest.name, manifest.version)));
        }
        let dir = place(name, version, &found, cache);
        let parent = dir.parent().unwrap_or(cache);
        let file_error = |path: &Path| {
            let path = path.to_owned();
            move |source| RegistryError::File { path, source }
        };
        fs::create_dir_all(parent).map_err(file_error(parent))?;
        let part = tempfile::tempdir_in(parent).map_err(file_error(parent))?;
        for file in manifest.files.keys() {
            // `Bundle::open_if` below refuses names that are paths; here they would be written.
            if file.starts_with('.') || file.contains(['/', '\\', ':']) {
                return Err(mismatch(format!("`{file}` is no plain file name")));
            }
            let bytes = self.storage.get_object(&self.key(name, version, file)).await?;
            let path = part.path().join(file);
            fs::write(&path, &bytes).map_err(file_error(&path))?;
        }
        let path = part.path().join(MANIFEST);
        fs::write(&path, &manifest_bytes).map_err(file_error(&path))?;
        let bundle = Bundle::open_if(part.path(), |manifest| trust.check(manifest))?;
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(file_error(&dir))?;
        }
        fs::rename(part.path(), &dir).map_err(file_error(&dir))?;
        Ok((dir, bundle))
    }

    /// Sees that a version of the store can be served: that it is whole, trusted, and computes what its manifest says.
    /// Returns the release, for [`Registry::promote`].
    ///
    /// # Errors
    /// There is no such version, or it cannot be served.
    pub async fn examine(&self, name: &str, version: &str, trust: &Trust) -> Result<Release, RegistryError> {
        let dir = tempfile::tempdir()
            .map_err(|source| RegistryError::File { path: std::env::temp_dir(), source })?;
        let (_, bundle) = self.fetch(name, version, None, trust, dir.path()).await?;
        Classifier::load(&bundle, &Options::default())?;
        Ok(Release { version: version.to_owned(), digest: bundle.digest().to_owned() })
    }

    /// Returns what is served of a model, with the mark that [`Registry::promote`] compares.
    ///
    /// # Errors
    /// Nothing is promoted, or the store fails.
    pub async fn channel(&self, name: &str) -> Result<Channel, RegistryError> {
        self.channel_and_mark(name)
            .await?
            .map(|(channel, _)| channel)
            .ok_or_else(|| RegistryError::NotPromoted(name.to_owned()))
    }

    /// Has a release that [`Registry::push`] or [`Registry::examine`] returned decide, or, with a trial, be tried beside
    /// the current one.
    ///
    /// # Errors
    /// It is to be tried beside nothing, or somebody else promoted at the same time.
    pub async fn promote(
        &self,
        name: &str,
        release: Release,
        trial: Option<Trial>,
    ) -> Result<Channel, RegistryError> {
        self.change(name, |channel| match (channel, trial) {
            (None, Some(_)) => Err(RegistryError::NotPromoted(name.to_owned())),
            (None, None) => Ok(Channel { current: release, previous: None, candidate: None }),
            (Some(channel), Some(trial)) => {
                Ok(Channel { candidate: Some(Candidate { release, trial }), ..channel })
            }
            (Some(channel), None) if channel.current == release => Ok(Channel { candidate: None, ..channel }),
            (Some(channel), None) => {
                Ok(Channel { current: release, previous: Some(channel.current), candidate: None })
            }
        })
        .await
    }

    /// Has the version decide that decided before the current one, and ends a trial.
    ///
    /// # Errors
    /// There is none, or somebody else promoted at the same time.
    pub async fn roll_back(&self, name: &str) -> Result<Channel, RegistryError> {
        self.change(name, |channel| {
            let channel = channel.ok_or_else(|| RegistryError::NotPromoted(name.to_owned()))?;
            let previous = channel.previous.ok_or_else(|| RegistryError::NoPrevious(name.to_owned()))?;
            Ok(Channel { current: previous, previous: Some(channel.current), candidate: None })
        })
        .await
    }

    /// Ends a trial.
    ///
    /// # Errors
    /// Nothing is promoted, or somebody else promoted at the same time.
    pub async fn end_trial(&self, name: &str) -> Result<Channel, RegistryError> {
        self.change(name, |channel| {
            let channel = channel.ok_or_else(|| RegistryError::NotPromoted(name.to_owned()))?;
            Ok(Channel { candidate: None, ..channel })
        })
        .await
    }

    async fn change(
        &self,
        name: &str,
        new: impl FnOnce(Option<Channel>) -> Result<Channel, RegistryError>,
    ) -> Result<Channel, RegistryError> {
        let (old, mark) = self.channel_and_mark(name).await?.unzip();
        let new = new(old)?;
        let json = serde_json::to_vec_pretty(&new).map_err(|error| CloudError::invalid(error.to_string()))?;
        let if_match = mark.flatten();
        let options = PutObjectOptions {
            content_type: Some("application/json".to_owned()),
            if_none_match: if_match.is_none(),
            if_match,
            ..PutObjectOptions::default()
        };
        self.storage.put_object_with_options(&self.channel_key(name), Bytes::from(json), &options).await?;
        Ok(new)
    }

    async fn channel_and_mark(&self, name: &str) -> Result<Option<(Channel, Option<String>)>, RegistryError> {
        match self.storage.get_object_with_options(&self.channel_key(name), &Default::default()).await {
            Ok(object) => {
                let channel = serde_json::from_slice(&object.data)
                    .map_err(|error| CloudError::invalid(format!("`{}`: {error}", self.channel_key(name))))?;
                Ok(Some((channel, object.metadata.etag)))
            }
            Err(CloudError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn manifest(&self, name: &str, version: &str) -> Result<Option<Bytes>, RegistryError> {
        match self.storage.get_object(&self.key(name, version, MANIFEST)).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(CloudError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn key(&self, name: &str, version: &str, file: &str) -> String {
        format!("{}{name}/{version}/{file}", self.prefix)
    }

    fn channel_key(&self, name: &str) -> String {
        format!("{}{name}/{CHANNEL}", self.prefix)
    }
}

/// Returns a release of the cache and its directory, where it lies there whole and trusted.
fn cached(
    name: &str,
    version: &str,
    expected: &str,
    trust: &Trust,
    cache: &Path,
) -> Option<(PathBuf, Bundle)> {
    let dir = place(name, version, expected, cache);
    let bundle = Bundle::open_if(&dir, |manifest| trust.check(manifest)).ok()?;
    (bundle.digest() == expected).then_some((dir, bundle))
}

fn place(name: &str, version: &str, digest: &str, cache: &Path) -> PathBuf {
    let short = digest.get(..16).unwrap_or(digest);
    cache.join(name).join(format!("{version}-{short}"))
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
