//! The texts in a body.
//!
//! Bodies are walked, not parsed by a schema: every string is a text unless it is known to be none. What a provider adds
//! tomorrow is looked at as the text of whoever wrote what it stands in. The places that are known decide whose a text
//! is: messages by their role, tool calls, results and definitions, documents, the system prompt.

mod known;
mod walk;

use llm_shield_client::v1::Role;
use serde_json::Value;

pub use self::walk::texts;

/// Which way a body goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// A request to a model: what has no role is the user's.
    Request,
    /// A model's answer: what has no role is the model's.
    Answer,
}

/// A text and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// JSON Pointer (RFC 6901).
    pub pointer: String,
    /// Whose it is.
    pub role: Role,
    /// The text: a string, or JSON that is looked at as a whole.
    pub text: String,
    /// Whether `text` is JSON in place of a string.
    pub is_json: bool,
}

/// What a body holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// The texts, in the order in which the body has them.
    pub texts: Vec<Text>,
    /// Where there is something that is no text: an image, audio, a file.
    pub unreadable: Vec<String>,
}

impl Text {
    /// Puts another text in the place of this one. Nothing when the place would then no longer be what it was.
    #[must_use]
    pub fn replace(&self, body: &mut Value, text: &str) -> Option<()> {
        let place = body.pointer_mut(&self.pointer)?;
        *place = if self.is_json { serde_json::from_str(text).ok()? } else { Value::String(text.to_owned()) };
        Some(())
    }
}

/// Whether a request asks for a stream.
pub fn asks_for_stream(body: &Value) -> bool {
    // Whatever is not plainly "no" may be read as "yes" by a model's server.
    !matches!(body.get("stream"), None | Some(Value::Null | Value::Bool(false)))
}

#[cfg(test)]
mod tests;
