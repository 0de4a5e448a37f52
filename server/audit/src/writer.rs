//! The one thread that appends.
//!
//! It takes a group of what waits, seals it, writes each log's part at once, syncs, and answers everybody.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;

use crate::keeper::Moves;
use crate::key_keeper::KeyRequest;
use crate::log::Limits;
use crate::name::{LogId, LogName};
use crate::queue::Queue;
use crate::tenant_log::{Job, Room, SegmentKey, TenantLog};
use crate::walk::Position;
use crate::{AuditError, Result, Tenant};

/// What the writer is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Append a record.
    Append(Job),
    /// The key that was asked for, or why there is none.
    Key {
        /// Whose log.
        tenant: Tenant,
        /// The key.
        key: Result<SegmentKey>,
    },
    /// End the open segment of a log.
    End {
        /// Whose log.
        tenant: Tenant,
    },
    /// End the open segments that are old enough.
    EndOld,
    /// Finish what was taken, and end.
    Stop,
}

/// The writer's state.
pub(crate) struct Writer {
    pub(crate) store: PathBuf,
    pub(crate) id: LogId,
    pub(crate) limits: Limits,
    pub(crate) logs: BTreeMap<Tenant, TenantLog>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) key_requests: UnboundedSender<KeyRequest>,
    pub(crate) moves: Arc<Moves>,
    /// Held until the thread ends.
    pub(crate) _lock: Arc<File>,
}

impl Writer {
    /// Runs until it is told to stop.
    pub(crate) fn run(mut self) {
        let mut group = Vec::new();
        let mut expected = 1;
        let mut stopping = false;
        while !stopping {
            self.queue.take(&mut group, expected);
            let taken = group.len();
            let mut touched = Vec::new();
            for command in group.drain(..) {
                stopping |= self.take(command, &mut touched);
            }
            // Those who are answered and those who came meanwhile: so many callers there are.
            expected = taken.saturating_add(self.commit(&touched));
        }
        for (tenant, log) in &mut self.logs {
            if let Some(ended) = log.end() {
                self.moves.ended(tenant, ended);
            }
        }
    }

    /// Carries out a command up to the disk; returns whether it was the last.
    fn take(&mut self, command: Command, touched: &mut Vec<Tenant>) -> bool {
        match command {
            Command::Append(job) => self.append(job, touched),
            Command::Key { tenant, key } => self.install(tenant, key, touched),
            Command::End { tenant } => self.end(&tenant),
            Command::EndOld => self.end_old(),
            Command::Stop => return true,
        }
        false
    }

    fn append(&mut self, job: Job, touched: &mut Vec<Tenant>) {
        let now_us = Timestamp::now().as_microsecond();
        let tenant = job.tenant.clone();
        let log = self.logs.entry(tenant.clone()).or_insert_with(|| {
            let name = LogName { tenant: tenant.clone(), id: self.id.clone() };
            TenantLog::new(&self.store, name, Position::start())
        });
        if !log.touched {
            log.touched = true;
            touched.push(tenant.clone());
        }
        let room = log.room(now_us, self.limits);
        if matches!(room, Room::Overdrawn | Room::None)
            && let Some(key) = log.next_key.take()
        {
            let written = log.write();
            if log.finish(written, &mut || ()) {
                self.moves.moved(&tenant, log.durable());
            }
            match log.roll(key, now_us) {
                Ok(ended) => {
                    if let Some(ended) = ended {
                        self.moves.ended(&tenant, ended);
                    }
                    log.stage(job, now_us);
                }
                Err(error) => job.answer.send(Err(error)),
            }
        } else {
            if room != Room::Plenty && log.next_key.is_none() && !log.key_requested {
                let at = log.durable();
                let request = KeyRequest {
                    tenant: tenant.clone(),
                    segment: at.segment.saturating_add(1),
                    first: at.segment == 0,
                };
                log.key_requested = self.key_requests.send(request).is_ok();
            }
            match room {
                Room::None if log.key_requested => log.waiting.push(job),
                Room::None => job.answer.send(Err(AuditError::Closed)),
                _ => log.stage(job, now_us),
            }
        }
    }

    fn end(&mut self, tenant: &Tenant) {
        let Some(log) = self.logs.get_mut(tenant) else { return };
        let written = log.write();
        if log.finish(written, &mut || ()) {
            self.moves.moved(tenant, log.durable());
        }
        if let Some(ended) = log.end() {
            self.moves.ended(tenant, ended);
        }
    }

    fn end_old(&mut self) {
        let now_us = Timestamp::now().as_microsecond();
        let old = |log: &TenantLog| log.age_us(now_us).is_some_and(|age| age >= self.limits.segment_age_us);
        let old: Vec<Tenant> =
            self.logs.iter().filter(|(_, log)| old(log)).map(|(tenant, _)| tenant.clone()).collect();
        old.iter().for_each(|tenant| self.end(tenant));
    }

    fn install(&mut self, tenant: Tenant, key: Result<SegmentKey>, touched: &mut Vec<Tenant>) {
        let Some(log) = self.logs.get_mut(&tenant) else { return };
        log.key_requested = false;
        let waiting = std::mem::take(&mut log.waiting);
        match key {
            Ok(key) => {
                log.next_key = Some(key);
                waiting.into_iter().for_each(|job| self.append(job, touched));
            }
            Err(error) => waiting.into_iter().for_each(|job| job.answer.send(Err(error.clone()))),
        }
    }

    /// Writes, syncs and answers; returns how many more had come before the first answer. After it the same callers come
    /// again.
    fn commit(&mut self, touched: &[Tenant]) -> usize {
        // All logs are handed to the system before the first wait, so that the disk can take them together.
        let mut written = Vec::with_capacity(touched.len());
        for tenant in touched {
            if let Some(log) = self.logs.get_mut(tenant) {
                log.touched = false;
                written.push((tenant, log.write()));
            }
        }
        let (queue, mut meanwhile) = (Arc::clone(&self.queue), None);
        for (tenant, result) in written {
            let mut count = || meanwhile = meanwhile.or_else(|| Some(queue.len()));
            if let Some(log) = self.logs.get_mut(tenant)
                && log.finish(result, &mut count)
            {
                self.moves.moved(tenant, log.durable());
            }
        }
        meanwhile.unwrap_or_else(|| queue.len())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
    }
}
