//! What the two functions do with an event.

use std::time::Duration;

use llm_shield_client::{ShieldClient, TraceContext, v1};
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    body::{self, Direction, Texts},
    event::{Request, Response},
    model::{Answer, Model},
    refusal::{Reason, Refusal},
    settings::{self, Rules, SettingsError},
    shield::{self, Caller, Passed},
};

/// How long the start waits for the service; Lambda ends a start after 10 s.
const WARM_UP: Duration = Duration::from_secs(2);

/// Which function this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `input_filter`.
    Input,
    /// `output_filter`.
    Output,
}

/// Both filters: what they ask, and what they are told.
#[derive(Debug)]
pub struct Filters {
    shield: ShieldClient,
    model: Model,
    rules: Rules,
    policy: String,
}

/// What of a request goes on, and what is known of it.
struct Screened {
    body: Value,
    passed: Passed,
    /// The system prompts, which the answer is not to repeat.
    system: String,
}

impl Filters {
    /// Sets up what the environment says.
    ///
    /// # Errors
    /// Says what is missing or wrong.
    pub async fn from_env() -> Result<Self, SettingsError> {
        let shield = settings::client().await?;
        // Connected before the first event, whose decision has a quarter of a second. What fails now shows again then.
        if !matches!(timeout(WARM_UP, shield.server_info()).await, Ok(Ok(_))) {
            tracing::warn!("the service does not answer yet");
        }
        Ok(Self {
            model: Model::from_env()?,
            rules: Rules::from_env()?,
            policy: settings::set("LLM_SHIELD_POLICY").unwrap_or_default(),
            shield,
        })
    }

    /// Answers an event of API Gateway. There is always an answer: a function that fails is one that says nothing.
    pub async fn handle(&self, side: Side, event: &Value) -> Value {
        let (response, id) = match Request::from_event(event) {
            Ok(request) => {
                let outcome = match side {
                    Side::Input => self.input(&request).await,
                    Side::Output => self.output(&request).await,
                };
                (outcome, request.id)
            }
            Err(refusal) => {
                let direction = if side == Side::Input { "input" } else { "output" };
                (Err((direction, refusal)), String::new())
            }
        };
        let response = response.unwrap_or_else(|(direction, refusal)| {
            tracing::info!(request.id = %id, direction, reason = refusal.reason(), "refused");
            refusal.into_response(direction, &id)
        });
        response.into_event()
    }

    async fn input(&self, request: &Request) -> Result<Response, (&'static str, Refusal)> {
        let screened = self.screen(request).await.map_err(|refusal| ("input", refusal))?;
        let (action, record) = (screened.passed.action(), screened.passed.records.join(","));
        let answer = self.model.ask(request, screened.body.clone()).await;
        let response = match answer.map_err(|refusal| ("input", refusal))? {
            None => Response::json(200, &screened.body),
            Some(answer) => self
                .answer(request, &answer, &screened.system)
                .await
                .map_err(|refusal| ("output", refusal))?,
        };
        Ok(response.header("x-llm-shield-action", action).header("x-llm-shield-audit-record", record))
    }

    async fn output(&self, request: &Request) -> Result<Response, (&'static str, Refusal)> {
        let answer = Answer {
            status: 200,
            content_type: request.header("content-type").unwrap_or_default().to_owned(),
            body: request.body.clone().into(),
        };
        self.answer(request, &answer, "").await.map_err(|refusal| ("output", refusal))
    }

    /// Reads a request's body and has it decided on.
    async fn screen(&self, request: &Request) -> Result<Screened, Refusal> {
        let mut body: Value = serde_json::from_slice(&request.body).map_err(|error| {
            Refusal::new(Reason::UnreadableBody, format!("the body is not JSON ({})", place(&error)))
        })?;
        let streams = request.path.ends_with("-stream") || request.path.ends_with("-with-response-stream");
        if streams || body::asks_for_stream(&body) {
            let message = "an answer is filtered as a whole: ask without `stream`";
            return Err(Refusal::new(Reason::Streaming, message));
        }
        let found = body::texts(&body, Direction::Request);
        if found.texts.is_empty() && found.unreadable.is_empty() {
            return Err(Refusal::new(Reason::UnreadableBody, "the body holds no text"));
        }
        let system = found.texts.iter().filter(|text| text.role == v1::Role::System);
        let system: Vec<&str> = system.map(|text| text.text.as_str()).collect();
        let system = system.join("\n");
        let caller = self.caller(request, v1::Direction::Input);
        let passed = self.decide(&caller, found, &mut body, "").await?;
        Ok(Screened { body, passed, system })
    }

    /// Has a model's answer decided on.
    async fn answer(&self, request: &Request, answer: &Answer, system: &str) -> Result<Response, Refusal> {
        let unreadable = |problem: &str| Refusal::new(Reason::UnreadableAnswer, problem);
        if answer.content_type.starts_with("text/event-stream") {
            return Err(unreadable("the answer is a stream: it has to be filtered as a whole"));
        }
        let text =
            std::str::from_utf8(&answer.body).map_err(|_invalid| unreadable("the answer is not text"))?;
        if text.is_empty() {
            return Ok(Response { status: answer.status, headers: Vec::new(), body: String::new() });
        }
        // What is no JSON is a text as a whole, such as a message of a load balancer's.
        let json = serde_json::from_str::<Value>(text).ok();
        let is_json = json.is_some();
        if !is_json && answer.content_type.contains("json") {
            return Err(unreadable("the answer is not the JSON it says it is"));
        }
        let mut body = json.unwrap_or_else(|| Value::String(text.to_owned()));
        let found = body::texts(&body, Direction::Answer);
        let caller = self.caller(request, v1::Direction::Output);
        let passed = self.decide(&caller, found, &mut body, system).await?;
        let response = match &body {
            Value::String(text) if !is_json => Response {
                status: answer.status,
                headers: vec![("content-type", "text/plain; charset=utf-8".to_owned())],
                body: text.clone(),
            },
            body => Response::json(answer.status, body),
        };
        Ok(response
            .header("x-llm-shield-output-action", passed.action())
            .header("x-llm-shield-output-audit-record", passed.records.join(",")))
    }

    /// Has texts decided on, and puts what takes their place into the body.
    async fn decide(
        &self,
        caller: &Caller,
        mut found: Texts,
        body: &mut Value,
        system: &str,
    ) -> Result<Passed, Refusal> {
        if let (Some(place), false) = (found.unreadable.first(), self.rules.pass_unreadable) {
            let message =
                format!("there is something at `{place}` that is no text, and nobody can look into it");
            return Err(Refusal::new(Reason::UnreadableContent, message));
        }
        if !self.rules.trust_system {
            for text in found.texts.iter_mut().filter(|text| text.role == v1::Role::System) {
                text.role = v1::Role::User;
            }
        }
        let passed = shield::decide(&self.shield, caller, &found.texts, system).await?;
        for (index, replacement) in &passed.replaced {
            let replaced = found.texts.get(*index).and_then(|text| text.replace(body, replacement));
            replaced.ok_or_else(|| {
                let message = "what has to be taken out of a structure would break it";
                Refusal::new(Reason::NotRedactable, message).recorded(passed.records.join(","))
            })?;
        }
        Ok(passed)
    }

    fn caller(&self, request: &Request, direction: v1::Direction) -> Caller {
        let state = request.header("tracestate").unwrap_or_default();
        Caller {
            direction,
            policy: self.policy.clone(),
            request_id: request.id.clone(),
            trace: request.header("traceparent").map(|parent| TraceContext::new(parent, state)),
        }
    }
}

/// Where the JSON breaks off; serde's own message may show a part of it.
fn place(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}
