use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::ring_file::Secret;
use super::{blocking, private_file};
use crate::secrets::{RECOVERY_DAYS, check_secret_name, check_secret_value};
use crate::{
    CloudError, CloudSecretManager, Result, SecretMetadata, SecretOptions, SecretValue, VersionStage,
};

/// Some hundred secrets of the largest size; anything much larger is not a secret file.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Secrets in one file of mode 0600 inside a directory of mode 0700; other modes are refused.
///
/// Each call reads the file anew, and each change replaces it whole under a lock, so several processes can share it.
/// Values are not encrypted in it.
#[derive(Debug, Clone)]
pub struct SecretFile {
    path: Arc<Path>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Secrets {
    secrets: BTreeMap<String, Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    description: Option<String>,
    tags: BTreeMap<String, String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted_at: Option<Timestamp>,
    /// The number of the newest version, which is its id.
    newest: u64,
    current: Version,
    previous: Option<Version>,
    pending: Option<Version>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    id: u64,
    value: Secret,
}

impl SecretFile {
    /// Opens the file, making an empty one and its directory when there is none.
    ///
    /// # Errors
    /// [`CloudError::AccessDenied`] when others could read it, [`CloudError::Invalid`] when it is damaged.
    pub fn open_or_create(path: impl Into<PathBuf>) -> Result<Self> {
        let path: PathBuf = path.into();
        private_file::make_private_parent(&path)?;
        let _lock = private_file::lock(&path)?;
        match read(&path) {
            Err(CloudError::NotFound { .. }) => write(&path, &Secrets::default())?,
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        Ok(Self { path: path.into() })
    }

    async fn entry<T: Send + 'static>(
        &self,
        name: &str,
        look: impl FnOnce(&Entry) -> Option<T> + Send + 'static,
    ) -> Result<T> {
        check_secret_name(name)?;
        let (path, name) = (Arc::clone(&self.path), name.to_owned());
        blocking(move || {
            let secrets = read(&path)?;
            let entry = secrets.secrets.get(&name).filter(|entry| entry.deleted_at.is_none());
            entry.and_then(look).ok_or(CloudError::NotFound { what: name })
        })
        .await
    }

    async fn change(
        &self,
        name: &str,
        change: impl FnOnce(&mut BTreeMap<String, Entry>, String) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        check_secret_name(name)?;
        let (path, name) = (Arc::clone(&self.path), name.to_owned());
        blocking(move || {
            let _lock = private_file::lock(&path)?;
            let mut secrets = read(&path)?;
            let oldest = Timestamp::now() - SignedDuration::from_hours(24 * i64::from(RECOVERY_DAYS));
            secrets.secrets.retain(|_, entry| entry.deleted_at.is_none_or(|deleted| deleted > oldest));
            change(&mut secrets.secrets, name)?;
            write(&path, &secrets)
        })
        .await
    }

    async fn change_entry(&self, name: &str, change: impl FnOnce(&mut Entry) + Send + 'static) -> Result<()> {
        self.change(name, |secrets, name| {
            let entry = secrets.get_mut(&name).filter(|entry| entry.deleted_at.is_none());
            change(entry.ok_or(CloudError::NotFound { what: name })?);
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl CloudSecretManager for SecretFile {
    async fn get_secret(&self, name: &str) -> Result<SecretValue> {
        self.get_secret_version(name, VersionStage::Current).await
    }

    async fn get_secret_version(&self, name: &str, stage: VersionStage) -> Result<SecretValue> {
        let version = move |entry: &Entry| match stage {
            VersionStage::Current => Some(entry.current.clone()),
            VersionStage::Previous => entry.previous.clone(),
            VersionStage::Pending => entry.pending.clone(),
        };
        let Version { id, value } = self.entry(name, version).await?;
        Ok(SecretValue::from_bytes(value.0.to_vec()).with_version(Some(id.to_string())))
    }

    async fn list_secrets(&self, prefix: &str) -> Result<Vec<String>> {
        let (path, prefix) = (Arc::clone(&self.path), prefix.to_owned());
        blocking(move || {
            let secrets = read(&path)?.secrets.into_iter();
            let listed =
                secrets.filter(|(name, entry)| name.starts_with(&prefix) && entry.deleted_at.is_none());
            Ok(listed.map(|(name, _)| name).collect())
        })
        .await
    }

    async fn create_secret_with_options(
        &self,
        name: &str,
        value: &SecretValue,
        options: &SecretOptions,
    ) -> Result<()> {
        check_secret_value(value)?;
        if options.encryption.is_some() {
            return Err(CloudError::invalid("a local file does not encrypt secrets"));
        }
        let (value, options) = (value.clone(), options.clone());
        self.change(name, move |secrets, name| {
            if secrets.contains_key(&name) {
                return Err(CloudError::Conflict { what: name });
            }
            secrets.insert(name, Entry::new(&value, options));
            Ok(())
        })
        .await
    }

    async fn update_secret(&self, name: &str, value: &SecretValue) -> Result<()> {
        check_secret_value(value)?;
        let value = value.clone();
        self.change_entry(name, move |entry| {
            let version = entry.version(&value);
            entry.promote(version);
        })
        .await
    }

    async fn rotate_secret(&self, name: &str, value: &SecretValue) -> Result<()> {
        check_secret_value(value)?;
        let value = value.clone();
        self.change_entry(name, move |entry| entry.pending = Some(entry.version(&value))).await?;
        self.change_entry(name, |entry| {
            if let Some(version) = entry.pending.take() {
                entry.promote(version);
            }
        })
        .await
    }

    async fn delete_secret(&self, name: &str) -> Result<()> {
        self.change_entry(name, |entry| entry.deleted_at = Some(Timestamp::now())).await
    }

    async fn restore_secret(&self, name: &str) -> Result<()> {
        self.change(name, |secrets, name| {
            secrets.get_mut(&name).ok_or(CloudError::NotFound { what: name })?.deleted_at = None;
            Ok(())
        })
        .await
    }

    async fn get_secret_metadata(&self, name: &str) -> Result<SecretMetadata> {
        let secret = name.to_owned();
        self.entry(name, move |entry| {
            Some(SecretMetadata {
                name: secret,
                created_at: Some(SystemTime::from(entry.created_at)),
                updated_at: Some(SystemTime::from(entry.updated_at)),
                tags: entry.tags.clone(),
                version: Some(entry.current.id.to_string()),
            })
        })
        .await
    }
}

impl Entry {
    fn new(value: &SecretValue, options: SecretOptions) -> Self {
        let SecretOptions { description, tags, encryption: _ } = options;
        let now = Timestamp::now();
        Self {
            description,
            tags,
            created_at: now,
            updated_at: now,
            deleted_at: None,
            newest: 1,
            current: Version { id: 1, value: Secret(Zeroizing::new(value.as_bytes().to_vec())) },
            previous: None,
            pending: None,
        }
    }

    fn version(&mut self, value: &SecretValue) -> Version {
        self.newest = self.newest.saturating_add(1);
        Version { id: self.newest, value: Secret(Zeroizing::new(value.as_bytes().to_vec())) }
    }

    fn promote(&mut self, version: Version) {
        self.previous = Some(std::mem::replace(&mut self.current, version));
        self.updated_at = Timestamp::now();
    }
}

fn read(path: &Path) -> Result<Secrets> {
    let json = private_file::read(path, MAX_BYTES)?;
    // The position only: serde's message may quote what it read.
    serde_json::from_slice(&json).map_err(|error| CloudError::Invalid {
        reason: format!("`{}` is not a secret file of this version", path.display()),
        source: Some(format!("at line {} column {}", error.line(), error.column()).into()),
    })
}

fn write(path: &Path, secrets: &Secrets) -> Result<()> {
    // Sized ahead so that growing does not leave copies of secrets behind in freed memory.
    let versions = |entry: &Entry| {
        [Some(&entry.current), entry.previous.as_ref(), entry.pending.as_ref()]
            .into_iter()
            .flatten()
            .map(|version| version.value.0.len() * 2 + 128)
            .sum::<usize>()
    };
    let size: usize = secrets.secrets.values().map(versions).sum();
    let mut json = Zeroizing::new(Vec::with_capacity(size * 2 + 4096 * (secrets.secrets.len() + 1)));
    serde_json::to_writer(&mut *json, secrets).map_err(|error| CloudError::Invalid {
        reason: "the secrets cannot be written down".to_owned(),
        source: Some(error.into()),
    })?;
    private_file::replace(path, &json)
}
