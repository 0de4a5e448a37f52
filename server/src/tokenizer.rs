//! Counting tokens as the callers' own model does, by its tokenizer.

use std::path::{Path, PathBuf};

use llm_shield_detect::hygiene::{TokenCounter, estimate};
use tokenizers::Tokenizer;

/// Texts are counted in pieces of about this size, cut at blanks: a tokenizer takes some hundred bytes of memory for each
/// byte. A count is off by one token a cut at most.
const PIECE_BYTES: usize = 32 << 10;

/// A tokenizer in the format of Hugging Face's `tokenizers`: the `tokenizer.json` of a model.
pub struct ModelTokenizer(Tokenizer);

/// The tokenizer cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct TokenizerError {
    path: PathBuf,
    problem: String,
}

impl ModelTokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// The file cannot be read, or is no tokenizer.
    pub fn open(path: &Path) -> Result<Self, TokenizerError> {
        let wrong = |problem: String| TokenizerError { path: path.to_owned(), problem };
        let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|error| wrong(error.to_string()))?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| wrong(error.to_string()))?;
        Ok(Self(tokenizer))
    }
}

impl TokenCounter for ModelTokenizer {
    fn count(&self, text: &str) -> usize {
        let mut rest = text;
        let mut tokens = 0_usize;
        while !rest.is_empty() {
            let (piece, behind) = cut(rest);
            // What the tokenizer cannot read is not uncounted.
            let count =
                self.0.encode_fast(piece, false).map_or_else(|_| estimate(piece), |found| found.len());
            tokens = tokens.saturating_add(count);
            rest = behind;
        }
        tokens
    }
}

/// Cuts a piece off, before a blank where there is one.
fn cut(text: &str) -> (&str, &str) {
    if text.len() <= PIECE_BYTES {
        return (text, "");
    }
    let most = text.floor_char_boundary(PIECE_BYTES);
    let blank = text.get(..most).and_then(|start| start.rfind(char::is_whitespace)).filter(|at| *at > 0);
    text.split_at(blank.unwrap_or(most))
}

impl std::fmt::Debug for ModelTokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelTokenizer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../classifier/model/tokenizer.json")
    }

    #[test]
    fn tokens_are_counted_and_not_estimated() {
        let tokenizer = ModelTokenizer::open(&file()).unwrap();
        assert_eq!(tokenizer.count("the cat sat on the mat"), 6);
        assert_eq!(tokenizer.count(""), 0);
        // In pieces as whole.
        assert_eq!(tokenizer.count(&"the cat sat on the mat ".repeat(10_000)), 60_000);
    }

    #[test]
    fn pieces_are_whole_characters() {
        for text in ["é".repeat(PIECE_BYTES), format!("{} {}", "x".repeat(100), "é".repeat(PIECE_BYTES))] {
            let (mut rest, mut read) = (text.as_str(), String::new());
            while !rest.is_empty() {
                let (piece, behind) = cut(rest);
                assert!(!piece.is_empty() && piece.len() <= PIECE_BYTES);
                read.push_str(piece);
                rest = behind;
            }
            assert_eq!(read, text);
        }
    }

    #[test]
    fn what_is_no_tokenizer_is_told_by_name() {
        let error = ModelTokenizer::open(Path::new("no-such-tokenizer.json")).unwrap_err();
        assert!(error.to_string().contains("no-such-tokenizer.json"), "{error}");
        let error = ModelTokenizer::open(&file().with_file_name("config.json")).unwrap_err();
        assert!(error.to_string().contains("config.json"), "{error}");
    }
}
