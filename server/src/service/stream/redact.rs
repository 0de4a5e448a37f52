//! What `RedactStream` lets out: the text, redacted as far as it is settled.

use std::{collections::BTreeSet, sync::Arc};

use llm_shield_detect::{ByteSpan, Conversation, Report, ScanOptions, redact_part};
use llm_shield_proto::v1::{self, redact_stream_request, redact_stream_response::Message};

use super::{Kind, Piece, Stream, note_late};
use crate::{
    service::{Watchdog, decide, decide::Keep, job::Job, options, redact_response, unrecorded},
    status::Fault,
};

/// What has been given of a redacted stream.
#[derive(Default)]
pub(crate) struct Redacting {
    /// Numbers go on from piece to piece.
    conversation: Conversation,
    /// Where values were replaced in what was given, and as what.
    replaced: Vec<(u64, u64, String)>,
}

impl Kind for Redacting {
    type Request = v1::RedactStreamRequest;
    type Response = v1::RedactStreamResponse;

    const RPC: &'static str = "RedactStream";

    fn piece(request: v1::RedactStreamRequest) -> Option<Piece> {
        Some(match request.message? {
            redact_stream_request::Message::Config(config) => Piece::Config(config),
            redact_stream_request::Message::Delta(bytes) => Piece::Delta(bytes),
        })
    }

    /// Text that is let out unread cannot be redacted.
    fn takes(mode: v1::StreamMode) -> bool {
        mode != v1::StreamMode::Audit
    }

    async fn advance(
        &mut self,
        stream: &mut Stream<v1::RedactStreamResponse>,
        job: Job,
    ) -> (Option<Job>, Result<(), Fault>) {
        let keys = match stream.parts.tenant_keys(&stream.context).await {
            Ok(keys) => keys,
            Err(fault) => return (Some(job), Err(fault)),
        };
        let scan = options(Some(&keys));
        let (from, mut conversation) = (stream.settled, std::mem::take(&mut self.conversation));
        let then = move |job: &Job, report: &Report, to: usize| {
            let part = ByteSpan { start: from, end: to };
            let findings = &report.findings;
            let done =
                redact_part(job.text(), part, findings, &job.policy, &keys.redaction, &mut conversation);
            (done, to, conversation)
        };
        match stream.look(job, scan, then).await {
            Ok((job, Some((done, to, conversation)))) => {
                self.conversation = conversation;
                self.replaced.extend(done.redactions.iter().map(|redaction| {
                    let original = redaction.original;
                    let (start, end) = ((from + original.start) as u64, (from + original.end) as u64);
                    (start, end, redaction.entity.to_string())
                }));
                stream.settled = to;
                (Some(job), give(stream, done.text))
            }
            Ok((job, None)) => (Some(job), Err(Fault::DeadlineExceeded)),
            Err(fault) => (None, Err(fault)),
        }
    }

    async fn finish(&mut self, stream: &mut Stream<v1::RedactStreamResponse>, job: Job) -> Result<(), Fault> {
        stream.renew();
        let (parts, context) = (Arc::clone(&stream.parts), stream.context.clone());
        let digest = parts.audit.digest_key(&context.caller.tenant).await;
        let digest = digest.map_err(|error| unrecorded(&context, error))?;
        let keys = parts.tenant_keys(&context).await?;
        let engine = Arc::clone(&parts.engine);
        let (_watchdog, cancel) = Watchdog::new(context.deadline);
        let (bytes, from, mode) = (job.bytes(), stream.settled, parts.content);
        let mut conversation = std::mem::take(&mut self.conversation);
        let work = move || {
            let options = ScanOptions { classify: false, ..options(Some(&keys)) };
            let keep = Keep { digest: &digest, mode, keys: Some(&keys.redaction) };
            let decision = decide::scan(&engine, &job, &keep, &options, &cancel);
            let whole = decide::redact(&decision, &job, &keys.redaction, &mut Conversation::default());
            let part = ByteSpan { start: from, end: job.text().len() };
            let findings = &decision.report.findings;
            let rest =
                redact_part(job.text(), part, findings, &job.policy, &keys.redaction, &mut conversation);
            (job, decision, whole, rest.text)
        };
        let (mut job, mut decision, mut contents, rest) = parts.workers.run(&context, bytes, work).await?;
        let late = self.differs(&contents, from as u64);
        note_late(Self::RPC, &mut job, &mut decision, late);
        for content in &mut contents {
            content.text.clear();
        }
        let summary = redact_response(&parts, &context, Self::RPC, job, decision, contents).await?;
        give(stream, rest)?;
        stream.send(answer(Message::Summary(summary)))
    }
}

impl Redacting {
    /// Returns of how many places before `from` the whole text says otherwise than what was given.
    fn differs(&self, contents: &[v1::RedactedContent], from: u64) -> usize {
        let redactions = contents.iter().flat_map(|content| &content.redactions);
        let places: BTreeSet<_> = redactions
            .filter_map(|redaction| {
                let span = redaction.original.as_ref()?;
                Some((span.start_byte, span.end_byte, redaction.entity.clone()))
            })
            .filter(|(start, ..)| *start < from)
            .collect();
        let given = self.replaced.iter().cloned().collect();
        places.symmetric_difference(&given).count()
    }
}

fn give(stream: &mut Stream<v1::RedactStreamResponse>, text: String) -> Result<(), Fault> {
    if text.is_empty() {
        return Ok(());
    }
    stream.let_out += text.len();
    stream.send(answer(Message::Delta(text)))
}

const fn answer(message: Message) -> v1::RedactStreamResponse {
    v1::RedactStreamResponse { message: Some(message) }
}
