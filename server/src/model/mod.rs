//! The classifier as the engine's: which bundle it is, and its roles and stops in the engine's words.

mod loader;
mod memory;
pub mod registry;
pub(crate) mod serving;
pub(crate) mod source;
pub mod trust;

use std::{num::NonZero, path::Path, sync::Arc};

use llm_shield_classifier::{Bundle, BundleError, Classifier, Options, Role, ScoreError};
use llm_shield_detect::{self as detect, ByteSpan, Cancel, Engine, Judgement, Unjudged};

use self::memory::Memory;

/// How a model judges.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModelOptions {
    /// Threads to compute on; 0 for one each core.
    pub threads: usize,
    /// The most windows of one text; 0 for as many as the classifier takes by default.
    pub max_windows: usize,
    /// How many judgements are remembered; 0 for none.
    pub cache_entries: usize,
}

/// A model that is ready to judge.
#[derive(Debug)]
pub struct Model {
    classifier: Classifier,
    id: Arc<str>,
    memory: Option<Memory>,
}

impl Model {
    /// Makes ready the bundle in `dir`, or else the one that was built into this program; `None` when there is neither.
    ///
    /// # Errors
    /// The bundle is not whole, or does not compute what its manifest says.
    pub fn load(dir: Option<&Path>, options: ModelOptions) -> Result<Option<Self>, BundleError> {
        let bundle = match dir {
            Some(dir) => Some(Bundle::open(dir)?),
            None => Bundle::embedded()?,
        };
        bundle.map(|bundle| Self::from_bundle(&bundle, options)).transpose()
    }

    /// Makes a bundle ready.
    ///
    /// # Errors
    /// It does not compute what its manifest says.
    pub fn from_bundle(bundle: &Bundle, options: ModelOptions) -> Result<Self, BundleError> {
        let mut of_classifier = Options::default();
        of_classifier.threads = NonZero::new(options.threads).unwrap_or(of_classifier.threads);
        of_classifier.max_windows = NonZero::new(options.max_windows).unwrap_or(of_classifier.max_windows);
        let classifier = Classifier::load(bundle, &of_classifier)?;
        let memory = NonZero::new(options.cache_entries).and_then(Memory::new);
        Ok(Self { id: classifier.model().id().into(), classifier, memory })
    }

    /// Lets an engine judge by this model.
    #[must_use]
    pub fn join(self, engine: Engine) -> Engine {
        engine.with_classifier(Arc::new(self))
    }

    /// Names the model, its version and digest.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl detect::Classifier for Model {
    fn judge(
        &self,
        text: &str,
        role: detect::Role,
        scope: &str,
        cancel: &Cancel,
    ) -> Result<Judgement, Unjudged> {
        match &self.memory {
            Some(memory) => memory.judge(text, role, scope, || self.compute(text, role, cancel)),
            None => self.compute(text, role, cancel),
        }
    }
}

impl Model {
    /// Judges a text, remembered or not.
    pub(crate) fn compute(
        &self,
        text: &str,
        role: detect::Role,
        cancel: &Cancel,
    ) -> Result<Judgement, Unjudged> {
        let role = match role {
            detect::Role::User => Role::User,
            detect::Role::System => Role::System,
            detect::Role::Assistant => Role::Assistant,
            detect::Role::Tool => Role::Tool,
            detect::Role::Document => Role::Document,
        };
        match self.classifier.score(text, role, &|| cancel.is_cancelled()) {
            Ok(score) => Ok(Judgement {
                probability: score.probability,
                coverage: score.coverage,
                span: ByteSpan { start: score.span.start, end: score.span.end },
                family: score.family,
                model: Arc::clone(&self.id),
            }),
            Err(ScoreError::Stopped) => Err(Unjudged::Stopped),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the classifier failed");
                Err(Unjudged::Failed)
            }
        }
    }
}
