//! `config.json`: the encoder's sizes and the input format.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{classifier::Role, error::BundleError};

/// The file's name.
pub(crate) const FILE: &str = "config.json";
/// Tokens of a window that are not the text's: `[CLS]`, role, `[SEP]`.
pub(crate) const FRAME: usize = 3;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Config {
    pub(crate) encoder: EncoderConfig,
    activation: String,
    pooling: Vec<String>,
    pub(crate) families: Vec<String>,
    pub(crate) window_tokens: usize,
    pub(crate) window_overlap: usize,
    pub(crate) cls_id: u32,
    pub(crate) sep_id: u32,
    role_ids: BTreeMap<String, u32>,
    #[serde(default)]
    role_aliases: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct EncoderConfig {
    pub(crate) vocab_size: usize,
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) num_layers: usize,
    pub(crate) num_heads: usize,
    pub(crate) max_positions: usize,
    pub(crate) layer_norm_eps: f32,
}

impl Config {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, BundleError> {
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let config: Self = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| BundleError::format(FILE, format!("`{}`: {}", error.path(), error.inner())))?;
        config.check().map_err(|message| BundleError::format(FILE, message))?;
        Ok(config)
    }

    /// Returns the token id that stands for a role.
    pub(crate) fn role_id(&self, role: Role) -> Option<u32> {
        let name = role.name();
        let name = self.role_aliases.get(name).map_or(name, String::as_str);
        self.role_ids.get(name).copied()
    }

    fn check(&self) -> Result<(), &'static str> {
        let sizes = &self.encoder;
        let heads = sizes.num_heads;
        // Bounds that any model we could serve keeps: a manifest cannot make the loader take all memory.
        let sane = |size: usize, most: usize| (1..=most).contains(&size);
        if !(sane(sizes.vocab_size, 1 << 20)
            && sane(sizes.hidden_size, 1 << 12)
            && sane(sizes.intermediate_size, 1 << 14)
            && sane(sizes.num_layers, 64)
            && sane(heads, 256)
            && sane(sizes.max_positions, 1 << 14))
        {
            return Err("`encoder`: a size is 0 or beyond what is served");
        }
        if !sizes.hidden_size.is_multiple_of(heads) {
            return Err("`encoder.hidden_size` is no multiple of `encoder.num_heads`");
        }
        if !(sizes.layer_norm_eps.is_finite() && sizes.layer_norm_eps > 0.0) {
            return Err("`encoder.layer_norm_eps` must be above 0");
        }
        if self.activation != "gelu_erf" {
            return Err("`activation` must be gelu_erf");
        }
        if self.pooling != ["first", "mean", "max"] {
            return Err("`pooling` must be first, mean, max");
        }
        if self.families.is_empty() {
            return Err("`families` is empty");
        }
        if self.window_tokens > sizes.max_positions {
            return Err("`window_tokens` exceeds `encoder.max_positions`");
        }
        if self.window_tokens <= FRAME || self.window_overlap >= self.window_tokens - FRAME {
            return Err("`window_overlap` leaves no room for new tokens in a window");
        }
        let known = |id: u32| usize::try_from(id).is_ok_and(|id| id < sizes.vocab_size);
        if !(known(self.cls_id) && known(self.sep_id)) {
            return Err("`cls_id` and `sep_id` must be below `encoder.vocab_size`");
        }
        if !Role::ALL.iter().all(|&role| self.role_id(role).is_some_and(known)) {
            return Err("`role_ids` must name an id below `encoder.vocab_size` for each role or its alias");
        }
        Ok(())
    }
}
