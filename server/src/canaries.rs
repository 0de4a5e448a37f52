//! A tenant's canary tokens, issued and judged beside the server, with the secret that the server has too.

use llm_shield_detect::output::canary::{self, CanaryKeys, CanaryState};
use zeroize::Zeroizing;

use crate::{cloud, config::Config, error::ServerError};

/// What issues and judges a tenant's canary tokens. None is kept: a token carries its end and its session's tag.
pub struct Canaries {
    tenant: String,
    key: Zeroizing<Vec<u8>>,
    keys: CanaryKeys,
}

impl std::fmt::Debug for Canaries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canaries").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl Canaries {
    /// Opens a tenant's key as the server of this configuration does: with the key ring of its data directory, which is
    /// made when it is not there, or with AWS.
    ///
    /// # Errors
    /// When the directory, the key manager, the secret or the key cannot be used.
    pub async fn open(config: &Config, tenant: &str) -> Result<Self, ServerError> {
        let (key, keys) = cloud::redaction_keyring(config).await?.canary(tenant).await?;
        Ok(Self { tenant: tenant.to_owned(), key, keys })
    }

    /// Makes the token of a session, in force until `expiry`, in seconds since 1970.
    pub fn issue(&self, session: &str, expiry: u64) -> String {
        canary::issue(&self.key, &self.tenant, session, expiry)
    }

    /// Finds the tokens in a text as it stands, in any case, and judges them at a time in seconds since 1970. A scan
    /// finds those in disguise too.
    pub fn find<'t>(&self, text: &'t str, now: u64) -> Vec<(&'t str, CanaryState)> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        words.filter_map(|word| Some((word, self.keys.verify(word, now)?))).collect()
    }
}
