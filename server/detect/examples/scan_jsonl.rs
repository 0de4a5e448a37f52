//! Scans `{"id", "text"}` lines and writes `{"id", "spans": [{"start", "end", "entity", "rule_id", "score"}]}` lines, with
//! byte offsets: what `../shared/eval/eval_secrets.py --unit byte` and its like read. It knows no policy.
//!
//! ```sh
//! cargo run --example scan_jsonl -- [--tables RULES_DIR] [--detector NAME] [--min-score X] [--scores ROLE] < in > out
//! ```
//!
//! With `--scores`, the injection score under the standard policy is written too; a line's own `role` goes before ROLE.
//!
//! With `--tables`, the tables are read from that folder at run time, so that a table can be tuned without a build.

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::Path;

use llm_shield_detect::rules::{Table, builtin_tables};
use llm_shield_detect::{Cancel, Direction, Engine, Policy, Request, Role};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut folder, mut detector, mut min_score, mut scores) = (None, None, 0.0, None);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().ok_or("an option has no value")?;
        match argument.as_str() {
            "--tables" => folder = Some(value),
            "--detector" => detector = Some(value),
            "--min-score" => min_score = value.parse()?,
            "--scores" => scores = Some(value),
            _ => return Err(USAGE.into()),
        }
    }
    let files = match &folder {
        Some(folder) => read_tables(Path::new(folder))?,
        None => Vec::new(),
    };
    let tables: Vec<Table<'_>> = match &folder {
        Some(_) => files.iter().map(|(detector, name, toml)| Table { detector, name, toml }).collect(),
        None => builtin_tables().to_vec(),
    };
    let wanted = |table: &Table<'_>| detector.as_deref().is_none_or(|detector| table.detector == detector);
    let tables: Vec<Table<'_>> = tables.into_iter().filter(wanted).collect();
    let engine = Engine::from_tables(&tables)?;

    let policy = Policy::preset("standard")?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line: Value = serde_json::from_str(&line?)?;
        let text = line.get("text").and_then(Value::as_str).ok_or("a line has no text")?;
        let findings = engine.inspect(text);
        let spans: Vec<Value> = findings
            .iter()
            .filter(|finding| finding.score >= min_score)
            .map(|finding| {
                json!({
                    "start": finding.span.start, "end": finding.span.end, "entity": &*finding.entity,
                    "rule_id": &*finding.rule_id, "score": finding.score, "path": finding.path,
                })
            })
            .collect();
        let mut answer = json!({"id": line.get("id"), "spans": spans});
        if let (Some(role), Some(answer)) = (&scores, answer.as_object_mut()) {
            let role = match line.get("role").and_then(Value::as_str).unwrap_or(role) {
                "document" => Role::Document,
                "tool" => Role::Tool,
                _ => Role::User,
            };
            let request = Request::single(Direction::Input, role, text);
            let score = engine.scan(&request, &policy, &Cancel::never()).injection_score;
            answer.insert("injection_score".to_owned(), score.into());
        }
        writeln!(out, "{answer}")?;
    }
    Ok(())
}

const USAGE: &str = "usage: scan_jsonl [--tables DIR] [--detector NAME] [--min-score X] [--scores ROLE]";

/// Detector, name and text of a table.
type File = (String, String, String);

/// Reads `DIR/<detector>/<name>.toml`.
fn read_tables(folder: &Path) -> Result<Vec<File>, Box<dyn Error>> {
    let mut tables = Vec::new();
    for detector in std::fs::read_dir(folder)? {
        let detector = detector?;
        for file in std::fs::read_dir(detector.path())? {
            let path = file?.path();
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            tables.push((
                detector.file_name().to_string_lossy().into_owned(),
                name,
                std::fs::read_to_string(&path)?,
            ));
        }
    }
    tables.sort();
    Ok(tables)
}
