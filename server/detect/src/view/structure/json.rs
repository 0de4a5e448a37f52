//! A reader of JSON that says where every value stands.

use crate::ByteSpan;

/// A value of a document; values stand in the order of their beginnings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    /// The value, a string with its quotes.
    pub(super) span: ByteSpan,
    /// The key of a member, without its quotes.
    pub(super) key: Option<ByteSpan>,
    pub(super) parent: Option<usize>,
    /// The place among its siblings.
    pub(super) place: usize,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Object,
    Array,
    String,
    Number,
    /// `true`, `false` or `null`.
    Word,
}

/// Reads the value that begins at `start`; answers the values and where it ends, or how far the text was read until it
/// was seen to be none.
pub(super) fn read(text: &str, start: usize) -> Result<(Vec<Value>, usize), usize> {
    let mut reader = Reader { bytes: text.as_bytes(), at: start, values: Vec::new(), open: Vec::new() };
    match reader.document() {
        Some(()) => Ok((reader.values, reader.at)),
        None => Err(reader.at),
    }
}

/// Undoes the escape that a text begins with; answers its length too.
pub(super) fn unescape(rest: &[u8]) -> Option<(char, usize)> {
    let plain = match rest.get(1)? {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        sign @ (b'"' | b'\\' | b'/') => char::from(*sign),
        b'u' => {
            let unit = |at: usize| {
                let digits = std::str::from_utf8(rest.get(at..at + 4)?).ok()?;
                digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(())?;
                u16::from_str_radix(digits, 16).ok()
            };
            let first = unit(2)?;
            if let Some(character) = char::from_u32(u32::from(first)) {
                return Some((character, 6));
            }
            let second = unit(8).filter(|_| rest.get(6..8) == Some(b"\\u"))?;
            let pair = char::decode_utf16([first, second]).next()?.ok()?;
            return Some((pair, 12));
        }
        _ => return None,
    };
    Some((plain, 2))
}

struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
    values: Vec<Value>,
    open: Vec<Open>,
}

/// A container that is not closed yet.
struct Open {
    value: usize,
    object: bool,
    members: usize,
}

impl Reader<'_> {
    fn document(&mut self) -> Option<()> {
        self.value(None)?;
        while let Some(open) = self.open.last() {
            let (object, members) = (open.object, open.members);
            self.white_space();
            match (self.byte()?, object) {
                (b'}', true) | (b']', false) => {
                    self.at += 1;
                    let closed = self.open.pop()?;
                    self.values.get_mut(closed.value)?.span.end = self.at;
                    continue;
                }
                (b',', _) if members > 0 => self.at += 1,
                _ if members == 0 => {}
                _ => return None,
            }
            self.white_space();
            let key = if object {
                let key = self.string()?;
                self.white_space();
                self.take(b':')?;
                self.white_space();
                Some(key)
            } else {
                None
            };
            self.value(key)?;
        }
        Some(())
    }

    fn value(&mut self, key: Option<ByteSpan>) -> Option<()> {
        let start = self.at;
        let parent = self.open.last_mut().map(|open| {
            open.members += 1;
            (open.value, open.members - 1)
        });
        let kind = match self.byte()? {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::String,
            b'-' | b'0'..=b'9' => Kind::Number,
            b't' | b'f' | b'n' => Kind::Word,
            _ => return None,
        };
        match kind {
            Kind::Object | Kind::Array => {
                self.at += 1;
                let object = kind == Kind::Object;
                self.open.push(Open { value: self.values.len(), object, members: 0 });
                if self.open.len() > DEEPEST {
                    return None;
                }
            }
            Kind::String => {
                self.string()?;
            }
            Kind::Number => self.run(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')),
            Kind::Word => {
                self.run(|byte| byte.is_ascii_lowercase());
                let word = self.bytes.get(start..self.at)?;
                matches!(word, b"true" | b"false" | b"null").then_some(())?;
            }
        }
        self.values.push(Value {
            span: ByteSpan { start, end: self.at },
            key,
            parent: parent.map(|(parent, _)| parent),
            place: parent.map_or(0, |(_, place)| place),
            kind,
        });
        Some(())
    }

    /// Reads a string; answers what is between its quotes.
    fn string(&mut self) -> Option<ByteSpan> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            let rest = self.bytes.get(self.at..)?;
            let Some(found) = memchr::memchr2(b'"', b'\\', rest) else {
                self.at = self.bytes.len();
                return None;
            };
            self.at += found;
            if self.byte() == Some(b'"') {
                let span = ByteSpan { start, end: self.at };
                self.at += 1;
                return Some(span);
            }
            self.at = (self.at + 2).min(self.bytes.len());
        }
    }

    fn run(&mut self, inside: impl Fn(&u8) -> bool) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| inside(byte)).count();
    }

    fn white_space(&mut self) {
        self.run(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.byte()? == wanted).then_some(())?;
        self.at += 1;
        Some(())
    }

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}

/// Containers within containers; deeper documents are no structure.
const DEEPEST: usize = 64;
