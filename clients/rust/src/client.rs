//! The client.

use std::{
    future::Future,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt as _, Stream, StreamExt as _, future::BoxFuture, stream};
use tokio::time::Instant;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    answer::{Redacted, Scanned},
    builder::{Builder, Limits, OnUnavailable},
    call::{Audit, Call, Redact, Restore, Scan},
    channel::Channel,
    error::CallError,
    retry::Retries,
    stream::Answers,
    tls::{Tls, TlsError},
    v1::{self, redact_stream_request, scan_stream_request, shield_service_client::ShieldServiceClient},
};

/// A client of the service. Clones share connections.
#[derive(Clone, Debug)]
pub struct ShieldClient {
    api: ShieldServiceClient<Channel>,
    channel: Channel,
    retries: Arc<Retries>,
    on_unavailable: OnUnavailable,
    limits: Limits,
}

impl ShieldClient {
    /// Starts the settings of a client: where the server is, who we are, and what a decision is when there is none.
    pub fn builder(address: impl Into<String>, tls: Tls, on_unavailable: OnUnavailable) -> Builder {
        Builder::new(address.into(), tls, on_unavailable)
    }

    pub(crate) fn new(
        channel: Channel,
        retries: Retries,
        on_unavailable: OnUnavailable,
        limits: Limits,
    ) -> Self {
        let api = ShieldServiceClient::new(channel.clone())
            .max_decoding_message_size(limits.max_answer_bytes)
            .max_encoding_message_size(usize::MAX);
        Self { api, channel, retries: Arc::new(retries), on_unavailable, limits }
    }

    /// Finds injections, secrets, personal data and hidden text.
    ///
    /// # Errors
    /// Those that say something of the request or the caller. When the server gives no decision there is an answer by
    /// `on_unavailable` instead.
    pub async fn scan(&self, scan: impl Into<Scan>) -> Result<Scanned, CallError> {
        let answer = self
            .unary("Scan", self.limits.scan, &scan.into(), |mut api, request| async move {
                api.scan(request).await
            })
            .await;
        match answer {
            Err(error) if error.is_unavailable() => {
                self.note("Scan", &error);
                Ok(Scanned::undecided(self.on_unavailable, error))
            }
            answer => answer.map(Scanned::decided),
        }
    }

    /// Replaces what the policy names.
    ///
    /// # Errors
    /// As those of [`scan`](Self::scan).
    pub async fn redact(&self, redact: impl Into<Redact>) -> Result<Redacted, CallError> {
        let redact = redact.into();
        let answer = self
            .unary("Redact", self.limits.redact, &redact, |mut api, request| async move {
                api.redact(request).await
            })
            .await;
        match answer {
            Err(error) if error.is_unavailable() => {
                self.note("Redact", &error);
                Ok(Redacted::undecided(self.on_unavailable, redact.message.contents, error))
            }
            answer => answer.map(Redacted::decided),
        }
    }

    /// Undoes a reversible redaction.
    ///
    /// # Errors
    /// Whatever the call fails with.
    pub async fn restore(&self, restore: impl Into<Restore>) -> Result<v1::RestoreResponse, CallError> {
        let send = |mut api: ShieldServiceClient<Channel>, request| async move { api.restore(request).await };
        self.unary("Restore", self.limits.other, &restore.into(), send).await
    }

    /// Says what the server is, and who the caller is to it.
    ///
    /// # Errors
    /// Whatever the call fails with.
    pub async fn server_info(&self) -> Result<v1::GetServerInfoResponse, CallError> {
        let send = |mut api: ShieldServiceClient<Channel>, request| async move {
            api.get_server_info(request).await
        };
        self.unary("GetServerInfo", self.limits.other, &v1::GetServerInfoRequest {}.into(), send).await
    }

    /// Returns a Merkle inclusion or consistency proof.
    ///
    /// # Errors
    /// Whatever the call fails with.
    pub async fn audit_proof(
        &self,
        request: impl Into<Call<v1::GetAuditProofRequest>>,
    ) -> Result<v1::GetAuditProofResponse, CallError> {
        let send = |mut api: ShieldServiceClient<Channel>, request| async move {
            api.get_audit_proof(request).await
        };
        self.unary("GetAuditProof", self.limits.other, &request.into(), send).await
    }

    /// Streams the decisions of the caller's tenant. The deadline is for the whole stream.
    ///
    /// # Errors
    /// Whatever the call fails with; later failures come from the stream.
    pub async fn audit(&self, audit: impl Into<Audit>) -> Result<Answers<v1::AuditResponse>, CallError> {
        let send = |mut api: ShieldServiceClient<Channel>, request| async move { api.audit(request).await };
        self.streamed("Audit", audit.into(), send).await
    }

    /// Has the server check the log of the caller's tenant.
    ///
    /// # Errors
    /// Whatever the call fails with; later failures come from the stream.
    pub async fn verify_audit(
        &self,
        request: impl Into<Call<v1::VerifyAuditRequest>>,
    ) -> Result<Answers<v1::VerifyAuditResponse>, CallError> {
        let send =
            |mut api: ShieldServiceClient<Channel>, request| async move { api.verify_audit(request).await };
        self.streamed("VerifyAudit", request.into(), send).await
    }

    /// Scans a text that arrives in pieces. It is never retried.
    ///
    /// # Errors
    /// Whatever the call fails with; later failures come from the stream.
    pub async fn scan_stream(
        &self,
        config: v1::StreamConfig,
        deltas: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<Answers<v1::ScanStreamResponse>, CallError> {
        use scan_stream_request::Message;
        let message = |message| v1::ScanStreamRequest { message: Some(message) };
        let messages = stream::once(async { Message::Config(config) })
            .chain(deltas.map(|delta| Message::Delta(delta.to_vec())))
            .map(message);
        let mut api = self.api.clone();
        self.piecewise(messages, |request| async move { api.scan_stream(request).await }).await
    }

    /// Redacts a text that arrives in pieces. It is never retried.
    ///
    /// # Errors
    /// Whatever the call fails with; later failures come from the stream.
    pub async fn redact_stream(
        &self,
        config: v1::StreamConfig,
        deltas: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<Answers<v1::RedactStreamResponse>, CallError> {
        use redact_stream_request::Message;
        let message = |message| v1::RedactStreamRequest { message: Some(message) };
        let messages = stream::once(async { Message::Config(config) })
            .chain(deltas.map(|delta| Message::Delta(delta.to_vec())))
            .map(message);
        let mut api = self.api.clone();
        self.piecewise(messages, |request| async move { api.redact_stream(request).await }).await
    }

    /// Looks at once whether certificates have changed, and says whether they have. Calls that begin from now on use them.
    ///
    /// # Errors
    /// Says why what is there now cannot be used; then what was there before stays in force.
    pub async fn reload(&self) -> Result<bool, TlsError> {
        self.channel.reload().await
    }

    /// The connections, for other generated clients such as that of health checking.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Says that an answer is none of the server's.
    fn note(&self, rpc: &str, error: &CallError) {
        tracing::warn!(
            rpc,
            code = ?error.code(),
            reason = error.reason(),
            on_unavailable = ?self.on_unavailable,
            "the server gave no decision"
        );
    }

    async fn unary<M: Clone, R, F>(
        &self,
        method: &str,
        limit: Duration,
        call: &Call<M>,
        send: impl Fn(ShieldServiceClient<Channel>, Request<M>) -> F,
    ) -> Result<R, CallError>
    where
        F: Future<Output = Result<Response<R>, Status>>,
    {
        let end = Instant::now() + call.deadline.unwrap_or(limit);
        Ok(self.attempts(method, end, call, send).await?.into_inner())
    }

    async fn streamed<M: Clone, T, F>(
        &self,
        method: &str,
        call: Call<M>,
        send: impl Fn(ShieldServiceClient<Channel>, Request<M>) -> F,
    ) -> Result<Answers<T>, CallError>
    where
        F: Future<Output = Result<Response<Streaming<T>>, Status>>,
    {
        let end = Instant::now() + call.deadline.unwrap_or(self.limits.other);
        let answer = self.attempts(method, end, &call, send).await?;
        Ok(Answers::until(answer.into_inner(), Some(end)))
    }

    /// A stream in both directions lasts as long as the caller has something to say: it has no deadline.
    async fn piecewise<M, T, F>(
        &self,
        messages: impl Stream<Item = M> + Send + 'static,
        send: impl FnOnce(Request<stream::BoxStream<'static, M>>) -> F,
    ) -> Result<Answers<T>, CallError>
    where
        F: Future<Output = Result<Response<Streaming<T>>, Status>>,
    {
        let answer = send(Request::new(messages.boxed())).await?;
        Ok(Answers::until(answer.into_inner(), None))
    }

    /// Sends until there is an answer, an error that is not retried, or no time left.
    async fn attempts<M: Clone, R, F>(
        &self,
        method: &str,
        end: Instant,
        call: &Call<M>,
        send: impl Fn(ShieldServiceClient<Channel>, Request<M>) -> F,
    ) -> Result<Response<R>, CallError>
    where
        F: Future<Output = Result<Response<R>, Status>>,
    {
        let policy = self.retries.of(method);
        let mut attempt = 1;
        loop {
            let request = call.request(end.saturating_duration_since(Instant::now()));
            let outcome = tokio::time::timeout_at(end, send(self.api.clone(), request)).await;
            let status = match outcome {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(status)) => status,
                Err(_elapsed) => {
                    return Err(Status::deadline_exceeded("no answer within the deadline").into());
                }
            };
            // An error that says why is worth more than the end of a pause that says nothing.
            match policy.and_then(|policy| policy.pause(attempt, status.code())) {
                Some(pause) if Instant::now() + pause < end => tokio::time::sleep(pause).await,
                _ => return Err(status.into()),
            }
            attempt += 1;
        }
    }
}

impl tower::Service<Scan> for ShieldClient {
    type Response = Scanned;
    type Error = CallError;
    type Future = BoxFuture<'static, Result<Scanned, CallError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, scan: Scan) -> Self::Future {
        let client = self.clone();
        async move { client.scan(scan).await }.boxed()
    }
}

impl tower::Service<Redact> for ShieldClient {
    type Response = Redacted;
    type Error = CallError;
    type Future = BoxFuture<'static, Result<Redacted, CallError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, redact: Redact) -> Self::Future {
        let client = self.clone();
        async move { client.redact(redact).await }.boxed()
    }
}
