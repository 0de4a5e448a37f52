//! Where the served model comes from: a bundle of this machine, or the store, whose promoted version is followed.

use std::{path::PathBuf, sync::Arc, time::Duration};

use llm_shield_classifier::{Bundle, BundleError};
use llm_shield_cloud::CloudStorage;
use llm_shield_detect::Classifier;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::{Config, ModelConfig};

use super::{
    Model, ModelOptions,
    loader::Loader,
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
    loader: Loader,
}

/// What a channel names, as far as it could be made ready.
struct Loaded {
    models: Models,
    /// The channel, without a candidate that could not be.
    known: Channel,
    problem: Option<Problem>,
}

/// Why a version of a channel is not in force.
struct Problem {
    error: ModelError,
    version: String,
    consequence: &'static str,
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
    BrokenOff,
    /// There is no thread to make it ready on.
    #[error("no thread to make the model ready on")]
    Thread(#[from] std::io::Error),
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
    /// A key cannot be read, or the system gives no thread.
    pub(crate) fn new(config: &Config, storage: &Arc<dyn CloudStorage>) -> Result<Option<Self>, ModelError> {
        let model = &config.model;
        let Some(name) = model.name.clone().filter(|_| model.enabled) else { return Ok(None) };
        Ok(Some(Self {
            registry: Registry::new(Arc::clone(storage), &config.cloud.aws.s3.models_prefix),
            name,
            trust: config.model_trust()?,
            cache: model.cache_dir.clone().unwrap_or_else(|| config.data_dir.join("models")),
            options: options(model),
            loader: Loader::start()?,
        }))
    }

    /// Makes ready what the store says.
    ///
    /// # Errors
    /// Nothing is promoted, or it cannot be served. That a candidate cannot be is logged, and the current one serves
    /// alone until it can.
    pub(crate) async fn start(self) -> Result<Following, ModelError> {
        let channel = self.registry.channel(&self.name).await?;
        let Loaded { models, known, problem } = self.load_channel(&channel, &[]).await?;
        tracing::info!(model = models.current.id(), "the classifier is ready");
        let serving = Arc::new(Serving::new(models));
        let mut following = Following { followed: self, known, serving, failed: None };
        if let Some(problem) = problem {
            following.tell(channel, &problem);
        }
        Ok(following)
    }

    /// Makes ready what a channel names; what of it is in force already is taken as it is, with what it remembers.
    async fn load_channel(
        &self,
        channel: &Channel,
        in_force: &[(Release, Arc<Model>)],
    ) -> Result<Loaded, ModelError> {
        let current = self.load_release(&channel.current, in_force).await?;
        let models = Models { current, candidate: None };
        let mut loaded = Loaded { models, known: channel.clone(), problem: None };
        if let Some(candidate) = &channel.candidate {
            match self.load_release(&candidate.release, in_force).await {
                Ok(model) => loaded.models.candidate = Some(Candidate::new(model, candidate.trial)),
                Err(error) => {
                    let version = candidate.release.version.clone();
                    loaded.known.candidate = None;
                    loaded.problem =
                        Some(Problem { error, version, consequence: "the candidate is not tried" });
                }
            }
        }
        Ok(loaded)
    }

    async fn load_release(
        &self,
        release: &Release,
        in_force: &[(Release, Arc<Model>)],
    ) -> Result<Arc<Model>, ModelError> {
        if let Some((_, model)) = in_force.iter().find(|(known, _)| known == release) {
            return Ok(Arc::clone(model));
        }
        let (registry, name, release) = (self.registry.clone(), self.name.clone(), release.clone());
        let (trust, cache, options) = (self.trust.clone(), self.cache.clone(), self.options);
        let load = async move {
            let Release { version, digest } = &release;
            let (_, bundle) = registry.fetch(&name, version, Some(digest), &trust, &cache).await?;
            Ok(Arc::new(Model::from_bundle(&bundle, options)?))
        };
        self.loader.run(load).await.unwrap_or(Err(ModelError::BrokenOff))
    }
}

/// A model of the store that is in force, and stays what the store says.
#[derive(Debug)]
pub(crate) struct Following {
    followed: Followed,
    /// What is in force of what the store said.
    known: Channel,
    serving: Arc<Serving>,
    /// What was told of already: it is tried again, in silence.
    failed: Option<Channel>,
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
        loop {
            ticks.tick().await;
            match self.followed.registry.channel(&self.followed.name).await {
                Ok(channel) if channel == self.known => self.failed = None,
                Ok(channel) => self.take_up(channel).await,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "the model store cannot be asked");
                }
            }
        }
    }

    async fn take_up(&mut self, channel: Channel) {
        let problem = match self.followed.load_channel(&channel, &self.in_force()).await {
            Ok(Loaded { models, known, problem }) => {
                if known != self.known {
                    tracing::info!(model = models.current.id(), "another model is in force");
                    self.serving.swap(models);
                    self.known = known;
                }
                problem
            }
            Err(error) => Some(Problem {
                error,
                version: channel.current.version.clone(),
                consequence: "the promoted model cannot be served; the one before stays in force",
            }),
        };
        match problem {
            Some(problem) => self.tell(channel, &problem),
            None => {
                self.failed = None;
                count("ok");
            }
        }
    }

    /// Logs and counts what of a channel is not in force, once.
    fn tell(&mut self, channel: Channel, problem: &Problem) {
        if self.failed.as_ref() == Some(&channel) {
            return;
        }
        let Problem { error, version, consequence } = problem;
        tracing::error!(error = error as &dyn std::error::Error, version, "{consequence}");
        self.failed = Some(channel);
        count("failed");
    }

    /// Returns what need not be loaded.
    fn in_force(&self) -> Vec<(Release, Arc<Model>)> {
        let models = self.serving.models();
        let candidate = self.known.candidate.iter().zip(&models.candidate);
        let candidate = candidate.map(|(known, loaded)| (known.release.clone(), loaded.model()));
        let current = (self.known.current.clone(), Arc::clone(&models.current));
        [current].into_iter().chain(candidate).collect()
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("shield_reloads_total", "what" => "model", "outcome" => outcome).increment(1);
}

fn options(config: &ModelConfig) -> ModelOptions {
    let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
    ModelOptions {
        threads: count(config.threads),
        max_windows: count(config.max_windows),
        cache_entries: count(config.cache_entries),
    }
}
