//! The client for code that is not asynchronous. Not for use within a runtime, where it would panic.

use std::sync::Arc;

use tokio::runtime::{self, Runtime};

use crate::{
    answer::{Redacted, Scanned},
    builder::{BuildError, Builder},
    call::{Audit, Call, Redact, Restore, Scan},
    error::CallError,
    stream, tls, v1,
};

/// A client with a runtime of its own. Clones share connections.
#[derive(Clone, Debug)]
pub struct ShieldClient {
    inner: crate::ShieldClient,
    runtime: Arc<Runtime>,
}

impl Builder {
    /// Makes a client for code that is not asynchronous.
    ///
    /// # Errors
    /// Says what setting cannot be used.
    pub fn build_blocking(self) -> Result<ShieldClient, BuildError> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("llm-shield-client")
            .enable_all()
            .build()?;
        let inner = {
            let _entered = runtime.enter();
            self.build()?
        };
        Ok(ShieldClient { inner, runtime: Arc::new(runtime) })
    }
}

impl ShieldClient {
    /// As [`crate::ShieldClient::scan`].
    ///
    /// # Errors
    /// As there.
    pub fn scan(&self, scan: impl Into<Scan>) -> Result<Scanned, CallError> {
        self.runtime.block_on(self.inner.scan(scan))
    }

    /// As [`crate::ShieldClient::redact`].
    ///
    /// # Errors
    /// As there.
    pub fn redact(&self, redact: impl Into<Redact>) -> Result<Redacted, CallError> {
        self.runtime.block_on(self.inner.redact(redact))
    }

    /// As [`crate::ShieldClient::restore`].
    ///
    /// # Errors
    /// As there.
    pub fn restore(&self, restore: impl Into<Restore>) -> Result<v1::RestoreResponse, CallError> {
        self.runtime.block_on(self.inner.restore(restore))
    }

    /// As [`crate::ShieldClient::server_info`].
    ///
    /// # Errors
    /// As there.
    pub fn server_info(&self) -> Result<v1::GetServerInfoResponse, CallError> {
        self.runtime.block_on(self.inner.server_info())
    }

    /// As [`crate::ShieldClient::audit`], as an iterator.
    ///
    /// # Errors
    /// As there.
    pub fn audit(&self, audit: impl Into<Audit>) -> Result<Answers<v1::AuditResponse>, CallError> {
        let answers = self.runtime.block_on(self.inner.audit(audit))?;
        Ok(Answers { inner: answers, runtime: Arc::clone(&self.runtime) })
    }

    /// As [`crate::ShieldClient::verify_audit`], as an iterator.
    ///
    /// # Errors
    /// As there.
    pub fn verify_audit(
        &self,
        request: impl Into<Call<v1::VerifyAuditRequest>>,
    ) -> Result<Answers<v1::VerifyAuditResponse>, CallError> {
        let answers = self.runtime.block_on(self.inner.verify_audit(request))?;
        Ok(Answers { inner: answers, runtime: Arc::clone(&self.runtime) })
    }

    /// As [`crate::ShieldClient::reload`].
    ///
    /// # Errors
    /// As there.
    pub fn reload(&self) -> Result<bool, tls::TlsError> {
        self.runtime.block_on(self.inner.reload())
    }

    /// Runs calls of the asynchronous client.
    pub fn block_on<F: Future>(&self, call: impl FnOnce(crate::ShieldClient) -> F) -> F::Output {
        self.runtime.block_on(call(self.inner.clone()))
    }
}

/// Answers as they come. It ends behind the first error.
#[derive(Debug)]
pub struct Answers<T> {
    inner: stream::Answers<T>,
    runtime: Arc<Runtime>,
}

impl<T> Iterator for Answers<T> {
    type Item = Result<T, CallError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.runtime.block_on(self.inner.next()).transpose()
    }
}
