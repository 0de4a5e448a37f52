use std::fmt;
use std::sync::Arc;

use llm_shield_cloud::EncryptionContext;
use serde::{Deserialize, Serialize, Serializer};

use crate::{AuditError, Result};

/// File names end at 255 bytes on every file system; room is left for suffixes.
const MAX_PATH_BYTES: usize = 240;

/// A tenant's name: not empty, and short enough for a directory. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Tenant(Arc<str>);

impl Tenant {
    /// Checks a name.
    ///
    /// # Errors
    /// [`AuditError::Invalid`] when it is empty or longer than 240 bytes once escaped for a path.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let tenant = Self(name.into().into());
        if tenant.0.is_empty() || tenant.path_name().len() > MAX_PATH_BYTES {
            return Err(AuditError::invalid("a tenant's name has 1 to 240 bytes when escaped for a path"));
        }
        Ok(tenant)
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Says what a key of this tenant is for; the key manager binds the wrapped key to it.
    pub(crate) fn context(&self, purpose: &str) -> EncryptionContext {
        EncryptionContext::new().with("tenant", self.as_str()).with("purpose", purpose)
    }

    /// Returns the name as a directory: upper case is escaped too, since some file systems do not tell it from lower.
    pub(crate) fn path_name(&self) -> String {
        let mut escaped = String::with_capacity(self.0.len());
        for (index, byte) in self.as_str().bytes().enumerate() {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => escaped.push(char::from(byte)),
                b'.' if index > 0 => escaped.push('.'),
                _ => escaped.push_str(&format!("%{byte:02X}")),
            }
        }
        escaped
    }

    /// Returns the tenant whose directory this is; `None` for names that [`path_name`](Self::path_name) never makes.
    pub(crate) fn from_path_name(escaped: &str) -> Option<Self> {
        let mut bytes = Vec::with_capacity(escaped.len());
        let mut rest = escaped.as_bytes();
        while let Some((&first, behind)) = rest.split_first() {
            if first == b'%' {
                let (digits, behind) = behind.split_first_chunk::<2>()?;
                bytes.extend(hex::decode(digits).ok()?);
                rest = behind;
            } else {
                bytes.push(first);
                rest = behind;
            }
        }
        let tenant = Self::new(String::from_utf8(bytes).ok()?).ok()?;
        (tenant.path_name() == escaped).then_some(tenant)
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl TryFrom<String> for Tenant {
    type Error = AuditError;

    fn try_from(name: String) -> Result<Self> {
        Self::new(name)
    }
}

impl From<Tenant> for String {
    fn from(tenant: Tenant) -> Self {
        tenant.as_str().to_owned()
    }
}

impl Serialize for Tenant {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_name_leaves_its_directory() {
        for name in ["..", ".", "../x", "a/b", "/etc", "a\0b", "ACME", "é", "%2e%2e", "a\nb", " "] {
            let path = Tenant::new(name).unwrap().path_name();
            assert!(
                path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.%".contains(&byte)),
                "{path}"
            );
            assert!(!path.starts_with('.'), "{path}");
        }
        assert!(Tenant::new("").is_err());
        assert!(Tenant::new("x".repeat(240)).is_ok());
        assert!(Tenant::new("x".repeat(241)).is_err());
        assert!(Tenant::new("é".repeat(41)).is_err());
    }

    #[test]
    fn only_own_spellings_are_read() {
        for foreign in ["%61cme", "Acme", "%2E%", "%zz", ".hidden", "", "a%2fb"] {
            assert!(Tenant::from_path_name(foreign).is_none(), "{foreign}");
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in "\\PC{1,20}") {
            let tenant = Tenant::new(name).unwrap();
            prop_assert_eq!(Tenant::from_path_name(&tenant.path_name()), Some(tenant));
        }
    }
}
