//! `llm-shield policy check`, `explain` and `test` as a user meets them.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use std::{fs, path::Path, process::Command};

use program::{Directory, PROGRAM};

const POLICY: &str = "\
name: shop
input:
  detectors:
    pii: { action: redact }
    injection: { threshold: 0.5, action: block }
operators:
  EMAIL_ADDRESS: { operator: replace, with: <mail> }
";

const CASES: &str = "\
cases:
  - name: an address is replaced
    text: Write to ana@example.org today.
    expect: { action: redact, entities: [EMAIL_ADDRESS], redacted: Write to <mail> today. }
  - text: What goes well with soup?
    expect: { action: allow, entities: [] }
";

fn policy(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(PROGRAM).arg("policy").args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn file(directory: &Directory, name: &str, text: &str) -> String {
    let path: &Path = directory.path();
    let path = path.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn check() {
    let directory = Directory::new();
    let good = file(&directory, "good.yaml", POLICY);
    let (code, out, _) = policy(&["check", &good, "strict"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("policy `shop`, digest ") && out.contains("policy `strict`"), "{out}");

    let bad = file(
        &directory,
        "bad.yaml",
        &POLICY.replace("action: redact", "acton: redact").replace("0.5", "1.5"),
    );
    let (code, out, _) = policy(&["check", &good, &bad]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("acton") && out.contains("policy `shop`"), "{out}");

    let unknown = file(&directory, "unknown.yaml", &POLICY.replace("EMAIL_ADDRESS", "EMAIL_ADRESS"));
    let (code, out, _) = policy(&["check", &unknown]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("EMAIL_ADRESS"), "{out}");

    let both =
        file(&directory, "both.yaml", &POLICY.replace("EMAIL_ADDRESS", "EMAIL_ADRESS").replace("0.5", "1.5"));
    let (_, out, _) = policy(&["check", &both]);
    assert!(out.contains("EMAIL_ADRESS") && out.contains("injection.threshold"), "{out}");

    let (code, _, error) = policy(&["check", "no-such-file.yaml"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("no-such-file.yaml"), "{error}");
}

#[test]
fn explain() {
    let directory = Directory::new();
    let good = file(&directory, "good.yaml", POLICY);
    let (code, out, _) = policy(&["explain", &good, "--entity", "EMAIL_ADDRESS"]);
    assert_eq!(code, Some(0));
    assert!(out.lines().any(|line| line.contains("EMAIL_ADDRESS") && line.contains("redact")), "{out}");
    assert!(!out.contains("CREDIT_CARD"), "{out}");

    let (code, out, _) = policy(&["explain", &good, "Write to ana@example.org today."]);
    assert_eq!(code, Some(0));
    assert!(out.contains("EMAIL_ADDRESS"), "{out}");

    let (code, out, _) = policy(&["explain", "standard", "--entity", "injection"]);
    assert_eq!(code, Some(0));
    assert!(out.lines().any(|line| line.contains("JAILBREAK") && line.contains("0.50 block")), "{out}");
    assert!(!out.contains("built in"), "{out}");
    let names = || out.lines().filter_map(|line| line.strip_prefix("injection")?.split(" 0.").next());
    assert_eq!(names().collect::<std::collections::BTreeSet<_>>().len(), names().count(), "{out}");
    assert!(out.contains("PROMPT_INJECTION (exfiltration)"), "{out}");

    let (code, out, _) = policy(&["explain", "standard", "--direction", "output"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("SYSTEM_PROMPT"), "{out}");
}

#[test]
fn cases() {
    let directory = Directory::new();
    let good = file(&directory, "good.yaml", POLICY);
    let cases = file(&directory, "cases.yaml", CASES);
    let (code, out, error) = policy(&["test", &good, &cases]);
    assert_eq!(code, Some(0), "{out}{error}");
    assert!(out.contains("2 of 2 cases hold"), "{out}");

    let wrong = file(&directory, "wrong.yaml", &CASES.replace("<mail> today", "<address> today"));
    let (code, out, _) = policy(&["test", &good, &wrong]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("1 of 2 cases hold") && out.contains("an address is replaced"), "{out}");
    assert!(out.contains("<address>") && out.contains("<mail>"), "{out}");

    let odd = file(&directory, "odd.yaml", &CASES.replace("expect:", "expects:"));
    let (code, _, error) = policy(&["test", &good, &odd]);
    assert_eq!(code, Some(2), "{error}");
}
