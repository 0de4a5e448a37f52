//! Renews certificates: the function that Secrets Manager calls to rotate a client's `{"ca": …, "cert": …, "key": …}`, or
//! the service's key.
//!
//! Each rotation makes a new key here and has AWS Private CA sign it, for the names that the settings have for the
//! secret. A certificate that is in use goes on until it ends; who uses it finds the new one when it looks anew. The four
//! steps are Secrets Manager's, and each may be called more than once.
//!
//! The service keeps its certificate apart from its key: a secret `…/key` is rotated together with `…/cert`, whose new
//! version has the same id. The certificate comes into force first; until the key follows, the service, which takes
//! nothing that does not fit together, stays with what it has.

use std::{collections::HashMap, env, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lambda_runtime::{LambdaEvent, service_fn};
use llm_shield_client::{
    Material, Tls,
    aws::{Aws, AwsError},
};
use rcgen::{CertificateParams, DnType, KeyPair, SanType};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::settings::SettingsError;

/// What keeps a secret from being rotated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotationError {
    /// AWS cannot be asked.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// AWS refuses.
    #[error("{action} was answered {status} {code}")]
    Refused {
        /// What was asked.
        action: &'static str,
        /// HTTP's status.
        status: u16,
        /// AWS's name for the error.
        code: String,
    },
    /// An answer is not what it should be.
    #[error("the answer to {0} is not understood")]
    Unreadable(&'static str),
    /// The settings have no name for the secret.
    #[error("no certificate is to be made for `{0}`")]
    Unnamed(String),
    /// The event is not one of Secrets Manager, or not of this secret's rotation.
    #[error("{0}")]
    Event(&'static str),
    /// The certificate was not signed in time.
    #[error("the certificate was not issued in time")]
    Late,
    /// The key or the request for a certificate cannot be made.
    #[error("no request for a certificate: {0}")]
    Request(#[from] rcgen::Error),
    /// What is to be taken into use cannot be used.
    #[error("the new certificate cannot be used: {0}")]
    Unusable(#[from] llm_shield_client::TlsError),
}

/// What Secrets Manager sends.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    step: String,
    secret_id: String,
    client_request_token: String,
}

/// Renews secrets.
#[derive(Debug)]
pub struct Rotation {
    secrets: Aws,
    authority: Aws,
    authority_arn: String,
    /// The names in the certificate of each secret.
    names: HashMap<String, Names>,
    days: u64,
}

/// What a certificate is for: SPIFFE IDs or DNS names.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

impl Names {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

/// Runs the function until Lambda ends it.
///
/// # Errors
/// Says what keeps it from starting; Lambda then shows that as the function's error.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    crate::log();
    let rotation = &Rotation::from_env()?;
    let handle = move |event: LambdaEvent<Value>| async move {
        rotation.handle(event.payload).await.map_err(lambda_runtime::Error::from)
    };
    lambda_runtime::run(service_fn(handle)).await
}

impl Rotation {
    /// Reads `LLM_SHIELD_CERTIFICATE_AUTHORITY` (an ARN), `LLM_SHIELD_CERTIFICATE_NAMES` (JSON: secrets' names with the
    /// SPIFFE ID or DNS name of each, or a list of them) and `LLM_SHIELD_CERTIFICATE_DAYS` (7).
    ///
    /// # Errors
    /// Says which is not set, or not understood.
    pub fn from_env() -> Result<Self, SettingsError> {
        let needed = |name| env::var(name).map_err(|_unset| SettingsError::Missing(name));
        let wrong = |name, value: String, expected| SettingsError::Wrong { name, value, expected };
        let names = needed("LLM_SHIELD_CERTIFICATE_NAMES")?;
        let days = env::var("LLM_SHIELD_CERTIFICATE_DAYS").unwrap_or_else(|_unset| "7".to_owned());
        Ok(Self {
            secrets: Aws::from_env("secretsmanager", None)?,
            authority: Aws::from_env("acm-pca", None)?,
            authority_arn: needed("LLM_SHIELD_CERTIFICATE_AUTHORITY")?,
            names: serde_json::from_str(&names).map_err(|_shown| {
                wrong("LLM_SHIELD_CERTIFICATE_NAMES", names, "a JSON object of secrets and names")
            })?,
            days: days
                .parse()
                .ok()
                .filter(|days| (1..=397).contains(days))
                .ok_or_else(|| wrong("LLM_SHIELD_CERTIFICATE_DAYS", days, "1 to 397"))?,
        })
    }

    /// Does the step that Secrets Manager asks for.
    ///
    /// # Errors
    /// Says why not; Secrets Manager tries again later, and what is in use stays.
    pub async fn handle(&self, event: Value) -> Result<Value, RotationError> {
        let event: Event = serde_json::from_value(event)
            .map_err(|_shown| RotationError::Event("this is no event of a rotation"))?;
        let secret = self.describe(&event.secret_id).await?;
        let stages = secret.stages_of(&event.client_request_token);
        if stages.iter().any(|stage| stage == CURRENT) {
            return Ok(Value::Null);
        }
        if !stages.iter().any(|stage| stage == PENDING) {
            return Err(RotationError::Event("the version is not one that is to come"));
        }
        match event.step.as_str() {
            "createSecret" => self.create(&event, &secret).await?,
            // There is nobody to tell: those who use it look for the current version by themselves.
            "setSecret" => {}
            "testSecret" => self.test(&event, &secret).await?,
            "finishSecret" => self.finish(&event, &secret).await?,
            _ => return Err(RotationError::Event("there is no such step")),
        }
        tracing::info!(secret = secret.name, step = event.step, "a step of a rotation is done");
        Ok(Value::Null)
    }

    async fn create(&self, event: &Event, secret: &Secret) -> Result<(), RotationError> {
        if self.test(event, secret).await.is_ok() {
            return Ok(());
        }
        let names = self.names.get(&secret.name).map_or(&[][..], Names::as_slice);
        if names.is_empty() {
            return Err(RotationError::Unnamed(secret.name.clone()));
        }
        let token = &event.client_request_token;
        let Some(certificate) = secret.certificate() else {
            let key = KeyPair::generate()?;
            let (ca, cert) = self.issue(&request(&key, names)?, token).await?;
            let value = json!({ "ca": ca, "cert": cert, "key": key.serialize_pem() }).to_string();
            return self.put(&event.secret_id, token, &value).await;
        };
        // The key first: called again, the same key is certified.
        let there = self.pending(&event.secret_id, token).await;
        let key = match there.ok().and_then(|key| KeyPair::from_pem(&key).ok()) {
            Some(key) => key,
            None => {
                let key = KeyPair::generate()?;
                self.put(&event.secret_id, token, &key.serialize_pem()).await?;
                key
            }
        };
        let (_, cert) = self.issue(&request(&key, names)?, token).await?;
        self.put(&certificate, token, &cert).await
    }

    /// Adds a version that is to come.
    async fn put(&self, secret: &str, token: &str, value: &str) -> Result<(), RotationError> {
        let question = json!({
            "SecretId": secret,
            "ClientRequestToken": token,
            "SecretString": value,
            "VersionStages": [PENDING],
        });
        call(&self.secrets, "secretsmanager.PutSecretValue", &question).await.map(drop)
    }

    /// Has a certificate made, and returns the authority's and it.
    async fn issue(&self, request: &str, token: &str) -> Result<(String, String), RotationError> {
        let partition = self.authority_arn.split(':').nth(1).unwrap_or("aws");
        let question = json!({
            "CertificateAuthorityArn": self.authority_arn,
            "Csr": STANDARD.encode(request),
            "SigningAlgorithm": "SHA256WITHECDSA",
            "TemplateArn": format!("arn:{partition}:acm-pca:::template/EndEntityCertificate/V1"),
            "Validity": { "Type": "DAYS", "Value": self.days },
            // At most 36 characters: a UUID.
            "IdempotencyToken": token.chars().take(36).collect::<String>(),
        });
        let issued = call(&self.authority, "ACMPrivateCA.IssueCertificate", &question).await?;
        let arn = text(&issued, "CertificateArn", "IssueCertificate")?;
        let question = json!({ "CertificateAuthorityArn": self.authority_arn, "CertificateArn": arn });
        let mut answer = Err(RotationError::Late);
        for _ in 0..ATTEMPTS {
            answer = call(&self.authority, "ACMPrivateCA.GetCertificate", &question).await;
            match &answer {
                Err(RotationError::Refused { code, .. }) if code.ends_with("RequestInProgressException") => {
                    tokio::time::sleep(PAUSE).await;
                }
                _ => break,
            }
        }
        let cert = text(&answer?, "Certificate", "GetCertificate")?;
        Ok((self.authority_certificate().await?, cert))
    }

    async fn authority_certificate(&self) -> Result<String, RotationError> {
        const ACTION: &str = "ACMPrivateCA.GetCertificateAuthorityCertificate";
        let question = json!({ "CertificateAuthorityArn": self.authority_arn });
        let answer = call(&self.authority, ACTION, &question).await?;
        text(&answer, "Certificate", "GetCertificateAuthorityCertificate")
    }

    /// Looks whether what is to come can be used.
    async fn test(&self, event: &Event, secret: &Secret) -> Result<(), RotationError> {
        let token = &event.client_request_token;
        let value = self.pending(&event.secret_id, token).await?;
        let parts = match secret.certificate() {
            Some(certificate) => Parts {
                cert: self.pending(&certificate, token).await?,
                ca: self.authority_certificate().await?,
                key: value,
            },
            None => {
                serde_json::from_str(&value).map_err(|_secret| RotationError::Unreadable("GetSecretValue"))?
            }
        };
        Tls::from_pem(Material::new(parts.ca, parts.cert, parts.key))?;
        Ok(())
    }

    async fn finish(&self, event: &Event, secret: &Secret) -> Result<(), RotationError> {
        let token = &event.client_request_token;
        if let Some(name) = secret.certificate() {
            let certificate = self.describe(&name).await?;
            if certificate.current() != Some(token) {
                self.promote(&name, token, &certificate).await?;
            }
        }
        self.promote(&event.secret_id, token, secret).await
    }

    /// Has a version be the current one.
    async fn promote(&self, id: &str, token: &str, secret: &Secret) -> Result<(), RotationError> {
        let mut question = json!({ "SecretId": id, "VersionStage": CURRENT, "MoveToVersionId": token });
        if let (Some(version), Some(fields)) = (secret.current(), question.as_object_mut()) {
            fields.insert("RemoveFromVersionId".to_owned(), version.into());
        }
        call(&self.secrets, "secretsmanager.UpdateSecretVersionStage", &question).await.map(drop)
    }

    async fn pending(&self, secret: &str, token: &str) -> Result<String, RotationError> {
        let question = json!({ "SecretId": secret, "VersionId": token, "VersionStage": PENDING });
        let answer = call(&self.secrets, "secretsmanager.GetSecretValue", &question).await?;
        text(&answer, "SecretString", "GetSecretValue")
    }

    async fn describe(&self, id: &str) -> Result<Secret, RotationError> {
        let answer = call(&self.secrets, "secretsmanager.DescribeSecret", &json!({ "SecretId": id })).await?;
        serde_json::from_value(answer).map_err(|_shown| RotationError::Unreadable("DescribeSecret"))
    }
}

/// What Secrets Manager says of a secret.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Secret {
    name: String,
    #[serde(default)]
    version_ids_to_stages: HashMap<String, Vec<String>>,
}

impl Secret {
    /// Returns the secret that holds the certificate of this key, where it is one.
    fn certificate(&self) -> Option<String> {
        self.name.strip_suffix("/key").map(|above| format!("{above}/cert"))
    }

    fn stages_of(&self, version: &str) -> &[String] {
        self.version_ids_to_stages.get(version).map_or(&[], Vec::as_slice)
    }

    fn current(&self) -> Option<&str> {
        let is_current = |stages: &[String]| stages.iter().any(|stage| stage == CURRENT);
        self.version_ids_to_stages
            .iter()
            .find(|(_, stages)| is_current(stages))
            .map(|(version, _)| version.as_str())
    }
}

#[derive(Deserialize)]
struct Parts {
    ca: String,
    cert: String,
    key: String,
}

/// Returns the request for a certificate.
fn request(key: &KeyPair, names: &[String]) -> Result<String, rcgen::Error> {
    let mut params = CertificateParams::default();
    let first = names.first().map(String::as_str).unwrap_or_default();
    params.distinguished_name.push(DnType::CommonName, first.chars().take(64).collect::<String>());
    for name in names {
        params.subject_alt_names.push(if name.contains("://") {
            SanType::URI(name.as_str().try_into()?)
        } else {
            SanType::DnsName(name.as_str().try_into()?)
        });
    }
    params.serialize_request(key)?.pem()
}

/// Asks one of the services that speak JSON 1.1.
async fn call(aws: &Aws, action: &'static str, question: &Value) -> Result<Value, RotationError> {
    let request = http::Request::post("/")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", action)
        .body(question.to_string().into())
        .map_err(|_shown| RotationError::Unreadable(action))?;
    let answer = aws.send(request).await?;
    let status = answer.status();
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    if status.is_success() {
        return Ok(body);
    }
    let code = body.get("__type").and_then(Value::as_str).unwrap_or_default().to_owned();
    Err(RotationError::Refused { action, status: status.as_u16(), code })
}

fn text(answer: &Value, field: &str, action: &'static str) -> Result<String, RotationError> {
    answer.get(field).and_then(Value::as_str).map(str::to_owned).ok_or(RotationError::Unreadable(action))
}

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";

/// A certificate takes a second or two.
const ATTEMPTS: u32 = 60;
const PAUSE: Duration = Duration::from_millis(300);
