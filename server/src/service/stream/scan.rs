//! What `ScanStream` lets out: findings, and how much of the text may be passed on.

use std::sync::Arc;

use llm_shield_detect::{Direction, OffsetIndex, Report, passable};
use llm_shield_proto::v1::{self, scan_stream_request, scan_stream_response::Message};

use super::{Kind, Piece, Stream, note_late};
use crate::{
    service::{decide, job::Job, map, options, scan_response},
    status::Fault,
};

/// What has been told of a scanned stream.
#[derive(Default)]
pub(crate) struct Scanning {
    told: Vec<v1::Finding>,
    released: usize,
    /// Where something begins that is not to pass.
    blocked: Option<usize>,
}

impl Kind for Scanning {
    type Request = v1::ScanStreamRequest;
    type Response = v1::ScanStreamResponse;

    const RPC: &'static str = "ScanStream";

    fn piece(request: v1::ScanStreamRequest) -> Option<Piece> {
        Some(match request.message? {
            scan_stream_request::Message::Config(config) => Piece::Config(config),
            scan_stream_request::Message::Delta(bytes) => Piece::Delta(bytes),
        })
    }

    fn takes(_mode: v1::StreamMode) -> bool {
        true
    }

    async fn advance(
        &mut self,
        stream: &mut Stream<v1::ScanStreamResponse>,
        job: Job,
    ) -> (Option<Job>, Result<(), Fault>) {
        if stream.mode == v1::StreamMode::Audit
            && let Err(gone) = self.release(stream, job.text().len())
        {
            return (Some(job), Err(gone));
        }
        let from = stream.settled;
        let then = move |job: &Job, report: &Report, to: usize| {
            let index = OffsetIndex::new(job.text());
            let certain =
                report.findings.iter().filter(|finding| finding.span.start >= from && finding.span.end <= to);
            Settled {
                findings: certain.map(|finding| map::finding(finding, CONTENT_ID, &index)).collect(),
                passable: passable(report, &job.policy, job.direction, to),
                to,
            }
        };
        let options = match stream.scan_options(&job).await {
            Ok(options) => options,
            Err(fault) => return (Some(job), Err(fault)),
        };
        match stream.look(job, options, then).await {
            Ok((job, Some(settled))) => (Some(job), self.let_out(stream, settled)),
            Ok((job, None)) => (Some(job), Err(Fault::DeadlineExceeded)),
            Err(fault) => (None, Err(fault)),
        }
    }

    async fn finish(&mut self, stream: &mut Stream<v1::ScanStreamResponse>, job: Job) -> Result<(), Fault> {
        stream.renew();
        let (parts, context) = (Arc::clone(&stream.parts), stream.context.clone());
        let (mut job, mut decision) = parts.judge(&context, job, true).await?;
        let fresh = self.untold(&decision.findings);
        let late = fresh.iter().filter(|finding| start(finding) < self.released as u64).count();
        if stream.mode == v1::StreamMode::Sliding {
            note_late(Self::RPC, &mut job, &mut decision, late);
        }
        let length = job.text().len();
        let summary = scan_response(&parts, &context, Self::RPC, job, decision).await?;
        for finding in fresh {
            self.tell(stream, finding)?;
        }
        if stream.mode == v1::StreamMode::Audit || summary.action() != v1::Action::Block {
            self.release(stream, length)?;
        }
        stream.send(answer(Message::Summary(summary)))
    }
}

/// What is certain of the text up to a place.
struct Settled {
    findings: Vec<v1::Finding>,
    passable: usize,
    to: usize,
}

impl Scanning {
    fn let_out(
        &mut self,
        stream: &mut Stream<v1::ScanStreamResponse>,
        Settled { findings, passable, to }: Settled,
    ) -> Result<(), Fault> {
        for finding in findings {
            self.tell(stream, finding)?;
        }
        stream.settled = to;
        if passable < to {
            self.blocked = Some(self.blocked.map_or(passable, |blocked| blocked.min(passable)));
        }
        match stream.mode {
            v1::StreamMode::Sliding => {
                self.release(stream, self.blocked.map_or(to, |blocked| blocked.min(to)))
            }
            _ => Ok(()),
        }
    }

    fn release(&mut self, stream: &mut Stream<v1::ScanStreamResponse>, to: usize) -> Result<(), Fault> {
        if to > self.released {
            self.released = to;
            stream.let_out = to;
            stream.send(answer(Message::ReleasedBytes(to as u64)))?;
        }
        Ok(())
    }

    fn tell(&mut self, stream: &Stream<v1::ScanStreamResponse>, finding: v1::Finding) -> Result<(), Fault> {
        if self.told.len() < decide::MAX_FINDINGS {
            self.told.push(finding.clone());
            stream.send(answer(Message::Finding(finding)))?;
        }
        Ok(())
    }

    /// Returns the findings that the caller does not know yet.
    fn untold(&self, findings: &[v1::Finding]) -> Vec<v1::Finding> {
        let key = |finding: &v1::Finding| (start(finding), end(finding), finding.rule_id.clone());
        let told: std::collections::HashSet<_> = self.told.iter().map(key).collect();
        findings.iter().filter(|finding| !told.contains(&key(finding))).cloned().collect()
    }
}

impl Stream<v1::ScanStreamResponse> {
    /// Canary tokens are looked for in what comes from the model, and there alone.
    async fn scan_options(&self, job: &Job) -> Result<llm_shield_detect::ScanOptions, Fault> {
        Ok(match job.direction {
            Direction::Output => options(Some(&*self.parts.tenant_keys(&self.context).await?)),
            Direction::Input => options(None),
        })
    }
}

fn start(finding: &v1::Finding) -> u64 {
    finding.span.as_ref().map_or(0, |span| span.start_byte)
}

fn end(finding: &v1::Finding) -> u64 {
    finding.span.as_ref().map_or(0, |span| span.end_byte)
}

const fn answer(message: Message) -> v1::ScanStreamResponse {
    v1::ScanStreamResponse { message: Some(message) }
}

/// A stream has one content, whose id is its index.
const CONTENT_ID: &str = "0";
