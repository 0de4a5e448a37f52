//! What a policy may say about the `output` detector.

use serde::{Deserialize, Serialize};

/// Parameters of the `output` detector. Whether it runs, from which score on, and what is done, is said where every
/// detector's is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct OutputConfig {
    /// Whether the output is compared with the request's system prompts. Default: true.
    pub prompt_leak: bool,
    /// The fewest words of a system prompt that is guarded; a shorter one says nothing that others do not say.
    /// Default: 8.
    pub prompt_min_words: usize,
    /// Whether canary tokens are looked for. Default: true.
    pub canaries: bool,
    /// Whether URLs are judged: exfiltration, request forgery, deception. Default: true.
    pub urls: bool,
    /// Hosts to which any URL may point: `example.com` for the host itself, `*.example.com` for the hosts under it.
    /// Default: renderers of badges, formulas and placeholders, which nobody but their owner reads the logs of.
    pub allowed_hosts: Vec<String>,
    /// Hosts to which no URL may point; in the same form. Default: none.
    pub denied_hosts: Vec<String>,
    /// Whether an image or another thing that loads by itself may come from `allowed_hosts` only. Default: false.
    pub images_from_allowed_hosts_only: bool,
    /// Whether what stands in a code block or code span counts for less where it does harm only when rendered.
    /// Default: true; false where the output is put into a page as it is.
    pub trust_code_blocks: bool,
    /// Whether refusals are told of. They move no action by themselves. Default: true.
    pub refusals: bool,
    /// Whether the presence of code is told of. It moves no action by itself. Default: true.
    pub code_presence: bool,
}

impl OutputConfig {
    /// Checks the values.
    ///
    /// # Errors
    /// When a host is not one, or a list is too long; the message names the field.
    pub fn check(&self) -> Result<(), String> {
        for (field, hosts) in [("allowed_hosts", &self.allowed_hosts), ("denied_hosts", &self.denied_hosts)] {
            if hosts.len() > MOST_HOSTS {
                return Err(format!("`{field}` has more than {MOST_HOSTS} entries"));
            }
            if let Some(place) = hosts.iter().position(|host| !is_host(host)) {
                return Err(format!("`{field}[{place}]` is neither `host` nor `*.host`"));
            }
        }
        Ok(())
    }

    /// Whether any URL may point to a host, given in lower case.
    pub(crate) fn allows_host(&self, host: &str) -> bool {
        self.allowed_hosts.iter().any(|entry| covers(entry, host))
    }

    pub(crate) fn denies_host(&self, host: &str) -> bool {
        self.denied_hosts.iter().any(|entry| covers(entry, host))
    }

    /// The parameters where no policy says otherwise, made once.
    pub(crate) fn shared_default() -> &'static Self {
        static DEFAULT: std::sync::LazyLock<OutputConfig> = std::sync::LazyLock::new(OutputConfig::default);
        &DEFAULT
    }
}

impl Default for OutputConfig {
    fn default() -> Self {
        Self {
            prompt_leak: true,
            prompt_min_words: 8,
            canaries: true,
            urls: true,
            allowed_hosts: RENDERERS.iter().map(|host| (*host).to_owned()).collect(),
            denied_hosts: Vec::new(),
            images_from_allowed_hosts_only: false,
            trust_code_blocks: true,
            refusals: true,
            code_presence: true,
        }
    }
}

fn covers(entry: &str, host: &str) -> bool {
    match entry.strip_prefix("*.") {
        Some(parent) => host
            .len()
            .checked_sub(parent.len())
            .and_then(|at| Some((host.get(..at)?, host.get(at..)?)))
            .is_some_and(|(sub, tail)| sub.ends_with('.') && tail.eq_ignore_ascii_case(parent)),
        None => entry.eq_ignore_ascii_case(host),
    }
}

fn is_host(entry: &str) -> bool {
    let name = entry.strip_prefix("*.").unwrap_or(entry);
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
}

/// Services that draw what their URL says, by habit with words in it.
static RENDERERS: &[&str] = &[
    "img.shields.io",
    "badgen.net",
    "badge.fury.io",
    "via.placeholder.com",
    "placehold.co",
    "dummyimage.com",
    "latex.codecogs.com",
    "quickchart.io",
    "mermaid.ink",
    "www.plantuml.com",
    "www.w3.org",
];

const MOST_HOSTS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        assert!(covers("example.com", "example.com"));
        assert!(!covers("example.com", "a.example.com"));
        assert!(covers("*.example.com", "a.b.example.com"));
        assert!(!covers("*.example.com", "example.com"));
        assert!(!covers("*.example.com", "badexample.com"));
    }

    #[test]
    fn wrong_hosts_are_refused() {
        assert!(OutputConfig::default().check().is_ok());
        for host in ["https://a.com", "", "*.", "a..b", "a b"] {
            let config = OutputConfig { allowed_hosts: vec![host.to_owned()], ..OutputConfig::default() };
            assert!(config.check().is_err(), "{host}");
        }
    }
}
