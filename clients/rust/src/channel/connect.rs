//! One connection.

use std::{io, net::SocketAddr, sync::Arc};

use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::body::Body;

use super::Settings;

/// Connects within the time that the settings give.
pub(super) async fn connect(
    address: SocketAddr,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    settings: Settings,
) -> io::Result<SendRequest<Body>> {
    let connecting = async move {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let stream = TlsConnector::from(config).connect(name, stream).await?;
        let mut http = Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new())
            .adaptive_window(true)
            .keep_alive_interval(settings.keep_alive)
            .keep_alive_timeout(settings.keep_alive_timeout)
            .keep_alive_while_idle(false);
        let (sender, connection) = http.handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%address, error = &error as &dyn std::error::Error, "a connection ended");
            }
        });
        Ok(sender)
    };
    tokio::time::timeout(settings.connect_timeout, connecting)
        .await
        .unwrap_or_else(|_elapsed| Err(io::Error::from(io::ErrorKind::TimedOut)))
}
