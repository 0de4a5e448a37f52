//! The peer's certificate, kept for the life of its connection.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::Trust;
use crate::identity::{Caller, IdentityMap};

/// The names in a certificate that an identity can be made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerNames {
    /// The SPIFFE ID among the subject alternative names.
    pub spiffe_id: Option<String>,
    /// The DNS names among them, lower-case. Empty when there is more than one URI, since the SPIFFE standard allows
    /// one only and what such a certificate is for cannot be told.
    pub dns: Vec<String>,
}

/// Why a certificate that was good at the handshake is refused now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum PeerRefusal {
    /// Its validity has ended.
    Expired,
    /// It was revoked, or its authority is no longer trusted.
    NoLongerTrusted,
}

/// The peer of a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    chain: Vec<CertificateDer<'static>>,
    /// Who that is; nobody when no entry of the configuration matches. Found once, since neither the certificate nor
    /// the configuration changes.
    caller: Option<Arc<Caller>>,
    not_before: u64,
    not_after: u64,
    /// The newest generation of [`Trust`] that accepted the chain.
    accepted_by: AtomicU64,
}

impl Peer {
    /// Reads the certificate that a handshake under `trust` has verified. None when it cannot be read.
    pub(crate) fn new(chain: &[CertificateDer<'_>], trust: &Trust, identities: &IdentityMap) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(chain.first()?).ok()?;
        let validity = certificate.validity();
        Some(Self {
            caller: identities.find(&names(&certificate)?),
            not_before: u64::try_from(validity.not_before.timestamp()).unwrap_or(0),
            not_after: u64::try_from(validity.not_after.timestamp()).unwrap_or(0),
            chain: chain.iter().map(|certificate| certificate.clone().into_owned()).collect(),
            accepted_by: AtomicU64::new(trust.generation),
        })
    }

    /// Returns who the peer is, if anybody.
    pub(crate) const fn caller(&self) -> Option<&Arc<Caller>> {
        self.caller.as_ref()
    }

    /// Checks that the certificate still holds under what is trusted now.
    ///
    /// # Errors
    /// It has expired, was revoked, or its authority was removed.
    pub(crate) fn check(&self, trust: &Trust) -> Result<(), PeerRefusal> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        if now.as_secs() < self.not_before || now.as_secs() > self.not_after {
            return Err(PeerRefusal::Expired);
        }
        if self.accepted_by.load(Ordering::Acquire) == trust.generation {
            return Ok(());
        }
        let (certificate, intermediates) = self.chain.split_first().ok_or(PeerRefusal::NoLongerTrusted)?;
        trust
            .verifier
            .verify_client_cert(certificate, intermediates, UnixTime::since_unix_epoch(now))
            .map_err(|_error| PeerRefusal::NoLongerTrusted)?;
        self.accepted_by.store(trust.generation, Ordering::Release);
        Ok(())
    }
}

fn names(certificate: &X509Certificate<'_>) -> Option<PeerNames> {
    let Some(extension) = certificate.subject_alternative_name().ok()? else {
        return Some(PeerNames::default());
    };
    let names = &extension.value.general_names;
    let uris: Vec<&str> = names
        .iter()
        .filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None })
        .collect();
    if uris.len() > 1 {
        return Some(PeerNames::default());
    }
    let spiffe_id = uris.first().and_then(|uri| spiffe::SpiffeId::new(uri).ok()).map(|id| id.to_string());
    let dns = names
        .iter()
        .filter_map(
            |name| if let GeneralName::DNSName(dns) = name { Some(dns.to_ascii_lowercase()) } else { None },
        )
        .collect();
    Some(PeerNames { spiffe_id, dns })
}
