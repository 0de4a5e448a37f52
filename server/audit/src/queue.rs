//! Between those who append and the one thread that writes.
//!
//! A sync costs the same for one record as for a hundred, so the writer takes a group only when as many wait as waited
//! a moment ago, or when the first of them has waited long enough. Whoever is alone never waits. While the writer
//! gathers nobody wakes it but the one who makes the group whole: a group costs one wake-up and not one a record.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::writer::Command;
use crate::{AuditError, Result};

/// Bounds how long the first of a group waits for the last; a larger group gains nothing.
const MAX_GROUP: usize = 4096;

/// Commands for the writer.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    /// The longest that a record waits for others.
    patience: Duration,
}

#[derive(Debug)]
struct Waiting {
    commands: Vec<Command>,
    /// When the first of them came.
    since: Instant,
    /// At how many commands the writer is to be woken; `None` while it is awake.
    wake_at: Option<usize>,
    /// Whether something waits that must not wait for more.
    urgent: bool,
    /// Whether the writer has ended.
    closed: bool,
}

impl Queue {
    pub(crate) fn new(patience: Duration) -> Self {
        let waiting = Waiting {
            commands: Vec::new(),
            since: Instant::now(),
            wake_at: None,
            urgent: false,
            closed: false,
        };
        Self { waiting: Mutex::new(waiting), wake: Condvar::new(), patience }
    }

    /// Gives the writer a command.
    ///
    /// # Errors
    /// [`AuditError::Closed`] when the writer has ended.
    pub(crate) fn push(&self, command: Command) -> Result<()> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(AuditError::Closed);
        }
        if waiting.commands.is_empty() {
            waiting.since = Instant::now();
        }
        waiting.urgent |= !matches!(command, Command::Append(_));
        waiting.commands.push(command);
        let enough = |at| waiting.urgent || waiting.commands.len() >= at;
        let wakes = waiting.wake_at.is_some_and(enough);
        if wakes {
            waiting.wake_at = None;
        }
        drop(waiting);
        if wakes {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Returns how many commands wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().commands.len()
    }

    /// Puts the next group into `group`, which must be empty: at least one command, and `expected` if they come in
    /// time.
    pub(crate) fn take(&self, group: &mut Vec<Command>, expected: usize) {
        let mut waiting = self.lock();
        let mut expected = expected.max(1);
        let begun = Instant::now();
        while !waiting.urgent && waiting.commands.len() < expected {
            let since = if waiting.commands.is_empty() { begun } else { waiting.since };
            let left = self.patience.saturating_sub(since.elapsed());
            waiting.wake_at = Some(expected);
            waiting = if expected == 1 {
                self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner)
            } else if left.is_zero() {
                expected = 1;
                waiting
            } else {
                self.wake.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0
            };
        }
        waiting.wake_at = None;
        waiting.urgent = false;
        if waiting.commands.len() <= MAX_GROUP {
            std::mem::swap(&mut waiting.commands, group);
        } else {
            group.extend(waiting.commands.drain(..MAX_GROUP));
        }
    }

    /// Takes no more, and drops what waits.
    pub(crate) fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        let dropped = std::mem::take(&mut waiting.commands);
        drop(waiting);
        drop(dropped);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Tenant;

    fn key() -> Command {
        Command::Key { tenant: Tenant::new("acme").unwrap(), key: Err(AuditError::Closed) }
    }

    #[test]
    fn what_is_urgent_waits_for_nobody() {
        let queue = Queue::new(Duration::from_secs(3600));
        queue.push(key()).unwrap();
        let mut group = Vec::new();
        queue.take(&mut group, 100);
        assert_eq!((group.len(), queue.len()), (1, 0));
    }

    #[test]
    fn a_sleeping_writer_is_woken() {
        let queue = Arc::new(Queue::new(Duration::from_millis(1)));
        let writer = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || {
                let mut group = Vec::new();
                // Nothing comes in time, so whatever comes first will do.
                queue.take(&mut group, 100);
                group.len()
            }
        });
        while queue.lock().wake_at != Some(1) {
            std::thread::yield_now();
        }
        queue.push(key()).unwrap();
        assert_eq!(writer.join().unwrap(), 1);
    }

    #[test]
    fn a_closed_queue_takes_nothing() {
        let queue = Queue::new(Duration::ZERO);
        queue.push(key()).unwrap();
        queue.close();
        assert!(matches!(queue.push(key()), Err(AuditError::Closed)));
        assert_eq!(queue.len(), 0);
    }
}
