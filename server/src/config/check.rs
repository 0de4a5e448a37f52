//! The check before the start: everything that `serve` would trip over, found at once and without serving.

use std::{fs, net::IpAddr, path::Path};

use llm_shield_cloud::secrets::check_secret_name;

use super::{AwsConfig, Config, ConfigError, ConfigErrors, ModelConfig, Provider};
use crate::{
    devcerts::DevCerts,
    identity::{IdentityMap, IdentityRule},
    model::{
        source::LocalSource,
        trust::{Trust as ModelTrust, TrustError},
    },
    policies::Policies,
    telemetry,
    tls::{TlsFiles, Trust},
    tokenizer::ModelTokenizer,
};

/// The largest request message that may be allowed: messages are held in memory whole.
const MAX_MESSAGE_BYTES: u64 = 64 << 20;

/// Days that CloudWatch keeps logs for, 0 standing for ever (`PutRetentionPolicy` of its API reference).
const LOG_RETENTION_DAYS: [u32; 23] = [
    0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
    3653,
];

/// What a configuration comes to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Checked {
    /// Remarks on what is allowed and yet unusual.
    pub warnings: Vec<String>,
}

impl Config {
    /// Checks everything that can be known without serving: values, files, certificates, identities and policies.
    ///
    /// # Errors
    /// All that is wrong, not only the first thing.
    pub fn check(&self) -> Result<Checked, ConfigErrors> {
        let mut errors = self.problems();
        if !self.uses_development_certificates()
            && !self.tls_from_secrets()
            && let Ok(files) = self.tls_files()
            && let Err(error) = Trust::load(&files, 0)
        {
            errors.push(ConfigError::value("tls", error));
        }
        // Those of a bucket are looked at when they are there.
        if !self.policies_from_bucket()
            && let Err(error) = Policies::load(&self.policies)
        {
            errors.push(ConfigError::value("policies", error));
        }
        // Which version of the store is served is for the store to say, when serving starts.
        if self.model.name.is_none()
            && let Err(error) = LocalSource::new(self).load()
        {
            errors.push(ConfigError::value("model", error));
        }
        if let Err(error) = self.model_trust() {
            errors.push(ConfigError::value("model.public_keys", error));
        }
        if let Some(path) = &self.tokenizer
            && let Err(error) = ModelTokenizer::open(path)
        {
            errors.push(ConfigError::value("tokenizer", error));
        }
        for (key, dir) in [("data_dir", self.data_dir.clone()), ("audit.dir", self.audit_dir())] {
            if let Err(error) = check_writable(&dir) {
                errors.push(ConfigError::value(key, format!("{}: {error}", dir.display())));
            }
        }
        if errors.is_empty() { Ok(Checked { warnings: self.warnings() }) } else { Err(ConfigErrors(errors)) }
    }

    /// Checks what needs no file: done at every start.
    pub(crate) fn problems(&self) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        if !self.tls_from_secrets()
            && let Err(error) = self.tls_files()
        {
            errors.push(error);
        }
        if let Err(error) = IdentityMap::new(&self.identity_rules()) {
            let key = format!("identities[{}].{}", error.index, error.field);
            errors.push(ConfigError::value(key, error.problem));
        }
        if self.identities.is_empty() && !self.uses_development_certificates() {
            errors.push(ConfigError::value("identities", "empty: nobody could call"));
        }
        let levels =
            [("log.level", Some(&self.log.level)), ("log.stderr_level", self.log.stderr_level.as_ref())];
        for (key, level) in levels {
            if let Some(Err(problem)) = level.map(|level| telemetry::directives(level)) {
                errors.push(ConfigError::value(key, problem));
            }
        }
        if self.log.file.is_some() && self.cloud.provider != Provider::Local {
            let problem = "is of the provider `local`; with `aws` logs go to CloudWatch";
            errors.push(ConfigError::value("log.file", problem));
        }
        self.check_limits(&mut errors);
        if let Err((key, problem)) = self.audit.retention.keeping() {
            errors.push(ConfigError::value(key, problem));
        }
        let conversations = &self.conversations;
        if conversations.max_per_tenant == 0 {
            errors.push(ConfigError::value("conversations.max_per_tenant", "must be at least 1"));
        }
        if conversations.max_idle.is_zero() {
            errors.push(ConfigError::value("conversations.max_idle", "must be longer than 0"));
        }
        self.check_model(&mut errors);
        let audit = &self.audit;
        if audit.segment_bytes < 64 << 10 {
            errors.push(ConfigError::value("audit.segment_bytes", "must be at least 64KiB"));
        }
        for (key, time) in
            [("segment_age", audit.segment_age), ("checkpoint_interval", audit.checkpoint_interval)]
        {
            if time.is_zero() {
                errors.push(ConfigError::value(format!("audit.{key}"), "must be longer than 0"));
            }
        }
        self.check_cloud(&mut errors);
        errors
    }

    /// Returns whose bundles are served.
    pub(crate) fn model_trust(&self) -> Result<ModelTrust, TrustError> {
        let ModelConfig { name, public_keys, allow_unsigned, .. } = &self.model;
        // A bundle that somebody laid on this machine needs no other word, unless keys are named.
        let unsigned = *allow_unsigned || (name.is_none() && public_keys.is_empty());
        ModelTrust::new(public_keys, unsigned)
    }

    fn check_model(&self, errors: &mut Vec<ConfigError>) {
        let model = &self.model;
        if model.name.is_some() && model.path.is_some() {
            errors.push(ConfigError::value("model.path", "exclude each other: `path` and `name`"));
        }
        if model.name.is_some() && model.public_keys.is_empty() && !model.allow_unsigned {
            let problem = "empty: name the keys whose bundles are served, or set `model.allow_unsigned`";
            errors.push(ConfigError::value("model.public_keys", problem));
        }
    }

    /// Returns the TLS files: those configured, or the development certificates.
    pub(crate) fn tls_files(&self) -> Result<TlsFiles, ConfigError> {
        let tls = &self.tls;
        if self.uses_development_certificates() {
            return Ok(TlsFiles { crl: tls.crl.clone(), ..DevCerts::under(&self.data_dir).tls_files() });
        }
        let needed = |name: &str, path: &Option<std::path::PathBuf>| {
            path.clone().ok_or_else(|| {
                ConfigError::value(format!("tls.{name}"), "missing: cert, key and client_ca go together")
            })
        };
        Ok(TlsFiles {
            cert: needed("cert", &tls.cert)?,
            key: needed("key", &tls.key)?,
            client_ca: needed("client_ca", &tls.client_ca)?,
            crl: tls.crl.clone(),
        })
    }

    /// Returns who may call: those configured, and with development certificates their clients after them.
    pub(crate) fn identity_rules(&self) -> Vec<IdentityRule> {
        let mut rules = self.identities.clone();
        if self.uses_development_certificates() {
            rules.extend(DevCerts::identities());
        }
        rules
    }

    fn check_limits(&self, errors: &mut Vec<ConfigError>) {
        let limits = &self.limits;
        let counts = [
            ("max_concurrent_requests", u64::from(limits.max_concurrent_requests)),
            ("max_connections", u64::from(limits.max_connections)),
            ("max_streams_per_connection", u64::from(limits.max_streams_per_connection)),
            ("max_message_bytes", limits.max_message_bytes),
            ("max_audit_streams", u64::from(limits.max_audit_streams)),
        ];
        for (key, value) in counts {
            if value == 0 {
                errors.push(ConfigError::value(format!("limits.{key}"), "must be at least 1"));
            }
        }
        if limits.max_message_bytes > MAX_MESSAGE_BYTES {
            errors.push(ConfigError::value("limits.max_message_bytes", "must be at most 64MiB"));
        }
        for (key, value) in
            [("handshake_timeout", limits.handshake_timeout), ("max_deadline", limits.max_deadline)]
        {
            if value.is_zero() {
                errors.push(ConfigError::value(format!("limits.{key}"), "must be longer than 0"));
            }
        }
    }

    fn check_cloud(&self, errors: &mut Vec<ConfigError>) {
        let days = self.cloud.aws.cloudwatch.log_retention_days;
        if !LOG_RETENTION_DAYS.contains(&days) {
            let known: Vec<String> = LOG_RETENTION_DAYS.iter().map(ToString::to_string).collect();
            let problem =
                format!("{days}: CloudWatch takes {} or 0", known.get(1..).unwrap_or_default().join(", "));
            errors.push(ConfigError::value("cloud.aws.cloudwatch.log_retention_days", problem));
        }
        let aws = &self.cloud.aws;
        if self.cloud.provider == Provider::Aws && !cfg!(feature = "aws") {
            let problem = "this program was built without `aws`: use `local`";
            errors.push(ConfigError::value("cloud.provider", problem));
        }
        if aws.region.as_deref().is_some_and(|region| {
            region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        }) {
            let problem = "is not a region's name, such as `us-east-1`";
            errors.push(ConfigError::value("cloud.aws.region", problem));
        }
        if aws.calls.attempts == 0 {
            errors.push(ConfigError::value("cloud.aws.calls.attempts", "must be at least 1"));
        }
        for (key, value) in [
            ("calls.connect_timeout", aws.calls.connect_timeout),
            ("calls.attempt_timeout", aws.calls.attempt_timeout),
            ("calls.timeout", aws.calls.timeout),
            ("cloudwatch.metrics_interval", aws.cloudwatch.metrics_interval),
        ] {
            if value.is_zero() {
                errors.push(ConfigError::value(format!("cloud.aws.{key}"), "must be longer than 0"));
            }
        }
        for (key, name) in [
            ("tls_prefix", format!("{}key", aws.secrets_manager.tls_prefix)),
            ("redact_key", aws.secrets_manager.redact_key.clone()),
        ] {
            if let Err(error) = check_secret_name(&name) {
                errors.push(ConfigError::value(format!("cloud.aws.secrets_manager.{key}"), error));
            }
        }
        self.check_addresses(errors);
        self.check_names(errors);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
        let results = aws.s3.results_bucket.as_ref().map(|bucket| ("results_bucket", bucket));
        for (key, bucket) in [("bucket", &aws.s3.bucket)].into_iter().chain(results) {
            if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(plain) {
                let problem = format!("`{bucket}` is not a bucket's name: 3 to 63 of a-z, 0-9, `.` and `-`");
                errors.push(ConfigError::value(format!("cloud.aws.s3.{key}"), problem));
            }
        }
        for (key, prefix) in [
            ("models_prefix", &aws.s3.models_prefix),
            ("results_prefix", &aws.s3.results_prefix),
            ("configs_prefix", &aws.s3.configs_prefix),
        ] {
            if prefix.starts_with('/') || !prefix.ends_with('/') {
                let problem = "must end with `/` and not begin with it";
                errors.push(ConfigError::value(format!("cloud.aws.s3.{key}"), problem));
            }
        }
        if aws.cloudwatch.namespace.is_empty() || aws.cloudwatch.namespace.starts_with("AWS/") {
            let problem = "must not be empty or begin with `AWS/`";
            errors.push(ConfigError::value("cloud.aws.cloudwatch.namespace", problem));
        }
    }

    fn check_addresses(&self, errors: &mut Vec<ConfigError>) {
        let aws = &self.cloud.aws;
        for (key, address, example) in [
            ("endpoint", &aws.endpoint, "http://127.0.0.1:5000"),
            ("xray.collector", &aws.xray.collector, "http://127.0.0.1:4317"),
        ] {
            if let Some(address) = address.as_ref().filter(|address| !is_url(address)) {
                let problem = format!("`{address}` is not an address such as `{example}`");
                errors.push(ConfigError::value(format!("cloud.aws.{key}"), problem));
            }
        }
    }

    /// The names of keys and of what CloudWatch keeps.
    fn check_names(&self, errors: &mut Vec<ConfigError>) {
        let AwsConfig { kms, cloudwatch, .. } = &self.cloud.aws;
        for (key, id) in [
            ("audit_key", &kms.audit_key),
            ("redaction_key", &kms.redaction_key),
            ("signing_key", &kms.signing_key),
        ] {
            if id.trim().is_empty() {
                let problem = "empty: name a key by its alias, its id or its ARN";
                errors.push(ConfigError::value(format!("cloud.aws.kms.{key}"), problem));
            }
        }
        let (group, stream) = (&cloudwatch.log_group, cloudwatch.log_stream.as_deref().unwrap_or_default());
        let letter = |c: char| c.is_ascii_alphanumeric() || "_/.#-".contains(c);
        if !(1..=512).contains(&group.len()) || !group.chars().all(letter) {
            let problem = format!("`{group}` is not a log group's name: 1 to 512 of a-zA-Z0-9_/.#-");
            errors.push(ConfigError::value("cloud.aws.cloudwatch.log_group", problem));
        }
        // An empty one stands for one of the process's own.
        if stream.len() > 512 || stream.contains([':', '*']) {
            let problem = format!("`{stream}` is not a log stream's name: 1 to 512, without `:` and `*`");
            errors.push(ConfigError::value("cloud.aws.cloudwatch.log_stream", problem));
        }
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.uses_development_certificates() {
            warnings.push("development certificates: their authority's key lies beside them".to_owned());
            if !self.listen.ip().is_loopback() {
                warnings.push(format!("development certificates are served on {}", self.listen));
            }
        }
        let outside = |address: IpAddr| !address.is_loopback();
        if let Some(admin) = self.admin.listen.filter(|admin| outside(admin.ip())) {
            warnings.push(format!("metrics are served without authentication on {admin}"));
        }
        warnings
    }
}

/// Says whether this is the address of a service over HTTP.
fn is_url(text: &str) -> bool {
    text.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    })
}

/// Says whether files could be made in `dir`, or in what is there of its parents.
fn check_writable(dir: &Path) -> std::io::Result<()> {
    let existing =
        dir.ancestors().map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    let Some(existing) = existing.into_iter().find(|path| path.exists()) else { return Ok(()) };
    let probe = existing.join(format!(".llm-shield-check-{}", std::process::id()));
    fs::write(&probe, b"")?;
    fs::remove_file(probe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_of_aws_are_checked() {
        let wrong = |change: &dyn Fn(&mut AwsConfig)| {
            let mut config = Config::default();
            change(&mut config.cloud.aws);
            let mut errors = Vec::new();
            config.check_cloud(&mut errors);
            errors.iter().map(ToString::to_string).collect::<String>()
        };
        assert_eq!(wrong(&|_| {}), "");
        for address in ["localhost:5000", "127.0.0.1", "ftp://a", "http://", "", "http:// a"] {
            assert!(wrong(&|aws| aws.endpoint = Some(address.into())).contains("cloud.aws.endpoint"));
            let collector = wrong(&|aws| aws.xray.collector = Some(address.into()));
            assert!(collector.contains("cloud.aws.xray.collector"), "{address}");
        }
        assert_eq!(wrong(&|aws| aws.endpoint = Some("https://[::1]:5000".into())), "");
        assert!(wrong(&|aws| aws.kms.audit_key = " ".into()).contains("cloud.aws.kms.audit_key"));
        for group in ["", "a b", "a:b", &"a".repeat(513)] {
            assert!(wrong(&|aws| aws.cloudwatch.log_group = group.into()).contains("log_group"), "{group}");
        }
        for stream in ["a:b", "a*", &"a".repeat(513)] {
            let problem = wrong(&|aws| aws.cloudwatch.log_stream = Some(stream.into()));
            assert!(problem.contains("log_stream"), "{stream}");
        }
        assert_eq!(wrong(&|aws| aws.cloudwatch.log_stream = Some(String::new())), "");
    }
}
