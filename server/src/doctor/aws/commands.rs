//! The commands that show more of what is wrong, or mend it.

use llm_shield_cloud::CloudError;

use super::explain;
use crate::config::AwsConfig;

/// What the commands name.
pub(super) struct Commands<'a> {
    pub(super) config: &'a AwsConfig,
    pub(super) region: String,
    pub(super) role: String,
    /// What takes the place of AWS's own endpoints, if anything does.
    pub(super) endpoint: Option<String>,
}

/// What the tags of keys say that they are for; permissions go by it.
const AUDIT: &str = "audit";
const REDACTION: &str = "redaction";
const SIGNING: &str = "signing";

impl Commands<'_> {
    pub(super) fn identity(&self, error: &CloudError) -> Vec<String> {
        if error.is_transient() {
            return self.endpoint_is_away().unwrap_or_else(|| {
                vec![format!("curl -v https://sts.{}.amazonaws.com", quoted(&self.region))]
            });
        }
        [
            "aws configure list",
            "aws sso login",
            "aws configure",
            "aws ec2 associate-iam-instance-profile --instance-id INSTANCE --iam-instance-profile Name=ROLE",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    pub(super) fn clock() -> Vec<String> {
        vec!["timedatectl status".to_owned(), "sudo chronyc makestep".to_owned()]
    }

    /// Looks whether there is somebody at the endpoint that takes AWS's place; none where AWS itself is meant.
    pub(super) fn endpoint_is_away(&self) -> Option<Vec<String>> {
        let endpoint = self.endpoint.as_ref()?;
        let right = if self.config.endpoint.is_some() {
            "export LLM_SHIELD__CLOUD__AWS__ENDPOINT=URL"
        } else {
            "unset AWS_ENDPOINT_URL"
        };
        Some(vec![format!("curl -v {}", quoted(endpoint)), right.to_owned()])
    }

    fn permissions(&self) -> Vec<String> {
        vec![
            "aws sts get-caller-identity".to_owned(),
            format!("aws iam list-attached-role-policies --role-name {}", quoted(&self.role)),
        ]
    }

    pub(super) fn describe_key(&self, id: &str) -> String {
        format!("aws kms describe-key --key-id {} --region {}", quoted(id), quoted(&self.region))
    }

    pub(super) fn key(&self, id: &str, error: &CloudError) -> Vec<String> {
        let text = explain(error);
        match error {
            CloudError::NotFound { .. } => {
                let mut commands = vec![format!("aws kms list-aliases --region {}", quoted(&self.region))];
                commands.extend(self.new_key(id, "create-alias"));
                commands
            }
            // One that is there and of another kind.
            CloudError::Invalid { .. } => {
                let mut commands = vec![self.describe_key(id)];
                commands.extend(self.new_key(id, "update-alias"));
                commands
            }
            _ if text.contains("pending deletion") || text.contains("PendingDeletion") => {
                vec![self.of_key("cancel-key-deletion", id), self.of_key("enable-key", id)]
            }
            _ if text.contains("DisabledException") || text.contains("disabled") => {
                vec![self.describe_key(id), self.of_key("enable-key", id)]
            }
            CloudError::AccessDenied { .. } => {
                let mut commands = vec![self.describe_key(id)];
                if text.contains("KMSInvalidStateException") {
                    commands.push(self.of_key("cancel-key-deletion", id));
                    commands.push(self.of_key("enable-key", id));
                }
                commands.extend(self.permissions());
                commands
            }
            _ => vec![self.describe_key(id)],
        }
    }

    /// Makes a key of the right kind, and has the name stand for it that the configuration has.
    fn new_key(&self, id: &str, name_it: &str) -> Vec<String> {
        let (kms, region) = (&self.config.kms, quoted(&self.region));
        let (used_for, setting) = if *id == *kms.signing_key {
            (SIGNING, "SIGNING_KEY")
        } else if *id == *kms.audit_key {
            (AUDIT, "AUDIT_KEY")
        } else {
            (REDACTION, "REDACTION_KEY")
        };
        let kind = if used_for == SIGNING { " --key-usage SIGN_VERIFY --key-spec ECC_NIST_P256" } else { "" };
        let make = format!(
            "aws kms create-key{kind} --tags TagKey=llm-shield-key,TagValue={used_for} --region {region}"
        );
        let name = match alias(id) {
            Some(alias) => {
                format!(
                    "aws kms {name_it} --alias-name {} --target-key-id KEY_ID --region {region}",
                    quoted(alias)
                )
            }
            None => format!("export LLM_SHIELD__CLOUD__AWS__KMS__{setting}=KEY_ID"),
        };
        vec![make, name]
    }

    /// A command that takes a key by its id, and by no other name.
    fn of_key(&self, command: &str, id: &str) -> String {
        let region = quoted(&self.region);
        let id = match alias(id) {
            Some(_) => {
                format!("\"$({} --query KeyMetadata.KeyId --output text)\"", self.describe_key(id))
            }
            None => quoted(id),
        };
        format!("aws kms {command} --key-id {id} --region {region}")
    }

    pub(super) fn secret(&self, name: &str, error: &CloudError) -> Vec<String> {
        let (region, name) = (quoted(&self.region), quoted(name));
        match error {
            CloudError::NotFound { .. } => vec![
                format!(
                    "aws secretsmanager list-secrets --include-planned-deletion --filters Key=name,Values={name} \
                     --region {region}"
                ),
                format!("aws secretsmanager restore-secret --secret-id {name} --region {region}"),
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

    /// Writes a file as a secret's value.
    pub(super) fn put_secret(&self, name: &str, file: &str) -> String {
        format!(
            "aws secretsmanager put-secret-value --secret-id {} --secret-string file://{file} --region {}",
            quoted(name),
            quoted(&self.region)
        )
    }

    /// Gets secrets of TLS as files, shows whether they go together, and writes those that were mended.
    pub(super) fn certificates(&self, names: &[&str]) -> Vec<String> {
        let region = quoted(&self.region);
        let prefix = &self.config.secrets_manager.tls_prefix;
        let mut commands: Vec<String> = names
            .iter()
            .map(|name| {
                let secret = quoted(&format!("{prefix}{name}"));
                format!(
                    "aws secretsmanager get-secret-value --secret-id {secret} --query SecretString --output text \
                     --region {region} > {name}.pem"
                )
            })
            .collect();
        commands.push("openssl x509 -in cert.pem -noout -subject -dates".to_owned());
        commands
            .push("openssl x509 -in cert.pem -noout -pubkey; openssl pkey -in key.pem -pubout".to_owned());
        commands.extend(
            names.iter().map(|name| self.put_secret(&format!("{prefix}{name}"), &format!("{name}.pem"))),
        );
        commands
    }

    pub(super) fn bucket(&self, bucket: &str, error: &CloudError) -> Vec<String> {
        let (s3, region, bucket_name) = (&self.config.s3, quoted(&self.region), bucket);
        let bucket = quoted(bucket);
        let results = s3.results_bucket.as_ref().unwrap_or(&s3.bucket);
        match error {
            CloudError::NotFound { .. } => {
                let setting = if *bucket_name == *s3.bucket {
                    "LLM_SHIELD_S3_BUCKET"
                } else {
                    "LLM_SHIELD__CLOUD__AWS__S3__RESULTS_BUCKET"
                };
                let mut make = format!("aws s3api create-bucket --bucket {bucket} --region {region}");
                // The one region that may not be named there.
                if self.region != "us-east-1" {
                    make.push_str(&format!(" --create-bucket-configuration LocationConstraint={region}"));
                }
                if bucket_name == results {
                    make.push_str(" --object-lock-enabled-for-bucket");
                }
                vec!["aws s3 ls".to_owned(), make, format!("export {setting}=BUCKET")]
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

    /// Switches Object Lock on.
    pub(super) fn lock(&self, bucket: &str) -> Vec<String> {
        let (bucket, region) = (quoted(bucket), quoted(&self.region));
        vec![
            format!(
                "aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled \
                 --region {region}"
            ),
            format!(
                "aws s3api put-object-lock-configuration --bucket {bucket} --object-lock-configuration \
                 ObjectLockEnabled=Enabled --region {region}"
            ),
        ]
    }

    /// Copies the policies in the bucket, and checks them here.
    pub(super) fn policies(&self, source: &str) -> Vec<String> {
        let (source, region) = (quoted(source), quoted(&self.region));
        vec![
            format!("aws s3 cp --recursive {source} policies/ --region {region}"),
            "llm-shield policy check policies/*.yaml".to_owned(),
        ]
    }

    pub(super) fn model(&self, name: &str) -> Vec<String> {
        let store = quoted(&format!("s3://{}", self.config.s3.bucket));
        vec![
            format!("llm-shield model list --store {store}"),
            format!("llm-shield model promote {} VERSION --store {store}", quoted(name)),
        ]
    }

    pub(super) fn logs(&self) -> Vec<String> {
        let (group, region) = (quoted(&self.config.cloudwatch.log_group), quoted(&self.region));
        let mut commands = vec![
            format!("aws logs describe-log-groups --log-group-name-prefix {group} --region {region}"),
            format!("aws logs create-log-group --log-group-name {group} --region {region}"),
        ];
        commands.extend(self.permissions());
        commands
    }

    pub(super) fn metrics(&self) -> Vec<String> {
        let namespace = quoted(&format!("{}/API", self.config.cloudwatch.namespace));
        let region = quoted(&self.region);
        let mut commands =
            vec![format!("aws cloudwatch list-metrics --namespace {namespace} --region {region}")];
        commands.extend(self.permissions());
        commands
    }
}

/// Returns the alias that a key is named by, if it is.
fn alias(id: &str) -> Option<&str> {
    id.rsplit(':').next().filter(|name| name.starts_with("alias/"))
}

/// Quotes a value for a POSIX shell, where it needs that.
pub(super) fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(config: &AwsConfig) -> Commands<'_> {
        Commands { config, region: "eu-west-1".to_owned(), role: "ROLE".to_owned(), endpoint: None }
    }

    fn missing() -> CloudError {
        CloudError::NotFound { what: "it".to_owned() }
    }

    fn denied(words: &str) -> CloudError {
        CloudError::AccessDenied { what: "it".to_owned(), source: Some(words.to_owned().into()) }
    }

    #[test]
    fn values_are_quoted_for_the_shell() {
        assert_eq!(quoted("alias/llm-shield-audit"), "alias/llm-shield-audit");
        assert_eq!(quoted("a; rm -rf $HOME"), "'a; rm -rf $HOME'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn keys_are_made_named_and_woken() {
        let mut config = AwsConfig::default();
        let made = commands(&config).key("alias/llm-shield-audit", &missing()).join("\n");
        assert!(made.contains("create-alias --alias-name alias/llm-shield-audit"), "{made}");
        let kind = CloudError::invalid("signing key is not of the kind ECC_NIST_P256");
        let made = commands(&config).key("alias/llm-shield-signing", &kind).join("\n");
        assert!(
            made.contains("SIGN_VERIFY --key-spec ECC_NIST_P256") && made.contains("update-alias"),
            "{made}"
        );
        config.kms.audit_key = "0123-45".to_owned();
        let made = commands(&config).key("0123-45", &missing()).join("\n");
        assert!(!made.contains("create-alias") && made.contains("__KMS__AUDIT_KEY=KEY_ID"), "{made}");
        let pending = denied("KMSInvalidStateException: KEY is pending deletion.");
        let woken = commands(&config).key("0123-45", &pending).join("\n");
        assert!(woken.contains("cancel-key-deletion --key-id 0123-45"), "{woken}");
        let woken =
            commands(&config).key("alias/a", &denied("DisabledException: KEY is disabled.")).join("\n");
        assert!(woken.contains("enable-key --key-id \"$(aws kms describe-key --key-id alias/a"), "{woken}");
    }

    #[test]
    fn buckets_and_secrets_are_made_anew() {
        let mut config = AwsConfig::default();
        config.s3.results_bucket = Some("results".to_owned());
        let models = commands(&config).bucket(&config.s3.bucket, &missing()).join("\n");
        assert!(models.contains("LLM_SHIELD_S3_BUCKET=") && !models.contains("object-lock"), "{models}");
        let results = commands(&config).bucket("results", &missing()).join("\n");
        for part in
            ["LocationConstraint=eu-west-1", "--object-lock-enabled-for-bucket", "S3__RESULTS_BUCKET="]
        {
            assert!(results.contains(part), "{results}");
        }
        let secret = commands(&config).secret("llm-shield/a b", &missing()).join("\n");
        assert!(secret.contains("restore-secret --secret-id 'llm-shield/a b'"), "{secret}");
    }
}
