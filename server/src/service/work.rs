//! Where detection runs: small texts at once on the runtime's thread, large ones on a bounded pool.
//!
//! A thread of the runtime may compute for about half a millisecond. Below [`LimitsConfig::inline_bytes`] detection is
//! far quicker than that, and handing it over would cost more than it takes.
//!
//! [`LimitsConfig::inline_bytes`]: crate::config::LimitsConfig::inline_bytes

use std::{
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use llm_shield_detect::Cancel;
use tokio::{sync::Semaphore, task::spawn_blocking};
use tracing::Span;

use super::context::Context;
use crate::{
    config::LimitsConfig,
    layers::{contain::incident, deadline::Deadline},
    status::Fault,
};

/// The pool for detection.
#[derive(Debug)]
pub(super) struct Workers {
    places: Arc<Semaphore>,
    inline_bytes: u64,
}

impl Workers {
    pub(super) fn new(limits: &LimitsConfig) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = match usize::try_from(limits.cpu_threads) {
            Ok(threads) if threads > 0 => threads,
            _ => cores,
        };
        Self { places: Arc::new(Semaphore::new(threads)), inline_bytes: limits.inline_bytes }
    }

    /// Runs work over `bytes` of text; waits for a place in the pool when that is large.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        context: &Context,
        bytes: u64,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        if bytes <= self.inline_bytes {
            return Ok(work());
        }
        // Boxed, so that small requests do not carry its state.
        Box::pin(self.run_on_pool(context, work)).await
    }

    async fn run_on_pool<T: Send + 'static>(
        &self,
        context: &Context,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_closed| Fault::ShuttingDown)?;
        let span = Span::current();
        let work = spawn_blocking(move || {
            // Held by the work and not by the caller, who may go away before it ends.
            let _place = place;
            span.in_scope(work)
        });
        work.await.map_err(|error| {
            if error.is_panic() { incident(Some(&context.request_id)) } else { Fault::ShuttingDown }
        })
    }
}

/// Stops work at its deadline, or when its caller is no longer there.
#[derive(Debug)]
pub(super) struct Watchdog(Arc<AtomicBool>);

impl Watchdog {
    /// Returns the watchdog, to be kept by the one who waits, and what the work looks at.
    pub(super) fn new(deadline: Deadline) -> (Self, Cancel) {
        let flag = Arc::new(AtomicBool::new(false));
        let cancel = Cancel::at(deadline.at.into_std()).with_flag(Arc::clone(&flag));
        (Self(flag), cancel)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
