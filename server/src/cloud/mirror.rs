//! Files that are copies of a provider's secrets and objects.
//!
//! The directory is for its owner alone (mode 0700, files 0600): it holds the key of the service's certificate. Give the
//! data directory a volume in memory where that must not reach a disk.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use llm_shield_cloud::{CloudError, CloudSecretManager, CloudStorage};
use tokio::time::sleep;

use crate::{
    devcerts::{private_dir, write},
    error::ServerError,
};

/// The secrets that make up TLS, and the files that they become.
pub(crate) const TLS_FILES: [&str; 3] = ["cert", "key", "client_ca"];

/// Policies are small; what is larger is another object, put there by mistake.
const SUFFIXES: [&str; 2] = [".yaml", ".yml"];

/// The directory of copies.
#[derive(Debug)]
pub(super) struct Mirror {
    dir: PathBuf,
}

impl Mirror {
    pub(super) fn new(dir: PathBuf) -> Result<Self, ServerError> {
        private_dir(&dir)?;
        Ok(Self { dir })
    }

    pub(super) fn secrets(
        &self,
        secrets: Arc<dyn CloudSecretManager>,
        prefix: &str,
        names: &'static [&'static str],
    ) -> SecretFiles {
        let dir = self.dir.join("tls");
        SecretFiles { secrets, prefix: prefix.to_owned(), names, dir, versions: Mutex::default() }
    }

    pub(super) fn objects(&self, storage: Arc<dyn CloudStorage>, prefix: &str, dir: &str) -> ObjectFiles {
        let dir = self.dir.join(dir);
        ObjectFiles { storage, prefix: prefix.to_owned(), dir, etags: Mutex::default() }
    }
}

/// Secrets as files.
pub(super) struct SecretFiles {
    secrets: Arc<dyn CloudSecretManager>,
    prefix: String,
    names: &'static [&'static str],
    dir: PathBuf,
    /// What the files hold.
    versions: Mutex<BTreeMap<&'static str, Option<String>>>,
}

impl SecretFiles {
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.pem"))
    }

    /// Writes those that have changed; none when one of them cannot be had, since they belong together.
    pub(super) async fn refresh(&self) -> Result<(), ServerError> {
        let mut changed = Vec::new();
        for name in self.names {
            let value = self.secrets.get_secret(&format!("{}{name}", self.prefix)).await?;
            let version = value.version().map(str::to_owned);
            let known = self.versions.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
            if known.is_none_or(|known| known.is_none() || known != version) {
                changed.push((*name, version, value));
            }
        }
        private_dir(&self.dir)?;
        for (name, version, value) in changed {
            write(&self.file(name), value.as_bytes(), 0o600)?;
            self.versions.lock().unwrap_or_else(PoisonError::into_inner).insert(name, version);
        }
        Ok(())
    }

    pub(super) async fn keep_fresh(self, every: Duration) {
        loop {
            sleep(every).await;
            report("certificates", self.refresh().await);
        }
    }
}

/// Objects below a prefix as files of a directory.
pub(super) struct ObjectFiles {
    storage: Arc<dyn CloudStorage>,
    prefix: String,
    dir: PathBuf,
    /// What the files hold, by name.
    etags: Mutex<BTreeMap<String, Option<String>>>,
}

impl ObjectFiles {
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes those that have changed, and removes those that are gone.
    pub(super) async fn refresh(&self) -> Result<(), ServerError> {
        let mut listed = BTreeMap::new();
        for object in self.storage.list_objects_with_metadata(&self.prefix).await? {
            if let Some(name) = object.key.strip_prefix(&self.prefix).filter(|name| self.is_wanted(name)) {
                listed.insert(name.to_owned(), object.etag);
            }
        }
        private_dir(&self.dir)?;
        let known = self.etags.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (name, etag) in &listed {
            if etag.is_none() || known.get(name) != Some(etag) {
                let data = self.storage.get_object(&format!("{}{name}", self.prefix)).await?;
                write(&self.dir.join(name), &data, 0o600)?;
            }
        }
        for name in self.present()?.into_iter().filter(|name| !listed.contains_key(name)) {
            let path = self.dir.join(name);
            fs::remove_file(&path).map_err(|source| unreadable(&path, &source))?;
        }
        *self.etags.lock().unwrap_or_else(PoisonError::into_inner) = listed;
        Ok(())
    }

    pub(super) async fn keep_fresh(self, every: Duration) {
        loop {
            sleep(every).await;
            report("policies", self.refresh().await);
        }
    }

    /// Bundles have files of all kinds; of the rest, only policies are wanted. Nothing that lies deeper, and nothing
    /// whose name would lead elsewhere.
    fn is_wanted(&self, name: &str) -> bool {
        let plain = !name.is_empty() && !name.contains('/') && !name.starts_with('.');
        let policy = SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
        plain && (policy || !self.dir.ends_with("policies"))
    }

    fn present(&self) -> Result<Vec<String>, ServerError> {
        let entries = fs::read_dir(&self.dir).map_err(|source| unreadable(&self.dir, &source))?;
        Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }
}

fn unreadable(path: &Path, source: &std::io::Error) -> ServerError {
    ServerError::Setup { what: "the copies of objects", problem: format!("{}: {source}", path.display()) }
}

fn report(what: &'static str, refreshed: Result<(), ServerError>) {
    match refreshed {
        Ok(()) => {}
        Err(ServerError::Cloud(CloudError::Throttled { .. })) => tracing::debug!(what, "throttled: later"),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, what, "cannot be refreshed; those before stay in force");
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use llm_shield_cloud::{
        SecretValue,
        local::{DirectoryStorage, SecretFile},
    };

    use super::*;

    #[tokio::test]
    async fn objects_come_change_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let storage = Arc::new(DirectoryStorage::open(dir.path().join("store")).unwrap());
        let mirror = Mirror::new(dir.path().join("mirror")).unwrap();
        let files = mirror.objects(storage.clone(), "configs/", "policies");
        for (key, text) in [("a.yaml", "1"), ("b.yml", "2"), ("note.txt", "x"), ("deep/c.yaml", "x")] {
            storage.put_object(&format!("configs/{key}"), Bytes::from_static(text.as_bytes())).await.unwrap();
        }
        files.refresh().await.unwrap();
        let read = |name: &str| fs::read_to_string(files.dir().join(name)).ok();
        assert_eq!((read("a.yaml").as_deref(), read("b.yml").as_deref()), (Some("1"), Some("2")));
        assert_eq!(files.present().unwrap().len(), 2);
        storage.put_object("configs/a.yaml", Bytes::from_static(b"new")).await.unwrap();
        storage.delete_object("configs/b.yml").await.unwrap();
        files.refresh().await.unwrap();
        assert_eq!((read("a.yaml").as_deref(), read("b.yml")), (Some("new"), None));
    }

    #[tokio::test]
    async fn secrets_change_together() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = Arc::new(SecretFile::open_or_create(dir.path().join("secrets/file.json")).unwrap());
        let mirror = Mirror::new(dir.path().join("mirror")).unwrap();
        let files = mirror.secrets(secrets.clone(), "llm-shield/tls/", &["cert", "key"]);
        let value = |text: &str| SecretValue::from_string(text.to_owned());
        secrets.create_secret("llm-shield/tls/cert", &value("c1")).await.unwrap();
        assert!(matches!(files.refresh().await, Err(ServerError::Cloud(CloudError::NotFound { .. }))));
        assert!(!files.file("cert").exists(), "a certificate without its key is of no use");
        secrets.create_secret("llm-shield/tls/key", &value("k1")).await.unwrap();
        files.refresh().await.unwrap();
        secrets.update_secret("llm-shield/tls/key", &value("k2")).await.unwrap();
        files.refresh().await.unwrap();
        assert_eq!(fs::read_to_string(files.file("key")).unwrap(), "k2");
    }
}
