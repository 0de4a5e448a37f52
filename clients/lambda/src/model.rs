//! The model behind the input filter: of Bedrock, or at an HTTP address of its own.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use llm_shield_client::aws::{Aws, Http};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{
    event::Request,
    refusal::{Reason, Refusal},
    settings::{SettingsError, milliseconds, required, set},
};

/// API Gateway waits for 29 s.
const TIMEOUT: Duration = Duration::from_secs(25);

/// Headers that a model's server may need; `LLM_SHIELD_MODEL_HEADERS` adds others, such as `authorization`.
const HEADERS: [&str; 4] = ["anthropic-beta", "anthropic-version", "traceparent", "tracestate"];

/// What stays as it is in a path: a model's id may be an ARN, with `:` and `/`.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where prompts go.
#[derive(Debug)]
pub enum Model {
    /// Nowhere: the filtered body is the answer.
    None,
    /// A model of Bedrock.
    Bedrock(Box<Bedrock>),
    /// A server that speaks the protocol of the body.
    Http(Box<Server>),
}

/// Bedrock, and what is fixed by the operator.
#[derive(Debug)]
pub struct Bedrock {
    aws: Aws,
    model_id: Option<String>,
    guardrail: Option<(String, String)>,
}

/// A server.
#[derive(Debug)]
pub struct Server {
    http: Http,
    url: String,
    headers: Vec<HeaderName>,
}

/// A model's answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
}

impl Model {
    /// Reads `LLM_SHIELD_MODEL` and what it takes.
    ///
    /// # Errors
    /// Says what is missing or wrong.
    pub fn from_env() -> Result<Self, SettingsError> {
        let timeout = milliseconds("LLM_SHIELD_MODEL_TIMEOUT_MS")?.unwrap_or(TIMEOUT);
        match set("LLM_SHIELD_MODEL").as_deref() {
            None | Some("none") => Ok(Self::None),
            Some("bedrock") => Ok(Self::Bedrock(Box::new(Bedrock {
                aws: Aws::from_env("bedrock-runtime", None)?.timeout(timeout),
                model_id: set("LLM_SHIELD_MODEL_ID"),
                guardrail: set("LLM_SHIELD_GUARDRAIL_ID").zip(set("LLM_SHIELD_GUARDRAIL_VERSION")),
            }))),
            Some("http") => {
                let more = set("LLM_SHIELD_MODEL_HEADERS").unwrap_or_default();
                let names = more.split(',').map(str::trim).filter(|name| !name.is_empty());
                let headers: Result<Vec<HeaderName>, _> =
                    HEADERS.into_iter().chain(names).map(str::parse).collect();
                let headers = headers.map_err(|_invalid| SettingsError::Wrong {
                    name: "LLM_SHIELD_MODEL_HEADERS",
                    value: more.clone(),
                    expected: "names of headers with commas between them",
                })?;
                let url = required("LLM_SHIELD_MODEL_URL")?;
                Ok(Self::Http(Box::new(Server { http: Http::new().timeout(timeout), url, headers })))
            }
            Some(other) => Err(SettingsError::Wrong {
                name: "LLM_SHIELD_MODEL",
                value: other.to_owned(),
                expected: "bedrock, http or none",
            }),
        }
    }

    /// Asks the model; nothing where there is none.
    ///
    /// # Errors
    /// Refuses when it is not clear which model to ask, or when there is no answer.
    pub async fn ask(&self, request: &Request, body: Value) -> Result<Option<Answer>, Refusal> {
        match self {
            Self::None => Ok(None),
            Self::Bedrock(bedrock) => bedrock.ask(request, body).await.map(Some),
            Self::Http(server) => server.ask(request, &body).await.map(Some),
        }
    }
}

impl Bedrock {
    async fn ask(&self, request: &Request, body: Value) -> Result<Answer, Refusal> {
        let question = self.question(request, body)?;
        let answer = self.aws.send(question).await.map_err(|error| no_answer(&error))?;
        Ok(Answer::from(answer))
    }

    /// Bodies of Converse go to `Converse`, all others to `InvokeModel`, whose bodies are the model's own.
    fn question(&self, request: &Request, mut body: Value) -> Result<http::Request<Bytes>, Refusal> {
        let is_converse = is_converse(&body, &request.path);
        let named = body.as_object_mut().and_then(|fields| fields.remove("modelId"));
        let id = self
            .model_id
            .clone()
            .or_else(|| request.model_id.clone())
            .or_else(|| id_in_path(&request.path))
            .or_else(|| named?.as_str().map(str::to_owned))
            .or_else(|| Some(body.get("model")?.as_str()?.to_owned()))
            .ok_or_else(|| Refusal::new(Reason::NoModel, "neither the path nor the body names a model"))?;
        let operation = if is_converse { "converse" } else { "invoke" };
        let path = format!("/model/{}/{operation}", utf8_percent_encode(&id, IN_PATH));
        let mut question = http::Request::post(path)
            .header("content-type", "application/json")
            .header("accept", "application/json");
        if let Some((id, version)) = &self.guardrail {
            if is_converse {
                if let Some(fields) = body.as_object_mut() {
                    let guardrail = json!({"guardrailIdentifier": id, "guardrailVersion": version});
                    fields.insert("guardrailConfig".to_owned(), guardrail);
                }
            } else {
                question = question
                    .header("x-amzn-bedrock-guardrailidentifier", id)
                    .header("x-amzn-bedrock-guardrailversion", version);
            }
        }
        question.body(body.to_string().into()).map_err(|error| no_answer(&error))
    }
}

impl Server {
    async fn ask(&self, request: &Request, body: &Value) -> Result<Answer, Refusal> {
        // An address that ends with `/` is that of several routes.
        let url = match self.url.strip_suffix('/') {
            Some(base) => format!("{base}{}", request.path),
            None => self.url.clone(),
        };
        let mut question = http::Request::post(url)
            .header("content-type", "application/json")
            .header("accept", "application/json");
        for name in &self.headers {
            if let Some(value) =
                request.header(name.as_str()).and_then(|value| HeaderValue::from_str(value).ok())
            {
                question = question.header(name, value);
            }
        }
        let question = question.body(body.to_string().into()).map_err(|error| no_answer(&error))?;
        let answer = self.http.send(question).await.map_err(|error| no_answer(&error))?;
        Ok(Answer::from(answer))
    }
}

impl From<http::Response<Bytes>> for Answer {
    fn from(answer: http::Response<Bytes>) -> Self {
        let content_type = answer.headers().get("content-type").and_then(|value| value.to_str().ok());
        Self {
            status: answer.status().as_u16(),
            content_type: content_type.unwrap_or_default().to_owned(),
            body: answer.into_body(),
        }
    }
}

/// Converse's contents are lists of parts without a `type`.
fn is_converse(body: &Value, path: &str) -> bool {
    let is_bare = |part: &Value| part.is_object() && part.get("type").is_none();
    path.ends_with("/converse")
        || (!path.ends_with("/invoke")
            && body.get("anthropic_version").is_none()
            && body.get("schemaVersion").is_none()
            && body.pointer("/messages/0/content/0").is_some_and(is_bare))
}

/// The model in a path like Bedrock's own: `/model/ID/converse`.
fn id_in_path(path: &str) -> Option<String> {
    let (_, behind) = path.split_once("/model/")?;
    let (id, _) = behind.rsplit_once('/')?;
    Some(percent_encoding::percent_decode_str(id).decode_utf8().ok()?.into_owned())
}

fn no_answer(error: &(dyn std::error::Error + 'static)) -> Refusal {
    tracing::error!(error, "the model cannot be asked");
    Refusal::new(Reason::ModelUnavailable, "the model gives no answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_converse_are_recognised() {
        let converse = json!({"messages": [{"role": "user", "content": [{"text": "x"}]}]});
        let anthropic = json!({"anthropic_version": "bedrock-2023-05-31", "messages": [{"role": "user", "content": "x"}]});
        assert!(is_converse(&converse, "/v1/chat"));
        assert!(!is_converse(&converse, "/model/amazon.nova/invoke"));
        assert!(!is_converse(&anthropic, "/v1/chat"));
        assert!(is_converse(&json!({}), "/model/x/converse"));
        assert!(!is_converse(&json!({"prompt": "x"}), "/v1/chat"));
    }

    #[test]
    fn models_are_found_in_paths() {
        assert_eq!(
            id_in_path("/live/model/amazon.nova-v1%3A0/converse").as_deref(),
            Some("amazon.nova-v1:0")
        );
        assert_eq!(id_in_path("/v1/chat"), None);
    }
}
