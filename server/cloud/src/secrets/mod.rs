//! Secrets: passwords, API keys, private keys, kept by the provider and read when they are needed.

mod cache;
mod reader;
mod value;

use std::{collections::BTreeMap, fmt, time::SystemTime};

use async_trait::async_trait;

pub use self::{
    cache::SecretCache,
    reader::{FetchSecret, SecretReader},
    value::SecretValue,
};
use crate::{CloudError, Result};

/// Every name begins so: a policy can then let the service read its own secrets and no others.
pub const SECRET_PREFIX: &str = "llm-shield/";

/// For how many days a deleted secret can be had back.
pub const RECOVERY_DAYS: u16 = 30;

/// The largest secret that every provider takes.
pub const MAX_SECRET_BYTES: usize = 65_536;

/// Keeps secrets under names such as `llm-shield/tls/key`.
///
/// A secret has versions. One is current; by an update it becomes the previous one. Names are up to 512 of the
/// letters A to Z and a to z, digits and `/_+=.@-`, and begin with [`SECRET_PREFIX`].
///
/// Beyond what each method says, all fail with [`Invalid`](CloudError::Invalid) for a name that cannot be, with
/// [`NotFound`](CloudError::NotFound) for a secret that does not exist or is deleted, and with
/// [`AccessDenied`](CloudError::AccessDenied), [`Throttled`](CloudError::Throttled) and
/// [`Unavailable`](CloudError::Unavailable) as the provider does.
#[async_trait]
pub trait CloudSecretManager: fmt::Debug + Send + Sync {
    /// Returns the current version. An implementation may keep it in memory for a time that it documents.
    ///
    /// # Errors
    /// As all methods do.
    async fn get_secret(&self, name: &str) -> Result<SecretValue>;

    /// Returns a version as the provider has it now.
    ///
    /// # Errors
    /// [`NotFound`](CloudError::NotFound) also when the secret has no such version.
    async fn get_secret_version(&self, name: &str, stage: VersionStage) -> Result<SecretValue>;

    /// Returns the names that begin with `prefix`, of secrets that are not deleted, sorted.
    ///
    /// # Errors
    /// As all methods do.
    async fn list_secrets(&self, prefix: &str) -> Result<Vec<String>>;

    /// Makes a secret.
    ///
    /// # Errors
    /// [`Conflict`](CloudError::Conflict) when the name is taken, also by a deleted secret that can be had back.
    async fn create_secret_with_options(
        &self,
        name: &str,
        value: &SecretValue,
        options: &SecretOptions,
    ) -> Result<()>;

    /// Makes `value` the current version, and what was current the previous one.
    ///
    /// # Errors
    /// As all methods do.
    async fn update_secret(&self, name: &str, value: &SecretValue) -> Result<()>;

    /// Replaces a secret in two steps: the new version is first stored as pending, then becomes current, so that a
    /// crash in between leaves the old one in force.
    ///
    /// # Errors
    /// As all methods do.
    async fn rotate_secret(&self, name: &str, value: &SecretValue) -> Result<()>;

    /// Deletes a secret; for [`RECOVERY_DAYS`] it can be had back.
    ///
    /// # Errors
    /// As all methods do.
    async fn delete_secret(&self, name: &str) -> Result<()>;

    /// Undoes a deletion.
    ///
    /// # Errors
    /// As all methods do.
    async fn restore_secret(&self, name: &str) -> Result<()>;

    /// Returns what is known of a secret, and nothing of its value.
    ///
    /// # Errors
    /// As all methods do.
    async fn get_secret_metadata(&self, name: &str) -> Result<SecretMetadata>;

    /// Makes a secret without options.
    ///
    /// # Errors
    /// As [`create_secret_with_options`](Self::create_secret_with_options).
    async fn create_secret(&self, name: &str, value: &SecretValue) -> Result<()> {
        self.create_secret_with_options(name, value, &SecretOptions::default()).await
    }
}

/// Which version of a secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum VersionStage {
    /// The one in force.
    #[default]
    Current,
    /// The one in force before it.
    Previous,
    /// One that is not yet in force.
    Pending,
}

impl VersionStage {
    /// Returns the label that AWS has for it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Previous => "AWSPREVIOUS",
            Self::Pending => "AWSPENDING",
        }
    }
}

/// How a secret is made.
#[derive(Debug, Clone, Default)]
pub struct SecretOptions {
    /// What it is for. Not secret.
    pub description: Option<String>,
    /// The id of the provider's key that it is encrypted under; none: the provider's default. A provider without such
    /// keys refuses one with [`CloudError::Invalid`].
    pub encryption: Option<String>,
    /// Names and values to find it by. Not secret.
    pub tags: BTreeMap<String, String>,
}

/// What is known of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretMetadata {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: Option<SystemTime>,
    /// When it was last changed.
    pub updated_at: Option<SystemTime>,
    /// As [`SecretOptions::tags`].
    pub tags: BTreeMap<String, String>,
    /// The id of the current version; another value, another id.
    pub version: Option<String>,
}

/// Checks what every provider asks of a name.
///
/// # Errors
/// [`CloudError::Invalid`].
pub fn check_secret_name(name: &str) -> Result<()> {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte);
    if !name.starts_with(SECRET_PREFIX) || name.len() == SECRET_PREFIX.len() {
        return Err(CloudError::invalid(format!("a secret's name begins with `{SECRET_PREFIX}`")));
    }
    if name.len() > 512 || !name.bytes().all(letters) {
        return Err(CloudError::invalid(
            "a secret's name has at most 512 of the letters A-Z, a-z, digits and `/_+=.@-`",
        ));
    }
    Ok(())
}

/// Checks what every provider asks of a value.
///
/// # Errors
/// [`CloudError::Invalid`].
pub fn check_secret_value(value: &SecretValue) -> Result<()> {
    if value.is_empty() || value.len() > MAX_SECRET_BYTES {
        return Err(CloudError::invalid(format!("a secret has 1 to {MAX_SECRET_BYTES} bytes")));
    }
    Ok(())
}
