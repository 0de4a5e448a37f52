//! The classifier's encoder beside ONNX Runtime with the same weights: CPU seconds of one window, one thread each.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{PACKAGE, RESULTS, facts, report::median};
use crate::{
    shell::{self, cargo, succeed},
    tools::Tool,
};

pub(super) const BUNDLE: &str = "classifier/model";
const SCRIPT: &str = "benches/peers/onnx_encoder.py";
/// CPU seconds that each length is measured for, in each round.
const SECONDS: &str = "0.5";
/// Tokens of a window, its frame included; the last is the longest that the model is given.
const TOKENS: [&str; 5] = ["16", "32", "64", "128", "192"];
const DEFAULT_ROUNDS: u32 = 5;
const USAGE: &str = "usage: cargo xtask bench classifier [--rounds N]";

#[derive(Deserialize, Serialize)]
pub(super) struct Measured {
    #[serde(default)]
    round: u32,
    kind: String,
    tokens: u32,
    pub(super) cpu_seconds: f64,
}

/// Measures, prints the table, and writes it with the raw results below `benches/results/`.
pub(super) fn run(arguments: &[String]) -> Result<()> {
    let rounds = match arguments {
        [] => DEFAULT_ROUNDS,
        [name, rounds] if name == "--rounds" => rounds.parse().ok().filter(|&n| n > 0).context(USAGE)?,
        _ => bail!(USAGE),
    };
    let python = Tool::Onnx.ensure()?;
    let mut build = cargo();
    succeed(build.args([
        "build",
        "--locked",
        "--release",
        "--package",
        PACKAGE,
        "--bin",
        "classifier_speed",
    ]))?;
    let ours = shell::target().join("release/classifier_speed");

    let mut measured = Vec::new();
    for round in 1..=rounds {
        println!("round {round} of {rounds}");
        measured.extend(lines(shell::command(&ours).args([BUNDLE, SECONDS]).args(TOKENS), round)?);
        measured.extend(lines(shell::command(&python).args([SCRIPT, BUNDLE, SECONDS]).args(TOKENS), round)?);
    }
    let table = draw(&measured)?;
    println!("\n{table}");
    let facts = facts::of_machine();
    let results = shell::root().join(RESULTS);
    fs::create_dir_all(&results)?;
    let text = format!(
        "# The encoder beside ONNX Runtime\n\nWritten by `cargo xtask bench classifier`; every single figure lies in \
         `classifier.json`. CPU time of one window in milliseconds, one thread, in turns in one run; medians of the \
         rounds, ratios taken round by round. The weights are those of `{BUNDLE}`: in eight bits, met by eight with a \
         scale for each token, with us, whose times hold that of the tokeniser; in single precision with ONNX \
         Runtime, and by its own dynamic quantisation. Trust the ratios.\n\n{table}\n{}",
        facts::list(&facts)
    );
    write(&results.join("classifier.md"), &text)?;
    let raw = serde_json::to_string_pretty(&json!({ "facts": facts, "measured": measured }))?;
    write(&results.join("classifier.json"), &(raw + "\n"))?;
    println!("written to {RESULTS}/classifier.md and classifier.json");
    Ok(())
}

pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

pub(super) fn lines(command: &mut Command, round: u32) -> Result<Vec<Measured>> {
    let output = command.output().with_context(|| format!("cannot run `{}`", shell::show(command)))?;
    ensure!(output.status.success(), "`{}` ended with {}", shell::show(command), output.status);
    let text = String::from_utf8(output.stdout)?;
    let measured = text.lines().map(|line| Ok(Measured { round, ..serde_json::from_str(line)? }));
    measured.collect::<Result<_>>().with_context(|| format!("`{}` prints no figures", shell::show(command)))
}

/// Draws a line for each number of tokens.
fn draw(measured: &[Measured]) -> Result<String> {
    let mut rounds: BTreeMap<(u32, &str), BTreeMap<u32, f64>> = BTreeMap::new();
    for one in measured {
        rounds.entry((one.tokens, &one.kind)).or_default().insert(one.round, one.cpu_seconds);
    }
    let mut table = String::from(
        "| tokens | llm-shield | ONNX Runtime | ONNX Runtime, eight bits | ours / fp32 | ours / eight bits |\n\
         |---:|---:|---:|---:|---:|---:|\n",
    );
    let mut tokens: Vec<u32> = rounds.keys().map(|(tokens, _)| *tokens).collect();
    tokens.dedup();
    for tokens in tokens {
        let of =
            |kind: &'static str| rounds.get(&(tokens, kind)).with_context(|| format!("no figures of {kind}"));
        let (ours, single, byte) = (of("ours")?, of("fp32")?, of("int8")?);
        let milliseconds =
            |of: &BTreeMap<u32, f64>| median(of.values().map(|seconds| seconds * 1e3).collect());
        let ratio = |to: &BTreeMap<u32, f64>| {
            median(ours.iter().filter_map(|(round, ours)| Some(ours / to.get(round)?)).collect())
        };
        writeln!(
            table,
            "| {tokens} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
            milliseconds(ours),
            milliseconds(single),
            milliseconds(byte),
            ratio(single),
            ratio(byte)
        )?;
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_round_by_round() {
        let one = |round, kind: &str, cpu_seconds| Measured {
            round,
            kind: kind.to_owned(),
            tokens: 16,
            cpu_seconds,
        };
        let mut measured = vec![one(1, "ours", 0.001), one(1, "fp32", 0.002), one(1, "int8", 0.001)];
        measured.extend([one(2, "ours", 0.003), one(2, "fp32", 0.002), one(2, "int8", 0.001)]);
        let table = draw(&measured).unwrap();
        assert_eq!(table.lines().last(), Some("| 16 | 2.00 | 2.00 | 1.00 | 1.00 | 2.00 |"));
        assert!(draw(&measured[..2]).is_err());
    }
}
