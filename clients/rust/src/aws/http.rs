//! Plain HTTPS.

use std::{sync::OnceLock, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

/// Answers that are larger are refused.
const MAX_ANSWER_BYTES: usize = 16 << 20;

type Inner = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The authorities that this machine trusts cannot be read.
    #[error("no authorities to trust: {0}")]
    Authorities(String),
    /// The request was not answered.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// It took too long.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The answer is too large.
    #[error("the answer is larger than {MAX_ANSWER_BYTES} bytes")]
    TooLarge,
}

/// An HTTP client that trusts the authorities of this machine (`SSL_CERT_FILE` names others). It follows no redirects.
#[derive(Clone, Debug)]
pub struct Http {
    inner: std::sync::Arc<OnceLock<Inner>>,
    timeout: Duration,
}

impl Default for Http {
    fn default() -> Self {
        Self::new()
    }
}

impl Http {
    /// A client that waits 5 s for an answer. Authorities are read with the first request.
    pub fn new() -> Self {
        Self { inner: std::sync::Arc::default(), timeout: Duration::from_secs(5) }
    }

    /// Waits so long for an answer.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends a request to an absolute URI.
    ///
    /// # Errors
    /// Says why there is no answer.
    pub async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let client = self.client()?;
        let exchange = async {
            let answer = client.request(request.map(Full::new)).await.map_err(no_answer)?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    HttpError::TooLarge
                } else {
                    HttpError::NoAnswer(error.to_string())
                }
            })?;
            Ok(http::Response::from_parts(head, body.to_bytes()))
        };
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or(Err(HttpError::Timeout(self.timeout)))
    }

    fn client(&self) -> Result<&Inner, HttpError> {
        if let Some(client) = self.inner.get() {
            return Ok(client);
        }
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::aws_lc_rs::default_provider())
            .map_err(|error| HttpError::Authorities(error.to_string()))?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(self.inner.get_or_init(|| Client::builder(TokioExecutor::new()).build(connector)))
    }
}

fn no_answer(error: hyper_util::client::legacy::Error) -> HttpError {
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    HttpError::NoAnswer(format!("{error}{cause}"))
}
