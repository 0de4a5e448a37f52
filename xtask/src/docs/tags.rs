//! What rules say they are against, which the threat model has to know.

use std::{collections::BTreeSet, fs};

use anyhow::{Context as _, Result};

use super::links::Tree;
use crate::shell::root;

const RULES: &str = "server/detect/rules/";
const MODEL: &str = "docs/threat_model.md";
const CATALOGUES: [&str; 2] = ["owasp:", "atlas:"];

/// Returns the tags of rules whose id of a catalogue is not in the threat model.
pub(super) fn check(tree: &Tree) -> Result<Vec<String>> {
    let read =
        |path: &str| fs::read_to_string(root().join(path)).with_context(|| format!("cannot read {path}"));
    let model = read(MODEL)?;
    let mut problems = Vec::new();
    for path in tree.files().filter(|path| path.starts_with(RULES)) {
        for id in ids(&read(path)?).into_iter().filter(|id| !model.contains(id.as_str())) {
            problems.push(format!("{path}: {MODEL} does not know `{id}`"));
        }
    }
    Ok(problems)
}

fn ids(table: &str) -> BTreeSet<String> {
    let tagged = |catalogue| table.split(catalogue).skip(1);
    let id = |rest: &str| rest.split(['"', '\'']).next().unwrap_or_default().to_owned();
    CATALOGUES.into_iter().flat_map(tagged).map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_out_of_tags() {
        let table = "tags = [\"owasp:LLM01:2025\", 'atlas:AML.T0054', \"harm:rendered\"]\n";
        assert_eq!(ids(table), BTreeSet::from(["AML.T0054", "LLM01:2025"].map(str::to_owned)));
    }
}
