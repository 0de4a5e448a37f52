//! The texts that are measured on.
//!
//! The documents and the code of this repository are always among them, so that anybody can measure. Prompts, documents
//! and personal data as one meets them come from the labelled data, where that is at hand. Peers set the sizes: what
//! takes gitleaks some seconds, and Presidio half a minute.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::shell;

const MIB: usize = 1 << 20;
/// Presidio handles 50 to 100 KB a second.
const FOR_PRESIDIO: usize = 200 << 10;
/// Texts in many languages about the same matters, question by question.
const TRANSLATED: &str = "google-deepmind/xquad";

/// Texts, and what is to be looked for in them.
#[derive(Debug)]
pub(super) struct Corpus {
    pub(super) name: &'static str,
    pub(super) detectors: &'static str,
    path: PathBuf,
}

impl Corpus {
    /// Returns the file with a text a line, as JSON.
    pub(super) fn lines(&self) -> PathBuf {
        self.path.with_extension("jsonl")
    }

    /// Returns the file with all texts one behind the other.
    pub(super) fn text(&self) -> PathBuf {
        self.path.with_extension("txt")
    }
}

/// The texts, not yet written.
#[derive(Debug)]
pub(super) struct Corpora(Vec<(&'static str, &'static str, Vec<String>)>);

impl Corpora {
    pub(super) fn collect(data: &Path) -> Result<Self> {
        let own = repository()?;
        let mut corpora = vec![
            ("documents and code of this repository", "secrets", first(&own, MIB)),
            ("documents and code of this repository, in part", "pii", first(&own, FOR_PRESIDIO)),
        ];
        if !data.is_dir() {
            println!("there is no labelled data in {}: measured on this repository alone", data.display());
            return Ok(Self(corpora));
        }
        let read = |name: &str| texts(&data.join(name));
        let prompts: Vec<String> =
            read("injection/dev.jsonl.gz")?.into_iter().map(|(_, text)| text).collect();
        let credentials: Vec<String> =
            read("secrets/dev.jsonl.gz")?.into_iter().map(|(_, text)| text).collect();
        let personal: Vec<String> = read("pii/dev.jsonl.gz")?.into_iter().map(|(_, text)| text).collect();
        let translated = read("injection/train.jsonl.gz")?;
        let translated = translated.into_iter().filter(|(source, _)| source.starts_with(TRANSLATED));
        let translated = translated.map(|(_, text)| text).collect::<Vec<_>>();
        let english: Vec<String> = translated.iter().filter(|text| text.is_ascii()).cloned().collect();
        let foreign: Vec<String> = translated.into_iter().filter(|text| mostly_not_ascii(text)).collect();
        corpora.extend([
            ("prompts and documents", "secrets", first(&prompts, 4 * MIB)),
            ("texts full of credentials and look-alikes", "secrets", credentials),
            ("texts full of personal data", "pii", first(&personal, FOR_PRESIDIO)),
            ("encyclopedia, ASCII", "pii", first(&english, FOR_PRESIDIO)),
            ("encyclopedia, other scripts", "pii", first(&foreign, FOR_PRESIDIO)),
            ("encyclopedia, ASCII, all detectors", "all", first(&english, FOR_PRESIDIO)),
            ("encyclopedia, other scripts, all detectors", "all", first(&foreign, FOR_PRESIDIO)),
        ]);
        Ok(Self(corpora))
    }

    pub(super) fn write(self, directory: &Path) -> Result<Vec<Corpus>> {
        let mut written = Vec::new();
        for (index, (name, detectors, texts)) in self.0.into_iter().enumerate() {
            ensure!(!texts.is_empty(), "there are no texts for `{name}`");
            let corpus = Corpus { name, detectors, path: directory.join(format!("corpus-{index}")) };
            let lines: String = texts.iter().map(|text| json!({ "text": text }).to_string() + "\n").collect();
            fs::write(corpus.lines(), lines)?;
            fs::write(corpus.text(), texts.join("\n\n"))?;
            written.push(corpus);
        }
        Ok(written)
    }
}

/// Returns what is written by hand here.
fn repository() -> Result<Vec<String>> {
    let listed =
        shell::command("git").args(["ls-files", "-z", "--", "*.md", "*.rs", "*.proto", "*.py"]).output()?;
    let names = String::from_utf8(listed.stdout).context("a file's name is not UTF-8")?;
    let files =
        names.split_terminator('\0').map(|name| shell::root().join(name)).filter(|path| path.is_file());
    files
        .map(|path| fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display())))
        .collect()
}

/// Returns source and text of each case of a compressed file.
fn texts(path: &Path) -> Result<Vec<(String, String)>> {
    let unpacked = Command::new("gzip").arg("-dc").arg(path).output().context("cannot run gzip")?;
    ensure!(unpacked.status.success(), "cannot read {}", path.display());
    let lines = unpacked.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(case).collect::<Result<_>>().with_context(|| format!("{} holds something else", path.display()))
}

fn case(line: &[u8]) -> Result<(String, String)> {
    let case: Value = serde_json::from_slice(line)?;
    let field = |name: &str| case.get(name).and_then(Value::as_str).map(str::to_owned);
    let text = match field("text_x") {
        Some(masked) => {
            let bytes = BASE64_STANDARD.decode(masked)?;
            String::from_utf8(bytes.into_iter().map(|byte| byte ^ 0x5A).collect())?
        }
        None => field("text").context("a case has no text")?,
    };
    Ok((field("source").unwrap_or_default(), text))
}

/// Takes texts up to a size, from all over the list.
fn first(texts: &[String], bytes: usize) -> Vec<String> {
    let total: usize = texts.iter().map(String::len).sum();
    let step = total.div_ceil(bytes).max(1);
    let mut left = bytes;
    let fits = |text: &&String| {
        let fits = text.len() <= left;
        if fits {
            left -= text.len();
        }
        fits
    };
    texts.iter().step_by(step).filter(fits).cloned().collect()
}

fn mostly_not_ascii(text: &str) -> bool {
    let characters = text.chars().count();
    let others = text.chars().filter(|character| !character.is_ascii()).count();
    others * 2 > characters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bounded_and_taken_from_all_over() {
        let texts: Vec<String> =
            (b'a'..=b'z').map(|letter| char::from(letter).to_string().repeat(10)).collect();
        let taken = first(&texts, 100);
        assert!(taken.iter().map(String::len).sum::<usize>() <= 100);
        assert!(taken.last().unwrap().starts_with(|letter| letter > 'u'));
        assert_eq!(first(&texts, 1_000).len(), 26);
    }

    #[test]
    fn masked_and_plain_cases_are_read() {
        assert_eq!(case(br#"{"text_x":"MjM=","source":"s"}"#).unwrap(), ("s".to_owned(), "hi".to_owned()));
        assert_eq!(case(br#"{"text":"hi"}"#).unwrap().1, "hi");
        assert!(case(b"{}").is_err());
    }

    #[test]
    fn scripts_are_told_apart() {
        assert!(mostly_not_ascii("Привет, мир"));
        assert!(!mostly_not_ascii("Überraschung"));
    }
}
