//! What a reader sees of a link: its text, and whether that is another site's address.

use super::url::Url;

/// What a link's text is, where it is not an address of the site that the link leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Label {
    /// An address, with its scheme, a path or `www.`.
    Address,
    /// A bare name that is a host's.
    Name,
    /// An address that stands within the link's own, as redirections have it.
    Wrapped,
}

/// Judges the text of a link that leads to a host, in lower case; `None` where there is nothing odd.
pub(super) fn names_another(text: &str, url: &Url<'_>, host: &str) -> Option<Label> {
    let label = markdown(text, url).or_else(|| html(text, url))?;
    let (shown, whole) = shown_host(label)?;
    if site(&shown) == site(host) {
        return None;
    }
    let inside = text.get(url.span.range())?.to_lowercase();
    Some(match (inside.contains(&shown), whole) {
        (true, _) => Label::Wrapped,
        (false, true) => Label::Address,
        (false, false) => Label::Name,
    })
}

/// The text of `[text](url)`.
fn markdown<'t>(text: &'t str, url: &Url<'_>) -> Option<&'t str> {
    let from = text.ceil_char_boundary(url.span.start.saturating_sub(MOST));
    let before = text.get(from..url.span.start)?.trim_end_matches('<');
    let label = before.strip_suffix('(')?.strip_suffix(']')?;
    label.rsplit_once('[').map(|(_, label)| label)
}

/// The text of `<a href="url">text</a>`.
fn html<'t>(text: &'t str, url: &Url<'_>) -> Option<&'t str> {
    let to = text.floor_char_boundary(url.span.end.saturating_add(MOST));
    let (attributes, after) = text.get(url.span.end..to)?.split_once('>')?;
    let (label, _) = after.split_once("</")?;
    let opened = text.get(..url.span.start)?.rsplit_once('<')?.1;
    let anchor = opened.get(..2).is_some_and(|tag| tag.eq_ignore_ascii_case("a ")) && opened.len() <= MOST;
    (anchor && !attributes.contains('<')).then_some(label)
}

/// Reads a label as the address of a host; says too whether it is written as an address, not as a name.
fn shown_host(label: &str) -> Option<(String, bool)> {
    let label =
        label.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '`' | '<' | '>' | '"'));
    let lower = label.to_lowercase();
    let plain = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
    let rest = plain.unwrap_or(&lower);
    if rest.contains(char::is_whitespace) {
        return None;
    }
    let end = rest.find(['/', '?', '#', ':']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end)?;
    let host = host.trim_end_matches('.');
    let (name, ending) = host.rsplit_once('.')?;
    let named = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
        && !name.is_empty()
        && ending.len() >= 2
        && ending.bytes().all(|byte| byte.is_ascii_alphabetic());
    let written = plain.is_some() || host.starts_with("www.");
    // `README.md`, `Node.js` and `src/main.rs` are no hosts.
    let known = COMMON_ENDINGS.contains(&ending);
    (named && (written || known)).then(|| (host.to_owned(), written || (known && path.len() > 1)))
}

/// The part of a host that is registered, about: its last two labels, three where the second is short.
fn site(host: &str) -> &str {
    let mut dots = host.rmatch_indices('.').map(|(at, _)| at);
    let last = dots.next().unwrap_or(0);
    let Some(second) = dots.next() else { return host };
    let third = dots.next().map_or(0, |at| at + 1);
    // `example.co.uk`.
    let short = host.len() - last == 3 && last - second <= 4;
    host.get(if short { third } else { second + 1 }..).unwrap_or(host)
}

static COMMON_ENDINGS: &[&str] = &[
    "com", "org", "net", "edu", "gov", "bank", "uk", "de", "fr", "es", "it", "nl", "eu", "ch", "at", "br",
    "jp", "au",
];

/// Bytes that are looked through on each side of a URL.
const MOST: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites() {
        assert_eq!(site("www.example.com"), "example.com");
        assert_eq!(site("a.b.example.co.uk"), "example.co.uk");
        assert_eq!(site("example.com"), "example.com");
        assert_eq!(site("localhost"), "localhost");
    }

    #[test]
    fn labels() {
        let shown = |label| shown_host(label).map(|(host, whole)| format!("{host} {whole}"));
        assert_eq!(shown("**https://Pay.example/x**").as_deref(), Some("pay.example true"));
        assert_eq!(shown("example.com").as_deref(), Some("example.com false"));
        assert_eq!(shown("example.com/login").as_deref(), Some("example.com true"));
        for label in ["README.md", "main.rs", "see example.com", "1.2.3", "the docs", "https://", "é.com x"]
        {
            assert_eq!(shown(label), None, "{label}");
        }
    }
}
