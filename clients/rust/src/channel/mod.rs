//! Connections: one to each address of the server, used in turn.
//!
//! Tonic's own channel is not used: the certificates of its connections cannot be renewed, and it resolves a name once.

mod connect;
mod pool;
mod target;

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture};
use http::{Request, Response, uri::Scheme};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use rustls_pki_types::ServerName;
use tonic::{Status, body::Body};

use self::{pool::Pool, target::Target};
use crate::{
    builder::BuildError,
    tls::{Tls, TlsError, TlsState},
};

/// How connections are made and kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) keep_alive: Duration,
    pub(crate) keep_alive_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    /// What was not used for so long is not trusted to be open still: a load balancer forgets it (AWS's NLB after 350 s),
    /// and so does a function that was frozen.
    pub(crate) idle_limit: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(30),
            keep_alive_timeout: Duration::from_secs(10),
            // gRPC's own.
            connect_timeout: Duration::from_secs(20),
            idle_limit: Duration::from_secs(300),
        }
    }
}

/// The connections of a client: a [`tower::Service`] of HTTP requests. Clones share them.
#[derive(Clone)]
pub struct Channel {
    pool: Arc<Pool>,
    tls: Arc<TlsState>,
}

impl Channel {
    pub(crate) fn new(
        address: &str,
        server_name: Option<&str>,
        tls: Tls,
        settings: Settings,
    ) -> Result<Self, BuildError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_absent| BuildError::NoRuntime)?;
        let target = Target::parse(address).ok_or_else(|| BuildError::Address(address.to_owned()))?;
        let name = server_name.unwrap_or_else(|| target.host());
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_invalid| BuildError::ServerName(name.to_owned()))?;
        let tls = tls.watched(&runtime);
        Ok(Self { pool: Arc::new(Pool::new(target, name, Arc::clone(&tls), settings)), tls })
    }

    pub(crate) async fn reload(&self) -> Result<bool, TlsError> {
        self.tls.reload().await
    }
}

impl tower::Service<Request<Body>> for Channel {
    type Response = Response<AnswerBody>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<AnswerBody>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let pool = Arc::clone(&self.pool);
        async move {
            let mut request = complete(request, &pool)?;
            let mut last_chance = false;
            loop {
                let mut sender = pool.sender().await?;
                let mut error = match sender.try_send_request(request).await {
                    Ok(answer) => return Ok(answer.map(AnswerBody)),
                    Err(error) => error,
                };
                // Not a byte was sent: the connection ended between the choice of it and its use.
                match error.take_message() {
                    Some(message) if !last_chance => request = message,
                    _ => return Err(lost(&error.into_error())),
                }
                last_chance = true;
            }
        }
        .boxed()
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("target", self.pool.target()).finish_non_exhaustive()
    }
}

/// The body of an answer.
#[derive(Debug)]
pub struct AnswerBody(Incoming);

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.0).poll_frame(context).map_err(|error| lost(&error))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// The generated client knows the path alone.
fn complete(request: Request<Body>, pool: &Pool) -> Result<Request<Body>, Status> {
    let (mut head, body) = request.into_parts();
    let mut uri = head.uri.into_parts();
    uri.scheme = Some(Scheme::HTTPS);
    uri.authority = Some(pool.target().authority().clone());
    head.uri = http::Uri::from_parts(uri).map_err(|error| Status::internal(error.to_string()))?;
    Ok(Request::from_parts(head, body))
}

/// Whatever ends a connection: the server is not there for this call. With TLS 1.3 a refused certificate shows like this.
fn lost(error: &hyper::Error) -> Status {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Status::unavailable(format!("the connection was lost: {error}{cause}"))
}
