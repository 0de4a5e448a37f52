//! What is settled of a text that arrives in pieces is what the whole text has there, for every sample of every rule.

use llm_shield_detect::rules::{builtin_tables, samples};
use llm_shield_detect::{
    ByteSpan, Cancel, Conversation, Direction, Engine, Finding, LEAST_HOLD, Policy, RedactionKeys, Request,
    Role, redact, redact_part, settled,
};

const PROSE: &str = "The kettle was filled before anyone had asked for it, and by the time the rain stopped there was \
                     bread on the table.\nNobody had said how many would come.  They cut it thin, then talked about the \
                     harvest until it was dark outside.\n\n";

fn find(engine: &Engine, text: &str, policy: &Policy) -> Vec<Finding> {
    let request = Request::single(Direction::Output, Role::Assistant, text);
    engine.scan(&request, policy, &Cancel::never()).findings
}

/// Redacts a text that arrives so many bytes at a time, as the service does; answers how much came before the end.
fn streamed(engine: &Engine, text: &str, policy: &Policy, step: usize) -> (String, usize) {
    let (mut out, mut from, mut conversation) = (String::new(), 0, Conversation::default());
    let mut part = |arrived: &str, findings: &[Finding], to: usize| {
        let span = ByteSpan { start: from, end: to };
        let keys = RedactionKeys::default();
        out.push_str(&redact_part(arrived, span, findings, policy, &keys, &mut conversation).text);
        from = to;
    };
    let mut early = 0;
    for end in (step..text.len()).step_by(step) {
        let arrived = text.get(..text.floor_char_boundary(end)).unwrap_or_default();
        let findings = find(engine, arrived, policy);
        early = settled(arrived, &findings, policy, LEAST_HOLD).max(early);
        part(arrived, &findings, early);
    }
    part(text, &find(engine, text, policy), text.len());
    (out, early)
}

fn check(engine: &Engine, name: &str, text: &str, policy: &Policy, steps: &[usize]) -> Option<String> {
    let whole = redact(text, &find(engine, text, policy), policy, &RedactionKeys::default()).text;
    steps.iter().find_map(|step| {
        let (out, _) = streamed(engine, text, policy, *step);
        (out != whole).then(|| {
            let at = out.bytes().zip(whole.bytes()).take_while(|(a, b)| a == b).count();
            let near = |text: &str| {
                let start = text.floor_char_boundary(at.saturating_sub(60));
                text.get(start..text.ceil_char_boundary((at + 80).min(text.len())))
                    .unwrap_or_default()
                    .to_owned()
            };
            format!("{name}, {step} at a time:\n  {:?}\n  {:?}\n", near(&out), near(&whole))
        })
    })
}

#[test]
fn every_sample_is_settled_as_the_whole_says() {
    let engine = Engine::builtin().unwrap();
    let policy = Policy::preset("standard").unwrap();
    let mut failures = Vec::new();
    for table in builtin_tables() {
        for rule in samples(table).unwrap() {
            let Some(sample) = rule.positives.first() else { continue };
            let text = format!("{PROSE}{sample}\n{}", PROSE.repeat(6));
            failures.extend(check(&engine, &rule.id, &text, &policy, &[401]));
        }
    }
    assert!(failures.is_empty(), "{} rules:\n{}", failures.len(), failures.concat());
}

#[test]
fn documents_tables_and_runs_are_held() {
    let engine = Engine::builtin().unwrap();
    let policy = Policy::preset("standard").unwrap();
    let row = |index: usize| {
        format!("{index},\"Grace Hopper\",grace{index}@example.com,\"12 Main St, Springfield\"\n")
    };
    let table: String = (0..60).map(row).collect();
    let lines: String = (0..60)
        .map(|index| format!("{{\"n\": {index}, \"mail\": \"grace{index}@example.com\"}}\n"))
        .collect();
    let xml = format!("<all>{}</all>", "<m mail='grace@example.com'>call 415-555-0132</m>\n".repeat(60));
    let object = format!(
        "{PROSE}{{\"password\": \"hunter2-is-long\", \"notes\": \"{}\"}}\n{PROSE}",
        "ab ".repeat(900)
    );
    let call = format!(
        "{PROSE}{{\"card\": 4111111111111111, \"arguments\": \"{{\\\"card\\\": 4111111111111111, \\\"n\\\": 1}}\"}}\n{}",
        PROSE.repeat(9)
    );
    let whole = redact(&call, &find(&engine, &call, &policy), &policy, &RedactionKeys::default()).text;
    assert!(whole.contains(r#"\"card\": \"[CREDIT_CARD]\", "#), "{whole}");
    let long_run = format!("{PROSE}{}{}", "QUJD".repeat(600), PROSE.repeat(8));
    for (name, text) in [
        ("table", table),
        ("lines", lines),
        ("xml", xml),
        ("object", object),
        ("call", call),
        ("long run", long_run),
    ] {
        assert_eq!(check(&engine, name, &text, &policy, &[64, 997]), None);
    }
}

#[test]
fn prose_is_let_out_while_it_arrives() {
    let engine = Engine::builtin().unwrap();
    let policy = Policy::preset("standard").unwrap();
    let text = format!("Write to grace@example.com.\n{}", PROSE.repeat(12));
    let (out, early) = streamed(&engine, &text, &policy, 256);
    assert!(out.starts_with("Write to [EMAIL_ADDRESS]."));
    assert!(early + LEAST_HOLD + 256 + 32 >= text.len(), "{early} of {}", text.len());
}
