use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use super::{SecretCache, SecretValue};
use crate::Result;

/// How long a stale secret is used before the provider is asked again.
const STALE_RETRY: Duration = Duration::from_secs(5);

/// Gets a secret from where it is kept.
#[async_trait]
pub trait FetchSecret: Send + Sync {
    /// Returns the current version.
    ///
    /// # Errors
    /// As [`CloudSecretManager::get_secret`](super::CloudSecretManager::get_secret).
    async fn fetch(&self, name: &str) -> Result<SecretValue>;
}

/// Reads secrets through a cache.
///
/// Many readers of one secret that is not in the cache wait for one fetch, and share its outcome. When the provider is
/// away or throttles, a secret that was fetched not too long ago is served although it is no longer fresh; that it was
/// deleted or may no longer be read is never covered up so.
pub struct SecretReader {
    cache: SecretCache,
    stale: Duration,
    flights: Mutex<HashMap<String, Arc<Flight>>>,
    fetches: AtomicU64,
}

/// One fetch that several wait for.
struct Flight {
    /// The cache's mark when it began.
    mark: u64,
    outcome: tokio::sync::Mutex<Option<Result<SecretValue>>>,
}

impl SecretReader {
    /// Returns a reader that takes secrets for fresh for `ttl`, and serves stale ones until `stale` after they were
    /// fetched.
    pub fn new(ttl: Duration, stale: Duration) -> Self {
        Self { cache: SecretCache::new(ttl), stale, flights: Mutex::default(), fetches: AtomicU64::new(0) }
    }

    /// Returns the cache.
    pub fn cache(&self) -> &SecretCache {
        &self.cache
    }

    /// Returns how often the provider was asked.
    pub fn fetches(&self) -> u64 {
        self.fetches.load(Ordering::Relaxed)
    }

    /// Returns a secret from the cache, or fetches it.
    ///
    /// # Errors
    /// As `from` fails.
    pub async fn get(&self, name: &str, from: &dyn FetchSecret) -> Result<SecretValue> {
        if let Some(value) = self.cache.get(name) {
            return Ok(value);
        }
        let flight = self.board(name);
        // Whoever comes first fetches under the lock; the others find the outcome.
        let mut outcome = flight.outcome.lock().await;
        if let Some(outcome) = &*outcome {
            return repeat(outcome);
        }
        // Landed while this one was on its way here.
        if let Some(value) = self.cache.get(name) {
            self.land(name, &flight);
            return Ok(value);
        }
        self.fetches.fetch_add(1, Ordering::Relaxed);
        let mark = self.cache.mark();
        let fetched = self.settle(name, from.fetch(name).await, mark);
        *outcome = Some(repeat(&fetched));
        self.land(name, &flight);
        fetched
    }

    fn settle(&self, name: &str, fetched: Result<SecretValue>, mark: u64) -> Result<SecretValue> {
        match fetched {
            Ok(value) => {
                self.cache.set_unless_forgotten(name, value.clone(), mark);
                Ok(value)
            }
            Err(error) if error.is_transient() => {
                let stale = self.cache.get_stale(name, self.stale).ok_or(error)?;
                self.cache.extend(name, STALE_RETRY);
                Ok(stale)
            }
            Err(error) => {
                self.cache.invalidate(name);
                Err(error)
            }
        }
    }

    /// Returns the fetch that is under way, unless something was forgotten since it began: it may bring what was there
    /// before a change that the reader knows of.
    fn board(&self, name: &str) -> Arc<Flight> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        let mark = self.cache.mark();
        if let Some(flight) = flights.get(name).filter(|flight| flight.mark == mark) {
            return Arc::clone(flight);
        }
        let flight = Arc::new(Flight { mark, outcome: tokio::sync::Mutex::default() });
        flights.insert(name.to_owned(), Arc::clone(&flight));
        flight
    }

    /// Lets the next reader begin a fetch of its own.
    fn land(&self, name: &str, flight: &Arc<Flight>) {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if flights.get(name).is_some_and(|current| Arc::ptr_eq(current, flight)) {
            flights.remove(name);
        }
    }
}

impl fmt::Debug for SecretReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SecretReader").field("cache", &self.cache).finish_non_exhaustive()
    }
}

fn repeat(outcome: &Result<SecretValue>) -> Result<SecretValue> {
    match outcome {
        Ok(value) => Ok(value.clone()),
        Err(error) => Err(error.repeat()),
    }
}

#[cfg(test)]
mod tests;
