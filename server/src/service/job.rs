//! A request to scan or redact, checked: nothing deeper checks it again.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use llm_shield_detect as detect;
use llm_shield_proto::{Validate, v1};

use crate::{policies::Policies, sensitive::Sensitive, status::Fault};

/// The label under which an idempotency key is kept in the audit record.
const IDEMPOTENCY_LABEL: &str = "idempotency_key";

/// The label under which a conversation's name is kept in the audit record.
pub(super) const CONVERSATION_LABEL: &str = "conversation";

/// What to inspect, and by which policy.
pub(super) struct Job {
    pub(super) direction: detect::Direction,
    pub(super) pieces: Vec<Piece>,
    pub(super) policy_name: String,
    pub(super) policy: Arc<detect::Policy>,
    pub(super) labels: BTreeMap<String, String>,
    /// The conversation that the contents belong to, if any.
    pub(super) conversation: Option<String>,
    /// Whom the contents are about, if anybody.
    pub(super) subject: Option<String>,
}

/// One content.
pub(super) struct Piece {
    /// The caller's name for it, or its index.
    pub(super) id: String,
    pub(super) role: detect::Role,
    pub(super) text: Sensitive<String>,
}

impl Piece {
    fn content(&self) -> detect::Content<'_> {
        detect::Content { role: self.role, text: self.text.expose() }
    }
}

impl Job {
    pub(super) fn from_scan(
        request: v1::ScanRequest,
        policies: &Policies,
        tenant: &str,
    ) -> Result<Self, Fault> {
        check(&request)?;
        let v1::ScanRequest { contents, direction, policy, idempotency_key, labels, subject_id } = request;
        let labels = (idempotency_key, labels);
        let job = Self::new(pieces(contents), direction, &policy, labels, policies, tenant)?;
        Ok(job.about(subject_id))
    }

    pub(super) fn from_redact(
        request: v1::RedactRequest,
        policies: &Policies,
        tenant: &str,
    ) -> Result<Self, Fault> {
        check(&request)?;
        let v1::RedactRequest {
            contents,
            direction,
            policy,
            idempotency_key,
            labels,
            conversation,
            subject_id,
        } = request;
        let labels = (idempotency_key, labels);
        let mut job = Self::new(pieces(contents), direction, &policy, labels, policies, tenant)?;
        if !conversation.is_empty() {
            job.labels.insert(CONVERSATION_LABEL.to_owned(), conversation.clone());
            job.conversation = Some(conversation);
        }
        Ok(job.about(subject_id))
    }

    /// Opens a job whose text is still to come.
    pub(super) fn from_stream(
        config: v1::StreamConfig,
        policies: &Policies,
        tenant: &str,
    ) -> Result<Self, Fault> {
        let v1::StreamConfig { role, direction, policy, labels, subject_id, .. } = config;
        let role = if role == v1::Role::Unspecified as i32 { v1::Role::Assistant.into() } else { role };
        let direction = if direction == v1::Direction::Unspecified as i32 {
            v1::Direction::Output.into()
        } else {
            direction
        };
        let content = v1::Content { role, ..v1::Content::default() };
        let labels = (String::new(), labels);
        let job = Self::new(pieces(vec![content]), direction, &policy, labels, policies, tenant)?;
        Ok(job.about(subject_id))
    }

    /// Returns the text of a stream.
    pub(super) fn text(&self) -> &str {
        self.pieces.first().map_or("", |piece| piece.text.expose())
    }

    /// Returns the text of a stream, to be added to.
    pub(super) fn text_mut(&mut self) -> Option<&mut String> {
        self.pieces.first_mut().map(|piece| piece.text.expose_mut())
    }

    fn new(
        pieces: Vec<Piece>,
        direction: i32,
        policy: &str,
        (idempotency_key, labels): (String, HashMap<String, String>),
        policies: &Policies,
        tenant: &str,
    ) -> Result<Self, Fault> {
        let (policy_name, policy) =
            policies.find(tenant, policy).ok_or_else(|| Fault::UnknownPolicy { name: policy.to_owned() })?;
        let mut labels: BTreeMap<String, String> = labels.into_iter().collect();
        if !idempotency_key.is_empty() {
            labels.insert(IDEMPOTENCY_LABEL.to_owned(), idempotency_key);
        }
        Ok(Self {
            direction: match v1::Direction::try_from(direction) {
                Ok(v1::Direction::Output) => detect::Direction::Output,
                _ => detect::Direction::Input,
            },
            pieces,
            policy_name: policy_name.to_owned(),
            policy: Arc::clone(policy),
            labels,
            conversation: None,
            subject: None,
        })
    }

    fn about(self, subject: String) -> Self {
        Self { subject: Some(subject).filter(|subject| !subject.is_empty()), ..self }
    }

    /// Returns the size of all texts.
    pub(super) fn bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.text.expose().len() as u64).sum()
    }

    /// Returns the request in the engine's terms.
    pub(super) fn request(&self) -> detect::Request<'_> {
        detect::Request {
            direction: self.direction,
            contents: self.pieces.iter().map(|piece| piece.content()).collect(),
        }
    }
}

/// Refuses a request whose fields break the schema's rules.
pub(super) fn check(request: &impl Validate) -> Result<(), Fault> {
    request.validate().map_err(|error| {
        let violations =
            error.violations.into_iter().map(|violation| (violation.field, violation.description));
        Fault::Invalid(violations.collect())
    })
}

pub(super) fn pieces(contents: Vec<v1::Content>) -> Vec<Piece> {
    let piece = |(index, content): (usize, v1::Content)| Piece {
        id: if content.id.is_empty() { index.to_string() } else { content.id },
        role: match v1::Role::try_from(content.role) {
            Ok(v1::Role::System) => detect::Role::System,
            Ok(v1::Role::Assistant) => detect::Role::Assistant,
            Ok(v1::Role::Tool) => detect::Role::Tool,
            Ok(v1::Role::Document) => detect::Role::Document,
            Ok(v1::Role::User | v1::Role::Unspecified) | Err(_) => detect::Role::User,
        },
        text: Sensitive::new(content.text),
    };
    contents.into_iter().enumerate().map(piece).collect()
}
