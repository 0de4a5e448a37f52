//! What `.ci/run` runs: every check in a row, timed, going on behind a failure so that one run shows all.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{checks, clients, counts::Counts, demo, docs, terraform};

/// A check that is no test counts as a failed one when it fails, and not at all when it succeeds.
fn check(run: fn() -> Result<()>) -> impl Fn() -> Result<Counts> {
    move || run().map(|()| Counts::default())
}

/// Runs all checks. The last line is the sum of the tests.
pub(crate) fn run() -> ExitCode {
    // The quick ones first. clippy, rustdoc and the tests share what they compile; the demo uses what the tests built.
    let mut report = Report::default();
    report.step("format", check(checks::format));
    report.step("shell scripts", check(checks::shell_scripts));
    report.step("Dockerfile", check(checks::dockerfiles));
    report.step("schema", check(checks::proto));
    report.step("documents", docs::references);
    report.step("terraform", terraform::check);
    report.step("IAM policies", check(terraform::operators_policies));
    report.step("clippy", check(checks::clippy));
    report.step("documentation", check(checks::documentation));
    report.step("tests", || checks::test(&[]));
    report.step("demo", check(demo::run));
    report.step("commands", docs::commands);
    report.step("clients: go", || clients::test("go"));
    report.step("clients: python", || clients::test("python"));
    report.step("clients: typescript", || clients::test("typescript"));
    report.step("clients: java", || clients::test("java"));
    report.step("clients: lambda", || clients::test("lambda"));
    report.step("training", checks::training);
    report.step("dependencies", check(checks::deny));
    report.finish()
}

#[derive(Debug, Default)]
struct Report {
    lines: Vec<String>,
    counts: Counts,
}

impl Report {
    fn step(&mut self, name: &str, run: impl Fn() -> Result<Counts>) {
        println!("\n=== {name}");
        let start = Instant::now();
        let outcome = run();
        let failed = match outcome {
            Ok(counts) => {
                self.counts += counts;
                counts.failed > 0
            }
            Err(error) => {
                println!("error: {error:#}");
                self.counts.failed += 1;
                true
            }
        };
        let line = line(name, failed, start.elapsed());
        println!("=== {line}");
        self.lines.push(line);
    }

    fn finish(self) -> ExitCode {
        println!();
        for line in &self.lines {
            println!("{line}");
        }
        println!("{}", self.counts);
        if self.counts.failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

fn line(name: &str, failed: bool, took: Duration) -> String {
    format!("{name:<19} {:<7} {:>7.1} s", if failed { "FAILED" } else { "ok" }, took.as_secs_f64())
}
