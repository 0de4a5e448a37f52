//! Which signing keys a log's statements are accepted from.

use std::collections::BTreeMap;

use llm_shield_cloud::{CloudKeyManager, PublicKey};

use crate::Result;
use crate::statement::Signed;

/// Public keys by key id. A statement under any other key, valid or not, proves nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trust(BTreeMap<String, PublicKey>);

impl Trust {
    pub(crate) fn of(keys: BTreeMap<String, PublicKey>) -> Self {
        Self(keys)
    }

    pub(crate) async fn from_manager(
        key_manager: &dyn CloudKeyManager,
        key_ids: impl IntoIterator<Item = &String>,
    ) -> Result<Self> {
        let mut keys = BTreeMap::new();
        for key_id in key_ids {
            keys.insert(key_id.clone(), key_manager.public_key(key_id).await?);
        }
        Ok(Self(keys))
    }

    /// Checks a statement's signature; says what is wrong.
    pub(crate) fn check(&self, signed: &Signed<'_>) -> std::result::Result<(), &'static str> {
        let key = self.0.get(signed.key_id).ok_or("it is signed under a key that is not trusted")?;
        if signed.algorithm != key.algorithm.name() {
            return Err("it names another signature algorithm than its key has");
        }
        if !key.verifies(signed.message, &signed.signature) {
            return Err("its signature is wrong");
        }
        Ok(())
    }
}
