//! What a model made of texts that it has judged, for those who ask again.
//!
//! A judgement depends on the model, the text and its role, and on nothing else: not on the policy, which weighs it
//! afterwards. So each model remembers its own, found by a MAC of text, role and scope under a key that this process
//! alone has and never shows. No text is kept. Scopes (tenants) share nothing: from how fast an answer comes, nobody can
//! tell what another tenant has asked.

use std::{
    num::NonZero,
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::{
    hmac::{self, Context, HMAC_SHA256},
    rand::SystemRandom,
};
use llm_shield_detect::{Judgement, Role, Unjudged};
use lru::LruCache;

/// A MAC of a text, its role and its scope.
type Key = [u8; 32];

/// Judgements of one model, the latest used of them.
pub(super) struct Memory {
    key: hmac::Key,
    judgements: Mutex<LruCache<Key, Judgement>>,
}

impl Memory {
    /// Makes room for so many; `None`, and a word in the log, when the system gives no randomness.
    pub(super) fn new(entries: NonZero<usize>) -> Option<Self> {
        let Ok(key) = hmac::Key::generate(HMAC_SHA256, &SystemRandom::new()) else {
            tracing::error!("no random key: judgements are not remembered");
            return None;
        };
        Some(Self { key, judgements: Mutex::new(LruCache::new(entries)) })
    }

    /// Returns what is remembered of a text, or else what `compute` makes of it, which is remembered when all of the
    /// text was read.
    pub(super) fn judge(
        &self,
        text: &str,
        role: Role,
        scope: &str,
        compute: impl FnOnce() -> Result<Judgement, Unjudged>,
    ) -> Result<Judgement, Unjudged> {
        let key = self.key_of(text, role, scope);
        let remembered = key.and_then(|key| self.judgements().get(&key).cloned());
        let outcome = if remembered.is_some() { "hit" } else { "miss" };
        metrics::counter!("shield_classifier_cache_total", "outcome" => outcome).increment(1);
        if let Some(judgement) = remembered {
            return Ok(judgement);
        }
        let judgement = compute()?;
        if let Some(key) = key
            && judgement.coverage >= 1.0
        {
            self.judgements().put(key, judgement.clone());
        }
        Ok(judgement)
    }

    fn key_of(&self, text: &str, role: Role, scope: &str) -> Option<Key> {
        let mut mac = Context::with_key(&self.key);
        // With its length, so that a scope and a text cannot be taken for another pair of them.
        mac.update(&(scope.len() as u64).to_be_bytes());
        mac.update(scope.as_bytes());
        mac.update(&[role as u8]);
        mac.update(text.as_bytes());
        mac.sign().as_ref().try_into().ok()
    }

    fn judgements(&self) -> std::sync::MutexGuard<'_, LruCache<Key, Judgement>> {
        self.judgements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("remembered", &self.judgements().len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use llm_shield_detect::ByteSpan;

    use super::*;

    fn judgement(coverage: f64) -> Judgement {
        let span = ByteSpan { start: 0, end: 1 };
        Judgement { probability: 0.5, coverage, span, family: "".into(), model: "m@1".into() }
    }

    fn memory(entries: usize) -> Memory {
        Memory::new(NonZero::new(entries).unwrap()).unwrap()
    }

    /// Whether a text has to be computed.
    fn computes(memory: &Memory, text: &str, role: Role, scope: &str) -> bool {
        let mut computed = false;
        let compute = || {
            computed = true;
            Ok(judgement(1.0))
        };
        assert_eq!(memory.judge(text, role, scope, compute), Ok(judgement(1.0)));
        computed
    }

    #[test]
    fn the_same_text_is_computed_once_for_each_role_and_scope() {
        let memory = memory(10);
        for (text, role, scope) in [
            ("a", Role::User, "acme"),
            ("b", Role::User, "acme"),
            ("a", Role::Document, "acme"),
            ("a", Role::User, "globex"),
            ("ea", Role::User, "acm"),
        ] {
            assert!(computes(&memory, text, role, scope), "{text} {role:?} {scope}");
            assert!(!computes(&memory, text, role, scope), "{text} {role:?} {scope}");
        }
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let memory = memory(2);
        for text in ["a", "b", "c"] {
            assert!(computes(&memory, text, Role::User, ""));
        }
        assert!(computes(&memory, "a", Role::User, "") && !computes(&memory, "c", Role::User, ""));
    }

    #[test]
    fn what_was_not_read_to_the_end_is_not_remembered() {
        let memory = memory(2);
        for _ in 0..2 {
            assert_eq!(memory.judge("a", Role::User, "", || Ok(judgement(0.5))), Ok(judgement(0.5)));
            assert_eq!(memory.judge("b", Role::User, "", || Err(Unjudged::Stopped)), Err(Unjudged::Stopped));
        }
        assert!(computes(&memory, "a", Role::User, "") && computes(&memory, "b", Role::User, ""));
    }
}
