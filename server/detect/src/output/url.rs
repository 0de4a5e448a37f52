//! URLs where they stand in a text: their parts, and what carries them.
//!
//! The parser takes what browsers and renderers take, not what the standard allows: an answer is read by them. It reads
//! at most [`MOST_URL`] bytes of a URL and [`LOOK_BEHIND`] bytes before it.

use crate::ByteSpan;

/// A URL within a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Url<'t> {
    /// As written; empty for one that begins with `//`.
    pub(super) scheme: &'t str,
    pub(super) userinfo: Option<&'t str>,
    /// As written, without port; an IPv6 address without its brackets.
    pub(super) host: &'t str,
    pub(super) port: Option<u16>,
    pub(super) path: &'t str,
    pub(super) query: Option<&'t str>,
    pub(super) fragment: Option<&'t str>,
    pub(super) carrier: Carrier,
    pub(super) span: ByteSpan,
}

/// What a URL stands in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Carrier {
    /// A Markdown image, or a definition that one refers to.
    Image,
    /// An HTML attribute or a style that loads by itself.
    Loaded,
    /// A link, which somebody has to follow.
    Link,
    /// The text itself.
    Bare,
}

impl Carrier {
    /// Whether the URL is fetched when the text is shown.
    pub(super) fn loads(self) -> bool {
        matches!(self, Self::Image | Self::Loaded)
    }
}

/// Hands every URL of a text to `visit`, in order.
pub(super) fn each<'t>(text: &'t str, mut visit: impl FnMut(Url<'t>)) {
    let bytes = text.as_bytes();
    let mut done = 0;
    for slashes in memchr::memmem::find_iter(bytes, b"//") {
        // A URL within a URL's query belongs to that one.
        if slashes < done {
            continue;
        }
        let Some((start, scheme)) = scheme_before(text, slashes) else { continue };
        let Some(found) = parse(text, start, scheme, slashes + 2) else { continue };
        done = found.span.end;
        visit(found);
    }
}

/// Returns where the URL begins whose `//` is given, and its scheme.
fn scheme_before(text: &str, slashes: usize) -> Option<(usize, &str)> {
    let head = text.get(..slashes)?;
    let Some(before) = head.strip_suffix(':') else {
        // `//host/path` takes the page's scheme, and stands only where a URL must.
        let opener = head.trim_end_matches([' ', '\t']).bytes().next_back()?;
        let direct = matches!(head.bytes().next_back()?, b'(' | b'"' | b'\'' | b'=' | b'<');
        return (direct || (opener == b':' && head.trim_end_matches([' ', '\t']).ends_with("]:")))
            .then_some((slashes, ""));
    };
    let length = before
        .bytes()
        .rev()
        .take(MOST_SCHEME)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        .count();
    let start = before.len() - length;
    let scheme = before.get(start..)?;
    // Words may be stuck to a scheme; a known one is taken as far as it is known.
    let known = SCHEMES
        .iter()
        .filter(|known| {
            scheme
                .len()
                .checked_sub(known.len())
                .and_then(|at| scheme.get(at..))
                .is_some_and(|tail| tail.eq_ignore_ascii_case(known))
        })
        .max_by_key(|known| known.len())?;
    let start = before.len() - known.len();
    Some((start, before.get(start..)?))
}

fn parse<'t>(text: &'t str, start: usize, scheme: &'t str, authority: usize) -> Option<Url<'t>> {
    let setting = setting(text, start);
    let rest =
        text.get(authority..text.floor_char_boundary(authority.saturating_add(MOST_URL)).max(authority))?;
    let length = length(rest, setting);
    let url = rest.get(..length)?;
    let (before_fragment, fragment) = split(url, '#');
    let (before_query, query) = split(before_fragment, '?');
    // Browsers take a backslash for a slash.
    let slash = before_query.find(['/', '\\']).unwrap_or(before_query.len());
    let (authority_text, path) = before_query.split_at_checked(slash)?;
    let (userinfo, host_port) = match authority_text.rsplit_once('@') {
        Some((userinfo, host)) => (Some(userinfo), host),
        None => (None, authority_text),
    };
    let host = match host_port.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((address, _)) => address,
        None => host_port.rsplit_once(':').map_or(host_port, |(host, port)| {
            if port.bytes().all(|byte| byte.is_ascii_digit()) { host } else { host_port }
        }),
    };
    if host.is_empty() && !scheme.eq_ignore_ascii_case("file") {
        return None;
    }
    Some(Url {
        scheme,
        userinfo,
        host: host.trim_end_matches('.'),
        port: host_port.rsplit_once(':').and_then(|(_, port)| port.parse().ok()),
        path,
        query,
        fragment,
        carrier: setting.carrier,
        span: ByteSpan { start, end: authority + length },
    })
}

fn split(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// What comes before a URL: what carries it, and what ends it.
#[derive(Clone, Copy, Debug)]
struct Setting {
    carrier: Carrier,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// A quotation mark of this kind.
    Quote(u8),
    /// A closing parenthesis that is not opened within, or white space.
    Parenthesis,
    /// A closing angle bracket.
    Angle,
    /// White space and what sentences end with.
    Sentence,
}

fn setting(text: &str, start: usize) -> Setting {
    let from = text.ceil_char_boundary(start.saturating_sub(LOOK_BEHIND));
    let before = text.get(from..start).unwrap_or_default();
    let is = |carrier, end| Setting { carrier, end };
    let Some((at, last)) = before.char_indices().next_back() else { return is(Carrier::Bare, End::Sentence) };
    let outer = before.get(..at).unwrap_or_default();
    match last {
        '(' => parenthesis(outer, End::Parenthesis),
        '<' => match outer.strip_suffix('(') {
            Some(outer) => parenthesis(outer, End::Angle),
            None => is(Carrier::Link, End::Angle),
        },
        '"' | '\'' => {
            let end = End::Quote(if last == '"' { b'"' } else { b'\'' });
            match outer.strip_suffix('(') {
                Some(outer) if ends_with_word(outer, "url") => is(Carrier::Loaded, end),
                _ if ends_with_word(outer.trim_end(), "@import") => is(Carrier::Loaded, end),
                _ => is(attribute(outer).unwrap_or(Carrier::Bare), end),
            }
        }
        '=' => is(attribute(before).unwrap_or(Carrier::Bare), End::Sentence),
        ' ' | '\t' if outer.trim_end().ends_with("]:") => {
            let label = outer
                .trim_end()
                .strip_suffix("]:")
                .and_then(|head| head.rsplit_once('['))
                .map(|(_, label)| label);
            let image = label.is_some_and(|label| is_image_label(text, label));
            is(if image { Carrier::Image } else { Carrier::Link }, End::Sentence)
        }
        _ => {
            // `content="0; url=https://…"`, `srcset="a.png, https://… 2x"`.
            let quoted = outer.rfind(['"', '\'']).and_then(|quote| outer.get(..quote));
            let inside =
                quoted.and_then(attribute).filter(|carrier| carrier.loads() && matches!(last, ' ' | ','));
            is(inside.unwrap_or(Carrier::Bare), End::Sentence)
        }
    }
}

fn parenthesis(outer: &str, end: End) -> Setting {
    let outer = outer.trim_end();
    if ends_with_word(outer, "url") {
        return Setting { carrier: Carrier::Loaded, end };
    }
    let Some(label) = outer.strip_suffix(']') else {
        return Setting { carrier: Carrier::Bare, end };
    };
    let mut depth = 1_usize;
    let opening = label.char_indices().rev().find(|(_, character)| {
        match character {
            ']' => depth += 1,
            '[' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    let image = opening.and_then(|(at, _)| label.get(..at)).is_some_and(|head| head.ends_with('!'));
    Setting { carrier: if image { Carrier::Image } else { Carrier::Link }, end }
}

/// Names the carrier by the attribute whose value begins here: `… src=`.
fn attribute(before: &str) -> Option<Carrier> {
    let name = before.trim_end().strip_suffix('=')?.trim_end();
    let length = name
        .bytes()
        .rev()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b':'))
        .count();
    let name = name.get(name.len() - length..)?;
    let among = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if among(&[
        "src",
        "srcset",
        "background",
        "poster",
        "data",
        "content",
        "dynsrc",
        "lowsrc",
        "xlink:href",
        "srcdoc",
    ]) {
        Some(Carrier::Loaded)
    } else if among(&["href", "action", "formaction", "ping", "cite", "url"]) {
        Some(Carrier::Link)
    } else {
        None
    }
}

/// Whether an image refers to a definition: `![alt][label]` or `![label]`.
fn is_image_label(text: &str, label: &str) -> bool {
    if label.is_empty() || label.len() > 128 {
        return false;
    }
    memchr::memmem::find_iter(text.as_bytes(), b"![").take(MOST_IMAGES).any(|at| {
        let tail = text.get(at + 2..text.floor_char_boundary(at + 2 + 512)).unwrap_or_default();
        let Some((alt, after)) = tail.split_once(']') else { return false };
        let named =
            after.strip_prefix('[').and_then(|inner| inner.split_once(']')).map_or("", |(name, _)| name);
        let name = if named.is_empty() { alt } else { named };
        name.eq_ignore_ascii_case(label)
    })
}

fn ends_with_word(text: &str, word: &str) -> bool {
    text.len()
        .checked_sub(word.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(word))
}

fn length(rest: &str, setting: Setting) -> usize {
    let mut depth = 0_usize;
    let mut end = rest.len();
    for (at, character) in rest.char_indices() {
        let stop = match setting.end {
            End::Quote(quote) => character == char::from(quote) || character == '\n',
            End::Parenthesis => match character {
                '(' => {
                    depth += 1;
                    false
                }
                ')' if depth > 0 => {
                    depth -= 1;
                    false
                }
                _ => character == ')' || character.is_whitespace(),
            },
            End::Angle => matches!(character, '>' | '\n'),
            End::Sentence => {
                if character == '(' {
                    depth += 1;
                }
                let closes = character == ')' && depth == 0;
                if character == ')' {
                    depth = depth.saturating_sub(1);
                }
                // The text of a link may be a URL itself.
                closes
                    || (character == ']' && rest.get(at + 1..).is_some_and(|after| after.starts_with('(')))
                    || character.is_whitespace()
                    || matches!(
                        character,
                        '<' | '>'
                            | '"'
                            | '\''
                            | '`'
                            | '|'
                            | '\\'
                            | '^'
                            | '。'
                            | '，'
                            | '、'
                            | '」'
                            | '）'
                            | '”'
                            | '’'
                    )
            }
        };
        if stop || character.is_control() {
            end = at;
            break;
        }
    }
    let url = rest.get(..end).unwrap_or_default();
    match setting.end {
        End::Sentence => url.trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_', ']', '}']).len(),
        _ => end,
    }
}

static SCHEMES: &[&str] = &[
    "http", "https", "ftp", "ftps", "ws", "wss", "file", "gopher", "dict", "ldap", "ldaps", "sftp", "tftp",
    "jar", "netdoc", "php", "expect", "phar", "smb", "rmi", "iiop", "dns",
];

const MOST_SCHEME: usize = 12;
const MOST_URL: usize = 8192;
const LOOK_BEHIND: usize = 512;
const MOST_IMAGES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(Carrier, &str, &str)> {
        let mut found = Vec::new();
        each(text, |url| found.push((url.carrier, url.host, text.get(url.span.range()).unwrap())));
        found
    }

    #[test]
    fn carriers() {
        use Carrier::*;
        for (text, carrier, host) in [
            ("![a [b] c](https://e.com/x?y=(z))", Image, "e.com"),
            ("![a](<https://e.com/a b>)", Image, "e.com"),
            ("![a](//e.com/x)", Image, "e.com"),
            ("[![i](x.png)](https://e.com)", Link, "e.com"),
            ("see [docs](http://e.com/a).", Link, "e.com"),
            ("<https://e.com/>", Link, "e.com"),
            ("<img alt=x src=https://e.com/p>", Loaded, "e.com"),
            ("<img src = 'https://e.com/p'>", Loaded, "e.com"),
            ("<a href=\"https://e.com/p\">", Link, "e.com"),
            ("background:url(\"https://e.com/p\")", Loaded, "e.com"),
            ("background: url(https://e.com/p)", Loaded, "e.com"),
            ("![pic][r]\n\n[r]: https://e.com/p", Image, "e.com"),
            ("[text][r]\n\n[r]: https://e.com/p", Link, "e.com"),
            ("go to https://u:p@e.com:8080/a, now", Bare, "e.com"),
            ("http://[::1]:80/x", Bare, "::1"),
            ("[https://a.com/x](https://e.com)", Bare, "a.com"),
        ] {
            let found = all(text);
            assert_eq!(
                found.first().map(|(carrier, host, _)| (*carrier, *host)),
                Some((carrier, host)),
                "{text}"
            );
        }
    }

    #[test]
    fn ends() {
        assert_eq!(all("(see https://e.com/a_(b)).")[0].2, "https://e.com/a_(b)");
        assert_eq!(all("**https://e.com/a.**")[0].2, "https://e.com/a");
        assert_eq!(all("https://e.com/?u=https://f.com/x y").len(), 1);
        assert_eq!(all("[https://a.com/x](https://e.com)")[1].0, Carrier::Link);
        assert!(all("// a comment, and a path//of a file").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_text(text in "(\\PC|://|\\]\\(|!\\[|http|@|<|\"){0,80}") {
            each(&text, |url| assert!(text.get(url.span.range()).is_some()));
        }
    }
}
