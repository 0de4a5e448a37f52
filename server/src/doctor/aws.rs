//! The parts that AWS keeps. What is left behind: the log group and stream that the server would make, too, a metric, and
//! an object of a few bytes below the audit log's prefix where the server may not delete.

mod commands;

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use llm_shield_cloud::{
    CloudError, CloudKeyManager as _, CloudMetrics as _, CloudSecretManager as _, CloudStorage as _,
    EncryptionContext, Metric,
};
use llm_shield_cloud_aws::{
    Aws, AwsKms, AwsS3Storage, AwsSecretsManager, CloudWatchMetrics, Identity, MetricsOptions,
};
use tempfile::TempDir;
use tokio::time::timeout;

use self::commands::{Commands, quoted};
use super::{Finding, Findings, explain};
use crate::{
    cloud::aws as parts,
    config::{AwsConfig, Config, PoliciesConfig},
    error::ServerError,
    model::registry::{Registry, RegistryError},
    policies::Policies,
    redaction_keys::MIN_SECRET_BYTES,
    tls::{TlsFiles, Trust},
};

/// AWS refuses what is signed at another time than this around its own.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(300);

/// What one question may take, with all that the SDK tries again.
const LONGEST: Duration = Duration::from_secs(10);

/// What AWS says of a signature of another time.
const OTHER_TIMES: [&str; 4] =
    ["RequestTimeTooSkewed", "RequestExpired", "Signature not yet current", "Signature expired"];

/// Looks at one account for one configuration.
struct Examiner<'a> {
    aws: &'a Aws,
    whole: &'a Config,
    config: &'a AwsConfig,
    commands: Commands<'a>,
    findings: &'a Findings,
}

pub(super) async fn examine(whole: &Config, findings: &Findings) {
    let config = &whole.cloud.aws;
    let aws = match parts::load(config).await {
        Ok(aws) => aws,
        Err(error) => {
            let commands = vec!["aws configure list".to_owned(), "export AWS_REGION=us-east-1".to_owned()];
            return findings.tell(Finding::bad("region", explain(&error), commands));
        }
    };
    findings.tell(Finding::good("region", aws.region()));
    let identity = within("the caller's identity", aws.identity()).await;
    let role = identity.as_ref().ok().and_then(role_of).unwrap_or_else(|| "ROLE".to_owned());
    let endpoint = aws.endpoint().map(str::to_owned);
    let commands = Commands { config, region: aws.region().to_owned(), role, endpoint };
    let examiner = Examiner { aws: &aws, whole, config, commands, findings };
    match &identity {
        Ok(Identity { arn, account }) => examiner.good("identity", format!("{arn} in account {account}")),
        Err(error) => examiner.bad("identity", error, examiner.commands.identity(error)),
    }
    if identity.as_ref().is_err_and(is_of_another_time) {
        examiner.clock().await;
    }
    // Nobody would answer anything else, either, or everything would be refused for the same reason. Only where this one
    // question is not allowed, others may be.
    if identity.is_err_and(|error| !explain(&error).contains("AccessDenied")) {
        return;
    }
    // All at the same time: what hangs holds up nothing else.
    tokio::join!(
        examiner.clock(),
        examiner.keys(),
        examiner.secrets(),
        examiner.buckets(),
        examiner.policies(),
        examiner.model(),
        examiner.logs(),
        examiner.metrics(),
        examiner.collector(),
    );
}

/// Waits for an answer, and no longer than is sensible.
async fn within<T, E: From<CloudError>>(
    what: &str,
    question: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    timeout(LONGEST, question).await.unwrap_or_else(|_elapsed| {
        let source = Some(format!("no answer within {} s", LONGEST.as_secs()).into());
        Err(CloudError::Unavailable { what: what.to_owned(), source }.into())
    })
}

fn is_of_another_time(error: &CloudError) -> bool {
    let text = explain(error);
    OTHER_TIMES.iter().any(|words| text.contains(words))
}

fn temporary(what: &'static str) -> Result<TempDir, ServerError> {
    tempfile::tempdir().map_err(|error| ServerError::Setup { what, problem: error.to_string() })
}

impl Examiner<'_> {
    fn good(&self, what: impl Into<String>, told: impl Into<String>) {
        self.findings.tell(Finding::good(what, told));
    }

    /// Tells what AWS has said, and `commands` unless it is the clock's fault or that of another endpoint.
    fn bad(&self, what: impl Into<String>, error: &CloudError, commands: Vec<String>) {
        let mut problem = explain(error);
        let commands = match (error, &self.commands.endpoint) {
            _ if is_of_another_time(error) => Commands::clock(),
            (CloudError::Unavailable { .. }, Some(endpoint)) => {
                problem.push_str(&format!("; the endpoint is {endpoint}"));
                self.commands.endpoint_is_away().unwrap_or(commands)
            }
            _ => commands,
        };
        self.findings.tell(Finding::bad(what, problem, commands));
    }

    async fn clock(&self) {
        match within("the time", self.aws.clock_offset()).await {
            Ok(offset) if offset < CLOCK_TOLERANCE => {
                self.good("clock", format!("{} s from AWS's", offset.as_secs()));
            }
            Ok(offset) => {
                let problem = format!("{} s from AWS's: requests are refused", offset.as_secs());
                self.findings.tell(Finding::bad("clock", problem, Commands::clock()));
            }
            Err(error) => self.bad("clock", &error, self.commands.identity(&error)),
        }
    }

    async fn keys(&self) {
        let kms = AwsKms::new(self.aws);
        let ids = &self.config.kms;
        let mut wrapping = vec![&ids.audit_key];
        if !self.config.secrets_manager.enabled {
            wrapping.push(&ids.redaction_key);
        }
        for id in wrapping {
            let context = EncryptionContext::new().with("tenant", "doctor").with("purpose", "doctor");
            let outcome = within(id, async {
                let key = kms.generate_data_key(id, &context).await?;
                kms.decrypt(&key.wrapped, &context).await
            });
            match outcome.await {
                Ok(_) => self.good(format!("key {id}"), "wraps and unwraps keys"),
                Err(error) => {
                    self.bad(format!("key {id}"), &error, self.commands.key(id, &error));
                    if error.is_transient() {
                        return;
                    }
                }
            }
        }
        self.signing_key(&kms).await;
    }

    async fn signing_key(&self, kms: &AwsKms) {
        let id = &self.config.kms.signing_key;
        let what = format!("key {id}");
        let outcome = within(id, async {
            // Says of a key of the wrong kind what it should be.
            kms.public_key(id).await?;
            let signature = kms.sign(id, b"llm-shield doctor").await?;
            kms.verify(id, b"llm-shield doctor", &signature).await
        });
        match outcome.await {
            Ok(true) => self.good(what, "signs, and its public key verifies"),
            Ok(false) => {
                let problem = "its signature does not verify with its public key";
                self.findings.tell(Finding::bad(what, problem, vec![self.commands.describe_key(id)]));
            }
            Err(error) => self.bad(what, &error, self.commands.key(id, &error)),
        }
    }

    async fn secrets(&self) {
        let settings = &self.config.secrets_manager;
        if !settings.enabled {
            return;
        }
        let secrets = Arc::new(parts::secrets(self.aws, self.config));
        let tls = parts::TLS_FILES.map(|name| format!("{}{name}", settings.tls_prefix));
        let mut all_there = true;
        for name in tls.iter().chain([&settings.redact_key]) {
            let what = format!("secret {name}");
            match within(name, secrets.get_secret(name)).await {
                Ok(value) if *name == settings.redact_key && value.len() < MIN_SECRET_BYTES => {
                    let random = "openssl rand -base64 48 > FILE".to_owned();
                    let problem = format!("{} bytes, of {MIN_SECRET_BYTES} at least", value.len());
                    let commands = vec![random, self.commands.put_secret(name, "FILE")];
                    self.findings.tell(Finding::bad(what, problem, commands));
                }
                Ok(value) => self.good(what, format!("{} bytes", value.len())),
                Err(error) => {
                    self.bad(what, &error, self.commands.secret(name, &error));
                    if error.is_transient() {
                        return;
                    }
                    all_there &= *name == settings.redact_key;
                }
            }
        }
        if self.whole.tls_from_secrets() && all_there {
            self.certificates(secrets).await;
        }
    }

    /// Makes of the secrets what the server makes of them.
    async fn certificates(&self, secrets: Arc<AwsSecretsManager>) {
        let prefix = &self.config.secrets_manager.tls_prefix;
        let what = format!("certificates {prefix}");
        let outcome = within(&what, async {
            let directory = temporary("the certificates")?;
            let files = parts::copy_certificates(directory.path(), secrets, self.config).await?;
            Ok::<_, ServerError>(
                Trust::load(&files, 0).map_err(|error| name_secrets(&error.to_string(), &files, prefix)),
            )
        });
        match outcome.await {
            Ok(Ok(_)) => self.good(what, "the key goes with the certificate"),
            Ok(Err(problem)) => {
                let commands = self.commands.certificates(&parts::TLS_FILES);
                self.findings.tell(Finding::bad(what, problem, commands));
            }
            Err(ServerError::Cloud(error)) => {
                let commands = self.commands.secret(&format!("{prefix}cert"), &error);
                self.bad(what, &error, commands);
            }
            Err(error) => self.findings.tell(Finding::bad(what, explain(&error), Vec::new())),
        }
    }

    /// The bucket of models and policies, and that of the audit log, which may be the same.
    async fn buckets(&self) {
        let settings = &self.config.s3;
        let configs = [settings.configs_prefix.as_str(), &settings.models_prefix];
        let (storage, results) =
            (parts::bucket(self.aws, self.config), parts::archive(self.aws, self.config));
        if storage.bucket() == results.bucket() {
            if self.bucket(&results, &[configs[0], configs[1], &settings.results_prefix]).await {
                self.archive(&results).await;
            }
            return;
        }
        tokio::join!(self.bucket(&storage, &configs), async {
            if self.bucket(&results, &[&settings.results_prefix]).await {
                self.archive(&results).await;
            }
        });
    }

    /// Looks whether a bucket is there and its objects can be listed; returns whether more is worth a question.
    async fn bucket(&self, storage: &AwsS3Storage, prefixes: &[&str]) -> bool {
        let name = storage.bucket();
        let what = format!("bucket {name}");
        if let Err(error) = within(&what, storage.check()).await {
            self.bad(what, &error, self.commands.bucket(name, &error));
            // Who may not ask about the whole may still use a part.
            if !matches!(error, CloudError::AccessDenied { .. }) {
                return false;
            }
        } else {
            self.good(what, "there, and in this region");
        }
        for prefix in prefixes {
            let what = format!("objects s3://{name}/{prefix}");
            match within(&what, storage.list_objects_with_limit(prefix, 1)).await {
                Ok(_) => self.good(what, "can be listed"),
                Err(error) => {
                    self.bad(what, &error, self.commands.bucket(name, &error));
                    if error.is_transient() {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Looks whether the audit log can be kept in a bucket, and for as long as the configuration says.
    async fn archive(&self, storage: &AwsS3Storage) {
        if self.writes(storage).await && self.whole.audit.retention.keeps() {
            self.lock(storage).await;
        }
    }

    /// Writes an object of a few bytes, always the same, and takes it away again where that is allowed.
    async fn writes(&self, storage: &AwsS3Storage) -> bool {
        let prefix = &self.config.s3.results_prefix;
        let what = format!("records s3://{}/{prefix}", storage.bucket());
        let key = format!("{prefix}doctor");
        match within(&what, storage.put_object(&key, Bytes::from_static(b"llm-shield doctor"))).await {
            Ok(_) => {
                // The service never deletes, and need not be allowed to.
                drop(within(&what, storage.delete_object(&key)).await);
                self.good(what, "can be written");
                true
            }
            Err(error) => {
                self.bad(what, &error, self.commands.bucket(storage.bucket(), &error));
                !error.is_transient()
            }
        }
    }

    async fn lock(&self, storage: &AwsS3Storage) {
        let what = format!("Object Lock of {}", storage.bucket());
        match within(&what, storage.has_object_lock()).await {
            Ok(true) => self.good(what, "on"),
            Ok(false) => {
                let commands = self.commands.lock(storage.bucket());
                self.findings.tell(Finding::bad(what, "off, and `audit.retention` needs it", commands));
            }
            Err(CloudError::AccessDenied { .. }) => {
                self.good(what, "may not be asked for (s3:GetBucketObjectLockConfiguration)");
            }
            Err(error) => self.bad(what, &error, self.commands.bucket(storage.bucket(), &error)),
        }
    }

    /// Reads the policies in the bucket as the server does.
    async fn policies(&self) {
        if !self.whole.policies_from_bucket() {
            return;
        }
        let settings = &self.config.s3;
        let source = format!("s3://{}/{}", settings.bucket, settings.configs_prefix);
        let what = format!("policies {source}");
        let outcome = within(&what, async {
            let directory = temporary("the policies")?;
            let storage = Arc::new(parts::bucket(self.aws, self.config));
            let dir = parts::copy_policies(directory.path(), storage, self.config).await?;
            let settings = PoliciesConfig { dir: Some(dir), ..self.whole.policies.clone() };
            Ok::<_, ServerError>(Policies::load(&settings)?)
        });
        match outcome.await {
            Ok(policies) => self.good(what, format!("good: {}", policies.names().join(", "))),
            Err(ServerError::Cloud(error)) => {
                self.bad(what, &error, self.commands.bucket(&settings.bucket, &error));
            }
            Err(error) => {
                let commands = self.commands.policies(&source);
                self.findings.tell(Finding::bad(what, explain(&error), commands));
            }
        }
    }

    /// Asks the model store which version decides, where the configuration names a model.
    async fn model(&self) {
        let model = &self.whole.model;
        let Some(name) = model.name.as_ref().filter(|_| model.enabled) else { return };
        let settings = &self.config.s3;
        let what = format!("model {name}");
        let registry = Registry::new(Arc::new(parts::bucket(self.aws, self.config)), &settings.models_prefix);
        let outcome = within(&what, async { registry.channel(name).await });
        match outcome.await {
            Ok(channel) => self.good(what, format!("version {} decides", channel.current.version)),
            Err(RegistryError::Storage(error)) => {
                self.bad(what, &error, self.commands.bucket(&settings.bucket, &error));
            }
            Err(error) => {
                self.findings.tell(Finding::bad(what, explain(&error), self.commands.model(name)));
            }
        }
    }

    async fn logs(&self) {
        if !self.config.cloudwatch.enabled {
            return;
        }
        let logger = parts::logger(self.aws, self.config);
        let what = format!("log group {}", logger.group());
        match within(&what, logger.prepare()).await {
            Ok(()) => self.good(what, "there, and the stream too"),
            Err(error) => self.bad(what, &error, self.commands.logs()),
        }
    }

    async fn metrics(&self) {
        if !self.config.cloudwatch.enabled {
            return;
        }
        let namespace = format!("{}/API", self.config.cloudwatch.namespace);
        let metrics = CloudWatchMetrics::with(self.aws, &namespace, MetricsOptions::default());
        let what = format!("metrics {namespace}");
        let sent = within(&what, async {
            metrics.export_metric(&Metric::new("DoctorRuns", 1.0)).await?;
            metrics.flush().await
        });
        match sent.await {
            Ok(()) => self.good(what, "can be sent"),
            Err(error) => self.bad(what, &error, self.commands.metrics()),
        }
    }

    /// Connects to the collector of spans, where there is one.
    async fn collector(&self) {
        /// The port of OTLP over gRPC, where the address names none.
        const PORT: u16 = 4317;
        let Some(collector) = &self.config.xray.collector else { return };
        let what = format!("collector {collector}");
        let uri: http::Uri = match collector.parse() {
            Ok(uri) => uri,
            Err(error) => {
                let right =
                    vec!["export LLM_SHIELD__CLOUD__AWS__XRAY__COLLECTOR=http://127.0.0.1:4317".to_owned()];
                let finding = Finding::bad(what, format!("is no address: {error}"), right);
                return self.findings.tell(finding);
            }
        };
        let (host, port) = (uri.host().unwrap_or_default().to_owned(), uri.port_u16().unwrap_or(PORT));
        let commands = vec![format!("nc -vz {} {port}", quoted(&host))];
        let connect = tokio::net::TcpStream::connect((host.trim_matches(['[', ']']), port));
        self.findings.tell(match timeout(Duration::from_secs(3), connect).await {
            Ok(Ok(_)) => Finding::good(what, "reachable"),
            Ok(Err(error)) => Finding::bad(what, error.to_string(), commands),
            Err(_elapsed) => Finding::bad(what, "no answer within 3 s", commands),
        });
    }
}

/// Says of which secrets something is wrong, in place of the files that they were copied to.
fn name_secrets(problem: &str, files: &TlsFiles, prefix: &str) -> String {
    let [cert, key, client_ca] = parts::TLS_FILES;
    [(&files.cert, cert), (&files.key, key), (&files.client_ca, client_ca)].into_iter().fold(
        problem.to_owned(),
        |problem, (file, name)| {
            problem.replace(&file.display().to_string(), &format!("secret {prefix}{name}"))
        },
    )
}

/// `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION`
fn role_of(identity: &Identity) -> Option<String> {
    let mut parts = identity.arn.rsplit(':').next()?.split('/');
    matches!(parts.next()?, "assumed-role" | "role").then(|| parts.next().map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_to_blame_for_signatures_of_another_time() {
        let denied = |words: &str| CloudError::AccessDenied {
            what: "the caller's identity".to_owned(),
            source: Some(words.to_owned().into()),
        };
        for words in
            ["RequestTimeTooSkewed: too large", "SignatureDoesNotMatch: Signature not yet current: 1"]
        {
            assert!(is_of_another_time(&denied(words)), "{words}");
        }
        assert!(!is_of_another_time(&denied("ExpiredToken: The security token is expired")));
    }
}
