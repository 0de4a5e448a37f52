//! Development certificates: an authority, a server's and a few clients', made under the data directory.
//!
//! With them a first run needs no preparation and still is mutual TLS.
//!
//! They are for one machine: the authority's key lies beside them. A deployment configures `tls` instead, and then
//! nothing here is read or written. Certificates that end soon are made anew at start; keys are new with them.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use jiff::{Timestamp, ToSpan, Zoned, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use crate::{
    identity::{IdentityRule, Role},
    tls::TlsFiles,
};

/// The trust domain of development identities.
const TRUST_DOMAIN: &str = "spiffe://llm-shield.local/dev";

/// The tenant of development identities.
pub const TENANT: &str = "default";

const CA_DAYS: i64 = 5 * 365;
const LEAF_DAYS: i64 = 90;

/// What ends sooner is made anew.
const RENEW_DAYS: i64 = 30;

/// The development clients, the roles of each, and what it is for.
const CLIENTS: [(&str, &[Role]); 3] = [
    ("app", &[Role::Scanner, Role::Redactor]),
    ("auditor", &[Role::Auditor]),
    ("dev", &[Role::Scanner, Role::Redactor, Role::Restorer, Role::Auditor, Role::Admin]),
];

/// Why development certificates cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevCertsError {
    /// A file or directory cannot be written or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A certificate cannot be made.
    #[error("cannot make a development certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// The present date cannot be reckoned with.
    #[error("the machine's clock is out of range: {0}")]
    Clock(#[from] jiff::Error),
}

/// Where the development certificates lie. Each key lies beside its certificate, with the ending `.key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevCerts {
    dir: PathBuf,
}

impl DevCerts {
    /// Names the places under a data directory; makes nothing.
    pub fn under(data_dir: &Path) -> Self {
        Self { dir: data_dir.to_owned() }
    }

    /// Returns the authority's certificate, `ca.pem`.
    pub fn ca(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// Returns a client's certificate: `app`, `auditor` or `dev`.
    pub fn client_cert(&self, name: &str) -> PathBuf {
        self.dir.join("clients").join(format!("{name}.pem"))
    }

    /// Returns the key of [`client_cert`](Self::client_cert).
    pub fn client_key(&self, name: &str) -> PathBuf {
        self.client_cert(name).with_extension("key")
    }

    /// Returns the names of the clients.
    pub fn client_names() -> impl Iterator<Item = &'static str> {
        CLIENTS.into_iter().map(|(name, _)| name)
    }

    /// Returns what the server's TLS is made of.
    pub fn tls_files(&self) -> TlsFiles {
        TlsFiles {
            cert: self.dir.join("server.pem"),
            key: self.dir.join("server.key"),
            client_ca: self.ca(),
            crl: None,
        }
    }

    /// Returns who the development clients are.
    pub fn identities() -> Vec<IdentityRule> {
        let rule = |(name, roles): (&str, &[Role])| IdentityRule {
            pattern: format!("{TRUST_DOMAIN}/{name}"),
            principal: Some(format!("dev/{name}")),
            tenant: TENANT.to_owned(),
            roles: roles.to_vec(),
        };
        CLIENTS.into_iter().map(rule).collect()
    }

    /// Makes what is missing or ends soon.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn ensure(&self) -> Result<(), DevCertsError> {
        private_dir(&self.dir)?;
        private_dir(&self.dir.join("clients"))?;
        let ca_is_new = !lasts(&self.ca()) || !self.ca().with_extension("key").exists();
        if ca_is_new {
            self.make_ca()?;
        }
        let issuer = self.issuer()?;
        let server = self.tls_files().cert;
        if ca_is_new || !lasts(&server) {
            make_leaf(&server, server_params()?, &issuer)?;
        }
        for (name, _) in CLIENTS {
            let cert = self.client_cert(name);
            if ca_is_new || !lasts(&cert) {
                make_leaf(&cert, client_params(name)?, &issuer)?;
            }
        }
        Ok(())
    }

    fn make_ca(&self) -> Result<(), DevCertsError> {
        let mut params = params("llm-shield development CA", CA_DAYS)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        write(&self.ca().with_extension("key"), key.serialize_pem().as_bytes(), 0o600)?;
        write(&self.ca(), certificate.pem().as_bytes(), 0o644)
    }

    fn issuer(&self) -> Result<Issuer<'static, KeyPair>, DevCertsError> {
        let read = |path: PathBuf| {
            fs::read_to_string(&path).map(Zeroizing::new).map_err(|source| DevCertsError::Io { path, source })
        };
        let key = KeyPair::from_pem(&read(self.ca().with_extension("key"))?)?;
        Ok(Issuer::from_ca_cert_pem(&read(self.ca())?, key)?)
    }
}

/// Makes a directory that its owner alone can enter.
pub(crate) fn private_dir(path: &Path) -> Result<(), DevCertsError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| DevCertsError::Io { path: path.to_owned(), source })
}

fn server_params() -> Result<CertificateParams, DevCertsError> {
    let mut params = params("llm-shield development server", LEAF_DAYS)?;
    params.subject_alt_names = vec![
        SanType::DnsName("localhost".try_into()?),
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn client_params(name: &str) -> Result<CertificateParams, DevCertsError> {
    let mut params = params(&format!("llm-shield development client {name}"), LEAF_DAYS)?;
    params.subject_alt_names = vec![SanType::URI(format!("{TRUST_DOMAIN}/{name}").try_into()?)];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

fn params(common_name: &str, days: i64) -> Result<CertificateParams, DevCertsError> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.use_authority_key_identifier_extension = true;
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    // Whole days are enough, and keep another time library out of our code.
    let day = |at: Zoned| date_time_ymd(at.year().into(), at.month().unsigned_abs(), at.day().unsigned_abs());
    params.not_before = day(now.checked_sub(1.day())?);
    params.not_after = day(now.checked_add(days.days())?);
    Ok(params)
}

fn make_leaf(
    path: &Path,
    params: CertificateParams,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<(), DevCertsError> {
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    write(&path.with_extension("key"), Zeroizing::new(key.serialize_pem()).as_bytes(), 0o600)?;
    write(path, certificate.pem().as_bytes(), 0o644)
}

/// Says whether a certificate is there and valid for some time yet, with its key beside it.
fn lasts(path: &Path) -> bool {
    let until = Timestamp::now().as_second().saturating_add(RENEW_DAYS.saturating_mul(24 * 3600));
    path.with_extension("key").exists()
        && CertificateDer::from_pem_file(path).is_ok_and(|der| {
            X509Certificate::from_der(&der)
                .is_ok_and(|(_, certificate)| certificate.validity().not_after.timestamp() > until)
        })
}

/// Writes whole or not at all: a reader never meets half a key.
pub(crate) fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), DevCertsError> {
    let failed = |source| DevCertsError::Io { path: path.to_owned(), source };
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&temporary)
        .map_err(failed)?;
    // The mode above is narrowed by the process's mask and does not touch a file that was there.
    file.set_permissions(fs::Permissions::from_mode(mode)).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    fs::rename(&temporary, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let certs = DevCerts::under(&dir.path().join("data"));
        certs.ensure().unwrap();
        let first = fs::read(certs.client_cert("app")).unwrap();
        certs.ensure().unwrap();
        assert_eq!(first, fs::read(certs.client_cert("app")).unwrap());

        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir.path().join("data")), 0o700);
        assert_eq!(mode(&certs.client_key("dev")), 0o600);
        assert_eq!(mode(&certs.tls_files().key), 0o600);
    }

    #[test]
    fn what_is_missing_is_made_anew_under_the_same_authority() {
        let dir = tempfile::tempdir().unwrap();
        let certs = DevCerts::under(dir.path());
        certs.ensure().unwrap();
        let ca = fs::read(certs.ca()).unwrap();
        fs::remove_file(certs.client_key("app")).unwrap();
        certs.ensure().unwrap();
        assert!(certs.client_key("app").exists());
        assert_eq!(ca, fs::read(certs.ca()).unwrap());
    }
}
