//! A wrapped key as a file of its own: a signed note, so that a key that was changed or put elsewhere shows without
//! opening it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Result;
use crate::note::{FORM, Signer, Trust};

/// A key that the key manager has wrapped, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WrappedKey {
    /// What it is for: the first line.
    pub(crate) origin: String,
    /// The key that it is wrapped under.
    pub(crate) key_id: String,
    pub(crate) wrapped: Vec<u8>,
}

impl WrappedKey {
    /// Reads a key that must be for `origin`, after checking its signature; says what is wrong.
    pub(crate) fn open(note: &[u8], trust: &Trust, origin: &str) -> std::result::Result<Self, &'static str> {
        let text = trust.open(std::str::from_utf8(note).map_err(|_bytes| FORM)?)?;
        let key = Self::parse(text).filter(|key| key.text() == text).ok_or("it is not a wrapped key")?;
        if key.origin == origin { Ok(key) } else { Err("it is a key for something else") }
    }

    pub(crate) async fn sign(&self, signer: Signer<'_>) -> Result<String> {
        signer.sign(&self.text()).await
    }

    fn text(&self) -> String {
        format!("{}\nkey {}\nwrapped {}\n", self.origin, self.key_id, STANDARD.encode(&self.wrapped))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let origin = lines.next()?.to_owned();
        let key_id = lines.next()?.strip_prefix("key ")?.to_owned();
        let wrapped = STANDARD.decode(lines.next()?.strip_prefix("wrapped ")?).ok()?;
        Some(Self { origin, key_id, wrapped })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::tests::{sign, signing_keys};

    #[test]
    fn keys_come_back_for_what_they_are() {
        let (_directory, keys, trust) = signing_keys();
        let key = WrappedKey { origin: "a/b".to_owned(), key_id: "k".to_owned(), wrapped: vec![1, 2] };
        let note = sign(&keys, &key.text());
        assert_eq!(WrappedKey::open(note.as_bytes(), &trust, "a/b"), Ok(key));
        assert_eq!(WrappedKey::open(note.as_bytes(), &trust, "a/c"), Err("it is a key for something else"));
        let other = sign(&keys, "a/b\n1\n");
        assert_eq!(WrappedKey::open(other.as_bytes(), &trust, "a/b"), Err("it is not a wrapped key"));
    }
}
