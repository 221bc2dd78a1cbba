//! Which addresses are public.
//!
//! An allow-list: what is not known to be ordinary global unicast is refused, so that a range which somebody
//! reserves tomorrow is refused today. The facts are those of IANA's special-purpose registries (RFC 6890 and its
//! updates) and of IANA's list of IPv6 unicast space.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tributary_domain::subnet::Subnet;

/// Everything but "this network", multicast and the reserved block at the end.
const IPV4_UNICAST: std::ops::Range<u8> = 1..224;

/// What lies in IPv4's unicast space and is not an ordinary public host.
const IPV4_SPECIAL: [Subnet; 16] = [
    Subnet::v4([10, 0, 0, 0], 8),       // private
    Subnet::v4([100, 64, 0, 0], 10),    // carriers' NAT; Alibaba's metadata is in it
    Subnet::v4([127, 0, 0, 0], 8),      // loopback
    Subnet::v4([168, 63, 129, 16], 32), // Azure's host: metadata, DNS
    Subnet::v4([169, 254, 0, 0], 16),   // link-local; metadata of most clouds
    Subnet::v4([172, 16, 0, 0], 12),    // private
    Subnet::v4([192, 0, 0, 0], 24),     // protocol assignments; Oracle's old metadata is in it
    Subnet::v4([192, 0, 2, 0], 24),     // documentation
    Subnet::v4([192, 31, 196, 0], 24),  // AS112: a sink for stray DNS
    Subnet::v4([192, 52, 193, 0], 24),  // AMT relays
    Subnet::v4([192, 88, 99, 0], 24),   // 6to4 relays
    Subnet::v4([192, 168, 0, 0], 16),   // private
    Subnet::v4([192, 175, 48, 0], 24),  // AS112
    Subnet::v4([198, 18, 0, 0], 15),    // benchmarking
    Subnet::v4([198, 51, 100, 0], 24),  // documentation
    Subnet::v4([203, 0, 113, 0], 24),   // documentation
];

/// The blocks that the regional registries give out. 6to4 (`2002::/16`), the old 6bone (`3ffe::/16`) and the
/// documentation block `3fff::/20` lie between them, and so are out.
const IPV6_UNICAST: [Subnet; 5] = [
    Subnet::v6([0x2001, 0, 0, 0], 16),
    Subnet::v6([0x2003, 0, 0, 0], 16),
    Subnet::v6([0x2400, 0, 0, 0], 6),
    Subnet::v6([0x2800, 0, 0, 0], 6),
    Subnet::v6([0x2c00, 0, 0, 0], 12),
];

/// What lies in those blocks and is not an ordinary public host.
const IPV6_SPECIAL: [Subnet; 3] = [
    Subnet::v6([0x2001, 0, 0, 0], 23), // protocol assignments: Teredo, benchmarking, ORCHID
    Subnet::v6([0x2001, 0xdb8, 0, 0], 32), // documentation
    Subnet::v6([0x2620, 0x4f, 0x8000, 0], 48), // AS112
];

/// NAT64's well-known prefix (RFC 6052): the last 32 bits are the IPv4 address that is reached in the end. It may
/// carry public ones only, and is how networks without IPv4 reach them.
const NAT64: Subnet = Subnet::v6([0x64, 0xff9b, 0, 0], 96);

/// Whether `address` is an ordinary public host. An IPv4-mapped address is the IPv4 address within it.
///
/// The other ways to carry an IPv4 address within an IPv6 one (IPv4-compatible, 6to4, Teredo, NAT64 with a local
/// prefix) are refused whatever they carry: no public receiver is reached by them.
pub fn is_global_unicast(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_global_v4(v4),
        IpAddr::V6(v6) if NAT64.contains(address) => {
            let [.., a, b, c, d] = v6.octets();
            is_global_v4(Ipv4Addr::new(a, b, c, d))
        }
        IpAddr::V6(v6) => is_global_v6(v6),
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    IPV4_UNICAST.contains(&first) && !is_in(&IPV4_SPECIAL, IpAddr::V4(address))
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    is_in(&IPV6_UNICAST, IpAddr::V6(address)) && !is_in(&IPV6_SPECIAL, IpAddr::V6(address))
}

fn is_in(subnets: &[Subnet], address: IpAddr) -> bool {
    subnets.iter().any(|subnet| subnet.contains(address))
}
