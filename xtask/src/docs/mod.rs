//! The documents, held to what they say: links, paths, names of tests, commands, and pictures drawn from text.
//!
//! A document that points at a file, a test or a flag is wrong on the day that one is renamed; this says so on that day.

mod commands;
mod deployment;
mod diagrams;
mod document;
mod links;
mod tags;

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};

use self::{document::Document, links::Tree};
use crate::{
    checks,
    counts::Counts,
    shell::{self, root},
};

/// Runs `cargo xtask docs`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    match arguments {
        [] => {
            let mut counts = references()?;
            counts += commands()?;
            counts.into_result()
        }
        [draw] if draw == "draw" => diagrams::draw(),
        [unknown, ..] => bail!("`docs` has no `{unknown}`"),
    }
}

/// Checks links, paths, names of code, tags of rules, and that the pictures are those of their sources. Needs no build.
pub(crate) fn references() -> Result<Counts> {
    let (tree, documents) = read_all()?;
    let mut counts = Counts::default();
    for document in &documents {
        count(&mut counts, links::check(document, &documents, &tree));
    }
    count(&mut counts, tags::check(&tree)?);
    for difference in diagrams::check()? {
        count(&mut counts, difference);
    }
    Ok(counts)
}

/// Runs the commands that documents mark as runnable, and holds all others to what the program understands.
pub(crate) fn commands() -> Result<Counts> {
    let (_, documents) = read_all()?;
    let program = checks::server_program()?;
    let mut counts = Counts::default();
    let mut usage = commands::Usage::new(&program)?;
    for document in &documents {
        count(&mut counts, usage.check(document)?);
        for problems in commands::run(document, &program)? {
            count(&mut counts, problems);
        }
    }
    Ok(counts)
}

/// One thing that was looked at, with all that is wrong with it.
fn count(counts: &mut Counts, problems: Vec<String>) {
    if problems.is_empty() {
        counts.passed += 1;
    } else {
        counts.failed += 1;
    }
    for problem in problems {
        println!("{problem}");
    }
}

fn read_all() -> Result<(Tree, Vec<Document>)> {
    let tree = Tree::of(&files()?);
    let mut documents = Vec::new();
    for path in tree.files().filter(|path| Path::new(path).extension().is_some_and(|kind| kind == "md")) {
        let text = fs::read_to_string(root().join(path)).with_context(|| format!("cannot read {path}"))?;
        documents.push(Document::parse(path, &text));
    }
    Ok((tree, documents))
}

/// Names all files that are or would be committed.
fn files() -> Result<Vec<String>> {
    let mut list = shell::command("git");
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = list.output().context("cannot run git")?;
    let names = String::from_utf8(listed.stdout).context("a file's name is not UTF-8")?;
    // Deleted files are listed until that is committed.
    Ok(names.split_terminator('\0').filter(|name| root().join(name).exists()).map(str::to_owned).collect())
}
