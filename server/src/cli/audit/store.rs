//! Which store, and the keys to it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use llm_shield::{SIGNING_KEY, kms, s3_bucket};
use llm_shield_audit::{ArchiveOptions, Store, StoreKeys, Tenant, Trust, note_read};
use llm_shield_cloud::{
    CloudKeyManager, PublicKey, SignatureAlgorithm,
    local::{DirectoryStorage, KeyRing},
};
use rustls_pki_types::{SubjectPublicKeyInfoDer, pem::PemObject as _};

use super::super::{YES, args::DataArgs, show};

/// What keys in a bucket begin with, unless it is said.
pub(super) const PREFIX: &str = "scan-results/";

/// The keys on AWS, unless they are named; as `cloud.aws.kms` has them.
const KMS_SIGNING_KEY: &str = "alias/llm-shield-signing";

/// Which store, and the keys to it.
#[derive(Args, Debug)]
pub(crate) struct StoreArgs {
    /// The store: a directory, or `s3://BUCKET[/PREFIX/]` as the environment reaches it; by default `audit` under the data
    /// directory. A bucket has closed segments (below `scan-results/` unless a prefix is given), its keys are KMS's
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// With a bucket: the directory of a server's store, for what that has not taken to the bucket yet
    #[arg(long, value_name = "DIR")]
    outbox: Option<PathBuf>,
    /// The key ring's file; by default `keys/ring.json` beside the store, or else under the data directory
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Instead of other keys: the PEM file of the public key that signs checkpoints. Enough to verify and to prove
    #[arg(long, value_name = "FILE", conflicts_with = "keys")]
    public_key: Option<PathBuf>,
    /// The id that checkpoints name the signing key by; by default `audit-signing`, of a bucket
    /// `alias/llm-shield-signing`
    #[arg(long, value_name = "NAME")]
    key_id: Option<String>,
    /// One tenant's log alone; all by default
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    #[command(flatten)]
    data: DataArgs,
}

/// Where a store lies.
enum Place {
    Directory(PathBuf),
    Bucket { name: String, prefix: String },
}

impl StoreArgs {
    /// Opens the store.
    pub(crate) async fn open(&self) -> Result<Store> {
        let place = self.place()?;
        let keys = match self.public_key()? {
            Some(key) => StoreKeys::Public(BTreeMap::from([(self.key_id()?, key)])),
            None => StoreKeys::Manager {
                key_manager: self.key_manager().await?,
                signing_key_ids: vec![self.key_id()?],
            },
        };
        Ok(match place {
            Place::Directory(dir) => Store::open(dir, keys).await?,
            Place::Bucket { name, prefix } => {
                Store::open_remote(self.outbox.clone(), s3_bucket(&name).await?, &prefix, keys).await?
            }
        })
    }

    /// Returns where closed segments are, for who adds to them.
    pub(crate) async fn archive(&self) -> Result<ArchiveOptions> {
        Ok(match self.place()? {
            Place::Directory(dir) => ArchiveOptions::new(Arc::new(DirectoryStorage::open(dir)?)),
            Place::Bucket { name, prefix } => {
                ArchiveOptions { prefix, ..ArchiveOptions::new(s3_bucket(&name).await?) }
            }
        })
    }

    /// Returns who keeps the keys.
    pub(crate) async fn key_manager(&self) -> Result<Arc<dyn CloudKeyManager>> {
        Ok(match self.place()? {
            Place::Directory(dir) => Arc::new(self.key_ring(&dir)?),
            Place::Bucket { .. } => kms().await?,
        })
    }

    /// Returns whose checkpoints are believed; needs no store when a public key is given.
    pub(crate) async fn trust(&self) -> Result<Trust> {
        Ok(Trust::of(BTreeMap::from([(self.key_id()?, self.known_public_key().await?)])))
    }

    /// Returns the store's directory and the key ring, for who appends.
    pub(crate) fn writable(&self) -> Result<(PathBuf, KeyRing)> {
        match self.place()? {
            Place::Directory(dir) => {
                let ring = self.key_ring(&dir)?;
                Ok((dir, ring))
            }
            Place::Bucket { .. } => bail!("this works on the store's directory only, not on a bucket"),
        }
    }

    /// Returns the directory of the store, or beside a bucket that of a server's store where it is named.
    pub(crate) fn directory(&self) -> Result<Option<PathBuf>> {
        Ok(match self.place()? {
            Place::Directory(dir) => Some(dir),
            Place::Bucket { .. } => self.outbox.clone(),
        })
    }

    /// Returns the directory of a server's store beside a bucket.
    pub(crate) fn outbox(&self) -> Option<PathBuf> {
        self.outbox.clone()
    }

    /// Returns the id of the signing key.
    pub(crate) fn key_id(&self) -> Result<String> {
        Ok(match (&self.key_id, self.place()) {
            (Some(id), _) => id.clone(),
            (None, Ok(Place::Bucket { .. })) => KMS_SIGNING_KEY.to_owned(),
            (None, _) => SIGNING_KEY.to_owned(),
        })
    }

    /// Returns whether the store is a bucket.
    pub(crate) fn is_bucket(&self) -> Result<bool> {
        Ok(matches!(self.place()?, Place::Bucket { .. }))
    }

    /// Prints the public key.
    pub(crate) async fn print_public_key(&self) -> Result<u8> {
        show::print(&pem(&self.known_public_key().await?.spki_der))?;
        Ok(YES)
    }

    /// Returns the tenant that was named.
    pub(crate) fn tenant(&self) -> Result<Option<Tenant>> {
        self.tenant.as_deref().map(Tenant::new).transpose().context("--tenant")
    }

    /// Notes for the server of the store that tenants' records are read by a command.
    pub(crate) async fn note_read(&self, command: &str, tenants: &[Tenant]) -> Result<()> {
        let Some(dir) = self.directory()? else { return Ok(()) };
        let by = std::env::var("USER").unwrap_or_default();
        let by = format!("command line {by}");
        for tenant in tenants {
            let labels = BTreeMap::from([("command".to_owned(), command.to_owned())]);
            match note_read(&dir, tenant, by.trim_end(), labels).await {
                Ok(_) => {}
                Err(error) => show::note(&format!("this read is not put on record: {error}")),
            }
        }
        Ok(())
    }

    /// Returns the tenant that was named, which has to have a log, or all.
    pub(crate) async fn tenants(&self, store: &Store) -> Result<Vec<Tenant>> {
        match self.tenant()? {
            Some(tenant) if store.has_tenant(&tenant).await? => Ok(vec![tenant]),
            Some(tenant) => bail!("there is no log of the tenant {tenant} in this store"),
            None => Ok(store.tenants().await?),
        }
    }

    fn place(&self) -> Result<Place> {
        let dir = match &self.store {
            Some(store) => match store.split_once("://") {
                Some(("s3", place)) => {
                    let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
                    let prefix = prefix.trim_end_matches('/');
                    let prefix = if prefix.is_empty() { PREFIX.to_owned() } else { format!("{prefix}/") };
                    return Ok(Place::Bucket { name: name.to_owned(), prefix });
                }
                Some(_) => bail!("`{store}` is neither a directory nor `s3://BUCKET`"),
                None => PathBuf::from(store),
            },
            None => self.data.dir()?.join("audit"),
        };
        if !dir.is_dir() {
            bail!("there is no audit store at {}", dir.display());
        }
        Ok(Place::Directory(dir))
    }

    async fn known_public_key(&self) -> Result<PublicKey> {
        match self.public_key()? {
            Some(key) => Ok(key),
            None => Ok(self.key_manager().await?.public_key(&self.key_id()?).await?),
        }
    }

    fn public_key(&self) -> Result<Option<PublicKey>> {
        let Some(file) = &self.public_key else { return Ok(None) };
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let spki = SubjectPublicKeyInfoDer::from_pem_slice(&bytes)
            .map_err(|error| anyhow::anyhow!("{} holds no public key as PEM: {error}", file.display()))?;
        let algorithm = SignatureAlgorithm::EcdsaP256Sha256;
        Ok(Some(PublicKey { algorithm, spki_der: spki.as_ref().to_vec() }))
    }

    fn key_ring(&self, store: &Path) -> Result<KeyRing> {
        let ring = self.key_ring_file(store)?;
        KeyRing::open(&ring).with_context(|| {
            format!("cannot use the key ring {} (give --keys or --public-key)", ring.display())
        })
    }

    fn key_ring_file(&self, store: &Path) -> Result<PathBuf> {
        if let Some(file) = &self.keys {
            return Ok(file.clone());
        }
        let beside = store.canonicalize()?.parent().map(|parent| parent.join("keys/ring.json"));
        match beside {
            Some(file) if file.exists() => Ok(file),
            _ => Ok(self.data.dir()?.join("keys/ring.json")),
        }
    }
}

fn pem(spki_der: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let encoded = STANDARD.encode(spki_der);
    let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
    for line in encoded.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem + "-----END PUBLIC KEY-----\n"
}
