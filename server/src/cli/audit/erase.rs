//! `llm-shield audit erase`.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use llm_shield::AUDIT_KEY;
use llm_shield_audit::{AuditError, AuditLog, AuditOptions, Query, request_erasure};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{
    super::{NO, YES, show},
    StoreArgs,
    rewrap::KMS_AUDIT_KEY,
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
    ensure!(!args.subject.is_empty(), "--subject is empty");
    let (dir, options) = writer(&args.store).await?;
    match AuditLog::open(options).await {
        Ok(log) => {
            let erasure = log.erase_subject(&tenant, &args.subject, &args.by).await;
            log.close().await?;
            let erasure = erasure?;
            told(erasure.existed, erasure.receipt.id)
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
            // What the server found is in the record that it has made.
            let label = ("subject".to_owned(), tag);
            let query = Query {
                rpc: Some("EraseSubject".to_owned()),
                labels: [label].into(),
                newest_first: true,
                limit: Some(1),
                ..Query::of(tenant)
            };
            let record =
                store.query(query)?.next().await.context("the server has left no record of it")??;
            let key = record.decision.labels.get("key");
            told(key.is_some_and(|key| key == "destroyed"), record.id)
        }
        Err(error) => Err(error.into()),
    }
}

/// Returns the directory of the server's store, and how it is opened for appending where no server runs.
async fn writer(store: &StoreArgs) -> Result<(PathBuf, AuditOptions)> {
    if !store.is_bucket()? {
        let (dir, ring) = store.writable()?;
        let options = AuditOptions::new(&dir, Arc::new(ring), AUDIT_KEY, store.key_id()?);
        return Ok((dir, options));
    }
    let dir = store.outbox().context(
        "--outbox is needed: the keys of subjects are in the store of the server that made them, not in the bucket",
    )?;
    let keys = store.key_manager().await?;
    let options = AuditOptions {
        archive: Some(store.archive().await?),
        ..AuditOptions::new(&dir, keys, KMS_AUDIT_KEY, store.key_id()?)
    };
    Ok((dir, options))
}

/// Says what was done.
fn told(existed: bool, record: Uuid) -> Result<u8> {
    let (key, code) =
        if existed { ("erased: its key is destroyed", YES) } else { ("nothing to erase: it had no key", NO) };
    show::print(&format!("{key}; record {record}\n"))?;
    Ok(code)
}
