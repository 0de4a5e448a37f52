//! What a call fails with.

use std::{collections::HashMap, fmt, time::Duration};

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// A call's failure, with the `google.rpc` details of the server's answer. Decide by [`CallError::reason`].
#[derive(Clone, Debug)]
pub struct CallError(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    status: Status,
    reason: String,
    metadata: HashMap<String, String>,
    violations: Vec<FieldViolation>,
    retry_delay: Option<Duration>,
    quota_subject: Option<String>,
    resource: Option<String>,
}

/// A field of the request that is not as it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldViolation {
    /// The field, such as `contents[0].id`.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

impl CallError {
    /// The gRPC code.
    pub fn code(&self) -> Code {
        self.0.status.code()
    }

    /// The server's message, for people.
    pub fn message(&self) -> &str {
        self.0.status.message()
    }

    /// The stable reason (`ErrorInfo.reason`), such as `POLICY_NOT_FOUND`; empty when the server gave none.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// What the reason is about (`ErrorInfo.metadata`).
    pub fn metadata(&self) -> &HashMap<String, String> {
        &self.0.metadata
    }

    /// The fields that are not as they have to be (`BadRequest`).
    pub fn violations(&self) -> &[FieldViolation] {
        &self.0.violations
    }

    /// How long to wait before another call (`RetryInfo`).
    pub fn retry_delay(&self) -> Option<Duration> {
        self.0.retry_delay
    }

    /// Whose quota is used up (`QuotaFailure`).
    pub fn quota_subject(&self) -> Option<&str> {
        self.0.quota_subject.as_deref()
    }

    /// The name of what is missing (`ResourceInfo`).
    pub fn resource(&self) -> Option<&str> {
        self.0.resource.as_deref()
    }

    /// The status as it came.
    pub fn status(&self) -> &Status {
        &self.0.status
    }

    /// Whether the server gave no decision: it is away, too slow, or has no room. Then `on_unavailable` holds.
    pub fn is_unavailable(&self) -> bool {
        match self.code() {
            Code::Unavailable | Code::DeadlineExceeded => true,
            // Without a time to wait it is the message that is too large.
            Code::ResourceExhausted => self.0.retry_delay.is_some(),
            _ => false,
        }
    }
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let violations = details.bad_request().map(|request| &request.field_violations);
        let quota = details.quota_failure().and_then(|failure| failure.violations.first());
        Self(Box::new(Parts {
            reason: info.map(|info| info.reason.clone()).unwrap_or_default(),
            metadata: info.map(|info| info.metadata.clone()).unwrap_or_default(),
            violations: violations
                .into_iter()
                .flatten()
                .map(|violation| FieldViolation {
                    field: violation.field.clone(),
                    description: violation.description.clone(),
                })
                .collect(),
            retry_delay: details.retry_info().and_then(|info| info.retry_delay),
            quota_subject: quota.map(|violation| violation.subject.clone()),
            resource: details.resource_info().map(|info| info.resource_name.clone()),
            status,
        }))
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.code(), self.message())?;
        if self.reason().is_empty() { Ok(()) } else { write!(f, " ({})", self.reason()) }
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.status.source()
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn details_are_taken_over() {
        let mut details = ErrorDetails::with_error_info(
            "QUOTA_EXCEEDED",
            "llm-shield",
            HashMap::from([("limit".to_owned(), "1".to_owned())]),
        );
        details.set_retry_info(Some(Duration::from_secs(2)));
        details.add_quota_failure_violation("tenant:acme", "used up");
        details.add_bad_request_violation("policy", "too long");
        let status = Status::with_error_details(Code::ResourceExhausted, "wait", details);
        let error = CallError::from(status);
        assert_eq!(error.reason(), "QUOTA_EXCEEDED");
        assert_eq!(error.metadata().get("limit").map(String::as_str), Some("1"));
        assert_eq!(error.retry_delay(), Some(Duration::from_secs(2)));
        assert_eq!(error.quota_subject(), Some("tenant:acme"));
        assert_eq!(error.violations()[0].field, "policy");
        assert!(error.is_unavailable());
        assert_eq!(error.to_string(), "ResourceExhausted: wait (QUOTA_EXCEEDED)");
    }

    #[test]
    fn too_large_is_not_unavailable() {
        assert!(!CallError::from(Status::resource_exhausted("too large")).is_unavailable());
        assert!(!CallError::from(Status::permission_denied("no")).is_unavailable());
        assert!(CallError::from(Status::unavailable("away")).is_unavailable());
    }
}
