//! How many tests ran, as the test programs themselves report it.

use std::{
    fmt,
    io::{BufRead as _, BufReader},
    ops::AddAssign,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// Runs a program of tests to its end, shows what it says, and adds up what `read` makes of its lines.
pub(crate) fn run(command: &mut Command, read: fn(&str) -> Option<Counts>) -> Result<Counts> {
    let shown = shell::show(command);
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run `{shown}`"))?;
    let output = child.stdout.take().with_context(|| format!("`{shown}` has no output"))?;
    let mut counts = Counts::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.with_context(|| format!("cannot read the output of `{shown}`"))?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        if let Some(result) = read(&line) {
            counts += result;
        }
    }
    let status = child.wait().with_context(|| format!("cannot wait for `{shown}`"))?;
    // A test program that does not build, or that dies, reports nothing.
    if !status.success() && counts.failed == 0 {
        counts.failed = 1;
    }
    Ok(counts)
}

/// The outcome of some tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    /// Reads the line with which libtest ends: `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    pub(crate) fn from_result_line(line: &str) -> Option<Self> {
        let fields = line.trim().strip_prefix("test result: ")?.split_once(". ")?.1;
        let mut counts = Self::default();
        for field in fields.split("; ") {
            let Some((number, word)) = field.split_once(' ') else { continue };
            let count = match word {
                "passed" => &mut counts.passed,
                "failed" => &mut counts.failed,
                "ignored" => &mut counts.skipped,
                _ => continue,
            };
            *count = number.parse().ok()?;
        }
        Some(counts)
    }

    /// Reads a line of `go test -v`: `--- PASS: TestName (0.00s)`, indented for a subtest.
    pub(crate) fn from_go_line(line: &str) -> Option<Self> {
        let (outcome, _) = line.trim_start().strip_prefix("--- ")?.split_once(": ")?;
        match outcome {
            "PASS" => Some(Self { passed: 1, ..Self::default() }),
            "FAIL" => Some(Self { failed: 1, ..Self::default() }),
            "SKIP" => Some(Self { skipped: 1, ..Self::default() }),
            _ => None,
        }
    }

    /// Reads the line with which pytest ends: `=== 1 failed, 3 passed, 2 skipped in 1.20s ===`.
    pub(crate) fn from_pytest_line(line: &str) -> Option<Self> {
        let (fields, took) = line.trim_matches(['=', ' ']).rsplit_once(" in ")?;
        let seconds = took.split(' ').next()?.strip_suffix('s')?;
        seconds.parse::<f64>().ok()?;
        let mut counts = Self::default();
        for field in fields.split(", ") {
            let (number, word) = field.split_once(' ')?;
            let number: u64 = number.parse().ok()?;
            match word {
                "passed" => counts.passed += number,
                "failed" | "error" | "errors" => counts.failed += number,
                "skipped" => counts.skipped += number,
                _ => {}
            }
        }
        Some(counts)
    }

    /// Reads one of the lines with which `node --test` ends: `# pass 3`, `# fail 0`, `# skipped 1`.
    pub(crate) fn from_tap_line(line: &str) -> Option<Self> {
        let (word, number) = line.strip_prefix("# ")?.split_once(' ')?;
        let number = number.parse().ok()?;
        match word {
            "pass" => Some(Self { passed: number, ..Self::default() }),
            "fail" | "cancelled" => Some(Self { failed: number, ..Self::default() }),
            "skipped" | "todo" => Some(Self { skipped: number, ..Self::default() }),
            _ => None,
        }
    }

    /// Reads the line with which Surefire ends: `Tests run: 9, Failures: 1, Errors: 1, Skipped: 2`, behind a level. The
    /// lines of single classes go on behind that.
    pub(crate) fn from_surefire_line(line: &str) -> Option<Self> {
        let mut number = line.split_once("Tests run: ")?.1.split(", ").map(|field| {
            let digits = field.rsplit_once(' ').map_or(field, |(_, digits)| digits);
            digits.parse::<u64>().ok()
        });
        let [run, failures, errors, skipped] =
            [number.next()??, number.next()??, number.next()??, number.next()??];
        let failed = failures.checked_add(errors)?;
        let passed = run.checked_sub(failed.checked_add(skipped)?)?;
        number.next().is_none().then_some(Self { passed, failed, skipped })
    }

    /// Turns failed tests into an error.
    pub(crate) fn into_result(self) -> Result<()> {
        if self.failed > 0 {
            bail!("{self}");
        }
        println!("{self}");
        Ok(())
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_counted() {
        let ok =
            "test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 9 filtered out; finished in 0.05s";
        assert_eq!(Counts::from_result_line(ok), Some(Counts { passed: 12, failed: 0, skipped: 3 }));
        let failed = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(Counts::from_result_line(failed), Some(Counts { passed: 1, failed: 2, skipped: 0 }));
    }

    #[test]
    fn pytest_lines_are_counted() {
        let read = |line| Counts::from_pytest_line(line).map(|counts| counts.to_string());
        assert_eq!(
            read("155 passed in 61.20s (0:01:01)").as_deref(),
            Some("155 passed, 0 failed, 0 skipped")
        );
        assert_eq!(
            read("==== 1 failed, 3 passed, 2 skipped, 1 error in 1.20s ====").as_deref(),
            Some("3 passed, 2 failed, 2 skipped")
        );
        for line in ["3.1s call tests/a.py::b", "....  [100%]", "no tests ran in 0.01s", "found 3 in 4 files"]
        {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn go_lines_are_counted() {
        let read = |line| Counts::from_go_line(line).map(|counts| counts.to_string());
        assert_eq!(read("--- PASS: TestSlice (0.00s)").as_deref(), Some("1 passed, 0 failed, 0 skipped"));
        assert_eq!(read("    --- FAIL: TestA/b (0.01s)").as_deref(), Some("0 passed, 1 failed, 0 skipped"));
        assert_eq!(read("--- SKIP: TestC (0.00s)").as_deref(), Some("0 passed, 0 failed, 1 skipped"));
        for line in ["=== RUN   TestSlice", "PASS", "ok  \texample.org/a\t0.1s", "--- BENCH: B"] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn tap_lines_are_counted() {
        let lines = [
            "# tests 6",
            "# suites 1",
            "# pass 3",
            "# fail 1",
            "# cancelled 1",
            "# skipped 1",
            "# duration_ms 9.5",
        ];
        let mut counts = Counts::default();
        for read in lines.into_iter().filter_map(Counts::from_tap_line) {
            counts += read;
        }
        assert_eq!(counts, Counts { passed: 3, failed: 2, skipped: 1 });
        assert_eq!(Counts::from_tap_line("ok 1 - # pass 3"), None);
    }

    #[test]
    fn surefire_lines_are_counted() {
        let sum = Counts::from_surefire_line("[ERROR] Tests run: 9, Failures: 1, Errors: 2, Skipped: 2");
        assert_eq!(sum, Some(Counts { passed: 4, failed: 3, skipped: 2 }));
        let class = "[INFO] Tests run: 9, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.1 s -- in a.B";
        assert_eq!(Counts::from_surefire_line(class), None);
        assert_eq!(Counts::from_surefire_line("Tests run: many"), None);
    }

    #[test]
    fn other_lines_are_not() {
        for line in
            ["", "running 3 tests", "test result of mine ... ok", "test a::b ... ok", "test result: ok"]
        {
            assert_eq!(Counts::from_result_line(line), None, "{line}");
        }
    }

    #[test]
    fn sum_is_shown_in_one_line() {
        let mut sum = Counts { passed: 1, failed: 0, skipped: 0 };
        sum += Counts { passed: 2, failed: 1, skipped: 4 };
        assert_eq!(sum.to_string(), "3 passed, 1 failed, 4 skipped");
    }
}
