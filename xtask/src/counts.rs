//! How many tests ran, as the test programs themselves report it.

use std::{fmt, ops::AddAssign};

use anyhow::{Result, bail};

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
