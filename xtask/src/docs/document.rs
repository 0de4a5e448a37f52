//! What a Markdown document holds that can be checked.

use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A document, taken apart.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Its path in the repository.
    pub(super) path: String,
    pub(super) links: Vec<Link>,
    /// Inline code.
    pub(super) code: Vec<(usize, String)>,
    pub(super) blocks: Vec<Block>,
    /// The anchors of its headings, as GitHub makes them.
    pub(super) anchors: BTreeSet<String>,
    pub(super) quotes: Vec<Quote>,
}

/// A table behind `<!-- quote: PATH -->`, whose lines stand in that file as well.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Quote {
    pub(super) line: usize,
    pub(super) path: String,
    pub(super) rows: Vec<String>,
}

/// A link or an image.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) line: usize,
    pub(super) target: String,
    pub(super) text: String,
    /// Whether all its text is code.
    pub(super) code: bool,
}

/// A code block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) line: usize,
    pub(super) language: String,
    pub(super) mark: Option<Mark>,
    pub(super) text: String,
}

/// What the comment before a code block says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// `<!-- run -->`: each line is a command that is run.
    Run,
    /// `<!-- file: NAME -->`: what the commands find under that name.
    File(String),
}

impl Mark {
    fn parse(html: &str) -> Option<Self> {
        let inner = html.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
        match inner.strip_prefix("file:") {
            Some(name) => Some(Self::File(name.trim().to_owned())),
            None => (inner == "run").then_some(Self::Run),
        }
    }
}

impl Document {
    /// Takes a document apart.
    pub(super) fn parse(path: &str, text: &str) -> Self {
        let mut document = Self { path: path.to_owned(), quotes: quotes(text), ..Self::default() };
        let mut slugs = BTreeMap::new();
        let mut heading: Option<String> = None;
        let mut links: Vec<Link> = Vec::new();
        let mut block: Option<Block> = None;
        let mut mark = None;
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = line_of(text, range.start);
            match event {
                Event::Html(html) => mark = Mark::parse(&html).or(mark),
                Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => {}
                Event::Start(Tag::CodeBlock(kind)) => {
                    let language = match kind {
                        CodeBlockKind::Fenced(info) => {
                            info.split_whitespace().next().unwrap_or_default().to_owned()
                        }
                        CodeBlockKind::Indented => String::new(),
                    };
                    block = Some(Block { line, language, mark: mark.take(), text: String::new() });
                }
                Event::End(TagEnd::CodeBlock) => document.blocks.extend(block.take()),
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let slug = slug(&heading.take().unwrap_or_default());
                    let times: &mut usize = slugs.entry(slug.clone()).or_default();
                    document.anchors.insert(if *times == 0 { slug } else { format!("{slug}-{times}") });
                    *times += 1;
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    links.push(Link { line, target: dest_url.to_string(), code: true, ..Link::default() });
                }
                Event::End(TagEnd::Link | TagEnd::Image) => document.links.extend(links.pop()),
                Event::Text(piece) => {
                    if let Some(block) = &mut block {
                        block.text.push_str(&piece);
                    }
                    said(&piece, false, &mut heading, &mut links);
                }
                Event::Code(piece) => {
                    said(&piece, true, &mut heading, &mut links);
                    document.code.push((line, piece.to_string()));
                }
                Event::SoftBreak | Event::HardBreak => said(" ", true, &mut heading, &mut links),
                Event::Start(_) => mark = None,
                _ => {}
            }
        }
        document
    }

    /// Returns the directory that its links start from.
    pub(super) fn directory(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(directory, _)| directory)
    }
}

fn quotes(text: &str) -> Vec<Quote> {
    let mut lines = text.lines().zip(1..);
    let mut quotes = Vec::new();
    while let Some((line, number)) = lines.next() {
        let inner = line.strip_prefix("<!-- quote:").and_then(|rest| rest.strip_suffix("-->"));
        if let Some(path) = inner {
            let rows = lines.by_ref().map(|(line, _)| line).skip_while(|line| line.is_empty());
            let rows = rows.take_while(|line| line.starts_with('|')).map(str::to_owned).collect();
            quotes.push(Quote { line: number, path: path.trim().to_owned(), rows });
        }
    }
    quotes
}

fn said(piece: &str, code: bool, heading: &mut Option<String>, links: &mut [Link]) {
    if let Some(heading) = heading {
        heading.push_str(piece);
    }
    for link in links {
        link.text.push_str(piece);
        link.code &= code;
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1
}

/// Makes a heading's anchor.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|&c| c.is_alphanumeric() || "-_ ".contains(c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_taken_apart() {
        let text = "# A `b` c, d!\n\n## A b c d\n\nSee [`x::y`](src/x.rs) and\n![the picture](p.svg).\n\n\
                    <!-- run -->\n```sh\nls -l\n```\n\n<!-- run -->\nno block\n\n```yaml\na: 1\n```\n";
        let document = Document::parse("docs/a.md", text);
        assert_eq!(document.directory(), "docs");
        assert_eq!(document.anchors, BTreeSet::from(["a-b-c-d".to_owned(), "a-b-c-d-1".to_owned()]));
        let link = |line, target: &str, text: &str, code| Link {
            line,
            target: target.into(),
            text: text.into(),
            code,
        };
        let links = [link(5, "src/x.rs", "x::y", true), link(6, "p.svg", "the picture", false)];
        assert_eq!(document.links, links);
        assert_eq!(document.blocks[0].mark, Some(Mark::Run));
        assert_eq!(document.blocks[0].text, "ls -l\n");
        assert_eq!((document.blocks[1].language.as_str(), &document.blocks[1].mark), ("yaml", &None));
    }

    #[test]
    fn quoted_tables_are_found() {
        let quotes = quotes("a\n<!-- quote: b.md -->\n\n| c |\n|---|\n| d |\n\n| e |\n");
        let rows = ["| c |", "|---|", "| d |"].map(str::to_owned).to_vec();
        assert_eq!(quotes, [Quote { line: 2, path: "b.md".into(), rows }]);
    }

    #[test]
    fn marks_are_read() {
        assert_eq!(Mark::parse("<!-- file: a.yaml -->\n"), Some(Mark::File("a.yaml".into())));
        assert_eq!(Mark::parse("<!-- begin measured -->"), None);
    }
}
