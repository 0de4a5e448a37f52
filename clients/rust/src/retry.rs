//! Retries as the published gRPC service config has them.

use std::{collections::HashMap, time::Duration};

use serde::Deserialize;
use tonic::Code;

/// The config that all clients share.
pub(crate) const PUBLISHED: &str = include_str!("service-config.json");

const SERVICE: &str = "llm_shield.v1.ShieldService";

/// gRPC spreads each pause by a fifth, so that callers do not come back together.
const SPREAD: f64 = 0.2;

/// The policies by method.
#[derive(Clone, Debug, Default)]
pub(crate) struct Retries(HashMap<String, Policy>);

/// When and how often a method is tried again.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    max_attempts: u32,
    initial_backoff: Duration,
    max_backoff: Duration,
    multiplier: f64,
    codes: Vec<Code>,
}

impl Retries {
    /// Reads a service config.
    pub(crate) fn parse(config: &str) -> Result<Self, String> {
        let config: Config = serde_json::from_str(config).map_err(|error| error.to_string())?;
        let mut policies = HashMap::new();
        for method in config.method_config {
            let Some(policy) = method.retry_policy.map(Policy::parse).transpose()? else { continue };
            for name in method.name.into_iter().filter(|name| name.service == SERVICE) {
                policies.insert(name.method, policy.clone());
            }
        }
        Ok(Self(policies))
    }

    /// Returns a method's policy. An entry without a method holds for all of the service.
    pub(crate) fn of(&self, method: &str) -> Option<&Policy> {
        self.0.get(method).or_else(|| self.0.get(""))
    }
}

impl Policy {
    fn parse(policy: RetryPolicy) -> Result<Self, String> {
        let codes = policy.retryable_status_codes.iter().map(|name| code(name)).collect::<Result<_, _>>()?;
        Ok(Self {
            max_attempts: policy.max_attempts,
            initial_backoff: seconds(&policy.initial_backoff)?,
            max_backoff: seconds(&policy.max_backoff)?,
            multiplier: policy.backoff_multiplier,
            codes,
        })
    }

    /// Returns the pause behind attempt number `attempt`, from 1, that failed with `code`; nothing when it was the last.
    pub(crate) fn pause(&self, attempt: u32, code: Code) -> Option<Duration> {
        if attempt >= self.max_attempts || !self.codes.contains(&code) {
            return None;
        }
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = self.initial_backoff.as_secs_f64() * self.multiplier.powi(exponent);
        let pause = grown.min(self.max_backoff.as_secs_f64());
        let spread = 1.0 - SPREAD + 2.0 * SPREAD * fastrand::f64();
        Duration::try_from_secs_f64(pause * spread).ok()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default)]
    method_config: Vec<MethodConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MethodConfig {
    name: Vec<Name>,
    retry_policy: Option<RetryPolicy>,
}

#[derive(Deserialize)]
struct Name {
    service: String,
    #[serde(default)]
    method: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RetryPolicy {
    max_attempts: u32,
    initial_backoff: String,
    max_backoff: String,
    backoff_multiplier: f64,
    retryable_status_codes: Vec<String>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.strip_suffix('s')
        .and_then(|number| number.parse().ok())
        .and_then(|number| Duration::try_from_secs_f64(number).ok())
        .ok_or_else(|| format!("`{text}` is no duration"))
}

fn code(name: &str) -> Result<Code, String> {
    (1..=16)
        .map(Code::from_i32)
        .find(|code| screaming(&format!("{code:?}")) == name)
        .ok_or_else(|| format!("`{name}` is no code of gRPC"))
}

/// `DeadlineExceeded` as `DEADLINE_EXCEEDED`.
fn screaming(name: &str) -> String {
    name.char_indices().fold(String::new(), |mut screaming, (at, character)| {
        if at > 0 && character.is_uppercase() {
            screaming.push('_');
        }
        screaming.push(character.to_ascii_uppercase());
        screaming
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_config_is_three_attempts_of_what_is_unavailable() {
        let retries = Retries::parse(PUBLISHED).unwrap();
        for method in ["Scan", "Redact", "Restore", "Audit", "GetAuditProof", "VerifyAudit", "GetServerInfo"]
        {
            let policy = retries.of(method).unwrap();
            assert!(policy.pause(1, Code::Unavailable).is_some(), "{method}");
            assert!(policy.pause(2, Code::Unavailable).is_some(), "{method}");
            assert_eq!(policy.pause(3, Code::Unavailable), None, "{method}");
            for other in [Code::DeadlineExceeded, Code::Internal, Code::ResourceExhausted] {
                assert_eq!(policy.pause(1, other), None, "{method} {other:?}");
            }
        }
        assert!(retries.of("ScanStream").is_none());
    }

    #[test]
    fn pauses_grow_up_to_the_largest() {
        let config = PUBLISHED.replace("\"maxAttempts\": 3", "\"maxAttempts\": 9");
        let retries = Retries::parse(&config).unwrap();
        let policy = retries.of("Scan").unwrap();
        for (attempt, expected) in [(1, 0.05), (2, 0.2), (3, 0.8), (4, 1.0), (8, 1.0)] {
            let pause = policy.pause(attempt, Code::Unavailable).unwrap().as_secs_f64();
            assert!((expected * 0.8..=expected * 1.2).contains(&pause), "{attempt}: {pause}");
        }
    }

    #[test]
    fn wrong_configs_are_refused() {
        for (from, to) in
            [("0.05s", "0.05"), ("0.05s", "-1s"), ("[\"UNAVAILABLE\"]", "[\"AWAY\"]"), ("{", "")]
        {
            assert!(Retries::parse(&PUBLISHED.replacen(from, to, 1)).is_err(), "{to}");
        }
    }
}
