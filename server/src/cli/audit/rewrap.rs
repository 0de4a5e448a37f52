//! `llm-shield audit rewrap`.

use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use llm_shield::AUDIT_KEY;
use llm_shield_audit::{ArchiveOptions, RewrapOptions, Rewrapped};
use llm_shield_cloud::local::DirectoryStorage;

use super::{
    super::{YES, show},
    StoreArgs,
    export::progress_bar,
};

/// Which keys to wrap anew, and how.
#[derive(Args, Debug)]
pub(crate) struct RewrapArgs {
    /// Make a new version of the ring's key first, and wrap everything under that. A running server knows it when it is
    /// started again
    #[arg(long)]
    rotate: bool,
    /// Also what is wrapped under the key already
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs the command.
pub(crate) async fn run(args: RewrapArgs) -> Result<u8> {
    let (dir, ring) = args.store.writable()?;
    let version = if args.rotate { Some(ring.rotate_encryption_key(AUDIT_KEY)?) } else { None };
    let options = RewrapOptions {
        key_manager: Arc::new(ring),
        encryption_key_id: AUDIT_KEY.to_owned(),
        signing_key_id: args.store.key_id().to_owned(),
        archive: ArchiveOptions::new(Arc::new(DirectoryStorage::open(dir)?)),
        tenant: args.store.tenant()?,
        again: args.again || args.rotate,
    };
    let store = args.store.open().await?;
    let progress = progress_bar("wrapped anew");
    let done = store.rewrap(options, |done| progress.set_position(done.keys)).await?;
    progress.finish_and_clear();
    let Rewrapped { keys, kept, subjects_left } = done;
    let version = version.map(|version| format!(" under version {version}")).unwrap_or_default();
    show::print(&format!("wrapped anew{version}: {keys} keys; {kept} were already\n"))?;
    if subjects_left {
        show::note(
            "keys of subjects were left: a server appends to this store. Run it again when that is stopped",
        );
    }
    Ok(YES)
}
