//! Where the server is.

use std::{io, net::SocketAddr};

use http::uri::Authority;

/// A host and a port. The host may be a name with several addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    authority: Authority,
    port: u16,
}

impl Target {
    /// Reads `HOST:PORT`, also with gRPC's `dns:///` or with `https://` in front.
    pub(super) fn parse(address: &str) -> Option<Self> {
        let bare = ["dns:///", "dns:", "https://"]
            .into_iter()
            .find_map(|scheme| address.strip_prefix(scheme))
            .unwrap_or(address);
        let authority: Authority = bare.strip_suffix('/').unwrap_or(bare).parse().ok()?;
        let port = authority.port_u16()?;
        let host = authority.host();
        (!host.is_empty() && !authority.as_str().contains('@')).then_some(Self { authority, port })
    }

    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The host, an IPv6 address without its brackets.
    pub(super) fn host(&self) -> &str {
        self.authority.host().trim_matches(['[', ']'])
    }

    /// Asks for the host's addresses.
    pub(super) async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let mut addresses: Vec<SocketAddr> =
            tokio::net::lookup_host((self.host(), self.port)).await?.collect();
        addresses.sort_unstable();
        addresses.dedup();
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood() {
        for (address, host) in [
            ("shield.internal:8443", "shield.internal"),
            ("dns:///shield.internal:8443", "shield.internal"),
            ("https://127.0.0.1:8443", "127.0.0.1"),
            ("https://127.0.0.1:8443/", "127.0.0.1"),
            ("[::1]:8443", "::1"),
        ] {
            assert_eq!(Target::parse(address).unwrap().host(), host, "{address}");
        }
    }

    #[test]
    fn others_are_not() {
        for address in ["", "host", ":8443", "host:port", "host:99999", "a b:1", "http://host:1", "u@host:1"]
        {
            assert_eq!(Target::parse(address), None, "{address}");
        }
    }
}
