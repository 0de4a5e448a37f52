//! `Audit`: the records of the caller's tenant, one by one.
//!
//! The tenant comes from the caller's certificate and from nowhere in the request, so no filter can reach another's.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    str::FromStr,
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use futures_util::Stream;
use jiff::Timestamp;
use llm_shield_audit::{self as audit, Query, RecordStream};
use llm_shield_proto::v1;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Sleep, sleep_until},
};
use tonic::Status;
use uuid::Uuid;

use super::{Parts, context::Context, job, record, unrecorded};
use crate::{identity::Role, status::Fault};

impl Parts {
    pub(super) async fn query(
        &self,
        context: &Context,
        request: v1::AuditRequest,
    ) -> Result<AuditStream, Fault> {
        job::check(&request)?;
        let subject_id = request.filter.as_ref().map(|filter| filter.subject_id.clone()).unwrap_or_default();
        let mut query = query(Query::of(context.caller.tenant.clone()), request)?;
        if !subject_id.is_empty() {
            let tag = self.store.subject_tag(&query.tenant, &subject_id).await;
            // A tenant without a log has no records of anybody.
            query.subject = Some(tag.map_err(|error| unrecorded(context, error))?.unwrap_or_default());
        }
        let places = Arc::clone(&self.audit_streams);
        let place = places
            .try_acquire_owned()
            .map_err(|_full| Fault::TooManyAuditStreams { limit: self.limits.max_audit_streams })?;
        if let Some(token) = query.page_token.as_deref().filter(|_| !query.takes_page_token()) {
            tracing::debug!(token_bytes = token.len(), "a page token of another query");
            return Err(Fault::field("page_token", "is not of this query"));
        }
        self.record_read(context, "Audit", labels(&query)).await?;
        let records = self.store.query(query.clone()).map_err(|error| unrecorded(context, error))?;
        let deadline = context.deadline.callers.map(|at| Box::pin(sleep_until(at)));
        Ok(AuditStream {
            state: Some(Reading { context: context.clone(), query, records, deadline, _place: place }),
        })
    }
}

/// The answer to a query; ends at its first error.
pub(crate) struct AuditStream {
    state: Option<Reading>,
}

struct Reading {
    context: Context,
    query: Query,
    records: RecordStream,
    deadline: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl Reading {
    fn poll(&mut self, task: &mut TaskContext<'_>) -> Poll<Option<Result<v1::AuditResponse, Fault>>> {
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(task).is_ready()
        {
            return Poll::Ready(Some(Err(Fault::DeadlineExceeded)));
        }
        Pin::new(&mut self.records).poll_next(task).map(|next| {
            next.map(|record| {
                let record = record.map_err(|error| unrecorded(&self.context, error))?;
                let next_page_token = self.query.page_token_after(&record);
                let contents = self.context.caller.has(Role::Restorer);
                Ok(v1::AuditResponse { record: Some(record::shown(record, contents)), next_page_token })
            })
        })
    }
}

impl Stream for AuditStream {
    type Item = Result<v1::AuditResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let Some(reading) = &mut self.state else { return Poll::Ready(None) };
        let next = std::task::ready!(reading.poll(context));
        if !matches!(next, Some(Ok(_))) {
            self.state = None;
        }
        Poll::Ready(next.map(|response| response.map_err(Status::from)))
    }
}

fn query(mut query: Query, request: v1::AuditRequest) -> Result<Query, Fault> {
    let filter = request.filter.unwrap_or_default();
    (query.start, query.end) =
        range(("filter.start_time", filter.start_time), ("filter.end_time", filter.end_time))?;
    query.actions = filter
        .actions
        .iter()
        .enumerate()
        .map(|(index, action)| {
            self::action(*action)
                .ok_or_else(|| Fault::field(format!("filter.actions[{index}]"), "names no action"))
        })
        .collect::<Result<_, _>>()?;
    query.principal = Some(filter.principal).filter(|principal| !principal.is_empty());
    query.record_id = match filter.record_id.as_str() {
        "" => None,
        id => Some(Uuid::from_str(id).map_err(|_error| Fault::field("filter.record_id", "is not a UUID"))?),
    };
    query.rpc = Some(filter.rpc).filter(|rpc| !rpc.is_empty());
    query.detectors = filter.detectors;
    query.categories = filter.categories;
    query.labels = filter.labels.into_iter().collect();
    query.reads = filter.include_reads;
    query.newest_first = request.newest_first;
    query.limit = Some(u64::from(request.limit)).filter(|limit| *limit > 0);
    query.page_token = Some(request.page_token).filter(|token| !token.is_empty());
    Ok(query)
}

/// What a read asked for, for its own record.
fn labels(query: &Query) -> BTreeMap<String, String> {
    let Query {
        start, end, actions, principal, rpc, detectors, categories, labels, subject, record_id, ..
    } = query;
    let mut asked = BTreeMap::new();
    let mut note = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            asked.insert(name.to_owned(), value);
        }
    };
    note("start", start.map(|time| time.to_string()));
    note("end", end.map(|time| time.to_string()));
    note("actions", Some(actions.iter().map(|action| format!("{action:?}")).collect::<Vec<_>>().join(",")));
    note("principal", principal.clone());
    note("rpc", rpc.clone());
    note("detectors", Some(detectors.join(",")));
    note("categories", Some(categories.join(",")));
    note(
        "labels",
        Some(labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")),
    );
    note("subject", subject.clone());
    note("record_id", record_id.map(|id| id.to_string()));
    asked
}

/// Reads a range of times.
pub(super) fn range(
    (start_field, start): (&str, Option<prost_types::Timestamp>),
    (end_field, end): (&str, Option<prost_types::Timestamp>),
) -> Result<(Option<Timestamp>, Option<Timestamp>), Fault> {
    let start = start.map(|time| timestamp(start_field, time)).transpose()?;
    let end = end.map(|time| timestamp(end_field, time)).transpose()?;
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        return Err(Fault::field(end_field, format!("is before {start_field}")));
    }
    Ok((start, end))
}

fn timestamp(field: &str, time: prost_types::Timestamp) -> Result<Timestamp, Fault> {
    if !(0..1_000_000_000).contains(&time.nanos) {
        return Err(Fault::field(field, "nanos must be from 0 to 999,999,999"));
    }
    Timestamp::new(time.seconds, time.nanos).map_err(|_error| Fault::field(field, "is out of range"))
}

fn action(action: i32) -> Option<audit::Action> {
    match v1::Action::try_from(action).ok()? {
        v1::Action::Allow => Some(audit::Action::Allow),
        v1::Action::Flag => Some(audit::Action::Flag),
        v1::Action::Redact => Some(audit::Action::Redact),
        v1::Action::Block => Some(audit::Action::Block),
        v1::Action::Unspecified => None,
    }
}
