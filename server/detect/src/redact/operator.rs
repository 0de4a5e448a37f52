//! What stands in the place of a value.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::RedactionKeys;

/// How a value is redacted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "operator", rename_all = "lowercase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Operator {
    /// The entity's name in brackets, or a text of one's own.
    Replace {
        /// The text; by default `[ENTITY]`.
        #[serde(default)]
        with: Option<String>,
    },
    /// A sign for each character.
    Mask {
        /// The sign; neither letter nor digit.
        #[serde(default = "asterisk")]
        char: char,
        /// How many characters are masked; by default, and for values of up to twice what stays, all of them.
        #[serde(default)]
        count: Option<usize>,
        /// Whether characters are counted from the end.
        #[serde(default)]
        from_end: bool,
    },
    /// A keyed digest: equal values stay equal for the holder of the key, and nobody else can try values out.
    Hash {},
    /// Nothing.
    Redact {},
    /// The value itself.
    Keep,
}

impl Operator {
    /// Returns the operator's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Replace { .. } => "replace",
            Self::Mask { .. } => "mask",
            Self::Hash {} => "hash",
            Self::Redact {} => "redact",
            Self::Keep => "keep",
        }
    }

    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Mask { char, .. } if char.is_alphanumeric() => Err("`char` is a letter or a digit"),
            Self::Replace { with: Some(with) } if with.chars().any(char::is_control) => {
                Err("`with` holds a control character")
            }
            _ => Ok(()),
        }
    }

    /// Appends what stands for a value.
    pub(super) fn apply(&self, entity: &str, value: &str, keys: &RedactionKeys, out: &mut String) {
        match self {
            Self::Replace { with: Some(with) } => out.push_str(with),
            Self::Replace { with: None } => placeholder(entity, "", out),
            Self::Mask { char, count, from_end } => mask(value, *char, *count, *from_end, out),
            Self::Hash {} => placeholder(entity, &digest(entity, value, keys), out),
            Self::Redact {} => {}
            Self::Keep => out.push_str(value),
        }
    }
}

fn placeholder(entity: &str, digest: &str, out: &mut String) {
    out.push('[');
    out.push_str(entity);
    if !digest.is_empty() {
        out.push(':');
        out.push_str(digest);
    }
    out.push(']');
}

/// Masks at least half of a value: of a short one, a few open characters would be most.
fn mask(value: &str, sign: char, count: Option<usize>, from_end: bool, out: &mut String) {
    let length = value.chars().count();
    let masked = count.map_or(length, |count| count.min(length));
    let masked = if (length - masked) * 2 > length { length } else { masked };
    for (place, character) in value.chars().enumerate() {
        let hide = if from_end { place >= length - masked } else { place < masked };
        out.push(if hide { sign } else { character });
    }
}

/// Returns the digest, or nothing without a key: a digest without one would let anybody try values out.
fn digest(entity: &str, value: &str, keys: &RedactionKeys) -> String {
    let Some(key) = keys.hash_key() else { return String::new() };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(entity.as_bytes());
    mac.update(&[0]);
    mac.update(value.as_bytes());
    let digest = mac.finalize().into_bytes();
    hex::encode(digest.get(..DIGEST_BYTES).unwrap_or_default())
}

fn asterisk() -> char {
    '*'
}

/// 128 bits: equal digests mean equal values.
const DIGEST_BYTES: usize = 16;
