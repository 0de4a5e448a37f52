//! Having texts decided on by the service.

use llm_shield_client::{
    CallError, Redact, Scan, ShieldClient, TraceContext,
    v1::{self, Action, Content, Role},
};

use crate::{
    body::Text,
    refusal::{Reason, Refusal},
};

/// The most contents of one request, and the most bytes: the service's own limits, less room for what is not text.
const MAX_CONTENTS: usize = 256;
const MAX_BYTES: usize = 3 << 20;

/// What goes with all calls of one request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Which side of the model.
    pub direction: v1::Direction,
    /// The policy to decide by; empty for the tenant's default.
    pub policy: String,
    /// API Gateway's id of the request.
    pub request_id: String,
    /// The trace that the request belongs to.
    pub trace: Option<TraceContext>,
}

/// The decision on all texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// The texts that take the place of the first ones, by index.
    pub replaced: Vec<(usize, String)>,
    /// Whether anything was noted.
    pub flagged: bool,
    /// Whether some of it was let through without a decision, as the operator has chosen.
    pub undecided: bool,
    /// The records of the decisions.
    pub records: Vec<String>,
}

impl Passed {
    /// What was done, in one word.
    pub fn action(&self) -> &'static str {
        match self {
            Self { undecided: true, .. } => "allow-undecided",
            Self { replaced, .. } if !replaced.is_empty() => "redact",
            Self { flagged: true, .. } => "flag",
            _ => "allow",
        }
    }
}

/// Has texts decided on. `system` is the system prompt that an output is not to repeat; empty for none.
///
/// # Errors
/// Refuses what the service blocks, and what it does not decide on unless the operator lets that pass.
pub async fn decide(
    shield: &ShieldClient,
    caller: &Caller,
    texts: &[Text],
    system: &str,
) -> Result<Passed, Refusal> {
    let context = Content { id: String::new(), role: Role::System.into(), text: system.to_owned() };
    let context = if system.is_empty() { Vec::new() } else { vec![context] };
    let mut passed = Passed::default();
    let mut done = 0;
    for batch in batches(texts, &context)? {
        decide_batch(shield, caller, batch, done, &context, &mut passed).await?;
        done += batch.len();
    }
    Ok(passed)
}

/// Splits into as few requests as the service's limits let it be.
fn batches<'texts>(texts: &'texts [Text], context: &[Content]) -> Result<Vec<&'texts [Text]>, Refusal> {
    let room = MAX_CONTENTS.saturating_sub(context.len());
    let taken: usize = context.iter().map(|content| content.text.len()).sum();
    let bytes = MAX_BYTES.saturating_sub(taken);
    let too_large = || Refusal::new(Reason::TooLarge, format!("a text is larger than {MAX_BYTES} bytes"));
    if room == 0 || texts.iter().any(|text| text.text.len() > bytes) {
        return Err(too_large());
    }
    let mut batches = Vec::new();
    let mut rest = texts;
    while !rest.is_empty() {
        let mut size = 0_usize;
        let fits = |text: &&Text| {
            size = size.saturating_add(text.text.len());
            size <= bytes
        };
        let (batch, behind) = rest.split_at(rest.iter().take(room).take_while(fits).count());
        batches.push(batch);
        rest = behind;
    }
    Ok(batches)
}

async fn decide_batch(
    shield: &ShieldClient,
    caller: &Caller,
    texts: &[Text],
    first: usize,
    context: &[Content],
    passed: &mut Passed,
) -> Result<(), Refusal> {
    let own = texts.iter().map(|text| Content {
        id: String::new(),
        role: text.role.into(),
        text: text.text.clone(),
    });
    let contents: Vec<Content> = context.iter().cloned().chain(own).collect();
    let mut scan = Scan::contents(contents.clone())
        .direction(caller.direction)
        .policy(&caller.policy)
        .request_id(&caller.request_id);
    if let Some(trace) = &caller.trace {
        scan = scan.trace(trace.clone());
    }
    let decision = shield.scan(scan).await.map_err(|error| refused(&error))?;
    if let Some(error) = decision.unavailable() {
        return undecided(error, decision.is_blocked(), passed);
    }
    passed.records.push(decision.audit_record_id.clone());
    passed.flagged |= decision.action() == Action::Flag;
    if decision.is_blocked() {
        return Err(Refusal::blocked(&decision));
    }
    if decision.action() != Action::Redact {
        return Ok(());
    }
    let mut redact = Redact::contents(contents)
        .direction(caller.direction)
        .policy(&caller.policy)
        .request_id(&caller.request_id);
    if let Some(trace) = &caller.trace {
        redact = redact.trace(trace.clone());
    }
    let redacted = shield.redact(redact).await.map_err(|error| refused(&error))?;
    if let Some(error) = redacted.unavailable() {
        return undecided(error, redacted.is_blocked(), passed);
    }
    passed.records.push(redacted.audit_record_id.clone());
    if redacted.is_blocked() {
        let refusal = Refusal::new(Reason::NotRedactable, "redaction alone does not make it safe");
        return Err(refusal.recorded(redacted.audit_record_id.clone()));
    }
    let answered: Vec<&str> = redacted.texts().skip(context.len()).collect();
    if answered.len() != texts.len() {
        return Err(Refusal::new(Reason::ShieldUnavailable, "the service's answer is not complete"));
    }
    for (index, (text, redacted)) in texts.iter().zip(answered).enumerate() {
        // The application's own instructions reach the model as they are.
        if text.text != redacted && text.role != Role::System {
            passed.replaced.push((first + index, redacted.to_owned()));
        }
    }
    Ok(())
}

/// The service is away. Whether that blocks is the operator's choice.
fn undecided(error: &CallError, blocks: bool, passed: &mut Passed) -> Result<(), Refusal> {
    tracing::error!(code = ?error.code(), reason = error.reason(), blocks, "the service gave no decision");
    if blocks {
        return Err(Refusal::new(Reason::ShieldUnavailable, "the security service gives no decision now"));
    }
    passed.undecided = true;
    Ok(())
}

/// The service refuses this request, or this filter.
fn refused(error: &CallError) -> Refusal {
    if error.reason() == "MESSAGE_TOO_LARGE" {
        return Refusal::new(Reason::TooLarge, "the texts are more than the service takes");
    }
    tracing::error!(code = ?error.code(), reason = error.reason(), "the service refuses the filter's request");
    Refusal::new(Reason::ShieldRefused, "the security service refuses the filter's request")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(length: usize) -> Text {
        Text { pointer: String::new(), role: Role::User, text: "x".repeat(length), is_json: false }
    }

    #[test]
    fn requests_are_as_few_as_can_be() {
        let sizes =
            |texts: &[Text]| batches(texts, &[]).unwrap().iter().map(|batch| batch.len()).collect::<Vec<_>>();
        assert_eq!(sizes(&[]), Vec::<usize>::new());
        assert_eq!(sizes(&vec![text(1); 256]), [256]);
        assert_eq!(sizes(&vec![text(1); 600]), [256, 256, 88]);
        assert_eq!(sizes(&[text(2 << 20), text(1 << 20), text(1)]), [2, 1]);
    }

    #[test]
    fn what_fits_into_none_is_refused() {
        assert_eq!(batches(&[text(MAX_BYTES + 1)], &[]).unwrap_err().reason(), "too_large");
        let context = vec![Content::default(); 256];
        assert_eq!(batches(&[text(1)], &context).unwrap_err().reason(), "too_large");
    }

    #[test]
    fn what_was_done_is_named() {
        assert_eq!(Passed::default().action(), "allow");
        assert_eq!(Passed { flagged: true, ..Passed::default() }.action(), "flag");
        assert_eq!(
            Passed { replaced: vec![(0, String::new())], flagged: true, ..Passed::default() }.action(),
            "redact"
        );
        assert_eq!(Passed { undecided: true, ..Passed::default() }.action(), "allow-undecided");
    }
}
