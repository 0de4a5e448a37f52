//! `llm-shield model push|pull|promote|list`: the model store.

use std::{future::Future, path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result, bail};
use llm_shield::{
    model::{
        registry::{Registry, RegistryError, Trial},
        trust::Trust,
    },
    s3_bucket,
};
use llm_shield_cloud::{CloudStorage, local::DirectoryStorage};
use tokio::runtime::Runtime;

use super::super::{YES, args::DataArgs, show};

/// Where models lie in an object store, unless the configuration says otherwise.
const PREFIX: &str = "models/";

/// Which store.
#[derive(clap::Args, Debug)]
pub(crate) struct StoreArgs {
    /// The model store: a directory of objects, or `s3://BUCKET[/PREFIX/]`; by default `objects` under the data directory
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    #[command(flatten)]
    data: DataArgs,
}

/// What to push.
#[derive(clap::Args, Debug)]
pub(crate) struct Push {
    /// The bundle's directory
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    store: StoreArgs,
}

/// What to pull.
#[derive(clap::Args, Debug)]
pub(crate) struct Pull {
    /// The model, and perhaps its version: `NAME` or `NAME@VERSION`; by default the promoted version
    #[arg(value_name = "NAME[@VERSION]")]
    model: String,
    /// The directory that it is put under, as `NAME/VERSION-DIGEST`
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// A file with a public key by whose owner it has to be signed
    #[arg(long = "public-key", value_name = "FILE")]
    public_keys: Vec<PathBuf>,
    /// Take a bundle that nobody signed
    #[arg(long)]
    allow_unsigned: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// What to promote.
#[derive(clap::Args, Debug)]
pub(crate) struct Promote {
    /// The model
    #[arg(value_name = "NAME")]
    name: String,
    /// The version that is to decide from now on, or to be tried
    #[arg(value_name = "VERSION", required_unless_present_any = ["rollback", "end_trial"])]
    version: Option<String>,
    /// Try it in shadow: it judges beside the current one and decides nothing
    #[arg(long, conflicts_with = "percent")]
    shadow: bool,
    /// Try it on so many of a hundred texts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=99))]
    percent: Option<u8>,
    /// Go back to the version that decided before the current one
    #[arg(long, conflicts_with_all = ["version", "shadow", "percent", "end_trial"])]
    rollback: bool,
    /// End the trial of a version
    #[arg(long, conflicts_with_all = ["version", "shadow", "percent"])]
    end_trial: bool,
    /// A file with a public key by whose owner the version has to be signed, as `model.public_keys` of the servers
    #[arg(long = "public-key", value_name = "FILE", conflicts_with_all = ["rollback", "end_trial"])]
    public_keys: Vec<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn push(args: Push) -> Result<u8> {
    let Store { registry, runtime } = args.store.open_or_make()?;
    let (name, release, new) = wait(&runtime, registry.push(&args.dir))?;
    let state = if new { "pushed" } else { "is there already" };
    show::print(&format!("{name}@{} {state}\nmanifest {}\n", release.version, release.digest))?;
    Ok(YES)
}

pub(super) fn pull(args: Pull) -> Result<u8> {
    let Store { registry, runtime } = args.store.open()?;
    let trust = Trust::new(&args.public_keys, args.allow_unsigned)?;
    if args.public_keys.is_empty() && !args.allow_unsigned {
        bail!("name the key that it has to be signed by (--public-key), or say --allow-unsigned");
    }
    let dir = wait(&runtime, async {
        match args.model.split_once('@') {
            Some((name, version)) => registry.pull(name, version, None, &trust, &args.out).await,
            None => {
                let current = registry.channel(&args.model).await?.current;
                let digest = Some(current.digest.as_str());
                registry.pull(&args.model, &current.version, digest, &trust, &args.out).await
            }
        }
    })?;
    show::print(&format!("{}\n", dir.display()))?;
    Ok(YES)
}

pub(super) fn promote(args: Promote) -> Result<u8> {
    let Store { registry, runtime } = args.store.open()?;
    let trial = match args.percent {
        Some(percent) => Some(Trial::Percent(percent)),
        None => args.shadow.then_some(Trial::Shadow),
    };
    let channel = match args.version {
        Some(version) => {
            let keys = &args.public_keys;
            let trust = if keys.is_empty() { Trust::anyone() } else { Trust::new(keys, false)? };
            wait(&runtime, async {
                let release = registry.examine(&args.name, &version, &trust).await?;
                registry.promote(&args.name, release, trial).await
            })?
        }
        None if args.end_trial => wait(&runtime, registry.end_trial(&args.name))?,
        None => wait(&runtime, registry.roll_back(&args.name))?,
    };
    let mut text = format!("{}@{} decides\n", args.name, channel.current.version);
    if let Some(previous) = channel.previous {
        text += &format!("{} is what a rollback goes to\n", previous.version);
    }
    if let Some(candidate) = channel.candidate {
        text += &match candidate.trial {
            Trial::Shadow => format!("{} is tried in shadow\n", candidate.release.version),
            Trial::Percent(percent) => {
                format!("{} is tried on {percent} % of the texts\n", candidate.release.version)
            }
        };
    }
    show::print(&text)?;
    Ok(YES)
}

/// Lists what a store holds, a line each; nothing where none was named and there is none by default.
pub(super) fn list(args: &StoreArgs) -> Result<String> {
    if args.store.is_none() && !args.default_dir()?.is_dir() {
        return Ok(String::new());
    }
    let Store { registry, runtime } = args.open()?;
    wait(&runtime, async {
        let mut text = String::new();
        for (name, version) in registry.versions().await? {
            let state = match registry.channel(&name).await {
                Ok(channel) if channel.current.version == version => "  decides",
                Ok(channel) if channel.candidate.as_ref().is_some_and(|c| c.release.version == version) => {
                    "  on trial"
                }
                Ok(_) | Err(RegistryError::NotPromoted(_)) => "",
                Err(error) => return Err(error),
            };
            text += &format!("{name}@{version}{state}\n");
        }
        Ok(text)
    })
}

impl StoreArgs {
    /// Says whether one was named.
    pub(super) const fn named(&self) -> bool {
        self.store.is_some()
    }

    /// Uses the store, which is there.
    fn open(&self) -> Result<Store> {
        let place = self.place()?;
        if let Place::Directory(dir) = &place
            && !dir.is_dir()
        {
            bail!("there is no model store at {}", dir.display());
        }
        Store::open(place)
    }

    /// Uses the store, a directory also where it is to be made.
    fn open_or_make(&self) -> Result<Store> {
        Store::open(self.place()?)
    }

    fn default_dir(&self) -> Result<PathBuf> {
        Ok(self.data.dir()?.join("objects"))
    }

    fn place(&self) -> Result<Place> {
        let Some(store) = &self.store else { return Ok(Place::Directory(self.default_dir()?)) };
        let Some((kind, place)) = store.split_once("://") else {
            return Ok(Place::Directory(PathBuf::from(store)));
        };
        if kind != "s3" {
            bail!("`{store}` is neither a directory nor `s3://BUCKET`");
        }
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let prefix =
            if prefix.is_empty() { PREFIX.to_owned() } else { format!("{}/", prefix.trim_end_matches('/')) };
        Ok(Place::Bucket { name: bucket.to_owned(), prefix })
    }
}

/// Where a store is.
enum Place {
    Directory(PathBuf),
    Bucket { name: String, prefix: String },
}

/// The models, and what calls to them run on: the command line has no runtime.
struct Store {
    registry: Registry,
    runtime: Runtime,
}

impl Store {
    fn open(place: Place) -> Result<Self> {
        let runtime = runtime()?;
        let (storage, prefix): (Arc<dyn CloudStorage>, _) = match place {
            Place::Directory(dir) => {
                let storage = DirectoryStorage::open(&dir)
                    .with_context(|| format!("cannot use the store {}", dir.display()))?;
                (Arc::new(storage), PREFIX.to_owned())
            }
            Place::Bucket { name, prefix } => {
                let storage = runtime
                    .block_on(s3_bucket(&name))
                    .with_context(|| format!("cannot use the store `s3://{name}`"))?;
                (storage, prefix)
            }
        };
        Ok(Self { registry: Registry::new(storage, prefix), runtime })
    }
}

fn runtime() -> Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().context("cannot start")
}

fn wait<T>(runtime: &Runtime, call: impl Future<Output = Result<T, RegistryError>>) -> Result<T> {
    Ok(runtime.block_on(call)?)
}
