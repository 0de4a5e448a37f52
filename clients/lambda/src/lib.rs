//! The filters at the edge: API Gateway → `input_filter` → model → its answer, filtered; and `output_filter` for outputs
//! that come another way.
//!
//! Both are clients of the service. They find the texts in the bodies of OpenAI, Anthropic and Bedrock ([`body`]), have
//! them decided on ([`shield`]), and refuse or go on ([`handler`]). Whatever cannot be read, decided or forwarded is
//! refused: nothing passes because something went wrong, unless the operator has said so.
//!
//! Beside them, [`rotation`] renews the certificates that they and other clients call with.
#![forbid(unsafe_code)]

pub mod body;
pub mod event;
pub mod handler;
pub mod model;
pub mod refusal;
pub mod rotation;
pub mod settings;
pub mod shield;

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

use self::handler::{Filters, Side};

/// Runs a function until Lambda ends it.
///
/// # Errors
/// Says what keeps it from starting; Lambda then shows that as the function's error.
pub async fn run(side: Side) -> Result<(), lambda_runtime::Error> {
    log();
    let filters = &Filters::from_env().await?;
    let handle = move |event: LambdaEvent<Value>| async move {
        Ok::<Value, lambda_runtime::Error>(filters.handle(side, &event.payload).await)
    };
    lambda_runtime::run(service_fn(handle)).await
}

/// Lambda keeps what is written here. No text under inspection is ever logged.
fn log() {
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_unset| "info".into()),
        )
        .with_writer(std::io::stderr)
        .init();
}
