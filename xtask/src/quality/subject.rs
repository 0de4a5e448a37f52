//! What llm-shield says of the cases.

use std::{
    collections::HashMap,
    fs::{self, File},
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    gold::{self, Case},
    spans::{CodePoints, Found},
};
use crate::shell;

/// What was found in each case, by its id.
pub(super) type Findings = HashMap<String, Vec<Found>>;

/// The program that is measured, and a directory to work in.
#[derive(Debug)]
pub(super) struct Subject {
    program: PathBuf,
    directory: PathBuf,
}

/// Who judges whether a text carries an attack.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Judge {
    Rules,
    Classifier,
    /// Both together, as the program does by default.
    Both,
}

impl Judge {
    pub(super) const ALL: [Self; 3] = [Self::Rules, Self::Classifier, Self::Both];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Classifier => "classifier",
            Self::Both => "both",
        }
    }

    const fn command(self) -> &'static [&'static str] {
        match self {
            Self::Rules => &["scan", "--rules-only"],
            Self::Classifier => &["scan", "--detectors", "classifier"],
            Self::Both => &["scan"],
        }
    }
}

#[derive(Deserialize)]
struct Redacted {
    id: String,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Scanned {
    id: String,
    findings: Vec<Span>,
    injection_score: f64,
}

#[derive(Deserialize)]
struct Span {
    entity: String,
    start: usize,
    end: usize,
}

impl Subject {
    pub(super) fn new(program: &Path, directory: &Path) -> Self {
        Self { program: program.to_owned(), directory: directory.to_owned() }
    }

    /// Returns what would be redacted.
    pub(super) fn redact<C: Case>(&self, name: &str, cases: &[C]) -> Result<Findings> {
        let lines: Vec<Redacted> = self.answers(name, cases, &["redact", "--rules-only"])?;
        findings(cases, lines.into_iter().map(|line| (line.id, line.spans)))
    }

    /// Returns what is found, be it redacted or not.
    pub(super) fn scan_spans<C: Case>(&self, name: &str, cases: &[C]) -> Result<Findings> {
        let lines: Vec<Scanned> = self.answers(name, cases, &["scan", "--rules-only"])?;
        findings(cases, lines.into_iter().map(|line| (line.id, line.findings)))
    }

    /// Returns how sure a judge is that a text carries an attack.
    pub(super) fn injection_scores<C: Case>(
        &self,
        name: &str,
        cases: &[C],
        judge: Judge,
    ) -> Result<HashMap<String, f64>> {
        let lines: Vec<Scanned> = self.answers(name, cases, judge.command())?;
        ensure!(lines.len() == cases.len(), "{} answers to {} {name} cases", lines.len(), cases.len());
        Ok(lines.into_iter().map(|line| (line.id, line.injection_score)).collect())
    }

    fn answers<C: Case, A: DeserializeOwned>(&self, name: &str, cases: &[C], how: &[&str]) -> Result<Vec<A>> {
        let input = self.directory.join(format!("{name}.jsonl"));
        let output = self.directory.join(format!("{name}.answers.jsonl"));
        write_cases(&input, cases)?;
        let mut command = Command::new(&self.program);
        command.args(how).arg("--jsonl").arg(&input).stdout(File::create(&output)?);
        shell::succeed(&mut command)?;
        gold::parse(&fs::read(&output)?).with_context(|| format!("unexpected answers to the {name} cases"))
    }
}

/// Writes the texts as `--jsonl` reads them.
pub(super) fn write_cases<C: Case>(path: &Path, cases: &[C]) -> Result<()> {
    let mut lines = String::new();
    for case in cases {
        let line = match case.role() {
            Some(role) => json!({ "id": case.id(), "text": case.text(), "role": role }),
            None => json!({ "id": case.id(), "text": case.text() }),
        };
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    fs::write(path, lines).with_context(|| format!("cannot write {}", path.display()))
}

/// Turns byte offsets into those of code points, and refuses offsets that are none.
fn findings<C: Case>(cases: &[C], answers: impl Iterator<Item = (String, Vec<Span>)>) -> Result<Findings> {
    let texts: HashMap<&str, &str> = cases.iter().map(|case| (case.id(), case.text())).collect();
    let of_answer = |(id, spans): (String, Vec<Span>)| {
        let points =
            CodePoints::new(texts.get(id.as_str()).with_context(|| format!("no case is called {id}"))?);
        let found = spans.into_iter().map(|span| {
            let bytes: Range<usize> = span.start..span.end;
            let range = points.range(&bytes).with_context(|| format!("{bytes:?} is no span of {id}"))?;
            Ok(Found { range, entity: span.entity })
        });
        let found = found.collect::<Result<Vec<_>>>()?;
        Ok((id, found))
    };
    let findings: Findings = answers.map(of_answer).collect::<Result<_>>()?;
    ensure!(findings.len() == cases.len(), "{} answers to {} cases", findings.len(), cases.len());
    Ok(findings)
}
