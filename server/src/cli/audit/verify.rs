//! `llm-shield audit verify`.

use std::{fs, num::NonZeroUsize, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use jiff::Timestamp;
use llm_shield_audit::{Checkpoint, VerifyOptions, VerifyReport};

use super::{
    super::{NO, YES, args::Format, show},
    StoreArgs,
    export::progress_bar,
};

/// What to verify.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// A checkpoint that was kept elsewhere: the log must still be the one that it signs. May be given more than once
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// Only segments that can hold records made at or after this time; all checkpoints are checked anyway
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only segments that can hold records made before this time
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// How many threads check segments; by default one a core
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(crate) async fn run(args: VerifyArgs) -> Result<u8> {
    let store = args.store.open().await?;
    let trust = args.store.trust().await?;
    let mut checkpoints = Vec::new();
    for file in &args.checkpoint {
        let note = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let checkpoint = Checkpoint::open(&note, &trust)
            .map_err(|what| anyhow::anyhow!("{} cannot be relied on: {what}", file.display()))?;
        checkpoints.push(checkpoint);
    }
    let options = VerifyOptions {
        tenant: args.store.tenant()?,
        start: args.since,
        end: args.until,
        checkpoints,
        threads: args.threads,
    };
    let progress = progress_bar("checked");
    let bar = progress.clone();
    let report = store.verify(options, move |progress| bar.set_position(progress.records)).await?;
    progress.finish_and_clear();
    if report.tenants == 0 && report.problem.is_none() {
        // Nothing is intact that is not there.
        match args.store.tenant()? {
            Some(tenant) => bail!("there is no log of the tenant {tenant} in this store"),
            None => bail!("there is no log in this store"),
        }
    }
    if args.store.is_bucket()? && args.store.outbox().is_none() && args.checkpoint.is_empty() {
        show::note(
            "a bucket alone does not tell what was never in it, nor what is missing at its end: give --outbox, or a \
             checkpoint that was kept elsewhere (--checkpoint)",
        );
    }
    print(&report, args.format)?;
    Ok(if report.problem.is_none() { YES } else { NO })
}

fn print(report: &VerifyReport, format: Format) -> Result<()> {
    let VerifyReport { records, segments, tenants, decrypted, problem, .. } = report;
    let text = match (format, problem) {
        (Format::Json, problem) => {
            let problem = problem
                .as_ref()
                .map(|problem| serde_json::json!({"object": problem.object, "what": problem.what}));
            let result = serde_json::json!({
                "intact": problem.is_none(),
                "records": records,
                "segments": segments,
                "tenants": tenants,
                "decrypted": decrypted,
                "problem": problem,
            });
            format!("{result}\n")
        }
        (Format::Text, None) => {
            let opened = if *decrypted { "" } else { ", none of them opened" };
            format!("intact: {records} records in {segments} segments of {tenants} tenants{opened}\n")
        }
        (Format::Text, Some(problem)) => format!("NOT INTACT: {}: {}\n", problem.object, problem.what),
    };
    Ok(show::print(&text)?)
}
