//! One handshaken connection: HTTP/2 on it, its age, its end.

use std::{
    convert::Infallible,
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{Request, Response};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{net::TcpStream, time::sleep};
use tokio_rustls::server::TlsStream;
use tonic::{body::Body, codegen::StdError};
use tower::Service;

use super::Transport;
use crate::{
    layers::{Answering, Stack},
    tls::Peer,
};

/// Metadata is small; what is larger is an attack on memory.
const MAX_HEADER_LIST_BYTES: u32 = 16 << 10;

/// A peer that vanished is noticed after these two together.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(60);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves a connection to its end: the client goes, its age is reached, or the server drains.
pub(super) async fn serve(stream: TlsStream<TcpStream>, peer: Arc<Peer>, transport: &Transport) {
    let mut builder = auto::Builder::new(TokioExecutor::new()).http2_only();
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(transport.limits.max_streams_per_connection)
        .max_header_list_size(MAX_HEADER_LIST_BYTES)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    let service = TowerToHyperService::new(WithPeer { peer, stack: transport.stack.clone() });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));

    let grace = tokio::select! {
        _ended = connection.as_mut() => return,
        () = transport.kill.cancelled() => return,
        () = transport.drain.cancelled() => Duration::MAX,
        () = aged(transport.limits.max_connection_age) => transport.limits.max_connection_age_grace,
    };
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ended = connection.as_mut() => {}
        () = transport.kill.cancelled() => {}
        () = aged(grace) => {}
    }
}

/// Waits for a connection's age; for ever when there is no limit.
async fn aged(age: Duration) {
    if age.is_zero() || age == Duration::MAX {
        std::future::pending::<()>().await;
    }
    sleep(age).await;
}

/// Tells the layers who the peer is.
#[derive(Clone)]
struct WithPeer {
    peer: Arc<Peer>,
    stack: Stack,
}

impl<B> Service<Request<B>> for WithPeer
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<StdError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answered;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Arc::clone(&self.peer));
        Answered(self.stack.answer(request))
    }
}

/// An answer, which always comes.
struct Answered(Answering);

impl Future for Answered {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(ready!(self.0.as_mut().poll(context))))
    }
}
