//! `llm-shield audit`.

use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use llm_shield::SIGNING_KEY;
use llm_shield_audit::{Action, AuditRecord, Query, Store, StoreKeys, Tenant};
use llm_shield_cloud::local::KeyRing;
use uuid::Uuid;

use super::{
    NO, YES,
    args::{DataArgs, Format},
    show,
};

/// Commands on the audit log. They read the store itself and work beside a running server.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List decisions
    List(ListArgs),
    /// Show one decision with all that is kept of it, as JSON
    Show {
        /// The record's id
        id: Uuid,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Check that nothing was changed, dropped, reordered, cut off or forged (exit code 1: something was)
    Verify {
        #[command(flatten)]
        store: StoreArgs,
        /// How to print the result
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Which store, and the keys to it.
#[derive(Args, Debug)]
pub(crate) struct StoreArgs {
    /// The store's directory; `audit` under the data directory by default
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// The key ring's file; by default `keys/ring.json` beside the store, or else under the data directory
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// One tenant's log alone; all by default
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    #[command(flatten)]
    data: DataArgs,
}

/// What to list.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Decisions at or after this time, such as 2026-11-22T08:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Decisions before this time
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Decisions with one of these actions
    #[arg(long, value_enum, value_delimiter = ',', value_name = "ACTIONS")]
    action: Vec<ActionArg>,
    /// Decisions on calls of this principal
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// The most decisions to list
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Newest first
    #[arg(long)]
    newest_first: bool,
    /// How to print them; `json` is one object a line
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// [`Action`] as an argument.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ActionArg {
    Allow,
    Flag,
    Redact,
    Block,
}

impl From<ActionArg> for Action {
    fn from(action: ActionArg) -> Self {
        match action {
            ActionArg::Allow => Self::Allow,
            ActionArg::Flag => Self::Flag,
            ActionArg::Redact => Self::Redact,
            ActionArg::Block => Self::Block,
        }
    }
}

/// Runs the command.
pub(crate) fn run(command: Command) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        match command {
            Command::List(args) => list(args).await,
            Command::Show { id, store } => show_one(id, &store).await,
            Command::Verify { store, format } => verify(&store, format).await,
        }
    })
}

impl StoreArgs {
    async fn open(&self) -> Result<Store> {
        let dir = match &self.store {
            Some(dir) if dir.to_str().is_some_and(|dir| dir.starts_with("s3://")) => {
                bail!("this build reads local stores only: copy the bucket's prefix to a directory first")
            }
            Some(dir) => dir.clone(),
            None => self.data.dir()?.join("audit"),
        };
        if !dir.is_dir() {
            bail!("there is no audit store at {}", dir.display());
        }
        let ring = self.key_ring(&dir)?;
        let keys = KeyRing::open(&ring)
            .with_context(|| format!("cannot use the key ring {} (give --keys)", ring.display()))?;
        let keys =
            StoreKeys::Manager { key_manager: Arc::new(keys), signing_key_ids: vec![SIGNING_KEY.to_owned()] };
        Ok(Store::open(dir, keys).await?)
    }

    fn key_ring(&self, store: &std::path::Path) -> Result<PathBuf> {
        if let Some(file) = &self.keys {
            return Ok(file.clone());
        }
        let beside = store.canonicalize()?.parent().map(|parent| parent.join("keys/ring.json"));
        match beside {
            Some(file) if file.exists() => Ok(file),
            _ => Ok(self.data.dir()?.join("keys/ring.json")),
        }
    }

    fn tenant(&self) -> Result<Option<Tenant>> {
        self.tenant.as_deref().map(Tenant::new).transpose().context("--tenant")
    }

    async fn tenants(&self, store: &Store) -> Result<Vec<Tenant>> {
        Ok(match self.tenant()? {
            Some(tenant) => vec![tenant],
            None => store.tenants().await?,
        })
    }
}

async fn list(args: ListArgs) -> Result<u8> {
    let store = args.store.open().await?;
    let mut left = args.limit;
    let mut count = 0_u64;
    for tenant in args.store.tenants(&store).await? {
        let mut records = store.query(Query {
            start: args.since,
            end: args.until,
            actions: args.action.iter().map(|&action| action.into()).collect(),
            principal: args.principal.clone(),
            newest_first: args.newest_first,
            limit: left,
            ..Query::of(tenant)
        })?;
        while let Some(record) = records.next().await {
            let record = record?;
            count += 1;
            left = left.map(|left| left.saturating_sub(1));
            match args.format {
                Format::Text => show::print(&summary(&record))?,
                Format::Json => print_json(&record)?,
            }
        }
    }
    if args.format == Format::Text && count == 0 {
        show::note("no decisions match");
    }
    Ok(YES)
}

/// One line about a decision.
fn summary(record: &AuditRecord) -> String {
    let decision = &record.decision;
    let action = name(decision.action).to_uppercase();
    let style = show::action_style(&action);
    let mut found: Vec<(&str, usize)> = Vec::new();
    for finding in &decision.findings {
        match found.iter_mut().find(|(entity, _)| *entity == finding.entity) {
            Some((_, count)) => *count += 1,
            None => found.push((&finding.entity, 1)),
        }
    }
    let mut line = format!(
        "{}  {}  {style}{action:<6}{style:#}  {:<10}  {}/{}  {}",
        record.time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"),
        record.id,
        decision.rpc,
        decision.tenant,
        decision.principal,
        name(decision.verdict),
    );
    for (index, (entity, count)) in found.iter().enumerate() {
        let separator = if index == 0 { ": " } else { ", " };
        let times = if *count == 1 { String::new() } else { format!("{count} ") };
        line.push_str(&format!("{separator}{times}{entity}"));
    }
    line.push('\n');
    line
}

/// The name under which a plain enumeration serialises.
fn name(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

fn print_json(record: &AuditRecord) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, record)?;
    Ok(writeln!(out)?)
}

async fn show_one(id: Uuid, args: &StoreArgs) -> Result<u8> {
    let store = args.open().await?;
    for tenant in args.tenants(&store).await? {
        let mut records = store.query(Query { record_id: Some(id), limit: Some(1), ..Query::of(tenant) })?;
        if let Some(record) = records.next().await {
            let mut out = std::io::stdout().lock();
            serde_json::to_writer_pretty(&mut out, &record?)?;
            writeln!(out)?;
            return Ok(YES);
        }
    }
    bail!("there is no record {id}")
}

async fn verify(args: &StoreArgs, format: Format) -> Result<u8> {
    let store = args.open().await?;
    let progress =
        if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} records checked, {per_sec}") {
        progress.set_style(style);
    }
    let bar = progress.clone();
    let tenant = args.tenant()?;
    let report = store.verify(tenant.as_ref(), move |progress| bar.set_position(progress.records)).await?;
    progress.finish_and_clear();
    match format {
        Format::Json => {
            let problem = report
                .problem
                .as_ref()
                .map(|problem| serde_json::json!({"object": problem.object, "what": problem.what}));
            let result = serde_json::json!({
                "intact": report.problem.is_none(),
                "records": report.records,
                "segments": report.segments,
                "tenants": report.tenants,
                "problem": problem,
            });
            show::print(&format!("{result}\n"))?;
        }
        Format::Text => match &report.problem {
            None => show::print(&format!(
                "intact: {} records in {} segments of {} tenants\n",
                report.records, report.segments, report.tenants
            ))?,
            Some(problem) => {
                show::print(&format!("NOT INTACT: {}: {}\n", problem.object, problem.what))?;
            }
        },
    }
    Ok(if report.problem.is_none() { YES } else { NO })
}
