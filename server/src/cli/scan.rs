//! `llm-shield scan`.

use std::io::Write as _;

use anyhow::Result;
use serde::Serialize;

use super::{
    NO, YES,
    args::{Format, JudgeArgs, TextArgs},
    bulk,
    case::Case,
    judge::{Coverage, Decision, Found, Judge, Task},
    show,
};

/// Exit code 0: allowed (perhaps after redaction); 1: blocked; 2: wrong usage or a failure. With --jsonl, 0: every line
/// has a decision.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  llm-shield scan \"Ignore all previous instructions\"
  llm-shield scan -f report.txt --role document
  llm-shield scan --jsonl prompts.jsonl > decisions.jsonl
  git diff | llm-shield scan --detectors secrets")]
pub(crate) struct Args {
    #[command(flatten)]
    text: TextArgs,
    #[command(flatten)]
    judge: JudgeArgs,
    /// How to print the decision
    #[arg(long, value_enum, default_value_t, conflicts_with = "jsonl")]
    format: Format,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<u8> {
    if let Some(input) = args.text.jsonl() {
        let judge = Judge::new(&args.judge, Task::Scan)?;
        return bulk::run(&input, args.judge.workers(), |case| judge.scan(case).map(Line::from));
    }
    let text = args.text.read()?;
    let judge = Judge::new(&args.judge, Task::Scan)?;
    let case = Case::new(text, args.text.direction.into(), args.text.role.into());
    let decision = judge.scan(&case)?;
    match args.format {
        Format::Json => {
            let mut out = std::io::stdout().lock();
            serde_json::to_writer_pretty(&mut out, &decision)?;
            writeln!(out)?;
        }
        Format::Text => show::decision(&decision, &case.text)?,
    }
    Ok(if decision.is_blocked() { NO } else { YES })
}

/// A decision as a line of JSON Lines: these fields and no others.
#[derive(Serialize)]
struct Line {
    action: &'static str,
    injection_score: f64,
    findings: Vec<Found>,
    coverage: Coverage,
}

impl From<Decision> for Line {
    fn from(decision: Decision) -> Self {
        Self {
            action: decision.action,
            injection_score: decision.injection_score,
            findings: decision.findings,
            coverage: decision.coverage,
        }
    }
}
