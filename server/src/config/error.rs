//! What can be wrong with a configuration, said so that the operator can mend it.

use std::{fmt, io, path::PathBuf};

/// Something wrong with the configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {}: {problem}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: io::Error,
    },
    /// The file is not YAML.
    #[error("{} is not valid YAML: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        problem: String,
    },
    /// A key that nothing reads.
    #[error("unknown key `{key}` in {origin}{}", nearest.as_deref().map(|key| format!("; did you mean `{key}`?")).unwrap_or_default())]
    UnknownKey {
        /// The key's full path.
        key: String,
        /// The file or the environment variable.
        origin: String,
        /// The most similar key that exists.
        nearest: Option<String>,
    },
    /// A value of the wrong form.
    #[error("bad value for `{key}`{}: {problem}", origin.as_deref().map(|origin| format!(" in {origin}")).unwrap_or_default())]
    Value {
        /// The key's full path.
        key: String,
        /// The file or the environment variable, where it is known.
        origin: Option<String>,
        /// What was expected.
        problem: String,
    },
}

impl ConfigError {
    pub(crate) fn value(key: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self::Value { key: key.into(), origin: None, problem: problem.to_string() }
    }
}

/// All that a check found, so that an operator mends a file once.
#[derive(Debug)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}
