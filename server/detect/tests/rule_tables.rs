//! Every rule finds its positive samples whole and leaves its negative ones alone.
//!
//! `RULES=secrets/cloud` runs only the tables whose name begins so; `RULES=aws-` only the rules whose id does. The other
//! tables are then not even read, so that a table can be worked on beside one that is broken.

use std::fmt::Write as _;

use llm_shield_detect::Engine;
use llm_shield_detect::rules::{Table, builtin_tables, samples};

#[test]
fn samples_of_all_tables() {
    let filter = std::env::var("RULES").unwrap_or_default();
    let all = builtin_tables();
    let named: Vec<Table<'_>> = all
        .iter()
        .filter(|table| format!("{}/{}", table.detector, table.name).starts_with(&filter))
        .copied()
        .collect();
    let (tables, id_prefix) = if named.is_empty() { (all.to_vec(), filter.as_str()) } else { (named, "") };

    // Copies are compiled at once, so that a pattern that does not compile is named; the library's own are when needed.
    let texts: Vec<String> = tables.iter().map(|table| table.toml.to_owned()).collect();
    let copies: Vec<Table<'_>> =
        tables.iter().zip(&texts).map(|(table, toml)| Table { toml: toml.as_str(), ..*table }).collect();
    let engine = match Engine::from_tables(&copies) {
        Ok(engine) => engine,
        Err(error) => panic!("{error}"),
    };
    let mut failures = String::new();
    let mut rules = 0;
    for table in &tables {
        for rule in samples(table).unwrap() {
            if !rule.id.starts_with(id_prefix) {
                continue;
            }
            rules += 1;
            let spans = |text: &str| -> Vec<_> {
                let findings = engine.inspect(text);
                findings.iter().filter(|finding| *finding.rule_id == *rule.id).map(|f| f.span).collect()
            };
            let found = |text: &str| !spans(text).is_empty();
            let at = format!("{}/{} {}", table.detector, table.name, rule.id);
            for (index, text) in rule.positives.iter().enumerate() {
                if !found(text) {
                    writeln!(failures, "{at}: positive {index} is not found").unwrap();
                }
                let cut = |end: usize| text.as_bytes().get(end).is_some_and(u8::is_ascii_digit);
                if !ENDS_IN_DIGITS.contains(&rule.id.as_str()) && spans(text).iter().any(|s| cut(s.end)) {
                    writeln!(failures, "{at}: positive {index} is cut within a number").unwrap();
                }
            }
            for (index, text) in rule.negatives.iter().enumerate() {
                if found(text) {
                    writeln!(failures, "{at}: negative {index} is found").unwrap();
                }
            }
            if rule.positives.is_empty() {
                writeln!(failures, "{at}: has no positive sample").unwrap();
            }
        }
    }
    let count = failures.lines().count();
    assert!(failures.is_empty(), "{count} failures over {rules} rules:\n{failures}");
}

/// Rules whose findings may end before a digit: they need no more of a line than its beginning.
const ENDS_IN_DIGITS: &[&str] = &["code-weak-random", "shell-reverse-shell", "sql-time-or-error-probe"];
