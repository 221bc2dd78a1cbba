//! Ranges of addresses in CIDR notation.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// A range of IPv4 or IPv6 addresses, such as `127.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subnet {
    base: IpAddr,
    prefix: u8,
}

/// A text that is not a subnet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a subnet: expected an address and a prefix length such as 10.0.0.0/8 or fd00::/8, with no bits set behind the prefix"
)]
pub struct InvalidSubnet;

impl Subnet {
    /// The IPv4 range of the first `prefix` (0 to 32) bits of `a.b.c.d`.
    pub const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Self {
        Self { base: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
    }

    /// The IPv6 range of the first `prefix` (0 to 128) bits of the address that begins with the segments `a:b:c:d`.
    pub const fn v6([a, b, c, d]: [u16; 4], prefix: u8) -> Self {
        Self { base: IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)), prefix }
    }

    /// Whether `address` lies in it; an address of the other family never does.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let differing = base.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let differing = base.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }
}

impl FromStr for Subnet {
    type Err = InvalidSubnet;

    /// Reads `address/prefix`; a bare address is the range of that one address.
    fn from_str(text: &str) -> Result<Self, InvalidSubnet> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = address.parse().map_err(|_| InvalidSubnet)?;
        let width = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| InvalidSubnet)?,
            None => width,
        };
        let bits = match base {
            IpAddr::V4(base) => u128::from(base.to_bits()) << 96,
            IpAddr::V6(base) => base.to_bits(),
        };
        let behind_the_prefix = bits.checked_shl(u32::from(prefix)).unwrap_or(0);
        if prefix > width || behind_the_prefix != 0 {
            return Err(InvalidSubnet);
        }
        Ok(Self { base, prefix })
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_belong_to_it_and_their_neighbours_do_not() {
        let subnet: Subnet = "172.16.0.0/12".parse().unwrap();
        for (address, inside) in [
            ("172.15.255.255", false),
            ("172.16.0.0", true),
            ("172.31.255.255", true),
            ("172.32.0.0", false),
            ("::ffff:172.16.0.1", false),
        ] {
            assert_eq!(subnet.contains(address.parse().unwrap()), inside, "{address}");
        }
        assert!("::/0".parse::<Subnet>().unwrap().contains("fe80::1".parse().unwrap()));
        assert_eq!("::1".parse::<Subnet>().unwrap().to_string(), "::1/128");
    }

    #[test]
    fn what_is_no_subnet_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "fd00::1/8",
            "::/129",
            "10.0.0.0/-1",
            "10/8",
            "localhost",
            "1.2.3.4/",
        ] {
            assert_eq!(text.parse::<Subnet>(), Err(InvalidSubnet), "{text}");
        }
    }
}
