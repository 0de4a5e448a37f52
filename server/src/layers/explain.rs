//! The gRPC library's own errors in our form.
//!
//! A message that cannot be decoded, is too large, or is meant for no method never reaches a handler: tonic answers it
//! alone, with a bare code and a message about itself. Such an answer has no details; it is read here and said again
//! as a [`Fault`].

use http::{Request, Response};
use tonic::{Code, Status, body::Body};

use super::{Layer, Refused, access::Method, refuse};
use crate::status::Fault;

/// The layer.
#[derive(Debug, Clone)]
pub(crate) struct Explain {
    pub(crate) max_message_bytes: u64,
}

impl Layer for Explain {
    /// Whether it is a health check, which has its own errors.
    type Kept = bool;

    fn before(&self, request: &mut Request<Body>) -> Result<bool, Refused> {
        Ok(matches!(request.extensions().get(), Some(Method::Health { .. })))
    }

    fn after(&self, health: bool, response: Response<Body>) -> Response<Body> {
        if health {
            return response;
        }
        match Status::from_header_map(response.headers()) {
            Some(status) if status.code() != Code::Ok && status.details().is_empty() => {
                self.explain(&status).map_or(response, refuse)
            }
            None if !response.status().is_success() => refuse(Fault::UnknownMethod),
            _ => response,
        }
    }
}

impl Explain {
    /// Tells by tonic's code and words what happened; a test holds each to the version in use.
    fn explain(&self, status: &Status) -> Option<Fault> {
        let message = status.message();
        match status.code() {
            Code::OutOfRange => Some(Fault::TooLarge { limit_bytes: self.max_message_bytes }),
            Code::Unimplemented if message.is_empty() => Some(Fault::UnknownMethod),
            Code::Internal if message.contains("UTF-8") => {
                Some(Fault::Undecodable { field: field_in(message), utf8: true })
            }
            Code::Internal | Code::Unimplemented | Code::Unknown | Code::InvalidArgument => {
                Some(Fault::Undecodable { field: None, utf8: false })
            }
            _ => None,
        }
    }
}

/// Takes the field out of prost's chain of `Message.field: `, which begins with the innermost.
fn field_in(message: &str) -> Option<String> {
    let mut chain: Vec<&str> = message
        .split(": ")
        .filter_map(|part| part.split_once('.'))
        .filter(|(message, field)| is_name(message) && is_name(field))
        .map(|(_, field)| field)
        .collect();
    chain.reverse();
    if chain.is_empty() { None } else { Some(chain.join(".")) }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
