//! Says what the engine costs on this machine: CPU time until it is ready, memory, and time per KB of several kinds of
//! text, beside one pass of an Aho-Corasick automaton over the keywords of all rules in the same run.
//!
//! ```sh
//! cargo run --profile bench --example speed [SAMPLE [DETECTOR]]
//! ```

#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use llm_shield_detect::{Cancel, Direction, Engine, Policy, Request, Role, ScanOptions, rules};

fn main() -> Result<(), Box<dyn Error>> {
    let (cpu, memory) = (cpu_time(), resident_kb());
    let engine = Engine::builtin()?;
    let prose = PROSE.repeat(1 + 1024 / PROSE.len());
    let prose = prose.get(..1024).ok_or("the sample is ASCII")?;
    black_box(engine.inspect(prose));
    println!("ready after {} ms of CPU time", (cpu_time() - cpu).as_millis());
    println!("memory {} KB", resident_kb().saturating_sub(memory));

    let limit = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .ascii_case_insensitive(true)
        .build(keywords())?;
    let policy = Policy::preset("standard")?;
    let german = "Könntest du bitte die Notizen vom Treffen am Dienstag für mich zusammenfassen, und wer übernimmt nächste \
        Woche die Prüfung der Verträge? "
        .repeat(8);
    let russian =
        "Не могли бы вы коротко пересказать заметки со встречи во вторник и перечислить, кто что обещал? "
            .repeat(7);
    let digits = "4111-2222 030 901820 17 ".repeat(43);
    let samples = [
        ("prose", prose.to_owned()),
        ("prose 32 KB", PROSE.repeat(32 * 1024 / PROSE.len())),
        ("chat log 32 KB", CHAT_LOG.repeat(32 * 1024 / CHAT_LOG.len())),
        ("german", german),
        ("russian", russian),
        ("digits", digits),
        ("one letter", "a".repeat(64 << 10)),
    ];
    println!(
        "{:16}{:>8}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "us per KB", "limit", "all", "secrets", "pii", "injection", "unicode"
    );
    let wanted = std::env::args().nth(1);
    if let (Some(wanted), Some(detector)) = (&wanted, std::env::args().nth(2)) {
        // For a profiler: one thing, for a while.
        let (_, text) = samples.iter().find(|(name, _)| name == wanted).ok_or("there is no such sample")?;
        let detectors = (detector != "all").then(|| vec![detector]);
        let options = ScanOptions { detectors, ..ScanOptions::default() };
        let request = Request::single(Direction::Input, Role::User, text);
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(2) {
            black_box(engine.scan_with(&request, &policy, &options, &Cancel::never()));
        }
        return Ok(());
    }
    for (name, text) in
        samples.iter().filter(|(name, _)| wanted.as_deref().is_none_or(|wanted| wanted == *name))
    {
        print!("{name:16}{:8.1}", per_kb(text, || limit.find_overlapping_iter(text).count()));
        let before = engine.bytes_examined();
        black_box(engine.inspect(text));
        let examined = (engine.bytes_examined() - before) as f64 / text.len() as f64;
        let all = per_kb(text, || engine.inspect(text).len());
        print!("{all:9.1}");
        for detector in ["secrets", "pii", "injection", "unicode"] {
            let options =
                ScanOptions { detectors: Some(vec![detector.to_owned()]), ..ScanOptions::default() };
            let request = Request::single(Direction::Input, Role::User, text);
            let took = per_kb(text, || {
                engine.scan_with(&request, &policy, &options, &Cancel::never()).findings.len()
            });
            print!("{took:9.1}");
        }
        println!("{examined:9.1}");
    }
    Ok(())
}

/// Returns the least time of many runs, in microseconds per KB of text: neighbours on the machine only add to it.
fn per_kb(text: &str, mut run: impl FnMut() -> usize) -> f64 {
    let mut best = Duration::MAX;
    let started = Instant::now();
    let mut runs = 0;
    while runs < 5 || started.elapsed() < Duration::from_millis(150) {
        let begun = Instant::now();
        black_box(run());
        best = best.min(begun.elapsed());
        runs += 1;
    }
    best.as_secs_f64() * 1e6 / (text.len() as f64 / 1024.0)
}

fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0))
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Reads the keywords of all built-in rules from their tables.
fn keywords() -> Vec<String> {
    let mut keywords: Vec<String> = rules::builtin_tables()
        .iter()
        .filter_map(|table| rules::samples(table).ok())
        .flatten()
        .flat_map(|rule| rule.keywords)
        .collect();
    keywords.sort();
    keywords.dedup();
    keywords
}

/// A question as people put it: few digits, few keywords.
const PROSE: &str = include_str!("../tests/texts/prose.txt");

/// What an assistant at work is given to read: log lines, JSON, code, names, numbers.
const CHAT_LOG: &str = include_str!("../tests/texts/chat_log.txt");
