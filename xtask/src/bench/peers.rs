//! The engine beside peers: CPU seconds for the same bytes.
//!
//! Peers start slowly and print what they find; we are asked in process. So start-up is left out on all sides: measured
//! with an empty input and subtracted for gitleaks, not begun to be counted for Presidio and for us. What cannot be
//! evened out is said in the report.

mod corpus;
mod table;

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::json;

use self::{
    corpus::{Corpora, Corpus},
    table::Measured,
};
use super::{PACKAGE, RESULTS, facts};
use crate::{
    process::fresh_directory,
    shell::{self, cargo, succeed},
    tools::{GITLEAKS, Tool},
};

const PRESIDIO_SCRIPT: &str = "benches/peers/presidio.py";
const DEFAULT_DATA: &str = "../shared/data";
const DEFAULT_ROUNDS: u32 = 3;
/// How long we are measured on each corpus, in seconds of CPU: many passes.
const OUR_SECONDS: &str = "0.5";
/// Presidio makes one pass, however long it takes.
const PRESIDIO_SECONDS: &str = "0";

const USAGE: &str = "usage: cargo xtask bench peers [--data DIR] [--rounds N] [--dry-run]";

/// Measures, prints the table, and writes it with the raw results below `benches/results/`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let peers = Peers { gitleaks: Tool::Gitleaks.ensure()?, presidio: Tool::Presidio.ensure()? };
    let mut build = cargo();
    build.args(["build", "--locked", "--release", "--package", PACKAGE, "--bin", "scan_throughput"]);
    succeed(&mut build)?;
    let ours = shell::target().join("release/scan_throughput");

    let directory = fresh_directory("peers")?;
    let corpora = Corpora::collect(&options.data)?.write(directory.path())?;
    let mut facts = facts::of_machine();
    let presidio = peers.presidio_version()?.into();
    facts::add(
        &mut facts,
        [("gitleaks", GITLEAKS.into()), ("presidio", presidio), ("rounds", options.rounds.into())],
    );
    let mut measured = Vec::new();
    for round in 1..=options.rounds {
        println!("round {round} of {}", options.rounds);
        measured.extend(measure(&ours, &peers, &corpora, round)?);
    }

    let table = table::draw(&measured)?;
    println!("\n{table}");
    if options.dry_run {
        return Ok(());
    }
    let results = shell::root().join(RESULTS);
    fs::create_dir_all(&results)?;
    fs::write(results.join("peers.md"), table::markdown(&facts, &table))?;
    let raw = serde_json::to_string_pretty(&json!({ "facts": facts, "measured": measured }))?;
    fs::write(results.join("peers.json"), raw + "\n")?;
    println!("written to {RESULTS}/peers.md and peers.json");
    Ok(())
}

/// One round: on each corpus we and the peer, one behind the other.
fn measure(ours: &Path, peers: &Peers, corpora: &[Corpus], round: u32) -> Result<Vec<Measured>> {
    let mut measured = Vec::new();
    for corpus in corpora {
        let figures = throughput(ours, corpus, &[])?;
        let plain = throughput(ours, corpus, &["--no-decode"])?;
        let mut add = |tool: &str, cpu_seconds: f64| {
            println!("  {}: {tool} {cpu_seconds:.4} s", corpus.name);
            measured.push(Measured {
                round,
                corpus: corpus.name.to_owned(),
                detectors: corpus.detectors.to_owned(),
                tool: tool.to_owned(),
                bytes: figures.bytes,
                characters: figures.characters,
                cpu_seconds,
            });
        };
        add(table::OURS, figures.cpu_seconds);
        add(table::OURS_PLAIN, plain.cpu_seconds);
        match corpus.detectors {
            "secrets" => {
                let text = corpus.text();
                add(table::GITLEAKS_PLAIN, peers.gitleaks(&text, 0)?);
                add(table::GITLEAKS_DECODING, peers.gitleaks(&text, 5)?);
            }
            "pii" => add(table::PRESIDIO, peers.presidio(&corpus.lines(), figures.bytes)?),
            _ => (),
        }
    }
    Ok(measured)
}

#[derive(Deserialize)]
struct Figures {
    bytes: usize,
    #[serde(default)]
    characters: usize,
    cpu_seconds: f64,
}

fn throughput(program: &Path, corpus: &Corpus, switches: &[&str]) -> Result<Figures> {
    let mut command = Command::new(program);
    figures(command.args(switches).args([corpus.detectors, OUR_SECONDS]).arg(corpus.lines()))
}

fn figures(command: &mut Command) -> Result<Figures> {
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "`{}` ended with {}", shell::show(command), output.status);
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("`{}` prints no figures", shell::show(command)))
}

struct Peers {
    gitleaks: PathBuf,
    presidio: PathBuf,
}

impl Peers {
    /// Returns the CPU time of gitleaks on a text, less that on none.
    fn gitleaks(&self, text: &Path, depth: u32) -> Result<f64> {
        let spent = |input: Stdio| -> Result<f64> {
            let mut command = Command::new(&self.gitleaks);
            command.args(["stdin", "--no-banner", "--log-level=error", "--exit-code=0"]);
            command.arg(format!("--max-decode-depth={depth}"));
            let before = facts::cpu_time_of_children()?;
            succeed(command.stdin(input))?;
            Ok(facts::cpu_time_of_children()?.saturating_sub(before).as_secs_f64())
        };
        let start = spent(Stdio::null())?;
        Ok(spent(fs::File::open(text)?.into())? - start)
    }

    fn presidio(&self, lines: &Path, bytes: usize) -> Result<f64> {
        let mut command =
            self.presidio_command([OsStr::new("speed"), OsStr::new(PRESIDIO_SECONDS), lines.as_ref()]);
        let figures = figures(&mut command)?;
        ensure!(figures.bytes == bytes, "Presidio read other texts than we did");
        Ok(figures.cpu_seconds)
    }

    fn presidio_version(&self) -> Result<String> {
        let mut command = self.presidio_command([OsStr::new("version")]);
        let output = command.output().context("cannot run Presidio")?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn presidio_command<const N: usize>(&self, arguments: [&OsStr; N]) -> Command {
        let mut command = shell::command(&self.presidio);
        command.arg(PRESIDIO_SCRIPT).args(arguments);
        command
    }
}

#[derive(Debug)]
struct Options {
    data: PathBuf,
    rounds: u32,
    dry_run: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options =
            Self { data: shell::root().join(DEFAULT_DATA), rounds: DEFAULT_ROUNDS, dry_run: false };
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            match name.as_str() {
                "--data" => options.data = arguments.next().context(USAGE)?.into(),
                "--rounds" => {
                    let rounds = arguments.next().and_then(|rounds| rounds.parse().ok());
                    options.rounds = rounds.filter(|&rounds| rounds > 0).context(USAGE)?;
                }
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
        assert_eq!(parse(&["--rounds", "5"]).unwrap().rounds, 5);
        assert_eq!(parse(&["--data", "x"]).unwrap().data, Path::new("x"));
        for wrong in [&["--rounds", "0"][..], &["--rounds"], &["--other"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
