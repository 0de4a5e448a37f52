//! JSON Lines in bulk: an answer for each line, in order, whatever the line holds.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, IsTerminal as _},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    FAILED, YES,
    case::{Case, Malformed},
    pipeline::{self, Line, MAX_LINE_BYTES},
    show,
};

/// What is written for a line that could not be worked on.
#[derive(Serialize)]
struct Failure<'a> {
    id: Option<&'a RawValue>,
    error: String,
}

/// Writes `work`'s answer for each line of a file (`-`: standard input). Lines that are no case, and cases that fail,
/// get `{"id", "error"}`; the exit code then says so.
pub(crate) fn run<W, A>(input: &Path, workers: usize, work: W) -> Result<u8>
where
    W: Fn(&Case) -> Result<A> + Sync,
    A: Serialize,
{
    let (input, bytes): (Box<dyn BufRead + Send>, Option<u64>) = if input == Path::new("-") {
        (Box::new(BufReader::new(io::stdin())), None)
    } else {
        let file = File::open(input).with_context(|| format!("cannot read {}", input.display()))?;
        let bytes = file.metadata().ok().map(|metadata| metadata.len()).filter(|&length| length > 0);
        (Box::new(BufReader::with_capacity(1 << 18, file)), bytes)
    };
    let failures = AtomicUsize::new(0);
    let answer = |number: usize, line: Line| {
        answer(number, line, &work).unwrap_or_else(|failure| {
            failures.fetch_add(1, Ordering::Relaxed);
            failure
        })
    };
    let progress = progress_bar(bytes);
    let output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    pipeline::run(input, output, workers, answer, |bytes| progress.inc(bytes))?;
    progress.finish_and_clear();
    match failures.into_inner() {
        0 => Ok(YES),
        count => {
            show::note(&format!("{count} lines could not be worked on: see their `error`"));
            Ok(FAILED)
        }
    }
}

#[derive(Serialize)]
struct Answer<'a, A> {
    id: Option<&'a RawValue>,
    #[serde(flatten)]
    answer: A,
}

fn answer<W, A>(number: usize, line: Line, work: &W) -> Result<Vec<u8>, Vec<u8>>
where
    W: Fn(&Case) -> Result<A>,
    A: Serialize,
{
    let case = match line {
        Line::Whole(line) => Case::parse(&line),
        Line::TooLong => {
            Err(Malformed { id: None, problem: format!("the line is longer than {MAX_LINE_BYTES} bytes") })
        }
    };
    let case =
        case.map_err(|error| failure(error.id.as_deref(), format!("line {number}: {}", error.problem)))?;
    let id = case.id.as_deref();
    let done = work(&case).and_then(|answer| Ok(serde_json::to_vec(&Answer { id, answer })?));
    done.map_err(|error| failure(id, format!("line {number}: {error:#}")))
}

fn failure(id: Option<&RawValue>, error: String) -> Vec<u8> {
    // Two strings always serialise.
    serde_json::to_vec(&Failure { id, error }).unwrap_or_default()
}

/// A bar over the bytes of a file; hidden unless a person looks at it and the answers go elsewhere.
fn progress_bar(bytes: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() || io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(bytes, ProgressDrawTarget::stderr_with_hz(10));
    let template = if bytes.is_some() {
        "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}"
    } else {
        "{spinner} {bytes} {bytes_per_sec}"
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
