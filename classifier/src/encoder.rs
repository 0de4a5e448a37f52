//! The encoder and its heads: BERT with the norm behind, for one window without padding.

use candle_core::{Device, Tensor};

use crate::{
    attention::Attention,
    bytes::Rounding,
    config::Config,
    error::{BundleError, ScoreError},
    math::{self, Norm},
    ops::{FeedForward, ResidualNorm},
    product::Product,
    weights::{Matrix, Weights},
};

/// Asked now and then whether the answer is still wanted.
pub(crate) type Stop<'s> = &'s (dyn Fn() -> bool + Sync);

pub(crate) struct Encoder {
    words: Matrix,
    positions: Matrix,
    norm: Norm,
    layers: Vec<Layer>,
    pooler: Dense,
    attack: Dense,
    family: Dense,
    hidden: usize,
    heads: usize,
}

/// What the heads make of a window.
#[derive(Clone, Debug)]
pub(crate) struct Logits {
    pub(crate) attack: f32,
    pub(crate) families: Vec<f32>,
}

struct Layer {
    /// Query, key and value in one.
    attend: Product,
    attended: Product,
    attention_norm: Norm,
    widen: Product,
    narrow: Product,
    output_norm: Norm,
}

/// A linear layer for one vector.
struct Dense {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Encoder {
    pub(crate) fn read(config: &Config, weights: &[u8]) -> Result<Self, BundleError> {
        let weights = Weights::read(weights)?;
        let sizes = &config.encoder;
        let (hidden, wide) = (sizes.hidden_size, sizes.intermediate_size);
        let norm = |name: &str| {
            Ok::<_, BundleError>(Norm {
                weight: weights.vector(&format!("{name}.weight"), hidden)?,
                bias: weights.vector(&format!("{name}.bias"), hidden)?,
                epsilon: sizes.layer_norm_eps,
            })
        };
        let linear = |name: &str, from: usize, to: usize| {
            let (weight, bias) = weights.linear(name, from, to)?;
            Ok::<_, BundleError>(Product::new(&weight, bias))
        };
        let attend = |at: &str| {
            let (mut weight, mut bias) = weights.linear(&format!("{at}.query"), hidden, hidden)?;
            for name in ["key", "value"] {
                let (own, own_bias) = weights.linear(&format!("{at}.{name}"), hidden, hidden)?;
                weight.append(own);
                bias.extend(own_bias);
            }
            Ok::<_, BundleError>(Product::new(&weight, bias))
        };
        let layer = |index: usize| {
            let at = format!("layers.{index}");
            Ok::<_, BundleError>(Layer {
                attend: attend(&at)?,
                attended: linear(&format!("{at}.attention_output"), hidden, hidden)?,
                attention_norm: norm(&format!("{at}.attention_norm"))?,
                widen: linear(&format!("{at}.intermediate"), hidden, wide)?,
                narrow: linear(&format!("{at}.output"), wide, hidden)?,
                output_norm: norm(&format!("{at}.output_norm"))?,
            })
        };
        let dense = |name: &str, from: usize, to: usize| {
            let (weight, bias) = weights.linear(name, from, to)?;
            Ok::<_, BundleError>(Dense { weight: weight.wide(), bias })
        };
        Ok(Self {
            words: weights.matrix("word_embeddings.weight", sizes.vocab_size, hidden)?,
            positions: weights.matrix("position_embeddings.weight", sizes.max_positions, hidden)?,
            norm: norm("embedding_norm")?,
            layers: (0..sizes.num_layers).map(layer).collect::<Result<_, _>>()?,
            pooler: dense("pooler", 3 * hidden, hidden)?,
            attack: dense("attack", hidden, 1)?,
            family: dense("family", hidden, config.families.len())?,
            hidden,
            heads: sizes.num_heads,
        })
    }

    /// Returns what the heads make of a framed window.
    pub(crate) fn run(&self, ids: &[u32], rounding: Rounding, stop: Stop<'_>) -> Result<Logits, ScoreError> {
        let mut x = self.embed(ids)?;
        for layer in &self.layers {
            if stop() {
                return Err(ScoreError::Stopped);
            }
            x = layer.run(&x, self.heads, rounding)?;
        }
        let pooled = pool(&x.flatten_all()?.to_vec1::<f32>()?, self.hidden);
        let mut hidden = self.pooler.apply(&pooled);
        math::gelu_all(&mut hidden);
        let attack = self.attack.apply(&hidden).first().copied().unwrap_or(f32::NAN);
        if !attack.is_finite() {
            return Err(ScoreError::Encoder("the logit is not finite".to_owned()));
        }
        Ok(Logits { attack, families: self.family.apply(&hidden) })
    }

    /// Says whether products are in whole numbers, so that what enters them is rounded.
    pub(crate) fn rounds(&self) -> bool {
        self.layers.iter().any(|layer| layer.widen.rounds())
    }

    fn embed(&self, ids: &[u32]) -> Result<Tensor, ScoreError> {
        let mut x = vec![0.0; ids.len() * self.hidden];
        for (position, (row, id)) in x.chunks_exact_mut(self.hidden).zip(ids).enumerate() {
            let known = usize::try_from(*id).is_ok_and(|id| self.words.add(id, row));
            if !(known && self.positions.add(position, row)) {
                return Err(ScoreError::Encoder("a token or its position is not the model's".to_owned()));
            }
        }
        math::normalise(&mut x, &self.norm);
        Ok(Tensor::from_vec(x, (ids.len(), self.hidden), &Device::Cpu)?)
    }
}

impl Layer {
    fn run(&self, x: &Tensor, heads: usize, rounding: Rounding) -> candle_core::Result<Tensor> {
        let seen = x.apply_op1_no_bwd(&Attention { attend: &self.attend, heads, rounding })?;
        let attended = self.attended.apply(&seen, rounding)?;
        attended.inplace_op2(x, &ResidualNorm(&self.attention_norm))?;
        let feed = FeedForward { widen: &self.widen, narrow: &self.narrow, rounding };
        let output = attended.apply_op1_no_bwd(&feed)?;
        output.inplace_op2(&attended, &ResidualNorm(&self.output_norm))?;
        Ok(output)
    }
}

impl Dense {
    fn apply(&self, input: &[f32]) -> Vec<f32> {
        let mut output = self.bias.clone();
        math::matrix_vector(&self.weight, input, &mut output);
        output
    }
}

/// Returns the first row, the mean and the highest of each column.
fn pool(rows: &[f32], hidden: usize) -> Vec<f32> {
    let first = rows.get(..hidden).unwrap_or_default();
    let mut sum = vec![0.0_f32; hidden];
    let mut most = vec![f32::NEG_INFINITY; hidden];
    for row in rows.chunks_exact(hidden) {
        for ((sum, most), value) in sum.iter_mut().zip(&mut most).zip(row) {
            *sum += value;
            *most = most.max(*value);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a window is some hundred tokens")]
    let share = (hidden as f32) / (rows.len() as f32);
    first.iter().copied().chain(sum.iter().map(|sum| sum * share)).chain(most).collect()
}
