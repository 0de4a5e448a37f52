//! The table of a load measurement.

use std::{fmt::Write as _, time::Duration};

use anyhow::Result;
use serde_json::{Value, json};

use super::{facts, ghz::Run};

/// One round at one size: both servers, one behind the other.
#[derive(Clone, Debug)]
pub(super) struct Measurement {
    pub(super) size: usize,
    pub(super) round: u32,
    pub(super) full: Run,
    pub(super) empty: Run,
}

/// Draws the table: the median of the rounds for each size.
pub(super) fn table(measurements: &[Measurement]) -> Result<String> {
    let mut table = String::from(
        "| prompt, bytes | server CPU, µs/request | empty, µs/request | ratio | p50, ms | empty | p99, ms | empty |\n\
         |---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for rounds in measurements.chunk_by(|one, other| one.size == other.size) {
        let of = |value: fn(&Measurement) -> f64| median(rounds.iter().map(value).collect());
        let size = rounds.first().map_or(0, |round| round.size);
        writeln!(
            table,
            "| {size} | {:.1} | {:.1} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
            of(|round| micros(round.full.cpu_per_request)),
            of(|round| micros(round.empty.cpu_per_request)),
            of(ratio),
            of(|round| millis(round.full.p50)),
            of(|round| millis(round.empty.p50)),
            of(|round| millis(round.full.p99)),
            of(|round| millis(round.empty.p99)),
        )?;
    }
    Ok(table)
}

/// Frames the table with what it means and where it was measured.
pub(super) fn markdown(facts: &Value, table: &str) -> String {
    format!(
        "# Load\n\nWritten by `cargo xtask bench load`; the raw results lie in `load.json`. `Scan` over mutual TLS on \
         loopback, with the audit log on, against an empty handler with the same TLS configuration, certificates and \
         build profile, in turns; medians of the rounds. Trust the ratio: it is CPU time from one run. Percentiles \
         hold the time that ghz itself takes from the same cores.\n\n{table}\n{}",
        facts::list(facts)
    )
}

/// Writes everything that was measured.
pub(super) fn json(facts: &Value, measurements: &[Measurement]) -> Result<String> {
    let run = |run: &Run| json!({ "server_cpu_us_per_request": micros(run.cpu_per_request), "ghz": run.raw });
    let rounds: Vec<Value> = measurements
        .iter()
        .map(|round| {
            json!({
                "prompt_bytes": round.size,
                "round": round.round,
                "ratio": ratio(round),
                "llm_shield": run(&round.full),
                "empty": run(&round.empty),
            })
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&json!({ "facts": facts, "rounds": rounds }))?;
    text.push('\n');
    Ok(text)
}

fn ratio(round: &Measurement) -> f64 {
    round.full.cpu_per_request.as_secs_f64() / round.empty.cpu_per_request.as_secs_f64()
}

pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied().unwrap_or(f64::NAN);
    if values.len() % 2 == 1 {
        return upper;
    }
    let lower = middle.checked_sub(1).and_then(|lower| values.get(lower)).copied().unwrap_or(f64::NAN);
    f64::midpoint(lower, upper)
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(cpu_us: u64) -> Run {
        let (p50, p99) = (Duration::from_millis(1), Duration::from_millis(2));
        Run { succeeded: 1, cpu_per_request: Duration::from_micros(cpu_us), p50, p99, raw: Value::Null }
    }

    #[test]
    fn medians() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn sizes_have_a_line_each() {
        let rounds: Vec<Measurement> = [(200, 30), (200, 60), (200, 45), (2_048, 90)]
            .into_iter()
            .map(|(size, cpu)| Measurement { size, round: 1, full: run(cpu), empty: run(30) })
            .collect();
        let table = table(&rounds).unwrap();
        let lines: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| 200 | 45.0 | 30.0 | 1.50 | 1.00 | 1.00 | 2.00 | 2.00 |",
                "| 2048 | 90.0 | 30.0 | 3.00 | 1.00 | 1.00 | 2.00 | 2.00 |",
            ]
        );
    }
}
