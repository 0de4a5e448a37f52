//! Links, anchors, paths, and the names of code that links give.

use std::{collections::BTreeSet, fs};

use super::document::{Document, Link};
use crate::shell::root;

/// The files of the repository and the directories that they lie in.
#[derive(Debug)]
pub(super) struct Tree {
    files: BTreeSet<String>,
    directories: BTreeSet<String>,
}

/// Kinds of source files, which are often named by the end of their path.
const SOURCES: [&str; 6] = [".rs", ".py", ".proto", ".toml", ".sh", ".dot"];

impl Tree {
    pub(super) fn of(files: &[String]) -> Self {
        let mut directories = BTreeSet::from([String::new()]);
        for file in files {
            let mut path = file.as_str();
            while let Some((directory, _)) = path.rsplit_once('/') {
                directories.insert(directory.to_owned());
                path = directory;
            }
        }
        Self { files: files.iter().cloned().collect(), directories }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.files.contains(path) || self.directories.contains(path)
    }

    fn ends_with(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.strip_suffix(path).is_some_and(|rest| rest.ends_with('/')))
    }
}

/// Returns all that is wrong with a document's links and paths.
pub(super) fn check(document: &Document, documents: &[Document], tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for link in &document.links {
        if let Some(problem) = broken(link, document, documents, tree) {
            problems.push(format!("{}:{}: `{}`: {problem}", document.path, link.line, link.target));
        }
    }
    for (line, code) in &document.code {
        if is_missing_path(code, document.directory(), tree) {
            problems.push(format!("{}:{line}: `{code}`: there is no such file", document.path));
        }
    }
    for quote in &document.quotes {
        let source = fs::read_to_string(root().join(&quote.path)).unwrap_or_default();
        let lines: BTreeSet<&str> = source.lines().collect();
        for row in quote.rows.iter().filter(|row| !lines.contains(row.as_str())) {
            problems.push(format!("{}:{}: not in {}: {row}", document.path, quote.line, quote.path));
        }
    }
    problems
}

fn broken(link: &Link, document: &Document, documents: &[Document], tree: &Tree) -> Option<String> {
    if ["https://", "http://", "mailto:"].iter().any(|scheme| link.target.starts_with(scheme)) {
        return None;
    }
    let (path, anchor) = match link.target.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (link.target.as_str(), None),
    };
    let path = match path {
        "" => document.path.clone(),
        path => match join(document.directory(), path) {
            Some(path) if tree.has(&path) => path,
            _ => return Some("there is no such file".to_owned()),
        },
    };
    if let Some(anchor) = anchor {
        let target = documents.iter().find(|document| document.path == path);
        return match target {
            Some(target) if target.anchors.contains(anchor) => None,
            _ => Some("there is no such heading".to_owned()),
        };
    }
    let name = symbol(link)?;
    let source = fs::read_to_string(root().join(&path)).ok()?;
    (!has_word(&source, name)).then(|| format!("`{name}` is not in it"))
}

/// Returns the name of code that a link's text gives, to stand in the file that it leads to: `b` for a text of `a::b`. The
/// name of a test case may have spaces.
fn symbol(link: &Link) -> Option<&str> {
    let name = link.text.rsplit("::").next()?.trim_end_matches("()");
    let word = !name.is_empty() && !name.contains(['/', '.']);
    let file = link.target.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
    (link.code && word && file.contains('.') && name != file).then_some(name)
}

fn has_word(text: &str, word: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(inner) && !after.is_some_and(inner)
    })
}

/// Says whether code is a path of this repository, and nothing is there. What only might be one is let pass.
fn is_missing_path(code: &str, directory: &str, tree: &Tree) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./<>*{},".contains(c);
    let Some((first, _)) = code.split_once('/') else { return false };
    if !code.chars().all(plain) || ["", ".."].contains(&first) {
        return false;
    }
    // Up to the first part that stands for many.
    let known =
        code.split('/').take_while(|part| !part.contains(['<', '*', '{'])).collect::<Vec<_>>().join("/");
    let starts_here = |base: &str| {
        let first = join(base, first).unwrap_or_default();
        tree.directories.contains(&first) && first != base
    };
    let there = |base: &str| join(base, &known).is_some_and(|path| tree.has(&path));
    if starts_here("") || starts_here(directory) {
        return !there("") && !there(directory);
    }
    SOURCES.iter().any(|kind| code.ends_with(kind)) && known == code && !tree.ends_with(code)
}

/// Follows a relative path; `None` when it leaves the repository.
fn join(directory: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        Tree::of(&["docs/a.md", "docs/b.md", "src/deep/x.rs"].map(str::to_owned))
    }

    fn problems(text: &str) -> usize {
        let documents = [Document::parse("docs/a.md", text), Document::parse("docs/b.md", "# There it is\n")];
        check(&documents[0], &documents, &tree()).len()
    }

    #[test]
    fn links_lead_somewhere() {
        assert_eq!(problems("[b](b.md), [c](b.md#there-it-is), [d](../src/), [e](https://example.com)"), 0);
        assert_eq!(problems("# Top\n\n[b](#top)"), 0);
        for broken in ["[b](c.md)", "[b](b.md#not-there)", "[b](../../x)", "[b](#top)", "![b](b.svg)"] {
            assert_eq!(problems(broken), 1, "{broken}");
        }
    }

    #[test]
    fn paths_in_code_are_there() {
        assert_eq!(
            problems("`src/deep/x.rs`, `src/<one>/x`, `deep/x.rs`, `application/json`, `a/b`, `docs/`"),
            0
        );
        for missing in ["`src/deep/y.rs`", "`src/none/`", "`docs/c.md`", "`deep/y.rs`"] {
            assert_eq!(problems(missing), 1, "{missing}");
        }
    }

    #[test]
    fn names_are_whole_words() {
        assert!(has_word("fn a_test() {}", "a_test"));
        assert!(!has_word("fn a_tests() {}", "a_test"));
        let link = |text: &str, code| Link { line: 1, target: "x.rs".into(), text: text.into(), code };
        assert_eq!(symbol(&link("x::y()", true)), Some("y"));
        assert_eq!(symbol(&link("x.rs", true)), None);
        assert_eq!(symbol(&link("prose", false)), None);
    }
}
