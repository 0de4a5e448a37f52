//! `llm-shield model pack`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use llm_shield::model::trust;
use llm_shield_classifier::{Bundle, Classifier, Manifest, Options};
use llm_shield_cloud::{CloudKeyManager as _, local::KeyRing};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::super::{YES, args::DataArgs, show};

const MANIFEST: &str = "manifest.json";

/// What to pack.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The directory: `manifest.json` as training writes it, and the files beside it
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Write the bundle here, and leave the directory as it is; by default the manifest is written anew in place
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Another name than the manifest's
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Another version than the manifest's
    #[arg(long, value_name = "VERSION")]
    model_version: Option<String>,
    /// Sign with this key of the key ring; it is made where there is none yet
    #[arg(long, value_name = "KEY")]
    sign_with: Option<String>,
    /// The key ring's file; by default `keys/ring.json` under the data directory
    #[arg(long, value_name = "FILE", requires = "sign_with")]
    keys: Option<PathBuf>,
    /// Write the public half of the signing key here, for `model.public_keys`
    #[arg(long, value_name = "FILE", requires = "sign_with")]
    public_key: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
}

/// Runs the command.
pub(super) fn run(args: Args) -> Result<u8> {
    let read = |path: PathBuf| fs::read(&path).with_context(|| format!("cannot read {}", path.display()));
    let mut manifest = read(args.dir.join(MANIFEST))?;
    let mut files = BTreeMap::new();
    let mut digests = BTreeMap::new();
    for name in file_names(&args.dir)? {
        let bytes = read(args.dir.join(&name))?;
        digests.insert(name.clone(), hex::encode(Sha256::digest(&bytes)));
        files.insert(name, bytes);
    }
    let mut members = vec![("files", serde_json::to_value(&digests)?), ("signature", Value::Null)];
    members.extend(args.name.as_ref().map(|name| ("name", Value::from(name.as_str()))));
    members.extend(args.model_version.as_ref().map(|version| ("version", Value::from(version.as_str()))));
    manifest = Manifest::with_members(&manifest, &members)?;
    if let Some(key) = &args.sign_with {
        manifest = sign(&manifest, key, &args)?;
    }
    let out = args.out.as_ref().unwrap_or(&args.dir);
    let made = !out.exists();
    let bundle = write(out, &files, &manifest);
    if bundle.is_err() && made {
        // Only an empty directory goes, and only one that was made here.
        drop(fs::remove_dir(out));
    }
    let bundle = bundle?;
    let (manifest, digest) = (bundle.manifest(), bundle.digest());
    show::print(&format!("{}@{}\nmanifest {digest}\n", manifest.name, manifest.version))?;
    Ok(YES)
}

/// Writes a bundle into a directory: first under a name that no bundle has, and once it was seen to be one that can be
/// served, its files take their places, the manifest last.
fn write(out: &Path, files: &BTreeMap<String, Vec<u8>>, manifest: &[u8]) -> Result<Bundle> {
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let part = tempfile::Builder::new()
        .prefix(".pack-")
        .tempdir_in(out)
        .with_context(|| format!("cannot write into {}", out.display()))?;
    let files = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let files: Vec<_> = files.chain([(MANIFEST, manifest)]).collect();
    for (name, bytes) in &files {
        let path = part.path().join(name);
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let bundle = Bundle::open(part.path())?;
    Classifier::load(&bundle, &Options::default()).context("the bundle cannot be served")?;
    for (name, _) in files {
        let path = out.join(name);
        fs::rename(part.path().join(name), &path)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(bundle)
}

/// Names the files of a bundle beside its manifest.
fn file_names(dir: &PathBuf) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let entry = entry?;
        let name = entry.file_name().into_string().ok().context("a file's name is not UTF-8")?;
        if name == MANIFEST || name.starts_with('.') {
            continue;
        }
        if !entry.file_type()?.is_file() {
            bail!("{} is no file: a bundle is one flat directory", entry.path().display());
        }
        names.push(name);
    }
    names.sort();
    Ok(names)
}

fn sign(manifest: &[u8], key: &str, args: &Args) -> Result<Vec<u8>> {
    let ring = match &args.keys {
        // A bare name is a file of this directory, which has to be private.
        Some(file) if file.parent() == Some(Path::new("")) => Path::new(".").join(file),
        Some(file) => file.clone(),
        None => args.data.dir()?.join("keys").join("ring.json"),
    };
    let ring = KeyRing::open_or_create(&ring)
        .with_context(|| format!("cannot use the key ring {}", ring.display()))?;
    if ring.ensure_signing_key(key)? {
        show::note(&format!("made the signing key `{key}`"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("cannot start")?;
    if let Some(file) = &args.public_key {
        let public = runtime.block_on(ring.public_key(key))?;
        fs::write(file, trust::to_pem(&public))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(runtime.block_on(trust::sign(manifest, &ring, key))?)
}
