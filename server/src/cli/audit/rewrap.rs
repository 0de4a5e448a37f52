//! `llm-shield audit rewrap`.

use anyhow::{Result, bail};
use clap::Args;
use llm_shield::AUDIT_KEY;
use llm_shield_audit::{RewrapOptions, Rewrapped};

use super::{
    super::{YES, show},
    StoreArgs,
    export::progress_bar,
};

/// The key on AWS, unless another is named; as `cloud.aws.kms.audit_key` has it.
pub(super) const KMS_AUDIT_KEY: &str = "alias/llm-shield-audit";

/// Which keys to wrap anew, and how.
#[derive(Args, Debug)]
pub(crate) struct RewrapArgs {
    /// With a bucket: the key to wrap under; `alias/llm-shield-audit` by default
    #[arg(long, value_name = "KEY")]
    to: Option<String>,
    /// Make a new version of the ring's key first, and wrap everything under that. A running server knows it when it is
    /// started again
    #[arg(long, conflicts_with = "to")]
    rotate: bool,
    /// Also what is wrapped under the key already
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs the command.
pub(crate) async fn run(args: RewrapArgs) -> Result<u8> {
    let bucket = args.store.is_bucket()?;
    if bucket && args.rotate {
        bail!("KMS rotates its keys itself: name another key with --to, or give --again");
    }
    if !bucket && args.to.is_some() {
        bail!("a key ring has one key for this: give --rotate for a new version of it");
    }
    let version =
        if args.rotate { Some(args.store.writable()?.1.rotate_encryption_key(AUDIT_KEY)?) } else { None };
    let key = if bucket { KMS_AUDIT_KEY } else { AUDIT_KEY };
    let options = RewrapOptions {
        key_manager: args.store.key_manager().await?,
        encryption_key_id: args.to.unwrap_or_else(|| key.to_owned()),
        signing_key_id: args.store.key_id()?,
        archive: args.store.archive().await?,
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
