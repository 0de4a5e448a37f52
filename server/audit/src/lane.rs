//! The way back: answers for the callers of one runtime, carried by one of its own tasks.
//!
//! Waking a task from another thread is a system call each time; waking it from a task beside it costs next to nothing.
//! So the writer wakes one task for each runtime and group, and that wakes the callers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::runtime::{Handle, Id};
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};

use crate::Result;
use crate::log::Receipt;

/// Who waits for a record, and its share of the queue, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) sender: oneshot::Sender<Result<Receipt>>,
    /// None where no runtime is known: then the answer goes straight.
    pub(crate) lane: Option<Arc<Lane>>,
    pub(crate) _share: OwnedSemaphorePermit,
}

impl Answer {
    pub(crate) fn send(self, result: Result<Receipt>) {
        // Who asked may have gone away; the record stays.
        drop(self.sender.send(result));
    }
}

/// Sends the answers of a group.
pub(crate) fn deliver(answers: Vec<(Answer, Result<Receipt>)>) {
    // One answer is not worth another hop.
    if answers.len() < 2 {
        answers.into_iter().for_each(|(answer, result)| answer.send(result));
        return;
    }
    let mut lanes: Vec<Arc<Lane>> = Vec::new();
    for (answer, result) in answers {
        match answer.lane.clone() {
            Some(lane) => {
                lane.put(answer, result);
                if !lanes.iter().any(|known| Arc::ptr_eq(known, &lane)) {
                    lanes.push(lane);
                }
            }
            None => answer.send(result),
        }
    }
    lanes.iter().for_each(|lane| lane.notify.notify_one());
}

/// The lanes of all runtimes that append.
#[derive(Debug, Default)]
pub(crate) struct Lanes(RwLock<HashMap<Id, Arc<Lane>>>);

impl Lanes {
    /// Returns the lane of the current runtime.
    pub(crate) fn current(&self) -> Option<Arc<Lane>> {
        let runtime = Handle::try_current().ok()?;
        let id = runtime.id();
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        Some(known.unwrap_or_else(|| self.open(&runtime)))
    }

    fn open(&self, runtime: &Handle) -> Arc<Lane> {
        let mut lanes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Runtimes that have ended are forgotten here, so that there are never more than there were at once.
        lanes.retain(|_, lane| lane.lock().open);
        let lane = lanes.entry(runtime.id()).or_insert_with(|| {
            let lane = Arc::new(Lane::default());
            runtime.spawn(Carrier(Arc::clone(&lane)).run());
            lane
        });
        Arc::clone(lane)
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        let lanes = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        lanes.values().for_each(|lane| {
            lane.lock().open = false;
            lane.notify.notify_one();
        });
    }
}

/// Answers on their way to one runtime.
#[derive(Debug)]
pub(crate) struct Lane {
    state: Mutex<State>,
    notify: Notify,
}

#[derive(Debug)]
struct State {
    answers: Vec<(Answer, Result<Receipt>)>,
    /// False when the task has ended or is to end.
    open: bool,
}

impl Default for Lane {
    fn default() -> Self {
        Self { state: Mutex::new(State { answers: Vec::new(), open: true }), notify: Notify::new() }
    }
}

impl Lane {
    fn put(&self, answer: Answer, result: Result<Receipt>) {
        let mut state = self.lock();
        if state.open {
            state.answers.push((answer, result));
        } else {
            drop(state);
            answer.send(result);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task; also when its runtime drops it, nothing stays behind.
struct Carrier(Arc<Lane>);

impl Carrier {
    async fn run(self) {
        let mut answers = Vec::new();
        loop {
            self.0.notify.notified().await;
            let open = {
                let mut state = self.0.lock();
                std::mem::swap(&mut state.answers, &mut answers);
                state.open
            };
            answers.drain(..).for_each(|(answer, result)| answer.send(result));
            if !open {
                return;
            }
        }
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.open = false;
        let answers = std::mem::take(&mut state.answers);
        drop(state);
        answers.into_iter().for_each(|(answer, result)| answer.send(result));
    }
}
