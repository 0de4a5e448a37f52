//! TLS: what the service shows, whom it trusts, and how both change without a connection being dropped.
//!
//! TLS 1.3 only, a client certificate always. [`Trust`] is one consistent reading of the files; the accept loop takes
//! the newest for each handshake. A change of trust must also hold for connections that are already open, so
//! [`Peer::check`] is asked on each request: it re-verifies the peer's chain once for each new [`Trust`], and looks at
//! the validity dates every time. Session resumption is off, because a resumed handshake does not verify the
//! client's certificate again.

mod peer;
mod reload;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, pem::PemObject};

pub use self::peer::PeerNames;
pub(crate) use self::peer::{Peer, PeerRefusal};
pub(crate) use self::reload::TrustHandle;

/// Where the PEM files lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The service's certificate chain.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities that sign client certificates.
    pub client_ca: PathBuf,
    /// Revocation lists.
    pub crl: Option<PathBuf>,
}

impl TlsFiles {
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.cert, &self.key, &self.client_ca].into_iter().chain(&self.crl).map(PathBuf::as_path)
    }
}

/// Why the TLS files cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong. Never key material.
        problem: String,
    },
}

/// One consistent reading of the TLS files.
#[derive(Debug)]
pub(crate) struct Trust {
    /// Counts readings, so that a connection knows whether it was checked against this one.
    generation: u64,
    config: Arc<ServerConfig>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl Trust {
    /// Reads the files.
    ///
    /// # Errors
    /// A file that cannot be read or parsed, or a key that does not belong to the certificate.
    pub(crate) fn load(files: &TlsFiles, generation: u64) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = client_verifier(files, &provider)?;
        let chain: Vec<CertificateDer<'static>> = read_all(&files.cert, "certificate")?;
        let key = read_key(&files.key)?;
        let content = |path: &Path, problem: String| TlsError::Content { path: path.to_owned(), problem };

        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| content(&files.cert, error.to_string()))?
            .with_client_cert_verifier(Arc::clone(&verifier))
            .with_single_cert(chain, key)
            .map_err(|error| {
                content(&files.key, format!("does not go with {}: {error}", files.cert.display()))
            })?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        Ok(Self { generation, config: Arc::new(config), verifier })
    }

    /// Returns what handshakes are made with.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

fn client_verifier(
    files: &TlsFiles,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let content = |path: &Path, problem: String| TlsError::Content { path: path.to_owned(), problem };
    let mut roots = RootCertStore::empty();
    for root in read_all::<CertificateDer<'static>>(&files.client_ca, "certificate")? {
        roots.add(root).map_err(|error| content(&files.client_ca, error.to_string()))?;
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    if let Some(crl) = &files.crl {
        // A list past its date may miss revocations: it is refused like a missing one.
        builder = builder
            .with_crls(read_all::<CertificateRevocationListDer<'static>>(crl, "revocation list")?)
            .enforce_revocation_expiration();
    }
    builder
        .build()
        .map_err(|error| content(files.crl.as_ref().unwrap_or(&files.client_ca), error.to_string()))
}

fn read_all<T: PemObject>(path: &Path, what: &str) -> Result<Vec<T>, TlsError> {
    let pem = fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
    let content = |problem| TlsError::Content { path: path.to_owned(), problem };
    let items: Result<Vec<T>, _> = T::pem_slice_iter(&pem).collect();
    let items = items.map_err(|_error| content(format!("not a PEM file with a {what}")))?;
    if items.is_empty() { Err(content(format!("holds no {what}"))) } else { Ok(items) }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let pem = fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
    let pem = zeroize::Zeroizing::new(pem);
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_error| TlsError::Content {
        path: path.to_owned(),
        problem: "holds no private key".to_owned(),
    })
}
