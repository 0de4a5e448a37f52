//! How well llm-shield finds what it is there to find, on labelled texts, beside what peers find.
//!
//! The scorers are our own and follow the definitions written at each: others can then be scored the same way
//! (`--peers`), and a figure can be traced to code in this repository. The prose of `docs/quality.md` is written by hand;
//! this replaces the tables between its marks.

mod evasion;
mod gold;
mod injection;
mod peers;
mod personal;
mod public;
mod report;
mod secrets;
mod spans;
mod subject;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use self::subject::Judge;
use crate::{checks, process::fresh_directory, shell};

const DOCUMENT: &str = "docs/quality.md";
/// Beside the checkout, as the data may not be in the repository: much of it belongs to others.
const DEFAULT_DATA: &str = "../shared/data";

const USAGE: &str = "usage: cargo xtask quality [--data DIR] [--peers] [--dry-run]";

/// Measures, prints the tables, and writes them into the document.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    if !options.data.is_dir() {
        bail!("there is no labelled data in {}: name its directory with --data", options.data.display());
    }
    let program = checks::server_program()?;
    let directory = fresh_directory("quality")?;
    let cases = Cases::read(&options.data)?;
    let results = Results::measure(&subject::Subject::new(&program, directory.path()), &cases)?;
    let document = shell::root().join(DOCUMENT);
    let write = |name: &str, tables: &str| {
        println!("{tables}");
        if options.dry_run { Ok(()) } else { report::replace(&document, name, tables) }
    };
    write("measured", &report::tables(&results)?)?;
    if options.peers {
        write("peers", &peers::tables(&results, &cases, directory.path())?)?;
    }
    if !options.dry_run {
        println!("written to {DOCUMENT}");
    }
    Ok(())
}

/// The labelled cases of each set.
#[derive(Debug)]
struct Cases {
    secrets: Vec<gold::Secret>,
    personal: Vec<gold::Personal>,
    evasion: Vec<gold::Evasion>,
    injection: Vec<gold::Injection>,
    public: Vec<public::Set>,
}

impl Cases {
    fn read(data: &Path) -> Result<Self> {
        let set = |name: &str| data.join(name).join("dev.jsonl.gz");
        Ok(Self {
            secrets: gold::read(&set("secrets"))?,
            personal: gold::read(&set("pii"))?,
            evasion: gold::read(&set("evasion"))?,
            injection: gold::read(&set("injection"))?,
            public: public::read(&data.join("injection").join("public_eval"))?,
        })
    }
}

/// What was found in each set.
#[derive(Debug)]
struct Results {
    secrets: secrets::Score,
    /// Personal data that is found, be it redacted or not.
    personal: personal::Score,
    /// Personal data that is redacted by default.
    redacted: personal::Score,
    /// Attacks in disguise by rules alone, and with the classifier.
    evasion: [evasion::Score; 2],
    /// By each [`Judge`], in their order.
    injection: Vec<injection::Score>,
    public: Vec<public::Accuracy>,
}

impl Results {
    fn measure(subject: &subject::Subject, cases: &Cases) -> Result<Self> {
        let Cases { secrets, personal, evasion, injection, public } = cases;
        let disguised = |judge| {
            Ok::<_, anyhow::Error>(evasion::score(
                evasion,
                &subject.injection_scores("evasion", evasion, judge)?,
            ))
        };
        let judged = |judge| {
            Ok(injection::score(injection, &subject.injection_scores("injection", injection, judge)?))
        };
        Ok(Self {
            secrets: secrets::score(secrets, &subject.redact("secrets", secrets)?),
            personal: personal::score(personal, &subject.scan_spans("pii", personal)?),
            redacted: personal::score(personal, &subject.redact("pii", personal)?),
            evasion: [disguised(Judge::Rules)?, disguised(Judge::Both)?],
            injection: Judge::ALL.into_iter().map(judged).collect::<Result<_>>()?,
            public: public::measure(subject, public)?,
        })
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Options {
    data: PathBuf,
    peers: bool,
    dry_run: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self { data: shell::root().join(DEFAULT_DATA), peers: false, dry_run: false };
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            match name.as_str() {
                "--data" => options.data = arguments.next().context(USAGE)?.into(),
                "--peers" => options.peers = true,
                "--dry-run" => options.dry_run = true,
                _ => bail!(USAGE),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_refused_when_wrong() {
        let parse = |arguments: &[&str]| {
            Options::parse(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
        };
        assert!(parse(&["--peers"]).unwrap().peers);
        assert_eq!(parse(&["--data", "cases"]).unwrap().data, Path::new("cases"));
        for wrong in [&["--data"][..], &["cases"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
