//! The table of what everybody spent.

use std::fmt::Write as _;

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use crate::bench::{facts, report::median};

pub(super) const OURS: &str = "llm-shield, decoding";
pub(super) const OURS_PLAIN: &str = "llm-shield, not decoding";
pub(super) const GITLEAKS_PLAIN: &str = "gitleaks, not decoding";
pub(super) const GITLEAKS_DECODING: &str = "gitleaks, decoding";
pub(super) const PRESIDIO: &str = "Presidio, patterns";

/// What one tool spent on one corpus in one round.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Measured {
    pub(super) round: u32,
    pub(super) corpus: String,
    pub(super) detectors: String,
    pub(super) tool: String,
    pub(super) bytes: usize,
    pub(super) characters: usize,
    pub(super) cpu_seconds: f64,
}

/// Draws a line for each corpus and tool: medians of the rounds, and of their ratios.
pub(super) fn draw(measured: &[Measured]) -> Result<String> {
    let mut table = String::from(
        "| texts | KB | rules | tool | CPU, ms | MB/s | ns per character | times ours |\n\
         |---|---:|---|---|---:|---:|---:|---:|\n",
    );
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for one in measured {
        if seen.contains(&(&one.corpus, &one.tool)) {
            continue;
        }
        seen.push((&one.corpus, &one.tool));
        let rounds = || measured.iter().filter(|other| other.corpus == one.corpus && other.tool == one.tool);
        let seconds = median(rounds().map(|round| round.cpu_seconds).collect());
        let ratio = median(rounds().map(|round| round.cpu_seconds / ours(measured, round)).collect());
        writeln!(
            table,
            "| {} | {} | {} | {} | {:.2} | {:.2} | {:.1} | {ratio:.0} |",
            one.corpus,
            one.bytes >> 10,
            one.detectors,
            one.tool,
            seconds * 1e3,
            per(one.bytes, seconds) / 1e6,
            1e9 / per(one.characters, seconds),
        )?;
    }
    Ok(table)
}

/// Frames the table with what it means and where it was measured.
pub(super) fn markdown(facts: &Value, table: &str) -> String {
    format!(
        "# Beside peers\n\nWritten by `cargo xtask bench peers`; every single figure lies in `peers.json`. CPU time for \
         the same bytes, in turns in one run; medians of the rounds. llm-shield: one thread, text by text, in process, \
         warm; each peer beside the scan that decodes as it does. gitleaks: all texts as one standard input, less the CPU time \
         of an empty one, printing nothing. Presidio: text by text, in process, after a warm-up, the patterns of all \
         countries over a blank pipeline. Trust the ratios.\n\n{table}\n{}",
        facts::list(facts)
    )
}

/// Returns what our scan spent that decodes where the tool does.
fn ours(measured: &[Measured], of: &Measured) -> f64 {
    let own = if [OURS, GITLEAKS_DECODING].contains(&&*of.tool) { OURS } else { OURS_PLAIN };
    let same = |one: &&Measured| one.round == of.round && one.corpus == of.corpus && one.tool == own;
    measured.iter().find(same).map_or(f64::NAN, |ours| ours.cpu_seconds)
}

fn per(amount: usize, seconds: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a corpus has some megabytes")]
    let rate = amount as f64 / seconds;
    rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_round_by_round() {
        let one = |round, tool: &str, cpu_seconds| Measured {
            round,
            corpus: "texts".to_owned(),
            detectors: "secrets".to_owned(),
            tool: tool.to_owned(),
            bytes: 2_048,
            characters: 1_000,
            cpu_seconds,
        };
        let measured = [
            one(1, OURS, 0.001),
            one(1, GITLEAKS_DECODING, 0.1),
            one(2, OURS, 0.002),
            one(2, GITLEAKS_DECODING, 0.4),
            one(1, OURS_PLAIN, 0.001),
            one(1, GITLEAKS_PLAIN, 0.05),
        ];
        let table = draw(&measured).unwrap();
        let lines: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| texts | 2 | secrets | llm-shield, decoding | 1.50 | 1.37 | 1500.0 | 1 |",
                "| texts | 2 | secrets | gitleaks, decoding | 250.00 | 0.01 | 250000.0 | 150 |",
                "| texts | 2 | secrets | llm-shield, not decoding | 1.00 | 2.05 | 1000.0 | 1 |",
                "| texts | 2 | secrets | gitleaks, not decoding | 50.00 | 0.04 | 50000.0 | 50 |",
            ]
        );
    }
}
