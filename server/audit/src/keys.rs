//! The key manager and which of its keys the log uses.

use std::sync::Arc;

use llm_shield_cloud::{CloudKeyManager, DATA_KEY_BYTES, EncryptionContext, PublicKey};
use zeroize::Zeroizing;

use crate::archive::Archive;
use crate::note::{Signer, Trust, check_key_id};
use crate::rewrap;
use crate::shipper::blocking;
use crate::wrapped_key::WrappedKey;
use crate::{AuditError, Result, Tenant};

/// What a writer needs of the key manager.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) manager: Arc<dyn CloudKeyManager>,
    pub(crate) encryption_key_id: String,
    pub(crate) signing_key_id: String,
    pub(crate) trust: Trust,
    signing_key: PublicKey,
    /// Where keys are looked for that were wrapped anew.
    archive: Archive,
}

impl Keys {
    pub(crate) async fn new(
        manager: Arc<dyn CloudKeyManager>,
        encryption_key_id: String,
        signing_key_id: String,
        trust: Trust,
        archive: Archive,
    ) -> Result<Self> {
        check_key_id(&signing_key_id)?;
        let signing_key = manager.public_key(&signing_key_id).await?;
        Ok(Self { manager, encryption_key_id, signing_key_id, trust, signing_key, archive })
    }

    pub(crate) fn signer(&self) -> Signer<'_> {
        Signer { key_manager: &*self.manager, key_id: &self.signing_key_id, key: &self.signing_key }
    }

    /// Opens a key of a tenant's segments, or its own, as it is wrapped now.
    pub(crate) async fn unwrap(
        &self,
        tenant: &Tenant,
        wrapped: Vec<u8>,
        context: &EncryptionContext,
    ) -> Result<Zeroizing<[u8; DATA_KEY_BYTES]>> {
        let (archive, owner, trust) = (self.archive.clone(), tenant.clone(), self.trust.clone());
        let newest = blocking(move || rewrap::newest(&archive, &owner, wrapped, &trust)).await??;
        Ok(self.manager.decrypt(&newest.wrapped, context).await?)
    }

    /// Wraps a key under the encryption key and returns the note that says so.
    pub(crate) async fn wrap_anew(
        &self,
        wrapped: &[u8],
        context: &EncryptionContext,
        origin: String,
    ) -> Result<String> {
        let key_id = self.encryption_key_id.clone();
        let wrapped = self.manager.re_encrypt(wrapped, context, &key_id, context).await?;
        self.note(WrappedKey { origin, key_id, wrapped }).await
    }

    /// Signs a wrapped key for its file; refuses a key id that would break its line.
    pub(crate) async fn note(&self, key: WrappedKey) -> Result<String> {
        if key.key_id.chars().any(char::is_control) {
            return Err(AuditError::invalid("an encryption key id is one line of text"));
        }
        key.sign(self.signer()).await
    }
}
