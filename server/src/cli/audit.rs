//! `llm-shield audit`.

mod copy;
mod erase;
mod export;
mod hold;
mod ocsf;
mod proof;
mod query;
mod reading;
mod rewrap;
mod store;
mod verify;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use uuid::Uuid;

use self::store::StoreArgs;

/// Commands on the audit log. They read the store itself and work beside a running server.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List decisions
    List(query::ListArgs),
    /// Show one decision with all that is kept of it, as JSON
    Show {
        /// The record's id
        id: Uuid,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Write decisions for another system, as JSON Lines, or the log itself to be verified elsewhere
    Export(export::ExportArgs),
    /// Check that nothing was changed, dropped, reordered, cut off or forged (exit code 1: something was). With
    /// --public-key this needs no other key, no server and no right to read
    Verify(verify::VerifyArgs),
    /// Prove that a record is in the log, or that the log begins with what it was, as JSON; or check such a proof
    Proof(proof::ProofArgs),
    /// Destroy the key of a subject (`subject_id` of requests): what was kept about it is gone, and the log still verifies.
    /// A running server does it within a second or two. Exit code 1: there was no key
    Erase(erase::EraseArgs),
    /// Wrap the keys of records under the current master key, or under a new version of it, without touching a record
    Rewrap(rewrap::RewrapArgs),
    /// Put a legal hold on a tenant's closed segments, or take it away: they can be neither deleted nor replaced. What is
    /// yet to come is held as `audit.retention` says
    Hold(hold::HoldArgs),
    /// Print the public key that checkpoints are verified with, as PEM. Keep it, and a checkpoint, away from the store
    PublicKey {
        #[command(flatten)]
        store: StoreArgs,
    },
}

/// Runs the command.
pub(crate) fn run(command: Command) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        match command {
            Command::List(args) => query::list(args).await,
            Command::Show { id, store } => query::show_one(id, &store).await,
            Command::Export(args) => export::run(args).await,
            Command::Verify(args) => verify::run(args).await,
            Command::Proof(args) => proof::run(args).await,
            Command::Erase(args) => erase::run(args).await,
            Command::Rewrap(args) => rewrap::run(args).await,
            Command::Hold(args) => hold::run(args).await,
            Command::PublicKey { store } => store.print_public_key().await,
        }
    })
}
