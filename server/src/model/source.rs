//! Where the served model comes from: a bundle of this machine, or the store, whose promoted version is followed.

use std::{path::PathBuf, sync::Arc, time::Duration};

use llm_shield_classifier::{Bundle, BundleError};
use llm_shield_cloud::CloudStorage;
use llm_shield_detect::Classifier;
use tokio::{
    task::{JoinError, spawn_blocking},
    time::{MissedTickBehavior, interval},
};

use crate::config::{Config, ModelConfig};

use super::{
    Model, ModelOptions,
    registry::{Channel, Registry, RegistryError, Release},
    serving::{Candidate, Models, Serving},
    trust::{Trust, TrustError},
};

/// A bundle of this machine: that of `model.path`, or the one that was built into the program.
#[derive(Debug)]
pub(crate) struct LocalSource<'c> {
    config: &'c Config,
}

/// A model of the store, followed.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) registry: Registry,
    pub(crate) name: String,
    pub(crate) trust: Trust,
    pub(crate) cache: PathBuf,
    pub(crate) options: ModelOptions,
}

/// Why no model can be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A bundle is not whole, or does not compute what its manifest says.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A bundle is by nobody who is trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The model store did not give it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Making it ready broke off.
    #[error("making the model ready broke off")]
    Task(#[from] JoinError),
}

impl<'c> LocalSource<'c> {
    pub(crate) const fn new(config: &'c Config) -> Self {
        Self { config }
    }

    /// Makes the model ready; `None` where there is to be none, or no bundle is built in.
    ///
    /// # Errors
    /// It is not trusted, not whole, or does not compute what its manifest says.
    pub(crate) fn load(&self) -> Result<Option<Model>, ModelError> {
        let ModelConfig { enabled, path, .. } = &self.config.model;
        if !enabled {
            return Ok(None);
        }
        let options = options(&self.config.model);
        let Some(path) = path else { return Ok(Model::load(None, options)?) };
        let trust = self.config.model_trust()?;
        let bundle = Bundle::open_if(path, |manifest| trust.check(manifest))?;
        Ok(Some(Model::from_bundle(&bundle, options)?))
    }
}

impl Followed {
    /// Follows the model that the configuration names, if it names one.
    ///
    /// # Errors
    /// A key cannot be read.
    pub(crate) fn new(config: &Config, storage: &Arc<dyn CloudStorage>) -> Result<Option<Self>, ModelError> {
        let model = &config.model;
        let Some(name) = model.name.clone().filter(|_| model.enabled) else { return Ok(None) };
        Ok(Some(Self {
            registry: Registry::new(Arc::clone(storage), &config.cloud.aws.s3.models_prefix),
            name,
            trust: config.model_trust()?,
            cache: model.cache_dir.clone().unwrap_or_else(|| config.data_dir.join("models")),
            options: options(model),
        }))
    }

    /// Makes ready what the store says.
    ///
    /// # Errors
    /// Nothing is promoted, or it cannot be served. That a candidate cannot be is logged, and the current one serves
    /// alone.
    pub(crate) async fn start(self) -> Result<Following, ModelError> {
        let known = self.registry.channel(&self.name).await?;
        let models = self.load_channel(&known).await?;
        tracing::info!(model = models.current.id(), "the classifier is ready");
        Ok(Following { followed: self, known, serving: Arc::new(Serving::new(models)) })
    }

    async fn load_channel(&self, channel: &Channel) -> Result<Models, ModelError> {
        let current = self.load_release(&channel.current).await?;
        let mut models = Models { current, candidate: None };
        if let Some(candidate) = &channel.candidate {
            match self.load_release(&candidate.release).await {
                Ok(model) => models.candidate = Some(Candidate::new(model, candidate.trial)),
                Err(error) => {
                    let version = &candidate.release.version;
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        version,
                        "the candidate is not tried"
                    );
                }
            }
        }
        Ok(models)
    }

    async fn load_release(&self, release: &Release) -> Result<Arc<Model>, ModelError> {
        let Release { version, digest } = release;
        let dir = self.registry.pull(&self.name, version, Some(digest), &self.trust, &self.cache).await?;
        let options = self.options;
        let load = move || Model::from_bundle(&Bundle::open(&dir)?, options);
        Ok(Arc::new(spawn_blocking(load).await??))
    }
}

/// A model of the store that is in force, and stays what the store says.
#[derive(Debug)]
pub(crate) struct Following {
    followed: Followed,
    known: Channel,
    serving: Arc<Serving>,
}

impl Following {
    /// Returns what judges, now and after every change.
    pub(crate) fn classifier(&self) -> Arc<dyn Classifier> {
        Arc::clone(&self.serving) as Arc<dyn Classifier>
    }

    /// Looks every so often whether the store says something else, and puts that in force. Never returns.
    pub(crate) async fn watch(mut self, every: Duration) {
        let mut ticks = interval(every.max(Duration::from_millis(100)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What was told of already: it is tried again, in silence.
        let mut failed: Option<Channel> = None;
        loop {
            ticks.tick().await;
            let channel = match self.followed.registry.channel(&self.followed.name).await {
                Ok(channel) if channel == self.known => continue,
                Ok(channel) => channel,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the model store cannot be asked"
                    );
                    continue;
                }
            };
            let outcome = match self.followed.load_channel(&channel).await {
                Ok(models) => {
                    tracing::info!(model = models.current.id(), "another model is in force");
                    self.serving.swap(models);
                    self.known = channel;
                    failed = None;
                    "ok"
                }
                Err(_) if failed.as_ref() == Some(&channel) => continue,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(
                        error,
                        "the promoted model cannot be served; the one before stays in force"
                    );
                    failed = Some(channel);
                    "failed"
                }
            };
            metrics::counter!("shield_reloads_total", "what" => "model", "outcome" => outcome).increment(1);
        }
    }
}

fn options(config: &ModelConfig) -> ModelOptions {
    let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
    ModelOptions {
        threads: count(config.threads),
        max_windows: count(config.max_windows),
        cache_entries: count(config.cache_entries),
    }
}
