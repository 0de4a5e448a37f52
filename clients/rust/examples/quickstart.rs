//! The quick start of README.md, which the tests run.
#![expect(clippy::print_stdout, reason = "an example shows what it gets")]

use std::env;

use llm_shield_client::{OnUnavailable, Redact, ShieldClient, Tls, slice, v1};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (address, directory) =
        (env::args().nth(1).unwrap_or_default(), env::args().nth(2).unwrap_or_default());

    let tls = Tls::from_directory(directory)?;
    let shield = ShieldClient::builder(address, tls, OnUnavailable::Block).build()?;

    let prompt = "Write to ada.lovelace@babbage-engines.com 🚀";
    let decision = shield.scan(prompt).await?;
    println!("blocked: {}", decision.is_blocked());
    for finding in &decision.findings {
        let text = finding.span.and_then(|span| slice(prompt, &span));
        println!("{} {}", finding.entity, text.unwrap_or_default());
    }

    let redacted = shield.redact(Redact::text(prompt).label("app", "quickstart")).await?;
    println!("{}", redacted.texts().collect::<String>());

    let mut answers =
        shield.audit(v1::AuditRequest { newest_first: true, limit: 2, ..Default::default() }).await?;
    while let Some(answer) = answers.next().await? {
        let record = answer.record.unwrap_or_default();
        println!("{} {}", record.rpc, record.action().as_str_name());
    }
    Ok(())
}
