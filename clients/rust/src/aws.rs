//! Signed requests to AWS, without an SDK: one service, one request, one answer.
//!
//! Credentials are those of the environment (as Lambda has them) or of the container endpoint (ECS, EKS Pod Identity).
//! There is no look at profiles or at the instance's metadata: who has these, reads certificates with an SDK and gives
//! them to [`Tls::from_source`](crate::Tls::from_source).

mod credentials;
mod http;

use std::{
    env,
    time::{Duration, SystemTime},
};

use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use bytes::Bytes;

use self::credentials::Provider;
pub use self::http::{Http, HttpError};

/// Why AWS cannot be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AwsError {
    /// The environment names no region.
    #[error("AWS_REGION is not set")]
    NoRegion,
    /// There are no credentials.
    #[error("no credentials: {0}")]
    Credentials(String),
    /// The request cannot be signed.
    #[error("the request cannot be signed: {0}")]
    Sign(String),
    /// The request was not answered.
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// One service of AWS.
#[derive(Debug)]
pub struct Aws {
    service: &'static str,
    region: String,
    endpoint: String,
    http: Http,
    credentials: Provider,
}

impl Aws {
    /// Reads region (unless given), endpoint (`AWS_ENDPOINT_URL_SERVICE`, `AWS_ENDPOINT_URL`) and where credentials come
    /// from. `bedrock-runtime` and the like are signed under the name that AWS has for it.
    ///
    /// # Errors
    /// Says what the environment lacks.
    pub fn from_env(service: &'static str, region: Option<&str>) -> Result<Self, AwsError> {
        let region = region
            .map(str::to_owned)
            .or_else(|| set("AWS_REGION"))
            .or_else(|| set("AWS_DEFAULT_REGION"))
            .ok_or(AwsError::NoRegion)?;
        let host = service.to_owned();
        let variable = match service {
            "secretsmanager" => "SECRETS_MANAGER".to_owned(),
            other => other.replace('-', "_").to_uppercase(),
        };
        let endpoint = set(&format!("AWS_ENDPOINT_URL_{variable}"))
            .or_else(|| set("AWS_ENDPOINT_URL"))
            .unwrap_or_else(|| {
                let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
                format!("https://{host}.{region}.{suffix}")
            });
        let http = Http::new();
        Ok(Self {
            service: if service == "bedrock-runtime" { "bedrock" } else { service },
            region,
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            credentials: Provider::from_env(http.clone()),
            http,
        })
    }

    /// Waits so long for an answer; 5 s by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.http = self.http.timeout(timeout);
        self
    }

    /// Signs and sends a request, whose URI is the path.
    ///
    /// # Errors
    /// Says why there is no answer. An answer that says that something failed is none of these.
    pub async fn send(&self, request: ::http::Request<Bytes>) -> Result<::http::Response<Bytes>, AwsError> {
        let (mut head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri = format!("{}{path}", self.endpoint).parse().map_err(sign_error)?;
        let mut request = ::http::Request::from_parts(head, body);
        let identity = self.credentials.current().await?.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(sign_error)?
            .into();
        let uri = request.uri().to_string();
        let headers =
            request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let signable = SignableRequest::new(
            request.method().as_str(),
            &uri,
            headers,
            SignableBody::Bytes(request.body()),
        )
        .map_err(sign_error)?;
        let (instructions, _signature) = sign(signable, &parameters).map_err(sign_error)?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        Ok(self.http.send(request).await?)
    }
}

fn sign_error(error: impl std::fmt::Display) -> AwsError {
    AwsError::Sign(error.to_string())
}

fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
