use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{CloudLogger, CloudTracer, LogEntry, Span};

/// What may wait between the program and the task that hands it on. More than loggers keep: while a request to one that
/// is away runs into its time-out, as much must find room here as the logger then keeps.
const QUEUE: usize = 65_536;

/// How often what waits is sent, also when it makes no batch.
const FLUSH_INTERVAL: Duration = Duration::from_secs(5);

/// One thing on its way.
#[derive(Debug)]
pub(super) enum Shipment {
    Entry(LogEntry),
    Span(Span),
    End(oneshot::Sender<()>),
}

/// Hands log entries and spans to a logger and a tracer. Copies hand to the same.
#[derive(Clone)]
pub struct Shipping {
    queue: mpsc::Sender<Shipment>,
    overflowed: Arc<Dropped<AtomicU64>>,
    /// What is in the queue.
    queued: Arc<Dropped<AtomicU64>>,
    logger: Option<Arc<dyn CloudLogger>>,
    tracer: Option<Arc<dyn CloudTracer>>,
}

/// How much was dropped, by what it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped<N = u64> {
    /// Log entries.
    pub entries: N,
    /// Spans.
    pub spans: N,
}

impl Shipping {
    /// Starts the task that hands on; must be called within a Tokio runtime, which the task lives in.
    pub fn start(logger: Option<Arc<dyn CloudLogger>>, tracer: Option<Arc<dyn CloudTracer>>) -> Self {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let queued = Arc::<Dropped<AtomicU64>>::default();
        let carrier = Carrier { logger: logger.clone(), tracer: tracer.clone(), queued: Arc::clone(&queued) };
        tokio::spawn(carrier.run(receiver));
        Self { queue, overflowed: Arc::default(), queued, logger, tracer }
    }

    /// Returns how many entries and spans were dropped: because more came than could be handed on, or by the logger and
    /// the tracer.
    pub fn dropped(&self) -> Dropped {
        let overflowed = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Dropped {
            entries: overflowed(&self.overflowed.entries)
                .saturating_add(self.logger.as_ref().map_or(0, |logger| logger.dropped())),
            spans: overflowed(&self.overflowed.spans)
                .saturating_add(self.tracer.as_ref().map_or(0, |tracer| tracer.dropped())),
        }
    }

    /// Returns how many entries and spans are lost when the program ends now: those that were dropped, and those that
    /// still wait, here or in the logger and the tracer.
    pub fn lost(&self) -> Dropped {
        let Dropped { entries, spans } = self.dropped();
        let queued = |queued: &AtomicU64| queued.load(Ordering::Relaxed);
        let waiting = |waiting: Option<usize>| u64::try_from(waiting.unwrap_or(0)).unwrap_or(u64::MAX);
        Dropped {
            entries: entries
                .saturating_add(queued(&self.queued.entries))
                .saturating_add(waiting(self.logger.as_ref().map(|logger| logger.waiting()))),
            spans: spans
                .saturating_add(queued(&self.queued.spans))
                .saturating_add(waiting(self.tracer.as_ref().map(|tracer| tracer.waiting()))),
        }
    }

    /// Hands on what waits, and ends. What comes later is dropped.
    ///
    /// Returns whether that was done within `limit`.
    pub async fn shut_down(&self, limit: Duration) -> bool {
        let (done, end) = oneshot::channel();
        let shut = async {
            if self.queue.send(Shipment::End(done)).await.is_ok() {
                drop(end.await);
            }
        };
        timeout(limit, shut).await.is_ok()
    }

    /// Never waits: whoever logs must not wait for a network.
    pub(super) fn put(&self, shipment: Shipment) {
        let (overflowed, queued) = match shipment {
            Shipment::Span(_) if self.tracer.is_none() => return,
            Shipment::Span(_) => (&self.overflowed.spans, &self.queued.spans),
            _ => (&self.overflowed.entries, &self.queued.entries),
        };
        // Before it can be taken out.
        queued.fetch_add(1, Ordering::Relaxed);
        if self.queue.try_send(shipment).is_err() {
            queued.fetch_sub(1, Ordering::Relaxed);
            overflowed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Shipping {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shipping").field("dropped", &self.dropped()).finish_non_exhaustive()
    }
}

struct Carrier {
    logger: Option<Arc<dyn CloudLogger>>,
    tracer: Option<Arc<dyn CloudTracer>>,
    queued: Arc<Dropped<AtomicU64>>,
}

impl Carrier {
    async fn run(self, mut queue: mpsc::Receiver<Shipment>) {
        let mut ticks = interval(FLUSH_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut shipments = Vec::new();
        loop {
            let open = tokio::select! {
                received = queue.recv_many(&mut shipments, QUEUE) => received > 0,
                _ = ticks.tick() => {
                    self.flush().await;
                    continue;
                }
            };
            let end = self.carry(&mut shipments).await;
            if end.is_some() || !open {
                self.flush().await;
                if end.is_some_and(|done| done.send(()).is_err()) {
                    tracing::debug!("whoever asked for the end has given up");
                }
                return;
            }
        }
    }

    async fn carry(&self, shipments: &mut Vec<Shipment>) -> Option<oneshot::Sender<()>> {
        let (mut entries, mut spans, mut end) = (Vec::new(), Vec::new(), None);
        for shipment in shipments.drain(..) {
            match shipment {
                Shipment::Entry(entry) => entries.push(entry),
                Shipment::Span(span) => spans.push(span),
                Shipment::End(done) => end = Some(done),
            }
        }
        // From here on the logger and the tracer tell of them, each of its own when it is its turn.
        let number = |items: usize| u64::try_from(items).unwrap_or(u64::MAX);
        self.queued.entries.fetch_sub(number(entries.len()), Ordering::Relaxed);
        if let Some(logger) = &self.logger
            && !entries.is_empty()
        {
            report("log entries", logger.log_batch(entries).await);
        }
        self.queued.spans.fetch_sub(number(spans.len()), Ordering::Relaxed);
        if let Some(tracer) = &self.tracer
            && !spans.is_empty()
        {
            report("spans", tracer.export_spans(spans).await);
        }
        end
    }

    async fn flush(&self) {
        if let Some(logger) = &self.logger {
            report("log entries", logger.flush().await);
        }
        if let Some(tracer) = &self.tracer {
            report("spans", tracer.flush().await);
        }
    }
}

fn report(what: &'static str, sent: crate::Result<()>) {
    if let Err(error) = sent {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, what, "cannot be sent; they wait");
    }
}
