//! `Restore`: the values behind what stands for them, for those who may see them.
//!
//! Keys and conversations are those of the caller's tenant, from its certificate. What does not open refuses the whole
//! call, and that is recorded like an answer.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use llm_shield_audit as audit;
use llm_shield_detect::{ByteSpan, Conversation, Operator, Place, Policy, Restored, Undo, restore_in};
use llm_shield_proto::v1;
use tokio::time::Instant;

use super::{
    Parts,
    context::Context,
    conversations::lock,
    job::{self, CONVERSATION_LABEL},
    record, unrecorded,
};
use crate::{policies::Policies, redaction_keys::TenantKeys, sensitive::Sensitive, status::Fault};

impl Parts {
    pub(super) async fn restore(
        &self,
        context: &Context,
        request: v1::RestoreRequest,
    ) -> Result<v1::RestoreResponse, Fault> {
        let tenant = &context.caller.tenant;
        let mut job = Job::new(request, &self.policies.current(), tenant.as_str())?;
        if let Some(id) = &job.conversation_id {
            let known = self.conversations.find(tenant.as_str(), id);
            // A subject alone is enough for the places.
            job.forgotten = known.is_none() && job.places.is_empty();
            job.conversation = known.unwrap_or_else(|| Arc::new(Mutex::new(Conversation::about(id))));
        }
        let digest = self.audit.digest_key(tenant).await.map_err(|error| unrecorded(context, error))?;
        let keys = self.tenant_keys(context).await?;
        let bytes = job.bytes();
        self.quotas.take_bytes(tenant.as_str(), bytes)?;
        let limit_bytes = self.limits.max_message_bytes;
        let work = move || {
            let digests = job.texts.iter().map(|text| digest.digest(text.expose())).collect();
            let outcome = job.restore(&keys, usize::try_from(limit_bytes).unwrap_or(usize::MAX));
            (job, outcome, digests)
        };
        let (job, outcome, digests) = self.workers.run(context, bytes, work).await?;
        if Instant::now() >= context.deadline.at {
            return Err(Fault::DeadlineExceeded);
        }
        let (ids, roles) = (job.ids.clone(), job.roles.clone());
        let made = job.record(context, &outcome, digests);
        metrics::counter!("shield_restored_values_total")
            .increment(outcome.as_ref().map_or(0, |done| done.restored as u64));
        let receipt = self.audit.append(made).await.map_err(|error| unrecorded(context, error))?;
        let done = outcome.map_err(|refusal| refusal.fault(limit_bytes))?;
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(v1::RestoreResponse {
            contents: done
                .texts
                .into_iter()
                .zip(ids.into_iter().zip(roles))
                .map(|(text, (id, role))| v1::Content { id, role, text })
                .collect(),
            restored_count: count(done.restored),
            audit_record_id: receipt.id.to_string(),
            unknown_count: count(done.unknown),
            request_id: context.request_id.to_string(),
            duration_us: context.duration_us(),
            receipt: Some(record::receipt(&receipt)),
        })
    }
}

/// A request, checked.
struct Job {
    ids: Vec<String>,
    roles: Vec<i32>,
    texts: Vec<Sensitive<String>>,
    places: Vec<NamedPlace>,
    purpose: String,
    policy_name: String,
    policy: Arc<Policy>,
    conversation_id: Option<String>,
    conversation: Arc<Mutex<Conversation>>,
    /// The conversation is asked for, needed, and not remembered.
    forgotten: bool,
}

struct NamedPlace {
    content: usize,
    span: ByteSpan,
    entity: String,
}

/// What was restored, in all contents.
#[derive(Default)]
struct Done {
    texts: Vec<String>,
    restored: usize,
    unknown: usize,
    entities: BTreeMap<String, usize>,
}

/// Why nothing is restored.
enum Refusal {
    NoConversation,
    NotOurs { content: usize, count: usize },
    TooLarge,
}

impl Job {
    fn new(request: v1::RestoreRequest, policies: &Policies, tenant: &str) -> Result<Self, Fault> {
        job::check(&request)?;
        let v1::RestoreRequest { contents, purpose, conversation, policy, places } = request;
        let (policy_name, policy) =
            policies.find(tenant, &policy).ok_or_else(|| Fault::UnknownPolicy { name: policy.clone() })?;
        let (mut ids, mut roles, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for content in contents {
            ids.push(content.id);
            roles.push(content.role);
            texts.push(Sensitive::new(content.text));
        }
        let places = checked(places, &texts, policy)?;
        Ok(Self {
            ids,
            roles,
            texts,
            places,
            purpose,
            policy_name: policy_name.to_owned(),
            policy: Arc::clone(policy),
            conversation_id: Some(conversation).filter(|id| !id.is_empty()),
            conversation: Arc::default(),
            forgotten: false,
        })
    }

    fn bytes(&self) -> u64 {
        self.texts.iter().map(|text| text.expose().len() as u64).sum()
    }

    /// Restores all contents, or none.
    fn restore(&self, keys: &TenantKeys, most_bytes: usize) -> Result<Done, Refusal> {
        if self.forgotten {
            return Err(Refusal::NoConversation);
        }
        let conversation = lock(&self.conversation);
        let mut done = Done::default();
        let mut left = most_bytes;
        for (content, text) in self.texts.iter().enumerate() {
            let places = self.places.iter().filter(|place| place.content == content).map(|place| Place {
                span: place.span,
                entity: &place.entity,
                operator: self.policy.operator_of(&place.entity),
            });
            let places: Vec<_> = places.collect();
            let undo = Undo {
                keys: &keys.redaction,
                conversation: &conversation,
                places: &places,
                // What was redacted may be sent back as it is, however large.
                most_bytes: left.max(text.expose().len()),
            };
            let Restored { text, restored, entities, refused, malformed, unknown, too_long, .. } =
                restore_in(text.expose(), &undo);
            if refused + malformed > 0 {
                return Err(Refusal::NotOurs { content, count: refused + malformed });
            }
            if too_long {
                return Err(Refusal::TooLarge);
            }
            left = left.saturating_sub(text.len());
            done.texts.push(text);
            done.restored += restored;
            done.unknown += unknown;
            for (entity, count) in entities {
                *done.entities.entry(entity).or_default() += count;
            }
        }
        Ok(done)
    }

    fn record(
        self,
        context: &Context,
        outcome: &Result<Done, Refusal>,
        content_digests: Vec<String>,
    ) -> audit::NewRecord {
        let bytes_total = self.bytes();
        let mut labels = BTreeMap::new();
        if !self.purpose.is_empty() {
            labels.insert("purpose".to_owned(), self.purpose);
        }
        if let Some(id) = self.conversation_id {
            labels.insert(CONVERSATION_LABEL.to_owned(), id);
        }
        let (verdict, action) = match outcome {
            Ok(done) => {
                let of = |(entity, count): (&String, &usize)| format!("{entity}={count}");
                let restored: Vec<_> = done.entities.iter().map(of).collect();
                labels.insert("restored".to_owned(), restored.join(" "));
                let verdict = match done.restored {
                    0 => audit::Verdict::Benign,
                    _ => audit::Verdict::Sensitive,
                };
                (verdict, audit::Action::Allow)
            }
            Err(refusal) => {
                let why = match refusal {
                    Refusal::NoConversation => "no such conversation".to_owned(),
                    Refusal::NotOurs { count, .. } => format!("{count} not restorable"),
                    Refusal::TooLarge => "too large".to_owned(),
                };
                labels.insert("refused".to_owned(), why);
                (audit::Verdict::Suspicious, audit::Action::Block)
            }
        };
        audit::NewRecord {
            request_id: context.request_id.to_string(),
            direction: audit::Direction::Output,
            verdict,
            action,
            policy: audit::Policy { name: self.policy_name, digest: self.policy.digest().to_string() },
            content_digests,
            coverage: audit::Coverage { bytes_total, bytes_scanned: bytes_total },
            duration_us: context.duration_us(),
            labels,
            ..audit::NewRecord::of_call(
                context.caller.tenant.clone(),
                context.caller.principal.as_str(),
                "Restore",
            )
        }
    }
}

impl Refusal {
    fn fault(self, limit_bytes: u64) -> Fault {
        match self {
            Self::NoConversation => Fault::ConversationNotFound,
            Self::NotOurs { content, count } => Fault::NotRestorable { content, count },
            Self::TooLarge => Fault::RestoredTooLarge { limit_bytes },
        }
    }
}

/// Refuses places that are not in a text, not in order, or that the policy's operator leaves nothing to undo in.
fn checked(
    places: Vec<v1::RestorePlace>,
    texts: &[Sensitive<String>],
    policy: &Policy,
) -> Result<Vec<NamedPlace>, Fault> {
    let mut ends: BTreeMap<usize, usize> = BTreeMap::new();
    let mut checked = Vec::with_capacity(places.len());
    for (index, place) in places.into_iter().enumerate() {
        let field = |name: &str| format!("places[{index}].{name}");
        let content = usize::try_from(place.content_index).unwrap_or(usize::MAX);
        let text =
            texts.get(content).ok_or_else(|| Fault::field(field("content_index"), "names no content"))?;
        let span = place.span.unwrap_or_default();
        let offset = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let span = ByteSpan { start: offset(span.start_byte), end: offset(span.end_byte) };
        if span.start >= span.end || text.expose().get(span.range()).is_none() {
            return Err(Fault::field(field("span"), "is not a piece of the content's text"));
        }
        if ends.insert(content, span.end).is_some_and(|end| span.start < end) {
            return Err(Fault::field(field("span"), "begins before the end of the place before it"));
        }
        match policy.operator_of(&place.entity) {
            Operator::Fpe { .. } | Operator::DateShift { .. } => {}
            _ => {
                let problem = "is redacted by neither `fpe` nor `date_shift` under this policy";
                return Err(Fault::field(field("entity"), problem));
            }
        }
        checked.push(NamedPlace { content, span, entity: place.entity });
    }
    Ok(checked)
}
