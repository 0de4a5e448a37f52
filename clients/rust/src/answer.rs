//! Decisions, and what stands for them when the server gives none.

use std::ops::Deref;

use crate::{
    builder::OnUnavailable,
    error::CallError,
    v1::{Action, Content, RedactResponse, RedactedContent, ScanResponse, Verdict},
};

/// The answer to a `Scan`; dereferences to the server's message.
#[derive(Clone, Debug)]
pub struct Scanned {
    response: ScanResponse,
    unavailable: Option<CallError>,
}

/// The answer to a `Redact`; dereferences to the server's message.
#[derive(Clone, Debug)]
pub struct Redacted {
    response: RedactResponse,
    unavailable: Option<CallError>,
}

impl Scanned {
    pub(crate) fn decided(response: ScanResponse) -> Self {
        Self { response, unavailable: None }
    }

    pub(crate) fn undecided(choice: OnUnavailable, error: CallError) -> Self {
        let response = ScanResponse {
            action: choice.action().into(),
            verdict: Verdict::Undetermined.into(),
            degraded: true,
            ..ScanResponse::default()
        };
        Self { response, unavailable: Some(error) }
    }

    /// Why there is no decision of the server; then the action is what `on_unavailable` says.
    pub fn unavailable(&self) -> Option<&CallError> {
        self.unavailable.as_ref()
    }

    /// Whether the text must not pass.
    pub fn is_blocked(&self) -> bool {
        blocks(self.response.action())
    }

    /// The server's message.
    pub fn into_inner(self) -> ScanResponse {
        self.response
    }
}

impl Redacted {
    pub(crate) fn decided(response: RedactResponse) -> Self {
        Self { response, unavailable: None }
    }

    /// The caller's own texts where they may pass, else none.
    pub(crate) fn undecided(choice: OnUnavailable, contents: Vec<Content>, error: CallError) -> Self {
        let contents = match choice {
            OnUnavailable::Allow => contents.into_iter().enumerate().map(unchanged).collect(),
            OnUnavailable::Block => Vec::new(),
        };
        let response = RedactResponse {
            contents,
            action: choice.action().into(),
            verdict: Verdict::Undetermined.into(),
            degraded: true,
            ..RedactResponse::default()
        };
        Self { response, unavailable: Some(error) }
    }

    /// Why there is no decision of the server; then the action is what `on_unavailable` says.
    pub fn unavailable(&self) -> Option<&CallError> {
        self.unavailable.as_ref()
    }

    /// Whether the original must not pass.
    pub fn is_blocked(&self) -> bool {
        blocks(self.response.action())
    }

    /// The texts, in the order of the request.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.response.contents.iter().map(|content| content.text.as_str())
    }

    /// The server's message.
    pub fn into_inner(self) -> RedactResponse {
        self.response
    }
}

impl Deref for Scanned {
    type Target = ScanResponse;

    fn deref(&self) -> &ScanResponse {
        &self.response
    }
}

impl Deref for Redacted {
    type Target = RedactResponse;

    fn deref(&self) -> &RedactResponse {
        &self.response
    }
}

/// An action that this client does not know yet blocks, too.
fn blocks(action: Action) -> bool {
    !matches!(action, Action::Allow | Action::Flag | Action::Redact)
}

fn unchanged((index, content): (usize, Content)) -> RedactedContent {
    let id = if content.id.is_empty() { index.to_string() } else { content.id };
    RedactedContent { id, text: content.text, redactions: Vec::new() }
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;

    fn contents() -> Vec<Content> {
        let text = |id: &str, text: &str| Content { id: id.to_owned(), text: text.to_owned(), role: 0 };
        vec![text("", "one"), text("named", "two")]
    }

    #[test]
    fn blocking_gives_no_text() {
        let answer =
            Redacted::undecided(OnUnavailable::Block, contents(), Status::unavailable("away").into());
        assert!(answer.is_blocked() && answer.texts().next().is_none());
        assert!(Scanned::undecided(OnUnavailable::Block, Status::unavailable("away").into()).is_blocked());
    }

    #[test]
    fn allowing_gives_the_callers_own() {
        let answer =
            Redacted::undecided(OnUnavailable::Allow, contents(), Status::unavailable("away").into());
        assert!(!answer.is_blocked() && answer.unavailable().is_some());
        assert_eq!(answer.texts().collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(answer.contents[0].id, "0");
        assert_eq!(answer.contents[1].id, "named");
    }

    #[test]
    fn an_unknown_action_blocks() {
        let response = ScanResponse { action: 99, ..ScanResponse::default() };
        assert!(Scanned::decided(response).is_blocked());
    }
}
