//! Where a request comes from, when proxies stand before the server.

use std::net::{IpAddr, SocketAddr};

use crate::subnet::Subnet;

/// The header that proxies append the address to that they were called from.
pub const FORWARDED_FOR: &str = "x-forwarded-for";
/// Proxies that a request can have come through.
const MOST_PROXIES: usize = 16;

/// Where a request of `peer` comes from, which has these `lists` as its [`FORWARDED_FOR`] headers. Each proxy appends whom it
/// was called by, so the lists are read from their end, for as long as those who wrote them are `trusted`: what stands further
/// to the front anybody can have made up.
pub fn caller<'a>(
    peer: IpAddr,
    lists: impl DoubleEndedIterator<Item = &'a str>,
    trusted: &[Subnet],
) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|subnet| subnet.contains(address));
    let mut nearest = peer.to_canonical();
    for named in lists.rev().flat_map(|list| list.rsplit(',')).take(MOST_PROXIES) {
        if !is_trusted(nearest) {
            break;
        }
        match address(named.trim()) {
            Some(address) => nearest = address.to_canonical(),
            None => break,
        }
    }
    nearest
}

/// An address, alone or with a port as some proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a request of `peer` comes from, with these headers, when 10.0.0.0/8 and fd00::/8 are trusted.
    fn from(peer: &str, lists: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|subnet| subnet.parse().unwrap());
        caller(peer.parse().unwrap(), lists.iter().copied(), &trusted).to_string()
    }

    #[test]
    fn only_what_trusted_proxies_say_is_believed() {
        assert_eq!(from("203.0.113.9", &[]), "203.0.113.9");
        assert_eq!(from("203.0.113.9", &["198.51.100.7"]), "203.0.113.9", "anybody can write the header");
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(from("10.0.0.1", &["192.0.2.1, 198.51.100.7"]), "198.51.100.7", "the first was made up");
        assert_eq!(from("10.0.0.1", &["192.0.2.1", "198.51.100.7, 10.2.0.1"]), "198.51.100.7", "two proxies");
        assert_eq!(from("10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(from("fd00::1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(from("fd00::1", &["[2001:db8::7]"]), "2001:db8::7");
        assert_eq!(from("::ffff:10.0.0.1", &["::ffff:198.51.100.7"]), "198.51.100.7");
        assert_eq!(from("10.0.0.1", &["198.51.100.7, unknown"]), "10.0.0.1", "who it was is not told");
        assert_eq!(from("10.0.0.1", &["10.0.0.2, 10.0.0.3"]), "10.0.0.2", "it came from within");
        let long = vec!["10.0.0.2"; 100].join(",");
        assert_eq!(from("10.0.0.1", &[&format!("198.51.100.7,{long}")]), "10.0.0.2", "not read without end");
    }
}
