//! Whether an output holds code, and in which language: a guess by words and signs, good enough to route and to count by.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::ByteSpan;
use crate::coded::Seen;

use super::{CODE, markup};

/// Appends one finding for every stretch of code.
pub(super) fn find(text: &str, found: &mut Vec<Seen>) {
    let most = found.len() + MOST;
    let mut any = false;
    for block in markup::blocks(text) {
        let body = text.get(block.body.range()).unwrap_or_default();
        if body.trim().is_empty() || found.len() >= most {
            continue;
        }
        any = true;
        let (language, evidence) = guess(body);
        let named = is_named(block.language);
        if named || language.is_some() {
            found.push(CODE.scored(block.body, if named { 0.95 } else { by_evidence(evidence).max(0.6) }));
        }
    }
    if !any {
        let (language, evidence) = guess(text);
        let score = by_evidence(evidence);
        if language.is_some() && score >= 0.5 {
            found.push(CODE.scored(ByteSpan { start: 0, end: text.len() }, score));
        }
    }
}

/// Guesses the language of a text that may be code; with it, how many different signs of it are there.
pub(crate) fn guess(text: &str) -> (Option<&'static str>, usize) {
    let text = text.get(..text.floor_char_boundary(MOST_BYTES)).unwrap_or(text);
    FINDERS
        .iter()
        .map(|(name, signs)| {
            let count = signs.iter().filter(|sign| sign.find(text.as_bytes()).is_some()).count();
            (Some(*name).filter(|_| count >= 2), count)
        })
        .max_by_key(|(_, count)| *count)
        .unwrap_or((None, 0))
}

fn by_evidence(signs: usize) -> f64 {
    match signs {
        0..2 => 0.0,
        2 => 0.4,
        3 => 0.6,
        4 => 0.75,
        _ => 0.9,
    }
}

/// Whether the word after a fence names a language, and not plain text or a console's record.
fn is_named(language: &str) -> bool {
    !language.is_empty()
        && !["text", "txt", "plaintext", "plain", "console", "output", "markdown", "md", "mermaid"]
            .iter()
            .any(|plain| plain.eq_ignore_ascii_case(language))
}

type Finders = Vec<(&'static str, Vec<Finder<'static>>)>;

/// A searcher costs more to make than to run over a short text.
static FINDERS: LazyLock<Finders> = LazyLock::new(|| {
    LANGUAGES.iter().map(|(name, signs)| (*name, signs.iter().map(Finder::new).collect())).collect()
});

/// Signs of a language that prose and the other languages seldom have.
static LANGUAGES: &[(&str, &[&str])] = &[
    (
        "python",
        &[
            "def ", "import ", "self.", "elif ", "print(", "__init__", "):\n", "lambda ", "None", " = [",
            "except ", "from ",
        ],
    ),
    (
        "javascript",
        &[
            "const ",
            "let ",
            "=> ",
            "function ",
            "===",
            "console.log",
            "require(",
            "await ",
            "document.",
            "});",
            "undefined",
            "export ",
        ],
    ),
    (
        "typescript",
        &["interface ", ": string", ": number", "export type ", "as const", "import {", "=> ", "readonly "],
    ),
    (
        "rust",
        &[
            "fn ",
            "let mut ",
            "impl ",
            "pub ",
            "->",
            "::new(",
            "&self",
            "use std",
            "match ",
            ".unwrap()",
            "Vec<",
            "#[",
        ],
    ),
    (
        "go",
        &[
            "func ",
            "package ",
            ":= ",
            "import (",
            "fmt.",
            "err != nil",
            "chan ",
            "go func",
            "struct {",
            "defer ",
        ],
    ),
    (
        "java",
        &[
            "public class ",
            "private ",
            "System.out",
            "new ",
            "import java",
            "@Override",
            "void ",
            "static ",
            "extends ",
            "throws ",
        ],
    ),
    (
        "c",
        &[
            "#include", "int main", "printf(", "->", "void ", "char *", "sizeof(", "malloc(", "std::",
            "NULL", "struct ",
        ],
    ),
    (
        "csharp",
        &[
            "using System",
            "namespace ",
            "Console.Write",
            "public class ",
            "async Task",
            "get; set;",
            "var ",
            "string ",
        ],
    ),
    (
        "sql",
        &[
            "SELECT ",
            "FROM ",
            "WHERE ",
            "INSERT INTO",
            "CREATE TABLE",
            "JOIN ",
            "GROUP BY",
            "ORDER BY",
            "UPDATE ",
        ],
    ),
    (
        "shell",
        &[
            "#!/bin/", "echo ", "$(", "sudo ", "; then", "\nfi", "export ", "apt-get ", "grep ", " | ",
            "chmod ",
        ],
    ),
    ("php", &["<?php", "$this->", "echo ", "function ", "array(", "$_", "=> ", "public function"]),
    ("ruby", &["def ", "\nend", "puts ", "require '", ".each do", "attr_", "|x|", "@", "nil"]),
    ("html", &["<!DOCTYPE", "<html", "<div", "</div>", "<head>", "<body", "class=\"", "<script", "</p>"]),
    ("css", &["{\n", "color:", "margin:", "padding:", "display:", "px;", "@media", "font-"]),
];

const MOST: usize = 32;
const MOST_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> usize {
        let mut found = Vec::new();
        find(text, &mut found);
        found.len()
    }

    #[test]
    fn languages() {
        for (text, language) in [
            ("import os\n\nclass A:\n    def __init__(self):\n        self.x = None\n", "python"),
            ("fn main() {\n    let mut v = Vec::new();\n    impl_(&self)\n}\npub use std::fmt;", "rust"),
            ("package main\n\nimport (\n\"fmt\"\n)\nfunc main() { x := 1; fmt.Println(x) }", "go"),
            ("SELECT a FROM b WHERE c GROUP BY d ORDER BY e", "sql"),
            ("#include <stdio.h>\nint main(void) { printf(\"x\"); }", "c"),
            ("#!/bin/sh\nif true; then\n  echo $(ls | grep x)\nfi\n", "shell"),
        ] {
            assert_eq!(guess(text).0, Some(language), "{text}");
        }
    }

    #[test]
    fn presence() {
        assert_eq!(found("Use this:\n```python\nprint(1)\n```\n"), 1);
        assert_eq!(found("```text\nplain words here\n```"), 0);
        assert_eq!(found("Please select a seat from the list, where you like it best, and let me know."), 0);
    }
}
