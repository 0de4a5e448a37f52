//! What the engine costs on given texts: CPU time of one thread, without reading, JSON or start-up.
//!
//! ```sh
//! scan_throughput [--no-decode] DETECTORS SECONDS FILE.jsonl…
//! ```
//!
//! DETECTORS are names separated by commas, or `all`. For each file (lines with a `text`) it prints the CPU time of one
//! pass over all texts: the mean of as many passes as fit into the time, after one that warms the engine. With
//! `--no-decode` only the text and its plain forms are read, as scanners do that know no encodings.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::{
    env,
    fs::{self, File},
    hint::black_box,
    io::{BufRead as _, BufReader},
    time::Duration,
};

use anyhow::{Context as _, Result};
use llm_shield_detect::{Cancel, Direction, Engine, Policy, Request, Role, ScanOptions};
use serde_json::{Value, json};

fn main() -> Result<()> {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let decode = arguments.iter().all(|argument| argument != "--no-decode");
    arguments.retain(|argument| argument != "--no-decode");
    let [detectors, seconds, files @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: scan_throughput [--no-decode] DETECTORS SECONDS FILE.jsonl…");
    };
    let seconds: f64 = seconds.parse().context("SECONDS is no number")?;
    let names = (detectors != "all").then(|| detectors.split(',').map(str::to_owned).collect());
    let before = cpu_time()?;
    let scanner = Scanner {
        engine: Engine::builtin()?,
        policy: Policy::preset("standard")?,
        options: ScanOptions { detectors: names, decode, ..ScanOptions::default() },
    };
    let ready = cpu_time()?.saturating_sub(before);
    for file in files {
        let mut figures = scanner.measure(&texts(file)?, Duration::from_secs_f64(seconds))?;
        if let Some(figures) = figures.as_object_mut() {
            figures.insert("ready_cpu_seconds".to_owned(), ready.as_secs_f64().into());
        }
        println!("{figures}");
    }
    Ok(())
}

struct Scanner {
    engine: Engine,
    policy: Policy,
    options: ScanOptions,
}

impl Scanner {
    fn measure(&self, texts: &[String], limit: Duration) -> Result<Value> {
        let findings = self.pass(texts);
        let (mut passes, start) = (0_u32, cpu_time()?);
        let spent = loop {
            black_box(self.pass(texts));
            passes += 1;
            let spent = cpu_time()?.saturating_sub(start);
            if spent >= limit {
                break spent;
            }
        };
        Ok(json!({
            "texts": texts.len(),
            "bytes": texts.iter().map(String::len).sum::<usize>(),
            "characters": texts.iter().map(|text| text.chars().count()).sum::<usize>(),
            "findings": findings,
            "cpu_seconds": (spent / passes).as_secs_f64(),
        }))
    }

    fn pass(&self, texts: &[String]) -> usize {
        let scan = |text: &String| {
            let request = Request::single(Direction::Input, Role::User, text);
            self.engine.scan_with(&request, &self.policy, &self.options, &Cancel::never()).findings.len()
        };
        texts.iter().map(scan).sum()
    }
}

fn texts(file: &str) -> Result<Vec<String>> {
    let lines = BufReader::new(File::open(file).with_context(|| format!("cannot read {file}"))?).lines();
    let text = |line: std::io::Result<String>| {
        let case: Value = serde_json::from_str(&line?)?;
        Ok(case.get("text").and_then(Value::as_str).context("a line has no text")?.to_owned())
    };
    lines.map(text).collect::<Result<_>>().with_context(|| format!("{file} is not as it should be"))
}

/// Returns what the main thread, which does all the work, has used so far. In nanoseconds, where `stat` counts ticks.
fn cpu_time() -> Result<Duration> {
    let path = "/proc/self/schedstat";
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Ok(Duration::from_nanos(nanos.with_context(|| format!("cannot understand {path}"))?))
}
