use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

use crate::{CloudError, Result};

/// A secret's value: printed by nothing, wiped when the last copy is dropped. Copies share the bytes.
#[derive(Clone)]
pub struct SecretValue(Arc<Inner>);

struct Inner {
    bytes: Zeroizing<Vec<u8>>,
    version: Option<String>,
}

impl SecretValue {
    /// Takes a text, without leaving a copy of it behind.
    pub fn from_string(text: String) -> Self {
        Self::from_bytes(text.into_bytes())
    }

    /// Takes bytes, without leaving a copy of them behind.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Inner { bytes: Zeroizing::new(bytes), version: None }))
    }

    /// Returns the value with the id of its version.
    #[must_use]
    pub fn with_version(self, version: Option<String>) -> Self {
        let bytes = match Arc::try_unwrap(self.0) {
            Ok(inner) => inner.bytes,
            Err(shared) => shared.bytes.clone(),
        };
        Self(Arc::new(Inner { bytes, version }))
    }

    /// Returns the value as text.
    ///
    /// # Errors
    /// [`CloudError::Invalid`] when it is not UTF-8; the error says nothing of it.
    pub fn as_string(&self) -> Result<&str> {
        let not_text = |_content| CloudError::invalid("the secret is not text");
        std::str::from_utf8(&self.0.bytes).map_err(not_text)
    }

    /// Returns the value.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// Returns how many bytes it has.
    pub fn len(&self) -> usize {
        self.0.bytes.len()
    }

    /// Returns whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.bytes.is_empty()
    }

    /// Returns the id of the version that this is, where the provider has told it.
    pub fn version(&self) -> Option<&str> {
        self.0.version.as_deref()
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretValue(..)")
    }
}

impl PartialEq for SecretValue {
    /// In time that tells the length and nothing else.
    fn eq(&self, other: &Self) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.as_bytes(), other.as_bytes()).is_ok()
    }
}

impl Eq for SecretValue {}
