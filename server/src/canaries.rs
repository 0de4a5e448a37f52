//! A tenant's canary tokens, issued and judged beside the server, with the secret that the server has too.

use llm_shield_detect::output::canary::{self, CanaryKeys, CanaryState};
use llm_shield_detect::{Cancel, Direction, Engine, Policy, Request, Role, ScanOptions};
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

    /// Finds the tokens in a text as it stands, in any case, and judges them at a time in seconds since 1970.
    pub fn find<'t>(&self, text: &'t str, now: u64) -> Vec<(&'t str, CanaryState)> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        words.filter_map(|word| Some((word, self.keys.verify(word, now)?))).collect()
    }

    /// Finds the stretches of a text that hold tokens in disguise (encoded, apart, backwards), as a scan does, and judges
    /// them now.
    pub fn find_disguised<'t>(&self, engine: &Engine, text: &'t str) -> Vec<(&'t str, CanaryState)> {
        let Ok(policy) = Policy::from_yaml(LOOK) else { return Vec::new() };
        let options = ScanOptions { canary_keys: Some(self.keys.clone()), ..ScanOptions::default() };
        let request = Request::single(Direction::Output, Role::Assistant, text);
        let report = engine.scan_with(&request, &policy, &options, &Cancel::never());
        let state = |finding: &llm_shield_detect::Finding| match &*finding.rule_id {
            "canary-token" if finding.score > EXPIRED => Some(CanaryState::Valid),
            "canary-token" => Some(CanaryState::Expired),
            "canary-token-unverified" => Some(CanaryState::Foreign),
            _ => None,
        };
        let found = report.findings.iter();
        found.filter_map(|finding| Some((text.get(finding.span.range())?, state(finding)?))).collect()
    }
}

/// What a scan for tokens alone asks for.
const LOOK: &str = "name: canaries\noutput: { detectors: { output: { threshold: 0.5, action: flag } } }\n";

/// What a finding of a token that is past its end is scored.
const EXPIRED: f64 = 0.9;
