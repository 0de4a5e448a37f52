//! `llm-shield model pack|push|pull|promote|list|verify` as a user meets them, on the bundle that comes with the program.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use program::{Directory, PROGRAM};

const BUNDLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../classifier/model");
const NAME: &str = "llm-shield-injection";

struct Workplace(Directory);

impl Workplace {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Runs `llm-shield model …`; returns its exit code and what it wrote.
    fn model(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = Command::new(PROGRAM)
            .arg("model")
            .args(arguments)
            .env("LLM_SHIELD_DATA_DIR", self.path("data"))
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    fn done(&self, arguments: &[&str]) -> String {
        let (code, out, error) = self.model(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {out}{error}");
        out
    }

    fn refused(&self, arguments: &[&str], code: i32, word: &str) {
        let (found, out, error) = self.model(arguments);
        assert_eq!(found, Some(code), "{arguments:?}: {out}{error}");
        assert!((out + &error).contains(word), "{arguments:?} does not say `{word}`");
    }

    /// Packs the bundle as a version, signed; the key is made with the first one.
    fn pack(&self, version: &str) -> String {
        let (out, key) = (self.text(version), self.text("key.pem"));
        self.done(&[
            "pack",
            BUNDLE,
            "--out",
            &out,
            "--model-version",
            version,
            "--sign-with",
            "models",
            "--public-key",
            &key,
        ]);
        out
    }
}

#[test]
fn from_packing_to_rolling_back() {
    let work = Workplace(Directory::new());
    let (one, two, store) = (work.pack("1.0.0"), work.pack("1.1.0"), work.text("store"));
    let store = ["--store", &store];
    let with_store =
        |arguments: &[&'static str]| -> String { work.done(&[arguments, store.as_slice()].concat()) };

    assert!(work.done(&[&["push", one.as_str()], store.as_slice()].concat()).contains("1.0.0 pushed"));
    assert!(work.done(&[&["push", one.as_str()], store.as_slice()].concat()).contains("is there already"));
    work.refused(&[&["promote", NAME, "1.1.0"], store.as_slice()].concat(), 2, "no such version");
    work.refused(&[&["promote", NAME, "1.0.0", "--shadow"], store.as_slice()].concat(), 2, "promote one");
    assert!(with_store(&["promote", NAME, "1.0.0"]).contains("1.0.0 decides"));
    work.refused(&[&["promote", NAME, "--rollback"], store.as_slice()].concat(), 2, "before the current one");

    work.done(&[&["push", two.as_str()], store.as_slice()].concat());
    assert!(with_store(&["promote", NAME, "1.1.0", "--percent", "5"]).contains("tried on 5 %"));
    assert!(with_store(&["list"]).contains("1.1.0  on trial"));
    assert!(!with_store(&["promote", NAME, "--end-trial"]).contains("tried"));
    assert!(with_store(&["promote", NAME, "1.1.0"]).contains("1.0.0 is what a rollback goes to"));
    assert!(with_store(&["promote", NAME, "--rollback"]).contains("1.0.0 decides"));

    // What was pulled is the promoted version, checked.
    let (key, out) = (work.text("key.pem"), work.text("out"));
    let pull = ["pull", NAME, "--out", &out];
    let dir = work.done(&[&pull, ["--public-key", &key].as_slice(), store.as_slice()].concat());
    assert!(dir.contains("1.0.0-"), "{dir}");
    work.done(&["verify", dir.trim()]);
    work.refused(&[pull.as_slice(), store.as_slice()].concat(), 2, "--public-key");

    // A version is never written over, and a bundle that is not whole is not written at all.
    fs::write(Path::new(&one).join("MODEL_CARD.md"), "Another card").unwrap();
    work.refused(&[&["push", one.as_str()], store.as_slice()].concat(), 2, "MODEL_CARD.md");
    work.done(&["pack", &one]);
    work.refused(&[&["push", one.as_str()], store.as_slice()].concat(), 2, "never changed");
}

#[test]
fn nobody_elses_bundle() {
    let work = Workplace(Directory::new());
    let (bundle, store) = (work.pack("1.0.0"), work.text("store"));
    work.done(&["push", &bundle, "--store", &store]);
    let other = work.text("other.pem");
    work.done(&["pack", BUNDLE, "--out", &work.text("x"), "--sign-with", "others", "--public-key", &other]);
    let pull = |key: &str| {
        [
            "pull",
            "llm-shield-injection@1.0.0",
            "--out",
            &work.text("out"),
            "--store",
            &store,
            "--public-key",
            key,
        ]
        .map(str::to_owned)
        .to_vec()
    };
    let refused = |key: &str, word: &str| {
        let arguments = pull(key);
        work.refused(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), 2, word);
    };
    refused(&other, "none of the trusted keys");

    // The manifest says what every byte must be, and the signature what the manifest must be.
    let stored = Path::new(&store).join("models").join(NAME).join("1.0.0");
    let manifest = find(&stored, "manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replacen("\"temperature\"", "\"temperature\" ", 1)).unwrap();
    let key = work.text("key.pem");
    refused(&key, "manifest");
    fs::write(&manifest, &text).unwrap();
    let weights = find(&stored, "model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&weights, bytes).unwrap();
    refused(&key, "model.safetensors");
    assert!(!Path::new(&work.text("out")).join(NAME).read_dir().unwrap().any(|_| true), "nothing is kept");
}

#[test]
fn verification_says_who_signed() {
    let work = Workplace(Directory::new());
    let (bundle, key, other) = (work.pack("1.0.0"), work.text("key.pem"), work.text("other.pem"));
    work.done(&["pack", BUNDLE, "--out", &work.text("x"), "--sign-with", "others", "--public-key", &other]);
    assert!(work.done(&["verify", &bundle]).contains("signed by `models`, signature not checked"));
    assert!(work.done(&["verify", &bundle, "--public-key", &key]).ends_with("signed by `models`\n"));
    work.refused(&["verify", &bundle, "--public-key", &other], 1, "none of the trusted keys");

    // What no digest names is the signature's to keep.
    let manifest = Path::new(&bundle).join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replacen("\"thresholds\": {", "\"thresholds\": {\"9%\": 0.5,", 1)).unwrap();
    assert_ne!(fs::read_to_string(&manifest).unwrap(), text);
    work.refused(&["verify", &bundle, "--public-key", &key], 1, "the manifest was changed");

    let unsigned = work.text("unsigned");
    work.done(&["pack", BUNDLE, "--out", &unsigned]);
    assert!(work.done(&["verify", &unsigned]).ends_with("unsigned\n"));
    work.refused(&["verify", &unsigned, "--public-key", &key], 1, "not signed");
    let verified = work.done(&["verify", &unsigned, "--public-key", &key, "--allow-unsigned"]);
    assert!(verified.ends_with("unsigned\n"), "{verified}");
}

/// Copies the bundle to a directory, as a version whose model computes something else than its manifest says.
fn write_wrong(dir: &Path, version: &str) {
    fs::create_dir_all(dir).unwrap();
    for entry in Path::new(BUNDLE).read_dir().unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.join(entry.file_name())).unwrap();
    }
    let manifest = dir.join("manifest.json");
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    json["version"] = version.into();
    json["golden"][0]["attack_logit"] = 1e3.into();
    fs::write(manifest, json.to_string()).unwrap();
}

#[test]
fn what_no_server_loads_is_not_packed_pushed_or_promoted() {
    let work = Workplace(Directory::new());
    let (good, store, wrong) = (work.pack("1.0.0"), work.text("store"), work.text("wrong"));
    write_wrong(Path::new(&wrong), "1.1.0");
    let manifest = || fs::read(Path::new(&wrong).join("manifest.json")).unwrap();
    let before = manifest();
    work.refused(&["pack", &wrong, "--out", &work.text("packed")], 2, "cannot be served");
    assert!(!work.path("packed").exists());
    work.refused(&["pack", &wrong, "--model-version", "1.2.0"], 2, "cannot be served");
    assert_eq!(manifest(), before);
    assert_eq!(Path::new(&wrong).read_dir().unwrap().count(), Path::new(BUNDLE).read_dir().unwrap().count());
    work.refused(&["pack", BUNDLE, "--out", &wrong, "--model-version", ".."], 2, "cannot be `.`");

    work.refused(&["push", &wrong, "--store", &store], 2, "golden");
    work.done(&["push", &good, "--store", &store]);
    work.done(&["promote", NAME, "1.0.0", "--store", &store, "--public-key", &work.text("key.pem")]);
    // However it came there.
    write_wrong(&Path::new(&store).join("models").join(NAME).join("1.1.0"), "1.1.0");
    work.refused(&["promote", NAME, "1.1.0", "--store", &store], 2, "golden");
    let arguments = ["promote", NAME, "1.1.0", "--store", &store, "--public-key", &work.text("key.pem")];
    work.refused(&arguments, 2, "not signed");
    work.refused(&["promote", NAME, "--rollback", "--store", &store], 2, "before the current one");
}

#[test]
fn a_store_that_is_not_there_is_not_made_by_reading() {
    let work = Workplace(Directory::new());
    let nowhere = work.text("nowhere");
    work.refused(&["list", "--store", &nowhere], 2, "no model store");
    work.refused(&["promote", NAME, "1.0.0", "--store", &nowhere], 2, "no model store");
    assert!(!work.path("nowhere").exists());

    // The store that is pushed to is the one that is listed.
    work.done(&["list"]);
    assert!(!work.path("data").exists());
    work.done(&["push", &work.pack("7.0.0")]);
    assert!(work.done(&["list"]).contains("@7.0.0\n"));
}

/// Finds an object's file in a directory store, whatever it keeps beside it.
fn find(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    assert!(path.is_file(), "the store lays objects out differently: {}", path.display());
    path
}
