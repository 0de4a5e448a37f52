//! `llm-shield redact`.

use std::io::Write as _;

use anyhow::Result;
use serde::Serialize;

use super::{
    NO, YES,
    args::{Format, JudgeArgs, KeyArgs, TextArgs},
    bulk,
    case::Case,
    judge::{Judge, Redacted, Replaced, Task},
    show,
};

/// The text goes to standard output, what was replaced to standard error. Exit code 0: done; 1: done, and the policy
/// blocks this text even so; 2: wrong usage or a failure. With --jsonl, 0: every line was redacted.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  llm-shield redact \"mail grace@example.com\"
  llm-shield redact -f chat.log > chat.clean.log
  llm-shield redact --policy tokens.yaml --data-dir DIR \"mail grace@example.com\"
  llm-shield redact --jsonl texts.jsonl > redacted.jsonl")]
pub(crate) struct Args {
    #[command(flatten)]
    text: TextArgs,
    #[command(flatten)]
    judge: JudgeArgs,
    #[command(flatten)]
    keys: KeyArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, conflicts_with = "jsonl")]
    format: Format,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<u8> {
    if let Some(input) = args.text.jsonl() {
        let judge = Judge::new(&args.judge, Task::Redact(&args.keys))?;
        return bulk::run(&input, args.judge.workers(), |case| judge.redact(case).map(Line::from));
    }
    let text = args.text.read()?;
    let judge = Judge::new(&args.judge, Task::Redact(&args.keys))?;
    let case = Case::new(text, args.text.direction.into(), args.text.role.into());
    let redacted = judge.redact(&case)?;
    let mut out = std::io::stdout().lock();
    match args.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &redacted)?;
            writeln!(out)?;
        }
        Format::Text => {
            out.write_all(redacted.text.as_bytes())?;
            if !redacted.text.ends_with('\n') {
                writeln!(out)?;
            }
            out.flush()?;
            show::redactions(&redacted)?;
        }
    }
    Ok(if redacted.is_blocked() { NO } else { YES })
}

/// A redacted text as a line of JSON Lines: these fields and no others.
#[derive(Serialize)]
struct Line {
    text: String,
    spans: Vec<Replaced>,
}

impl From<Redacted> for Line {
    fn from(redacted: Redacted) -> Self {
        Self { text: redacted.text, spans: redacted.spans }
    }
}
