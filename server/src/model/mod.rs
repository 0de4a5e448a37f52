//! The classifier as the engine's: which bundle it is, and its roles and stops in the engine's words.

pub mod registry;
pub(crate) mod serving;
pub(crate) mod source;
pub mod trust;

use std::{num::NonZero, path::Path, sync::Arc};

use llm_shield_classifier::{Bundle, BundleError, Classifier, Options, Role, ScoreError};
use llm_shield_detect::{self as detect, ByteSpan, Cancel, Engine, Judgement, Unjudged};

/// A model that is ready to judge.
#[derive(Debug)]
pub struct Model {
    classifier: Classifier,
    id: Arc<str>,
}

impl Model {
    /// Makes ready the bundle in `dir`, or else the one that was built into this program; `None` when there is neither.
    /// `threads` of 0 are one for each core, `max_windows` of 0 as many as the classifier takes by default.
    ///
    /// # Errors
    /// The bundle is not whole, or does not compute what its manifest says.
    pub fn load(dir: Option<&Path>, threads: usize, max_windows: usize) -> Result<Option<Self>, BundleError> {
        let bundle = match dir {
            Some(dir) => Some(Bundle::open(dir)?),
            None => Bundle::embedded()?,
        };
        bundle.map(|bundle| Self::from_bundle(&bundle, threads, max_windows)).transpose()
    }

    /// Makes a bundle ready; the numbers are as for [`load`](Self::load).
    ///
    /// # Errors
    /// It does not compute what its manifest says.
    pub fn from_bundle(bundle: &Bundle, threads: usize, max_windows: usize) -> Result<Self, BundleError> {
        let mut options = Options::default();
        options.threads = NonZero::new(threads).unwrap_or(options.threads);
        options.max_windows = NonZero::new(max_windows).unwrap_or(options.max_windows);
        let classifier = Classifier::load(bundle, &options)?;
        Ok(Self { id: classifier.model().id().into(), classifier })
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
    fn judge(&self, text: &str, role: detect::Role, cancel: &Cancel) -> Result<Judgement, Unjudged> {
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
