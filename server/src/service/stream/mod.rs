//! `ScanStream` and `RedactStream`: a text that arrives in pieces.
//!
//! Each stream is a task of its own, which takes the pieces, lets out what is settled (see
//! [`llm_shield_detect::settled`]), and at the end decides on the whole as `Scan` or `Redact` would: that decision is the
//! one that is recorded, once. What was let out cannot be taken back, so when the whole text says otherwise of it the
//! summary is `degraded` and the record says how often.
//!
//! A text is scanned anew each time that it has grown by an eighth, so all of a stream costs less than nine times what
//! one request does.

mod redact;
mod scan;
mod text;

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;
use llm_shield_detect::{self as detect, LEAST_HOLD, ScanOptions};
use llm_shield_proto::v1;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, timeout_at},
};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Code, Status, Streaming};
use tracing::Instrument as _;

use self::text::Arrived;
pub(crate) use self::{redact::Redacting, scan::Scanning};
use super::{
    Parts,
    context::Context,
    decide,
    job::{self, Job},
    work::Watchdog,
};
use crate::{
    layers::{contain::incident, deadline::Deadline},
    status::Fault,
};

/// The answers of a stream. They wait in memory for a caller who reads late: their sum is bounded by the text's, and one
/// who writes everything before reading anything would else wait for ever.
pub(crate) type Answers<T> = UnboundedReceiverStream<Result<T, Status>>;

/// What a message of the caller brings.
pub(crate) enum Piece {
    Config(v1::StreamConfig),
    Delta(Vec<u8>),
}

/// What differs between the two methods.
pub(crate) trait Kind: Default + Send + 'static {
    type Request: Send + 'static;
    type Response: Send + 'static;

    const RPC: &'static str;

    /// Takes a message apart; an empty one brings nothing.
    fn piece(request: Self::Request) -> Option<Piece>;

    /// Whether a mode makes sense here.
    fn takes(mode: v1::StreamMode) -> bool;

    /// Lets out what is settled. The job comes back where it can, so that an early end is recorded too.
    fn advance(
        &mut self,
        stream: &mut Stream<Self::Response>,
        job: Job,
    ) -> impl Future<Output = (Option<Job>, Result<(), Fault>)> + Send;

    /// Lets out the rest, and answers with the decision on the whole.
    fn finish(
        &mut self,
        stream: &mut Stream<Self::Response>,
        job: Job,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// A stream under way.
pub(crate) struct Stream<T> {
    parts: Arc<Parts>,
    context: Context,
    answers: UnboundedSender<Result<T, Status>>,
    mode: v1::StreamMode,
    hold: usize,
    /// How much of the text is settled.
    settled: usize,
    /// How much of it the caller was told of or given.
    let_out: usize,
}

impl Parts {
    /// Begins a stream.
    pub(super) fn stream<K: Kind>(
        self: &Arc<Self>,
        context: Context,
        requests: Streaming<K::Request>,
    ) -> Answers<K::Response> {
        let (answers, receiver): (_, UnboundedReceiver<_>) = unbounded_channel();
        let parts = Arc::clone(self);
        let task = async move {
            let (id, ends) = (Arc::clone(&context.request_id), answers.clone());
            let run = AssertUnwindSafe(run::<K>(parts, context, requests, answers)).catch_unwind();
            let fault = match run.await {
                Ok(Ok(())) => return,
                Ok(Err(fault)) => fault,
                Err(panic) => {
                    // Its message may quote text.
                    drop(panic);
                    metrics::counter!("shield_panics_total").increment(1);
                    incident(Some(&id))
                }
            };
            // A caller who has gone wants no answer.
            drop(ends.send(Err(fault.into())));
        };
        tokio::spawn(task.in_current_span());
        UnboundedReceiverStream::new(receiver)
    }
}

async fn run<K: Kind>(
    parts: Arc<Parts>,
    context: Context,
    mut requests: Streaming<K::Request>,
    answers: UnboundedSender<Result<K::Response, Status>>,
) -> Result<(), Fault> {
    let mut stream = Stream {
        parts,
        context,
        answers,
        mode: v1::StreamMode::Sliding,
        hold: LEAST_HOLD,
        settled: 0,
        let_out: 0,
    };
    let config = match stream.next::<K>(&mut requests).await? {
        Some(Piece::Config(config)) => config,
        Some(Piece::Delta(_)) | None => return Err(Fault::field("config", "is not in the first message")),
    };
    let job = stream.open::<K>(config)?;
    let mut kind = K::default();
    let mut arrived = Arrived::new(stream.parts.limits.max_message_bytes);
    match stream.receive(&mut kind, &mut requests, job, &mut arrived).await {
        Ok(job) => kind.finish(&mut stream, job).await,
        Err((fault, job)) => {
            if let Some(job) = job.filter(|_| stream.let_out > 0) {
                stream.record_part::<K>(job).await;
            }
            Err(fault)
        }
    }
}

impl<T: Send + 'static> Stream<T> {
    /// Looks at the first message.
    fn open<K: Kind<Response = T>>(&mut self, config: v1::StreamConfig) -> Result<Job, Fault> {
        job::check(&config)?;
        self.mode = match v1::StreamMode::try_from(config.mode) {
            Ok(v1::StreamMode::Unspecified) | Err(_) => v1::StreamMode::Sliding,
            Ok(mode) => mode,
        };
        if !K::takes(self.mode) {
            return Err(Fault::field("config.mode", "is not one of this method"));
        }
        self.hold = LEAST_HOLD.max(usize::try_from(config.holdback_bytes).unwrap_or(usize::MAX));
        Job::from_stream(config, &self.parts.policies.current(), self.context.caller.tenant.as_str())
    }

    /// Takes the text, and lets out what is settled of it. The text that there is comes back with a fault.
    async fn receive<K: Kind<Response = T>>(
        &mut self,
        kind: &mut K,
        requests: &mut Streaming<K::Request>,
        mut job: Job,
        arrived: &mut Arrived,
    ) -> Result<Job, (Fault, Option<Job>)> {
        loop {
            let bytes = match self.next::<K>(requests).await {
                Ok(Some(Piece::Delta(bytes))) => bytes,
                Ok(Some(Piece::Config(_))) => {
                    return Err((Fault::field("config", "is given in the first message only"), Some(job)));
                }
                Ok(None) => break,
                Err(fault) => return Err((fault, Some(job))),
            };
            let added = job.text_mut().map_or(Ok(()), |text| arrived.add(&bytes, text));
            if let Err(fault) = added {
                return Err((fault, Some(job)));
            }
            if self.mode == v1::StreamMode::Buffered || !arrived.is_due(job.text(), self.hold) {
                continue;
            }
            if let Err(fault) = self.pay(arrived, &job) {
                return Err((fault, Some(job)));
            }
            job = match kind.advance(self, job).await {
                (Some(job), Ok(())) => job,
                (job, outcome) => return Err((outcome.err().unwrap_or(Fault::DeadlineExceeded), job)),
            };
        }
        match arrived.end().and_then(|()| self.pay(arrived, &job)) {
            Ok(()) => Ok(job),
            Err(fault) => Err((fault, Some(job))),
        }
    }

    /// Waits for a message, for no longer than the caller's deadline and the server's patience.
    async fn next<K: Kind<Response = T>>(
        &mut self,
        requests: &mut Streaming<K::Request>,
    ) -> Result<Option<Piece>, Fault> {
        self.renew();
        let message = timeout_at(self.context.deadline.at, requests.message()).await;
        match message.map_err(|_elapsed| Fault::DeadlineExceeded)? {
            Ok(None) => Ok(None),
            Ok(Some(request)) => match K::piece(request) {
                Some(piece) => Ok(Some(piece)),
                None => Err(Fault::field("message", "holds neither `config` nor `delta`")),
            },
            Err(status) => Err(match status.code() {
                Code::OutOfRange => Fault::TooLarge { limit_bytes: self.parts.limits.max_message_bytes },
                Code::Internal | Code::Unknown | Code::Unimplemented => {
                    Fault::Undecodable { field: None, utf8: false }
                }
                // The caller has gone.
                _ => Fault::DeadlineExceeded,
            }),
        }
    }

    /// Gives what comes next the time that a request has.
    fn renew(&mut self) {
        let longest = Instant::now() + self.parts.limits.max_deadline;
        let callers = self.context.deadline.callers;
        let at = callers.map_or(longest, |callers| callers.min(longest));
        self.context.deadline = Deadline { at, callers };
    }

    /// Takes what has arrived since the last time from the tenant's quota.
    fn pay(&self, arrived: &mut Arrived, job: &Job) -> Result<(), Fault> {
        self.parts.quotas.take_bytes(self.context.caller.tenant.as_str(), arrived.unpaid(job.text()))
    }

    /// Scans what there is, without the classifier, which judges whole texts, and says how much of it is settled.
    async fn look<R: Send + 'static>(
        &mut self,
        job: Job,
        options: ScanOptions,
        then: impl FnOnce(&Job, &detect::Report, usize) -> R + Send + 'static,
    ) -> Result<(Job, Option<R>), Fault> {
        self.renew();
        let engine = Arc::clone(&self.parts.engine);
        let (_watchdog, cancel) = Watchdog::new(self.context.deadline);
        let (hold, settled, bytes) = (self.hold, self.settled, job.bytes());
        let options = ScanOptions { classify: false, ..options };
        let work = move || {
            let report = engine.scan_with(&job.request(), &job.policy, &options, &cancel);
            let whole = report.coverage.bytes_scanned >= report.coverage.bytes_total;
            let outcome = whole.then(|| {
                let to = detect::settled(job.text(), &report.findings, &job.policy, hold).max(settled);
                then(&job, &report, to)
            });
            (job, outcome)
        };
        self.parts.workers.run(&self.context, bytes, work).await
    }

    /// Records what was let out of a stream that did not come to its end.
    async fn record_part<K: Kind<Response = T>>(&mut self, mut job: Job) {
        self.context.deadline.callers = None;
        self.renew();
        job.labels.insert(ENDED_LABEL.to_owned(), "early".to_owned());
        let outcome = async {
            let (job, mut decision) = self.parts.judge(&self.context, job, false).await?;
            self.parts.record(&self.context, K::RPC, job, &mut decision).await
        };
        if let Err(fault) = outcome.await {
            tracing::error!(
                request.id = &*self.context.request_id,
                reason = ?fault,
                "a stream that ended early is not in the audit log"
            );
        }
    }

    /// Sends an answer.
    fn send(&self, answer: T) -> Result<(), Fault> {
        self.answers.send(Ok(answer)).map_err(|_gone| Fault::DeadlineExceeded)
    }
}

/// The label of a record that says that a stream had no end.
const ENDED_LABEL: &str = "stream_ended";

/// The label of a record that says of how many places the whole text said otherwise than what was let out.
const LATE_LABEL: &str = "stream_late_findings";

/// Notes that some of what was let out was not as the whole text says.
fn note_late(rpc: &'static str, job: &mut Job, decision: &mut decide::Decision, late: usize) {
    if late > 0 {
        metrics::counter!("shield_stream_late_findings_total", "rpc" => rpc).increment(late as u64);
        job.labels.insert(LATE_LABEL.to_owned(), late.to_string());
        decision.report.degraded = true;
    }
}
