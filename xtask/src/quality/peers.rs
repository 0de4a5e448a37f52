//! The same cases, given to peers.

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs::{self, File},
    iter,
    ops::Range,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::{
    Results,
    gold::{self, Case},
    personal, secrets,
    spans::Found,
    subject::{self, Findings},
};
use crate::{
    shell,
    tools::{GITLEAKS, Tool},
};

const PRESIDIO_SCRIPT: &str = "benches/peers/presidio.py";

/// Draws the tables that compare with peers, after fetching those.
pub(super) fn tables(ours: &Results, cases: &super::Cases, directory: &Path) -> Result<String> {
    let mut text = String::new();
    let gitleaks = secrets::score(&cases.secrets, &gitleaks(&cases.secrets, directory)?);
    let presidio = personal::score(&cases.personal, &presidio(&cases.personal, directory)?);
    secret_table(&mut text, &ours.secrets, &gitleaks)?;
    personal_table(&mut text, &ours.personal, &presidio)?;
    Ok(text)
}

fn secret_table(text: &mut String, ours: &secrets::Score, gitleaks: &secrets::Score) -> Result<()> {
    let version = GITLEAKS.rsplit('@').next().unwrap_or_default();
    writeln!(text, "| secrets | llm-shield | gitleaks {version} |\n|---|---:|---:|")?;
    let mut line = |name: &str, value: fn(&secrets::Score) -> f64| {
        writeln!(text, "| {name} | {:.3} | {:.3} |", value(ours), value(gitleaks))
    };
    line("found (half)", |score| score.all.recall())?;
    line("found whole", |score| score.all.full_recall())?;
    line("passwords in prose", |score| score.passwords.recall())?;
    line("connection strings", |score| score.connection_strings.recall())?;
    line("hidden, found", |score| score.hidden.recall())?;
    line("hidden, found whole", |score| score.hidden.full_recall())?;
    for kind in ours.harmless.keys() {
        let flagged = |score: &secrets::Score| {
            let flagged = score.harmless.get(kind).copied().unwrap_or_default();
            format!("{} of {}", flagged.flagged, flagged.texts)
        };
        writeln!(text, "| flagged: {kind} | {} | {} |", flagged(ours), flagged(gitleaks))?;
    }
    Ok(())
}

fn personal_table(text: &mut String, ours: &personal::Score, presidio: &personal::Score) -> Result<()> {
    writeln!(
        text,
        "\n| personal data | llm-shield | Presidio, patterns of all countries |\n|---|---:|---:|"
    )?;
    let mut line = |name: &str, value: fn(&personal::Score) -> f64| {
        writeln!(text, "| {name} | {:.3} | {:.3} |", value(ours), value(presidio))
    };
    line("structured types, macro F2", personal::Score::structured_f2)?;
    line("national ids, F2", |score| score.national().f2())?;
    line("obfuscated, recall", |score| score.obfuscated().recall())?;
    line("characters left of structured types and ids", |score| score.unnamed().leak())?;
    let flagged = |score: &personal::Score| format!("{} of {}", score.harmless.flagged, score.harmless.texts);
    writeln!(text, "| texts without personal data, flagged | {} | {} |", flagged(ours), flagged(presidio))?;
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Leak {
    file: PathBuf,
    secret: String,
    start_line: usize,
    end_line: usize,
}

/// Where gitleaks reports a secret it counts as found wherever that stands in the text; where it has decoded the secret,
/// so that it stands nowhere, all of the lines count that it names. That is in its favour.
fn gitleaks<C: Case>(cases: &[C], directory: &Path) -> Result<Findings> {
    let program = Tool::Gitleaks.ensure()?;
    let texts = directory.join("gitleaks");
    let report = directory.join("gitleaks.json");
    fs::create_dir(&texts)?;
    for (index, case) in cases.iter().enumerate() {
        fs::write(texts.join(index.to_string()), case.text())?;
    }
    let mut command = shell::command(program);
    command.args(["dir", "--no-banner", "--log-level=error", "--exit-code=0", "--report-format=json"]);
    shell::succeed(command.arg("--report-path").arg(&report).arg(&texts))?;
    let leaks: Vec<Leak> =
        serde_json::from_slice(&fs::read(report)?).context("gitleaks reports something else")?;
    let mut findings = Findings::new();
    for leak in leaks {
        let index = leak.file.file_name().and_then(|name| name.to_str()?.parse::<usize>().ok());
        let case = index
            .and_then(|index| cases.get(index))
            .context("gitleaks reports a file that is none of ours")?;
        let found = findings.entry(case.id().to_owned()).or_default();
        let ranges = occurrences(case.text(), &leak.secret)
            .or_else(|| {
                lines(case.text(), leak.start_line, leak.end_line).map(|range| iter::once(range).collect())
            })
            .unwrap_or_default();
        found.extend(ranges.into_iter().map(|range| Found { range, entity: "SECRET".to_owned() }));
    }
    Ok(findings)
}

fn occurrences(text: &str, secret: &str) -> Option<Vec<Range<usize>>> {
    let length = secret.chars().count();
    let starts = text.match_indices(secret).filter(|_| length > 0);
    let starts = starts.filter_map(|(byte, _)| Some(text.get(..byte)?.chars().count()));
    let ranges: Vec<Range<usize>> = starts.map(|start| start..start + length).collect();
    (!ranges.is_empty()).then_some(ranges)
}

/// Returns what the lines from the first to the last cover, counted from 1.
fn lines(text: &str, first: usize, last: usize) -> Option<Range<usize>> {
    let before: usize =
        text.split_inclusive('\n').take(first.checked_sub(1)?).map(|line| line.chars().count()).sum();
    let end: usize = text.split_inclusive('\n').take(last).map(|line| line.chars().count()).sum();
    (before < end).then_some(before..end)
}

#[derive(Deserialize)]
struct Analysed {
    id: String,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    entity: String,
    start: usize,
    end: usize,
}

fn presidio<C: Case>(cases: &[C], directory: &Path) -> Result<Findings> {
    let python = Tool::Presidio.ensure()?;
    let (input, output) = (directory.join("presidio.jsonl"), directory.join("presidio.answers.jsonl"));
    subject::write_cases(&input, cases)?;
    let mut command = shell::command(python);
    shell::succeed(command.args([PRESIDIO_SCRIPT, "spans"]).arg(&input).stdout(File::create(&output)?))?;
    let lines: Vec<Analysed> = gold::parse(&fs::read(output)?).context("Presidio answers something else")?;
    ensure!(lines.len() == cases.len(), "{} answers to {} cases", lines.len(), cases.len());
    let found = |span: Span| Found { range: span.start..span.end, entity: span.entity };
    let findings: HashMap<_, _> =
        lines.into_iter().map(|line| (line.id, line.spans.into_iter().map(found).collect())).collect();
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occurrences_are_told_in_code_points() {
        assert_eq!(occurrences("é s3 é s3", "s3").unwrap(), [2..4, 7..9]);
        assert_eq!(occurrences("é s3", "decoded"), None);
        assert_eq!(occurrences("é s3", ""), None);
    }

    #[test]
    fn lines_are_told_in_code_points() {
        assert_eq!(lines("é\nab\nc", 2, 2), Some(2..5));
        assert_eq!(lines("é\nab\nc", 1, 3), Some(0..6));
        assert_eq!(lines("é", 0, 1), None);
        assert_eq!(lines("é", 5, 5), None);
    }
}
