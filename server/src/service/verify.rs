//! `VerifyAudit`: the log of the caller's tenant, whole or for a range of times, checked while the caller watches.

use std::{
    future::Future,
    num::NonZeroUsize,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll, ready},
};

use futures_util::Stream;
use llm_shield_audit::{Problem, VerifyOptions, VerifyReport};
use llm_shield_proto::v1;
use tokio::{
    sync::mpsc,
    time::{Sleep, sleep_until},
};
use tonic::Status;

use super::{Parts, audit::range, context::Context, job, unrecorded};
use crate::status::Fault;

/// Reports of progress that wait for a slow caller; further ones are left out.
const WAITING: usize = 4;

impl Parts {
    pub(super) async fn verify(
        &self,
        context: Context,
        request: &v1::VerifyAuditRequest,
    ) -> Result<VerifyStream, Fault> {
        job::check(request)?;
        let (start, end) = range(("start_time", request.start_time), ("end_time", request.end_time))?;
        let tenant = Some(context.caller.tenant.clone());
        // Other callers are answered meanwhile.
        let threads = Some(NonZeroUsize::MIN);
        let options = VerifyOptions { tenant, start, end, threads, ..VerifyOptions::default() };
        let place = Arc::clone(&self.audit_streams)
            .try_acquire_owned()
            .map_err(|_full| Fault::TooManyAuditStreams { limit: self.limits.max_audit_streams })?;
        let asked = [("start", start), ("end", end)];
        let labels = asked.into_iter().filter_map(|(name, time)| Some((name.to_owned(), time?.to_string())));
        self.record_read(&context, "VerifyAudit", labels.collect()).await?;
        let (reports, received) = mpsc::channel(WAITING);
        let deadline = context.deadline.callers.map(|at| Box::pin(sleep_until(at)));
        let store = self.store.clone();
        tokio::spawn(async move {
            // Held to the end of the check, which a caller who goes away does not stop.
            let _place = place;
            let progress = reports.clone();
            let check = store.verify(options, move |now| {
                let response = v1::VerifyAuditResponse {
                    records_checked: now.records,
                    segments_checked: now.segments,
                    ..Default::default()
                };
                // A full channel drops it: the caller hears of the next.
                drop(progress.try_send(Ok(response)));
            });
            let result = check.await.map(last).map_err(|error| unrecorded(&context, error));
            drop(reports.send(result).await);
        });
        Ok(VerifyStream { received: Some(received), deadline })
    }
}

fn last(report: VerifyReport) -> v1::VerifyAuditResponse {
    let intact = report.problem.is_none();
    let Problem { object, what } =
        report.problem.unwrap_or_else(|| Problem { object: String::new(), what: String::new() });
    v1::VerifyAuditResponse {
        records_checked: report.records,
        segments_checked: report.segments,
        done: true,
        intact,
        first_broken: object,
        problem: what,
    }
}

/// The answer; ends after the result or its first error.
pub(crate) struct VerifyStream {
    received: Option<mpsc::Receiver<Result<v1::VerifyAuditResponse, Fault>>>,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Stream for VerifyStream {
    type Item = Result<v1::VerifyAuditResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(received) = &mut this.received else { return Poll::Ready(None) };
        let late = this.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(context).is_ready());
        let next =
            if late { Some(Err(Fault::DeadlineExceeded)) } else { ready!(received.poll_recv(context)) };
        if next.as_ref().is_none_or(|next| next.as_ref().map_or(true, |response| response.done)) {
            this.received = None;
        }
        Poll::Ready(next.map(|response| response.map_err(Status::from)))
    }
}
