//! What twice as many rules cost: CPU time of one thread over ordinary texts, with the built-in rules and with as many
//! again that have ids and keywords of their own, in turns. Prints both and their ratio.
//!
//! ```sh
//! rule_growth [ROUNDS]
//! ```
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::{env, fs, hint::black_box, time::Duration};

use anyhow::{Context as _, Result};
use llm_shield_detect::{
    Engine,
    rules::{Table, builtin_tables},
};
use serde_json::json;

fn main() -> Result<()> {
    let rounds: u32 = match env::args().nth(1) {
        Some(rounds) => rounds.parse().context("ROUNDS is no number")?,
        None => 60,
    };
    let own = Engine::builtin()?;
    let extra = synthetic(own.rules().count())?;
    let more = extra.iter().map(|(detector, toml)| Table { detector, name: "synthetic", toml });
    let tables: Vec<Table<'_>> = builtin_tables().iter().copied().chain(more).collect();
    let twice = Engine::from_tables(&tables)?;
    let text = TEXT.repeat(32 * 1024 / TEXT.len());
    let (mut least, mut least_twice) = (Duration::MAX, Duration::MAX);
    // The least of many short runs in turns: neighbours on the machine only add to it.
    for _ in 0..rounds.max(1) {
        least = least.min(time(&own, &text)?);
        least_twice = least_twice.min(time(&twice, &text)?);
    }
    let figures = json!({
        "rules": own.rules().count(),
        "rules_twice": twice.rules().count(),
        "cpu_us_per_kb": least.as_secs_f64() * 1e6 / 32.0,
        "cpu_us_per_kb_twice": least_twice.as_secs_f64() * 1e6 / 32.0,
        "ratio": least_twice.as_secs_f64() / least.as_secs_f64(),
    });
    println!("{figures}");
    Ok(())
}

fn time(engine: &Engine, text: &str) -> Result<Duration> {
    let before = cpu_time()?;
    black_box(engine.inspect(black_box(text)));
    Ok(cpu_time()?.saturating_sub(before))
}

/// Rules with ids and keywords of their own, in three detectors.
fn synthetic(count: usize) -> Result<Vec<(&'static str, String)>> {
    let syllables = ["ka", "lo", "mi", "zu", "te", "ra", "po", "ne", "vi", "su", "gar", "hel", "tor", "min"];
    let mut tables = [("secrets", String::new()), ("pii", String::new()), ("injection", String::new())];
    for number in 0..count {
        let mut rest = number;
        let mut word = String::new();
        for _ in 0..3 {
            word.push_str(syllables.get(rest % syllables.len()).context("a syllable")?);
            rest /= syllables.len();
        }
        let (keyword, pattern, entity) = match number % 3 {
            0 => (format!("{word}_"), format!("\\b({word}_[0-9A-Za-z]{{24}})\\b"), "SECRET"),
            1 => (word.clone(), format!("{word}[ :=]+(\\d{{9,12}})\\b"), "SYNTHETIC"),
            _ => (word.clone(), format!("\\b{word} (?:all|the) \\w+ rules\\b"), "PROMPT_INJECTION"),
        };
        let (_, table) = tables.get_mut(number % 3).context("a table")?;
        table.push_str(&format!(
            "[[rule]]\nid = \"synthetic-{number}\"\ndescription = \"A rule\"\nentity = \"{entity}\"\n\
             severity = \"low\"\nscore = 0.5\nkeywords = [\"{keyword}\"]\npattern = '{pattern}'\n"
        ));
    }
    Ok(tables.into())
}

/// Returns what the main thread, which does all the work, has used so far.
fn cpu_time() -> Result<Duration> {
    let path = "/proc/self/schedstat";
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Ok(Duration::from_nanos(nanos.with_context(|| format!("cannot understand {path}"))?))
}

const TEXT: &str = "\
Could you summarise the notes from the meeting on Tuesday and list who agreed to do what? The customer says that the \
parcel arrived with a broken lid and asks for a new one before the weekend. Please answer in two short paragraphs, \
friendly in tone, and offer a replacement. Invoice 2026-0311 over EUR 1,249.00 was paid on 11 March by Anna Schmidt, \
anna.schmidt@example.org. What is the difference between a mutex and a semaphore, and when would I use which?\n";
