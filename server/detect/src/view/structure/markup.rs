//! The tags, comments and text of markup, read as leniently as browsers do and in one pass over any text.

use std::ops::Range;

/// What markup is made of. Places are in the text that was given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Token {
    Text,
    Open {
        name: Range<usize>,
        attributes: Range<usize>,
        /// Written `<name/>`.
        closed: bool,
    },
    Close {
        name: Range<usize>,
    },
    Comment(Range<usize>),
    /// A CDATA section.
    Verbatim(Range<usize>),
    /// A declaration or processing instruction.
    Other,
}

/// An attribute of a tag.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub(crate) name: Range<usize>,
    /// Without its quotes.
    pub(crate) value: Range<usize>,
}

/// Reads a text token by token.
#[derive(Debug)]
pub(crate) struct Tokens<'t> {
    text: &'t str,
    at: usize,
    /// The element whose content is no markup, until it is closed.
    verbatim: Option<&'static str>,
    /// Closing signs that are known not to come any more.
    absent: Vec<&'static str>,
}

impl<'t> Tokens<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        Self { text, at: 0, verbatim: None, absent: Vec::new() }
    }

    fn token(&mut self) -> Option<Token> {
        let rest = self.text.get(self.at..)?;
        for (opens, closes) in [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>"), ("<!", ">")] {
            if rest.starts_with(opens) {
                let start = self.at + opens.len();
                let length = self.find(start, closes)?;
                let inside = start..start + length;
                self.at = inside.end + closes.len();
                return Some(match opens {
                    "<!--" => Token::Comment(inside),
                    "<![CDATA[" => Token::Verbatim(inside),
                    _ => Token::Other,
                });
            }
        }
        self.tag()
    }

    /// Reads a tag. What was read of something that is none is not read again.
    fn tag(&mut self) -> Option<Token> {
        let bytes = self.text.as_bytes();
        let byte = |at: usize| bytes.get(at).copied();
        let closing = byte(self.at + 1) == Some(b'/');
        let start = self.at + 1 + usize::from(closing);
        let name = start..start + name_length(bytes.get(start..)?);
        let ends =
            byte(name.end).is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'));
        if name.is_empty() || !ends {
            return None;
        }
        let mut at = name.end;
        let mut quote = None;
        let mut assigned = false;
        let end = loop {
            let sign = byte(at).filter(|_| at - name.end < LONGEST_TAG);
            let Some(sign) = sign else {
                self.at = self.text.floor_char_boundary(at);
                return Some(Token::Text);
            };
            match (sign, quote) {
                (sign, Some(open)) if sign == open => quote = None,
                (_, Some(_)) => {}
                (b'"' | b'\'', None) if assigned => quote = Some(sign),
                (b'>', None) => break at,
                _ => {}
            }
            assigned = sign == b'=' || assigned && sign.is_ascii_whitespace();
            at += 1;
        };
        self.at = end + 1;
        if closing {
            return Some(Token::Close { name });
        }
        let closed = end > name.end && byte(end - 1) == Some(b'/');
        let written = self.text.get(name.clone()).unwrap_or_default();
        if !closed {
            self.verbatim = VERBATIM.into_iter().find(|verbatim| verbatim.eq_ignore_ascii_case(written));
        }
        let attributes = name.end..end - usize::from(closed);
        Some(Token::Open { name, attributes, closed })
    }

    /// Finds a closing sign; one that was not found once is not looked for again.
    fn find(&mut self, from: usize, closes: &'static str) -> Option<usize> {
        if self.absent.contains(&closes) {
            return None;
        }
        let found = memchr::memmem::find(self.text.as_bytes().get(from..)?, closes.as_bytes());
        if found.is_none() {
            self.absent.push(closes);
        }
        found
    }

    /// Moves to where the element closes whose content is no markup.
    fn pass_verbatim(&self, element: &str) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        while let Some(found) = memchr::memmem::find(bytes.get(at..).unwrap_or_default(), b"</") {
            at += found + 2;
            let name = bytes.get(at..at + element.len());
            if name.is_some_and(|name| name.eq_ignore_ascii_case(element.as_bytes())) {
                return at - 2;
            }
        }
        bytes.len()
    }
}

impl Iterator for Tokens<'_> {
    type Item = (Range<usize>, Token);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        if let Some(element) = self.verbatim.take() {
            self.at = self.pass_verbatim(element);
            if self.at > start {
                return Some((start..self.at, Token::Text));
            }
        }
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        if rest.starts_with('<') {
            if let Some(token) = self.token() {
                return Some((start..self.at, token));
            }
            self.at = self.at.max(start + 1);
            return Some((start..self.at, Token::Text));
        }
        self.at = start + memchr::memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
        Some((start..self.at, Token::Text))
    }
}

/// Returns the attributes of a tag.
pub(crate) fn attributes(text: &str, within: Range<usize>) -> impl Iterator<Item = Attribute> {
    let bytes = text.as_bytes();
    let mut at = within.start;
    let end = within.end.min(bytes.len());
    let byte = move |at: usize| bytes.get(at).copied().filter(|_| at < end);
    let run = move |from: usize, inside: fn(u8) -> bool| {
        (from..end).take_while(|at| byte(*at).is_some_and(inside)).count()
    };
    std::iter::from_fn(move || {
        at += run(at, |byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\'' | b'='));
        let name = at..at + run(at, |byte| !byte.is_ascii_whitespace() && byte != b'=');
        if name.is_empty() {
            return None;
        }
        at = name.end + run(name.end, |byte| byte.is_ascii_whitespace());
        if byte(at) != Some(b'=') {
            return Some(Attribute { value: name.end..name.end, name });
        }
        at += 1;
        at += run(at, |byte| byte.is_ascii_whitespace());
        let value = match byte(at) {
            Some(quote @ (b'"' | b'\'')) => {
                let start = at + 1;
                let inside = bytes.get(start..end).unwrap_or_default();
                start..start + memchr::memchr(quote, inside).unwrap_or(inside.len())
            }
            _ => at..at + run(at, |byte| !byte.is_ascii_whitespace()),
        };
        at = (value.end + 1).min(end).max(name.end);
        Some(Attribute { name, value })
    })
}

fn name_length(bytes: &[u8]) -> usize {
    if !bytes.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_' || *byte >= 0x80) {
        return 0;
    }
    let inside = |byte: &&u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-' | b'.') || **byte >= 0x80
    };
    bytes.iter().take(LONGEST_NAME).take_while(inside).count()
}

/// Elements whose content is no markup.
static VERBATIM: [&str; 2] = ["script", "style"];

const LONGEST_TAG: usize = 64 << 10;
const LONGEST_NAME: usize = 128;
