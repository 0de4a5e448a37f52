//! Signed notes, in the form that transparency logs use (C2SP `signed-note`): text, an empty line, and a line
//! `— KEY BASE64`, where the base64 holds four bytes of the key's hash and the signature.
//!
//! The signature is ECDSA P-256 in DER over the text with its last line break, and the hash is that of the key's
//! `SubjectPublicKeyInfo`, as Rekor has them. A note has one spelling: it is read by writing it again and comparing.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use llm_shield_cloud::{CloudKeyManager, PublicKey};

use crate::tree::sha256;
use crate::{AuditError, Result};

/// Before the name of the key.
const SIGNATURE: &str = "\u{2014} ";
const KEY_HASH_BYTES: usize = 4;

/// Signs notes with one key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signer<'a> {
    pub(crate) key_manager: &'a dyn CloudKeyManager,
    pub(crate) key_id: &'a str,
    pub(crate) key: &'a PublicKey,
}

impl Signer<'_> {
    /// Returns the note of a text that ends with a line break and has no empty line.
    pub(crate) async fn sign(self, text: &str) -> Result<String> {
        let signature = self.key_manager.sign(self.key_id, text.as_bytes()).await?;
        Ok(format!("{text}\n{}", signature_line(self.key_id, &key_hash(self.key), &signature)))
    }
}

/// Refuses a key id that would not be one word of a line.
pub(crate) fn check_key_id(id: &str) -> Result<()> {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    if id.is_empty() || id.len() > 2048 || !id.chars().all(plain) {
        return Err(AuditError::invalid("a signing key id is a word without `+`"));
    }
    Ok(())
}

/// Public keys by key id. A note under any other key, valid or not, proves nothing.
#[derive(Debug, Clone, Default)]
pub struct Trust(BTreeMap<String, PublicKey>);

impl Trust {
    /// Trusts these keys, by key id. They come from somewhere else than the store.
    pub fn of(keys: BTreeMap<String, PublicKey>) -> Self {
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

    /// Returns the text of a note after checking its signature; says what is wrong.
    pub(crate) fn open<'a>(&self, note: &'a str) -> std::result::Result<&'a str, &'static str> {
        let (text, behind) = self.open_first(note)?;
        if behind.is_empty() { Ok(text) } else { Err(FORM) }
    }

    /// Returns the text of the note that `bytes` begin with, and what stands behind it.
    pub(crate) fn open_first<'a>(
        &self,
        bytes: &'a str,
    ) -> std::result::Result<(&'a str, &'a str), &'static str> {
        let (body, rest) = bytes.split_once("\n\n").ok_or(FORM)?;
        let (line, behind) = rest.split_once('\n').ok_or(FORM)?;
        let (name, encoded) =
            line.strip_prefix(SIGNATURE).and_then(|line| line.split_once(' ')).ok_or(FORM)?;
        let decoded = STANDARD.decode(encoded).map_err(|_content| FORM)?;
        let (hash, signature) = decoded.split_first_chunk::<KEY_HASH_BYTES>().ok_or(FORM)?;
        let text = bytes.get(..=body.len()).ok_or(FORM)?;
        let key = self.0.get(name).ok_or("it is signed under a key that is not trusted")?;
        if *hash != key_hash(key) {
            return Err(OTHER_KEY);
        }
        if !key.verifies(text.as_bytes(), signature) {
            return Err("its signature is wrong");
        }
        Ok((text, behind))
    }
}

/// What is said of bytes that are no note.
pub(crate) const FORM: &str = "it is not a signed note";

/// What is said of a note under a trusted name and another key: an alias was moved, or the note is forged.
pub(crate) const OTHER_KEY: &str = "it is signed under another key of a trusted name; \
    if that is an alias that was moved, move it back to the key that signed";

fn signature_line(name: &str, hash: &[u8; KEY_HASH_BYTES], signature: &[u8]) -> String {
    format!("{SIGNATURE}{name} {}\n", STANDARD.encode([hash, signature].concat()))
}

fn key_hash(key: &PublicKey) -> [u8; KEY_HASH_BYTES] {
    let [a, b, c, d, ..] = sha256(&key.spki_der);
    [a, b, c, d]
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use llm_shield_cloud::local::KeyRing;
    use proptest::prelude::*;

    use super::*;

    pub(crate) const KEY: &str = "signing";

    pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    /// A key ring with a signing key, and trust in it.
    pub(crate) fn signing_keys() -> (tempfile::TempDir, Arc<KeyRing>, Trust) {
        let directory = tempfile::tempdir().unwrap();
        let keys = KeyRing::open_or_create(directory.path().join("keys/ring.json")).unwrap();
        keys.ensure_signing_key(KEY).unwrap();
        let trust = block_on(Trust::from_manager(&keys, &[KEY.to_owned()])).unwrap();
        (directory, Arc::new(keys), trust)
    }

    /// Signs with that key.
    pub(crate) fn sign(keys: &KeyRing, text: &str) -> String {
        let key = block_on(keys.public_key(KEY)).unwrap();
        block_on(Signer { key_manager: keys, key_id: KEY, key: &key }.sign(text)).unwrap()
    }

    #[test]
    fn a_note_comes_back_and_no_changed_byte_passes() {
        let (_directory, keys, trust) = signing_keys();
        let note = sign(&keys, "origin\n5\n");
        assert_eq!(trust.open(&note), Ok("origin\n5\n"));
        assert_eq!(trust.open_first(&format!("{note}more")), Ok(("origin\n5\n", "more")));
        assert_eq!(trust.open(&format!("{note}more")), Err(FORM));
        for position in 0..note.len() {
            let mut changed = note.clone().into_bytes();
            changed[position] ^= 1;
            let passes = std::str::from_utf8(&changed).is_ok_and(|note| trust.open(note).is_ok());
            assert!(!passes, "byte {position}");
            let cut =
                std::str::from_utf8(&note.as_bytes()[..position]).is_ok_and(|note| trust.open(note).is_ok());
            assert!(!cut, "cut at {position}");
        }
    }

    #[test]
    fn another_key_of_the_same_name_is_told() {
        let (_directory, keys, _) = signing_keys();
        let (_other_directory, _, other) = signing_keys();
        assert_eq!(other.open(&sign(&keys, "x\n")), Err(OTHER_KEY));
        assert_eq!(
            Trust::default().open(&sign(&keys, "x\n")),
            Err("it is signed under a key that is not trusted")
        );
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "(\\PC|\n){0,200}", name in "\\PC{0,5}") {
            let trust = Trust::default();
            prop_assert!(trust.open(&text).is_err());
            let forged = format!("{text}\n\n{SIGNATURE}{name} AAAAAAAA\n");
            prop_assert!(trust.open(&forged).is_err());
        }
    }
}
