//! PEM, and what TLS makes of it.

use std::{fmt, path::PathBuf, sync::Arc};

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use zeroize::Zeroizing;

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A part is not the PEM that it should be.
    #[error("the {part} is not usable PEM: {problem}")]
    Pem {
        /// `authority`, `certificate` or `key`.
        part: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The parts do not belong together, or are of a kind that is not known.
    #[error("the client's certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// A source of certificates cannot be asked, or does not hold them.
    #[error("{0}")]
    Source(String),
}

/// An authority's certificates, the client's certificates and its key, each as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Material {
    ca: Vec<u8>,
    cert: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Material {
    /// Takes the three as they are; what is wrong with them shows when they are used.
    pub fn new(ca: impl Into<Vec<u8>>, cert: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self { ca: ca.into(), cert: cert.into(), key: Zeroizing::new(key.into()) }
    }

    pub(crate) fn client_config(&self) -> Result<ClientConfig, TlsError> {
        let mut roots = RootCertStore::empty();
        for authority in certificates("authority", &self.ca)? {
            roots.add(authority).map_err(|error| pem("authority", error))?;
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| pem("key", error))?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            // Refuses a key that is not the certificate's.
            .with_client_auth_cert(certificates("certificate", &self.cert)?, key)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").finish_non_exhaustive()
    }
}

fn certificates(part: &'static str, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_slice_iter(bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| pem(part, error))?;
    if certificates.is_empty() {
        return Err(pem(part, "it holds no certificate"));
    }
    Ok(certificates)
}

fn pem(part: &'static str, problem: impl fmt::Display) -> TlsError {
    TlsError::Pem { part, problem: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn a_pair_is_used() {
        let (cert, key) = pair();
        assert!(Material::new(cert.clone(), cert, key).client_config().is_ok());
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let ((cert, _), (_, key)) = (pair(), pair());
        let refused = Material::new(cert.clone(), cert, key).client_config();
        assert!(matches!(refused, Err(TlsError::Unusable(_))), "{refused:?}");
    }

    #[test]
    fn what_is_no_pem_is_named() {
        let (cert, key) = pair();
        for (material, part) in [
            (Material::new("", cert.clone(), key.clone()), "authority"),
            (Material::new(cert.clone(), "x", key), "certificate"),
            (Material::new(cert.clone(), cert, "x"), "key"),
        ] {
            let refused = material.client_config();
            assert!(
                matches!(&refused, Err(TlsError::Pem { part: named, .. }) if *named == part),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn keys_are_never_printed() {
        assert_eq!(format!("{:?}", Material::new("a", "b", "c")), "Material { .. }");
    }
}
