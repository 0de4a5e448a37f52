//! The same load on our server, which decides by rules alone, and on an empty one, in turns.
//!
//! Absolute times on a shared machine say little, and ghz spends more on a request than a server does. What holds is the
//! CPU time that each server spent on a request, and the ratio of the two from one run: what the product costs on top
//! of gRPC and TLS. Both use the same TLS configuration and certificates and are built with the same profile.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    PACKAGE, RESULTS, facts,
    ghz::{Ghz, Run},
    report::{self, Measurement},
};
use crate::{
    demo,
    process::{Server, fresh_directory},
    shell::{self, cargo, succeed},
    tools::Tool,
};

/// Sizes of the prompt in bytes, with how many requests make one run: enough for some seconds of CPU at each size.
const SIZES: [(usize, u32); 4] = [(200, 20_000), (1_024, 20_000), (2_048, 20_000), (32_768, 4_000)];
const DEFAULT_ROUNDS: u32 = 3;
/// Part of a run's requests, sent before it and not counted.
const WARM_UP_DIVISOR: u32 = 10;

const USAGE: &str = "usage: cargo xtask bench load [--rounds N] [--requests N]";

/// Measures, prints the table, and writes it with the raw results below `benches/results/`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let ghz = Tool::Ghz.ensure()?;
    // In one build, so that both get the same features of what they share.
    let mut build = cargo();
    // AWS's SDK is not called here, and takes long to link.
    build.args(["build", "--locked", "--release", "--no-default-features"]);
    build.args(["--package", "llm-shield", "--package", PACKAGE]);
    succeed(build.args(["--bin", "llm-shield", "--bin", "empty_server"]))?;
    let programs = shell::target().join("release");

    let data = fresh_directory("load")?;
    // The empty server uses the certificates that the full one has made.
    let mut serve = demo::serve(&programs.join("llm-shield"), data.path());
    let full = Server::start(serve.env("LLM_SHIELD__MODEL__ENABLED", "false"), false)?;
    let empty = Server::start(Command::new(programs.join("empty_server")).arg(data.path()), false)?;
    let ghz = Ghz::new(&ghz, data.path(), &shell::root().join("proto/baseline.binpb"));
    let facts = facts::of_load();

    let mut measurements = Vec::new();
    for (size, requests) in SIZES {
        let requests = options.requests.unwrap_or(requests);
        let body = data.path().join(format!("prompt-{size}.json"));
        fs::write(&body, request(size)).context("cannot write the prompt")?;
        for server in [&full, &empty] {
            ghz.call(server.address(), &body, (requests / WARM_UP_DIVISOR).max(1))?;
        }
        for round in 1..=options.rounds {
            println!("{size} bytes, round {round} of {}", options.rounds);
            let full = measure(&ghz, &full, &body, requests)?;
            let empty = measure(&ghz, &empty, &body, requests)?;
            measurements.push(Measurement { size, round, full, empty });
        }
    }
    full.stop()?;
    drop(empty);

    let table = report::table(&measurements)?;
    println!("\n{table}");
    if options.requests.is_some() {
        println!("not written to {RESULTS}: --requests is for a quick try");
        return Ok(());
    }
    let results = shell::root().join(RESULTS);
    fs::create_dir_all(&results)?;
    fs::write(results.join("load.md"), report::markdown(&facts, &table))?;
    fs::write(results.join("load.json"), report::json(&facts, &measurements)?)?;
    println!("written to {RESULTS}/load.md and load.json");
    Ok(())
}

#[derive(Debug)]
struct Options {
    rounds: u32,
    requests: Option<u32>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self { rounds: DEFAULT_ROUNDS, requests: None };
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            let value = arguments.next().and_then(|value| value.parse().ok()).filter(|&value| value > 0);
            let value: u32 = value.context(USAGE)?;
            match name.as_str() {
                "--rounds" => options.rounds = value,
                "--requests" => options.requests = Some(value),
                _ => bail!(USAGE),
            }
        }
        Ok(options)
    }
}

pub(super) fn measure(ghz: &Ghz, server: &Server, body: &Path, requests: u32) -> Result<Run> {
    let before = facts::cpu_time(server.id())?;
    let run = ghz.call(server.address(), body, requests)?;
    let spent = facts::cpu_time(server.id())?.saturating_sub(before);
    ensure!(run.succeeded == u64::from(requests), "only {} of {requests} calls succeeded", run.succeeded);
    Ok(Run { cpu_per_request: spent / requests, ..run })
}

/// Makes a request whose prompt has `size` bytes: what people write to an assistant at work, with the odd name, number
/// and address in it. Nothing in it is blocked.
fn request(size: usize) -> String {
    const SENTENCES: [&str; 10] = [
        "Could you summarise the notes from the meeting on Tuesday and list who agreed to do what?",
        "The customer in order 48213 says that the parcel arrived on 14 March with a broken lid.",
        "Please answer in two short paragraphs, friendly in tone, and offer a replacement.",
        "Our opening hours are 9:00 to 17:30, and the return desk closes half an hour earlier.",
        "In the second quarter the team closed 312 tickets, 18 % more than in the quarter before.",
        "What is the difference between a mutex and a semaphore, and when would I use which?",
        "The function returns an empty list where I expected three rows; the query runs fine in the console.",
        "Translate the following paragraph into plain English and keep the technical terms as they are.",
        "Write back to anna.schmidt@example.org that the invoice will follow at the end of the week.",
        "I would like the table sorted by region first and by revenue second, largest at the top.",
    ];
    let mut prompt: String = SENTENCES
        .iter()
        .cycle()
        .flat_map(|sentence| [*sentence, " "])
        .take_while({
            let mut length = 0;
            move |piece| {
                let more = length < size;
                length += piece.len();
                more
            }
        })
        .collect();
    // ASCII only, so that any length is a boundary.
    prompt.truncate(size);
    format!(r#"{{"contents":[{{"role":"ROLE_USER","text":"{prompt}"}}],"direction":"DIRECTION_INPUT"}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_have_the_size_asked_for() {
        let frame = request(0).len();
        for size in [1, 200, 2_048, 32_768] {
            assert_eq!(request(size).len() - frame, size);
        }
    }

    #[test]
    fn requests_are_json_and_no_template() {
        assert!(!request(32_768).contains("{{"));
        let request: serde_json::Value = serde_json::from_str(&request(300)).unwrap();
        assert_eq!(request["contents"][0]["text"].as_str().unwrap().len(), 300);
    }

    #[test]
    fn options_are_refused_when_wrong() {
        let parse = |arguments: &[&str]| {
            Options::parse(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(parse(&["--rounds", "5"]).unwrap().rounds, 5);
        for wrong in [&["--rounds"][..], &["--rounds", "x"], &["--requests", "0"], &["--other", "1"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
