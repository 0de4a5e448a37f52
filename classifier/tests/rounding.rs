//! What it costs that the encoder rounds to eight bits: the default model on texts that people wrote.

use std::{fs, path::Path};

use llm_shield_classifier::{Bundle, Classifier, Options, Role};
use serde::Deserialize;

/// Every so many of the texts is scored.
const STRIDE: usize = 60;
/// Longer ones are left out for the time that they take.
const LONGEST: usize = 600;

#[derive(Deserialize)]
struct Text {
    text: String,
    role: String,
    label: u8,
}

impl Text {
    fn role(&self) -> Role {
        match &*self.role {
            "document" => Role::Document,
            "tool" => Role::Tool,
            _ => Role::User,
        }
    }
}

#[expect(clippy::unwrap_used, reason = "only the test calls it")]
fn texts() -> Vec<Text> {
    let written = Path::new(env!("CARGO_MANIFEST_DIR")).join("training/data/written");
    let mut files: Vec<_> = fs::read_dir(written).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |line: &str| serde_json::from_str::<Text>(line).unwrap();
    files
        .iter()
        .flat_map(|file| {
            fs::read_to_string(file).unwrap().lines().step_by(STRIDE).map(read).collect::<Vec<_>>()
        })
        .filter(|text| text.text.len() <= LONGEST)
        .collect()
}

/// The share of pairs, an attack and a harmless text, that scores tell apart (half of those that tie).
fn auc(texts: &[Text], scores: &[f64]) -> f64 {
    let of = |attack: bool| texts.iter().zip(scores).filter(move |(text, _)| (text.label == 1) == attack);
    let (mut right, mut pairs) = (0.0, 0.0);
    for (_, attack) in of(true) {
        for (_, harmless) in of(false) {
            right += match attack.total_cmp(harmless) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
            pairs += 1.0;
        }
    }
    right / pairs
}

#[test]
fn rounding_to_eight_bits_costs_next_to_nothing() {
    let bundle = Bundle::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("model")).unwrap();
    let texts = texts();
    let scores = |fine: bool| -> Vec<f64> {
        let mut options = Options::default();
        options.fine = fine;
        let classifier = Classifier::load(&bundle, &options).unwrap();
        let score =
            |text: &Text| f64::from(classifier.score(&text.text, text.role(), &|| false).unwrap().logit);
        texts.iter().map(score).collect()
    };
    let (fast, fine) = (scores(false), scores(true));
    let moved: Vec<f64> = fast.iter().zip(&fine).map(|(fast, fine)| (fast - fine).abs()).collect();
    let mean = moved.iter().sum::<f64>() / moved.len() as f64;
    let most = moved.iter().copied().fold(0.0, f64::max);
    let (fast, fine) = (auc(&texts, &fast), auc(&texts, &fine));
    eprintln!(
        "{} texts: logits moved by {mean:.3}, {most:.3} at most; AUC {fine:.4} -> {fast:.4}",
        texts.len()
    );
    assert!(mean < 0.1 && most < 1.0, "logits moved by {mean} on average, {most} at most");
    assert!(fast > fine - 0.005, "AUC fell from {fine} to {fast}");
}
