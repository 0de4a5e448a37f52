//! Why the server cannot start or run.

use std::{io, net::SocketAddr};

use llm_shield_audit::AuditError;
use llm_shield_cloud::CloudError;
use llm_shield_detect::RuleError;

use crate::{
    config::{ConfigError, ConfigErrors},
    devcerts::DevCertsError,
    identity::IdentityRuleError,
    model::{registry::RegistryError, source::ModelError},
    policies::PoliciesError,
    redaction_keys::RedactionKeyError,
    tls::TlsError,
    tokenizer::TokenizerError,
};

/// Why the server cannot start or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// Development certificates cannot be made.
    #[error("development certificates: {0}")]
    DevCerts(#[from] DevCertsError),
    /// The TLS files cannot be used.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    /// An identity is wrong.
    #[error(transparent)]
    Identity(#[from] IdentityRuleError),
    /// A policy cannot be used.
    #[error("policies: {0}")]
    Policies(#[from] PoliciesError),
    /// The model bundle cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The callers' tokenizer cannot be used.
    #[error("tokenizer: {0}")]
    Tokenizer(#[from] TokenizerError),
    /// The detection rules cannot be compiled.
    #[error("detection rules: {0}")]
    Rules(#[from] RuleError),
    /// The key ring or the object store cannot be used.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The audit log cannot be used.
    #[error("audit log: {0}")]
    Audit(#[from] AuditError),
    /// A tenant's redaction key cannot be used.
    #[error(transparent)]
    RedactionKey(#[from] RedactionKeyError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A part of the server cannot be set up.
    #[error("cannot set up {what}: {problem}")]
    Setup {
        /// The part.
        what: &'static str,
        /// Why.
        problem: String,
    },
}

impl ServerError {
    /// Returns whether the same may succeed later without anybody changing anything.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Cloud(error) | Self::Model(ModelError::Registry(RegistryError::Storage(error))) => {
                error.is_transient()
            }
            Self::Audit(error) => error.is_unavailable(),
            _ => false,
        }
    }
}

impl From<ConfigError> for ServerError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error.into())
    }
}
