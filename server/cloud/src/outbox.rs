use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
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
/// worth more than what happened before an outage. More than there is room for can be put in nonetheless, while it can
/// be sent.
pub struct Outbox<T> {
    waiting: Mutex<VecDeque<T>>,
    capacity: usize,
    dropped: AtomicU64,
    /// What is neither in `waiting` nor sent: a batch under way, and what has found no room yet.
    outside: AtomicUsize,
    sending: tokio::sync::Mutex<()>,
    /// How many requests have failed, and how the last one did.
    failed: Mutex<(u64, Option<CloudError>)>,
}

impl<T: Send> Outbox<T> {
    /// Returns an outbox for up to `capacity` items.
    pub fn new(capacity: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            capacity: capacity.max(1),
            dropped: AtomicU64::new(0),
            outside: AtomicUsize::new(0),
            sending: tokio::sync::Mutex::default(),
            failed: Mutex::default(),
        }
    }

    /// Takes items.
    pub fn extend(&self, items: impl IntoIterator<Item = T>) {
        let mut waiting = self.waiting();
        waiting.extend(items);
        self.trim(&mut waiting);
    }

    /// Takes items, and sends as [`drain`](Self::drain) does, also in between where there is no room for all of them.
    ///
    /// # Errors
    /// As [`drain`](Self::drain); then what was not sent waits, as far as there is room.
    pub async fn put(
        &self,
        items: impl IntoIterator<Item = T>,
        at_least: usize,
        sink: &dyn Sink<T>,
    ) -> Result<()> {
        let mut entering = Entering::new(self, items);
        let mut refused = None;
        loop {
            entering.fill();
            match self.drain(at_least, sink).await {
                Err(error @ CloudError::Invalid { .. }) => drop(refused.get_or_insert(error)),
                outcome => outcome?,
            }
            if entering.items.len() == 0 {
                return refused.map_or(Ok(()), Err);
            }
        }
    }

    /// Returns how many items wait; those of a request that is under way are among them.
    pub fn len(&self) -> usize {
        let waiting = self.waiting();
        waiting.len().saturating_add(self.outside.load(Ordering::Relaxed))
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

    /// Sends as long as at least `at_least` items wait, or as many as there is room for.
    ///
    /// # Errors
    /// As the sink fails; whoever waited for another's request that fails is told of that one, and sends none. After an
    /// [`Invalid`](CloudError::Invalid) the rest is sent nonetheless, and the first such error returned.
    pub async fn drain(&self, at_least: usize, sink: &dyn Sink<T>) -> Result<()> {
        let at_least = at_least.clamp(1, self.capacity);
        // With 1 what is under way is waited for, too: that is a flush.
        if at_least > 1 && self.waiting().len() < at_least {
            return Ok(());
        }
        let (failures, _) = *self.failed();
        let _sending = self.sending.lock().await;
        if let (count, Some(error)) = &*self.failed()
            && *count > failures
        {
            return Err(error.repeat());
        }
        let mut refused = None;
        while let Some(mut batch) = self.take(at_least, sink) {
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
                Err(error) => {
                    let mut failed = self.failed();
                    *failed = (failed.0.saturating_add(1), Some(error.repeat()));
                    return Err(error);
                }
            }
        }
        refused.map_or(Ok(()), Err)
    }

    fn take(&self, at_least: usize, sink: &dyn Sink<T>) -> Option<Taken<'_, T>> {
        let mut waiting = self.waiting();
        if waiting.len() < at_least {
            return None;
        }
        let number = sink.cut(waiting.make_contiguous()).clamp(1, waiting.len());
        self.outside.fetch_add(number, Ordering::Relaxed);
        Some(Taken { outbox: self, number, items: waiting.drain(..number).collect() })
    }

    fn trim(&self, waiting: &mut VecDeque<T>) {
        let excess = waiting.len().saturating_sub(self.capacity);
        waiting.drain(..excess);
        self.count_dropped(count(excess));
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self) -> MutexGuard<'_, (u64, Option<CloudError>)> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
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

/// A batch that is under way. What is left in it goes back to the front, also when whoever waits for it gives up.
struct Taken<'a, T: Send> {
    outbox: &'a Outbox<T>,
    number: usize,
    items: Vec<T>,
}

impl<T: Send> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        let mut waiting = self.outbox.waiting();
        self.outbox.outside.fetch_sub(self.number, Ordering::Relaxed);
        for item in self.items.drain(..).rev() {
            waiting.push_front(item);
        }
        self.outbox.trim(&mut waiting);
    }
}

/// Items on their way in. What has found no room in the end takes that of the oldest.
struct Entering<'a, T: Send> {
    outbox: &'a Outbox<T>,
    items: std::vec::IntoIter<T>,
}

impl<'a, T: Send> Entering<'a, T> {
    fn new(outbox: &'a Outbox<T>, items: impl IntoIterator<Item = T>) -> Self {
        let items = items.into_iter().collect::<Vec<_>>().into_iter();
        outbox.outside.fetch_add(items.len(), Ordering::Relaxed);
        Self { outbox, items }
    }

    /// Lets in as many as there is room for.
    fn fill(&mut self) {
        let mut waiting = self.outbox.waiting();
        let room = self.outbox.capacity.saturating_sub(waiting.len()).min(self.items.len());
        waiting.extend(self.items.by_ref().take(room));
        self.outbox.outside.fetch_sub(room, Ordering::Relaxed);
    }
}

impl<T: Send> Drop for Entering<'_, T> {
    fn drop(&mut self) {
        let mut waiting = self.outbox.waiting();
        self.outbox.outside.fetch_sub(self.items.len(), Ordering::Relaxed);
        waiting.extend(self.items.by_ref());
        self.outbox.trim(&mut waiting);
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

    #[tokio::test]
    async fn more_than_there_is_room_for_is_sent_and_not_dropped() {
        let receiver = Receiver::default();
        let outbox = Outbox::new(5);
        outbox.put(0..100, 4, &receiver).await.unwrap();
        outbox.drain(1, &receiver).await.unwrap();
        assert_eq!(*receiver.got.lock().unwrap(), (0..100).collect::<Vec<_>>());
        assert_eq!((outbox.len(), outbox.dropped()), (0, 0));
        receiver.script.lock().unwrap().push_back(Answer::Refuse);
        assert!(matches!(outbox.put(0..20, 4, &receiver).await, Err(CloudError::Invalid { .. })));
        assert_eq!(outbox.dropped(), 3, "the rest is sent");
    }

    #[tokio::test]
    async fn what_finds_no_room_is_dropped_and_counted() {
        let receiver = Receiver { script: Mutex::new([Answer::Fail].into()), ..Receiver::default() };
        let outbox = Outbox::new(5);
        outbox.put(0..20, 4, &receiver).await.unwrap_err();
        assert_eq!((outbox.len(), outbox.dropped()), (5, 15));
        // The same when whoever puts in gives up.
        receiver.script.lock().unwrap().push_back(Answer::Hang);
        let put = Box::pin(outbox.put(20..30, 4, &receiver));
        assert!(tokio::time::timeout(Duration::from_millis(2), put).await.is_err());
        assert_eq!((outbox.len(), outbox.dropped()), (5, 25));
        outbox.drain(1, &receiver).await.unwrap();
        assert_eq!(*receiver.got.lock().unwrap(), (25..30).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_batch_larger_than_the_outbox_is_sent_when_it_is_full() {
        let receiver = Receiver::default();
        let outbox = Outbox::new(5);
        outbox.put(0..5, 100, &receiver).await.unwrap();
        assert_eq!(receiver.got.lock().unwrap().len(), 3);
    }

    /// Fails when it may, and counts.
    struct Failing {
        asked: tokio::sync::Notify,
        fail: tokio::sync::Semaphore,
        sends: AtomicU64,
    }

    #[async_trait]
    impl Sink<u32> for Failing {
        fn cut(&self, waiting: &mut [u32]) -> usize {
            waiting.len().min(3)
        }

        async fn send(&self, _batch: &[u32]) -> Result<u64> {
            self.sends.fetch_add(1, Ordering::SeqCst);
            self.asked.notify_one();
            drop(self.fail.acquire().await);
            Err(CloudError::Unavailable { what: "it".to_owned(), source: None })
        }
    }

    #[tokio::test]
    async fn who_waits_for_a_request_that_fails_sends_none() {
        let failing = Arc::new(Failing {
            asked: tokio::sync::Notify::new(),
            fail: tokio::sync::Semaphore::new(0),
            sends: AtomicU64::new(0),
        });
        let outbox = Arc::new(Outbox::new(1000));
        let put = || {
            let (outbox, failing) = (Arc::clone(&outbox), Arc::clone(&failing));
            tokio::spawn(async move { outbox.put(0..3, 3, &*failing).await })
        };
        let mut callers = vec![put()];
        failing.asked.notified().await;
        callers.extend((0..99).map(|_| put()));
        // Each has put its items in: all wait for the one request.
        while outbox.len() < 300 {
            tokio::task::yield_now().await;
        }
        failing.fail.add_permits(1);
        for caller in callers {
            assert!(caller.await.unwrap().unwrap_err().is_transient());
        }
        assert_eq!(failing.sends.load(Ordering::SeqCst), 1);
        assert_eq!((outbox.len(), outbox.dropped()), (300, 0));
        outbox.drain(1, &*failing).await.unwrap_err();
        assert_eq!(failing.sends.load(Ordering::SeqCst), 2, "who comes later tries again");
    }
}
