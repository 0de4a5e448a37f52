//! Connections: accepted, handshaken, served, and let go.
//!
//! The accept loop is our own rather than tonic's, because it must take the newest certificates for each handshake,
//! and because a handshake is work for a stranger: it runs outside the loop, under a time limit, and inside the limit
//! on connections, so that silent or slow peers delay nobody.

mod connection;
pub(crate) mod cores;

use std::{io, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::cores::{Cores, Place};
use crate::{
    config::LimitsConfig,
    identity::IdentityMap,
    layers::Stack,
    tls::{Peer, TrustHandle},
};

/// Accepts connections and serves them until told to stop.
#[derive(Clone)]
pub(crate) struct Transport {
    pub(crate) trust: Arc<TrustHandle>,
    pub(crate) identities: Arc<IdentityMap>,
    pub(crate) limits: LimitsConfig,
    pub(crate) stack: Stack,
    /// Open connections; [`TaskTracker::wait`] returns when the last is gone.
    pub(crate) connections: TaskTracker,
    /// Asks: accept no more, finish what is open.
    pub(crate) drain: CancellationToken,
    /// Demands: drop what is still open.
    pub(crate) kill: CancellationToken,
}

impl Transport {
    /// Runs the accept loop until the drain begins.
    pub(crate) async fn accept(self, listener: TcpListener, cores: Cores) {
        let places =
            Arc::new(Semaphore::new(usize::try_from(self.limits.max_connections).unwrap_or(usize::MAX)));
        loop {
            let accepted = tokio::select! {
                () = self.drain.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    pause_after(&error).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                metrics::counter!("shield_connections_refused_total", "reason" => "limit").increment(1);
                continue;
            };
            // Out of this runtime, to be taken into that of its core.
            if let Some(core) = cores.place()
                && let Ok(stream) = stream.into_std()
            {
                let runtime = core.runtime.clone();
                self.connections.spawn_on(self.clone().serve(stream, place, core), &runtime);
            }
        }
        self.connections.close();
    }

    async fn serve(self, stream: std::net::TcpStream, _place: OwnedSemaphorePermit, _core: Place) {
        let handshake = timeout(self.limits.handshake_timeout, self.handshake(stream));
        let shaken = tokio::select! {
            () = self.drain.cancelled() => return,
            shaken = handshake => shaken,
        };
        let reason = match shaken {
            Ok(Ok((stream, peer))) => {
                metrics::gauge!("shield_connections").increment(1.0);
                connection::serve(stream, peer, &self).await;
                metrics::gauge!("shield_connections").decrement(1.0);
                return;
            }
            Ok(Err(error)) => {
                // The error names what was wrong with the peer's certificate or protocol, never its content.
                tracing::info!(%error, "a connection was refused in its handshake");
                "handshake"
            }
            Err(_elapsed) => {
                tracing::info!("a connection was closed: its handshake took too long");
                "handshake_timeout"
            }
        };
        metrics::counter!("shield_connections_refused_total", "reason" => reason).increment(1);
    }

    async fn handshake(&self, stream: std::net::TcpStream) -> io::Result<(TlsStream<TcpStream>, Arc<Peer>)> {
        let stream = TcpStream::from_std(stream)?;
        stream.set_nodelay(true)?;
        let trust = Arc::clone(&self.trust.current());
        let stream = TlsAcceptor::from(trust.server_config()).accept(stream).await?;
        let (_, session) = stream.get_ref();
        if session.alpn_protocol() != Some(b"h2") {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the client does not offer HTTP/2 by ALPN",
            ));
        }
        let peer = session.peer_certificates().and_then(|chain| Peer::new(chain, &trust, &self.identities));
        let peer =
            peer.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unreadable client certificate"))?;
        Ok((stream, Arc::new(peer)))
    }
}

/// Running out of descriptors fails every accept at once: the loop must not spin on it.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        return;
    }
    tracing::error!(%error, "cannot accept connections");
    sleep(Duration::from_millis(200)).await;
}
