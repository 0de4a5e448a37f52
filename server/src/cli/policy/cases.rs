//! `llm-shield policy test`: cases with the decision that is expected of them.

use std::{collections::BTreeSet, fmt::Write as _, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use llm_shield_detect::{Action, Cancel, Direction, Engine, Policy, RedactionKeys, Request, Role, redact};
use serde::Deserialize;

use super::super::{NO, YES, judge::action_name, show};
use super::{engine, usable};

/// Keyed operators write what they write under this secret, so that cases can expect it.
const TEST_SECRET: &[u8] = b"llm-shield policy test";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default)]
    name: Option<String>,
    text: String,
    #[serde(default)]
    role: Role,
    #[serde(default)]
    direction: Direction,
    expect: Expected,
}

/// What is not given is not looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    action: Option<Action>,
    /// All entity types that are found, in any order.
    entities: Option<BTreeSet<String>>,
    /// Rules that must be among those that found something.
    #[serde(default)]
    rules: Vec<String>,
    redacted: Option<String>,
}

/// Runs the command.
pub(super) fn run(policy: &PathBuf, cases: &PathBuf) -> Result<u8> {
    let policy = usable(policy)?;
    let text = std::fs::read_to_string(cases).with_context(|| format!("cannot read {}", cases.display()))?;
    let file: File =
        serde_saphyr::from_str(&text).with_context(|| format!("{} is no list of cases", cases.display()))?;
    ensure!(!file.cases.is_empty(), "{} holds no case", cases.display());
    let engine = engine()?;
    let mut out = String::new();
    let mut failed = 0;
    for (place, case) in file.cases.iter().enumerate() {
        let differences = differences(&engine, &policy, case);
        if differences.is_empty() {
            continue;
        }
        failed += 1;
        writeln!(
            out,
            "FAILED  cases[{place}]{}",
            case.name.as_deref().map(|n| format!(" {n}")).unwrap_or_default()
        )?;
        for Difference { what, expected, got } in differences {
            writeln!(out, "  {what}\n    - {expected}\n    + {got}")?;
        }
    }
    writeln!(out, "{} of {} cases hold", file.cases.len() - failed, file.cases.len())?;
    show::print(&out)?;
    Ok(if failed == 0 { YES } else { NO })
}

struct Difference {
    what: &'static str,
    expected: String,
    got: String,
}

fn differences(engine: &Engine, policy: &Policy, case: &Case) -> Vec<Difference> {
    let request = Request::single(case.direction, case.role, &case.text);
    let report = engine.scan(&request, policy, &Cancel::never());
    let mut differences = Vec::new();
    let mut compare = |what, expected: String, got: String| {
        if expected != got {
            differences.push(Difference { what, expected, got });
        }
    };
    if let Some(action) = case.expect.action {
        let name = |action| action_name(action).to_lowercase();
        compare("action", name(action), name(report.action));
    }
    if let Some(entities) = &case.expect.entities {
        let found: BTreeSet<String> =
            report.findings.iter().map(|finding| finding.entity.to_string()).collect();
        compare("entities", list(entities.iter()), list(found.iter()));
    }
    for rule in &case.expect.rules {
        if !report.findings.iter().any(|finding| *finding.rule_id == **rule) {
            let found: BTreeSet<String> =
                report.findings.iter().map(|finding| finding.rule_id.to_string()).collect();
            compare("rules", rule.clone(), list(found.iter()));
        }
    }
    if let Some(expected) = &case.expect.redacted {
        let keys = RedactionKeys::from_secret(TEST_SECRET);
        let redacted = redact(&case.text, &report.findings, policy, &keys).text;
        compare("redacted", expected.clone(), redacted);
    }
    differences
}

fn list<'n>(names: impl Iterator<Item = &'n String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() { "(none)".to_owned() } else { names.join(", ") }
}
