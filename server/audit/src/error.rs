use std::sync::Arc;

use llm_shield_cloud::CloudError;

/// The result of a call to the audit log.
pub type Result<T, E = AuditError> = std::result::Result<T, E>;

/// The cause of an error that several waiting callers may get.
pub type SharedSource = Arc<dyn std::error::Error + Send + Sync + 'static>;

/// Why the audit log did not do what it was asked, by what the caller can do about it.
///
/// No message holds anything of a record's content.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Another process appends to this store. Stop it first, or use another directory.
    #[error("another process holds the audit store `{directory}`")]
    Locked {
        /// The store.
        directory: String,
    },
    /// The log was closed; nothing is taken any more.
    #[error("the audit log is closed")]
    Closed,
    /// More records wait for the disk than the queue holds. The same call may work in a moment.
    #[error("the audit log's queue is full")]
    Overloaded,
    /// The disk or the key manager failed. Nothing was recorded; the same call may work later.
    #[error("the audit log cannot reach {what}")]
    Unavailable {
        /// What failed.
        what: String,
        /// How it failed.
        #[source]
        source: Option<SharedSource>,
    },
    /// The key manager refuses; somebody has to change a key or a permission.
    #[error("the audit log's key manager refuses")]
    Keys {
        /// What the key manager said.
        #[source]
        source: Arc<CloudError>,
    },
    /// What is stored is not what was written.
    #[error("{object}: {what}")]
    Corrupt {
        /// The first broken object, relative to the store.
        object: String,
        /// What is wrong with it.
        what: String,
    },
    /// The argument can never work.
    #[error("{reason}")]
    Invalid {
        /// What is wrong with it.
        reason: String,
    },
}

impl AuditError {
    /// Returns whether the same call may succeed later without anybody changing anything.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Overloaded)
    }

    pub(crate) fn io(what: impl Into<String>, error: std::io::Error) -> Self {
        Self::Unavailable { what: what.into(), source: Some(Arc::new(error)) }
    }

    pub(crate) fn unavailable(what: impl Into<String>) -> Self {
        Self::Unavailable { what: what.into(), source: None }
    }

    pub(crate) fn corrupt(object: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Corrupt { object: object.into(), what: what.into() }
    }

    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid { reason: reason.into() }
    }
}

impl From<CloudError> for AuditError {
    fn from(error: CloudError) -> Self {
        if error.is_transient() {
            Self::Unavailable { what: "the key manager".to_owned(), source: Some(Arc::new(error)) }
        } else {
            Self::Keys { source: Arc::new(error) }
        }
    }
}
