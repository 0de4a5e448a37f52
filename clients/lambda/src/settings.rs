//! Settings, from the environment: the only way to set a Lambda function up.

use std::{env, str::FromStr, time::Duration};

use llm_shield_client::{BuildError, OnUnavailable, ShieldClient, Tls, TlsError};

/// What keeps a function from starting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A variable is needed.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// A variable has a value that is not understood.
    #[error("{name} is `{value}`: it has to be {expected}")]
    Wrong {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it could be.
        expected: &'static str,
    },
    /// The client's certificates cannot be had.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The client cannot be set up.
    #[error(transparent)]
    Client(#[from] BuildError),
    /// AWS cannot be asked.
    #[error(transparent)]
    Aws(#[from] llm_shield_client::aws::AwsError),
}

/// What both filters are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether texts of the role `system` are the application's own. If not, they are looked at as a user's.
    pub trust_system: bool,
    /// Whether images, audio and files, which nobody looks into, may pass.
    pub pass_unreadable: bool,
}

impl Rules {
    /// Reads `LLM_SHIELD_TRUST_SYSTEM` and `LLM_SHIELD_UNREADABLE`.
    ///
    /// # Errors
    /// Says which has a value that is not understood.
    pub fn from_env() -> Result<Self, SettingsError> {
        Ok(Self {
            trust_system: parsed("LLM_SHIELD_TRUST_SYSTEM", "true or false")?.unwrap_or(false),
            pass_unreadable: one_of(
                "LLM_SHIELD_UNREADABLE",
                [("block", false), ("pass", true)],
                "block or pass",
            )?
            .unwrap_or(false),
        })
    }
}

/// Sets the client of the service up.
///
/// # Errors
/// Says what is missing or wrong.
pub async fn client() -> Result<ShieldClient, SettingsError> {
    let endpoint = required("LLM_SHIELD_ENDPOINT")?;
    let choices = [("block", OnUnavailable::Block), ("allow", OnUnavailable::Allow)];
    let on_unavailable = one_of("LLM_SHIELD_ON_UNAVAILABLE", choices, "block or allow")?;
    let tls = match (set("LLM_SHIELD_CLIENT_SECRET"), set("LLM_SHIELD_TLS_DIR")) {
        (Some(secret), _) => Tls::from_secret(secret).await?,
        (None, Some(directory)) => Tls::from_directory(directory)?,
        (None, None) => return Err(SettingsError::Missing("LLM_SHIELD_CLIENT_SECRET or LLM_SHIELD_TLS_DIR")),
    };
    // Closed, unless somebody has said otherwise.
    let mut builder = ShieldClient::builder(endpoint, tls, on_unavailable.unwrap_or(OnUnavailable::Block));
    if let Some(name) = set("LLM_SHIELD_SERVER_NAME") {
        builder = builder.server_name(name);
    }
    if let Some(deadline) = milliseconds("LLM_SHIELD_SCAN_TIMEOUT_MS")? {
        builder = builder.scan_deadline(deadline);
    }
    if let Some(deadline) = milliseconds("LLM_SHIELD_REDACT_TIMEOUT_MS")? {
        builder = builder.redact_deadline(deadline);
    }
    Ok(builder.build()?)
}

/// Returns a variable that has to be there.
pub(crate) fn required(name: &'static str) -> Result<String, SettingsError> {
    set(name).ok_or(SettingsError::Missing(name))
}

/// Returns a variable unless it is empty.
pub(crate) fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns a time.
pub(crate) fn milliseconds(name: &'static str) -> Result<Option<Duration>, SettingsError> {
    Ok(parsed(name, "a number of milliseconds")?.map(Duration::from_millis))
}

fn parsed<T: FromStr>(name: &'static str, expected: &'static str) -> Result<Option<T>, SettingsError> {
    set(name)
        .map(|value| value.parse().map_err(|_invalid| SettingsError::Wrong { name, value, expected }))
        .transpose()
}

fn one_of<T>(
    name: &'static str,
    choices: impl IntoIterator<Item = (&'static str, T)>,
    expected: &'static str,
) -> Result<Option<T>, SettingsError> {
    let Some(value) = set(name) else { return Ok(None) };
    let chosen = choices.into_iter().find(|(choice, _)| *choice == value);
    chosen.map(|(_, choice)| Some(choice)).ok_or(SettingsError::Wrong { name, value, expected })
}
