//! The models that judge: the current one, and beside it perhaps one on trial; both can change between two texts.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use arc_swap::ArcSwap;
use llm_shield_detect::{self as detect, Cancel, Judgement, Role, Unjudged};

use super::{Model, registry::Trial};

/// Texts that wait for a model in shadow; what finds no place is not judged by it, and counted.
const SHADOW_QUEUE: usize = 64;
/// The longest text that is kept for a model in shadow, in bytes.
const SHADOW_BYTES: usize = 256 << 10;

/// The models in force.
#[derive(Debug)]
pub(crate) struct Serving {
    models: ArcSwap<Models>,
    /// Tells texts apart, the same way for as long as the process lives.
    hasher: RandomState,
}

/// What judges.
#[derive(Debug)]
pub(crate) struct Models {
    pub(crate) current: Arc<Model>,
    pub(crate) candidate: Option<Candidate>,
}

/// A model on trial.
#[derive(Debug)]
pub(crate) struct Candidate {
    model: Arc<Model>,
    trial: Trial,
    shadow: Option<SyncSender<Shadowed>>,
}

/// A text that a model in shadow is to judge.
struct Shadowed {
    text: String,
    role: Role,
    decided: f64,
}

impl Serving {
    pub(crate) fn new(models: Models) -> Self {
        Self { models: ArcSwap::from_pointee(models), hasher: RandomState::new() }
    }

    /// Returns the models in force.
    pub(crate) fn models(&self) -> Arc<Models> {
        self.models.load_full()
    }

    /// Puts other models in force. Texts that are being judged are judged to the end by those before.
    pub(crate) fn swap(&self, models: Models) {
        self.models.store(Arc::new(models));
    }
}

impl detect::Classifier for Serving {
    fn judge(&self, text: &str, role: Role, scope: &str, cancel: &Cancel) -> Result<Judgement, Unjudged> {
        let models = self.models();
        let Some(candidate) = &models.candidate else {
            return models.current.judge(text, role, scope, cancel);
        };
        match candidate.trial {
            Trial::Percent(percent) if self.hasher.hash_one(text) % 100 < u64::from(percent) => {
                metrics::counter!("shield_model_trial_total", "trial" => "percent").increment(1);
                candidate.model.judge(text, role, scope, cancel)
            }
            Trial::Percent(_) => models.current.judge(text, role, scope, cancel),
            Trial::Shadow => {
                let judged = models.current.judge(text, role, scope, cancel);
                if let Ok(judgement) = &judged {
                    candidate.look_at(text, role, judgement.probability);
                }
                judged
            }
        }
    }
}

impl Candidate {
    /// Puts a model on trial.
    pub(crate) fn new(model: Arc<Model>, trial: Trial) -> Self {
        let shadow = (trial == Trial::Shadow).then(|| shadow(Arc::clone(&model))).flatten();
        Self { model, trial, shadow }
    }

    /// Returns the model.
    pub(crate) fn model(&self) -> Arc<Model> {
        Arc::clone(&self.model)
    }

    /// Has the model judge a text after the answer, where it has time to.
    fn look_at(&self, text: &str, role: Role, decided: f64) {
        let sent = match &self.shadow {
            Some(shadow) if text.len() <= SHADOW_BYTES => {
                shadow.try_send(Shadowed { text: text.to_owned(), role, decided })
            }
            _ => Err(TrySendError::Full(Shadowed { text: String::new(), role, decided })),
        };
        if sent.is_err() {
            metrics::counter!("shield_model_trial_total", "trial" => "shadow_skipped").increment(1);
        }
    }
}

/// Starts the thread on which a model in shadow judges; it ends when the trial does.
fn shadow(model: Arc<Model>) -> Option<SyncSender<Shadowed>> {
    let (sender, receiver) = sync_channel::<Shadowed>(SHADOW_QUEUE);
    let judge = move || {
        for Shadowed { text, role, decided } in receiver {
            let Ok(judgement) = model.compute(&text, role, &Cancel::never()) else { continue };
            metrics::counter!("shield_model_trial_total", "trial" => "shadow").increment(1);
            metrics::histogram!("shield_model_shadow_difference").record(judgement.probability - decided);
            if (judgement.probability >= 0.5) != (decided >= 0.5) {
                metrics::counter!("shield_model_shadow_disagreements_total").increment(1);
            }
        }
    };
    let started = thread::Builder::new().name("shadow-model".to_owned()).spawn(judge);
    if let Err(error) = started {
        tracing::error!(%error, "the model in shadow does not run");
        return None;
    }
    Some(sender)
}
