//! One line of JSON Lines input: a text with what is known of it.
//!
//! JSON can say what no string can hold: a lone surrogate (`"\ud800"`). Such an escape, and bytes that are not UTF-8,
//! become U+FFFD, as decoders of the WHATWG Encoding Standard make them; offsets then refer to the text so mended.

use std::borrow::Cow;

use llm_shield_detect::{Direction, Role};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A text to scan or redact.
#[derive(Deserialize)]
pub(crate) struct Case {
    /// Echoed as it came.
    #[serde(default)]
    pub(crate) id: Option<Box<RawValue>>,
    /// The text.
    pub(crate) text: String,
    #[serde(default)]
    direction: Option<Direction>,
    #[serde(default)]
    role: Option<Role>,
}

impl Case {
    /// Makes a case of a text.
    pub(crate) const fn new(text: String, direction: Direction, role: Role) -> Self {
        Self { id: None, text, direction: Some(direction), role: Some(role) }
    }

    /// On which side of the model the text was seen.
    pub(crate) fn direction(&self) -> Direction {
        self.direction.unwrap_or_default()
    }

    /// Whose text it is.
    pub(crate) fn role(&self) -> Role {
        self.role.unwrap_or_default()
    }

    /// Reads a line.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it and, when it can be told, whose line it is; never what the line holds.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, Malformed> {
        let text = String::from_utf8_lossy(line);
        if text.trim().is_empty() {
            return Err(Malformed { id: None, problem: "the line is empty".to_owned() });
        }
        let text = mend_surrogates(&text);
        serde_json::from_str(&text).map_err(|error| Malformed { id: id_of(&text), problem: problem(&error) })
    }
}

/// A line that is no case.
pub(crate) struct Malformed {
    /// Its id, when it has one.
    pub(crate) id: Option<Box<RawValue>>,
    /// What is wrong.
    pub(crate) problem: String,
}

fn id_of(text: &str) -> Option<Box<RawValue>> {
    #[derive(Deserialize)]
    struct OnlyId {
        id: Option<Box<RawValue>>,
    }
    serde_json::from_str::<OnlyId>(text).ok()?.id
}

/// Says what serde says, without the values that it quotes from the line.
fn problem(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let column = error.column();
    let message = error.to_string();
    match error.classify() {
        Category::Data if message.starts_with("missing field") => {
            message.split(" at line").next().unwrap_or("missing field").to_owned()
        }
        Category::Data if message.starts_with("unknown variant") => {
            format!("unknown `direction` or `role` before column {column}")
        }
        Category::Data => format!("a field of the wrong type before column {column}"),
        Category::Eof => "the JSON object is cut off".to_owned(),
        Category::Syntax | Category::Io => format!("no valid JSON at column {column}"),
    }
}

/// Replaces escapes of lone surrogates by `\ufffd`.
fn mend_surrogates(json: &str) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(offset) = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == b'\\')) {
        at += offset;
        match escaped_unit(bytes, at) {
            Some(0xD800..=0xDBFF) if matches!(escaped_unit(bytes, at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => {
                out.push_str(json.get(copied..at).unwrap_or_default());
                out.push_str("\\ufffd");
                at += 6;
                copied = at;
            }
            // Any other escape: its second byte may be a backslash, which begins nothing.
            _ => at += 2,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    out.push_str(json.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

/// The UTF-16 unit of the escape `\uXXXX` at `at`.
fn escaped_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str) -> String {
        Case::parse(line.as_bytes()).map(|case| case.text).map_err(|error| error.problem).unwrap()
    }

    #[test]
    fn lone_surrogates_become_replacement_characters() {
        assert_eq!(text(r#"{"id":1,"text":"a\ud800b"}"#), "a\u{fffd}b");
        assert_eq!(text(r#"{"id":1,"text":"\udc00"}"#), "\u{fffd}");
        assert_eq!(text(r#"{"id":1,"text":"\ud83d\ude00"}"#), "\u{1f600}");
        assert_eq!(text(r#"{"id":1,"text":"\uD83D\uD83D\uDE00"}"#), "\u{fffd}\u{1f600}");
        assert_eq!(text(r#"{"id":1,"text":"\\ud800"}"#), r"\ud800");
        assert_eq!(text(r#"{"id":1,"text":"\\\ud800\u0000"}"#), "\\\u{fffd}\0");
    }

    #[test]
    fn bytes_that_are_not_utf8_become_replacement_characters() {
        let case = Case::parse(b"{\"id\":1,\"text\":\"a\xffb\"}").map_err(|error| error.problem).unwrap();
        assert_eq!(case.text, "a\u{fffd}b");
    }

    #[test]
    fn ids_of_any_kind_are_kept() {
        for id in ["1", "\"x\"", "null", "[1,{}]", "12345678901234567890123"] {
            let case = Case::parse(format!("{{\"id\":{id},\"text\":\"\"}}").as_bytes())
                .map_err(|e| e.problem)
                .unwrap();
            assert_eq!(case.id.map_or_else(|| "null".to_owned(), |id| id.get().to_owned()), id);
        }
    }

    #[test]
    fn malformed_lines_say_why_and_whose() {
        for (line, id, problem) in [
            ("", None, "the line is empty"),
            (r#"{"id":7}"#, Some("7"), "missing field `text`"),
            (r#"{"id":7,"text":null}"#, Some("7"), "a field of the wrong type before column 19"),
            (
                r#"{"id":7,"text":"x","role":"secret"}"#,
                Some("7"),
                "unknown `direction` or `role` before column 34",
            ),
            (r#"{"id":7,"text":"se"#, None, "the JSON object is cut off"),
            ("secret", None, "no valid JSON at column 1"),
        ] {
            let error = Case::parse(line.as_bytes()).err().unwrap();
            assert_eq!(error.problem, problem);
            assert_eq!(error.id.as_ref().map(|id| id.get()), id);
        }
    }
}
