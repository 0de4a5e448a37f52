//! The thread on which models of the store are made ready.
//!
//! It is always the same one. An allocator keeps freed memory for the thread that asked for it: were each model fetched
//! and made ready on whatever thread is free, each of these would keep as much as a set of weights takes.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Sender, channel},
    thread,
};

use tokio::{runtime::Handle, sync::oneshot};

type Work = Box<dyn FnOnce() + Send>;

/// A thread that does one thing after another; it ends with this handle.
#[derive(Debug)]
pub(super) struct Loader(Sender<Work>);

impl Loader {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Self> {
        let (sender, receiver) = channel::<Work>();
        let work = move || {
            for work in receiver {
                // Who waits for it is told by the channel that goes with it.
                drop(catch_unwind(AssertUnwindSafe(work)));
            }
        };
        thread::Builder::new().name("model-loader".to_owned()).spawn(work)?;
        Ok(Self(sender))
    }

    /// Does something on the thread, which may wait for what this runtime does; `None` when it broke off.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (sender, receiver) = oneshot::channel();
        let runtime = Handle::current();
        let work = move || drop(sender.send(runtime.block_on(work)));
        self.0.send(Box::new(work)).ok()?;
        receiver.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everything_is_done_on_one_thread() {
        let loader = Loader::start().unwrap();
        let here = || async { thread::current().id() };
        let first = loader.run(here()).await.unwrap();
        assert_eq!(loader.run(async { panic!("as it may") }).await, None::<()>);
        assert_eq!(loader.run(here()).await, Some(first));
    }
}
