//! The parts that AWS keeps. What is left behind: the log group and stream that the server would make, too, a metric, and
//! an object of a few bytes below the audit log's prefix where the server may not delete.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use llm_shield_cloud::{
    CloudError, CloudKeyManager as _, CloudMetrics as _, CloudSecretManager as _, CloudStorage as _,
    EncryptionContext, Metric,
};
use llm_shield_cloud_aws::{
    Aws, AwsKms, AwsS3Storage, AwsSecretsManager, CloudWatchMetrics, Identity, MetricsOptions,
};
use tempfile::TempDir;

use super::{Finding, explain};
use crate::{
    cloud::aws as parts,
    config::{AwsConfig, Config, PoliciesConfig},
    error::ServerError,
    model::registry::{Registry, RegistryError},
    policies::Policies,
    tls::Trust,
};

/// AWS refuses what is signed at another time than this around its own.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(300);

/// What the commands name.
struct Commands<'a> {
    config: &'a AwsConfig,
    region: String,
    role: String,
}

pub(super) async fn examine(whole: &Config) -> Vec<Finding> {
    let config = &whole.cloud.aws;
    let aws = match parts::load(config).await {
        Ok(aws) => aws,
        Err(error) => {
            let commands = vec!["aws configure list".to_owned(), "export AWS_REGION=us-east-1".to_owned()];
            return vec![Finding::bad("region", explain(&error), commands)];
        }
    };
    let mut findings = vec![Finding::good("region", aws.region())];
    let identity = aws.identity().await;
    let role = identity.as_ref().ok().and_then(role_of).unwrap_or_else(|| "ROLE".to_owned());
    let commands = Commands { config, region: aws.region().to_owned(), role };
    findings.push(match &identity {
        Ok(identity) => {
            Finding::good("identity", format!("{} in account {}", identity.arn, identity.account))
        }
        Err(error) => Finding::bad("identity", explain(error), commands.identity()),
    });
    if identity.is_err_and(|error| error.is_transient()) {
        // Nothing else would answer either, and each would take its time over that.
        return findings;
    }
    // All at the same time: what hangs holds up nothing else.
    let (clock, keys, secrets, buckets, policies, model, watch, collector) = tokio::join!(
        clock(&aws),
        keys(&aws, &commands),
        secrets(&aws, whole, &commands),
        buckets(&aws, whole, &commands),
        policies(&aws, whole, &commands),
        model(&aws, whole, &commands),
        watch(&aws, &commands),
        collector(config),
    );
    findings.push(clock);
    for of_one in [keys, secrets, buckets] {
        findings.extend(of_one);
    }
    findings.extend(policies);
    findings.extend(model);
    findings.extend(watch);
    findings.extend(collector);
    findings
}

async fn clock(aws: &Aws) -> Finding {
    let set = vec!["timedatectl status".to_owned(), "sudo chronyc makestep".to_owned()];
    match aws.clock_offset().await {
        Ok(offset) if offset < CLOCK_TOLERANCE => {
            Finding::good("clock", format!("{} s from AWS's", offset.as_secs()))
        }
        Ok(offset) => {
            Finding::bad("clock", format!("{} s from AWS's: requests are refused", offset.as_secs()), set)
        }
        Err(error) => Finding::bad("clock", explain(&error), set),
    }
}

async fn keys(aws: &Aws, commands: &Commands<'_>) -> Vec<Finding> {
    let kms = AwsKms::new(aws);
    let ids = &commands.config.kms;
    let mut findings = Vec::new();
    let mut wrapping = vec![&ids.audit_key];
    if !commands.config.secrets_manager.enabled {
        wrapping.push(&ids.redaction_key);
    }
    for id in wrapping {
        let context = EncryptionContext::new().with("tenant", "doctor").with("purpose", "doctor");
        let outcome = async {
            let key = kms.generate_data_key(id, &context).await?;
            kms.decrypt(&key.wrapped, &context).await
        };
        findings.push(match outcome.await {
            Ok(_) => Finding::good(format!("key {id}"), "wraps and unwraps keys"),
            Err(error) => Finding::bad(format!("key {id}"), explain(&error), commands.key(id, &error)),
        });
    }
    let id = &ids.signing_key;
    let outcome = async {
        let signature = kms.sign(id, b"llm-shield doctor").await?;
        kms.verify(id, b"llm-shield doctor", &signature).await
    };
    findings.push(match outcome.await {
        Ok(true) => Finding::good(format!("key {id}"), "signs, and its public key verifies"),
        Ok(false) => {
            let problem = "its signature does not verify with its public key";
            Finding::bad(format!("key {id}"), problem, vec![commands.describe_key(id)])
        }
        Err(error) => Finding::bad(format!("key {id}"), explain(&error), commands.key(id, &error)),
    });
    findings
}

async fn secrets(aws: &Aws, whole: &Config, commands: &Commands<'_>) -> Vec<Finding> {
    let settings = &commands.config.secrets_manager;
    if !settings.enabled {
        return Vec::new();
    }
    let secrets = Arc::new(parts::secrets(aws, commands.config));
    let tls = parts::TLS_FILES.map(|name| format!("{}{name}", settings.tls_prefix));
    let mut findings = Vec::new();
    for name in tls.iter().chain([&settings.redact_key]) {
        let what = format!("secret {name}");
        findings.push(match secrets.get_secret(name).await {
            Ok(value) if *name == settings.redact_key && value.len() < 32 => {
                let random = "openssl rand -base64 48 > FILE".to_owned();
                let put = format!(
                    "aws secretsmanager put-secret-value --secret-id {name} --secret-string file://FILE --region {}",
                    commands.region
                );
                Finding::bad(what, format!("{} bytes, of 32 at least", value.len()), vec![random, put])
            }
            Ok(value) => Finding::good(what, format!("{} bytes", value.len())),
            Err(error) => Finding::bad(what, explain(&error), commands.secret(name, &error)),
        });
    }
    let all_there = findings.iter().take(tls.len()).all(|finding| finding.state.is_ok());
    if whole.tls_from_secrets() && all_there {
        findings.push(certificates(secrets, commands.config).await);
    }
    findings
}

/// Makes of the secrets what the server makes of them.
async fn certificates(secrets: Arc<AwsSecretsManager>, config: &AwsConfig) -> Finding {
    let what = format!("certificates {}", config.secrets_manager.tls_prefix);
    let outcome = async {
        let directory = temporary("the certificates")?;
        let files = parts::copy_certificates(directory.path(), secrets, config).await?;
        Ok::<_, ServerError>(Trust::load(&files, 0)?)
    };
    match outcome.await {
        Ok(_) => Finding::good(what, "the key goes with the certificate"),
        Err(error) => {
            let show = "openssl x509 -in cert.pem -noout -subject -dates".to_owned();
            let compare =
                "openssl x509 -in cert.pem -noout -pubkey; openssl pkey -in key.pem -pubout".to_owned();
            Finding::bad(what, explain(&error), vec![show, compare])
        }
    }
}

fn temporary(what: &'static str) -> Result<TempDir, ServerError> {
    tempfile::tempdir().map_err(|error| ServerError::Setup { what, problem: error.to_string() })
}

/// The bucket of models and policies, and that of the audit log, which may be the same.
async fn buckets(aws: &Aws, whole: &Config, commands: &Commands<'_>) -> Vec<Finding> {
    let settings = &commands.config.s3;
    let mut findings = bucket(
        &parts::bucket(aws, commands.config),
        &[&settings.configs_prefix, &settings.models_prefix],
        commands,
    )
    .await;
    let results = parts::archive(aws, commands.config);
    findings.extend(bucket(&results, &[&settings.results_prefix], commands).await);
    findings.push(writes(&results, &settings.results_prefix, commands).await);
    findings.extend(lock(&results, whole, commands).await);
    findings
}

/// Writes an object of a few bytes, always the same, and takes it away again where that is allowed.
async fn writes(storage: &AwsS3Storage, prefix: &str, commands: &Commands<'_>) -> Finding {
    let what = format!("records s3://{}/{prefix}", storage.bucket());
    let key = format!("{prefix}doctor");
    match storage.put_object(&key, Bytes::from_static(b"llm-shield doctor")).await {
        Ok(_) => {
            // The service never deletes, and need not be allowed to.
            drop(storage.delete_object(&key).await);
            Finding::good(what, "can be written")
        }
        Err(error) => Finding::bad(what, explain(&error), commands.bucket(storage.bucket(), &error)),
    }
}

/// Looks whether a bucket can keep objects for as long as the configuration says.
async fn lock(storage: &AwsS3Storage, whole: &Config, commands: &Commands<'_>) -> Option<Finding> {
    if !whole.audit.retention.keeps() {
        return None;
    }
    let what = format!("Object Lock of {}", storage.bucket());
    Some(match storage.has_object_lock().await {
        Ok(true) => Finding::good(what, "on"),
        Ok(false) => {
            let (bucket, region) = (storage.bucket(), &commands.region);
            let versions = format!(
                "aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled --region {region}"
            );
            let lock = format!(
                "aws s3api put-object-lock-configuration --bucket {bucket} --object-lock-configuration ObjectLockEnabled=Enabled --region {region}"
            );
            Finding::bad(what, "off, and `audit.retention` needs it", vec![versions, lock])
        }
        Err(CloudError::AccessDenied { .. }) => {
            Finding::good(what, "may not be asked for (s3:GetBucketObjectLockConfiguration)")
        }
        Err(error) => Finding::bad(what, explain(&error), commands.bucket(storage.bucket(), &error)),
    })
}

async fn bucket(storage: &AwsS3Storage, prefixes: &[&str], commands: &Commands<'_>) -> Vec<Finding> {
    let what = format!("bucket {}", storage.bucket());
    if let Err(error) = storage.check().await {
        return vec![Finding::bad(what, explain(&error), commands.bucket(storage.bucket(), &error))];
    }
    let mut findings = vec![Finding::good(what, "there, and in this region")];
    for prefix in prefixes {
        let what = format!("objects s3://{}/{prefix}", storage.bucket());
        findings.push(match storage.list_objects_with_limit(prefix, 1).await {
            Ok(_) => Finding::good(what, "can be listed"),
            Err(error) => Finding::bad(what, explain(&error), commands.bucket(storage.bucket(), &error)),
        });
    }
    findings
}

/// Reads the policies in the bucket as the server does.
async fn policies(aws: &Aws, config: &Config, commands: &Commands<'_>) -> Option<Finding> {
    if !config.policies_from_bucket() {
        return None;
    }
    let source = format!("s3://{}/{}", config.cloud.aws.s3.bucket, config.cloud.aws.s3.configs_prefix);
    let what = format!("policies {source}");
    let outcome = async {
        let directory = temporary("the policies")?;
        let storage = Arc::new(parts::bucket(aws, &config.cloud.aws));
        let dir = parts::copy_policies(directory.path(), storage, &config.cloud.aws).await?;
        let settings = PoliciesConfig { dir: Some(dir), ..config.policies.clone() };
        Ok::<_, ServerError>(Policies::load(&settings)?)
    };
    Some(match outcome.await {
        Ok(policies) => Finding::good(what, format!("good: {}", policies.names().join(", "))),
        Err(error) => {
            let region = &commands.region;
            let copied = format!("aws s3 cp --recursive {source} policies/ --region {region}");
            let check = "llm-shield policy check policies/*.yaml".to_owned();
            Finding::bad(what, explain(&error), vec![copied, check])
        }
    })
}

/// Asks the model store which version decides, where the configuration names a model.
async fn model(aws: &Aws, config: &Config, commands: &Commands<'_>) -> Option<Finding> {
    let name = config.model.name.as_ref().filter(|_| config.model.enabled)?;
    let settings = &config.cloud.aws.s3;
    let what = format!("model {name}");
    let storage = Arc::new(parts::bucket(aws, &config.cloud.aws));
    let registry = Registry::new(storage, &settings.models_prefix);
    Some(match registry.channel(name).await {
        Ok(channel) => Finding::good(what, format!("version {} decides", channel.current.version)),
        Err(RegistryError::Storage(error)) => {
            Finding::bad(what, explain(&error), commands.bucket(&settings.bucket, &error))
        }
        Err(error) => {
            let store = format!("--store s3://{}", settings.bucket);
            let commands = [format!("list {store}"), format!("promote {name} VERSION {store}")];
            let commands = commands.map(|command| format!("llm-shield model {command}"));
            Finding::bad(what, explain(&error), commands.to_vec())
        }
    })
}

async fn watch(aws: &Aws, commands: &Commands<'_>) -> Vec<Finding> {
    if !commands.config.cloudwatch.enabled {
        return Vec::new();
    }
    let logger = parts::logger(aws, commands.config);
    let what = format!("log group {}", logger.group());
    let logs = match logger.prepare().await {
        Ok(()) => Finding::good(what, "there, and the stream too"),
        Err(error) => Finding::bad(what, explain(&error), commands.logs()),
    };
    let namespace = format!("{}/API", commands.config.cloudwatch.namespace);
    let metrics = CloudWatchMetrics::with(aws, &namespace, MetricsOptions::default());
    let sent = async {
        metrics.export_metric(&Metric::new("DoctorRuns", 1.0)).await?;
        metrics.flush().await
    };
    let what = format!("metrics {namespace}");
    let metrics = match sent.await {
        Ok(()) => Finding::good(what, "can be sent"),
        Err(error) => Finding::bad(what, explain(&error), commands.metrics()),
    };
    vec![logs, metrics]
}

/// Connects to the collector of spans, where there is one.
async fn collector(config: &AwsConfig) -> Option<Finding> {
    /// The port of OTLP over gRPC, where the address names none.
    const PORT: u16 = 4317;
    let collector = config.xray.collector.as_ref()?;
    let what = format!("collector {collector}");
    let uri: http::Uri = match collector.parse() {
        Ok(uri) => uri,
        Err(error) => {
            let right =
                vec!["export LLM_SHIELD__CLOUD__AWS__XRAY__COLLECTOR=http://127.0.0.1:4317".to_owned()];
            return Some(Finding::bad(what, format!("is no address: {error}"), right));
        }
    };
    let (host, port) = (uri.host().unwrap_or_default().to_owned(), uri.port_u16().unwrap_or(PORT));
    let commands = vec![format!("nc -vz {host} {port}")];
    let connect = tokio::net::TcpStream::connect((host.trim_matches(['[', ']']), port));
    Some(match tokio::time::timeout(Duration::from_secs(3), connect).await {
        Ok(Ok(_)) => Finding::good(what, "reachable"),
        Ok(Err(error)) => Finding::bad(what, error.to_string(), commands),
        Err(_elapsed) => Finding::bad(what, "no answer within 3 s", commands),
    })
}

/// `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION`
fn role_of(identity: &Identity) -> Option<String> {
    let mut parts = identity.arn.rsplit(':').next()?.split('/');
    matches!(parts.next()?, "assumed-role" | "role").then(|| parts.next().map(str::to_owned))?
}

impl Commands<'_> {
    fn identity(&self) -> Vec<String> {
        vec!["aws sts get-caller-identity".to_owned(), "aws configure list".to_owned()]
    }

    fn permissions(&self) -> Vec<String> {
        vec![
            "aws sts get-caller-identity".to_owned(),
            format!("aws iam list-attached-role-policies --role-name {}", self.role),
        ]
    }

    fn describe_key(&self, id: &str) -> String {
        format!("aws kms describe-key --key-id {id} --region {}", self.region)
    }

    fn key(&self, id: &str, error: &CloudError) -> Vec<String> {
        let region = &self.region;
        match error {
            CloudError::NotFound { .. } => {
                let spec = if *id == self.config.kms.signing_key {
                    " --key-usage SIGN_VERIFY --key-spec ECC_NIST_P256"
                } else {
                    ""
                };
                vec![
                    format!("aws kms list-aliases --region {region}"),
                    format!("aws kms create-key{spec} --region {region}"),
                    format!(
                        "aws kms create-alias --alias-name {id} --target-key-id KEY_ID --region {region}"
                    ),
                ]
            }
            CloudError::AccessDenied { .. } => {
                let mut commands = vec![self.describe_key(id)];
                commands.extend(self.permissions());
                commands
            }
            _ => vec![self.describe_key(id)],
        }
    }

    fn secret(&self, name: &str, error: &CloudError) -> Vec<String> {
        let region = &self.region;
        match error {
            CloudError::NotFound { .. } => vec![
                format!(
                    "aws secretsmanager list-secrets --filters Key=name,Values=llm-shield --region {region}"
                ),
                format!(
                    "aws secretsmanager create-secret --name {name} --secret-string file://FILE --region {region}"
                ),
            ],
            _ => {
                let mut commands = self.permissions();
                commands.push(format!(
                    "aws secretsmanager get-secret-value --secret-id {name} --query ARN --region {region}"
                ));
                commands
            }
        }
    }

    fn bucket(&self, bucket: &str, error: &CloudError) -> Vec<String> {
        let region = &self.region;
        match error {
            CloudError::NotFound { .. } => {
                vec!["aws s3 ls".to_owned(), "export LLM_SHIELD_S3_BUCKET=BUCKET".to_owned()]
            }
            CloudError::Invalid { .. } => vec![
                format!("aws s3api get-bucket-location --bucket {bucket}"),
                "export AWS_REGION=REGION".to_owned(),
            ],
            _ => {
                let mut commands = vec![
                    format!("aws s3 ls s3://{bucket} --region {region}"),
                    format!("aws s3api get-bucket-policy --bucket {bucket}"),
                ];
                commands.extend(self.permissions());
                commands
            }
        }
    }

    fn logs(&self) -> Vec<String> {
        let (group, region) = (&self.config.cloudwatch.log_group, &self.region);
        let mut commands = vec![
            format!("aws logs describe-log-groups --log-group-name-prefix {group} --region {region}"),
            format!("aws logs create-log-group --log-group-name {group} --region {region}"),
        ];
        commands.extend(self.permissions());
        commands
    }

    fn metrics(&self) -> Vec<String> {
        let (namespace, region) = (&self.config.cloudwatch.namespace, &self.region);
        let mut commands =
            vec![format!("aws cloudwatch list-metrics --namespace {namespace}/API --region {region}")];
        commands.extend(self.permissions());
        commands
    }
}
