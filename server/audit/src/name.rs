//! What a log is called: a tenant's, and which of its logs.

use std::fmt;
use std::sync::Arc;

use llm_shield_cloud::EncryptionContext;

use crate::{AuditError, Result, Tenant};

/// Bytes of a log id: random, so that two writers never share one.
const ID_BYTES: usize = 8;

/// One log: each writer keeps one for each tenant, all under its own id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LogName {
    pub(crate) tenant: Tenant,
    pub(crate) id: LogId,
}

impl LogName {
    /// Returns the first line of the log's checkpoints.
    pub(crate) fn origin(&self) -> String {
        format!("llm-shield/{}/{}", self.tenant.path_name(), self.id)
    }

    /// Says what a key of this log is for; the key manager binds the wrapped key to it.
    pub(crate) fn context(&self, purpose: &str) -> EncryptionContext {
        self.tenant.context(purpose).with("log", self.id.as_str())
    }

    /// Returns the context of what belongs to one segment.
    pub(crate) fn segment_context(&self, segment: u64, purpose: &str) -> EncryptionContext {
        self.context(purpose).with("segment", segment.to_string())
    }
}

/// A writer's id: 16 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LogId(Arc<str>);

impl LogId {
    pub(crate) fn random() -> Result<Self> {
        let mut bytes = [0; ID_BYTES];
        aws_lc_rs::rand::fill(&mut bytes)
            .map_err(|_unspecified| AuditError::unavailable("random numbers"))?;
        Ok(Self(hex::encode(bytes).into()))
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 2 * ID_BYTES && text.bytes().all(digit)).then(|| Self(text.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_spelling() {
        let id = LogId::random().unwrap();
        assert_eq!(LogId::parse(id.as_str()), Some(id));
        for foreign in ["", "0123", "0123456789abcdeF", "0123456789abcdef0", "../456789abcdef0"] {
            assert_eq!(LogId::parse(foreign), None, "{foreign}");
        }
    }
}
