//! `llm-shield model`: model bundles, made, checked, kept in the model store, and put in force.

mod pack;
mod store;
mod verify;

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use llm_shield_classifier::Bundle;

use super::{YES, show};

#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Check a bundle: its signature, its digests, its format, and that it computes what its manifest says (exit code 1
    /// when not)
    Verify(verify::Args),
    /// List the bundle that comes with this program, and those of the model store or under a directory as `NAME/VERSION`
    List {
        /// The directory, in place of the store
        #[arg(value_name = "DIR", conflicts_with = "store")]
        dir: Option<PathBuf>,
        #[command(flatten)]
        store: store::StoreArgs,
    },
    /// Make a bundle out of a directory of its files: digests anew, name, version, signature
    Pack(pack::Args),
    /// Write a bundle to the model store; a version that is there is never changed
    Push(store::Push),
    /// Bring a version from the model store to this machine, checked by signature and digest
    Pull(store::Pull),
    /// Say which version of the store is served: at once, on trial, or the one before
    Promote(store::Promote),
}

/// Runs the command.
pub(crate) fn run(command: Command) -> Result<u8> {
    match command {
        Command::Verify(args) => verify::run(args),
        Command::List { dir, store } => list(dir, &store),
        Command::Pack(args) => pack::run(args),
        Command::Push(args) => store::push(args),
        Command::Pull(args) => store::pull(args),
        Command::Promote(args) => store::promote(args),
    }
}

fn list(dir: Option<PathBuf>, store: &store::StoreArgs) -> Result<u8> {
    let mut lines = Vec::new();
    if !store.named()
        && let Some(bundle) = Bundle::embedded()?
    {
        lines.push(line(&bundle, "built in"));
    }
    let Some(dir) = dir else {
        lines.push(store::list(store)?);
        show::print(&lines.concat())?;
        return Ok(YES);
    };
    for dir in bundles(dir)? {
        let place = dir.display().to_string();
        lines.push(match Bundle::open(&dir) {
            Ok(bundle) => line(&bundle, &place),
            Err(error) => format!("not usable  {place}  {error}\n"),
        });
    }
    show::print(&lines.concat())?;
    Ok(YES)
}

fn line(bundle: &Bundle, place: &str) -> String {
    let manifest = bundle.manifest();
    let megabytes = bundle.size_bytes() / 1_000_000;
    let (name, version, precision) = (&manifest.name, &manifest.version, &manifest.precision);
    let digest: String = bundle.digest().chars().take(12).collect();
    format!("{name}@{version}  {precision}  {megabytes} MB  {digest}  {place}\n")
}

/// Returns the directories two below that hold a manifest, in order.
fn bundles(dir: PathBuf) -> Result<Vec<PathBuf>> {
    let below = |dir: &PathBuf| -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        paths.retain(|path| path.is_dir());
        paths.sort();
        Ok(paths)
    };
    let mut found = Vec::new();
    for name in below(&dir)? {
        found.extend(below(&name)?.into_iter().filter(|version| version.join("manifest.json").is_file()));
    }
    Ok(found)
}
