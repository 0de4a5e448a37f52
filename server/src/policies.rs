//! The policies by name, and each tenant's default; read anew when their files change, whole or not at all.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::{ArcSwap, Guard};
use llm_shield_detect::{Policy, PolicyError};

use crate::{
    config::PoliciesConfig,
    reload::{Reload, Seen},
};

/// The policies in force. A decision is made under one reading of them, whatever changes meanwhile.
#[derive(Debug)]
pub(crate) struct PoliciesHandle {
    config: PoliciesConfig,
    seen: Seen,
    current: ArcSwap<Policies>,
}

impl PoliciesHandle {
    pub(crate) fn load(config: &PoliciesConfig) -> Result<Self, PoliciesError> {
        let seen = Seen::of(paths(config));
        let current = ArcSwap::from_pointee(Policies::load(config)?);
        Ok(Self { config: config.clone(), seen, current })
    }

    pub(crate) fn current(&self) -> Guard<Arc<Policies>> {
        self.current.load()
    }
}

impl Reload for PoliciesHandle {
    const WHAT: &'static str = "policies";

    type Error = PoliciesError;

    fn seen(&self) -> &Seen {
        &self.seen
    }

    fn paths(&self) -> Vec<PathBuf> {
        paths(&self.config)
    }

    fn reload(&self) -> Result<(), PoliciesError> {
        let new = Policies::load(&self.config)?;
        let old = self.current.swap(Arc::new(new));
        self.current().log_changes_from(&old);
        Ok(())
    }
}

/// The policies by name, and each tenant's default.
#[derive(Debug)]
pub(crate) struct Policies {
    by_name: BTreeMap<String, Arc<Policy>>,
    default: String,
    tenants: BTreeMap<String, String>,
}

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoliciesError {
    /// A file or directory cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is no policy.
    #[error("{}: {source}", path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PolicyError,
    },
    /// Two files of the directory hold policies of one name.
    #[error("{}: there is another policy `{name}` in the directory", path.display())]
    Twice {
        /// The later file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// A policy that comes with the engine is broken.
    #[error("preset `{name}`: {source}")]
    Preset {
        /// Its name.
        name: &'static str,
        /// Why.
        source: PolicyError,
    },
    /// A default names a policy that is not there.
    #[error("{key} names the policy `{name}`, which does not exist; there are {}", known.join(", "))]
    Missing {
        /// The configuration key.
        key: String,
        /// The name.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
}

impl Policies {
    pub(crate) fn load(config: &PoliciesConfig) -> Result<Self, PoliciesError> {
        let mut by_name = BTreeMap::new();
        for name in Policy::preset_names() {
            let preset = Policy::preset(name).map_err(|source| PoliciesError::Preset { name, source })?;
            by_name.insert(name.to_owned(), Arc::new(preset));
        }
        let mut from_dir = BTreeMap::new();
        for path in config.dir.as_deref().map(yaml_files).transpose()?.unwrap_or_default() {
            let policy = read(&path)?;
            let name = policy.name().to_owned();
            if from_dir.insert(name.clone(), policy).is_some() {
                return Err(PoliciesError::Twice { path, name });
            }
        }
        by_name.append(&mut from_dir);
        for (name, path) in &config.files {
            by_name.insert(name.clone(), read(path)?);
        }
        let policies = Self { by_name, default: config.default.clone(), tenants: config.tenants.clone() };
        policies.check_defaults()?;
        Ok(policies)
    }

    /// Returns the names of all policies, in order.
    #[cfg(feature = "aws")]
    pub(crate) fn names(&self) -> Vec<&str> {
        self.by_name.keys().map(String::as_str).collect()
    }

    /// Returns the policy that decides for a tenant: the one named, or its default when `name` is empty.
    pub(crate) fn find(&self, tenant: &str, name: &str) -> Option<(&str, &Arc<Policy>)> {
        let name = if name.is_empty() { self.default_of(tenant) } else { name };
        self.by_name.get_key_value(name).map(|(name, policy)| (name.as_str(), policy))
    }

    pub(crate) fn default_of(&self, tenant: &str) -> &str {
        self.tenants.get(tenant).unwrap_or(&self.default)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Policy)> {
        self.by_name.iter().map(|(name, policy)| (name.as_str(), policy.as_ref()))
    }

    /// Says which policies are others now: who decided by which must be told from the log.
    fn log_changes_from(&self, old: &Self) {
        for (name, policy) in &self.by_name {
            let before = old.by_name.get(name).map(|policy| policy.digest());
            if before != Some(policy.digest()) {
                let before = before.map(tracing::field::display);
                tracing::info!(policy = name, digest = %policy.digest(), before, "a policy is in force");
            }
        }
        for (name, policy) in old.by_name.iter().filter(|(name, _)| !self.by_name.contains_key(*name)) {
            tracing::info!(policy = name, before = %policy.digest(), "a policy is gone");
        }
    }

    fn check_defaults(&self) -> Result<(), PoliciesError> {
        let tenants = self.tenants.iter().map(|(tenant, name)| (format!("policies.tenants.{tenant}"), name));
        for (key, name) in tenants.chain([("policies.default".to_owned(), &self.default)]) {
            if !self.by_name.contains_key(name) {
                let known = self.by_name.keys().cloned().collect();
                return Err(PoliciesError::Missing { key, name: name.clone(), known });
            }
        }
        Ok(())
    }
}

/// Lists what the policies are made of; a directory that cannot be listed is told when it is read.
fn paths(config: &PoliciesConfig) -> Vec<PathBuf> {
    let mut paths = config.dir.as_deref().and_then(|dir| yaml_files(dir).ok()).unwrap_or_default();
    paths.extend(config.files.values().cloned());
    paths
}

fn read(path: &Path) -> Result<Arc<Policy>, PoliciesError> {
    let text =
        fs::read_to_string(path).map_err(|source| PoliciesError::Read { path: path.to_owned(), source })?;
    let policy =
        Policy::from_yaml(&text).map_err(|source| PoliciesError::Policy { path: path.to_owned(), source })?;
    Ok(Arc::new(policy))
}

fn yaml_files(dir: &Path) -> Result<Vec<PathBuf>, PoliciesError> {
    let failed = |source| PoliciesError::Read { path: dir.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
