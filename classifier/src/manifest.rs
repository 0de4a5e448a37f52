//! `manifest.json`: which files belong together, how a logit becomes a probability, and what the model must compute.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::error::BundleError;

/// The manifest's file name.
pub(crate) const FILE: &str = "manifest.json";
/// The member of the manifest that holds the signature.
const SIGNATURE: &str = "signature";
/// The format that this version reads.
const SCHEMA_VERSION: u32 = 1;

/// What a bundle says of itself. Keys that serving does not need (metrics, provenance) are left unread.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    /// The version of the format.
    pub schema_version: u32,
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// How the matrices are stored: `f16` or `int8`.
    pub precision: String,
    /// The SHA-256 of each file, in hexadecimal.
    pub files: BTreeMap<String, String>,
    /// From logit to probability.
    pub calibration: Calibration,
    /// The probability from which on a text is an attack, by rate of false positives on benign texts (`1%`).
    #[serde(default)]
    pub thresholds: BTreeMap<String, f64>,
    /// Who vouches for it, if anybody.
    #[serde(default)]
    pub signature: Option<Signature>,
    pub(crate) golden: Vec<Golden>,
}

/// Somebody's word that a bundle is theirs: a signature over [`Manifest::signed_message`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Signature {
    /// Names the key, for people; which key is trusted is for the reader to know.
    pub key_id: String,
    /// How the key signs, such as `ECDSA_SHA_256` (P-256, signature in DER).
    pub algorithm: String,
    /// The signature in base64.
    pub value: String,
}

/// From the highest logit of a text's windows to a probability:
/// `sigmoid((logit - per_window * max(0, ln(windows / free_windows)) - bias) / temperature)`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Calibration {
    /// Its softness, above 0.
    pub temperature: f64,
    /// The logit of an even chance.
    pub bias: f64,
    /// By how many logits the highest of harmless windows rises, when there are e times as many. Bundles of before it was
    /// known have none.
    #[serde(default)]
    pub per_window: f64,
    /// Windows, at least 1, up to which nothing is taken off: those of the texts that the bias was fitted to.
    #[serde(default = "one")]
    pub free_windows: f64,
}

/// A text with what the model makes of it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Golden {
    pub(crate) role: String,
    pub(crate) text: String,
    pub(crate) token_ids: Vec<u32>,
    pub(crate) attack_logit: f32,
    pub(crate) family_logits: Vec<f32>,
}

impl Manifest {
    /// Returns what a signature of the manifest is made over: a line that says what is signed, and the SHA-256 of the
    /// members of the manifest but `signature`, in the order of their names, each as `"name":value\n` with the value as
    /// it stands in the file.
    ///
    /// The manifest names the digest of every other file, so it vouches for the whole bundle.
    ///
    /// # Errors
    /// The manifest is no JSON object.
    pub fn signed_message(manifest: &[u8]) -> Result<Vec<u8>, BundleError> {
        let mut hash = Sha256::new();
        for (name, value) in members(manifest)?.iter().filter(|(name, _)| *name != SIGNATURE) {
            hash.update(format!("{}:{}\n", serde_json::Value::from(&**name), value.get()));
        }
        Ok(format!("llm-shield model bundle v1\n{}\n", hex::encode(hash.finalize())).into_bytes())
    }

    /// Returns the manifest with a signature put into it.
    ///
    /// # Errors
    /// The manifest is no JSON object.
    pub fn with_signature(manifest: &[u8], signature: &Signature) -> Result<Vec<u8>, BundleError> {
        Self::with_members(manifest, &[(SIGNATURE, serde_json::json!(signature))])
    }

    /// Returns the manifest with other values for some of its members; the others stay as they stand.
    ///
    /// # Errors
    /// The manifest is no JSON object.
    pub fn with_members(manifest: &[u8], new: &[(&str, serde_json::Value)]) -> Result<Vec<u8>, BundleError> {
        let wrong = |error| BundleError::format(FILE, error);
        let new: Vec<(&str, Box<RawValue>)> = new
            .iter()
            .map(|(name, value)| Ok((*name, serde_json::value::to_raw_value(value).map_err(wrong)?)))
            .collect::<Result<_, BundleError>>()?;
        let mut members = members(manifest)?;
        members.extend(new.iter().map(|(name, value)| (Cow::from(*name), &**value)));
        let mut bytes = serde_json::to_vec_pretty(&members).map_err(wrong)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// It is not of the format.
    pub fn read(bytes: &[u8]) -> Result<Self, BundleError> {
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let manifest: Self = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| BundleError::format(FILE, format!("`{}`: {}", error.path(), error.inner())))?;
        manifest.check().map_err(|message| BundleError::format(FILE, message))?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        if self.schema_version != SCHEMA_VERSION {
            return Err(format!(
                "`schema_version` is {}, this program reads {SCHEMA_VERSION}",
                self.schema_version
            ));
        }
        let Calibration { temperature, bias, per_window, free_windows } = self.calibration;
        let finite = [temperature, bias, per_window, free_windows].into_iter().all(f64::is_finite);
        if !(finite && temperature > 0.0 && per_window >= 0.0 && free_windows >= 1.0) {
            let least = "`temperature` above 0, `per_window` at least 0, `free_windows` at least 1";
            return Err(format!("`calibration` must be finite, {least}"));
        }
        if self.golden.is_empty() {
            return Err("`golden` is empty: nothing shows that the model computes what it should".to_owned());
        }
        for name in [&self.name, &self.version] {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._+".contains(c);
            if name.is_empty() || name.len() > 100 || !name.chars().all(plain) {
                return Err(
                    "`name` and `version` are 1 to 100 letters, digits, `-`, `.`, `_` or `+`".to_owned()
                );
            }
            // They are directories of a store.
            if [".", ".."].contains(&name.as_str()) {
                return Err("`name` and `version` cannot be `.` or `..`".to_owned());
            }
        }
        Ok(())
    }
}

impl Calibration {
    /// Returns the probability that the highest logit of so many windows stands for.
    #[must_use]
    pub fn probability(&self, logit: f32, windows: usize) -> f64 {
        let windows = u32::try_from(windows.max(1)).map_or(f64::MAX, f64::from);
        let logit = f64::from(logit) - self.per_window * (windows / self.free_windows).max(1.0).ln();
        1.0 / (1.0 + (-(logit - self.bias) / self.temperature).exp())
    }
}

fn one() -> f64 {
    1.0
}

type Members<'m> = BTreeMap<Cow<'m, str>, &'m RawValue>;

/// Returns the members of a manifest by name, their values as they stand: no number is read, none is rounded.
fn members(manifest: &[u8]) -> Result<Members<'_>, BundleError> {
    serde_json::from_slice(manifest).map_err(|error| BundleError::format(FILE, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"{"b": [0.1, 1e-7, {}], "a": {"z": "\u00e9\n", "y": null}, "signature": null}"#;

    #[test]
    fn a_signature_is_over_everything_but_itself() {
        let message = Manifest::signed_message(MANIFEST.as_bytes()).unwrap();
        let signature = Signature {
            key_id: "k".to_owned(),
            algorithm: "ECDSA_SHA_256".to_owned(),
            value: "AA==".to_owned(),
        };
        let signed = Manifest::with_signature(MANIFEST.as_bytes(), &signature).unwrap();
        assert_eq!(Manifest::signed_message(&signed).unwrap(), message);
        let read: serde_json::Value = serde_json::from_slice(&signed).unwrap();
        assert_eq!((&read["signature"]["key_id"], &read["b"][1]), (&"k".into(), &1e-7.into()));
        for (from, to) in [("0.1", "0.10"), ("null}", "1}"), ("\"a\"", "\"c\"")] {
            let changed = MANIFEST.replacen(from, to, 1);
            assert_ne!(Manifest::signed_message(changed.as_bytes()).unwrap(), message, "{changed}");
        }
        assert!(Manifest::signed_message(b"[]").is_err());
    }
}
