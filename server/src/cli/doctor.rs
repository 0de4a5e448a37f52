//! `llm-shield doctor`.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use llm_shield::doctor;
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use super::{
    NO, YES,
    args::{ConfigArgs, Format},
    show,
};

/// Looks at the configuration and at everything that it depends on: identity, clock, keys, secrets,
/// buckets, policies, model, logs and metrics of AWS, or the local key ring. Says what is wrong as soon as it is known,
/// and the commands that show more of it or mend it. Exit code 0: all is well; 1: something is not.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// How to print what was found; `json` is one object a line
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<u8> {
    let config = args.config.load()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let (found, mut findings) = unbounded_channel::<doctor::Finding>();
    let printed = async {
        let mut all_is_well = true;
        while let Some(finding) = findings.recv().await {
            all_is_well &= finding.state.is_ok();
            print(&finding, args.format)?;
        }
        anyhow::Ok(all_is_well)
    };
    let examined = async {
        doctor::examine(&config, found).await;
        anyhow::Ok(())
    };
    let (all_is_well, ()) = runtime.block_on(async { tokio::try_join!(printed, examined) })?;
    Ok(if all_is_well { YES } else { NO })
}

fn print(finding: &doctor::Finding, format: Format) -> Result<()> {
    let mut text = String::new();
    match format {
        Format::Text => write_text(&mut text, finding)?,
        Format::Json => {
            let (problem, commands) = match &finding.state {
                Ok(_) => (None, &[][..]),
                Err(complaint) => (Some(&complaint.problem), complaint.commands.as_slice()),
            };
            let told = finding.state.as_ref().ok();
            let line = json!({"what": finding.what, "ok": told.is_some(), "told": told, "problem": problem, "commands": commands});
            writeln!(text, "{line}")?;
        }
    }
    Ok(show::print(&text)?)
}

fn write_text(text: &mut String, finding: &doctor::Finding) -> std::fmt::Result {
    let (good, bad) = (show::action_style("ALLOW"), show::action_style("BLOCK"));
    match &finding.state {
        Ok(told) => writeln!(text, "{good}ok {good:#}  {}: {told}", finding.what),
        Err(complaint) => {
            writeln!(text, "{bad}BAD{bad:#}  {}: {}", finding.what, complaint.problem)?;
            complaint.commands.iter().try_for_each(|command| writeln!(text, "       $ {command}"))
        }
    }
}
