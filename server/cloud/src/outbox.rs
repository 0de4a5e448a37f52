use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;

use crate::{CloudError, Result};

/// Where an [`Outbox`] sends to.
#[async_trait]
pub trait Sink<T>: Send + Sync {
    /// Returns how many of the first items make one request within the limits of whoever takes it; at least 1. May
    /// change their order first.
    fn cut(&self, waiting: &mut [T]) -> usize;

    /// Sends one request, and returns how many of its items the other side refused for good.
    ///
    /// # Errors
    /// Nothing of it was taken. [`CloudError::Invalid`] means that it never will be.
    async fn send(&self, batch: &[T]) -> Result<u64>;
}

/// What waits to be sent: in order, bounded, sent by one at a time.
///
/// What could not be sent goes back to the front and is tried again with the next flush, unless the other side says that
/// it can never take it. When more waits than there is room for, the oldest is dropped and counted: what happens now is
/// worth more than what happened before an outage.
pub struct Outbox<T> {
    waiting: Mutex<VecDeque<T>>,
    capacity: usize,
    dropped: AtomicU64,
    sending: tokio::sync::Mutex<()>,
}

impl<T: Send> Outbox<T> {
    /// Returns an outbox for up to `capacity` items.
    pub fn new(capacity: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            capacity: capacity.max(1),
            dropped: AtomicU64::new(0),
            sending: tokio::sync::Mutex::default(),
        }
    }

    /// Takes items.
    pub fn extend(&self, items: impl IntoIterator<Item = T>) {
        let mut waiting = self.waiting();
        waiting.extend(items);
        self.trim(&mut waiting);
    }

    /// Returns how many items wait.
    pub fn len(&self) -> usize {
        self.waiting().len()
    }

    /// Returns whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Counts items that were dropped elsewhere.
    pub fn count_dropped(&self, items: u64) {
        self.dropped.fetch_add(items, Ordering::Relaxed);
    }

    /// Sends as long as at least `at_least` items wait.
    ///
    /// # Errors
    /// As the sink fails. After an [`Invalid`](CloudError::Invalid) the rest is sent nonetheless, and the first such
    /// error returned.
    pub async fn drain(&self, at_least: usize, sink: &dyn Sink<T>) -> Result<()> {
        let _sending = self.sending.lock().await;
        let mut refused = None;
        while let Some(batch) = self.take(at_least.max(1), sink) {
            // Back to the front also when whoever waits for this gives up in the middle.
            let mut batch = Taken { outbox: self, items: batch };
            match sink.send(&batch.items).await {
                Ok(rejected) => {
                    self.count_dropped(rejected);
                    batch.items.clear();
                }
                Err(error @ CloudError::Invalid { .. }) => {
                    self.count_dropped(count(batch.items.len()));
                    batch.items.clear();
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        refused.map_or(Ok(()), Err)
    }

    fn take(&self, at_least: usize, sink: &dyn Sink<T>) -> Option<Vec<T>> {
        let mut waiting = self.waiting();
        if waiting.len() < at_least {
            return None;
        }
        let number = sink.cut(waiting.make_contiguous()).clamp(1, waiting.len());
        Some(waiting.drain(..number).collect())
    }

    fn put_back(&self, batch: &mut Vec<T>) {
        let mut waiting = self.waiting();
        for item in batch.drain(..).rev() {
            waiting.push_front(item);
        }
        self.trim(&mut waiting);
    }

    fn trim(&self, waiting: &mut VecDeque<T>) {
        let excess = waiting.len().saturating_sub(self.capacity);
        waiting.drain(..excess);
        self.count_dropped(count(excess));
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send> fmt::Debug for Outbox<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Outbox")
            .field("waiting", &self.len())
            .field("capacity", &self.capacity)
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}

/// A batch that is under way.
struct Taken<'a, T: Send> {
    outbox: &'a Outbox<T>,
    items: Vec<T>,
}

impl<T: Send> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        self.outbox.put_back(&mut self.items);
    }
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use proptest::prelude::*;

    use super::*;

    /// Takes up to three numbers at a time; fails, hangs and refuses on demand.
    #[derive(Default)]
    struct Receiver {
        got: Mutex<Vec<u32>>,
        script: Mutex<VecDeque<Answer>>,
    }

    #[derive(Debug, Clone, Copy)]
    enum Answer {
        Take,
        Fail,
        Refuse,
        Hang,
    }

    #[async_trait]
    impl Sink<u32> for Receiver {
        fn cut(&self, waiting: &mut [u32]) -> usize {
            waiting.len().min(3)
        }

        async fn send(&self, batch: &[u32]) -> Result<u64> {
            let answer = self.script.lock().unwrap().pop_front().unwrap_or(Answer::Take);
            match answer {
                Answer::Take => {
                    self.got.lock().unwrap().extend(batch);
                    Ok(0)
                }
                Answer::Fail => Err(CloudError::Unavailable { what: "it".to_owned(), source: None }),
                Answer::Refuse => Err(CloudError::invalid("no")),
                Answer::Hang => {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                    Ok(0)
                }
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_doubled_or_out_of_order(
            script in proptest::collection::vec(prop_oneof![Just(Answer::Take), Just(Answer::Fail), Just(Answer::Hang)], 0..20),
            items in 0u32..60,
        ) {
            let receiver = Receiver { script: Mutex::new(script.into()), ..Receiver::default() };
            let outbox = Outbox::new(1000);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async {
                for item in 0..items {
                    outbox.extend([item]);
                    drop(tokio::time::timeout(Duration::from_millis(2), outbox.drain(3, &receiver)).await);
                }
                for _ in 0..30 {
                    drop(tokio::time::timeout(Duration::from_millis(2), outbox.drain(1, &receiver)).await);
                }
            });
            prop_assert_eq!(&*receiver.got.lock().unwrap(), &(0..items).collect::<Vec<_>>());
            prop_assert_eq!((outbox.len(), outbox.dropped()), (0, 0));
        }
    }

    #[tokio::test]
    async fn the_oldest_is_dropped_and_counted() {
        let receiver = Receiver { script: Mutex::new([Answer::Fail].into()), ..Receiver::default() };
        let outbox = Outbox::new(5);
        outbox.extend(0..5);
        outbox.drain(1, &receiver).await.unwrap_err();
        outbox.extend(5..8);
        assert_eq!((outbox.len(), outbox.dropped()), (5, 3));
        outbox.drain(1, &receiver).await.unwrap();
        assert_eq!(*receiver.got.lock().unwrap(), [3, 4, 5, 6, 7]);
    }

    #[tokio::test]
    async fn what_is_refused_does_not_stop_the_rest() {
        let receiver = Receiver { script: Mutex::new([Answer::Refuse].into()), ..Receiver::default() };
        let outbox = Arc::new(Outbox::new(100));
        outbox.extend(0..7);
        assert!(matches!(outbox.drain(1, &receiver).await, Err(CloudError::Invalid { .. })));
        assert_eq!(*receiver.got.lock().unwrap(), [3, 4, 5, 6]);
        assert_eq!((outbox.len(), outbox.dropped()), (0, 3));
    }
}
