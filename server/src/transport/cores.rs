//! The threads that connections are served on, one a core, each with a runtime of its own.
//!
//! A connection stays on the thread that it was given to, and so do its requests: none is handed from thread to thread,
//! no thread wakes another, and no two contend for a queue, which together cost more than a short scan. The price is
//! that the small requests of one connection share one core; large ones are scanned on the pool anyway.

use std::{
    io,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The threads; they end, and drop what they serve, when the last handle to them is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Cores(Arc<Running>);

#[derive(Debug)]
struct Running {
    cores: Vec<Core>,
    _stop: DropGuard,
}

#[derive(Debug)]
struct Core {
    runtime: Handle,
    connections: Arc<AtomicUsize>,
}

/// A connection's place on a core, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) runtime: Handle,
    connections: Arc<AtomicUsize>,
}

impl Cores {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system gives no thread or no event queue.
    pub(crate) fn start() -> io::Result<Self> {
        let stop = CancellationToken::new();
        let count = thread::available_parallelism().map_or(1, NonZero::get);
        let cores = (0..count).map(|number| Core::start(number, stop.clone())).collect::<io::Result<_>>()?;
        Ok(Self(Arc::new(Running { cores, _stop: stop.drop_guard() })))
    }

    /// Returns a place on the core that has the fewest connections.
    pub(crate) fn place(&self) -> Option<Place> {
        let core = self.0.cores.iter().min_by_key(|core| core.connections.load(Ordering::Relaxed))?;
        core.connections.fetch_add(1, Ordering::Relaxed);
        Some(Place { runtime: core.runtime.clone(), connections: Arc::clone(&core.connections) })
    }
}

impl Core {
    fn start(number: usize, stop: CancellationToken) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        thread::Builder::new()
            .name(format!("serve-{number}"))
            .spawn(move || runtime.block_on(stop.cancelled()))?;
        Ok(Self { runtime: handle, connections: Arc::new(AtomicUsize::new(0)) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_spread() {
        let cores = Cores::start().unwrap();
        let places: Vec<Place> = (0..cores.0.cores.len() * 3).filter_map(|_| cores.place()).collect();
        let counts = || cores.0.cores.iter().map(|core| core.connections.load(Ordering::Relaxed));
        assert!(counts().all(|count| count == 3));
        drop(places);
        assert!(counts().all(|count| count == 0));
    }
}
