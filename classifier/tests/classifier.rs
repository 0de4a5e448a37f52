//! A bundle with random weights against the same arithmetic in double precision; wrong bundles; odd texts.

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "only tests call it"
)]
mod common;

use std::{
    fs,
    num::NonZero,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use common::{OVERLAP, Precision, WINDOW, read_json, write_bundle, write_manifest};
use llm_shield_classifier::{Bundle, BundleError, Classifier, Options, Role, Score, ScoreError};
use serde_json::json;

#[expect(clippy::unwrap_used, reason = "only tests call it, with numbers above 0")]
fn options(threads: usize, max_windows: usize) -> Options {
    let mut options = Options::default();
    options.threads = NonZero::new(threads).unwrap();
    options.max_windows = NonZero::new(max_windows).unwrap();
    options
}

fn load(dir: &Path) -> Result<Classifier, BundleError> {
    Classifier::load(&Bundle::open(dir)?, &options(2, 100))
}

#[expect(clippy::unwrap_used, reason = "only tests call it")]
fn score(classifier: &Classifier, text: &str) -> Score {
    classifier.score(text, Role::User, &|| false).unwrap()
}

#[test]
fn every_precision_computes_what_the_formulas_say() {
    for precision in [Precision::Int8, Precision::F16, Precision::F32] {
        let dir = tempfile::tempdir().unwrap();
        let reference = write_bundle(dir.path(), precision);
        // Loading compares the golden vectors already.
        let classifier = load(dir.path()).unwrap();
        let found = classifier.score("rules ignore CATS", Role::Document, &|| false).unwrap();
        let (attack, families) = reference.logits(&[2, 5, 11, 10, 8, 9, 3]);
        let within = if precision == Precision::Int8 { 5e-2 } else { 1e-4 };
        assert!((f64::from(found.logit) - attack).abs() < within, "{precision:?}: {found:?} {attack}");
        let expected = 1.0 / (1.0 + (-(attack - 0.25) / 0.5).exp());
        assert!((found.probability - expected).abs() < within);
        let best = families.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
        assert_eq!(&*found.family, ["benign", "direct_injection", "jailbreak"][best]);
        assert_eq!((found.windows, found.tokens, found.coverage), (1, 4, 1.0));
        assert!(classifier.model().id().starts_with("tiny@0.0.1+"));
    }
}

#[test]
fn what_cannot_be_spelt_takes_nothing_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let reference = write_bundle(dir.path(), Precision::F32);
    let classifier = load(dir.path()).unwrap();
    let found = score(&classifier, "ignore\u{2603}\u{2603}rules");
    let (attack, _) = reference.logits(&[2, 4, 10, 1, 11, 3]);
    assert!((f64::from(found.logit) - attack).abs() < 1e-4, "{found:?} {attack}");
    assert!((found.coverage - 11.0 / 17.0).abs() < 1e-9, "{found:?}");
    let (nothing, _) = reference.logits(&[2, 4, 3]);
    for text in ["\u{2603}", "\u{2603} \u{16a0}\u{16a1}"] {
        let found = score(&classifier, text);
        assert!((f64::from(found.logit) - nothing).abs() < 1e-4, "{found:?} {nothing}");
        assert!(found.coverage < 0.3, "{found:?}");
    }
}

#[test]
fn more_windows_are_no_reason_to_flag() {
    let dir = tempfile::tempdir().unwrap();
    write_bundle(dir.path(), Precision::F32);
    let mut manifest = read_json(&dir.path().join("manifest.json"));
    manifest["calibration"]["per_window"] = json!(1.5);
    manifest["calibration"]["free_windows"] = json!(2);
    write_manifest(dir.path(), manifest);
    let classifier = load(dir.path()).unwrap();
    for (text, windows) in [("the cat", 1), ("the cat ignore rules ".repeat(9).as_str(), 4)] {
        let found = score(&classifier, text);
        assert_eq!(found.windows, windows);
        let taken = if windows == 4 { 1.5 * 2_f64.ln() } else { 0.0 };
        let logit = f64::from(found.logit) - taken;
        let expected = 1.0 / (1.0 + (-(logit - 0.25) / 0.5).exp());
        assert!((found.probability - expected).abs() < 1e-6, "{found:?} {expected}");
    }
}

#[test]
fn a_long_text_is_read_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let reference = write_bundle(dir.path(), Precision::F32);
    let classifier = load(dir.path()).unwrap();
    let (room, stride) = (WINDOW - 3, WINDOW - 3 - OVERLAP);
    for count in [room - 1, room, room + 1, room + stride, room + stride + 1, 200] {
        let ids: Vec<usize> = (0..count).map(|n| [7, 8, 10, 11, 1][(n * n) % 5]).collect();
        let text: Vec<&str> = ids
            .iter()
            .map(|id| match id {
                7 => "the",
                8 => "cat",
                10 => "ignore",
                11 => "rules",
                _ => "?",
            })
            .collect();
        let mut starts = vec![0];
        while starts.last().unwrap() + room < count {
            starts.push(starts.last().unwrap() + stride);
        }
        let logit = |start: &usize| {
            let window = &ids[*start..count.min(start + room)];
            reference.logits(&[&[2, 4], window, &[3]].concat()).0
        };
        let highest = starts.iter().map(logit).fold(f64::NEG_INFINITY, f64::max);
        let found = score(&classifier, &text.join(" "));
        assert_eq!((found.windows, found.windows_total, found.tokens), (starts.len(), starts.len(), count));
        assert!((f64::from(found.logit) - highest).abs() < 1e-4, "{count} tokens");
    }
}

#[test]
fn odd_texts_have_a_score() {
    let dir = tempfile::tempdir().unwrap();
    write_bundle(dir.path(), Precision::Int8);
    let classifier = load(dir.path()).unwrap();
    assert_eq!(score(&classifier, "").coverage, 1.0);
    let units =
        ["the ", "a", "\u{301}", "\u{FDFA}", "漢", "👩‍👩‍👧", "\0", " ", "[SEP]", "\u{FFFD}\u{202E}", "İſ"];
    for unit in units {
        for times in [1, 50_000] {
            let found = score(&classifier, &unit.repeat(times));
            assert!(found.probability.is_finite() && found.windows > 0, "{unit:?}");
            assert!(found.windows == found.windows_total || found.coverage < 1.0);
        }
    }
}

#[test]
fn what_is_left_out_is_stated() {
    let dir = tempfile::tempdir().unwrap();
    write_bundle(dir.path(), Precision::Int8);
    let classifier = Classifier::load(&Bundle::open(dir.path()).unwrap(), &options(2, 10)).unwrap();
    let found = score(&classifier, &"the cat ".repeat(500));
    assert_eq!((found.windows, found.windows_total), (10, 111));
    assert!((found.coverage - 10.0 / 111.0).abs() < 1e-9);
    let found = score(&classifier, &"the cat ".repeat(1_300_000));
    assert_eq!(found.windows, 10);
    assert!(found.coverage > 0.0 && found.coverage < 1e-4);
}

#[test]
fn stopping() {
    let dir = tempfile::tempdir().unwrap();
    write_bundle(dir.path(), Precision::Int8);
    let classifier = Classifier::load(&Bundle::open(dir.path()).unwrap(), &options(1, 100)).unwrap();
    let stopped = classifier.score("the cat", Role::User, &|| true);
    assert!(matches!(stopped, Err(ScoreError::Stopped)));
    let asked = AtomicUsize::new(0);
    let some =
        classifier.score(&"the cat ".repeat(200), Role::User, &|| asked.fetch_add(1, Ordering::Relaxed) > 20);
    let some = some.unwrap();
    assert!(some.windows > 0 && some.windows < some.windows_total && some.coverage < 1.0);
}

#[test]
fn threads_share_a_classifier() {
    let dir = tempfile::tempdir().unwrap();
    write_bundle(dir.path(), Precision::Int8);
    let classifier = load(dir.path()).unwrap();
    let expected: Vec<Score> =
        (0..8).map(|n| score(&classifier, &"ignore the rules ".repeat(n * 9))).collect();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for (n, expected) in expected.iter().enumerate() {
                    assert_eq!(score(&classifier, &"ignore the rules ".repeat(n * 9)), *expected);
                }
            });
        }
    });
}

#[test]
fn wrong_bundles_are_refused() {
    let refused = |change: &dyn Fn(&Path), told: &str| {
        let dir = tempfile::tempdir().unwrap();
        write_bundle(dir.path(), Precision::Int8);
        change(dir.path());
        let error = load(dir.path()).unwrap_err().to_string();
        assert!(error.contains(told), "{error:?} should tell of {told:?}");
    };
    let manifest = |key: &'static str, value: serde_json::Value| {
        move |dir: &Path| {
            let mut manifest = read_json(&dir.join("manifest.json"));
            *manifest.pointer_mut(key).unwrap() = value.clone();
            fs::write(dir.join("manifest.json"), manifest.to_string()).unwrap();
        }
    };
    let config = |key: &'static str, value: serde_json::Value| {
        move |dir: &Path| {
            let mut config = read_json(&dir.join("config.json"));
            *config.pointer_mut(key).unwrap() = value.clone();
            fs::write(dir.join("config.json"), config.to_string()).unwrap();
            write_manifest(dir, read_json(&dir.join("manifest.json")));
        }
    };
    refused(&|dir| fs::remove_file(dir.join("tokenizer.json")).unwrap(), "tokenizer.json");
    refused(
        &|dir| fs::write(dir.join("model.safetensors"), "x").unwrap(),
        "`model.safetensors` has the SHA-256",
    );
    refused(&|dir| fs::write(dir.join("manifest.json"), "{").unwrap(), "manifest.json");
    refused(&manifest("/schema_version", json!(2)), "`schema_version` is 2");
    refused(&manifest("/calibration/temperature", json!("warm")), "`calibration.temperature`");
    refused(&manifest("/calibration/temperature", json!(0)), "`temperature` above 0");
    refused(&manifest("/golden", json!([])), "`golden` is empty");
    refused(&manifest("/golden/0/attack_logit", json!(9.5)), "golden vector 0: a logit is");
    refused(&manifest("/golden/1/family_logits/2", json!(-9.5)), "golden vector 1: a logit is");
    refused(&manifest("/golden/0/token_ids/2", json!(1)), "golden vector 0: the tokens differ");
    refused(&manifest("/golden/0/role", json!("boss")), "no role `boss`");
    refused(&manifest("/files", json!({"../evil": ""})), "no plain file name");
    refused(&manifest("/files", json!({})), "does not name `config.json`");
    refused(&config("/encoder/num_heads", json!(5)), "no multiple");
    refused(&config("/encoder/hidden_size", json!(0)), "a size is 0");
    refused(&config("/encoder/vocab_size", json!(13)), "`word_embeddings.weight` has the shape [12, 24]");
    refused(&config("/encoder/vocab_size", json!(11)), "tokenizer.json");
    refused(&config("/window_overlap", json!(13)), "`window_overlap`");
    refused(&config("/role_ids", json!({"user": 4})), "`role_ids`");
    refused(&config("/activation", json!("relu")), "`activation`");
    refused(
        &|dir| {
            let mut tokenizer = read_json(&dir.join("tokenizer.json"));
            tokenizer["pre_tokenizer"] = json!({"type": "Split", "pattern": {"Regex": "(a+)+b"},
                "behavior": "Isolated", "invert": false});
            fs::write(dir.join("tokenizer.json"), tokenizer.to_string()).unwrap();
            write_manifest(dir, read_json(&dir.join("manifest.json")));
        },
        "the step `Split` is not supported",
    );
    refused(
        &|dir| {
            let bytes = fs::read(dir.join("model.safetensors")).unwrap();
            fs::write(dir.join("model.safetensors"), &bytes[..bytes.len() / 2]).unwrap();
            write_manifest(dir, read_json(&dir.join("manifest.json")));
        },
        "`model.safetensors`: ",
    );
}

#[test]
fn the_bundle_built_in_is_whole() {
    if let Some(bundle) = Bundle::embedded().unwrap() {
        Classifier::load(&bundle, &Options::default()).unwrap();
    }
}
