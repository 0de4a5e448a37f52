//! Addresses of machines: IP, hardware, mail.

use std::net::{Ipv4Addr, Ipv6Addr};

/// An IPv4 address or network. Leading zeros are refused, as they are in version and section numbers.
pub(super) fn ipv4(text: &str) -> bool {
    let (address, prefix) = split_prefix(text);
    address.parse::<Ipv4Addr>().is_ok() && prefix.is_none_or(|length| length <= 32)
}

/// An IPv4 address whose points stand in brackets.
pub(super) fn ipv4_defanged(text: &str) -> bool {
    let groups: Vec<&str> =
        text.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    groups.len() == 4 && ipv4(&groups.join("."))
}

/// An IPv6 address or network, with or without a zone.
///
/// `::` is also an operator of several programming languages, and short runs such as `1::2` are slices there: a short
/// form counts only with an embedded IPv4 address, a full first group, or three groups.
pub(super) fn ipv6(text: &str) -> bool {
    let (address, prefix) = split_prefix(text);
    let address = address.split('%').next().unwrap_or_default();
    let groups = address.split(':').filter(|group| !group.is_empty()).count();
    let first = address.split(':').next().unwrap_or_default().len();
    let plausible = groups >= 3
        || first >= 3
        || address == "::1"
        || address.contains('.')
        || (prefix.is_some() && groups > 0);
    // Eight or more pairs are the fingerprint of a key.
    let pairs = groups == 8 && address.split(':').all(|group| group.len() == 2);
    let has_digit = address.bytes().any(|byte| byte.is_ascii_digit());
    plausible
        && !pairs
        && (has_digit || groups >= 3 || prefix.is_some())
        && address.parse::<Ipv6Addr>().is_ok()
        && prefix.is_none_or(|length| length <= 128)
}

fn split_prefix(text: &str) -> (&str, Option<u32>) {
    match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse().unwrap_or(u32::MAX))),
        None => (text, None),
    }
}

/// A hardware address of one machine: neither broadcast nor all zeros, one kind of separator.
pub(super) fn mac(text: &str) -> bool {
    let separators = text.bytes().filter(|byte| !byte.is_ascii_hexdigit());
    let mut kinds = separators.clone();
    let first = kinds.next();
    let nibbles = text.bytes().filter(u8::is_ascii_hexdigit);
    let same = |value: u8| nibbles.clone().all(|byte| byte.eq_ignore_ascii_case(&value));
    kinds.all(|kind| Some(kind) == first) && nibbles.clone().count() == 12 && !same(b'0') && !same(b'f')
}

/// An e-mail address: dots in the right places, and a last label that is no file name's extension.
pub(super) fn email(text: &str) -> bool {
    const EXTENSIONS: &[&str] = &[
        "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "mjs", "cjs", "jsx", "tsx", "json",
        "html", "htm", "xml", "yaml", "yml", "toml", "exe", "dll", "txt", "log", "pdf", "csv", "lock", "tgz",
        "gz",
    ];
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let last = domain.rsplit('.').next().unwrap_or_default();
    !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && domain.len() <= 253
        && !EXTENSIONS.iter().any(|extension| last.eq_ignore_ascii_case(extension))
}

/// An e-mail address that needs more than ASCII; the others have a stricter rule.
pub(super) fn email_international(text: &str) -> bool {
    let signs = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-' | '@');
    !text.is_ascii() && email(text) && text.chars().all(signs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert!(ipv4("192.168.1.0/24") && ipv4("8.8.8.8"));
        assert!(!ipv4("256.1.1.1") && !ipv4("1.2.3") && !ipv4("1.2.3.4/33") && !ipv4("01.02.03.04"));
        assert!(ipv4_defanged("8[.]8[.]4(dot)4"));
        assert!(!ipv4_defanged("8[.]8[.]4") && !ipv4_defanged("256[.]1[.]1[.]1"));
        for address in ["2001:db8::1", "fe80::1%eth0", "::ffff:10.0.0.1", "::1", "2001:db8::/32", "fe80::/10"]
        {
            assert!(ipv6(address), "{address}");
        }
        for other in ["1::2", "::2", "12:34:56:78", "2001::25de::cade", "a::b", ":::"] {
            assert!(!ipv6(other), "{other}");
        }
    }

    #[test]
    fn hardware_and_mail() {
        assert!(mac("AA:BB:CC:DD:EE:FF") && mac("0050.5684.A2A0"));
        assert!(!mac("FF:FF:FF:FF:FF:FF") && !mac("10:2F:33-AC-29-C3") && !mac("00:00:00:00:00:00"));
        assert!(email("a.b+c@example.co.uk") && !email("icon@2x.png") && !email("a..b@example.com"));
    }
}
