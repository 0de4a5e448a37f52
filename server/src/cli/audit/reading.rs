//! The records that a filter lets through, of one tenant's log or of all in the order of time.

use anyhow::{Result, bail, ensure};
use llm_shield_audit::{AuditRecord, Query, RecordStream, Store};

use super::{StoreArgs, query::FilterArgs};

/// How many tenants' logs are read side by side.
const MOST_TENANTS: usize = 64;

/// Records as they come.
pub(crate) struct Reading {
    streams: Vec<Stream>,
    newest_first: bool,
    left: Option<u64>,
    /// The page token behind the last record, where there is one tenant.
    token: Option<String>,
}

/// One tenant's records, the next of them read ahead.
struct Stream {
    query: Query,
    records: RecordStream,
    next: Option<AuditRecord>,
}

impl Reading {
    /// Begins to read.
    pub(crate) async fn start(
        store: &Store,
        args: &StoreArgs,
        filter: &FilterArgs,
        command: &str,
    ) -> Result<Self> {
        filter.check()?;
        let tenants = args.tenants(store).await?;
        if tenants.len() > MOST_TENANTS {
            bail!(
                "there are {} tenants, and {MOST_TENANTS} are read at a time: name one with --tenant",
                tenants.len()
            );
        }
        ensure!(
            filter.page_token().is_none() || tenants.len() == 1,
            "--page-token goes on in one tenant's log: name it with --tenant"
        );
        args.note_read(command, &tenants).await?;
        let mut streams = Vec::new();
        for tenant in tenants {
            let query = filter.query(tenant);
            ensure!(query.takes_page_token(), "--page-token is not of this query");
            let mut records = store.query(query.clone())?;
            let next = records.next().await.transpose()?;
            streams.push(Stream { query, records, next });
        }
        Ok(Self { streams, newest_first: filter.newest_first(), left: filter.limit(), token: None })
    }

    /// Returns the next record: of all tenants' the oldest, or newest.
    pub(crate) async fn next(&mut self) -> Result<Option<AuditRecord>> {
        if self.left == Some(0) {
            return Ok(None);
        }
        let waiting = self.streams.iter_mut().filter(|stream| stream.next.is_some());
        let time = |stream: &&mut Stream| stream.next.as_ref().map(|record| (record.time, record.id));
        let chosen = if self.newest_first { waiting.max_by_key(time) } else { waiting.min_by_key(time) };
        let Some(chosen) = chosen else { return Ok(None) };
        let record = chosen.next.take();
        self.left = self.left.map(|left| left.saturating_sub(1));
        if self.left != Some(0) {
            chosen.next = chosen.records.next().await.transpose()?;
        }
        self.token = record.as_ref().map(|record| chosen.query.page_token_after(record));
        Ok(record)
    }

    /// Returns what goes on behind the last record, where the limit ended the answer and it is of one tenant.
    pub(crate) fn page_token(&self) -> Option<&str> {
        self.token.as_deref().filter(|_| self.left == Some(0) && self.streams.len() == 1)
    }

    /// Says how many segments were opened, of how many.
    pub(crate) fn opened(&self) -> String {
        let sum = |of: fn(&Stream) -> u64| self.streams.iter().map(of).sum::<u64>();
        let (opened, all) = (
            sum(|stream| stream.records.progress().opened()),
            sum(|stream| stream.records.progress().segments()),
        );
        format!("opened {opened} of {all} segments")
    }
}
