//! Which store, and the keys to it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use llm_shield::SIGNING_KEY;
use llm_shield_audit::{Store, StoreKeys, Tenant, Trust};
use llm_shield_cloud::{CloudKeyManager as _, PublicKey, SignatureAlgorithm, local::KeyRing};
use rustls_pki_types::{SubjectPublicKeyInfoDer, pem::PemObject as _};

use super::super::{YES, args::DataArgs, show};

/// Which store, and the keys to it.
#[derive(Args, Debug)]
pub(crate) struct StoreArgs {
    /// The store's directory; `audit` under the data directory by default
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// The key ring's file; by default `keys/ring.json` beside the store, or else under the data directory
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Instead of a key ring: the PEM file of the public key that signs checkpoints. Enough to verify and to prove
    #[arg(long, value_name = "FILE", conflicts_with = "keys")]
    public_key: Option<PathBuf>,
    /// The id that checkpoints name the signing key by
    #[arg(long, value_name = "NAME", default_value = SIGNING_KEY)]
    key_id: String,
    /// One tenant's log alone; all by default
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    #[command(flatten)]
    data: DataArgs,
}

impl StoreArgs {
    /// Opens the store.
    pub(crate) async fn open(&self) -> Result<Store> {
        let dir = self.dir()?;
        let keys = match self.public_key()? {
            Some(key) => StoreKeys::Public(BTreeMap::from([(self.key_id.clone(), key)])),
            None => {
                let signing_key_ids = vec![self.key_id.clone()];
                StoreKeys::Manager { key_manager: Arc::new(self.key_ring(&dir)?), signing_key_ids }
            }
        };
        Ok(Store::open(dir, keys).await?)
    }

    /// Returns whose checkpoints are believed; needs no store when a public key is given.
    pub(crate) async fn trust(&self) -> Result<Trust> {
        let key = match self.public_key()? {
            Some(key) => key,
            None => self.key_ring(&self.dir()?)?.public_key(&self.key_id).await?,
        };
        Ok(Trust::of(BTreeMap::from([(self.key_id.clone(), key)])))
    }

    /// Returns the store's directory and the key ring, for who appends.
    pub(crate) fn writable(&self) -> Result<(PathBuf, KeyRing)> {
        let dir = self.dir()?;
        let ring = self.key_ring(&dir)?;
        Ok((dir, ring))
    }

    /// Returns the id of the signing key.
    pub(crate) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Prints the public key of the ring.
    pub(crate) async fn print_public_key(&self) -> Result<u8> {
        let key = match self.public_key()? {
            Some(key) => key,
            None => self.key_ring(&self.dir()?)?.public_key(&self.key_id).await?,
        };
        show::print(&pem(&key.spki_der))?;
        Ok(YES)
    }

    /// Returns the tenant that was named.
    pub(crate) fn tenant(&self) -> Result<Option<Tenant>> {
        self.tenant.as_deref().map(Tenant::new).transpose().context("--tenant")
    }

    /// Returns the tenant that was named, or all.
    pub(crate) async fn tenants(&self, store: &Store) -> Result<Vec<Tenant>> {
        Ok(match self.tenant()? {
            Some(tenant) => vec![tenant],
            None => store.tenants().await?,
        })
    }

    /// Returns the store's directory.
    pub(crate) fn dir(&self) -> Result<PathBuf> {
        let dir = match &self.store {
            Some(dir) if dir.to_str().is_some_and(|dir| dir.starts_with("s3://")) => {
                bail!("this build reads local stores only: copy the bucket's prefix to a directory first")
            }
            Some(dir) => dir.clone(),
            None => self.data.dir()?.join("audit"),
        };
        if !dir.is_dir() {
            bail!("there is no audit store at {}", dir.display());
        }
        Ok(dir)
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
