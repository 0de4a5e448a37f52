//! The threads that compute: a fixed number of lanes, each doing one piece of work at a time on a core of its own.
//!
//! Candle splits its products over the pool of threads that it is called in. In a pool of one it does not split them,
//! which is what we want: a text for each core wastes less than a text over all of them.

use std::{
    num::NonZero,
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::{encoder::Stop, error::BundleError};

/// How often one who waits for a lane asks whether the answer is still wanted.
const PATIENCE: Duration = Duration::from_millis(5);

pub(crate) struct Lanes {
    idle: Mutex<Vec<ThreadPool>>,
    returned: Condvar,
    count: usize,
}

/// A lane that is in use; it goes back when dropped, whatever happened on it.
struct Lane<'l> {
    lanes: &'l Lanes,
    pool: Option<ThreadPool>,
}

impl Lanes {
    pub(crate) fn new(count: NonZero<usize>) -> Result<Self, BundleError> {
        let lane = |index: usize| {
            ThreadPoolBuilder::new()
                .num_threads(1)
                .thread_name(move |_| format!("classifier-{index}"))
                .build()
                .map_err(|error| BundleError::Threads(error.into()))
        };
        let idle = (0..count.get()).map(lane).collect::<Result<_, _>>()?;
        Ok(Self { idle: Mutex::new(idle), returned: Condvar::new(), count: count.get() })
    }

    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// Runs work on a lane as soon as one is free; `None` when that took too long.
    pub(crate) fn run<T: Send>(&self, stop: Stop<'_>, work: impl FnOnce() -> T + Send) -> Option<T> {
        let lane = self.take(stop)?;
        lane.pool.as_ref().map(|pool| pool.install(work))
    }

    fn take(&self, stop: Stop<'_>) -> Option<Lane<'_>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if stop() {
                return None;
            }
            if let Some(pool) = idle.pop() {
                return Some(Lane { lanes: self, pool: Some(pool) });
            }
            idle = self.returned.wait_timeout(idle, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            self.lanes.idle.lock().unwrap_or_else(PoisonError::into_inner).push(pool);
            self.lanes.returned.notify_one();
        }
    }
}
