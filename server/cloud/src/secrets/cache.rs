use std::{
    collections::HashMap,
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;

use super::SecretValue;

/// Keeps secrets in memory for a time.
///
/// Reading takes no lock: a process reads its secrets millions of times for each time that one changes, so a change
/// copies the table instead (values are shared, not copied).
pub struct SecretCache {
    ttl: Duration,
    entries: ArcSwap<Entries>,
    changing: Mutex<()>,
    /// How often something was forgotten on demand.
    forgotten: AtomicU64,
}

type Entries = HashMap<String, Entry>;

#[derive(Clone)]
struct Entry {
    value: SecretValue,
    fetched: Instant,
    fresh_until: Option<Instant>,
}

impl SecretCache {
    /// Returns an empty cache whose secrets are fresh for `ttl`; zero keeps none.
    pub fn new(ttl: Duration) -> Self {
        Self { ttl, entries: ArcSwap::default(), changing: Mutex::default(), forgotten: AtomicU64::new(0) }
    }

    /// Returns a secret, if it is fresh.
    pub fn get(&self, name: &str) -> Option<SecretValue> {
        let entries = self.entries.load();
        let entry = entries.get(name)?;
        entry.is_fresh(Instant::now()).then(|| entry.value.clone())
    }

    /// Returns a secret that was fetched less than `age` ago, fresh or not.
    pub fn get_stale(&self, name: &str, age: Duration) -> Option<SecretValue> {
        let entries = self.entries.load();
        let entry = entries.get(name)?;
        (entry.fetched.elapsed() < age).then(|| entry.value.clone())
    }

    /// Keeps a secret that was fetched just now.
    pub fn set(&self, name: &str, value: SecretValue) {
        let entry = self.entry(value);
        self.change(|entries| {
            entries.insert(name.to_owned(), entry);
        });
    }

    /// Returns a mark for [`set_unless_forgotten`](Self::set_unless_forgotten), taken before a secret is fetched.
    pub fn mark(&self) -> u64 {
        self.forgotten.load(Ordering::SeqCst)
    }

    /// Keeps a secret that was fetched just now, unless something was forgotten since the mark: what was fetched may be
    /// what has been changed meanwhile.
    pub fn set_unless_forgotten(&self, name: &str, value: SecretValue, mark: u64) {
        let entry = self.entry(value);
        self.change(|entries| {
            // Under the lock that forgetting takes, too.
            if self.mark() == mark {
                entries.insert(name.to_owned(), entry);
            }
        });
    }

    /// Takes a secret that is there for fresh for a while longer; when it was fetched stays known.
    pub fn extend(&self, name: &str, time: Duration) {
        self.change(|entries| {
            if let Some(entry) = entries.get_mut(name) {
                entry.fresh_until = Instant::now().checked_add(time);
            }
        });
    }

    /// Forgets a secret.
    pub fn invalidate(&self, name: &str) {
        self.change(|entries| {
            self.forgotten.fetch_add(1, Ordering::SeqCst);
            entries.remove(name);
        });
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.change(|entries| {
            self.forgotten.fetch_add(1, Ordering::SeqCst);
            entries.clear();
        });
    }

    /// Returns how many are kept, fresh or not.
    pub fn len(&self) -> usize {
        self.entries.load().len()
    }

    /// Returns whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets those that are no longer fresh, and returns how many there were.
    pub fn cleanup_expired(&self) -> usize {
        let now = Instant::now();
        let before = self.len();
        self.change(|entries| entries.retain(|_, entry| entry.is_fresh(now)));
        before.saturating_sub(self.len())
    }

    fn entry(&self, value: SecretValue) -> Entry {
        let now = Instant::now();
        Entry { value, fetched: now, fresh_until: now.checked_add(self.ttl) }
    }

    fn change(&self, change: impl FnOnce(&mut Entries)) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = HashMap::clone(&self.entries.load());
        change(&mut entries);
        self.entries.store(entries.into());
    }
}

impl Entry {
    fn is_fresh(&self, now: Instant) -> bool {
        self.fresh_until.is_none_or(|until| now < until)
    }
}

impl fmt::Debug for SecretCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SecretCache").field("ttl", &self.ttl).field("len", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value() -> SecretValue {
        SecretValue::from_string("value".to_owned())
    }

    #[test]
    fn a_secret_is_kept_for_its_time() {
        let cache = SecretCache::new(Duration::from_secs(300));
        assert!(cache.is_empty() && cache.get("a").is_none());
        cache.set("a", value());
        assert_eq!((cache.get("a"), cache.len()), (Some(value()), 1));
        assert_eq!(cache.cleanup_expired(), 0);
        cache.invalidate("a");
        assert!(cache.get("a").is_none());
        cache.set("b", value());
        cache.clear();
        assert!(cache.is_empty());
    }

    #[test]
    fn what_was_fetched_before_a_change_is_not_kept() {
        let cache = SecretCache::new(Duration::from_secs(300));
        let mark = cache.mark();
        cache.invalidate("a");
        cache.set_unless_forgotten("a", value(), mark);
        assert!(cache.get("a").is_none());
        cache.set_unless_forgotten("a", value(), cache.mark());
        assert_eq!(cache.get("a"), Some(value()));
    }

    #[test]
    fn what_is_not_fresh_can_be_had_as_stale() {
        let cache = SecretCache::new(Duration::ZERO);
        cache.set("a", value());
        assert!(cache.get("a").is_none());
        assert_eq!(cache.get_stale("a", Duration::from_secs(60)), Some(value()));
        assert!(cache.get_stale("a", Duration::ZERO).is_none());
        cache.extend("a", Duration::from_secs(60));
        assert_eq!(cache.get("a"), Some(value()));
        cache.extend("a", Duration::ZERO);
        assert_eq!(cache.cleanup_expired(), 1);
    }

    #[test]
    fn nothing_prints_a_value() {
        let cache = SecretCache::new(Duration::from_secs(1));
        cache.set("a", value());
        assert_eq!(format!("{cache:?} {:?}", value()), "SecretCache { ttl: 1s, len: 1 } SecretValue(..)");
    }
}
