//! `llm-shield audit export`.

use std::{
    fs::File,
    io::{BufWriter, IsTerminal as _, Write},
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    super::{YES, show},
    StoreArgs, ocsf,
    query::FilterArgs,
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
    /// The file to write; standard output by default
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// As what records are written, one object a line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum ExportFormat {
    /// The record as it is kept, with its place in the log and its leaf hash
    #[default]
    Jsonl,
    /// OCSF 1.3 Detection Finding (class 2004)
    Ocsf,
}

/// Runs the command.
pub(crate) async fn run(args: ExportArgs) -> Result<u8> {
    let store = args.store.open().await?;
    let mut out: Box<dyn Write> = match &args.output {
        Some(file) => {
            let made = File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
            Box::new(BufWriter::new(made))
        }
        None => Box::new(BufWriter::new(std::io::stdout())),
    };
    let progress = progress_bar("written");
    let mut left = args.filter.limit();
    let (mut segments, mut opened) = (0, 0);
    for tenant in args.store.tenants(&store).await? {
        let mut records = store.query(args.filter.query(tenant, left))?;
        while let Some(record) = records.next().await {
            let record = record?;
            left = left.map(|left| left.saturating_sub(1));
            match args.format {
                ExportFormat::Jsonl => serde_json::to_writer(&mut out, &record)?,
                ExportFormat::Ocsf => serde_json::to_writer(&mut out, &ocsf::finding(&record))?,
            }
            out.write_all(b"\n")?;
            progress.inc(1);
        }
        segments += records.progress().segments();
        opened += records.progress().opened();
    }
    out.flush().context("cannot write the export")?;
    let count = progress.position();
    progress.finish_and_clear();
    show::note(&format!("{count} records written; opened {opened} of {segments} segments"));
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
