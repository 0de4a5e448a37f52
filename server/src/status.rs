//! Every error that a caller can see, and the gRPC status that says it.
//!
//! Callers decide by `ErrorInfo.reason`, which never changes its meaning; messages are for people. All that varies in
//! a message is in the metadata too (AIP-193). Nothing here can hold a request's text.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::identity::Role;

/// `ErrorInfo.domain` of every error.
pub(crate) const DOMAIN: &str = "llm-shield";

/// How long an overloaded server asks its callers to wait: a few times what a request takes.
const RETRY_OVERLOADED: Duration = Duration::from_millis(100);

/// How long to wait when records cannot be written, or for a query's end: disks, key services and readers take longer.
const RETRY_UNAVAILABLE: Duration = Duration::from_secs(1);

/// Why a request is refused or failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Fields of the request break their rules.
    Invalid(Vec<(String, String)>),
    /// The request is no message of the schema, or holds text that is not UTF-8.
    Undecodable { field: Option<String>, utf8: bool },
    /// The request message is larger than the limit.
    TooLarge { limit_bytes: u64 },
    /// There is no policy of that name.
    UnknownPolicy { name: String },
    /// The conversation is not, or no longer, remembered.
    ConversationNotFound,
    /// The tenant's audit log has no such record.
    RecordNotFound,
    /// A content holds stand-ins that this tenant's keys do not open, or that were changed.
    NotRestorable { content: usize, count: usize },
    /// The values would make the contents larger than the limit.
    RestoredTooLarge { limit_bytes: u64 },
    /// The certificate's validity has ended since the handshake.
    CertificateExpired,
    /// The certificate was revoked, or its authority was removed, after the handshake.
    CertificateNotTrusted,
    /// No entry of the configuration matches the certificate.
    IdentityNotMapped,
    /// The caller lacks the role.
    PermissionMissing { role: Role, rpc: &'static str },
    /// Too many requests at one time.
    Overloaded { limit: u32 },
    /// The tenant has used up a quota.
    QuotaExceeded { tenant: String, quota: &'static str, limit: u64, wait: Duration },
    /// Too many queries of the audit log at one time.
    TooManyAuditStreams { limit: u32 },
    /// The deadline has passed.
    DeadlineExceeded,
    /// The audit record cannot be kept, so the decision is not given.
    AuditUnavailable,
    /// The tenant's redaction key cannot be had.
    KeysUnavailable,
    /// The server is ending.
    ShuttingDown,
    /// Not named by the schema.
    UnknownMethod,
    /// Our own mistake; the incident id is in the log beside its cause.
    Internal { incident: String },
}

impl Fault {
    pub(crate) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid(vec![(field.into(), problem.into())])
    }

    /// Makes an internal error out of one that callers must not see, and logs that.
    pub(crate) fn internal(request_id: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        let incident = uuid::Uuid::now_v7().to_string();
        tracing::error!(incident.id = %incident, request.id = request_id, error, "a request failed");
        Self::Internal { incident }
    }

    const fn code(&self) -> Code {
        match self {
            Self::Invalid(_) | Self::Undecodable { .. } | Self::NotRestorable { .. } => Code::InvalidArgument,
            Self::TooLarge { .. }
            | Self::RestoredTooLarge { .. }
            | Self::Overloaded { .. }
            | Self::QuotaExceeded { .. }
            | Self::TooManyAuditStreams { .. } => Code::ResourceExhausted,
            Self::UnknownPolicy { .. } | Self::ConversationNotFound | Self::RecordNotFound => Code::NotFound,
            Self::CertificateExpired | Self::CertificateNotTrusted => Code::Unauthenticated,
            Self::IdentityNotMapped | Self::PermissionMissing { .. } => Code::PermissionDenied,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::AuditUnavailable | Self::KeysUnavailable | Self::ShuttingDown => Code::Unavailable,
            Self::UnknownMethod => Code::Unimplemented,
            Self::Internal { .. } => Code::Internal,
        }
    }

    const fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "INVALID_FIELD",
            Self::Undecodable { utf8: true, .. } => "INVALID_UTF8",
            Self::Undecodable { .. } => "MALFORMED_MESSAGE",
            Self::TooLarge { .. } => "MESSAGE_TOO_LARGE",
            Self::UnknownPolicy { .. } => "POLICY_NOT_FOUND",
            Self::ConversationNotFound => "CONVERSATION_NOT_FOUND",
            Self::RecordNotFound => "RECORD_NOT_FOUND",
            Self::NotRestorable { .. } => "NOT_RESTORABLE",
            Self::RestoredTooLarge { .. } => "RESTORED_TEXT_TOO_LARGE",
            Self::CertificateExpired => "CERTIFICATE_EXPIRED",
            Self::CertificateNotTrusted => "CERTIFICATE_NOT_TRUSTED",
            Self::IdentityNotMapped => "IDENTITY_NOT_MAPPED",
            Self::PermissionMissing { .. } => "PERMISSION_MISSING",
            Self::Overloaded { .. } => "OVERLOADED",
            Self::QuotaExceeded { .. } => "QUOTA_EXCEEDED",
            Self::TooManyAuditStreams { .. } => "TOO_MANY_AUDIT_STREAMS",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::AuditUnavailable => "AUDIT_UNAVAILABLE",
            Self::KeysUnavailable => "KEYS_UNAVAILABLE",
            Self::ShuttingDown => "SHUTTING_DOWN",
            Self::UnknownMethod => "UNKNOWN_METHOD",
            Self::Internal { .. } => "INTERNAL",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Invalid(violations) => match violations.as_slice() {
                [(field, problem)] => format!("{field}: {problem}"),
                violations => format!("{} fields are invalid", violations.len()),
            },
            Self::Undecodable { field, utf8: true } => {
                format!("{} is not valid UTF-8", field.as_deref().unwrap_or("a text field"))
            }
            Self::Undecodable { .. } => "the request is not a message of this method's type".to_owned(),
            Self::TooLarge { limit_bytes } => {
                format!("the request message is larger than this server's limit of {limit_bytes} bytes")
            }
            Self::UnknownPolicy { name } => format!("there is no policy `{name}`"),
            Self::ConversationNotFound => {
                "the conversation is not known here: never begun, forgotten, or of another server".to_owned()
            }
            Self::RecordNotFound => "the tenant's audit log has no such record".to_owned(),
            Self::NotRestorable { content, count } => format!(
                "contents[{content}] holds {count} tokens or places that cannot be restored: of another tenant or key, or \
                 changed"
            ),
            Self::RestoredTooLarge { limit_bytes } => {
                format!("the restored contents would be larger than the limit of {limit_bytes} bytes")
            }
            Self::CertificateExpired => "the client certificate is outside its validity".to_owned(),
            Self::CertificateNotTrusted => "the client certificate is no longer trusted".to_owned(),
            Self::IdentityNotMapped => "no identity is configured for this client certificate".to_owned(),
            Self::PermissionMissing { role, rpc } => format!("{rpc} needs the role `{role}`"),
            Self::Overloaded { limit } => {
                format!("{limit} requests are being worked on, the most at one time")
            }
            Self::QuotaExceeded { quota, limit, .. } => {
                format!("the tenant's quota `{quota}` of {limit} is used up")
            }
            Self::TooManyAuditStreams { limit } => {
                format!("{limit} queries of the audit log are being answered, the most at one time")
            }
            Self::DeadlineExceeded => "the deadline passed before the answer was ready".to_owned(),
            Self::AuditUnavailable => {
                "the audit record cannot be kept now, and no decision is given without one".to_owned()
            }
            Self::KeysUnavailable => "the key for this redaction cannot be had now".to_owned(),
            Self::ShuttingDown => "the server is shutting down".to_owned(),
            Self::UnknownMethod => "there is no such method".to_owned(),
            Self::Internal { incident } => format!("internal error; incident {incident}"),
        }
    }

    /// What varies in the message, for programs.
    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Undecodable { field: Some(field), .. } => vec![("field", field.clone())],
            Self::NotRestorable { content, count } => {
                vec![("content", content.to_string()), ("count", count.to_string())]
            }
            Self::TooLarge { limit_bytes } | Self::RestoredTooLarge { limit_bytes } => {
                vec![("limit_bytes", limit_bytes.to_string())]
            }
            Self::UnknownPolicy { name } => vec![("policy", name.clone())],
            Self::PermissionMissing { role, rpc } => {
                vec![("permission", role.to_string()), ("rpc", (*rpc).to_owned())]
            }
            Self::Overloaded { limit } | Self::TooManyAuditStreams { limit } => {
                vec![("limit", limit.to_string())]
            }
            Self::QuotaExceeded { quota, limit, .. } => {
                vec![("quota", (*quota).to_owned()), ("limit", limit.to_string())]
            }
            Self::Internal { incident } => vec![("incident_id", incident.clone())],
            _ => Vec::new(),
        }
    }

    fn details(&self) -> ErrorDetails {
        let metadata = self.metadata().into_iter().map(|(key, value)| (key.to_owned(), value));
        let mut details = ErrorDetails::with_error_info(
            self.reason(),
            DOMAIN,
            metadata.collect::<std::collections::HashMap<_, _>>(),
        );
        match self {
            Self::Invalid(violations) => {
                let violations: Vec<_> =
                    violations.iter().map(|(field, problem)| FieldViolation::new(field, problem)).collect();
                details.set_bad_request(violations);
            }
            Self::Undecodable { field: Some(field), utf8: true } => {
                details.add_bad_request_violation(field, "must be valid UTF-8");
            }
            Self::UnknownPolicy { name } => {
                details.set_resource_info("llm_shield.v1.Policy", name, "", self.message());
            }
            Self::Overloaded { .. } => {
                details.set_retry_info(Some(RETRY_OVERLOADED));
                details.add_quota_failure_violation("server", self.message());
            }
            Self::TooManyAuditStreams { .. } => {
                details.set_retry_info(Some(RETRY_UNAVAILABLE));
                details.add_quota_failure_violation("server", self.message());
            }
            Self::QuotaExceeded { tenant, wait, .. } => {
                details.set_retry_info(Some(*wait));
                details.add_quota_failure_violation(format!("tenant:{tenant}"), self.message());
            }
            Self::AuditUnavailable | Self::KeysUnavailable | Self::ShuttingDown => {
                details.set_retry_info(Some(RETRY_UNAVAILABLE));
            }
            _ => {}
        }
        details
    }
}

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        Self::with_error_details(fault.code(), fault.message(), fault.details())
    }
}
