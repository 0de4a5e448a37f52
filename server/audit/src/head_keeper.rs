//! Signs where the logs stand, behind the writer's back.
//!
//! Signing may be a network call, so it does not happen within a commit: a head is signed soon after. It is always the
//! head of a state that is on disk already.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use llm_shield_cloud::{CloudKeyManager, SignatureAlgorithm};
use tokio::sync::{Mutex, Notify, watch};
use tokio::time::Instant;

use crate::chain::Position;
use crate::files::{log_directory, logs_directory, make_directory, write_whole};
use crate::statement::{Head, List, Signer};
use crate::{AuditError, Result, Tenant};

/// File name of a log's signed head.
pub(crate) const HEAD_FILE: &str = "HEAD";
/// File name of the signed list of logs.
pub(crate) const LIST_FILE: &str = "LOGS";
/// The list is as long as there are logs, so it is signed less often than each head.
const LIST_EVERY: u32 = 10;

/// Heads that moved and are not signed yet.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    moved: std::sync::Mutex<BTreeMap<Tenant, Head>>,
    notify: Notify,
}

impl Heads {
    /// Notes where a log stands on disk.
    pub(crate) fn moved(&self, tenant: &Tenant, head: Head) {
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        match moved.get_mut(tenant) {
            Some(known) => *known = head,
            None => moved.extend([(tenant.clone(), head)]),
        }
        self.notify.notify_one();
    }

    fn take(&self) -> BTreeMap<Tenant, Head> {
        std::mem::take(&mut self.moved.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put_back(&self, tenant: Tenant, head: Head) {
        // What the writer noted meanwhile is newer.
        self.moved.lock().unwrap_or_else(PoisonError::into_inner).entry(tenant).or_insert(head);
    }
}

/// Writes HEAD and LOGS.
#[derive(Debug)]
pub(crate) struct HeadKeeper {
    pub(crate) store: PathBuf,
    pub(crate) key_manager: Arc<dyn CloudKeyManager>,
    pub(crate) key_id: String,
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) interval: Duration,
    pub(crate) heads: Arc<Heads>,
    /// What LOGS says. Locked while it is written.
    pub(crate) list: Mutex<List>,
}

impl HeadKeeper {
    /// Signs heads as they move, until the writer has ended; then once more. Fails when that last time fails.
    pub(crate) async fn run(self: Arc<Self>, mut writer_ended: watch::Receiver<()>) -> Result<()> {
        let mut list_signed = Instant::now();
        loop {
            tokio::select! {
                _ = writer_ended.changed() => break,
                () = self.heads.notify.notified() => {}
            }
            let mut result = self.sign_moved().await;
            if result.is_ok() && list_signed.elapsed() >= self.interval * LIST_EVERY {
                list_signed = Instant::now();
                result = self.sign_list(|_| ()).await;
            }
            if let Err(error) = result {
                tracing::warn!(%error, "the audit log's head could not be signed; it will be tried again");
                self.heads.notify.notify_one();
            }
            tokio::select! {
                _ = writer_ended.changed() => break,
                () = tokio::time::sleep(self.interval) => {}
            }
        }
        self.sign_moved().await?;
        self.sign_list(|list| list.closed = true).await
    }

    /// Makes known, before anything is appended, that there is a writer whose work may be unfinished.
    pub(crate) async fn reopen(&self) -> Result<()> {
        if self.list.lock().await.heads.is_empty() {
            return Ok(());
        }
        self.sign_list(|list| list.closed = false).await
    }

    /// Makes a new log known, before its first segment: from then on it cannot disappear unseen.
    pub(crate) async fn begin(&self, tenant: &Tenant) -> Result<()> {
        let head = Head::from(Position::start(tenant));
        self.sign_head(tenant, head).await?;
        self.sign_list(|list| list.heads.extend([(tenant.clone(), head)])).await
    }

    async fn sign_moved(&self) -> Result<()> {
        let mut result = Ok(());
        for (tenant, head) in self.heads.take() {
            match self.sign_head(&tenant, head).await {
                Ok(()) => self.list.lock().await.heads.extend([(tenant, head)]),
                Err(error) => {
                    self.heads.put_back(tenant, head);
                    result = Err(error);
                }
            }
        }
        result
    }

    async fn sign_head(&self, tenant: &Tenant, head: Head) -> Result<()> {
        let text = self.signer().head(tenant, head).await?;
        self.put(log_directory(&self.store, tenant), HEAD_FILE, text).await
    }

    async fn sign_list(&self, change: impl FnOnce(&mut List)) -> Result<()> {
        let mut list = self.list.lock().await;
        change(&mut list);
        let text = self.signer().list(&list).await?;
        self.put(logs_directory(&self.store), LIST_FILE, text).await
    }

    async fn put(&self, directory: PathBuf, file: &'static str, text: String) -> Result<()> {
        let write = move || {
            make_directory(&directory)?;
            write_whole(&directory.join(file), text.as_bytes())
        };
        tokio::task::spawn_blocking(write)
            .await
            .map_err(|_stopped| AuditError::Closed)?
            .map_err(|error| AuditError::io(format!("`{file}`"), error))?;
        Ok(())
    }

    fn signer(&self) -> Signer<'_> {
        Signer { key_manager: &*self.key_manager, key_id: &self.key_id, algorithm: self.algorithm }
    }
}
