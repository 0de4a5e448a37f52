//! Networks and domains, as allow and deny lists name them.

use std::net::IpAddr;

/// A network in CIDR notation (RFC 4632, RFC 4291).
#[derive(Clone, Copy, Debug)]
pub(super) struct Cidr {
    address: u128,
    mask: u128,
    is_v4: bool,
}

impl Cidr {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (address, length) = text.split_once('/').unwrap_or((text, ""));
        let Ok(address) = address.parse::<IpAddr>() else {
            return Err(format!("`{text}` is no network such as `10.0.0.0/8`"));
        };
        let is_v4 = address.is_ipv4();
        let bits: u32 = if is_v4 { 32 } else { 128 };
        let length = match length {
            "" => bits,
            digits => digits
                .parse()
                .ok()
                .filter(|length| *length <= bits)
                .ok_or_else(|| format!("`{text}` has no length of 0 to {bits} after the `/`"))?,
        };
        let (address, mask) = (number(address), prefix(bits, length));
        if address & !mask != 0 {
            return Err(format!("`{text}` has bits set after its first {length}"));
        }
        Ok(Self { address, mask, is_v4 })
    }

    /// Whether a text is an address in the network; brackets and a port are no matter.
    pub(super) fn contains(&self, text: &str) -> bool {
        let text = text.trim();
        let inside = text.strip_prefix('[').and_then(|text| text.split(']').next());
        let host = inside.unwrap_or_else(|| match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => host,
            _ => text,
        });
        let Ok(address) = host.split('%').next().unwrap_or(host).parse::<IpAddr>() else { return false };
        let address = address.to_canonical();
        address.is_ipv4() == self.is_v4 && number(address) & self.mask == self.address
    }
}

/// Returns the host that a value names: that of a URL, of a mail address, or itself.
pub(super) fn host(value: &str) -> String {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    // A browser ends the authority at a backslash too; what is before the last `@` is a name, not the host.
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    host.split(':').next().unwrap_or(host).trim().trim_end_matches('.').to_ascii_lowercase()
}

/// Reads a domain of a list.
pub(super) fn domain(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("*.").unwrap_or(text).trim_end_matches('.').to_ascii_lowercase();
    let fine = name.contains('.')
        && name.split('.').all(|label| {
            !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
        });
    if fine { Ok(name) } else { Err(format!("`{text}` is no domain")) }
}

/// Whether a host is a domain or below it.
pub(super) fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

fn prefix(bits: u32, length: u32) -> u128 {
    let all = u128::MAX >> (128 - bits);
    all & !(all.checked_shr(length).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let net = Cidr::parse("10.0.0.0/8").unwrap();
        assert!(net.contains("10.255.1.2") && net.contains("10.1.1.1:80") && net.contains("::ffff:10.0.0.1"));
        assert!(!net.contains("11.0.0.1") && !net.contains("text") && !net.contains("::1"));
        assert!(Cidr::parse("0.0.0.0/0").unwrap().contains("1.2.3.4"));
        assert!(Cidr::parse("192.0.2.1").unwrap().contains("192.0.2.1"));
        let net = Cidr::parse("2001:db8::/32").unwrap();
        assert!(
            net.contains("2001:db8::1") && net.contains("[2001:db8::1]:443") && !net.contains("2001:db9::")
        );
        for wrong in ["10.0.0.0/33", "10.0.0.1/8", "x", "10.0.0.0/", "::/129"] {
            assert!(Cidr::parse(wrong).is_err() != (wrong == "10.0.0.0/"), "{wrong}");
        }
    }

    #[test]
    fn hosts() {
        for value in
            ["https://a.example.com:8080/x@y", "ana@A.Example.com", "a.example.com.", "x://u:p@a.example.com"]
        {
            assert!(is_within(&host(value), "example.com"), "{value}");
        }
        for value in ["https://example.com@evil.org", "https://evil.org\\@example.com", "badexample.com"] {
            assert!(!is_within(&host(value), "example.com"), "{value}");
        }
    }
}
