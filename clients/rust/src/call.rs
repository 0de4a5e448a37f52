//! A call: the message, and what goes with it.

use std::time::Duration;

use tonic::metadata::MetadataValue;

use crate::{
    trace::TraceContext,
    v1::{self, Content, Direction, Role},
};

/// A request message with what holds for this call alone. A message, or a text, becomes one by [`From`].
#[derive(Clone, Debug)]
pub struct Call<M> {
    pub(crate) message: M,
    pub(crate) deadline: Option<Duration>,
    trace: Option<TraceContext>,
    request_id: Option<String>,
}

/// A call of `Scan`.
pub type Scan = Call<v1::ScanRequest>;
/// A call of `Redact`.
pub type Redact = Call<v1::RedactRequest>;
/// A call of `Restore`.
pub type Restore = Call<v1::RestoreRequest>;
/// A call of `Audit`.
pub type Audit = Call<v1::AuditRequest>;

impl<M> Call<M> {
    /// Limits the time of this call, retries included, in place of the client's own limit.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Says which span the call belongs to, in place of OpenTelemetry's current one.
    #[must_use]
    pub fn trace(mut self, context: TraceContext) -> Self {
        self.trace = Some(context);
        self
    }

    /// Names the request, so that it is found again in the server's log and in the audit record.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Returns the request of one attempt.
    pub(crate) fn request(&self, remaining: Duration) -> tonic::Request<M>
    where
        M: Clone,
    {
        let mut request = tonic::Request::new(self.message.clone());
        request.set_timeout(remaining);
        if let Some(context) = self.trace.clone().or_else(TraceContext::current) {
            context.write(request.metadata_mut());
        }
        if let Some(id) = self.request_id.as_ref().and_then(|id| MetadataValue::try_from(id).ok()) {
            request.metadata_mut().insert("x-request-id", id);
        }
        request
    }
}

impl<M> From<M> for Call<M> {
    fn from(message: M) -> Self {
        Self { message, deadline: None, trace: None, request_id: None }
    }
}

/// What `Scan` and `Redact` have in common, whose messages have the same fields.
macro_rules! of_contents {
    ($message:ty) => {
        impl Call<$message> {
            /// One text, of the user.
            pub fn text(text: impl Into<String>) -> Self {
                Self::contents([Content { text: text.into(), ..Content::default() }])
            }

            /// Several contents, in the order in which the model would see them.
            pub fn contents(contents: impl IntoIterator<Item = Content>) -> Self {
                Self::from(<$message>::default()).and(contents)
            }

            /// Adds contents.
            #[must_use]
            pub fn and(mut self, contents: impl IntoIterator<Item = Content>) -> Self {
                self.message.contents.extend(contents);
                self
            }

            /// Says whose text all contents are.
            #[must_use]
            pub fn role(mut self, role: Role) -> Self {
                for content in &mut self.message.contents {
                    content.set_role(role);
                }
                self
            }

            /// Says on which side of the model the contents were seen.
            #[must_use]
            pub fn direction(mut self, direction: Direction) -> Self {
                self.message.set_direction(direction);
                self
            }

            /// Names the policy to decide by.
            #[must_use]
            pub fn policy(mut self, policy: impl Into<String>) -> Self {
                self.message.policy = policy.into();
                self
            }

            /// Adds a label, kept in the audit record.
            #[must_use]
            pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
                self.message.labels.insert(name.into(), value.into());
                self
            }

            /// Makes a retry of the application's own recognisable in the audit log.
            #[must_use]
            pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
                self.message.idempotency_key = key.into();
                self
            }
        }

        impl From<&str> for Call<$message> {
            fn from(text: &str) -> Self {
                Self::text(text)
            }
        }

        impl From<String> for Call<$message> {
            fn from(text: String) -> Self {
                Self::text(text)
            }
        }
    };
}

of_contents!(v1::ScanRequest);
of_contents!(v1::RedactRequest);

impl Redact {
    /// Numbers placeholders over all calls of a conversation.
    #[must_use]
    pub fn conversation(mut self, conversation: impl Into<String>) -> Self {
        self.message.conversation = conversation.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_carries_what_the_call_says() {
        let call = Scan::text("hello")
            .role(Role::Document)
            .policy("strict")
            .label("app", "shop")
            .request_id("r-1")
            .trace(TraceContext::new("00-1-2-01", "v=1"));
        let request = call.request(Duration::from_millis(250));
        let metadata = request.metadata();
        assert_eq!(metadata.get("x-request-id").unwrap(), "r-1");
        assert_eq!(metadata.get("traceparent").unwrap(), "00-1-2-01");
        assert_eq!(metadata.get("tracestate").unwrap(), "v=1");
        assert_eq!(metadata.get("grpc-timeout").unwrap(), "250000u");
        let message = request.into_inner();
        assert_eq!(message.contents[0].role(), Role::Document);
        assert_eq!((message.policy.as_str(), message.labels["app"].as_str()), ("strict", "shop"));
    }

    #[test]
    fn text_is_never_printed() {
        assert!(!format!("{:?}", Redact::from("canary")).contains("canary"));
    }
}
