//! The key manager and which of its keys the log uses.

use std::sync::Arc;

use llm_shield_cloud::{CloudKeyManager, PublicKey};

use crate::note::{Signer, check_key_id};
use crate::wrapped_key::WrappedKey;
use crate::{AuditError, Result};

/// What a writer needs of the key manager.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) manager: Arc<dyn CloudKeyManager>,
    pub(crate) encryption_key_id: String,
    pub(crate) signing_key_id: String,
    signing_key: PublicKey,
}

impl Keys {
    pub(crate) async fn new(
        manager: Arc<dyn CloudKeyManager>,
        encryption_key_id: String,
        signing_key_id: String,
    ) -> Result<Self> {
        check_key_id(&signing_key_id)?;
        let signing_key = manager.public_key(&signing_key_id).await?;
        Ok(Self { manager, encryption_key_id, signing_key_id, signing_key })
    }

    pub(crate) fn signer(&self) -> Signer<'_> {
        Signer { key_manager: &*self.manager, key_id: &self.signing_key_id, key: &self.signing_key }
    }

    /// Signs a wrapped key for its file; refuses a key id that would break its line.
    pub(crate) async fn note(&self, key: WrappedKey) -> Result<String> {
        if key.key_id.chars().any(char::is_control) {
            return Err(AuditError::invalid("an encryption key id is one line of text"));
        }
        key.sign(self.signer()).await
    }
}
