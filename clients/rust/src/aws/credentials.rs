//! Credentials from the environment or from the container endpoint.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_credential_types::Credentials;
use bytes::Bytes;
use serde::Deserialize;

use super::{AwsError, Http, set};

/// Where ECS has its endpoint.
const ECS: &str = "http://169.254.170.2";

/// The endpoint renews credentials long before they end; it is on the same machine.
const FRESH: Duration = Duration::from_secs(300);

#[derive(Debug)]
pub(super) struct Provider {
    place: Place,
    http: Http,
    fetched: Arc<Mutex<Option<(Instant, Credentials)>>>,
}

#[derive(Debug)]
enum Place {
    Nowhere,
    Environment(Box<Credentials>),
    Endpoint(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
}

impl Provider {
    pub(super) fn from_env(http: Http) -> Self {
        let relative = || set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("{ECS}{path}"));
        let place = match (set("AWS_ACCESS_KEY_ID"), set("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => {
                let token = set("AWS_SESSION_TOKEN");
                Place::Environment(Box::new(Credentials::new(id, secret, token, None, "environment")))
            }
            _ => relative()
                .or_else(|| set("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
                .map_or(Place::Nowhere, Place::Endpoint),
        };
        Self { place, http, fetched: Arc::default() }
    }

    pub(super) async fn current(&self) -> Result<Credentials, AwsError> {
        match &self.place {
            Place::Nowhere => Err(AwsError::Credentials(
                "neither AWS_ACCESS_KEY_ID nor a container endpoint is set".to_owned(),
            )),
            Place::Environment(credentials) => Ok((**credentials).clone()),
            Place::Endpoint(uri) => {
                if let Some(fresh) = self.fresh() {
                    return Ok(fresh);
                }
                let fetched = self.fetch(uri).await?;
                *self.fetched.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((Instant::now(), fetched.clone()));
                Ok(fetched)
            }
        }
    }

    fn fresh(&self) -> Option<Credentials> {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        fetched.as_ref().filter(|(at, _)| at.elapsed() < FRESH).map(|(_, credentials)| credentials.clone())
    }

    async fn fetch(&self, uri: &str) -> Result<Credentials, AwsError> {
        let mut request = http::Request::get(uri);
        if let Some(token) = token()? {
            request = request.header("authorization", token);
        }
        let request = request.body(Bytes::new()).map_err(|error| AwsError::Credentials(error.to_string()))?;
        let answer = self.http.send(request).await?;
        let unreadable = || AwsError::Credentials(format!("the endpoint answered {}", answer.status()));
        let parts: Answer =
            serde_json::from_slice(answer.body()).map_err(|_would_show_a_key| unreadable())?;
        let Answer { access_key_id, secret_access_key, token } = parts;
        Ok(Credentials::new(access_key_id, secret_access_key, token, None, "container"))
    }
}

fn token() -> Result<Option<String>, AwsError> {
    match set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(path) => std::fs::read_to_string(&path)
            .map(|token| Some(token.trim().to_owned()))
            .map_err(|error| AwsError::Credentials(format!("cannot read {path}: {error}"))),
        None => Ok(set("AWS_CONTAINER_AUTHORIZATION_TOKEN")),
    }
}
