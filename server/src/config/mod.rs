//! What an operator can set: one YAML file, overridden by the environment, checked whole before anything starts.
//!
//! Every key has a default, so that no file at all is a working (development) server. An unknown key is an error that
//! names the nearest known one: a misspelt `max_mesage_bytes` must not silently leave the default in force. The set of
//! known keys is not a second list kept by hand; it is [`Config::default`] as it serialises.

mod check;
mod cloud;
mod error;
mod keys;
mod load;
mod units;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use llm_shield_audit::{ContentMode, Durability, Keeping, Tenant};
use llm_shield_cloud::storage::RetentionMode;
use serde::{Deserialize, Serialize};

use crate::identity::IdentityRule;

pub use self::{
    check::Checked,
    cloud::{
        AwsConfig, CallsConfig, CloudConfig, CloudWatchConfig, KmsConfig, Provider, S3Config,
        SecretsManagerConfig, XRayConfig,
    },
    error::{ConfigError, ConfigErrors},
};

/// The whole configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the service listens. Default `127.0.0.1:8443`; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where development certificates, the local key ring and the local audit store lie.
    /// Default `$LLM_SHIELD_DATA_DIR`, or `llm-shield` under the user's data directory.
    pub data_dir: PathBuf,
    /// The service's certificate and whom it trusts.
    pub tls: TlsConfig,
    /// Who may call, first match wins. Empty is allowed with the development certificates only.
    pub identities: Vec<IdentityRule>,
    /// Bounds on what callers can take.
    pub limits: LimitsConfig,
    /// What is remembered of conversations.
    pub conversations: ConversationsConfig,
    /// Which policies there are and who decides by which.
    pub policies: PoliciesConfig,
    /// The classifier.
    pub model: ModelConfig,
    /// The `tokenizer.json` of the model that callers use, by which policies' `max_tokens` counts. None: tokens are
    /// estimated.
    pub tokenizer: Option<PathBuf>,
    /// The audit log.
    pub audit: AuditConfig,
    /// Logs.
    pub log: LogConfig,
    /// The plain HTTP listener for metrics.
    pub admin: AdminConfig,
    /// Server reflection.
    pub reflection: ReflectionConfig,
    /// Ending.
    pub shutdown: ShutdownConfig,
    /// Where keys, objects and metrics live.
    pub cloud: CloudConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)),
            data_dir: PathBuf::new(),
            tls: TlsConfig::default(),
            identities: Vec::new(),
            limits: LimitsConfig::default(),
            conversations: ConversationsConfig::default(),
            policies: PoliciesConfig::default(),
            model: ModelConfig::default(),
            tokenizer: None,
            audit: AuditConfig::default(),
            log: LogConfig::default(),
            admin: AdminConfig::default(),
            reflection: ReflectionConfig::default(),
            shutdown: ShutdownConfig::default(),
            cloud: CloudConfig::default(),
        }
    }
}

impl Config {
    /// Says whether the server makes and uses development certificates: no certificate of its own is configured.
    pub const fn uses_development_certificates(&self) -> bool {
        let files = &self.tls;
        files.cert.is_none() && files.key.is_none() && files.client_ca.is_none() && !self.tls_from_secrets()
    }

    /// Returns the directory of the audit store.
    pub fn audit_dir(&self) -> PathBuf {
        self.audit.dir.clone().unwrap_or_else(|| self.data_dir.join("audit"))
    }

    /// Returns the directory of the local key ring.
    pub fn key_ring_dir(&self) -> PathBuf {
        self.data_dir.join("keys")
    }

    /// Says whether reflection is answered: as configured, and otherwise with development certificates only.
    pub fn reflection_enabled(&self) -> bool {
        self.reflection.enabled.unwrap_or_else(|| self.uses_development_certificates())
    }
}

/// The service's certificate and whom it trusts. All three of `cert`, `key` and `client_ca`, or none of them: then
/// development certificates are made under the data directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM file with the service's certificate chain, its own first.
    pub cert: Option<PathBuf>,
    /// PEM file with its private key.
    pub key: Option<PathBuf>,
    /// PEM file with the authorities that sign client certificates.
    pub client_ca: Option<PathBuf>,
    /// PEM file with revocation lists. With it, a client certificate whose issuer has no list here is refused.
    pub crl: Option<PathBuf>,
    /// How often the files are looked at for changes. Default 5 s. SIGHUP looks at once.
    #[serde(with = "units::duration")]
    pub reload_interval: Duration,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self { cert: None, key: None, client_ca: None, crl: None, reload_interval: Duration::from_secs(5) }
    }
}

/// Bounds on what callers can take.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// The largest request message. Default 4 MiB.
    #[serde(with = "units::size")]
    pub max_message_bytes: u64,
    /// The most requests worked on at one time; one more is refused at once. Default 256.
    pub max_concurrent_requests: u32,
    /// The most connections, handshaken or not; one more is closed at once. Default 2048.
    pub max_connections: u32,
    /// The most requests open on one connection; more wait on the client's side. Default 256.
    pub max_streams_per_connection: u32,
    /// The time a client has for its TLS handshake. Default 5 s.
    #[serde(with = "units::duration")]
    pub handshake_timeout: Duration,
    /// The longest a unary request may take, and what applies when the client gives no deadline. Default 30 s.
    #[serde(with = "units::duration")]
    pub max_deadline: Duration,
    /// The age at which a connection is asked to go, so that clients meet new certificates and new servers.
    /// Default 30 min; 0 for never.
    #[serde(with = "units::duration")]
    pub max_connection_age: Duration,
    /// The time its open requests then have. Default 30 s.
    #[serde(with = "units::duration")]
    pub max_connection_age_grace: Duration,
    /// The most requests a second of each tenant, in one server; one more is refused. Default 0, which is no limit.
    pub tenant_requests_per_second: u32,
    /// The most text a second of each tenant, in one server. One message of the largest size passes an unused quota.
    /// Default 0, which is no limit.
    #[serde(with = "units::size")]
    pub tenant_bytes_per_second: u64,
    /// The most `Audit` queries answered at one time, each of which holds a thread; one more is refused. Default 16.
    pub max_audit_streams: u32,
    /// Requests with at most this much text are scanned where they arrive, larger ones on the CPU pool. Default 4 KiB:
    /// less than half a millisecond of work, where the hand-over between threads costs 0.05 to 0.1 ms of its own.
    #[serde(with = "units::size")]
    pub inline_bytes: u64,
    /// Threads of the CPU pool; 0 for one for each core.
    pub cpu_threads: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            max_message_bytes: 4 << 20,
            max_concurrent_requests: 256,
            max_connections: 2048,
            max_streams_per_connection: 256,
            handshake_timeout: Duration::from_secs(5),
            max_deadline: Duration::from_secs(30),
            max_connection_age: Duration::from_secs(30 * 60),
            max_connection_age_grace: Duration::from_secs(30),
            tenant_requests_per_second: 0,
            tenant_bytes_per_second: 0,
            max_audit_streams: 16,
            inline_bytes: 4 << 10,
            cpu_threads: 0,
        }
    }
}

/// What is remembered of conversations, so that a value gets the same numbered placeholder over calls.
///
/// It is in the memory of one server, and gone with it. Of each tenant, the conversation that was unused for longest is
/// forgotten first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConversationsConfig {
    /// The most conversations of each tenant. Default 10,000.
    pub max_per_tenant: u32,
    /// The most memory for the conversations of each tenant. Default 64 MiB. One takes at most about 12 MiB.
    #[serde(with = "units::size")]
    pub max_bytes_per_tenant: u64,
    /// The time after its last use at which a conversation is forgotten. Default 1 h.
    #[serde(with = "units::duration")]
    pub max_idle: Duration,
}

impl Default for ConversationsConfig {
    fn default() -> Self {
        Self {
            max_per_tenant: 10_000,
            max_bytes_per_tenant: 64 << 20,
            max_idle: Duration::from_secs(60 * 60),
        }
    }
}

/// Which policies there are and who decides by which. The presets `strict`, `standard` and `permissive` are always
/// there; a file of the same name takes their place.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoliciesConfig {
    /// A directory whose `*.yaml` files are policies, each under the name that it gives itself.
    pub dir: Option<PathBuf>,
    /// Policies by the name that callers use.
    pub files: BTreeMap<String, PathBuf>,
    /// The policy of a tenant that has none of its own. Default `standard`.
    pub default: String,
    /// Default policies by tenant.
    pub tenants: BTreeMap<String, String>,
    /// How often the files are looked at for changes. Default 5 s. SIGHUP looks at once. The change is taken whole or
    /// not at all.
    #[serde(with = "units::duration")]
    pub reload_interval: Duration,
}

impl Default for PoliciesConfig {
    fn default() -> Self {
        Self {
            dir: None,
            files: BTreeMap::new(),
            default: "standard".to_owned(),
            tenants: BTreeMap::new(),
            reload_interval: Duration::from_secs(5),
        }
    }
}

/// The classifier.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// Whether there is one. Default true; without, the rules decide alone.
    pub enabled: bool,
    /// The directory of the model bundle. Default: the bundle that is built into the program.
    pub path: Option<PathBuf>,
    /// The model of the model store whose promoted version is served, in place of a bundle of this machine.
    pub name: Option<String>,
    /// How often the store is asked which version is promoted. Default 30 s.
    #[serde(with = "units::duration")]
    pub poll_interval: Duration,
    /// Files with the public keys (P-256, PEM) by whose owners bundles have to be signed.
    pub public_keys: Vec<PathBuf>,
    /// Whether bundles of the store may be unsigned. Default false.
    pub allow_unsigned: bool,
    /// Where bundles of the store are kept on this machine. Default `models` under the data directory.
    pub cache_dir: Option<PathBuf>,
    /// Threads that it computes on. Default 0: one for each core.
    pub threads: u32,
    /// The most windows of one text that are scored, each of some 140 new tokens; of a longer text so many, spread
    /// over it, and the answer's coverage says so. Default 512.
    pub max_windows: u32,
    /// How many judgements are remembered, each found by a keyed digest of text, role and tenant; some 200 bytes each.
    /// Default 0: none.
    pub cache_entries: u32,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            path: None,
            name: None,
            poll_interval: Duration::from_secs(30),
            public_keys: Vec::new(),
            allow_unsigned: false,
            cache_dir: None,
            threads: 0,
            max_windows: 512,
            cache_entries: 0,
        }
    }
}

/// The audit log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Where it lies. Default `audit` under the data directory.
    pub dir: Option<PathBuf>,
    /// What is kept of contents beside their keyed digests: `none` (default), `fingerprint` (a keyed digest of each value
    /// that was found), `redacted` or `sealed` (the text).
    pub content: ContentMode,
    /// A segment of this size is followed by a new one, under a new data key. Default 16 MiB.
    #[serde(with = "units::size")]
    pub segment_bytes: u64,
    /// So is one of this age. Default 24 h.
    #[serde(with = "units::duration")]
    pub segment_age: Duration,
    /// How long a log may move on without a signed checkpoint. Default 1 s.
    #[serde(with = "units::duration")]
    pub checkpoint_interval: Duration,
    /// How many records it may, whatever the interval. Default 10,000.
    pub checkpoint_records: u64,
    /// When a record counts as kept: `local` (default), on this machine's disk, or `remote`, when the object store has
    /// the segment that holds it.
    pub durability: Durability,
    /// What happens when a record cannot be kept: `reject` (default) gives no decision, `allow_degraded` gives it without
    /// a record and says `degraded`.
    pub on_unavailable: OnUnavailable,
    /// The most bytes of records that wait for the object store. Default 1 GiB.
    #[serde(with = "units::size")]
    pub outbox_bytes: u64,
    /// For how long objects can be neither deleted nor replaced. Default: not at all, or as the bucket says.
    pub retention: RetentionConfig,
}

/// What happens when a record cannot be kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnavailable {
    /// There is no decision.
    #[default]
    Reject,
    /// The decision is given without a record, as degraded.
    AllowDegraded,
}

/// Retention of archived segments (Object Lock on S3).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// `GOVERNANCE` (those with a permission of their own can end it) or `COMPLIANCE` (nobody can). Default
    /// `GOVERNANCE`.
    pub mode: Option<RetentionMode>,
    /// How many days. Default 0: none.
    pub days: u32,
    /// Whether new objects are under a legal hold. Default false.
    pub legal_hold: bool,
    /// Other classes, by name.
    pub classes: BTreeMap<String, RetentionClass>,
    /// The tenants that have one of them.
    pub tenants: BTreeMap<String, String>,
}

/// How the segments of some tenants are kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionClass {
    /// As of all.
    pub mode: Option<RetentionMode>,
    /// As of all.
    pub days: u32,
    /// As of all.
    pub legal_hold: bool,
}

impl RetentionConfig {
    /// Returns whether anything is to be kept from deletion, of any tenant.
    #[cfg(feature = "aws")]
    pub(crate) fn keeps(&self) -> bool {
        let keeps = |keeping: &Keeping| keeping.legal_hold || keeping.retention.is_some();
        self.keeping().is_ok_and(|(all, special)| keeps(&all) || special.values().any(keeps))
    }

    /// Returns how objects are kept, and how those of some tenants are; the key and what is wrong with it otherwise.
    pub(crate) fn keeping(&self) -> Result<(Keeping, BTreeMap<Tenant, Keeping>), (String, String)> {
        let Self { mode, days, legal_hold, classes, tenants } = self;
        let mut special = BTreeMap::new();
        for (name, class) in tenants {
            let key = || format!("audit.retention.tenants.{name}");
            let tenant = Tenant::new(name.as_str()).map_err(|error| (key(), error.to_string()))?;
            let class = classes.get(class).ok_or_else(|| (key(), format!("there is no class `{class}`")))?;
            special.insert(tenant, keeping(class.mode, class.days, class.legal_hold));
        }
        Ok((keeping(*mode, *days, *legal_hold), special))
    }
}

fn keeping(mode: Option<RetentionMode>, days: u32, legal_hold: bool) -> Keeping {
    let time = Duration::from_secs(24 * 60 * 60).saturating_mul(days);
    let retention = (days > 0).then(|| (mode.unwrap_or(RetentionMode::Governance), time));
    Keeping { retention, legal_hold }
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            dir: None,
            content: ContentMode::None,
            segment_bytes: 16 << 20,
            segment_age: Duration::from_secs(24 * 60 * 60),
            checkpoint_interval: Duration::from_secs(1),
            checkpoint_records: 10_000,
            durability: Durability::Local,
            on_unavailable: OnUnavailable::Reject,
            outbox_bytes: 1 << 30,
            retention: RetentionConfig::default(),
        }
    }
}

/// How logs are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Logs, written to standard error.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// What is logged, such as `info` or `info,llm_shield=debug`. `RUST_LOG` overrides it. Dependencies are never
    /// logged below `warn`, whatever is set here: at lower levels HTTP/2 prints the frames it carries.
    pub level: String,
    /// What of it goes to standard error, where logs go elsewhere too and are not to be there twice; `off` for nothing.
    /// Default: all.
    pub stderr_level: Option<String>,
    /// How. Default `auto`.
    pub format: LogFormat,
    /// A file that gets all of it as well, as lines of JSON, with provider `local`; made with mode 0600, and set aside as
    /// `NAME.1` at 64 MiB. Default: none.
    pub file: Option<PathBuf>,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), stderr_level: None, format: LogFormat::Auto, file: None }
    }
}

/// The plain HTTP listener for metrics.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminConfig {
    /// Where Prometheus scrapes `/metrics`; none by default. It has no authentication: keep it on 127.0.0.1 or on a
    /// network of its own.
    pub listen: Option<SocketAddr>,
}

/// Server reflection.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReflectionConfig {
    /// Whether it answers. Default: with development certificates only.
    pub enabled: Option<bool>,
}

/// Ending.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShutdownConfig {
    /// The time that open requests have after SIGTERM. Default 25 s: container runtimes kill after 30 s.
    #[serde(with = "units::duration")]
    pub drain_timeout: Duration,
}

impl Default for ShutdownConfig {
    fn default() -> Self {
        Self { drain_timeout: Duration::from_secs(25) }
    }
}
