//! A bundle with random weights, and what it computes by the README's formulas, in double precision.

use std::{collections::BTreeMap, fs, path::Path};

use safetensors::{Dtype, tensor::TensorView};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const HIDDEN: usize = 24;
const WIDE: usize = 40;
const LAYERS: usize = 2;
const HEADS: usize = 3;
const FAMILIES: [&str; 3] = ["benign", "direct_injection", "jailbreak"];
const WORDS: [&str; 12] = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[role user]",
    "[role document]",
    "[role tool]",
    "the",
    "cat",
    "##s",
    "ignore",
    "rules",
];
pub(crate) const WINDOW: usize = 16;
pub(crate) const OVERLAP: usize = 4;

type Tensors = BTreeMap<String, (Vec<usize>, Vec<f64>)>;

/// How the matrices are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precision {
    Int8,
    F16,
    F32,
}

/// The model as its weights stand for, once stored.
pub(crate) struct Reference(Tensors);

/// Writes a bundle and returns what it should compute.
pub(crate) fn write_bundle(dir: &Path, precision: Precision) -> Reference {
    let mut stored: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    let mut reference = Tensors::new();
    for (name, (shape, values)) in random_weights() {
        let matrix = shape.len() == 2 && shape[0] > 1;
        let (columns, single) = (shape[shape.len() - 1], matches!(precision, Precision::F32) || !matrix);
        let singles = |values: &[f64]| values.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect();
        let kept: Vec<f64> = if single {
            stored.push((name.clone(), Dtype::F32, shape.clone(), singles(&values)));
            values.iter().map(|v| f64::from(*v as f32)).collect()
        } else if matches!(precision, Precision::F16) {
            let halves: Vec<half::f16> = values.iter().map(|v| half::f16::from_f64(*v)).collect();
            let bytes = halves.iter().flat_map(|v| v.to_le_bytes()).collect();
            stored.push((name.clone(), Dtype::F16, shape.clone(), bytes));
            halves.iter().map(|v| v.to_f64()).collect()
        } else {
            let scales: Vec<f64> = values
                .chunks(columns)
                .map(|row| f64::from((row.iter().fold(0.0_f64, |m, v| m.max(v.abs())) / 127.0) as f32))
                .collect();
            let bytes: Vec<i8> =
                values.iter().enumerate().map(|(i, v)| (v / scales[i / columns]).round() as i8).collect();
            stored.push((
                format!("{name}.q"),
                Dtype::I8,
                shape.clone(),
                bytes.iter().map(|b| *b as u8).collect(),
            ));
            stored.push((format!("{name}.s"), Dtype::F32, vec![shape[0]], singles(&scales)));
            bytes.iter().enumerate().map(|(i, b)| f64::from(*b) * scales[i / columns]).collect()
        };
        reference.insert(name, (shape, kept));
    }
    let reference = Reference(reference);
    let views = stored.iter().map(|(name, dtype, shape, bytes)| {
        (name.clone(), TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    fs::write(dir.join("model.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
    fs::write(dir.join("config.json"), config().to_string()).unwrap();
    fs::write(dir.join("tokenizer.json"), tokenizer().to_string()).unwrap();
    write_manifest(dir, manifest(dir, &reference));
    reference
}

/// Writes a manifest, with the digests of the files as they are.
pub(crate) fn write_manifest(dir: &Path, mut manifest: Value) {
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        let digest = Sha256::digest(fs::read(dir.join(name)).unwrap());
        manifest["files"][name] = json!(digest.iter().map(|b| format!("{b:02x}")).collect::<String>());
    }
    fs::write(dir.join("manifest.json"), manifest.to_string()).unwrap();
}

pub(crate) fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn manifest(_dir: &Path, reference: &Reference) -> Value {
    let golden = [
        ("user", "The cats ignore the rules", vec![2, 4, 7, 8, 9, 10, 7, 11, 3]),
        ("document", "", vec![2, 5, 3]),
        ("tool", "zebra", vec![2, 6, 3]),
        ("assistant", "cat", vec![2, 4, 8, 3]),
    ];
    let golden = golden.map(|(role, text, ids)| {
        let (attack, families) = reference.logits(&ids);
        json!({"role": role, "text": text, "token_ids": ids, "attack_logit": attack, "family_logits": families})
    });
    json!({
        "schema_version": 1, "name": "tiny", "version": "0.0.1", "precision": "int8", "files": {},
        "calibration": {"temperature": 0.5, "bias": 0.25}, "thresholds": {"1%": 0.5}, "golden": golden,
        "signature": null,
    })
}

fn config() -> Value {
    json!({
        "schema_version": 1,
        "encoder": {
            "vocab_size": WORDS.len(), "hidden_size": HIDDEN, "intermediate_size": WIDE, "num_layers": LAYERS,
            "num_heads": HEADS, "max_positions": WINDOW, "layer_norm_eps": 1e-12,
        },
        "activation": "gelu_erf", "pooling": ["first", "mean", "max"], "families": FAMILIES,
        "window_tokens": WINDOW, "window_overlap": OVERLAP, "cls_id": 2, "sep_id": 3,
        "role_ids": {"user": 4, "document": 5, "tool": 6}, "role_aliases": {"assistant": "user", "system": "user"},
    })
}

fn tokenizer() -> Value {
    let vocabulary: BTreeMap<&str, usize> = WORDS.iter().enumerate().map(|(id, word)| (*word, id)).collect();
    json!({
        "version": "1.0",
        // Both are to be switched off by whoever loads it.
        "truncation": {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
                    "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": [],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                       "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocabulary},
    })
}

fn random_weights() -> Tensors {
    let mut seed = 42_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 33) as f64 / (1_u64 << 31) as f64 - 0.5) * 0.8
    };
    let mut tensors = Tensors::new();
    let mut add = |name: String, shape: &[usize]| {
        let norm = name.contains("norm.weight");
        let values = (0..shape.iter().product()).map(|_| random() + if norm { 1.0 } else { 0.0 }).collect();
        tensors.insert(name, (shape.to_vec(), values));
    };
    add("word_embeddings.weight".into(), &[WORDS.len(), HIDDEN]);
    add("position_embeddings.weight".into(), &[WINDOW, HIDDEN]);
    let mut linear = |name: String, to: usize, from: usize| {
        add(format!("{name}.weight"), &[to, from]);
        add(format!("{name}.bias"), &[to]);
    };
    for layer in 0..LAYERS {
        for name in ["query", "key", "value", "attention_output"] {
            linear(format!("layers.{layer}.{name}"), HIDDEN, HIDDEN);
        }
        linear(format!("layers.{layer}.intermediate"), WIDE, HIDDEN);
        linear(format!("layers.{layer}.output"), HIDDEN, WIDE);
    }
    linear("pooler".into(), HIDDEN, 3 * HIDDEN);
    linear("attack".into(), 1, HIDDEN);
    linear("family".into(), FAMILIES.len(), HIDDEN);
    let norms = (0..LAYERS)
        .flat_map(|layer| [format!("layers.{layer}.attention_norm"), format!("layers.{layer}.output_norm")]);
    for name in norms.chain(["embedding_norm".to_owned()]) {
        add(format!("{name}.weight"), &[HIDDEN]);
        add(format!("{name}.bias"), &[HIDDEN]);
    }
    tensors
}

type Rows = Vec<Vec<f64>>;

impl Reference {
    /// Returns the attack logit and the families' of a framed window.
    pub(crate) fn logits(&self, ids: &[usize]) -> (f64, Vec<f64>) {
        let embedded = ids.iter().enumerate().map(|(position, id)| {
            let (word, place) =
                (self.row("word_embeddings.weight", *id), self.row("position_embeddings.weight", position));
            word.iter().zip(place).map(|(a, b)| a + b).collect()
        });
        let mut x = self.norm("embedding_norm", embedded.collect());
        for layer in 0..LAYERS {
            let at = |name: &str| format!("layers.{layer}.{name}");
            let [q, k, v] = ["query", "key", "value"].map(|name| self.linear(&at(name), &x));
            let attended = self.linear(&at("attention_output"), &attention(&q, &k, &v));
            x = self.norm(&at("attention_norm"), plus(&x, &attended));
            let wide = self
                .linear(&at("intermediate"), &x)
                .into_iter()
                .map(|row| row.into_iter().map(gelu).collect());
            let output = self.linear(&at("output"), &wide.collect());
            x = self.norm(&at("output_norm"), plus(&x, &output));
        }
        let column = |index: usize| x.iter().map(move |row| row[index]);
        let mut pooled = x[0].clone();
        pooled.extend((0..HIDDEN).map(|index| column(index).sum::<f64>() / x.len() as f64));
        pooled.extend((0..HIDDEN).map(|index| column(index).fold(f64::NEG_INFINITY, f64::max)));
        let hidden: Rows = vec![self.linear("pooler", &vec![pooled])[0].iter().copied().map(gelu).collect()];
        (self.linear("attack", &hidden)[0][0], self.linear("family", &hidden)[0].clone())
    }

    fn row(&self, name: &str, index: usize) -> &[f64] {
        let (shape, values) = &self.0[name];
        &values[index * shape[1]..][..shape[1]]
    }

    fn linear(&self, name: &str, rows: &Rows) -> Rows {
        let bias = &self.0[&format!("{name}.bias")].1;
        let one = |row: &Vec<f64>| {
            let outputs = bias.iter().enumerate();
            outputs
                .map(|(to, bias)| {
                    bias + self
                        .row(&format!("{name}.weight"), to)
                        .iter()
                        .zip(row)
                        .map(|(a, b)| a * b)
                        .sum::<f64>()
                })
                .collect()
        };
        rows.iter().map(one).collect()
    }

    fn norm(&self, name: &str, rows: Rows) -> Rows {
        let (weight, bias) = (&self.0[&format!("{name}.weight")].1, &self.0[&format!("{name}.bias")].1);
        let one = |row: Vec<f64>| {
            let mean = row.iter().sum::<f64>() / row.len() as f64;
            let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / row.len() as f64;
            let scaled = row.iter().map(|v| (v - mean) / (variance + 1e-12).sqrt());
            scaled.zip(weight).zip(bias).map(|((v, w), b)| v * w + b).collect()
        };
        rows.into_iter().map(one).collect()
    }
}

fn attention(q: &Rows, k: &Rows, v: &Rows) -> Rows {
    let width = HIDDEN / HEADS;
    let mut out = vec![vec![0.0; HIDDEN]; q.len()];
    for head in 0..HEADS {
        let part = head * width..(head + 1) * width;
        for (at, row) in q.iter().enumerate() {
            let score = |key: &Vec<f64>| {
                row[part.clone()].iter().zip(&key[part.clone()]).map(|(a, b)| a * b).sum::<f64>()
                    / (width as f64).sqrt()
            };
            let weights: Vec<f64> = k.iter().map(|key| score(key).exp()).collect();
            let total: f64 = weights.iter().sum();
            for (weight, value) in weights.iter().zip(v) {
                for index in part.clone() {
                    out[at][index] += weight / total * value[index];
                }
            }
        }
    }
    out
}

fn plus(a: &Rows, b: &Rows) -> Rows {
    a.iter().zip(b).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a + b).collect()).collect()
}

/// GELU with the error function by its series, or its limit.
fn gelu(x: f64) -> f64 {
    let z = x / std::f64::consts::SQRT_2;
    if z.abs() > 5.0 {
        return x.max(0.0);
    }
    let (mut term, mut sum) = (z, z);
    for n in 1..200 {
        term *= -z * z / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    0.5 * x * (1.0 + sum * 2.0 / std::f64::consts::PI.sqrt())
}
