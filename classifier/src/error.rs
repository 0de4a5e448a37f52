//! What can be wrong with a bundle, and why a text has no score. No message holds a scanned text.

/// A bundle that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A file cannot be read.
    #[error("model bundle: cannot read `{file}`")]
    Read {
        /// Its name, or its path.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what the manifest names.
    #[error("model bundle: `{file}` has the SHA-256 {found}, the manifest says {expected}")]
    Digest {
        /// Its name.
        file: String,
        /// What the manifest says.
        expected: String,
        /// What it has.
        found: String,
    },
    /// A file is not of the format.
    #[error("model bundle: `{file}`: {message}")]
    Format {
        /// Its name.
        file: &'static str,
        /// The field and what is wrong with it.
        message: String,
    },
    /// The model does not compute what it should.
    #[error("model bundle: golden vector {index}: {message}")]
    Golden {
        /// Which one, from 0.
        index: usize,
        /// What differs.
        message: String,
    },
    /// The threads to compute on cannot be started.
    #[error("cannot start the classifier's threads")]
    Threads(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl BundleError {
    pub(crate) fn format(file: &'static str, message: impl ToString) -> Self {
        Self::Format { file, message: message.to_string() }
    }
}

/// Why a text has no score.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// The caller stopped it before any window was scored.
    #[error("the classifier was stopped before it had read anything")]
    Stopped,
    /// The tokenizer failed.
    #[error("the tokenizer failed")]
    Tokenizer,
    /// The encoder failed.
    #[error("the encoder failed: {0}")]
    Encoder(String),
}

impl From<candle_core::Error> for ScoreError {
    fn from(error: candle_core::Error) -> Self {
        // Shapes and operations only; candle's errors hold no data.
        Self::Encoder(error.to_string())
    }
}
