//! API Gateway's events and answers: REST proxy integration and HTTP API, payload formats 1.0 and 2.0.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::refusal::{Reason, Refusal};

/// The HTTP request in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The path, without the stage's name where API Gateway leaves it out.
    pub path: String,
    /// Header names in lower case, each with its last value.
    pub headers: Vec<(String, String)>,
    /// API Gateway's id of the request.
    pub id: String,
    /// The parameter `modelId` of the path, where the API has one.
    pub model_id: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// The HTTP response that API Gateway is to give.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body, which is text always.
    pub body: String,
}

impl Request {
    /// Reads an event. Only the parts that are needed have to be there.
    ///
    /// # Errors
    /// Refuses what is no event of API Gateway, and bodies that are not what they say.
    pub fn from_event(event: &Value) -> Result<Self, Refusal> {
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
        let is_event =
            event.get("requestContext").is_some_and(Value::is_object) || text("/httpMethod").is_some();
        if !is_event {
            return Err(Refusal::new(Reason::NotAnEvent, "the event is not one of API Gateway"));
        }
        let body = text("/body").unwrap_or_default();
        let is_base64 = event.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or(false);
        let body = if is_base64 {
            let unreadable = "the body is not the base64 that it says it is";
            STANDARD.decode(body).map_err(|_invalid| Refusal::new(Reason::UnreadableBody, unreadable))?
        } else {
            body.as_bytes().to_vec()
        };
        let path = ["/rawPath", "/path", "/requestContext/http/path"].into_iter().find_map(text);
        let request = Self {
            path: path.unwrap_or("/").to_owned(),
            headers: headers(event),
            id: text("/requestContext/requestId").unwrap_or_default().to_owned(),
            model_id: text("/pathParameters/modelId").map(str::to_owned),
            body,
        };
        match request.header("content-encoding") {
            None | Some("" | "identity") => Ok(request),
            Some(_) => Err(Refusal::new(Reason::UnreadableBody, "the body is compressed: send it as it is")),
        }
    }

    /// Returns a header's value, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().rev().find(|(named, _)| named == name).map(|(_, value)| value.as_str())
    }
}

impl Response {
    /// Answers with JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.to_string(),
        }
    }

    /// Adds a header unless its value is empty.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.headers.push((name, value));
        }
        self
    }

    /// Returns what both kinds of API take.
    pub fn into_event(self) -> Value {
        let headers: Map<String, Value> =
            self.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        json!({"statusCode": self.status, "headers": headers, "body": self.body, "isBase64Encoded": false})
    }
}

fn headers(event: &Value) -> Vec<(String, String)> {
    let fields = |name| event.get(name).and_then(Value::as_object).into_iter().flatten();
    let several = fields("multiValueHeaders")
        .flat_map(|(name, values)| values.as_array().into_iter().flatten().map(move |value| (name, value)));
    several
        .chain(fields("headers"))
        .filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_proxy_event_is_read() {
        let event = json!({
            "httpMethod": "POST", "path": "/v1/chat", "headers": {"Content-Type": "application/json"},
            "multiValueHeaders": {"X-Two": ["a", "b"]}, "requestContext": {"requestId": "r-1"},
            "pathParameters": {"modelId": "m"}, "body": "{}", "isBase64Encoded": false,
        });
        let request = Request::from_event(&event).unwrap();
        assert_eq!((request.path.as_str(), request.id.as_str()), ("/v1/chat", "r-1"));
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("x-two"), Some("b"));
        assert_eq!((request.model_id.as_deref(), request.body.as_slice()), (Some("m"), b"{}".as_slice()));
    }

    #[test]
    fn http_api_event_is_read() {
        let event = json!({
            "version": "2.0", "rawPath": "/v1/chat", "headers": {"content-type": "application/json"},
            "requestContext": {"requestId": "r-2", "http": {"method": "POST"}}, "body": "e30=", "isBase64Encoded": true,
        });
        let request = Request::from_event(&event).unwrap();
        assert_eq!((request.path.as_str(), request.id.as_str()), ("/v1/chat", "r-2"));
        assert_eq!(request.body, b"{}");
    }

    #[test]
    fn wrong_events_are_refused() {
        for event in [
            json!(null),
            json!("x"),
            json!({"messages": []}),
            json!({"httpMethod": "POST", "body": "%", "isBase64Encoded": true}),
            json!({"httpMethod": "POST", "body": "x", "headers": {"Content-Encoding": "gzip"}}),
        ] {
            assert!(Request::from_event(&event).is_err(), "{event}");
        }
    }
}
