//! `llm-shield audit erase`.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use llm_shield::AUDIT_KEY;
use llm_shield_audit::{AuditError, AuditLog, AuditOptions, request_erasure};
use tokio::time::{Instant, sleep};

use super::{
    super::{YES, show},
    StoreArgs,
};

/// How long a running server has to do it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whom to erase.
#[derive(Args, Debug)]
pub(crate) struct EraseArgs {
    /// The subject, as requests named it (`subject_id`). Needs --tenant
    #[arg(long, value_name = "ID")]
    subject: String,
    /// Who erases, for the record
    #[arg(long, value_name = "NAME", default_value = "command line")]
    by: String,
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs the command.
pub(crate) async fn run(args: EraseArgs) -> Result<u8> {
    let tenant = args.store.tenant()?.context("--tenant is needed: subjects are a tenant's")?;
    let (dir, ring) = args.store.writable()?;
    let options = AuditOptions::new(&dir, Arc::new(ring), AUDIT_KEY, args.store.key_id()?);
    match AuditLog::open(options).await {
        Ok(log) => {
            let erasure = log.erase_subject(&tenant, &args.subject, &args.by).await;
            log.close().await?;
            let erasure = erasure?;
            let key = if erasure.existed { "its key is destroyed" } else { "it had no key" };
            show::print(&format!("erased: {key}; record {}\n", erasure.receipt.id))?;
        }
        Err(AuditError::Locked { .. }) => {
            let store = args.store.open().await?;
            let tag = store.subject_tag(&tenant, &args.subject).await?;
            let tag = tag.with_context(|| format!("there is no log of the tenant {tenant}"))?;
            let request = request_erasure(&dir, &tenant, &tag, &args.by).await?;
            let until = Instant::now() + PATIENCE;
            while request.exists() {
                if Instant::now() >= until {
                    bail!("the server has not carried it out yet; the request stays: {}", request.display());
                }
                sleep(Duration::from_millis(100)).await;
            }
            show::print(&format!("erased by the running server; subject {tag}\n"))?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(YES)
}
