//! `Scan` with the classifier under load: the CPU time of a request beside that of the encoder alone on the same texts.
//!
//! 32 callers send texts of mixed lengths over mutual TLS, the audit log on. What is lost between the encoder and the
//! answer (gRPC, TLS, rules, the record, and cores that stand idle or threads that wait for each other) is what the
//! efficiency says; ghz, which shares the machine, is not counted.

use std::{fmt::Write as _, fs};

use anyhow::{Context as _, Result};
use serde_json::json;

use super::{
    PACKAGE, RESULTS,
    classifier::{BUNDLE, lines, write},
    facts,
    ghz::{CONCURRENCY, Ghz, Run},
    load,
    report::median,
};
use crate::{
    demo,
    process::{Server, fresh_directory},
    shell::{self, cargo, succeed},
    tools::Tool,
};

/// Tokens of the texts, their frame included: each is one window.
const TOKENS: [usize; 5] = [16, 32, 64, 128, 192];
/// Tokens that frame a window.
const FRAME: usize = 3;
/// Common words are one token each.
const WORDS: [&str; 8] = ["the", "report", "of", "a", "new", "house", "and", "people"];
const REQUESTS: u32 = 2_000;
const ROUNDS: u32 = 5;
/// CPU seconds that the encoder is measured for at each length.
const SECONDS: &str = "0.5";

/// Measures, prints the table, and writes it below `benches/results/`.
pub(super) fn run() -> Result<()> {
    let ghz = Tool::Ghz.ensure()?;
    let mut build = cargo();
    // AWS's SDK is not called here, and takes long to link.
    build.args(["build", "--locked", "--release", "--no-default-features"]);
    build.args(["--package", "llm-shield", "--package", PACKAGE]);
    succeed(build.args(["--bin", "llm-shield", "--bin", "classifier_speed"]))?;
    let programs = shell::target().join("release");

    let data = fresh_directory("served")?;
    let body = data.path().join("texts.json");
    fs::write(&body, requests()).context("cannot write the texts")?;
    let server = Server::start(&mut demo::serve(&programs.join("llm-shield"), data.path()), false)?;
    let ghz = Ghz::new(&ghz, data.path(), &shell::root().join("proto/baseline.binpb"));
    ghz.call(server.address(), &body, REQUESTS / 4)?;
    let mut rounds = Vec::new();
    for round in 1..=ROUNDS {
        println!("round {round} of {ROUNDS}");
        let mut alone = shell::command(programs.join("classifier_speed"));
        alone.args([BUNDLE, SECONDS]).args(TOKENS.map(|tokens| tokens.to_string()));
        let alone: Vec<f64> = lines(&mut alone, round)?.iter().map(|one| one.cpu_seconds).collect();
        let mean = alone.iter().sum::<f64>() / TOKENS.len() as f64;
        rounds.push((mean, load::measure(&ghz, &server, &body, REQUESTS)?));
    }
    server.stop()?;

    let table = draw(&rounds)?;
    println!("\n{table}");
    let mut facts = facts::of_load();
    facts::add(&mut facts, [("requests a round", REQUESTS.into())]);
    let results = shell::root().join(RESULTS);
    fs::create_dir_all(&results)?;
    let text = format!(
        "# Scan with the classifier, under load\n\nWritten by `cargo xtask bench served`. {CONCURRENCY} callers at a \
         time, texts of {TOKENS:?} tokens in turn, mutual TLS, the audit log on; medians of the rounds, ratios taken \
         round by round. Efficiency is the encoder's CPU time for a text, measured alone on one thread, over the \
         server's for a request. Trust the ratios.\n\n{table}\n{}",
        facts::list(&facts)
    );
    write(&results.join("served.md"), &text)?;
    let raw: Vec<_> = rounds
        .iter()
        .map(|(mean, run)| json!({ "encoder_cpu_seconds": mean, "request_cpu_seconds": run.cpu_per_request.as_secs_f64(), "ghz": run.raw }))
        .collect();
    let raw = serde_json::to_string_pretty(&json!({ "facts": facts, "rounds": raw }))?;
    write(&results.join("served.json"), &(raw + "\n"))?;
    println!("written to {RESULTS}/served.md and served.json");
    Ok(())
}

/// Draws the figures of the rounds, a time of the encoder and a run of the server each.
fn draw(rounds: &[(f64, Run)]) -> Result<String> {
    let of = |figure: &dyn Fn(&(f64, Run)) -> f64| median(rounds.iter().map(figure).collect());
    let mut table = String::from("| | |\n|---|---:|\n");
    writeln!(table, "| encoder alone, CPU ms a text | {:.2} |", of(&|(mean, _)| mean * 1e3))?;
    let served = |run: &Run| run.cpu_per_request.as_secs_f64();
    writeln!(table, "| served, CPU ms a request | {:.2} |", of(&|(_, run)| served(run) * 1e3))?;
    writeln!(table, "| efficiency | {:.2} |", of(&|(mean, run)| mean / served(run)))?;
    let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    writeln!(table, "| answered after, ms, p50 | {:.1} |", of(&|(_, run)| milliseconds(run.p50)))?;
    writeln!(table, "| answered after, ms, p99 | {:.1} |", of(&|(_, run)| milliseconds(run.p99)))?;
    Ok(table)
}

/// Makes a request for each number of tokens.
fn requests() -> String {
    let request = |tokens: usize| {
        let words: Vec<&str> = WORDS.into_iter().cycle().take(tokens.saturating_sub(FRAME)).collect();
        json!({ "contents": [{ "role": "ROLE_USER", "text": words.join(" ") }], "direction": "DIRECTION_INPUT" })
    };
    json!(TOKENS.map(request)).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn efficiency_is_the_encoders_share() {
        let run = Run {
            succeeded: 1,
            cpu_per_request: Duration::from_millis(5),
            p50: Duration::from_millis(70),
            p99: Duration::from_millis(90),
            raw: json!({}),
        };
        let table = draw(&[(0.004, run)]).unwrap();
        assert!(
            table.contains("| efficiency | 0.80 |") && table.contains("| answered after, ms, p99 | 90.0 |")
        );
    }

    #[test]
    fn texts_have_their_tokens() {
        assert!(!requests().contains("{{"));
        let requests: serde_json::Value = serde_json::from_str(&requests()).unwrap();
        let text = requests[1]["contents"][0]["text"].as_str().unwrap().to_owned();
        assert_eq!(text.split(' ').count() + FRAME, 32);
    }
}
