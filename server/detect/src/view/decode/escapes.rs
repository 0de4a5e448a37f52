//! Escapes within a text: the whole text is a view, with its escapes replaced by what they stand for.

use super::Writer;

/// `%41`, and `%u0041` as older scripts write it.
pub(super) fn percent(text: &str) -> Option<Writer> {
    replace(text, b'%', |rest| {
        if let Some(unit) = rest.strip_prefix("%u").and_then(|rest| rest.get(..4)) {
            let unit = Some(unit).filter(|unit| unit.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
            let character = u32::from_str_radix(unit, 16).ok().and_then(char::from_u32)?;
            return Some((character.to_string(), 6));
        }
        let mut bytes = Vec::new();
        let mut at = 0;
        while let Some(byte) = rest.get(at..).and_then(|rest| rest.strip_prefix('%')).and_then(hex_byte) {
            bytes.push(byte);
            at += 3;
        }
        utf8(&bytes, at, 3)
    })
}

/// `words+joined+as+forms+are`: plus signs between words are spaces.
pub(super) fn form(text: &str) -> Option<Writer> {
    let bytes = text.as_bytes();
    let mut writer: Option<Writer> = None;
    let (mut copied, mut from) = (0, 0);
    let mut pluses: Vec<usize> = Vec::new();
    let mut flush = |pluses: &mut Vec<usize>| {
        if pluses.len() >= LEAST_PLUSES {
            let writer = writer.get_or_insert_with(|| Writer::with_capacity(text.len()));
            for plus in pluses.iter() {
                writer.copy(text.get(copied..*plus).unwrap_or_default(), copied);
                writer.replace(" ", *plus, plus + 1);
                copied = plus + 1;
            }
        }
        pluses.clear();
    };
    for plus in memchr::memchr_iter(b'+', bytes) {
        let before = pluses.last().map_or(from, |last| last + 1);
        // A first word may stand behind a name: `q=word`.
        let word = bytes.get(before..plus).unwrap_or_default().iter().rev().take(LONGEST_WORD + 1);
        let length = word.take_while(|byte| is_form(**byte)).count();
        let joins = length == plus - before && length <= LONGEST_WORD;
        if length == 0 || !pluses.is_empty() && !joins {
            flush(&mut pluses);
        }
        let word = bytes.get(plus - length..plus).unwrap_or_default();
        if word.iter().any(u8::is_ascii_alphabetic) && word.iter().all(|byte| !byte.is_ascii_digit()) {
            pluses.push(plus);
        }
        from = plus + 1;
    }
    flush(&mut pluses);
    let mut writer = writer?;
    writer.copy(text.get(copied..).unwrap_or_default(), copied);
    Some(writer)
}

/// Whether a byte may be part of a word in a form.
fn is_form(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'%' | b'.' | b',' | b'\'' | b'-' | b'_' | b'!' | b'*')
}

/// `=41`, and the soft line break `=` at the end of a line.
pub(super) fn quoted_printable(text: &str) -> Option<Writer> {
    let sure = memchr::memchr_iter(b'=', text.as_bytes())
        .filter(|at| {
            text.get(at + 1..).is_some_and(|rest| hex_byte(rest).is_some() || rest.starts_with('\n'))
        })
        .nth(1)
        .is_some();
    if !sure {
        return None;
    }
    replace(text, b'=', |rest| {
        if let Some(length) = ["=\r\n", "=\n"].into_iter().find(|wrap| rest.starts_with(wrap)).map(str::len) {
            return Some((String::new(), length));
        }
        let mut bytes = Vec::new();
        let mut at = 0;
        while let Some(byte) = rest.get(at..).and_then(|rest| rest.strip_prefix('=')).and_then(hex_byte) {
            bytes.push(byte);
            at += 3;
        }
        utf8(&bytes, at, 3)
    })
}

/// `&#65;`, `&#x41;`, `&amp;`
pub(super) fn html_entities(text: &str) -> Option<Writer> {
    replace(text, b'&', html_entity)
}

/// Undoes the character reference that a text begins with; answers its length too.
pub(in crate::view) fn html_entity(rest: &str) -> Option<(String, usize)> {
    let inside = rest.strip_prefix('&')?;
    let digits =
        |text: &str, radix: u32| text.bytes().take(8).take_while(|b| char::from(*b).is_digit(radix)).count();
    let numeric = |prefix: usize, radix: u32| {
        let number = inside.get(prefix..)?;
        let length = digits(number, radix);
        let character = u32::from_str_radix(number.get(..length)?, radix).ok().and_then(char::from_u32)?;
        let semicolon = usize::from(number.as_bytes().get(length) == Some(&b';'));
        Some((character.to_string(), 1 + prefix + length + semicolon))
    };
    if inside.starts_with("#x") || inside.starts_with("#X") {
        return numeric(2, 16);
    }
    if inside.starts_with('#') {
        return numeric(1, 10);
    }
    ENTITIES
        .iter()
        .find(|(name, _)| inside.starts_with(name))
        .map(|(name, character)| ((*character).to_owned(), 1 + name.len()))
}

/// `\u0041`, `\u{41}`, `\U00000041`, `\x41`, `\101`, and the escapes for white space and quotes that JSON has.
pub(super) fn backslash(text: &str) -> Option<Writer> {
    // One octal escape may be a number of something else: a line, a folder. Many are not.
    let bytes = text.as_bytes();
    let is_octal = |at: &usize| {
        let digits = bytes.get(at + 1..at + 4);
        digits.is_some_and(|digits| digits.iter().all(|digit| matches!(digit, b'0'..=b'7')))
    };
    let many = memchr::memchr_iter(b'\\', bytes).filter(is_octal).nth(5).is_some();
    replace(text, b'\\', |rest| {
        let inside = rest.strip_prefix('\\')?;
        let hex = |from: usize, digits: usize| {
            let number =
                inside.get(from..from + digits).filter(|n| n.bytes().all(|b| b.is_ascii_hexdigit()))?;
            u32::from_str_radix(number, 16).ok()
        };
        match inside.bytes().next()? {
            b'u' if inside.starts_with("u{") => {
                let length = inside.get(2..)?.bytes().take(7).position(|byte| byte == b'}')?;
                Some((char::from_u32(hex(2, length)?)?.to_string(), length + 4))
            }
            b'u' => {
                let unit = hex(1, 4)?;
                if let Some(character) = char::from_u32(unit) {
                    return Some((character.to_string(), 6));
                }
                let low = inside.get(5..7).filter(|next| *next == "\\u").and_then(|_| hex(7, 4))?;
                let units = [u16::try_from(unit).ok()?, u16::try_from(low).ok()?];
                Some((String::from_utf16(&units).ok()?, 12))
            }
            b'U' => Some((char::from_u32(hex(1, 8)?)?.to_string(), 10)),
            b'x' => {
                let mut bytes = Vec::new();
                let mut at = 0;
                while let Some(byte) =
                    rest.get(at..).and_then(|rest| rest.strip_prefix("\\x")).and_then(hex_byte)
                {
                    bytes.push(byte);
                    at += 4;
                }
                utf8(&bytes, at, 4)
            }
            b'n' | b'r' => Some(("\n".to_owned(), 2)),
            b't' => Some(("\t".to_owned(), 2)),
            b'"' => Some(("\"".to_owned(), 2)),
            b'/' => Some(("/".to_owned(), 2)),
            b'0'..=b'3' => octal(rest, many),
            _ => None,
        }
    })
}

/// Undoes the octal escapes that a text begins with: `\111`, `\0111`.
fn octal(rest: &str, many: bool) -> Option<(String, usize)> {
    let mut bytes = Vec::new();
    let mut at = 0;
    let byte = |rest: &str| {
        let digits = rest.strip_prefix('\\')?;
        let longer = digits.len() >= 4 && digits.starts_with('0');
        [4, 3].into_iter().filter(|length| *length == 3 || longer).find_map(|length| {
            let number = digits.get(..length).filter(|n| n.bytes().all(|b| matches!(b, b'0'..=b'7')))?;
            Some((u8::from_str_radix(number, 8).ok()?, length + 1))
        })
    };
    while let Some((value, length)) = rest.get(at..).and_then(byte) {
        bytes.push(value);
        at += length;
    }
    let decoded = String::from_utf8(bytes).ok()?;
    let told = many || decoded.chars().nth(1).is_some();
    (told && !decoded.contains(|c: char| c.is_control() && !c.is_whitespace())).then_some((decoded, at))
}

/// Replaces what `decode` understands at every `sign`; `None` when that is nothing.
pub(super) fn replace(
    text: &str,
    sign: u8,
    decode: impl Fn(&str) -> Option<(String, usize)>,
) -> Option<Writer> {
    let mut writer: Option<Writer> = None;
    let mut copied = 0;
    for at in memchr::memchr_iter(sign, text.as_bytes()) {
        if at < copied {
            continue;
        }
        let Some((decoded, length)) = text.get(at..).and_then(&decode).filter(|(_, length)| *length > 0)
        else {
            continue;
        };
        let writer = writer.get_or_insert_with(|| Writer::with_capacity(text.len()));
        writer.copy(text.get(copied..at).unwrap_or_default(), copied);
        if decoded.is_ascii() && !decoded.is_empty() && length % decoded.len() == 0 {
            writer.decoded(&decoded, 1, at, length / decoded.len(), at + length);
        } else {
            writer.replace(&decoded, at, at + length);
        }
        copied = at + length;
    }
    let mut writer = writer?;
    writer.copy(text.get(copied..).unwrap_or_default(), copied);
    Some(writer)
}

fn hex_byte(text: &str) -> Option<u8> {
    let digits = text.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}

/// Takes the valid beginning of decoded bytes, or the first byte as Latin-1 when there is none.
fn utf8(bytes: &[u8], length: usize, unit: usize) -> Option<(String, usize)> {
    let chunk = bytes.utf8_chunks().next()?;
    if chunk.valid().is_empty() {
        return Some((char::from(*bytes.first()?).to_string(), unit));
    }
    let taken = if chunk.invalid().is_empty() { length } else { chunk.valid().len() * unit };
    Some((chunk.valid().to_owned(), taken))
}

/// Fewer words are a sum or a name.
const LEAST_PLUSES: usize = 3;

const LONGEST_WORD: usize = 32;

/// Named entities that hide words or the signs of markup.
static ENTITIES: &[(&str, &str)] = &[
    ("amp;", "&"),
    ("lt;", "<"),
    ("gt;", ">"),
    ("quot;", "\""),
    ("apos;", "'"),
    ("nbsp;", " "),
    ("colon;", ":"),
    ("period;", "."),
    ("comma;", ","),
    ("sol;", "/"),
    ("lowbar;", "_"),
    ("NewLine;", "\n"),
    ("Tab;", "\t"),
    ("zwnj;", ""),
    ("zwj;", ""),
    ("shy;", ""),
];
