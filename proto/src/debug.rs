//! `Debug` for the messages that hold a caller's text: sizes, never the text.

use std::fmt;

use crate::v1::{
    AuditContent, Content, RedactStreamRequest, RedactStreamResponse, RedactedContent, ScanStreamRequest,
    redact_stream_request, redact_stream_response, scan_stream_request,
};

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("role", &self.role())
            .field("text_bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AuditContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditContent").field("text_bytes", &self.text.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for RedactedContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactedContent")
            .field("text_bytes", &self.text.len())
            .field("redactions", &self.redactions.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ScanStreamRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanStreamRequest").field("message", &self.message).finish()
    }
}

impl fmt::Debug for RedactStreamRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactStreamRequest").field("message", &self.message).finish()
    }
}

impl fmt::Debug for RedactStreamResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactStreamResponse").field("message", &self.message).finish()
    }
}

impl fmt::Debug for scan_stream_request::Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(config) => f.debug_tuple("Config").field(config).finish(),
            Self::Delta(delta) => write!(f, "Delta({} bytes)", delta.len()),
        }
    }
}

impl fmt::Debug for redact_stream_request::Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(config) => f.debug_tuple("Config").field(config).finish(),
            Self::Delta(delta) => write!(f, "Delta({} bytes)", delta.len()),
        }
    }
}

impl fmt::Debug for redact_stream_response::Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delta(delta) => write!(f, "Delta({} bytes)", delta.len()),
            Self::Summary(summary) => f.debug_tuple("Summary").field(summary).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::v1::{Content, RedactRequest, RedactStreamResponse, ScanRequest, redact_stream_response};

    #[test]
    fn text_is_never_printed() {
        let contents = vec![Content { text: "canary-text".to_owned(), id: "canary-id".to_owned(), role: 1 }];
        let scan = ScanRequest { contents: contents.clone(), ..Default::default() };
        let redact = RedactRequest { contents, ..Default::default() };
        for printed in [format!("{scan:?}"), format!("{redact:#?}")] {
            assert!(!printed.contains("canary"), "{printed}");
            assert!(printed.contains("text_bytes"), "{printed}");
        }
        let message = Some(redact_stream_response::Message::Delta("canary".to_owned()));
        assert_eq!(
            format!("{:?}", RedactStreamResponse { message }),
            "RedactStreamResponse { message: Some(Delta(6 bytes)) }"
        );
    }
}
