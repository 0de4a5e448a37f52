//! What the load of the real server is measured against: the same gRPC service over the same TLS, which looks at
//! nothing and always gives the same answer. `cargo xtask bench load` starts both.
//!
//! It takes the directory in which the real server has made its development certificates.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the address is told on standard output")]

use std::{env, io, path::Path, pin::Pin, sync::Arc};

use anyhow::{Context as _, Result};
use llm_shield_proto::v1::{
    Action, AuditRequest, AuditResponse, GetAuditProofRequest, GetAuditProofResponse, GetServerInfoRequest,
    GetServerInfoResponse, RedactRequest, RedactResponse, RedactStreamRequest, RedactStreamResponse,
    RestoreRequest, RestoreResponse, ScanRequest, ScanResponse, ScanStreamRequest, ScanStreamResponse,
    Verdict, VerifyAuditRequest, VerifyAuditResponse,
    shield_service_server::{ShieldService, ShieldServiceServer},
};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    server::{NoServerSessionStorage, WebPkiClientVerifier},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::{Empty, wrappers::ReceiverStream};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Server, server::Connected},
};

/// Handshakes that are finished and wait to be served.
const BACKLOG: usize = 64;

#[tokio::main]
async fn main() -> Result<()> {
    let directory = env::args_os().nth(1).context("usage: empty_server DATA_DIRECTORY")?;
    let acceptor = TlsAcceptor::from(Arc::new(tls(Path::new(&directory))?));
    let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen")?;
    println!("listening on {}", listener.local_addr()?);

    let (connections, incoming) = mpsc::channel(BACKLOG);
    tokio::spawn(accept(listener, acceptor, connections));
    let service = ShieldServiceServer::new(Nothing);
    Server::builder().add_service(service).serve_with_incoming(ReceiverStream::new(incoming)).await?;
    Ok(())
}

/// The settings of the real server: TLS 1.3 only, client certificates required, no resumption.
fn tls(directory: &Path) -> Result<ServerConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(directory.join("ca.pem"))? {
        roots.add(root?)?;
    }
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?;
    let chain = CertificateDer::pem_file_iter(directory.join("server.pem"))?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(directory.join("server.key"))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    connections: mpsc::Sender<io::Result<Connection>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, connections) = (acceptor.clone(), connections.clone());
        tokio::spawn(async move {
            if stream.set_nodelay(true).is_ok()
                && let Ok(stream) = acceptor.accept(stream).await
            {
                // An error says that the server has ended.
                drop(connections.send(Ok(Connection(stream))).await);
            }
        });
    }
}

/// A connection that tells tonic nothing about its peer.
struct Connection(TlsStream<TcpStream>);

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> std::task::Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

/// The service: `Scan` gives one answer, and nothing else is measured.
struct Nothing;

#[tonic::async_trait]
impl ShieldService for Nothing {
    type ScanStreamStream = Empty<Result<ScanStreamResponse, Status>>;
    type RedactStreamStream = Empty<Result<RedactStreamResponse, Status>>;
    type AuditStream = Empty<Result<AuditResponse, Status>>;
    type VerifyAuditStream = Empty<Result<VerifyAuditResponse, Status>>;

    async fn scan(&self, _request: Request<ScanRequest>) -> Result<Response<ScanResponse>, Status> {
        Ok(Response::new(ScanResponse {
            action: Action::Allow.into(),
            verdict: Verdict::Benign.into(),
            ..ScanResponse::default()
        }))
    }

    async fn scan_stream(
        &self,
        _request: Request<Streaming<ScanStreamRequest>>,
    ) -> Result<Response<Self::ScanStreamStream>, Status> {
        Err(not_measured())
    }

    async fn redact(&self, _request: Request<RedactRequest>) -> Result<Response<RedactResponse>, Status> {
        Err(not_measured())
    }

    async fn redact_stream(
        &self,
        _request: Request<Streaming<RedactStreamRequest>>,
    ) -> Result<Response<Self::RedactStreamStream>, Status> {
        Err(not_measured())
    }

    async fn restore(&self, _request: Request<RestoreRequest>) -> Result<Response<RestoreResponse>, Status> {
        Err(not_measured())
    }

    async fn audit(&self, _request: Request<AuditRequest>) -> Result<Response<Self::AuditStream>, Status> {
        Err(not_measured())
    }

    async fn get_audit_proof(
        &self,
        _request: Request<GetAuditProofRequest>,
    ) -> Result<Response<GetAuditProofResponse>, Status> {
        Err(not_measured())
    }

    async fn verify_audit(
        &self,
        _request: Request<VerifyAuditRequest>,
    ) -> Result<Response<Self::VerifyAuditStream>, Status> {
        Err(not_measured())
    }

    async fn get_server_info(
        &self,
        _request: Request<GetServerInfoRequest>,
    ) -> Result<Response<GetServerInfoResponse>, Status> {
        Err(not_measured())
    }
}

fn not_measured() -> Status {
    Status::unimplemented("the empty server answers Scan only")
}
