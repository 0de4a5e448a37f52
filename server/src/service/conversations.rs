//! What is remembered of conversations: by tenant, in this process, bounded in number, bytes and age.
//!
//! Nothing is written to disk. A restart forgets all of it, and so does a request that a load balancer sends to another
//! server: numbers then begin anew, and what the first server wrote is restored by the first alone.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use llm_shield_detect::Conversation;

use crate::config::ConversationsConfig;

/// The conversations of all tenants.
pub(super) struct Conversations {
    most: usize,
    most_bytes: usize,
    max_idle: Duration,
    /// Tenants come from the configuration alone, so there are never more than entries in it.
    tenants: Mutex<HashMap<String, Remembered>>,
}

/// One tenant's.
#[derive(Default)]
struct Remembered {
    by_id: HashMap<String, Entry>,
    /// Ids by the time of their last use.
    by_use: BTreeMap<u64, String>,
    uses: u64,
    bytes: usize,
}

struct Entry {
    conversation: Arc<Mutex<Conversation>>,
    used_at: Instant,
    /// Its key in `by_use`.
    use_number: u64,
    bytes: usize,
}

impl Conversations {
    pub(super) fn new(config: &ConversationsConfig) -> Self {
        Self {
            most: usize::try_from(config.max_per_tenant).unwrap_or(usize::MAX),
            most_bytes: usize::try_from(config.max_bytes_per_tenant).unwrap_or(usize::MAX),
            max_idle: config.max_idle,
            tenants: Mutex::default(),
        }
    }

    /// Works on a conversation, which begins with its first use.
    pub(super) fn with<T>(&self, tenant: &str, id: &str, work: impl FnOnce(&mut Conversation) -> T) -> T {
        let conversation = match self.find(tenant, id) {
            Some(conversation) => conversation,
            None => self.begin(tenant, id),
        };
        let mut open = lock(&conversation);
        let result = work(&mut open);
        self.weigh(tenant, id, &conversation, open.memory_bytes());
        result
    }

    /// Finds a conversation, and counts that as a use.
    pub(super) fn find(&self, tenant: &str, id: &str) -> Option<Arc<Mutex<Conversation>>> {
        let mut tenants = lock(&self.tenants);
        let remembered = tenants.get_mut(tenant)?;
        remembered.forget_older_than(self.max_idle);
        remembered.touch(id)
    }

    fn begin(&self, tenant: &str, id: &str) -> Arc<Mutex<Conversation>> {
        let mut tenants = lock(&self.tenants);
        let remembered = tenants.entry(tenant.to_owned()).or_default();
        if let Some(conversation) = remembered.touch(id) {
            return conversation;
        }
        let conversation = Arc::new(Mutex::new(Conversation::restorable(id)));
        remembered.insert(id, Arc::clone(&conversation));
        remembered.shrink_to(self.most, self.most_bytes);
        conversation
    }

    /// Notes what a conversation weighs now, unless it was forgotten meanwhile.
    fn weigh(&self, tenant: &str, id: &str, conversation: &Arc<Mutex<Conversation>>, bytes: usize) {
        let mut tenants = lock(&self.tenants);
        let Some(remembered) = tenants.get_mut(tenant) else { return };
        let Some(entry) = remembered.by_id.get_mut(id) else { return };
        if Arc::ptr_eq(&entry.conversation, conversation) {
            remembered.bytes = remembered.bytes.saturating_sub(entry.bytes).saturating_add(bytes);
            entry.bytes = bytes;
            remembered.shrink_to(self.most, self.most_bytes);
        }
    }
}

impl Remembered {
    fn insert(&mut self, id: &str, conversation: Arc<Mutex<Conversation>>) {
        self.uses += 1;
        self.by_use.insert(self.uses, id.to_owned());
        let entry = Entry { conversation, used_at: Instant::now(), use_number: self.uses, bytes: 0 };
        self.by_id.insert(id.to_owned(), entry);
    }

    fn touch(&mut self, id: &str) -> Option<Arc<Mutex<Conversation>>> {
        let entry = self.by_id.get_mut(id)?;
        self.uses += 1;
        if let Some(id) = self.by_use.remove(&entry.use_number) {
            self.by_use.insert(self.uses, id);
        }
        entry.use_number = self.uses;
        entry.used_at = Instant::now();
        Some(Arc::clone(&entry.conversation))
    }

    fn forget_older_than(&mut self, max_idle: Duration) {
        while self.oldest().is_some_and(|oldest| oldest.used_at.elapsed() >= max_idle) {
            self.forget_oldest();
        }
    }

    /// Forgets until the bounds hold; the one used last stays.
    fn shrink_to(&mut self, most: usize, most_bytes: usize) {
        while self.by_id.len() > 1 && (self.by_id.len() > most || self.bytes > most_bytes) {
            self.forget_oldest();
        }
    }

    fn oldest(&self) -> Option<&Entry> {
        self.by_id.get(self.by_use.first_key_value()?.1)
    }

    fn forget_oldest(&mut self) {
        let oldest = self.by_use.pop_first().and_then(|(_, id)| self.by_id.remove(&id));
        self.bytes = self.bytes.saturating_sub(oldest.map_or(0, |entry| entry.bytes));
    }
}

/// Nothing that is done under these locks leaves things half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversations(max_per_tenant: u32, max_idle: Duration) -> Conversations {
        Conversations::new(&ConversationsConfig { max_per_tenant, max_idle, ..Default::default() })
    }

    #[test]
    fn the_one_unused_for_longest_is_forgotten_first() {
        let all = conversations(2, Duration::from_secs(60));
        for id in ["a", "b", "a", "c"] {
            all.with("acme", id, |_| ());
        }
        assert!(all.find("acme", "a").is_some() && all.find("acme", "c").is_some());
        assert!(all.find("acme", "b").is_none());
        assert!(all.find("globex", "a").is_none());
        all.with("globex", "b", |_| ());
        assert!(all.find("acme", "a").is_some(), "one tenant's do not push out another's");
    }

    #[test]
    fn idle_ones_are_forgotten() {
        let all = conversations(2, Duration::ZERO);
        all.with("acme", "a", |_| ());
        assert!(all.find("acme", "a").is_none());
        assert_eq!(lock(&all.tenants)["acme"].bytes, 0);
    }

    #[test]
    fn their_bytes_are_bounded() {
        let config = ConversationsConfig { max_bytes_per_tenant: 600, ..Default::default() };
        let all = Conversations::new(&config);
        for id in ["a", "b", "c"] {
            all.with("acme", id, |_| ());
        }
        assert!(all.find("acme", "a").is_none() && all.find("acme", "c").is_some());
    }
}
