//! Pictures drawn from text: `docs/diagrams/*.dot`, laid out by Graphviz into the `.svg` beside each.
//!
//! Graphviz comes as WebAssembly from npm in one pinned version, so the same text gives the same bytes everywhere, and
//! a picture that is not that of its text is told by comparing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{
    process::fresh_directory,
    shell::{self, root},
    tools::Tool,
};

const DIRECTORY: &str = "docs/diagrams";
const SCRIPT: &str = "xtask/tools/draw.mjs";

/// Draws all pictures anew.
pub(super) fn draw() -> Result<()> {
    draw_into(&root().join(DIRECTORY))
}

/// Draws all pictures and compares; returns for each what is wrong with it.
pub(super) fn check() -> Result<Vec<Vec<String>>> {
    let fresh = fresh_directory("diagrams")?;
    draw_into(fresh.path())?;
    let mut results = Vec::new();
    for source in sources()? {
        let picture = svg_in(&root().join(DIRECTORY), &source)?;
        let same = fs::read(&picture).ok() == fs::read(svg_in(fresh.path(), &source)?).ok();
        let problem = || format!("{}: not drawn from its text: `cargo xtask docs draw`", picture.display());
        results.push(if same { Vec::new() } else { vec![problem()] });
    }
    Ok(results)
}

fn draw_into(directory: &Path) -> Result<()> {
    let graphviz = Tool::Graphviz.ensure()?;
    let sources = sources()?;
    shell::succeed(shell::command("node").arg(SCRIPT).arg(graphviz).arg(directory).args(sources))
}

fn sources() -> Result<Vec<PathBuf>> {
    let directory = root().join(DIRECTORY);
    let entries = fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "dot"));
    paths.sort();
    Ok(paths)
}

fn svg_in(directory: &Path, source: &Path) -> Result<PathBuf> {
    let name = source.file_name().context("a source has no name")?;
    Ok(directory.join(name).with_extension("svg"))
}
