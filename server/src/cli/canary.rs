//! `llm-shield canary`.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use clap::Subcommand;
use llm_shield::Canaries;
use llm_shield_audit::Tenant;
use llm_shield_detect::Engine;
use llm_shield_detect::output::canary::CanaryState;

use super::{
    NO, YES,
    args::{ConfigArgs, Format, SourceArgs},
    show,
};

/// The longest life of a token, in days.
const MAX_DAYS: u64 = 3650;

/// Commands on canary tokens: marks for a prompt that tell, when they come back in an output, that the prompt leaked.
/// The key is the one that the server of this configuration has; no list of tokens is kept.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a token to put into a prompt
    #[command(after_help = "Example:
  llm-shield canary issue --tenant chat --session prompt-7 --days 90")]
    Issue {
        #[command(flatten)]
        tenant: TenantArgs,
        /// What the token is for, such as a prompt's or a session's name; the same gives the same token
        #[arg(long, value_name = "NAME", default_value = "")]
        session: String,
        /// How long it is in force, in days from now
        #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u64).range(1..=MAX_DAYS))]
        days: u64,
    },
    /// Say which tokens of the tenant are in a text (exit code 1: one that is in force)
    Check {
        #[command(flatten)]
        text: SourceArgs,
        #[command(flatten)]
        tenant: TenantArgs,
        /// How to print them; `json` is one object a line
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Whose tokens.
#[derive(clap::Args, Debug)]
pub(crate) struct TenantArgs {
    /// The tenant, as in the configuration's `identities`
    #[arg(long, value_name = "NAME")]
    tenant: String,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(crate) fn run(command: Command) -> Result<u8> {
    match command {
        Command::Issue { tenant, session, days } => {
            let token = tenant.open()?.issue(&session, now() + days * 24 * 60 * 60);
            show::print(&format!("{token}\n"))?;
            Ok(YES)
        }
        Command::Check { text, tenant, format } => check(&text.read()?, &tenant.open()?, format),
    }
}

impl TenantArgs {
    fn open(&self) -> Result<Canaries> {
        Tenant::new(&self.tenant).context("--tenant")?;
        let config = self.config.load()?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
        let opened = runtime.block_on(Canaries::open(&config, &self.tenant));
        opened.context("cannot use the tenant's key")
    }
}

fn check(text: &str, canaries: &Canaries, format: Format) -> Result<u8> {
    let mut in_force = false;
    let mut found = canaries.find(text, now());
    if found.is_empty() {
        let engine = Engine::builtin().context("cannot make the engine")?;
        found = canaries.find_disguised(&engine, text);
    }
    for (token, state) in &found {
        let state = match state {
            CanaryState::Valid => "valid",
            CanaryState::Expired => "expired",
            CanaryState::Foreign => "foreign",
        };
        in_force |= state == "valid";
        show::print(&match format {
            Format::Text => format!("{state:<8}{token}\n"),
            Format::Json => format!("{}\n", serde_json::json!({"token": token, "state": state})),
        })?;
    }
    if found.is_empty() {
        show::note("no canary token in it");
    }
    Ok(if in_force { NO } else { YES })
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
