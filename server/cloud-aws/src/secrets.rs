use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_sdk_secretsmanager::{
    Client,
    error::ProvideErrorMetadata,
    operation::get_secret_value::GetSecretValueOutput,
    primitives::Blob,
    types::{Filter, FilterNameStringType, Tag},
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use llm_shield_cloud::{
    CloudError, CloudSecretManager, Result, SecretMetadata, SecretOptions, SecretReader, SecretValue,
    VersionStage,
    secrets::{FetchSecret, RECOVERY_DAYS, check_secret_name, check_secret_value},
};

use crate::{Aws, AwsOptions, error::translate};

/// How long secrets are kept in memory.
#[derive(Debug, Clone, Copy)]
pub struct SecretsOptions {
    /// How long a secret is taken for fresh. Default 300 s; zero asks each time.
    pub cache_ttl: Duration,
    /// How long after it was fetched a secret is still served while Secrets Manager is away or throttles. Default 1 h.
    pub stale: Duration,
}

impl Default for SecretsOptions {
    fn default() -> Self {
        Self { cache_ttl: Duration::from_secs(300), stale: Duration::from_secs(3600) }
    }
}

/// Secrets in Secrets Manager.
///
/// [`get_secret`](CloudSecretManager::get_secret) reads through a cache: many readers make one call, and while Secrets
/// Manager is away what was read before is served. Another process's rotation is seen when the time to live is over;
/// one through this object, at once.
#[derive(Debug)]
pub struct AwsSecretsManager {
    client: Client,
    region: String,
    reader: SecretReader,
}

impl AwsSecretsManager {
    /// Returns the secrets of the environment's account and region.
    ///
    /// # Errors
    /// [`CloudError::Invalid`] when no region is set.
    pub async fn new() -> Result<Self> {
        Ok(Self::with(&Aws::load(AwsOptions::default()).await?, SecretsOptions::default()))
    }

    /// Returns the secrets of a region.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub async fn new_with_region(region: impl Into<String>) -> Result<Self> {
        let options = AwsOptions { region: Some(region.into()), ..AwsOptions::default() };
        Ok(Self::with(&Aws::load(options).await?, SecretsOptions::default()))
    }

    /// Returns the secrets of a region, fresh for so many seconds.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub async fn new_with_cache_ttl(region: impl Into<String>, seconds: u64) -> Result<Self> {
        let options = AwsOptions { region: Some(region.into()), ..AwsOptions::default() };
        let secrets = SecretsOptions { cache_ttl: Duration::from_secs(seconds), ..SecretsOptions::default() };
        Ok(Self::with(&Aws::load(options).await?, secrets))
    }

    /// Returns the secrets of `aws`.
    pub fn with(aws: &Aws, options: SecretsOptions) -> Self {
        Self {
            client: Client::new(aws.config()),
            region: aws.region().to_owned(),
            reader: SecretReader::new(options.cache_ttl, options.stale),
        }
    }

    /// Returns the region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Forgets what is in memory.
    pub fn clear_cache(&self) {
        self.reader.cache().clear();
    }

    /// Returns how many secrets are in memory.
    pub fn cache_size(&self) -> usize {
        self.reader.cache().len()
    }

    /// Returns a secret from memory if it is fresh there, without a task or a call.
    pub fn cached_secret(&self, name: &str) -> Option<SecretValue> {
        self.reader.cache().get(name)
    }

    /// Returns how often [`get_secret`](CloudSecretManager::get_secret) has called Secrets Manager.
    pub fn fetches(&self) -> u64 {
        self.reader.fetches()
    }

    async fn put(&self, name: &str, value: &SecretValue, stage: VersionStage) -> Result<String> {
        let (text, binary) = parts(value);
        let answer = self
            .client
            .put_secret_value()
            .secret_id(name)
            .set_secret_string(text)
            .set_secret_binary(binary)
            .version_stages(stage.label())
            .send()
            .await
            .map_err(|error| absent_if_deleted(name, error))?;
        self.reader.cache().invalidate(name);
        answer.version_id.ok_or_else(|| CloudError::Unavailable {
            what: name.to_owned(),
            source: Some("the answer names no version".into()),
        })
    }

    async fn move_stage(
        &self,
        name: &str,
        stage: VersionStage,
        to: Option<&str>,
        from: Option<&str>,
    ) -> Result<()> {
        self.client
            .update_secret_version_stage()
            .secret_id(name)
            .version_stage(stage.label())
            .set_move_to_version_id(to.map(str::to_owned))
            .set_remove_from_version_id(from.map(str::to_owned))
            .send()
            .await
            .map_err(|error| translate(name, error))?;
        Ok(())
    }
}

#[async_trait]
impl FetchSecret for AwsSecretsManager {
    async fn fetch(&self, name: &str) -> Result<SecretValue> {
        self.get_secret_version(name, VersionStage::Current).await
    }
}

#[async_trait]
impl CloudSecretManager for AwsSecretsManager {
    async fn get_secret(&self, name: &str) -> Result<SecretValue> {
        // Before the name is looked at: what is in the cache has a good one.
        if let Some(value) = self.cached_secret(name) {
            return Ok(value);
        }
        check_secret_name(name)?;
        self.reader.get(name, self).await
    }

    async fn get_secret_version(&self, name: &str, stage: VersionStage) -> Result<SecretValue> {
        check_secret_name(name)?;
        let answer = self.client.get_secret_value().secret_id(name).version_stage(stage.label()).send().await;
        let GetSecretValueOutput { secret_string, secret_binary, version_id, .. } =
            answer.map_err(|error| absent_if_deleted(name, error))?;
        let value = match (secret_string, secret_binary) {
            (Some(text), _) => SecretValue::from_string(text),
            (None, Some(bytes)) => SecretValue::from_bytes(bytes.into_inner()),
            (None, None) => return Err(CloudError::NotFound { what: name.to_owned() }),
        };
        Ok(value.with_version(version_id))
    }

    async fn list_secrets(&self, prefix: &str) -> Result<Vec<String>> {
        let filter = Filter::builder().key(FilterNameStringType::Name).values(prefix).build();
        let mut pages = self
            .client
            .list_secrets()
            .set_filters((!prefix.is_empty()).then(|| vec![filter]))
            .into_paginator()
            .send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| translate("the list of secrets", error))?;
            let entries = page.secret_list.unwrap_or_default().into_iter();
            let there = entries.filter(|entry| entry.deleted_date.is_none());
            names.extend(there.filter_map(|entry| entry.name).filter(|name| name.starts_with(prefix)));
        }
        names.sort_unstable();
        Ok(names)
    }

    async fn create_secret_with_options(
        &self,
        name: &str,
        value: &SecretValue,
        options: &SecretOptions,
    ) -> Result<()> {
        check_secret_name(name)?;
        check_secret_value(value)?;
        let (text, binary) = parts(value);
        let tag = |(name, value): (&String, &String)| Tag::builder().key(name).value(value).build();
        let tags: Vec<Tag> = options.tags.iter().map(tag).collect();
        self.client
            .create_secret()
            .name(name)
            .set_secret_string(text)
            .set_secret_binary(binary)
            .set_description(options.description.clone())
            .set_kms_key_id(options.encryption.clone())
            .set_tags((!tags.is_empty()).then_some(tags))
            .send()
            .await
            .map_err(|error| match absent_if_deleted(name, error) {
                // The name is taken for as long as the secret can be had back.
                CloudError::NotFound { what } => CloudError::Conflict { what },
                error => error,
            })?;
        self.reader.cache().invalidate(name);
        Ok(())
    }

    async fn update_secret(&self, name: &str, value: &SecretValue) -> Result<()> {
        check_secret_name(name)?;
        check_secret_value(value)?;
        self.put(name, value, VersionStage::Current).await?;
        Ok(())
    }

    async fn rotate_secret(&self, name: &str, value: &SecretValue) -> Result<()> {
        check_secret_name(name)?;
        check_secret_value(value)?;
        let current = self.get_secret_metadata(name).await?.version;
        let pending = self.put(name, value, VersionStage::Pending).await?;
        self.move_stage(name, VersionStage::Current, Some(&pending), current.as_deref()).await?;
        self.reader.cache().invalidate(name);
        self.move_stage(name, VersionStage::Pending, None, Some(&pending)).await
    }

    async fn delete_secret(&self, name: &str) -> Result<()> {
        check_secret_name(name)?;
        self.client
            .delete_secret()
            .secret_id(name)
            .recovery_window_in_days(RECOVERY_DAYS.into())
            .send()
            .await
            .map_err(|error| absent_if_deleted(name, error))?;
        self.reader.cache().invalidate(name);
        Ok(())
    }

    async fn restore_secret(&self, name: &str) -> Result<()> {
        check_secret_name(name)?;
        self.client.restore_secret().secret_id(name).send().await.map_err(|error| translate(name, error))?;
        Ok(())
    }

    async fn get_secret_metadata(&self, name: &str) -> Result<SecretMetadata> {
        check_secret_name(name)?;
        let answer = self
            .client
            .describe_secret()
            .secret_id(name)
            .send()
            .await
            .map_err(|error| translate(name, error))?;
        if answer.deleted_date.is_some() {
            return Err(CloudError::NotFound { what: name.to_owned() });
        }
        let current = VersionStage::Current.label();
        let versions = answer.version_ids_to_stages.unwrap_or_default().into_iter();
        let mut current = versions.filter(|(_, stages)| stages.iter().any(|stage| stage == current));
        let tags = answer.tags.unwrap_or_default().into_iter();
        Ok(SecretMetadata {
            name: answer.name.unwrap_or_else(|| name.to_owned()),
            created_at: answer.created_date.and_then(|time| SystemTime::try_from(time).ok()),
            updated_at: answer.last_changed_date.and_then(|time| SystemTime::try_from(time).ok()),
            tags: tags.filter_map(|tag| Some((tag.key?, tag.value?))).collect(),
            version: current.next().map(|(version, _)| version),
        })
    }
}

/// Text as text, so that people can read it where they may; everything else as bytes.
fn parts(value: &SecretValue) -> (Option<String>, Option<Blob>) {
    match value.as_string() {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(Blob::new(value.as_bytes()))),
    }
}

/// AWS says of a deleted secret that the request is invalid; for a reader it is not there.
fn absent_if_deleted<E>(name: &str, error: SdkError<E, HttpResponse>) -> CloudError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if error.message().is_some_and(is_deletion) {
        return CloudError::NotFound { what: name.to_owned() };
    }
    translate(name, error)
}

fn is_deletion(message: &str) -> bool {
    ["marked for deletion", "scheduled for deletion", "marked deleted"]
        .iter()
        .any(|words| message.contains(words))
}
