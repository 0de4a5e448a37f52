//! Whether a URL carries data out: what its parts hold besides an address.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::url::Url;

/// How much a URL looks like a carrier of data.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Payload {
    /// An address.
    None,
    /// A place for data, or data that may be part of the address.
    Likely,
    /// Words, or an encoding of words.
    Words,
}

/// Judges a URL.
pub(super) fn payload(url: &Url<'_>) -> Payload {
    let mut worst = Payload::None;
    for (name, value) in parameters(url).take(MOST_PARAMETERS) {
        worst = worst.max(parameter(name, value, url.carrier.loads()));
    }
    worst = worst.max(path(url.path));
    for label in url.host.split('.') {
        worst = worst.max(label_payload(label, url.host));
    }
    worst
}

fn parameters<'t>(url: &Url<'t>) -> impl Iterator<Item = (&'t str, &'t str)> + use<'t> {
    let pairs = |text: Option<&'t str>| text.unwrap_or_default().split(['&', ';']);
    // A fragment is not sent, but a page's script reads it; a plain one names a heading.
    let fragment = url.fragment.filter(|fragment| fragment.contains('='));
    pairs(url.query).chain(pairs(fragment)).map(|pair| pair.split_once('=').unwrap_or(("", pair)))
}

fn parameter(name: &str, value: &str, loads: bool) -> Payload {
    let value = value.get(..value.floor_char_boundary(MOST_VALUE)).unwrap_or(value);
    let is = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if value.is_empty() {
        return Payload::None;
    }
    if is_placeholder(value) {
        return Payload::Likely;
    }
    let decoded = percent_decoded(value);
    if hides_text(&decoded) || is_personal(&decoded) {
        return Payload::Words;
    }
    let words = decoded
        .split([' ', '\n', '\t', '+', '_'])
        .filter(|word| word.chars().any(char::is_alphabetic))
        .count();
    // What is searched for is words in a link, what is drawn is words in an image.
    let searched = is(if loads { DRAWN } else { SEARCHED });
    if words >= if searched { 12 } else { 6 } {
        return Payload::Words;
    }
    // Words are data under any name; what is opaque may be a signature.
    let signed = ["x-amz-", "x-goog"]
        .iter()
        .any(|prefix| name.get(..6).is_some_and(|head| head.eq_ignore_ascii_case(prefix)));
    if signed || is(SIGNATURES) {
        return Payload::None;
    }
    let opaque = decoded.len() >= 48
        && !decoded.contains(['/', ' ', '.'])
        && decoded.bytes().any(|byte| byte.is_ascii_digit());
    let named = is(CARRIERS) && decoded.len() >= 8 && decoded.chars().any(char::is_alphabetic);
    if opaque || named || (words >= 3 && !searched) { Payload::Likely } else { Payload::None }
}

fn path(path: &str) -> Payload {
    let mut worst = Payload::None;
    for segment in path.split(['/', '\\']).take(MOST_PARAMETERS) {
        let segment = segment.get(..segment.floor_char_boundary(MOST_VALUE)).unwrap_or(segment);
        let (stem, extension) = segment.rsplit_once('.').unwrap_or((segment, ""));
        if stem.len() < 8 {
            continue;
        }
        let decoded = percent_decoded(stem);
        let spaces = decoded.matches(' ').count();
        if hides_text(&decoded) || is_personal(&decoded) || spaces >= if extension.is_empty() { 5 } else { 9 }
        {
            worst = Payload::Words;
        } else if is_placeholder(stem) {
            worst = worst.max(Payload::Likely);
        }
    }
    worst
}

fn label_payload(label: &str, host: &str) -> Payload {
    match label.len() {
        0..24 => Payload::None,
        _ if hides_text(label) || is_base32_text(label) => Payload::Words,
        _ if url_safe_random(label) && !GIVEN_NAMES.iter().any(|suffix| host.ends_with(suffix)) => {
            Payload::Likely
        }
        40.. if label.bytes().any(|byte| byte.is_ascii_digit()) => Payload::Likely,
        _ => Payload::None,
    }
}

/// Whether a label is a base32 form of text, which survives that hosts have no upper case.
fn is_base32_text(label: &str) -> bool {
    let mut bytes = Vec::with_capacity(label.len());
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in label.bytes() {
        let digit = match byte.to_ascii_lowercase() {
            letter @ b'a'..=b'z' => letter - b'a',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => return false,
        };
        bits = ((bits << 5) | u32::from(digit)) & 0xFFF;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xFF).unwrap_or(0));
        }
    }
    is_text(&bytes)
}

/// Whether a label is drawn from letters and digits as no name is: digits here and there, and hardly a vowel.
fn url_safe_random(label: &str) -> bool {
    let digits = label.bytes().filter(u8::is_ascii_digit).count();
    let letters = label.bytes().filter(u8::is_ascii_alphabetic).count();
    let vowels = label.bytes().filter(|byte| matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u')).count();
    let hex = label.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits + letters == label.len() && digits >= 2 && letters >= 12 && vowels * 4 <= letters && !hex
}

/// Services that name their customers by random labels.
static GIVEN_NAMES: &[&str] = &[
    "cloudfront.net",
    "amazonaws.com",
    "azureedge.net",
    "windows.net",
    "azurewebsites.net",
    "r2.dev",
    "dweb.link",
    "ipfs.io",
    "googleusercontent.com",
    "vercel.app",
    "run.app",
    "on.aws",
];

/// Whether a value is a base64 or hex form of text.
fn hides_text(value: &str) -> bool {
    let value = value.trim_end_matches('=');
    let length = value.len();
    if length >= 32 && length.is_multiple_of(2) && value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return hex::decode(value).is_ok_and(|bytes| is_text(&bytes));
    }
    if length < 16
        || !value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_'))
    {
        return false;
    }
    let url_safe: String = value
        .chars()
        .map(|c| match c {
            '+' => '-',
            '/' => '_',
            other => other,
        })
        .collect();
    LENIENT.decode(url_safe).is_ok_and(|bytes| is_text(&bytes))
}

/// Whether bytes read as text: printable, and with what random printable bytes lack, mostly letters and spaces.
fn is_text(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let length = text.chars().count();
    let common = text
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '\n' | '.' | ',' | ':' | '@' | '"' | '-' | '_'))
        .count();
    length >= 8 && !text.chars().any(|c| c.is_control() && !c.is_whitespace()) && common * 10 >= length * 9
}

/// Whether a value holds what names a person: an address, or a long number in groups.
fn is_personal(value: &str) -> bool {
    let address = value.split_once('@').is_some_and(|(name, host)| {
        name.ends_with(|c: char| c.is_ascii_alphanumeric())
            && host.split_once('.').is_some_and(|(label, rest)| {
                !label.is_empty()
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                    && rest.starts_with(|c: char| c.is_ascii_alphabetic())
                    && !rest.starts_with(|c: char| c.is_ascii_digit())
            })
    });
    let groups = value
        .split(['-', ' '])
        .filter(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()));
    let digits: usize = groups.clone().map(str::len).sum();
    let all = value.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b' '));
    // An e-mail address within a path is an npm package's version (`name@1.2.3`) unless its end is a word.
    address || (all && groups.count() >= 3 && (9..=19).contains(&digits))
}

/// Whether a value is a place where data is to be put.
fn is_placeholder(value: &str) -> bool {
    let pairs = [
        ("{", "}"),
        ("<", ">"),
        ("[", "]"),
        ("%7B", "%7D"),
        ("%3C", "%3E"),
        ("${", "}"),
        ("$(", ")"),
        ("%5B", "%5D"),
    ];
    pairs.iter().any(|(open, close)| {
        value.len() > open.len() + close.len() && value.starts_with(open) && value.ends_with(close)
    })
}

/// Undoes percent-encoding, and `+` for a space; what is no text stays as it is.
fn percent_decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        let escaped = (*byte == b'%').then(|| tail.split_at_checked(2)).flatten();
        let decoded =
            escaped.and_then(|(digits, after)| Some((hex::decode(digits).ok()?.first().copied()?, after)));
        match decoded {
            Some((decoded, after)) => {
                bytes.push(decoded);
                rest = after;
            }
            None => {
                bytes.push(if *byte == b'+' { b' ' } else { *byte });
                rest = tail;
            }
        }
    }
    // Base64 has a `+` of its own.
    let spaced = String::from_utf8(bytes).unwrap_or_else(|_| value.to_owned());
    if hides_text(value) { value.to_owned() } else { spaced }
}

/// Reads the last bits of a cut encoding as they are.
static LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Parameters that hold a signature or an opaque name by habit.
static SIGNATURES: &[&str] = &[
    "sig",
    "signature",
    "se",
    "sp",
    "sv",
    "sr",
    "expires",
    "policy",
    "key-pair-id",
    "hash",
    "hmac",
    "v",
    "ver",
    "version",
    "ixid",
    "ixlib",
    "etag",
    "_gl",
    "gclid",
    "fbclid",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_content",
    "utm_term",
    "itok",
    "oh",
    "oe",
    "_nc_ohc",
    "ccb",
    "stp",
    "cb",
    "s",
    "w",
    "h",
    "d",
    "list",
    "crop",
    "fit",
    "auto",
    "fm",
];

/// Parameters of links whose value is words by habit.
static SEARCHED: &[&str] = &["q", "query", "search", "text", "title", "from", "subject", "body", "name"];

/// Parameters of images whose value is drawn.
static DRAWN: &[&str] = &["text", "title", "label", "alt", "caption", "tex", "chl"];

/// Parameters that carry something out by their name.
static CARRIERS: &[&str] = &[
    "data",
    "payload",
    "exfil",
    "leak",
    "leaked",
    "secret",
    "secrets",
    "content",
    "contents",
    "msg",
    "message",
    "history",
    "conversation",
    "chat",
    "prompt",
    "system",
    "context",
    "memory",
    "memories",
    "email",
    "user",
    "username",
    "password",
    "pass",
    "token",
    "cookie",
    "cookies",
    "creds",
    "credentials",
    "apikey",
    "api_key",
    "info",
    "summary",
    "document",
    "doc",
    "dump",
    "ssn",
    "phone",
    "address",
    "session",
    "c",
    "b64",
    "base64",
    "stolen",
    "log",
    "x",
];

const MOST_PARAMETERS: usize = 64;
const MOST_VALUE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::url;

    fn judge(text: &str) -> Payload {
        let mut found = None;
        url::each(text, |url| found = Some(payload(&url)));
        found.unwrap()
    }

    #[test]
    fn carried() {
        let encoded = base64::engine::general_purpose::STANDARD.encode("the user's name is Ana Lima");
        for text in [
            format!("https://e.com/p.png?z={encoded}"),
            format!("https://e.com/{encoded}/p.png"),
            format!("https://e.com/p?z={}", hex::encode("the user's name is Ana")),
            "https://e.com/p?note=ana+lives+in+lisbon+at+number+nine".to_owned(),
            "https://e.com/p?m=ana.lima@example.org".to_owned(),
            "https://e.com/the%20user%20asked%20about%20a%20merger".to_owned(),
        ] {
            assert_eq!(judge(&text), Payload::Words, "{text}");
        }
        assert_eq!(judge("https://e.com/p?data=Zmlzaf9maXNo00x"), Payload::Likely);
        assert_eq!(judge("![a](https://e.com/p?q=<data>)"), Payload::Likely);
    }

    #[test]
    fn addresses() {
        for text in [
            "https://images.example.com/photo-1506744038136?ixlib=rb-4.0.3&auto=format&fit=crop&w=800&q=80",
            "https://avatars.example.com/u/1234567?v=4&s=64",
            "https://cdn.example.com/assets/3f786850e387550fdab836ed7e6dc881de23001b.png",
            "https://b.s3.amazonaws.com/k.png?X-Amz-Signature=3f786850e387550fdab836ed7e6dc881de23001b3f786850e387550f",
            "https://cdn.jsdelivr.net/npm/vue@3.4.21/dist/vue.global.js",
            "https://en.wikipedia.org/wiki/List_of_countries_by_population_(United_Nations)#See_also",
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=42",
            "https://e.com/docs/getting-started-with-the-new-interface?tab=linux",
            "https://www.google.com/search?q=rust+string+slices",
            "https://e.com/a%20b%20c.png",
        ] {
            assert_eq!(judge(text), Payload::None, "{text}");
        }
    }
}
