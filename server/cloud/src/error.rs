use std::time::Duration;

/// The cause behind a [`CloudError`]: what the provider or the operating system said.
pub type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// The result of a call to a provider.
pub type Result<T, E = CloudError> = std::result::Result<T, E>;

/// Why a provider did not do what it was asked, by what the caller can do about it.
///
/// `what` names the thing the call was about (a key id, a file), never its content.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloudError {
    /// The thing does not exist. Asking again does not help.
    #[error("`{what}` does not exist")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// This process may not do that. Somebody has to change a permission first.
    #[error("access to `{what}` is denied")]
    AccessDenied {
        /// What was asked for.
        what: String,
        /// What the provider said.
        #[source]
        source: Option<Source>,
    },
    /// Too many calls. The same call will work later.
    #[error("calls for `{what}` are throttled")]
    Throttled {
        /// What was asked for.
        what: String,
        /// How long the provider asks to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// Something is already there, or was changed by somebody else meanwhile. Read again, then decide.
    #[error("`{what}` exists already or was changed meanwhile")]
    Conflict {
        /// What was to be written.
        what: String,
    },
    /// The provider could not be reached or failed. The same call may work later.
    #[error("`{what}` cannot be reached")]
    Unavailable {
        /// What was asked for.
        what: String,
        /// What went wrong.
        #[source]
        source: Option<Source>,
    },
    /// The call can never work: a malformed argument, a wrapped key that does not open under this context, a
    /// damaged key ring.
    #[error("{reason}")]
    Invalid {
        /// What is wrong.
        reason: String,
        /// What was found wrong underneath.
        #[source]
        source: Option<Source>,
    },
}

impl CloudError {
    /// Returns whether the same call may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unavailable { .. })
    }

    /// Returns the same error again, for somebody else who waited for the same call. The cause stays behind, in words.
    pub fn repeat(&self) -> Self {
        let again = |source: &Option<Source>| source.as_ref().map(|source| source.to_string().into());
        match self {
            Self::NotFound { what } => Self::NotFound { what: what.clone() },
            Self::AccessDenied { what, source } => {
                Self::AccessDenied { what: what.clone(), source: again(source) }
            }
            Self::Throttled { what, retry_after } => {
                Self::Throttled { what: what.clone(), retry_after: *retry_after }
            }
            Self::Conflict { what } => Self::Conflict { what: what.clone() },
            Self::Unavailable { what, source } => {
                Self::Unavailable { what: what.clone(), source: again(source) }
            }
            Self::Invalid { reason, source } => {
                Self::Invalid { reason: reason.clone(), source: again(source) }
            }
        }
    }

    /// Returns an [`Invalid`](Self::Invalid) without a cause underneath.
    pub fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid { reason: reason.into(), source: None }
    }

    pub(crate) fn from_io(what: impl Into<String>, error: std::io::Error) -> Self {
        let what = what.into();
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::NotFound { what },
            std::io::ErrorKind::AlreadyExists => Self::Conflict { what },
            std::io::ErrorKind::PermissionDenied => Self::AccessDenied { what, source: Some(error.into()) },
            _ => Self::Unavailable { what, source: Some(error.into()) },
        }
    }
}
