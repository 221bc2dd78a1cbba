//! The table of addresses: more than 300 that are refused, more than 50 that are not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use tributary_egress::is_global_unicast;

/// First, last and well-known addresses of every IPv4 range that is not public.
const REFUSED_V4: &str = "
    0.0.0.0 0.0.0.1 0.255.255.255 10.0.0.0 10.0.0.1 10.255.255.255 100.64.0.0 100.64.0.1 100.100.100.200
    100.127.255.255 127.0.0.0 127.0.0.1 127.0.1.1 127.1.2.3 127.255.255.255 168.63.129.16 169.254.0.0 169.254.0.1
    169.254.169.253 169.254.169.254 169.254.170.2 169.254.255.255 172.16.0.0 172.17.0.1 172.31.255.255 192.0.0.0
    192.0.0.9 192.0.0.10 192.0.0.170 192.0.0.192 192.0.0.255 192.0.2.0 192.0.2.1 192.0.2.255 192.31.196.1
    192.52.193.1 192.88.99.0 192.88.99.1 192.168.0.0 192.168.1.1 192.168.255.255 192.175.48.1 198.18.0.0 198.18.0.1
    198.19.255.255 198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255 224.0.0.0 224.0.0.1 232.1.2.3
    239.255.255.250 239.255.255.255 240.0.0.0 250.1.2.3 255.255.255.254 255.255.255.255";

/// The same for IPv6, and public IPv4 addresses in wrappings that no public receiver is reached by.
const REFUSED_V6: &str = "
    :: ::1 ::2 ::8.8.8.8 ::ffff:0:8.8.8.8 64:ff9b:1::1 64:ff9b:1::8.8.8.8 100::1 100:0:0:1::1 200::1 2001::1
    2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:1::1 2001:1::2 2001:2::1 2001:2:0:ffff::1 2001:3::1 2001:4:112::1
    2001:5::1 2001:10::1 2001:20::1 2001:2f:ffff::1 2001:30::1 2001:1ff:ffff::1 2001:db8::1 2001:db8:ffff::1
    2002::1 2002:808:808::1 2002:ffff:ffff::1 2004::1 2200::1 2620:4f:8000::1 2c10::1 2d00::1 2fff::1 3000::1 3ffe::1
    3fff::1 3fff:fff::1 4000::1 5f00::1 6000::1 8000::1 c000::1 e000::1 f000::1 fb00::1 fc00::1 fd00::1 fd00:ec2::254
    fd20:ce::254 fdff:ffff::1 fe00::1 fe80::1 fe80::a9fe:a9fe febf:ffff::1 fec0::1 fec0:0:0:ffff::1 feff::1 ff00::1
    ff01::1 ff02::1 ff02::2 ff05::2 ff0e::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

/// Well-known public hosts, and the neighbours of the refused ranges.
const ACCEPTED: &str = "
    1.0.0.0 1.1.1.1 8.8.8.8 9.9.9.9 9.255.255.255 11.0.0.0 17.253.144.10 23.185.0.1 34.117.59.81 52.94.236.248
    93.184.216.34 99.255.255.255 100.63.255.255 100.128.0.0 104.16.132.229 126.255.255.255 128.0.0.0 140.82.112.3
    151.101.1.69 157.240.22.35 168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0
    185.199.108.153 191.255.255.255 192.0.1.0 192.0.3.0 192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0
    198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255
    ::ffff:8.8.8.8 ::ffff:1.1.1.1 64:ff9b::8.8.8.8 2001:200::1 2001:4860:4860::8888 2001:db7:ffff::1 2001:db9::1
    2003::1 2400:cb00:2048::1 2404:6800:4003::1 2600:1f18::1 2606:4700:4700::1111 2607:f8b0:4004::1 2610::1
    2620:fe::fe 2630::1 2800:3f0::1 2803:f800::1 2a00:1450:4001::1 2a03:2880:f12f::1 2a04:4e42::1 2a10:50c0::1
    2c0f:fb50::1";

fn parse(text: &str) -> Vec<IpAddr> {
    text.split_whitespace()
        .map(|one| one.parse().unwrap_or_else(|_| panic!("not an address: {one}")))
        .collect()
}

/// All ways to write an IPv4 address as an IPv6 one.
fn wrappings(v4: Ipv4Addr) -> [Ipv6Addr; 6] {
    let [a, b, c, d] = v4.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    [
        v4.to_ipv6_mapped(),
        Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
        // Teredo hides the client's address by inverting its bits.
        Ipv6Addr::new(0x2001, 0, 0x4136, 0xe378, 0x8000, 0x63bf, !high, !low),
    ]
}

#[test]
fn more_than_300_addresses_are_refused() {
    let mut refused = parse(REFUSED_V4);
    for address in refused.clone() {
        let IpAddr::V4(v4) = address else { panic!("{address} is in the wrong table") };
        refused.extend(wrappings(v4).map(IpAddr::V6));
    }
    refused.extend(parse(REFUSED_V6));
    assert!(refused.len() >= 300, "{} cases", refused.len());
    let accepted: Vec<_> = refused.into_iter().filter(|address| is_global_unicast(*address)).collect();
    assert!(accepted.is_empty(), "{accepted:?}");
}

#[test]
fn more_than_50_public_addresses_are_accepted() {
    let accepted = parse(ACCEPTED);
    assert!(accepted.len() >= 50, "{} cases", accepted.len());
    let refused: Vec<_> = accepted.into_iter().filter(|address| !is_global_unicast(*address)).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

proptest! {
    /// The standard library's own classification, as far as it is stable, as the second opinion.
    #[test]
    fn nothing_that_the_standard_library_calls_special_is_accepted(bits in any::<u32>()) {
        let v4 = Ipv4Addr::from_bits(bits);
        let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_broadcast()
            || v4.is_documentation() || v4.is_multicast() || v4.is_unspecified() || v4.octets()[0] >= 240;
        prop_assert!(!(special && is_global_unicast(v4.into())));
        prop_assert_eq!(is_global_unicast(v4.into()), is_global_unicast(v4.to_ipv6_mapped().into()));
    }

    #[test]
    fn only_the_registries_space_of_ipv6_is_accepted(bits in any::<u128>()) {
        let v6 = Ipv6Addr::from_bits(bits);
        if v6.segments()[0] >> 13 != 1 {
            prop_assert!(!is_global_unicast(v6.into()) || v6.to_ipv4_mapped().is_some());
        }
    }
}
