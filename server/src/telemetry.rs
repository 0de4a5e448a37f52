//! Logs: where they go, in which form, and what can never be in them.
//!
//! Two things keep callers' text out. Dependencies are capped at `warn`, whatever `log.level` or `RUST_LOG` say,
//! because at lower levels the HTTP/2 library prints the frames that it carries. And the panic hook prints the place
//! of a panic without its message, because a message can quote the value it happened on.

use std::{
    io::{self, IsTerminal},
    panic,
};

use llm_shield_cloud::telemetry::{self, Shipping};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    Layer,
    filter::{FilterExt as _, Targets, filter_fn},
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::config::{LogConfig, LogFormat};

/// Targets that begin so are ours.
const OUR_TARGETS: &str = "llm_shield";

/// Reads `log.level`.
pub(crate) fn directives(level: &str) -> Result<Targets, String> {
    level.parse().map_err(|error| format!("{error}: expected such as `info` or `info,llm_shield=debug`"))
}

/// Starts logging to standard error and to whom `shipping` hands on, for the whole process, and silences panics'
/// messages.
///
/// # Errors
/// A level cannot be read, or logging was started before.
pub fn init(config: &LogConfig, shipping: Option<Shipping>) -> Result<(), String> {
    let json = match config.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !io::stderr().is_terminal(),
    };
    let directives = directives(&config.level)?;
    // Spans whatever the level: entries carry their ids, and traces are made of them.
    let wanted = directives.or(filter_fn(|metadata| metadata.is_span())).and(filter_fn(may_be_logged));
    let shipped = shipping.map(|shipping| telemetry::layer(shipping).with_filter(wanted));
    tracing_subscriber::registry()
        .with(layer(config.stderr_level.as_ref().unwrap_or(&config.level), json, io::stderr)?)
        .with(shipped)
        .try_init()
        .map_err(|error| error.to_string())?;
    quiet_panics();
    Ok(())
}

/// Makes the layer that [`init`] installs, with another place to write to.
///
/// # Errors
/// `level` cannot be read.
pub fn layer<S, W>(level: &str, json: bool, writer: W) -> Result<Box<dyn Layer<S> + Send + Sync>, String>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let directives = directives(level)?;
    let layer = fmt::layer().with_writer(writer);
    let layer: Box<dyn Layer<S> + Send + Sync> = if json {
        layer.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
    } else {
        layer.with_target(false).boxed()
    };
    Ok(layer.with_filter(filter_fn(may_be_logged)).with_filter(directives).boxed())
}

fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with(OUR_TARGETS) || *metadata.level() <= Level::WARN
}

/// Replaces the panic hook by one that tells the place and nothing of the message.
pub fn quiet_panics() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(panic.location = place, "a panic");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read() {
        assert!(directives("info").is_ok());
        assert!(directives("warn,llm_shield=trace").is_ok());
        assert!(directives("llm_shield=loud").is_err());
    }
}
