//! `manifest.json`: which files belong together, how a logit becomes a probability, and what the model must compute.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::BundleError;

/// The manifest's file name.
pub(crate) const FILE: &str = "manifest.json";
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
    pub(crate) golden: Vec<Golden>,
}

/// From logit to probability: `sigmoid((logit - bias) / temperature)`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Calibration {
    /// Its softness, above 0.
    pub temperature: f64,
    /// The logit of an even chance.
    pub bias: f64,
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
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, BundleError> {
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
        let Calibration { temperature, bias } = self.calibration;
        if !(temperature.is_finite() && temperature > 0.0 && bias.is_finite()) {
            return Err("`calibration` must be finite, its temperature above 0".to_owned());
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
        }
        Ok(())
    }
}

impl Calibration {
    /// Returns the probability that a logit stands for.
    #[must_use]
    pub fn probability(&self, logit: f32) -> f64 {
        1.0 / (1.0 + (-(f64::from(logit) - self.bias) / self.temperature).exp())
    }
}
