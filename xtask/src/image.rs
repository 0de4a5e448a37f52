//! What the build of the image is given: all that the code is built of, which `.dockerignore` must not leave out.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::shell;

const IGNORED: &str = ".dockerignore";
/// Where the crates lie that the image is built of: the server's, and those that it depends on.
const BUILT: [&str; 4] = ["server", "classifier", "proto", "clients/rust"];
/// Directories whose code is not in the image.
const NOT_BUILT: [&str; 5] = ["tests", "examples", "benches", "fuzz", "emulator"];

/// Refuses code that includes a file which the build of the image is not given.
pub(crate) fn check() -> Result<()> {
    let root = shell::root();
    let text = fs::read_to_string(root.join(IGNORED)).with_context(|| format!("cannot read {IGNORED}"))?;
    let context = Context::parse(&text);
    let mut missing = Vec::new();
    for path in sources()? {
        let code = fs::read_to_string(root.join(&path)).with_context(|| format!("cannot read {path}"))?;
        for file in std::iter::once(path.clone()).chain(included(&path, &code)) {
            if !context.has(&file) {
                missing.push(format!("{path}: the build of the image lacks {file} ({IGNORED})"));
            }
        }
    }
    if missing.is_empty() { Ok(()) } else { bail!("{}", missing.join("\n")) }
}

fn sources() -> Result<Vec<String>> {
    let mut list = shell::command("git");
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]).args(BUILT);
    let listed = list.output().context("cannot run git")?;
    let names = String::from_utf8(listed.stdout).context("a file's name is not UTF-8")?;
    let is_built = |name: &&str| {
        let rust = Path::new(name).extension().is_some_and(|kind| kind == "rs");
        rust && !name.split('/').any(|part| NOT_BUILT.contains(&part)) && !name.ends_with("/tests.rs")
    };
    let there = |name: &&str| shell::root().join(name).exists();
    Ok(names.split_terminator('\0').filter(is_built).filter(there).map(str::to_owned).collect())
}

/// The files that a file of code includes by a path that is written out, from the root. Tests at its end do not count.
fn included(path: &str, code: &str) -> Vec<String> {
    let code = code.split("#[cfg(test)]\nmod ").next().unwrap_or(code);
    let uses = ["include_str!(", "include_bytes!("].into_iter().flat_map(|name| code.split(name).skip(1));
    let names = uses.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split_once('"'));
    names.map(|(name, _)| from_root(path, name)).collect()
}

fn from_root(path: &str, name: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in name.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "." => {}
            below => parts.push(below),
        }
    }
    parts.join("/")
}

/// The files that Docker is given, as `.dockerignore` says.
///
/// The last line that fits a file or a directory above it holds.
#[derive(Debug)]
struct Context {
    lines: Vec<(bool, Vec<String>)>,
}

impl Context {
    fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let lines = lines.map(|line| {
            let (given, pattern) = line.strip_prefix('!').map_or((false, line), |pattern| (true, pattern));
            (given, pattern.trim_matches('/').split('/').map(str::to_owned).collect())
        });
        Self { lines: lines.collect() }
    }

    fn has(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |pattern: &[String]| {
            (1..=parts.len()).any(|length| parts.get(..length).is_some_and(|parts| matches(pattern, parts)))
        };
        self.lines.iter().rev().find(|(_, pattern)| fits(pattern)).is_none_or(|(given, _)| *given)
    }
}

fn matches(pattern: &[String], parts: &[&str]) -> bool {
    match (pattern.split_first(), parts.split_first()) {
        (None, None) => true,
        (Some((any, rest)), _) if any == "**" => {
            matches(rest, parts) || parts.split_first().is_some_and(|(_, parts)| matches(pattern, parts))
        }
        (Some((pattern, patterns)), Some((part, parts))) => {
            matches_part(pattern, part) && matches(patterns, parts)
        }
        _ => false,
    }
}

/// Whether a name is that of a pattern, in which `*` is anything.
fn matches_part(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, behind)) => name.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| rest.get(at..).is_some_and(|rest| matches_part(behind, rest)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_that_fits_holds() {
        let context =
            Context::parse("# all\n**\n!server\n!docs/policy.schema.json\n**/target\nserver/*.tmp\n");
        for given in ["server/src/main.rs", "docs/policy.schema.json", "server/src/a.tmp"] {
            assert!(context.has(given), "{given}");
        }
        for left_out in ["docs/policy.md", "server/target/debug/a", "server/a.tmp", "README.md"] {
            assert!(!context.has(left_out), "{left_out}");
        }
    }

    #[test]
    fn included_files_are_found() {
        let code = "const A: &str = include_str!(\"../a.txt\");\n\
                    const B: &[u8] = include_bytes!(\n    \"../../../docs/b.json\");\n\
                    const C: &[u8] = include_bytes!(concat!(env!(\"OUT_DIR\"), \"/c\"));\n\
                    #[cfg(test)]\nmod tests {\n const D: &str = include_str!(\"d\");\n}\n";
        assert_eq!(included("server/x/src/lib.rs", code), ["server/x/a.txt", "docs/b.json"]);
    }

    #[test]
    fn what_is_included_and_left_out_is_found() {
        let files = included("server/src/lib.rs", "include_str!(\"../../docs/policy.schema.json\")");
        let lacks = |ignored: &str| {
            let context = Context::parse(ignored);
            files.iter().any(|file| !context.has(file))
        };
        assert!(lacks("**\n!server\n"));
        assert!(!lacks("**\n!server\n!docs/policy.schema.json\n"));
    }
}
