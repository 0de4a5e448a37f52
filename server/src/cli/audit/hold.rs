//! `llm-shield audit hold`.

use anyhow::{Context as _, Result};
use clap::Args;

use super::{
    super::{YES, show},
    StoreArgs,
};

/// Whose records are held.
#[derive(Args, Debug)]
pub(crate) struct HoldArgs {
    /// Take the hold away
    #[arg(long)]
    release: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs the command.
pub(crate) async fn run(args: HoldArgs) -> Result<u8> {
    let tenant = args.store.tenant()?.context("--tenant is needed: a hold is on a tenant's records")?;
    args.store.tenants(&args.store.open().await?).await?;
    let objects = args.store.archive().await?.set_legal_hold(&tenant, !args.release).await?;
    let what = if args.release { "released" } else { "held" };
    show::print(&format!("{what}: {objects} objects\n"))?;
    Ok(YES)
}
