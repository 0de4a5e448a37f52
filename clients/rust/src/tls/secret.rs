//! Certificates in AWS Secrets Manager.

use futures_util::{FutureExt as _, future::BoxFuture};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    material::{Material, TlsError},
    source::TlsSource,
};
use crate::aws::{Aws, AwsError};

/// A secret, by name or ARN.
pub(super) struct Secret {
    aws: Aws,
    id: String,
}

impl Secret {
    pub(super) fn new(id: String) -> Result<Self, TlsError> {
        // arn:PARTITION:secretsmanager:REGION:…
        let region = id.starts_with("arn:").then(|| id.split(':').nth(3)).flatten();
        let aws = Aws::from_env("secretsmanager", region).map_err(|error| problem(&error))?;
        Ok(Self { aws, id })
    }

    async fn read(&self) -> Result<Material, TlsError> {
        // Without a stage an emulator may answer with an older version.
        let question = json!({ "SecretId": self.id, "VersionStage": "AWSCURRENT" }).to_string();
        let request = http::Request::post("/")
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", "secretsmanager.GetSecretValue")
            .body(question.into())
            .map_err(|error| TlsError::Source(error.to_string()))?;
        let answer = self.aws.send(request).await.map_err(|error| problem(&error))?;
        let status = answer.status();
        let answer: Answer = serde_json::from_slice(answer.body()).map_err(|_shown_as_text| unreadable())?;
        let Some(text) = answer.secret_string.filter(|_| status.is_success()) else {
            let code = answer.code.unwrap_or_default();
            return Err(TlsError::Source(format!("Secrets Manager answered {status} {code}")));
        };
        let text = Zeroizing::new(text);
        let parts: Parts = serde_json::from_str(&text).map_err(|_would_show_the_secret| unreadable())?;
        Ok(Material::new(parts.ca, parts.cert, parts.key))
    }
}

impl TlsSource for Secret {
    fn load(&self) -> BoxFuture<'_, Result<Material, TlsError>> {
        self.read().boxed()
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "SecretString")]
    secret_string: Option<String>,
    #[serde(rename = "__type")]
    code: Option<String>,
}

#[derive(Deserialize)]
struct Parts {
    ca: String,
    cert: String,
    key: String,
}

fn problem(error: &AwsError) -> TlsError {
    TlsError::Source(format!("Secrets Manager cannot be asked: {error}"))
}

fn unreadable() -> TlsError {
    TlsError::Source("the secret is not {\"ca\": \"PEM\", \"cert\": \"PEM\", \"key\": \"PEM\"}".to_owned())
}
