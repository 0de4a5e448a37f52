//! `ShieldService`: each handler checks, decides, records, and only then answers.

mod audit;
mod context;
mod conversations;
mod decide;
mod info;
mod job;
mod map;
mod proof;
mod record;
mod restore;
mod stream;
mod verify;
mod work;

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use llm_shield_audit::{AuditError, AuditLog, ContentMode, NewRecord, Receipt, Store};
use llm_shield_detect::{Conversation, Direction, Engine, ScanOptions};
use llm_shield_proto::v1::{self, shield_service_server::ShieldService};
use tokio::{sync::Semaphore, time::Instant};
use tonic::{Request, Response, Status, Streaming};

use self::{
    audit::AuditStream,
    context::Context,
    conversations::Conversations,
    decide::{Decision, Keep},
    job::Job,
    stream::{Answers, Redacting, Scanning},
    verify::VerifyStream,
    work::{Watchdog, Workers},
};
use crate::{
    config::{Config, LimitsConfig, OnUnavailable},
    policies::PoliciesHandle,
    quota::Quotas,
    redaction_keys::{RedactionKeyring, TenantKeys},
    status::Fault,
};

/// The handlers.
#[derive(Clone)]
pub(crate) struct ShieldApi(Arc<Parts>);

struct Parts {
    engine: Arc<Engine>,
    policies: Arc<PoliciesHandle>,
    quotas: Arc<Quotas>,
    audit: Arc<AuditLog>,
    store: Store,
    /// Each query holds a thread while it reads.
    audit_streams: Arc<Semaphore>,
    redaction_keys: RedactionKeyring,
    conversations: Arc<Conversations>,
    workers: Workers,
    limits: LimitsConfig,
    /// What the audit log keeps of contents.
    content: ContentMode,
    on_unavailable: OnUnavailable,
    ready: SystemTime,
}

impl ShieldApi {
    pub(crate) fn new(
        config: &Config,
        engine: Engine,
        policies: Arc<PoliciesHandle>,
        quotas: Arc<Quotas>,
        audit: Arc<AuditLog>,
        store: Store,
        redaction_keys: RedactionKeyring,
    ) -> Self {
        let audit_streams = usize::try_from(config.limits.max_audit_streams).unwrap_or(usize::MAX);
        Self(Arc::new(Parts {
            engine: Arc::new(engine),
            policies,
            quotas,
            audit,
            store,
            audit_streams: Arc::new(Semaphore::new(audit_streams)),
            redaction_keys,
            conversations: Arc::new(Conversations::new(&config.conversations)),
            workers: Workers::new(&config.limits),
            limits: config.limits.clone(),
            content: config.audit.content,
            on_unavailable: config.audit.on_unavailable,
            ready: SystemTime::now(),
        }))
    }
}

#[tonic::async_trait]
impl ShieldService for ShieldApi {
    async fn scan(&self, request: Request<v1::ScanRequest>) -> Result<Response<v1::ScanResponse>, Status> {
        let context = Context::of(&request)?;
        let job =
            Job::from_scan(request.into_inner(), &self.0.policies.current(), context.caller.tenant.as_str())?;
        Ok(Response::new(self.0.scan(&context, job).await?))
    }

    async fn redact(
        &self,
        request: Request<v1::RedactRequest>,
    ) -> Result<Response<v1::RedactResponse>, Status> {
        let context = Context::of(&request)?;
        let job = Job::from_redact(
            request.into_inner(),
            &self.0.policies.current(),
            context.caller.tenant.as_str(),
        )?;
        Ok(Response::new(self.0.redact(&context, job).await?))
    }

    type AuditStream = AuditStream;

    async fn audit(&self, request: Request<v1::AuditRequest>) -> Result<Response<AuditStream>, Status> {
        let context = Context::of(&request)?;
        Ok(Response::new(self.0.query(&context, request.into_inner()).await?))
    }

    async fn get_server_info(
        &self,
        request: Request<v1::GetServerInfoRequest>,
    ) -> Result<Response<v1::GetServerInfoResponse>, Status> {
        let context = Context::of(&request)?;
        Ok(Response::new(self.0.info(&context.caller)))
    }

    type ScanStreamStream = Answers<v1::ScanStreamResponse>;

    async fn scan_stream(
        &self,
        request: Request<Streaming<v1::ScanStreamRequest>>,
    ) -> Result<Response<Self::ScanStreamStream>, Status> {
        let context = Context::of(&request)?;
        Ok(Response::new(self.0.stream::<Scanning>(context, request.into_inner())))
    }

    type RedactStreamStream = Answers<v1::RedactStreamResponse>;

    async fn redact_stream(
        &self,
        request: Request<Streaming<v1::RedactStreamRequest>>,
    ) -> Result<Response<Self::RedactStreamStream>, Status> {
        let context = Context::of(&request)?;
        Ok(Response::new(self.0.stream::<Redacting>(context, request.into_inner())))
    }

    async fn restore(
        &self,
        request: Request<v1::RestoreRequest>,
    ) -> Result<Response<v1::RestoreResponse>, Status> {
        let context = Context::of(&request)?;
        Ok(Response::new(self.0.restore(&context, request.into_inner()).await?))
    }

    async fn get_audit_proof(
        &self,
        request: Request<v1::GetAuditProofRequest>,
    ) -> Result<Response<v1::GetAuditProofResponse>, Status> {
        let context = Context::of(&request)?;
        Ok(Response::new(self.0.prove(&context, request.get_ref()).await?))
    }

    type VerifyAuditStream = VerifyStream;

    async fn verify_audit(
        &self,
        request: Request<v1::VerifyAuditRequest>,
    ) -> Result<Response<VerifyStream>, Status> {
        let context = Context::of(&request)?;
        Ok(Response::new(self.0.verify(context, request.get_ref()).await?))
    }
}

impl Parts {
    async fn scan(&self, context: &Context, job: Job) -> Result<v1::ScanResponse, Fault> {
        self.quotas.take_bytes(context.caller.tenant.as_str(), job.bytes())?;
        let (job, decision) = self.judge(context, job, true).await?;
        scan_response(self, context, "Scan", job, decision).await
    }

    /// Decides on a scan, with the classifier or without.
    async fn judge(&self, context: &Context, job: Job, classify: bool) -> Result<(Job, Decision), Fault> {
        let tenant = &context.caller.tenant;
        let digest = self.audit.digest_key(tenant).await.map_err(|error| unrecorded(context, error))?;
        let mode = self.content;
        // Canary tokens are looked for in what comes from the model, and there alone.
        let keys = match job.direction {
            Direction::Output => Some(self.tenant_keys(context).await?),
            Direction::Input if mode == ContentMode::Redacted => Some(self.tenant_keys(context).await?),
            Direction::Input => None,
        };
        let engine = Arc::clone(&self.engine);
        let (_watchdog, cancel) = Watchdog::new(context.deadline);
        // The classifier takes milliseconds however short the text: nothing for a thread of the runtime.
        let classifies = classify && self.engine.classifies(&job.request(), &job.policy);
        let weight = if classifies { u64::MAX } else { job.bytes() };
        let scope = Arc::from(tenant.as_str());
        let work = move || {
            let canaries = keys.as_deref().filter(|_| job.direction == Direction::Output);
            let options = ScanOptions { classify, scope, ..options(canaries) };
            let keep = Keep { digest: &digest, mode, keys: keys.as_deref().map(|keys| &keys.redaction) };
            let decision = decide::scan(&engine, &job, &keep, &options, &cancel);
            (job, decision)
        };
        self.workers.run(context, weight, work).await
    }

    async fn redact(&self, context: &Context, job: Job) -> Result<v1::RedactResponse, Fault> {
        let tenant = &context.caller.tenant;
        let digest = self.audit.digest_key(tenant).await.map_err(|error| unrecorded(context, error))?;
        let keys = self.tenant_keys(context).await?;
        let engine = Arc::clone(&self.engine);
        let (_watchdog, cancel) = Watchdog::new(context.deadline);
        let bytes = job.bytes();
        self.quotas.take_bytes(tenant.as_str(), bytes)?;
        let (conversations, tenant) = (Arc::clone(&self.conversations), tenant.clone());
        let mode = self.content;
        let work = move || {
            // Which values to take out is the rules' to say; the classifier would only make it slow.
            let options = ScanOptions { classify: false, ..options(Some(&keys)) };
            let keep = Keep { digest: &digest, mode, keys: Some(&keys.redaction) };
            let decision = decide::scan(&engine, &job, &keep, &options, &cancel);
            let redact = |conversation: &mut Conversation| {
                decide::redact(&decision, &job, &keys.redaction, conversation)
            };
            let contents = match &job.conversation {
                Some(id) => conversations.with(tenant.as_str(), id, redact),
                None => redact(&mut Conversation::default()),
            };
            (job, decision, contents)
        };
        let (job, decision, contents) = self.workers.run(context, bytes, work).await?;
        redact_response(self, context, "Redact", job, decision, contents).await
    }

    async fn tenant_keys(&self, context: &Context) -> Result<Arc<TenantKeys>, Fault> {
        self.redaction_keys.of(context.caller.tenant.as_str()).await.map_err(|error| {
            tracing::error!(
                request.id = &*context.request_id,
                error = &error as &dyn std::error::Error,
                "a tenant's redaction key cannot be had"
            );
            Fault::KeysUnavailable
        })
    }

    /// Records a decision durably; without that there is no answer, unless the configuration says otherwise.
    async fn record(
        &self,
        context: &Context,
        rpc: &'static str,
        job: Job,
        decision: &mut Decision,
    ) -> Result<Option<Receipt>, Fault> {
        // A scan that its deadline stopped is not a decision: the caller is no longer waiting for one.
        if Instant::now() >= context.deadline.at {
            return Err(Fault::DeadlineExceeded);
        }
        count(rpc, decision);
        let subject = job.subject.clone();
        let mut record = record::of(context, rpc, job, decision);
        record.content = self.content;
        record.model = decision.report.model.as_deref().unwrap_or_default().to_owned();
        let kept = match subject {
            None => self.audit.append(record).await,
            Some(subject) => match self.audit.subject_key(&record.tenant, &subject).await {
                Ok(key) => self.audit.append_about(&key, record).await,
                Err(error) => Err(error),
            },
        };
        match kept {
            Ok(receipt) => Ok(Some(receipt)),
            Err(error) if self.on_unavailable == OnUnavailable::AllowDegraded && error.is_unavailable() => {
                metrics::counter!("shield_unrecorded_decisions_total").increment(1);
                drop(unrecorded(context, error));
                Ok(None)
            }
            Err(error) => Err(unrecorded(context, error)),
        }
    }

    /// Records a read of the log durably; without that there is no answer.
    async fn record_read(
        &self,
        context: &Context,
        rpc: &'static str,
        labels: BTreeMap<String, String>,
    ) -> Result<(), Fault> {
        let caller = &context.caller;
        let record = NewRecord {
            request_id: context.request_id.to_string(),
            labels,
            ..NewRecord::of_call(caller.tenant.clone(), caller.principal.as_str(), rpc)
        };
        self.audit.append(record).await.map(drop).map_err(|error| unrecorded(context, error))
    }
}

/// Records a decision of a scan, and says it.
async fn scan_response(
    parts: &Parts,
    context: &Context,
    rpc: &'static str,
    job: Job,
    mut decision: Decision,
) -> Result<v1::ScanResponse, Fault> {
    let policy = policy_info(&job);
    let receipt = parts.record(context, rpc, job, &mut decision).await?;
    let truncated = decision.truncated();
    let report = decision.report;
    Ok(v1::ScanResponse {
        action: map::action(report.action).into(),
        verdict: map::verdict(report.verdict).into(),
        findings: decision.findings,
        findings_truncated: truncated,
        injection_score: report.injection_score,
        detectors: report.detectors.iter().map(map::detector).collect(),
        coverage: Some(map::coverage(report.coverage)),
        degraded: report.degraded || receipt.is_none(),
        policy: Some(policy),
        model_id: report.model.as_deref().unwrap_or_default().to_owned(),
        audit_record_id: receipt.as_ref().map(|receipt| receipt.id.to_string()).unwrap_or_default(),
        request_id: context.request_id.to_string(),
        duration_us: context.duration_us(),
        receipt: receipt.as_ref().map(record::receipt),
    })
}

/// Records the decision of a redaction, and says it.
async fn redact_response(
    parts: &Parts,
    context: &Context,
    rpc: &'static str,
    job: Job,
    mut decision: Decision,
    contents: Vec<v1::RedactedContent>,
) -> Result<v1::RedactResponse, Fault> {
    let policy = policy_info(&job);
    let receipt = parts.record(context, rpc, job, &mut decision).await?;
    let report = decision.report;
    Ok(v1::RedactResponse {
        contents,
        action: map::action(report.action).into(),
        verdict: map::verdict(report.verdict).into(),
        detectors: report.detectors.iter().map(map::detector).collect(),
        coverage: Some(map::coverage(report.coverage)),
        degraded: report.degraded || receipt.is_none(),
        policy: Some(policy),
        audit_record_id: receipt.as_ref().map(|receipt| receipt.id.to_string()).unwrap_or_default(),
        request_id: context.request_id.to_string(),
        duration_us: context.duration_us(),
        receipt: receipt.as_ref().map(record::receipt),
    })
}

fn options(keys: Option<&TenantKeys>) -> ScanOptions {
    ScanOptions { canary_keys: keys.map(|keys| keys.canary.clone()), ..ScanOptions::default() }
}

fn policy_info(job: &Job) -> v1::PolicyInfo {
    v1::PolicyInfo { name: job.policy_name.clone(), digest: job.policy.digest().to_string() }
}

/// Says that no record can be kept, and logs why.
fn unrecorded(context: &Context, error: AuditError) -> Fault {
    if matches!(error, AuditError::Invalid { .. }) {
        // Trying again would not help.
        return Fault::internal(&context.request_id, &error);
    }
    tracing::error!(
        request.id = &*context.request_id,
        error = &error as &dyn std::error::Error,
        "the audit log cannot be used"
    );
    Fault::AuditUnavailable
}

fn count(rpc: &'static str, decision: &Decision) {
    let report = &decision.report;
    let action = map::action(report.action).as_str_name();
    metrics::counter!("shield_decisions_total", "rpc" => rpc, "action" => action).increment(1);
    metrics::counter!("shield_scanned_bytes_total").increment(report.coverage.bytes_scanned as u64);
    for detector in report.detectors.iter().filter(|detector| detector.finding_count > 0) {
        let name = detector.detector.to_string();
        metrics::counter!("shield_findings_total", "detector" => name)
            .increment(detector.finding_count as u64);
    }
}
