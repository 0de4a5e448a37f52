//! When to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Stops a scan at a deadline or when a flag is raised; by default never.
///
/// It is looked at before every view and every few kilobytes of work, so a scan stops well within a millisecond.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    deadline: Option<Instant>,
    flag: Option<Arc<AtomicBool>>,
}

impl Cancel {
    /// Never stops.
    #[must_use]
    pub fn never() -> Self {
        Self::default()
    }

    /// Stops at a point in time.
    #[must_use]
    pub fn at(deadline: Instant) -> Self {
        Self { deadline: Some(deadline), flag: None }
    }

    /// Stops as well when `flag` becomes true.
    #[must_use]
    pub fn with_flag(mut self, flag: Arc<AtomicBool>) -> Self {
        self.flag = Some(flag);
        self
    }

    /// Stops before the deadline, where there is one: by a fifth of the time left, within bounds.
    #[must_use]
    pub(crate) fn with_reserve(&self, [least, most]: [Duration; 2]) -> Self {
        let earlier = |deadline: Instant| {
            let left = deadline.saturating_duration_since(Instant::now());
            deadline.checked_sub((left / 5).clamp(least, most)).unwrap_or(deadline)
        };
        Self { deadline: self.deadline.map(earlier), flag: self.flag.clone() }
    }

    /// Whether to stop now.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.flag.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    pub(crate) fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }
}

/// The scan was stopped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cancelled;
