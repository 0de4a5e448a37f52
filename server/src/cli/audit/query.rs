//! `llm-shield audit list` and `show`.

use std::io::Write as _;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use llm_shield_audit::{Action, AuditRecord, Query, Tenant};
use uuid::Uuid;

use super::{
    super::{YES, args::Format, show},
    StoreArgs,
    reading::Reading,
};

/// What to list.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// How to print them; `json` is one object a line
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Which decisions.
#[derive(Args, Debug)]
pub(crate) struct FilterArgs {
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
    /// Decisions on calls of this RPC, such as Scan
    #[arg(long, value_name = "NAME")]
    rpc: Option<String>,
    /// Decisions with a finding of one of these detectors
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    detector: Vec<String>,
    /// Decisions with a finding of one of these categories
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    category: Vec<String>,
    /// Decisions with this label; may be given more than once
    #[arg(long, value_parser = label, value_name = "NAME=VALUE")]
    label: Vec<(String, String)>,
    /// Decisions on contents about this subject, by its tag (the field `subject` of a record)
    #[arg(long, value_name = "TAG")]
    subject: Option<String>,
    /// Reads of the log too
    #[arg(long)]
    reads: bool,
    /// The most decisions, of all tenants together
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Go on where an answer to the same query ended that --limit cut short. Needs --tenant
    #[arg(long, value_name = "TOKEN")]
    page_token: Option<String>,
    /// Newest first
    #[arg(long)]
    newest_first: bool,
}

/// [`Action`] as an argument.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ActionArg {
    Allow,
    Flag,
    Redact,
    Block,
}

impl FilterArgs {
    /// Returns the query for one tenant's decisions.
    pub(crate) fn query(&self, tenant: Tenant) -> Query {
        Query {
            start: self.since,
            end: self.until,
            actions: self.action.iter().map(|&action| action.into()).collect(),
            principal: self.principal.clone(),
            rpc: self.rpc.clone(),
            detectors: self.detector.clone(),
            categories: self.category.clone(),
            labels: self.label.iter().cloned().collect(),
            subject: self.subject.clone(),
            reads: self.reads,
            newest_first: self.newest_first,
            limit: self.limit,
            page_token: self.page_token.clone(),
            ..Query::of(tenant)
        }
    }

    /// Returns whether anything is asked for.
    pub(crate) fn is_given(&self) -> bool {
        let Self { since, until, action, principal, rpc, detector, category, label, subject, .. } = self;
        since.or(*until).is_some()
            || !(action.is_empty() && detector.is_empty() && category.is_empty() && label.is_empty())
            || principal.is_some()
            || rpc.is_some()
            || subject.is_some()
            || self.reads
            || self.limit.is_some()
            || self.page_token.is_some()
            || self.newest_first
    }

    /// Refuses a time that ends before it begins.
    pub(crate) fn check(&self) -> Result<()> {
        match (self.since, self.until) {
            (Some(since), Some(until)) if since >= until => {
                bail!("--until {until} is not after --since {since}")
            }
            _ => Ok(()),
        }
    }

    /// Returns the most decisions that are wanted.
    pub(crate) const fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Returns whether the newest are wanted first.
    pub(crate) const fn newest_first(&self) -> bool {
        self.newest_first
    }

    /// Returns where to go on.
    pub(crate) fn page_token(&self) -> Option<&str> {
        self.page_token.as_deref()
    }
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

pub(crate) async fn list(args: ListArgs) -> Result<u8> {
    let store = args.store.open().await?;
    let mut records = Reading::start(&store, &args.store, &args.filter, "list").await?;
    let mut count = 0_u64;
    while let Some(record) = records.next().await? {
        count += 1;
        match args.format {
            Format::Text => show::print(&summary(&record))?,
            Format::Json => print_json(&record)?,
        }
    }
    show::note(&records.opened());
    if let Some(token) = records.page_token() {
        show::note(&format!("to go on: --page-token {token}"));
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
pub(crate) fn name(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a label is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn print_json(record: &AuditRecord) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, record)?;
    Ok(writeln!(out)?)
}

pub(crate) async fn show_one(id: Uuid, args: &StoreArgs) -> Result<u8> {
    let store = args.open().await?;
    let tenants = args.tenants(&store).await?;
    args.note_read("show", &tenants).await?;
    for tenant in tenants {
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
