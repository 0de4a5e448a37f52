//! Wrapping data keys under another key of the key manager, without touching a record.
//!
//! What a key is wrapped as stands in headers and notes that are signed, so it stays there. A key that was wrapped anew
//! lies in the archive as a signed note that is named after the wrapped form which it stands for, and may have such a note
//! in turn. Keys of subjects are written in place instead: a copy in the archive would outlive their erasure.

use std::sync::Arc;

use llm_shield_cloud::{CloudKeyManager, EncryptionContext};

use crate::archive::Archive;
use crate::files::{entries, lock_store, read_if_there, write_whole};
use crate::keys::Keys;
use crate::name::LogName;
use crate::note::Trust;
use crate::piece::Piece;
use crate::seal::segment_context;
use crate::shipper::{ArchiveOptions, blocking, put_once};
use crate::tree::sha256;
use crate::wrapped_key::WrappedKey;
use crate::{AuditError, Result, Store, Tenant, subject, tenant_keys};

/// Beside a tenant's years.
pub(crate) const DIRECTORY: &str = "rewrapped";
const SUFFIX: &str = ".key";
/// A note that leads back to itself would be followed for ever.
const MOST_LINKS: usize = 1024;

/// What to wrap anew, and how.
#[derive(Debug, Clone)]
pub struct RewrapOptions {
    /// Wraps, and signs the notes.
    pub key_manager: Arc<dyn CloudKeyManager>,
    /// The key to wrap under.
    pub encryption_key_id: String,
    /// The key that signs checkpoints and notes.
    pub signing_key_id: String,
    /// Where closed segments are.
    pub archive: ArchiveOptions,
    /// One tenant's keys alone.
    pub tenant: Option<Tenant>,
    /// Also what is wrapped under that key already: it may have a new version.
    pub again: bool,
}

/// What was wrapped anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rewrapped {
    /// Keys that were wrapped anew.
    pub keys: u64,
    /// Keys that were under the wanted key already.
    pub kept: u64,
    /// Whether keys of subjects were left as they are, because a server appends to this store.
    pub subjects_left: bool,
}

/// A key that something of a tenant's is sealed under.
struct Sealing {
    tenant: Tenant,
    wrapped: Vec<u8>,
    context: EncryptionContext,
}

impl Store {
    /// Wraps the keys of tenants, segments and subjects under another key. It may be done again at any time, and beside a
    /// running writer.
    ///
    /// # Errors
    /// As the store, the archive and the key manager fail. What was wrapped anew by then stays so.
    pub async fn rewrap(
        &self,
        options: RewrapOptions,
        mut progress: impl FnMut(Rewrapped),
    ) -> Result<Rewrapped> {
        let RewrapOptions { key_manager, encryption_key_id, signing_key_id, archive, tenant, again } =
            options;
        let reading = Archive::of(&archive);
        let keys =
            Keys::new(key_manager, encryption_key_id, signing_key_id, self.trust.clone(), reading.clone())
                .await?;
        let mut done = Rewrapped::default();
        for tenant in tenant.map_or(self.tenants().await?, |tenant| vec![tenant]) {
            let (store, owner) = (self.clone(), tenant.clone());
            for sealing in blocking(move || store.sealings(&owner)).await?? {
                let rewrapped = rewrap(&keys, &archive, &reading, sealing, again).await?;
                if rewrapped {
                    done.keys += 1
                } else {
                    done.kept += 1
                }
                progress(done);
            }
            self.rewrap_subjects(&keys, &tenant, again, &mut done).await?;
            progress(done);
        }
        Ok(done)
    }

    fn sealings(&self, tenant: &Tenant) -> Result<Vec<Sealing>> {
        let of = |wrapped, context| Sealing { tenant: tenant.clone(), wrapped, context };
        let mut sealings = Vec::new();
        if let Some(key) = tenant_keys::read(&self.shelves, tenant, &self.trust)? {
            sealings.push(of(key.wrapped, tenant_keys::context(tenant)));
        }
        for (log, own) in self.shelves.logs(tenant)? {
            for piece in Piece::all(&self.shelves, &log, own)? {
                let header = piece.header()?;
                sealings.push(of(header.wrapped_key, segment_context(&log, piece.segment)));
            }
        }
        Ok(sealings)
    }

    async fn rewrap_subjects(
        &self,
        keys: &Keys,
        tenant: &Tenant,
        again: bool,
        done: &mut Rewrapped,
    ) -> Result<()> {
        let (shelves, owner) = (self.shelves.clone(), tenant.clone());
        let own = blocking(move || shelves.logs(&owner)).await??.into_iter().find(|(_, own)| *own);
        let Some((log, _)) = own else { return Ok(()) };
        let failed = |error| AuditError::io("the keys of subjects", error);
        let files = entries(&subject::directory(&self.shelves.store, &log)).map_err(failed)?;
        if files.is_empty() {
            return Ok(());
        }
        // Who appends may destroy one of them meanwhile, and it must not come back.
        let lock = match lock_store(&self.shelves.store) {
            Err(AuditError::Locked { .. }) => {
                done.subjects_left = true;
                return Ok(());
            }
            lock => lock?,
        };
        for tag in files.iter().filter_map(|file| subject::tag_of(file)) {
            if self.rewrap_subject(keys, &log, tag, again).await? { done.keys += 1 } else { done.kept += 1 }
        }
        drop(lock);
        Ok(())
    }

    async fn rewrap_subject(&self, keys: &Keys, log: &LogName, tag: &str, again: bool) -> Result<bool> {
        let (path, object) = (subject::path(&self.shelves.store, log, tag), subject::object(log, tag));
        let failed = |error| AuditError::io(format!("`{object}`"), error);
        let Some(note) = read_if_there(&path).map_err(failed)? else { return Ok(false) };
        let key = WrappedKey::open(&note, &self.trust, &subject::origin(log, tag))
            .map_err(|what| AuditError::corrupt(&object, what))?;
        if key.key_id == keys.encryption_key_id && !again {
            return Ok(false);
        }
        let anew = keys.wrap_anew(&key.wrapped, &subject::context(log, tag), key.origin).await?;
        write_whole(&path, anew.as_bytes()).map_err(failed)?;
        Ok(true)
    }
}

async fn rewrap(
    keys: &Keys,
    archive: &ArchiveOptions,
    reading: &Archive,
    sealing: Sealing,
    again: bool,
) -> Result<bool> {
    let Sealing { tenant, wrapped, context } = sealing;
    let (reading, owner, trust) = (reading.clone(), tenant.clone(), keys.trust.clone());
    let newest = blocking(move || newest(&reading, &owner, wrapped, &trust)).await??;
    if newest.key_id.as_ref() == Some(&keys.encryption_key_id) && !again {
        return Ok(false);
    }
    let name = name_of(&newest.wrapped);
    let note = keys.wrap_anew(&newest.wrapped, &context, origin(&tenant, &name)).await?;
    let object = Archive::tenant_key_of(&archive.prefix, &tenant, &format!("{DIRECTORY}/{name}"));
    put_once(archive, &tenant, &object, note.into()).await?;
    Ok(true)
}

/// What a key is wrapped as now.
pub(crate) struct Newest {
    pub(crate) wrapped: Vec<u8>,
    /// The key that it is wrapped under; `None` for what was never wrapped anew.
    pub(crate) key_id: Option<String>,
}

/// Follows the notes that a wrapped key has to the last.
///
/// Where the archive is away the key is tried as it is known so far: most keys were never wrapped anew.
pub(crate) fn newest(archive: &Archive, tenant: &Tenant, wrapped: Vec<u8>, trust: &Trust) -> Result<Newest> {
    let mut newest = Newest { wrapped, key_id: None };
    for _ in 0..MOST_LINKS {
        let name = name_of(&newest.wrapped);
        let object = archive.tenant_key(tenant, &format!("{DIRECTORY}/{name}"));
        let note = match archive.read(&object) {
            Ok(Some(note)) => note,
            Ok(None) => break,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "keys that were wrapped anew cannot be looked for");
                break;
            }
        };
        let key = WrappedKey::open(&note, trust, &origin(tenant, &name))
            .map_err(|what| AuditError::corrupt(object, what))?;
        newest = Newest { wrapped: key.wrapped, key_id: Some(key.key_id) };
    }
    Ok(newest)
}

/// Checks the notes of a tenant's keys that were wrapped anew.
pub(crate) fn check(archive: &Archive, tenant: &Tenant, trust: &Trust) -> Result<()> {
    for name in archive.rewrapped(tenant)? {
        let object = archive.tenant_key(tenant, &format!("{DIRECTORY}/{name}"));
        let Some(note) = archive.read(&object)? else { continue };
        WrappedKey::open(&note, trust, &origin(tenant, &name))
            .map_err(|what| AuditError::corrupt(object, what))?;
    }
    Ok(())
}

fn name_of(wrapped: &[u8]) -> String {
    format!("{}{SUFFIX}", hex::encode(sha256(wrapped)))
}

fn origin(tenant: &Tenant, name: &str) -> String {
    format!("llm-shield/{}/{DIRECTORY}/{name}", tenant.path_name())
}
