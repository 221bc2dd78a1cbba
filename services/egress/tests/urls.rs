//! URLs that must not be reached with the rules that hold where nothing is configured.

mod common;

use std::sync::Arc;

use common::{Names, egress, post};
use tributary_egress::EgressErrorKind::{self, AddressRefused, InvalidUrl, PlainHttpRefused, PortRefused};

/// Hosts that are an address in one of the ways that browsers and tools accept.
const LOCAL_HOSTS: &str = "
    127.0.0.1 127.0.0.1. 127.1 127.0.1 2130706433 017700000001 0177.0.0.1 0177.0.0.01 0x7f.1 0x7f000001
    0x7f.0x0.0x0.0x1 0X7F.0.0.1 0 0.0.0.0 00 0x0 10.1 012.0.0.1 0xa.0.0.1 167772161 169.254.169.254
    169.254.43518 169.16689662 2852039166 0xa9fea9fe 0251.0376.0251.0376 0xa9.0xfe.0xa9.0xfe 0251.254.169.254
    168.63.129.16 0xa83f8110 192.168.1 3232235777 0300.0250.1.1 172.16.1 100.100.100.200 198.18.1 255.255.255.255
    4294967295 0xffffffff 224.1 １２７.０.０.１ ①②⑦.⓪.⓪.① 127。0。0。1 127．0．0．1 %31%32%37.0.0.1 127.0.0.%31 0x7f%2e1
    [::] [::1] [0:0:0:0:0:0:0:1] [::127.0.0.1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:0:127.0.0.1] [0::ffff:a9fe:a9fe]
    [64:ff9b::127.0.0.1] [64:ff9b::a9fe:a9fe] [64:ff9b:1::8.8.8.8] [2002:7f00:1::] [2002:a9fe:a9fe::1]
    [2001::1] [2001:db8::1] [fe80::1] [fec0::1] [fc00::1] [fd00:ec2::254] [ff02::1] [3fff::1]";

/// Names, each of which resolves to something that is not public.
const LYING_NAMES: [(&str, &str); 14] = [
    ("localhost", "127.0.0.1"),
    ("localhost.localdomain", "127.0.0.1"),
    ("ip6-localhost", "::1"),
    ("metadata.google.internal", "169.254.169.254"),
    ("metadata", "fd20:ce::254"),
    ("instance-data.ec2.internal", "fd00:ec2::254"),
    ("127.0.0.1.nip.example", "127.0.0.1"),
    ("mapped.example", "::ffff:10.0.0.1"),
    ("nat64.example", "64:ff9b::10.0.0.1"),
    ("sixtofour.example", "2002:a00:1::1"),
    ("compatible.example", "::10.0.0.1"),
    ("zero.example", "0.0.0.0"),
    ("azure.example", "168.63.129.16"),
    ("xn--r8jz45g.example", "192.168.0.1"),
];

async fn kind(names: Arc<Names>, url: &str) -> EgressErrorKind {
    match egress(&[], names).send(post(url)).await {
        Ok(answer) => panic!("{url} was reached: {answer:?}"),
        Err(error) => error.kind(),
    }
}

#[tokio::test]
async fn addresses_in_every_spelling_are_refused() {
    for host in LOCAL_HOSTS.split_whitespace() {
        for url in
            [format!("https://{host}/canary"), format!("http://{host}/"), format!("https://{host}:8443/")]
        {
            assert_eq!(kind(Arc::default(), &url).await, AddressRefused, "{url}");
        }
    }
}

#[tokio::test]
async fn names_are_judged_by_what_they_resolve_to() {
    for (host, address) in LYING_NAMES {
        let trailing_dot = format!("{host}.");
        for spelling in [host, &trailing_dot, &host.to_uppercase()] {
            let names = Names::one(host, &[&[address]]);
            let url = format!("https://{spelling}/");
            assert_eq!(kind(Arc::clone(&names), &url).await, AddressRefused, "{url}");
            assert_eq!(names.asked(), 1);
        }
    }
    let names = Names::one("xn--r8jz45g.jp", &[&["10.0.0.1"]]);
    assert_eq!(kind(names, "https://例え.jp/").await, AddressRefused);
}

#[tokio::test]
async fn odd_ports_and_plain_http_are_refused_at_public_addresses() {
    for port in
        [0, 1, 21, 22, 23, 25, 53, 80, 110, 143, 444, 2375, 3306, 5432, 6379, 8080, 9200, 11211, 27017, 65535]
    {
        assert_eq!(kind(Arc::default(), &format!("https://8.8.8.8:{port}/")).await, PortRefused, "{port}");
        let names = Names::one("example.com", &[&["2606:4700::1"]]);
        assert_eq!(kind(names, &format!("https://example.com:{port}/")).await, PortRefused, "{port}");
    }
    for url in ["http://8.8.8.8/", "http://8.8.8.8:443/", "http://[2606:4700::1]:8443/"] {
        assert_eq!(kind(Arc::default(), url).await, PlainHttpRefused, "{url}");
    }
}

#[tokio::test]
async fn what_is_no_http_url_is_refused() {
    for url in [
        "",
        "/hook",
        "//127.0.0.1/",
        "127.0.0.1",
        "localhost:80",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_x",
        "ftp://8.8.8.8/",
        "ws://8.8.8.8/",
        "unix:/run/docker.sock",
        "data:text/plain,x",
        "jar:https://8.8.8.8!/",
        "https://",
        "https://user@8.8.8.8/",
        "https://user:word@8.8.8.8/",
        "https://8.8.8.8@127.0.0.1/",
        "https://8.8.8.8%00@127.0.0.1/",
        "https://8.8.8.8 127.0.0.1/",
        "https://[::]%25eth0/",
        "https://[fe80::1%25eth0]/",
        "https://256.1.1.1/",
        "https://1.1.1.1.1/",
        "https://0x1ffffffff/",
        "https://8.8.8.8:65536/",
        "https://a..b../",
        "https://ex%00ample.com/",
    ] {
        assert_eq!(kind(Arc::default(), url).await, InvalidUrl, "{url}");
    }
}

#[tokio::test]
async fn errors_show_no_more_than_the_origin() {
    let secret = "https://10.0.0.1:9999/canary/path?token=canary#canary";
    let error = egress(&[], Arc::<Names>::default()).send(post(secret)).await.unwrap_err();
    assert!(
        error.to_string().starts_with("https://10.0.0.1:9999: address 10.0.0.1 is not public"),
        "{error}"
    );
    assert!(!format!("{error} {error:?} {:?}", post(secret)).contains("canary"));
}
