use std::collections::BTreeMap;
use std::fmt;

/// Names what a key or ciphertext is for; bound to it as additional authenticated data.
///
/// Both sides must state the same pairs, so a wrapped key or a ciphertext that was moved somewhere else does not open.
/// The pairs are not secret: providers log them.
#[derive(Clone, PartialEq, Eq, Default, Hash)]
pub struct EncryptionContext(BTreeMap<String, String>);

impl EncryptionContext {
    /// Returns a context without pairs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the context with one more pair; a later value for the same name replaces the earlier.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// Returns the value under a name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Iterates over the pairs in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the one encoding of these pairs: their number, then each name and value behind its length, in the
    /// order of the names, numbers as 64-bit big endian.
    ///
    /// Lengths instead of separators: no two different contexts share an encoding, whatever the strings hold.
    pub fn to_canonical_bytes(&self) -> Vec<u8> {
        let text: usize = self.iter().map(|(name, value)| name.len() + value.len()).sum();
        let mut bytes = Vec::with_capacity(8 + self.0.len() * 16 + text);
        put_length(&mut bytes, self.0.len());
        for part in self.iter().flat_map(|(name, value)| [name, value]) {
            put_length(&mut bytes, part.len());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

impl fmt::Debug for EncryptionContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for EncryptionContext {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

fn put_length(bytes: &mut Vec<u8>, length: usize) {
    // A usize is at most 64 bits wide on every target, so nothing is lost.
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn order_of_insertion_does_not_matter() {
        let one = EncryptionContext::new().with("a", "1").with("b", "2");
        let other = EncryptionContext::new().with("b", "2").with("a", "1");
        assert_eq!(one.to_canonical_bytes(), other.to_canonical_bytes());
    }

    proptest! {
        #[test]
        fn different_contexts_never_share_an_encoding(
            one in proptest::collection::btree_map("[ab=,]{0,3}", "[ab=,]{0,3}", 0..4),
            other in proptest::collection::btree_map("[ab=,]{0,3}", "[ab=,]{0,3}", 0..4),
        ) {
            let same = one == other;
            let one: EncryptionContext = one.into_iter().collect();
            let other: EncryptionContext = other.into_iter().collect();
            prop_assert_eq!(one.to_canonical_bytes() == other.to_canonical_bytes(), same);
        }
    }
}
