//! What a host is: which address it writes in whatever form, and how far that address reaches.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Where a request to a host would go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reach {
    /// A name, or an address of the open internet.
    Public,
    /// An address of the open internet, without a name.
    PublicAddress,
    /// The machine that follows the URL.
    Loopback,
    /// A private network.
    Private,
    /// The metadata service of a cloud, which gives out credentials.
    Metadata,
}

/// How a host's address is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) reach: Reach,
    /// Whether the address is written so that a reader, or a filter, does not see it: as one number, in hex or octal, within
    /// IPv6, or in a name that resolves to it.
    pub(super) disguised: bool,
}

/// Judges a host, in lower case.
pub(super) fn place(host: &str) -> Place {
    if METADATA_NAMES.contains(&host) {
        return Place { reach: Reach::Metadata, disguised: false };
    }
    if host == "localhost" || host.ends_with(".localhost") || host == "localhost.localdomain" {
        return Place { reach: Reach::Loopback, disguised: false };
    }
    if let Some((address, plain)) = ipv4(host) {
        return Place { reach: reach(address), disguised: !plain };
    }
    if let Ok(address) = host.split('%').next().unwrap_or(host).parse::<Ipv6Addr>() {
        return ipv6(address);
    }
    if let Some(name) = RESOLVERS.iter().find_map(|suffix| host.strip_suffix(suffix)) {
        return Place { reach: embedded(name), disguised: true };
    }
    if INTERNAL.iter().any(|suffix| host.ends_with(suffix)) {
        return Place { reach: Reach::Private, disguised: false };
    }
    Place { reach: Reach::Public, disguised: false }
}

/// Reads an address as `inet_aton` does: one to four numbers, each decimal, octal or hex. Says too whether it is written
/// plainly.
fn ipv4(host: &str) -> Option<(Ipv4Addr, bool)> {
    let mut numbers = [0_u64; 4];
    let mut count = 0;
    let mut plain = true;
    for part in host.split('.') {
        let place = numbers.get_mut(count)?;
        *place = number(part)?;
        plain &= part.len() == 1 || !part.starts_with('0');
        count += 1;
    }
    plain &= count == 4;
    let (last, leading) = numbers.get(..count)?.split_last()?;
    let room = 8 * u32::try_from(4 - leading.len()).ok()?;
    if leading.iter().any(|number| *number > 255) || *last >= 1_u64 << room {
        return None;
    }
    let head = leading.iter().fold(0_u64, |sum, number| (sum << 8) | number) << room;
    Some((Ipv4Addr::from(u32::try_from(head | last).ok()?), plain))
}

fn number(part: &str) -> Option<u64> {
    let (digits, radix) = match part.strip_prefix("0x") {
        Some(hex) => (hex, 16),
        None if part.len() > 1 && part.starts_with('0') => (part, 8),
        None => (part, 10),
    };
    let digits_only =
        !digits.is_empty() && digits.len() <= 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits_only.then(|| u64::from_str_radix(digits, radix).ok()).flatten()
}

fn ipv6(address: Ipv6Addr) -> Place {
    if address == METADATA_V6 {
        return Place { reach: Reach::Metadata, disguised: false };
    }
    let segments = address.segments();
    let nat64 = segments.starts_with(&[0x64, 0xff9b, 0, 0, 0, 0]);
    let tail = u32::from_be_bytes(address.octets().last_chunk::<4>().copied().unwrap_or_default());
    let mapped = address.to_ipv4_mapped().or_else(|| nat64.then(|| Ipv4Addr::from(tail)));
    if let Some(mapped) = mapped {
        return Place { reach: reach(mapped), disguised: true };
    }
    let reach = if address.is_loopback() || address.is_unspecified() {
        Reach::Loopback
    } else if address.is_unique_local() || address.is_unicast_link_local() {
        Reach::Private
    } else {
        Reach::PublicAddress
    };
    Place { reach, disguised: false }
}

fn reach(address: Ipv4Addr) -> Reach {
    if METADATA_V4.contains(&address) {
        Reach::Metadata
    } else if address.is_loopback() || address.octets().starts_with(&[0]) {
        Reach::Loopback
    } else if address.is_private()
        || address.is_link_local()
        || matches!(address.octets(), [100, 64..=127, ..])
    {
        Reach::Private
    } else {
        Reach::PublicAddress
    }
}

/// Takes the address out of a name such as `www.10-0-0-1`.
fn embedded(name: &str) -> Reach {
    let dashed = name.replace('-', ".");
    let labels: Vec<&str> = dashed.split('.').collect();
    if name.is_empty() || labels.len() < 4 {
        // `localtest.me` and its like always mean this machine.
        return Reach::Loopback;
    }
    labels
        .windows(4)
        .find_map(|four| ipv4(&four.join(".")))
        .map_or(Reach::Public, |(address, _)| reach(address))
}

static METADATA_NAMES: &[&str] = &[
    "metadata.google.internal",
    "metadata.goog",
    "metadata.azure.internal",
    "metadata.azure.com",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.packet.net",
    "metadata.platformequinix.com",
];

static METADATA_V4: &[Ipv4Addr] = &[
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];

const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Names that resolve to the address written in them, or to this machine.
static RESOLVERS: &[&str] =
    &[".nip.io", ".sslip.io", ".xip.io", "localtest.me", "lvh.me", "vcap.me", "lacolhost.com", "localho.st"];

static INTERNAL: &[&str] = &[".internal", ".svc.cluster.local", ".intranet", ".corp", ".lan"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        use Reach::*;
        for (host, reach, disguised) in [
            ("169.254.169.254", Metadata, false),
            ("2852039166", Metadata, true),
            ("0xa9fea9fe", Metadata, true),
            ("0251.0376.0251.0376", Metadata, true),
            ("0xa9.254.43518", Metadata, true),
            ("::ffff:a9fe:a9fe", Metadata, true),
            ("fd00:ec2::254", Metadata, false),
            ("metadata.google.internal", Metadata, false),
            ("169-254-169-254.nip.io", Metadata, true),
            ("127.1", Loopback, true),
            ("0", Loopback, true),
            ("localhost", Loopback, false),
            ("::1", Loopback, false),
            ("a.localtest.me", Loopback, true),
            ("10.1.2.3", Private, false),
            ("8.8.8.8", PublicAddress, false),
            ("134744072", PublicAddress, true),
            ("example.com", Public, false),
            ("1.2.3.4.5", Public, false),
            ("256.1.1.1", Public, false),
            ("", Public, false),
        ] {
            assert_eq!(place(host), Place { reach, disguised }, "{host}");
        }
    }
}
