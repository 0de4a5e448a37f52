//! `llm-shield audit export`.

use std::{
    fs::OpenOptions,
    io::{BufWriter, IsTerminal as _, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    super::{YES, show},
    StoreArgs, copy, ocsf,
    query::FilterArgs,
    reading::Reading,
};

/// What to write, and where.
#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// As what
    #[arg(long, value_enum, default_value_t)]
    format: ExportFormat,
    /// The file to write, or with `store` the directory; standard output by default
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// As what records are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum ExportFormat {
    /// The record as it is kept, with its place in the log and its leaf hash, one object a line
    #[default]
    Jsonl,
    /// OCSF 1.4 Detection Finding (class 2004), one object a line
    Ocsf,
    /// All of the log as it is stored, sealed, without a filter: `verify` and `proof` take it as --store, with the public
    /// key alone
    Store,
}

/// Runs the command.
pub(crate) async fn run(args: ExportArgs) -> Result<u8> {
    if args.format == ExportFormat::Store {
        ensure!(!args.filter.is_given(), "--format store takes all of the log, without a filter");
        let to = args.output.as_ref().context("--output is needed: the directory to make")?;
        let count = copy::run(&args.store, to).await?;
        show::note(&format!("{count} files written to {}", to.display()));
        return Ok(YES);
    }
    let store = args.store.open().await?;
    let mut out: Box<dyn Write> = match &args.output {
        Some(file) => {
            // For its owner alone: records can hold contents.
            let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file);
            let made = made.with_context(|| format!("cannot write {}", file.display()))?;
            Box::new(BufWriter::new(made))
        }
        None => Box::new(BufWriter::new(std::io::stdout())),
    };
    let progress = progress_bar("written");
    let mut records = Reading::start(&store, &args.store, &args.filter, "export").await?;
    while let Some(record) = records.next().await? {
        if args.format == ExportFormat::Ocsf {
            serde_json::to_writer(&mut out, &ocsf::finding(&record))?;
        } else {
            serde_json::to_writer(&mut out, &record)?;
        }
        out.write_all(b"\n")?;
        progress.inc(1);
    }
    out.flush().context("cannot write the export")?;
    let count = progress.position();
    progress.finish_and_clear();
    show::note(&format!("{count} records written; {}", records.opened()));
    if let Some(token) = records.page_token() {
        show::note(&format!("to go on: --page-token {token}"));
    }
    Ok(YES)
}

/// A count of records on a terminal.
pub(crate) fn progress_bar(done: &str) -> ProgressBar {
    let progress =
        if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    if let Ok(style) =
        ProgressStyle::with_template(&format!("{{spinner}} {{pos}} records {done}, {{per_sec}}"))
    {
        progress.set_style(style);
    }
    progress
}
