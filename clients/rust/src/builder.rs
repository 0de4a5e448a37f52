//! Setting a client up.

use std::time::Duration;

use llm_shield_proto::v1::Action;

use crate::{
    channel::{self, Channel},
    client::ShieldClient,
    retry::{self, Retries},
    tls::Tls,
};

/// What a decision is when the server gives none. There is no default, since no choice is right for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnavailable {
    /// Let the text pass.
    Allow,
    /// Keep the text back.
    Block,
}

impl OnUnavailable {
    pub(crate) const fn action(self) -> Action {
        match self {
            Self::Allow => Action::Allow,
            Self::Block => Action::Block,
        }
    }
}

/// Why a client cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The address is not understood.
    #[error("`{0}` is not an address: write HOST:PORT, https://HOST:PORT or dns:///HOST:PORT")]
    Address(String),
    /// The name to check the server's certificate against is none.
    #[error("`{0}` is not a server's name")]
    ServerName(String),
    /// The service config is not understood.
    #[error("the service config cannot be used: {0}")]
    ServiceConfig(String),
    /// There is no Tokio runtime that could drive connections.
    #[error("a client has to be built within a Tokio runtime (or with the feature `blocking`)")]
    NoRuntime,
    /// The runtime of a blocking client cannot be started.
    #[error("cannot start a runtime: {0}")]
    Runtime(#[from] std::io::Error),
}

/// Settings of a client.
#[derive(Clone, Debug)]
pub struct Builder {
    address: String,
    tls: Tls,
    server_name: Option<String>,
    on_unavailable: OnUnavailable,
    service_config: Option<String>,
    connections: channel::Settings,
    pub(crate) limits: Limits,
}

/// The deadlines by method, and the size of messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) scan: Duration,
    pub(crate) redact: Duration,
    pub(crate) other: Duration,
    pub(crate) max_answer_bytes: usize,
}

impl Builder {
    pub(crate) fn new(address: String, tls: Tls, on_unavailable: OnUnavailable) -> Self {
        Self {
            address,
            tls,
            server_name: None,
            on_unavailable,
            service_config: None,
            connections: channel::Settings::default(),
            limits: Limits {
                scan: Duration::from_millis(250),
                redact: Duration::from_millis(500),
                other: Duration::from_secs(5),
                // A redacted text can be longer than the original, whose size the server limits.
                max_answer_bytes: 64 << 20,
            },
        }
    }

    /// Limits the time of a `Scan`; 250 ms by default.
    #[must_use]
    pub fn scan_deadline(mut self, deadline: Duration) -> Self {
        self.limits.scan = deadline;
        self
    }

    /// Limits the time of a `Redact`; 500 ms by default.
    #[must_use]
    pub fn redact_deadline(mut self, deadline: Duration) -> Self {
        self.limits.redact = deadline;
        self
    }

    /// Limits the time of `Audit` and of everything else; 5 s by default.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.limits.other = deadline;
        self
    }

    /// Checks the server's certificate against this name; by default, against the address's host.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Takes another gRPC service config (JSON) in place of the published one. Of it, the retries are read.
    #[must_use]
    pub fn service_config(mut self, json: impl Into<String>) -> Self {
        self.service_config = Some(json.into());
        self
    }

    /// Pings a connection with open calls so often; 30 s by default, with 10 s for the answer.
    #[must_use]
    pub fn keep_alive(mut self, interval: Duration) -> Self {
        self.connections.keep_alive = interval;
        self
    }

    /// Gives the making of a connection so much time; 20 s by default. A call waits for its own deadline at most.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connections.connect_timeout = timeout;
        self
    }

    /// Refuses answers that are larger; 64 MiB by default.
    #[must_use]
    pub fn max_answer_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_answer_bytes = bytes;
        self
    }

    /// Makes the client. Connections are made when there are calls.
    ///
    /// # Errors
    /// Says what setting cannot be used, or that there is no Tokio runtime.
    pub fn build(self) -> Result<ShieldClient, BuildError> {
        let config = self.service_config.as_deref().unwrap_or(retry::PUBLISHED);
        let retries = Retries::parse(config).map_err(BuildError::ServiceConfig)?;
        let channel = Channel::new(&self.address, self.server_name.as_deref(), self.tls, self.connections)?;
        Ok(ShieldClient::new(channel, retries, self.on_unavailable, self.limits))
    }
}
