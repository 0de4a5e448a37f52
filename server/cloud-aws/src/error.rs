//! What AWS calls its errors, by what a caller can do about them.

use std::{error::Error, fmt, time::Duration};

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use llm_shield_cloud::CloudError;

/// Translates the failure of a call about `what`.
pub(crate) fn translate<E>(what: impl Into<String>, error: SdkError<E, HttpResponse>) -> CloudError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let what = what.into();
    let status = error.raw_response().map(|response| response.status().as_u16());
    let retry_after = error
        .raw_response()
        .and_then(|response| response.headers().get("retry-after")?.parse().ok())
        .map(Duration::from_secs);
    let words = Words::of(&error);
    // A service's answer decides; a failure to reach it is told by the kind.
    match &error {
        SdkError::ServiceError(_) => classify(what, error.code(), status, words, retry_after),
        _ if has_cause::<CredentialsError>(&error) => {
            let words = Words(format!("no credentials can be had: {words}"));
            CloudError::AccessDenied { what, source: Some(words.into()) }
        }
        SdkError::ConstructionFailure(_) => CloudError::Invalid {
            reason: format!("the request for `{what}` cannot be made"),
            source: Some(words.into()),
        },
        _ => CloudError::Unavailable { what, source: Some(words.into()) },
    }
}

/// Sorts what a service has answered.
pub(crate) fn classify(
    what: String,
    code: Option<&str>,
    status: Option<u16>,
    words: Words,
    retry_after: Option<Duration>,
) -> CloudError {
    let invalid = |reason: String, words: Words| CloudError::Invalid { reason, source: Some(words.into()) };
    match (code.unwrap_or_default(), status.unwrap_or_default()) {
        (
            "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "BandwidthLimitExceeded"
            | "SlowDown"
            | "PriorRequestNotComplete"
            | "ProvisionedThroughputExceededException"
            | "LimitExceededException",
            _,
        )
        | (_, 429) => CloudError::Throttled { what, retry_after },
        (
            "NoSuchKey"
            | "NoSuchBucket"
            | "NoSuchUpload"
            | "NoSuchVersion"
            | "NotFound"
            | "NotFoundException"
            | "ResourceNotFoundException",
            _,
        ) => CloudError::NotFound { what },
        (
            "PreconditionFailed"
            | "ConditionalRequestConflict"
            | "ResourceExistsException"
            | "ResourceAlreadyExistsException"
            | "OperationAborted",
            _,
        ) => CloudError::Conflict { what },
        ("InvalidCiphertextException" | "IncorrectKeyException", _) => invalid(
            "the wrapped data key was changed or belongs to another encryption context".to_owned(),
            words,
        ),
        ("InvalidRange", _) => invalid("the range holds no byte of the object".to_owned(), words),
        (code, status) if is_elsewhere(code, status) => {
            invalid(format!("`{what}` is in another region than the one that is configured"), words)
        }
        // A key that is disabled, or about to be deleted: somebody has to change that first.
        ("DisabledException" | "KMSInvalidStateException" | "RequestTimeTooSkewed" | "RequestExpired", _) => {
            CloudError::AccessDenied { what, source: Some(words.into()) }
        }
        (
            "InternalFailure"
            | "InternalError"
            | "InternalServiceError"
            | "InternalServiceException"
            | "InternalServiceFault"
            | "ServiceUnavailable"
            | "ServiceUnavailableException"
            | "DependencyTimeoutException"
            | "KeyUnavailableException"
            | "KMSInternalException"
            | "RequestTimeout",
            _,
        )
        | (_, 408) => CloudError::Unavailable { what, source: Some(words.into()) },
        (code, status) if status == 401 || status == 403 || is_denial(code) => {
            CloudError::AccessDenied { what, source: Some(words.into()) }
        }
        ("", 404) => CloudError::NotFound { what },
        ("", 409 | 412) => CloudError::Conflict { what },
        (_, 400..=499) => invalid(format!("the request for `{what}` was refused"), words),
        _ => CloudError::Unavailable { what, source: Some(words.into()) },
    }
}

/// Translates the failure of a call that sends telemetry about `what`. What is sent is at fault only where the service
/// says so: in another region than the one that is configured it waits until somebody sees to that.
pub(crate) fn translate_sent<E>(what: impl Into<String>, error: SdkError<E, HttpResponse>) -> CloudError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let what = what.into();
    let status = error.raw_response().map(|response| response.status().as_u16());
    let elsewhere = is_elsewhere(error.code().unwrap_or_default(), status.unwrap_or_default());
    match translate(what.clone(), error) {
        error @ CloudError::Invalid { .. } if elsewhere => {
            CloudError::Unavailable { what, source: Some(error.into()) }
        }
        error => error,
    }
}

/// Says whether what is asked for is in another region.
fn is_elsewhere(code: &str, status: u16) -> bool {
    matches!(
        code,
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException"
    ) || matches!(status, 301 | 307)
}

/// Credentials that are wrong or worn out are answered with a status of 400 by some services.
fn is_denial(code: &str) -> bool {
    matches!(
        code,
        "AccessDenied"
            | "AccessDeniedException"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "IncompleteSignature"
            | "InvalidAccessKeyId"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "InvalidToken"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "NotAuthorized"
            | "OptInRequired"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException"
    )
}

/// What was said of an error, as a cause.
#[derive(Debug)]
pub(crate) struct Words(pub(crate) String);

impl Words {
    fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        if let (SdkError::ServiceError(_), Some(code)) = (error, error.code()) {
            return Self(match error.message() {
                Some(message) if !message.is_empty() => format!("{code}: {message}"),
                _ => code.to_owned(),
            });
        }
        // The answer to a HEAD has no body to say more.
        if let SdkError::ServiceError(answer) = error {
            let headers = answer.raw().headers();
            let request = headers.get("x-amz-request-id").or_else(|| headers.get("x-amzn-requestid"));
            let request = request.map(|id| format!(", request {id}")).unwrap_or_default();
            return Self(format!("answered with HTTP status {}{request}", answer.raw().status().as_u16()));
        }
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let words = error.to_string();
            if !text.ends_with(&words) {
                text.push_str(": ");
                text.push_str(&words);
            }
            cause = error.source();
        }
        Self(text)
    }
}

impl fmt::Display for Words {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for Words {}

fn has_cause<C: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<C>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: &str, status: u16) -> &'static str {
        match classify("it".to_owned(), Some(code), Some(status), Words(String::new()), None) {
            CloudError::NotFound { .. } => "not found",
            CloudError::AccessDenied { .. } => "denied",
            CloudError::Throttled { .. } => "throttled",
            CloudError::Conflict { .. } => "conflict",
            CloudError::Unavailable { .. } => "unavailable",
            _ => "invalid",
        }
    }

    #[test]
    fn errors_are_sorted_by_what_can_be_done() {
        for (code, status, expected) in [
            ("ThrottlingException", 400, "throttled"),
            ("SlowDown", 503, "throttled"),
            ("", 429, "throttled"),
            ("SomethingNew", 429, "throttled"),
            ("SomethingNew", 408, "unavailable"),
            ("", 408, "unavailable"),
            ("NoSuchBucket", 404, "not found"),
            ("", 404, "not found"),
            ("ExpiredToken", 400, "denied"),
            ("", 403, "denied"),
            ("DisabledException", 409, "denied"),
            ("PreconditionFailed", 412, "conflict"),
            ("ConditionalRequestConflict", 409, "conflict"),
            ("", 412, "conflict"),
            ("InvalidCiphertextException", 400, "invalid"),
            ("PermanentRedirect", 301, "invalid"),
            ("", 307, "invalid"),
            ("SomethingNew", 400, "invalid"),
            ("InternalError", 500, "unavailable"),
            ("", 500, "unavailable"),
            ("", 503, "unavailable"),
        ] {
            assert_eq!(kind(code, status), expected, "{code} {status}");
        }
    }
}
