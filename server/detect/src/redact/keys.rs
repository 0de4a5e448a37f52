//! Keys of redaction: one secret for a tenant, from which every purpose gets its own key.

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A tenant's secret for redaction. Wiped when dropped, and never shown.
///
/// Every purpose (hash, token, format, dates, surrogates) has its own key, derived by HKDF-SHA-256 (RFC 5869): what one
/// operator writes tells nothing about another, and nothing is equal between tenants. Without a secret the operators that
/// need one write the entity's name alone, which is never weaker.
#[derive(Default)]
pub struct RedactionKeys {
    secret: Option<Zeroizing<Vec<u8>>>,
}

impl RedactionKeys {
    /// Takes a tenant's secret, of 32 random bytes or more. An empty secret is none.
    #[must_use]
    pub fn from_secret(secret: &[u8]) -> Self {
        Self { secret: (!secret.is_empty()).then(|| Zeroizing::new(secret.to_vec())) }
    }

    /// Derives the key of a purpose.
    pub(super) fn derive<const N: usize>(&self, purpose: &str) -> Option<Zeroizing<[u8; N]>> {
        let secret = self.secret.as_ref()?;
        let mut key = Zeroizing::new([0; N]);
        Hkdf::<Sha256>::new(Some(SALT), secret).expand(purpose.as_bytes(), key.as_mut()).ok()?;
        Some(key)
    }

    /// Returns the keyed digest of parts, which cannot run into each other.
    pub(super) fn digest(&self, purpose: &str, parts: &[&str]) -> Option<[u8; 32]> {
        let key = self.derive::<32>(purpose)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_slice()).ok()?;
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        Some(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for RedactionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactionKeys").finish_non_exhaustive()
    }
}

/// Another version of the derivation would be another salt.
const SALT: &[u8] = b"llm-shield/redaction/1";
