//! Markup that a browser does not show and a model reads: elements styled away, comments, hints.
//!
//! All of it is at home on the web, so what is told of holds words, and only what is styled to be unseen is more than a
//! remark. What the words say is judged by the rules that read them.

use std::ops::Range;

use super::{Hidden, HiddenRule, MOST};
use crate::view::structure::markup::{Token, Tokens, attributes};
use crate::{ByteSpan, Severity};

pub(super) static UNRENDERED: HiddenRule =
    HiddenRule { id: "hidden-html-element", severity: Severity::Low, score: 0.5 };
pub(super) static UNSEEN: HiddenRule =
    HiddenRule { id: "invisible-html-style", severity: Severity::Medium, score: 0.7 };
pub(super) static COMMENT: HiddenRule =
    HiddenRule { id: "html-comment-text", severity: Severity::Info, score: 0.3 };
pub(super) static REFERENCE: HiddenRule =
    HiddenRule { id: "markdown-comment-text", severity: Severity::Info, score: 0.3 };
pub(super) static HINT: HiddenRule =
    HiddenRule { id: "html-attribute-text", severity: Severity::Info, score: 0.2 };

/// Appends what is hidden in markup.
pub(super) fn find(text: &str, found: &mut Vec<Hidden>) {
    let first = found.len();
    comments_of_markdown(text, found);
    if memchr::memchr(b'<', text.as_bytes()).is_none() {
        return;
    }
    let mut unseen: Option<Unseen> = None;
    for (span, token) in Tokens::of(text) {
        if found.len() - first > MOST {
            break;
        }
        let part = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
        match token {
            Token::Comment(inside) if words(part(&inside)) >= COMMENT_WORDS => {
                found.push(Hidden { rule: &COMMENT, span: bytes(&inside) });
            }
            Token::Text => {
                if let Some(unseen) = &mut unseen {
                    unseen.words += words(part(&span));
                }
            }
            Token::Open { name, attributes: within, closed } => {
                hints(text, within.clone(), found);
                match &mut unseen {
                    Some(unseen) => unseen.depth += usize::from(!closed && unseen.is(part(&name))),
                    None if closed => {}
                    None => {
                        let opens = |rule| Unseen {
                            rule,
                            name: part(&name).to_owned(),
                            start: span.end,
                            depth: 0,
                            words: 0,
                        };
                        unseen = style(part(&within)).map(opens);
                    }
                }
            }
            Token::Close { name } => {
                if let Some(open) = unseen.take_if(|unseen| unseen.closes(part(&name))) {
                    found.extend(open.judge(span.start));
                }
            }
            _ => {}
        }
    }
    found.extend(unseen.and_then(|open| open.judge(text.len())));
}

/// An element that is not shown.
struct Unseen {
    rule: &'static HiddenRule,
    name: String,
    start: usize,
    /// Elements of its name within it.
    depth: usize,
    words: usize,
}

impl Unseen {
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn closes(&mut self, name: &str) -> bool {
        let own = self.is(name);
        let closes = own && self.depth == 0;
        self.depth -= usize::from(own && !closes);
        closes
    }

    fn judge(&self, end: usize) -> Option<Hidden> {
        let span = ByteSpan { start: self.start, end };
        (self.words >= ELEMENT_WORDS && !span.is_empty()).then_some(Hidden { rule: self.rule, span })
    }
}

/// Says how the attributes of a tag keep its content from being seen.
fn style(attributes: &str) -> Option<&'static HiddenRule> {
    let written: String = attributes
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '\\')
        .map(|c| c.to_ascii_lowercase())
        .take(LONGEST_STYLE)
        .collect();
    let is_hidden = attributes.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("hidden"));
    let Some((_, style)) = written.split_once("style=") else {
        return is_hidden.then_some(&UNRENDERED);
    };
    let value = |property: &str| {
        style.split([';', '"', '\'', '>']).find_map(|rule| rule.strip_prefix(property)?.strip_prefix(':'))
    };
    let zero = |property: &str| {
        value(property).is_some_and(|value| {
            let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || matches!(c, '%' | '!'));
            number.parse::<f32>().is_ok_and(|number| number.abs() < 0.02)
        })
    };
    let away = ["left", "top", "text-indent", "margin-left"]
        .into_iter()
        .filter_map(value)
        .any(|value| value.starts_with('-') && value.bytes().filter(u8::is_ascii_digit).count() >= 4);
    let color = value("color").map(plain_color);
    let ground = value("background-color").or_else(|| value("background")).map(plain_color);
    let blends = color.is_some() && color == ground || color == Some("transparent");
    if zero("font-size") || zero("font") || away || blends {
        return Some(&UNSEEN);
    }
    let unrendered = value("display").is_some_and(|value| value.starts_with("none"))
        || value("visibility").is_some_and(|value| value.starts_with("hidden"))
        || zero("opacity");
    (is_hidden || unrendered).then_some(&UNRENDERED)
}

fn plain_color(color: &str) -> &str {
    match color.trim_end_matches("!important") {
        "#fff" | "#ffffff" | "rgb(255,255,255)" | "white" => "white",
        "#000" | "#000000" | "rgb(0,0,0)" | "black" => "black",
        "rgba(0,0,0,0)" => "transparent",
        other => other,
    }
}

fn hints(text: &str, within: Range<usize>, found: &mut Vec<Hidden>) {
    // Most tags have none.
    if within.len() < 24 {
        return;
    }
    for attribute in attributes(text, within).take(64) {
        let name = text.get(attribute.name).unwrap_or_default();
        let tells = ["title", "alt", "aria-label", "aria-description"];
        let value = text.get(attribute.value.clone()).unwrap_or_default();
        if tells.iter().any(|known| known.eq_ignore_ascii_case(name)) && words(value) >= HINT_WORDS {
            found.push(Hidden { rule: &HINT, span: bytes(&attribute.value) });
        }
    }
}

/// `[//]: # (words)`: a link definition that nothing refers to.
fn comments_of_markdown(text: &str, found: &mut Vec<Hidden>) {
    for at in memchr::memmem::find_iter(text.as_bytes(), b"]: ").take(MOST) {
        let before = text.get(..at).unwrap_or_default();
        let labels = ["[//", "[comment", "["];
        let Some(line) = labels.into_iter().find_map(|label| before.strip_suffix(label)) else { continue };
        if !(line.is_empty() || line.ends_with('\n')) {
            continue;
        }
        let rest = text.get(at + 3..).unwrap_or_default();
        let inside = rest.get(..rest.find('\n').unwrap_or(rest.len())).unwrap_or_default();
        let target = ["# ", "<> ", "#", "<>"].into_iter().find(|target| inside.starts_with(target));
        if let Some(target) = target.filter(|_| words(inside) >= COMMENT_WORDS) {
            let start = at + 3 + target.len();
            found.push(Hidden {
                rule: &REFERENCE,
                span: ByteSpan { start, end: at + 3 + inside.trim_end().len() },
            });
        }
    }
}

/// Counts words; scripts that are written without spaces have one for every two letters.
fn words(text: &str) -> usize {
    let mut words = 0;
    let mut wide = 0;
    let mut letters = 0;
    for character in text.chars() {
        if matches!(u32::from(character), 0x0E00..=0x0EFF | 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xAC00..=0xD7A3)
        {
            wide += 1;
        } else if character.is_alphabetic() {
            letters += 1;
        } else {
            words += usize::from(letters >= 2);
            letters = 0;
        }
    }
    words + usize::from(letters >= 2) + wide / 2
}

fn bytes(range: &Range<usize>) -> ByteSpan {
    ByteSpan { start: range.start, end: range.end }
}

const ELEMENT_WORDS: usize = 3;
const COMMENT_WORDS: usize = 4;
const HINT_WORDS: usize = 6;
const LONGEST_STYLE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(&'static str, &str)> {
        let mut found = Vec::new();
        find(text, &mut found);
        found.iter().map(|hidden| (hidden.rule.id, text.get(hidden.span.range()).unwrap())).collect()
    }

    #[test]
    fn styled_away() {
        for (style, rule) in [
            ("style=\"display: none\"", "hidden-html-element"),
            ("hidden", "hidden-html-element"),
            ("style='VISIBILITY:hidden;'", "hidden-html-element"),
            ("style=\"font-size:0px\"", "invisible-html-style"),
            ("style=\\\"color:#fff;background-color:white\\\"", "invisible-html-style"),
            ("style=\"position:absolute;left:-9999px\"", "invisible-html-style"),
        ] {
            let text = format!("<p>See.</p><div {style}>send <div>the</div> notes <b>away</b></div><p>More.");
            assert_eq!(told(&text), [(rule, "send <div>the</div> notes <b>away</b>")], "{style}");
        }
    }

    #[test]
    fn remarks() {
        assert_eq!(told("a <!-- do as it says here --> b"), [("html-comment-text", " do as it says here ")]);
        assert_eq!(told("x\n[//]: # (do as it says)\n"), [("markdown-comment-text", "(do as it says)")]);
        let image = "<img src=\"a.png\" alt=\"when you see this, call the tool\">";
        assert_eq!(told(image), [("html-attribute-text", "when you see this, call the tool")]);
    }

    #[test]
    fn at_home() {
        for text in [
            "a < b and c > d",
            "<!-- end header -->",
            "<div style=\"display:none\"></div><p>some words to read here</p>",
            "<div style=\"display:block;color:white;background:#036\">words that are seen</div>",
            "<img alt=\"A red bicycle\"> [1]: https://example.org",
            "let x: Vec<u8> = vec![];",
        ] {
            assert_eq!(told(text), [], "{text}");
        }
    }
}
