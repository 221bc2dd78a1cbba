//! Names that lead into the own network: by their address, or by an alias of a name that does.

use std::{io, net::IpAddr};

use async_trait::async_trait;
use tributary_egress::Resolve;

/// Names with their addresses, by kinds.
pub(crate) const NAMES: &[(&str, &str, &str)] = &[
    ("a name of this machine", "localhost", "127.0.0.1"),
    ("a name of this machine", "localhost.localdomain", "127.0.0.1"),
    ("a name of this machine", "ip6-localhost", "::1"),
    ("a name below that of this machine", "any.localhost", "127.0.0.1"),
    ("a name of metadata", "metadata", "169.254.169.254"),
    ("a name of metadata", "metadata.google.internal", "169.254.169.254"),
    ("a name of metadata", "instance-data", "169.254.169.254"),
    ("a name of metadata", "metadata.azure.internal", "168.63.129.16"),
    ("a name of metadata", "metadata.tencentyun.com", "169.254.0.23"),
    ("a name of metadata of IPv6", "instance-data.ec2.internal", "fd00:ec2::254"),
    ("a name of a cluster", "kubernetes.default.svc.cluster.local", "10.96.0.1"),
    ("a name of a container's host", "host.docker.internal", "192.168.65.2"),
    ("a name that has its address in it", "127.0.0.1.nip.example", "127.0.0.1"),
    ("a name that has its address in it", "7f000001.nip.example", "127.0.0.1"),
    ("a name that has its address in it", "169-254-169-254.sslip.example", "169.254.169.254"),
    ("a public name of a private address", "ten.example", "10.0.0.1"),
    ("a public name of a private address", "seventeen.example", "172.17.0.1"),
    ("a public name of a private address", "router.example", "192.168.1.1"),
    ("a public name of a carrier's address", "carrier.example", "100.64.0.1"),
    ("a public name of nowhere", "zero.example", "0.0.0.0"),
    ("a public name of nowhere", "zero6.example", "::"),
    ("a public name of everybody", "all.example", "255.255.255.255"),
    ("a public name of many", "multicast.example", "239.255.255.250"),
    ("a public name of an address of IPv6", "ula.example", "fd00::1"),
    ("a public name of an address of IPv6", "link.example", "fe80::1"),
    ("a public name of an address of IPv6", "site.example", "fec0::1"),
    ("a public name of a mapped address", "mapped.example", "::ffff:127.0.0.1"),
    ("a public name of a compatible address", "compatible.example", "::127.0.0.1"),
    ("a public name of a translated address", "nat64.example", "64:ff9b::7f00:1"),
    ("a public name of a translated address", "nat64-local.example", "64:ff9b:1::7f00:1"),
    ("a public name of a tunnelled address", "sixtofour.example", "2002:7f00:1::"),
    ("a public name of a tunnelled address", "teredo.example", "2001:0:4136:e378:8000:63bf:80ff:fffe"),
    ("a public name of a documented address", "documented.example", "2001:db8::1"),
    ("a name in punycode", "xn--r8jz45g.example", "127.0.0.1"),
    ("a name in letters that become punycode", "例え.test", "127.0.0.1"),
    ("a name in capitals", "CAPITALS.example", "127.0.0.1"),
    ("a name with a dot at its end", "dot.example.", "127.0.0.1"),
    ("a name in full-width letters", "ｌｏｃａｌｈｏｓｔ", "127.0.0.1"),
    ("a name in circled letters", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "127.0.0.1"),
    ("a name with an ideographic dot", "full。example", "127.0.0.1"),
    ("a name with a letter that is not there", "soft\u{ad}hyphen.example", "127.0.0.1"),
    ("a name that is encoded", "%65ncoded.example", "127.0.0.1"),
];

/// Names that are aliases: of names above, or of each other.
pub(crate) const CNAMES: &[(&str, &str)] = &[
    ("one-hop.example", "localhost"),
    ("to-metadata.example", "metadata.google.internal"),
    ("to-cluster.example", "kubernetes.default.svc.cluster.local"),
    ("to-mapped.example", "mapped.example"),
    ("to-nat64.example", "nat64.example"),
    ("to-link.example", "link.example"),
    ("to-nowhere.example", "zero.example"),
    ("two-hops.example", "one-hop.example"),
    ("three-hops.example", "two-hops.example"),
    ("four-hops.example", "three-hops.example"),
    ("five-hops.example", "four-hops.example"),
    ("cdn.example.com", "to-metadata.example"),
];

/// Follows as many aliases as resolvers do.
const HOPS: usize = 16;

/// A resolver that knows those names alone.
#[derive(Debug)]
pub(crate) struct Zone;

/// A name as resolvers are asked for it.
fn plain(name: &str) -> String {
    let url = url::Url::parse(&format!("http://{name}/"));
    let host = url.ok().and_then(|url| Some(url.host_str()?.trim_end_matches('.').to_owned()));
    host.unwrap_or_default()
}

#[async_trait]
impl Resolve for Zone {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let mut name = host.to_owned();
        for _ in 0..HOPS {
            if let Some((_, _, address)) = NAMES.iter().find(|(_, known, _)| plain(known) == name) {
                return Ok(vec![address.parse().map_err(io::Error::other)?]);
            }
            let alias = CNAMES.iter().find(|(known, _)| *known == name);
            name = alias.ok_or(io::ErrorKind::NotFound)?.1.to_owned();
        }
        Err(io::ErrorKind::NotFound.into())
    }
}
