//! Server-side request forgery: the ways to have a house send a request into its own network, by kinds. Every one is refused
//! before a packet leaves; a listener on every address of this machine would count what does.

#[path = "../common/mod.rs"]
mod common;
mod hosts;
mod urls;
mod zone;

use std::{collections::BTreeSet, sync::Arc};

use common::{Receiver, egress, post};
use tributary_egress::{Egress, EgressErrorKind};

use self::{
    hosts::HOSTS,
    urls::{PORTS, URLS},
    zone::{CNAMES, NAMES, Zone},
};

/// Stands for a port of the listener.
const PORT: &str = "PORT";
/// What is decided before anything is connected to.
const REFUSED: [EgressErrorKind; 4] = [
    EgressErrorKind::InvalidUrl,
    EgressErrorKind::AddressRefused,
    EgressErrorKind::PortRefused,
    EgressErrorKind::PlainHttpRefused,
];
const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Listens on one port of every address that this machine has, of both families where it has both.
struct Machine {
    v4: Receiver,
    v6: Option<Receiver>,
}

impl Machine {
    async fn start() -> Self {
        let v4 = Receiver::answering("0.0.0.0:0", ANSWER).await;
        let at = format!("[::1]:{}", v4.address.port());
        let has_v6 = std::net::TcpListener::bind(&at).is_ok();
        Self { v6: if has_v6 { Some(Receiver::answering(&at, ANSWER).await) } else { None }, v4 }
    }

    fn port(&self) -> String {
        self.v4.address.port().to_string()
    }

    fn connections(&self) -> usize {
        self.v4.connections() + self.v6.as_ref().map_or(0, Receiver::connections)
    }
}

/// That the request is refused, and not only failed.
async fn assert_refused(egress: &Egress, kind: &str, url: &str, expected: &[EgressErrorKind]) {
    match egress.send(post(url)).await {
        Ok(answer) => panic!("{kind}: {url} was reached: {answer:?}"),
        Err(error) => assert!(expected.contains(&error.kind()), "{kind}: {url}: {:?} {error}", error.kind()),
    }
}

/// Every URL of the tables, with its kind and what it is refused for.
fn cases(port: &str) -> Vec<(&'static str, String, &'static [EgressErrorKind])> {
    const ADDRESS: &[EgressErrorKind] = &[EgressErrorKind::AddressRefused];
    const BY_PORT: &[EgressErrorKind] = &[EgressErrorKind::PortRefused];
    let of_hosts = HOSTS.iter().flat_map(|(kind, hosts)| {
        let url = move |host| (*kind, format!("http://{host}:{port}/"), ADDRESS);
        hosts.split_whitespace().map(url)
    });
    let of_urls = URLS
        .iter()
        .flat_map(|(kind, urls)| urls.iter().map(|url| (*kind, url.replace(PORT, port), REFUSED.as_slice())));
    let of_names = NAMES
        .iter()
        .map(|(kind, name, _)| (*kind, *name))
        .chain(CNAMES.iter().map(|(name, _)| ("an alias", *name)))
        .map(|(kind, name)| (kind, format!("http://{name}:{port}/"), ADDRESS));
    let of_ports =
        PORTS.iter().map(|(service, port)| (*service, format!("https://8.8.8.8:{port}/"), BY_PORT));
    of_hosts.chain(of_urls).chain(of_names).chain(of_ports).collect()
}

#[tokio::test]
async fn more_than_300_ways_into_the_own_network_are_refused_before_a_packet_leaves() {
    let machine = Machine::start().await;
    let cases = cases(&machine.port());
    let distinct: BTreeSet<&str> = cases.iter().map(|(_, url, _)| url.as_str()).collect();
    assert_eq!(distinct.len(), cases.len(), "no case is there twice");
    assert!(cases.len() >= 300, "{} cases", cases.len());
    let egress = egress(&[], Arc::new(Zone));
    for (kind, url, expected) in &cases {
        assert_refused(&egress, kind, url, expected).await;
    }
    assert_eq!(machine.connections(), 0);
}

#[tokio::test]
async fn the_same_ways_lead_there_where_everything_is_allowed() {
    // So what refuses them is the guard, and not that they lead nowhere.
    let machine = Machine::start().await;
    let all = egress(&["0.0.0.0/0", "::/0"], Arc::new(Zone));
    let mut reached = 0;
    let to_this_machine = HOSTS.iter().filter(|(kind, _)| kind.starts_with("loopback"));
    for (kind, hosts) in to_this_machine {
        for host in hosts.split_whitespace() {
            let url = format!("http://{host}:{}/", machine.port());
            if machine.v6.is_none() && host.contains(':') && !host.contains("ffff") {
                continue;
            }
            let answer = all.send(post(&url)).await;
            assert_eq!(answer.expect(kind).status, 200, "{kind}: {url}");
            reached += 1;
        }
    }
    assert!(reached > 40 && machine.connections() > 0, "{reached}");
}

/// The addresses that a name of two minds has, of which 127.0.0.2 alone is allowed.
const TWO_MINDS: [&[&str]; 8] = [
    &["127.0.0.2", "127.0.0.1"],
    &["127.0.0.1", "127.0.0.2"],
    &["127.0.0.1", "127.0.0.3", "127.0.0.2", "127.0.0.4"],
    &["::1", "127.0.0.2"],
    &["::ffff:127.0.0.1", "127.0.0.2"],
    &["169.254.169.254", "127.0.0.2"],
    &["10.0.0.1", "fd00:ec2::254", "127.0.0.2"],
    &["::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "127.0.0.2"],
];

#[tokio::test]
async fn of_a_name_of_two_minds_only_what_is_allowed_is_reached() {
    for found in TWO_MINDS {
        let allowed = Receiver::answering("127.0.0.2:0", ANSWER).await;
        let port = allowed.address.port();
        let forbidden = Receiver::answering(&format!("127.0.0.1:{port}"), ANSWER).await;
        let names = common::Names::one("mind.example", &[found]);
        let answer =
            egress(&["127.0.0.2/32"], names).send(post(format!("http://mind.example:{port}/"))).await;
        assert_eq!(answer.unwrap().status, 200, "{found:?}");
        assert_eq!((allowed.connections(), forbidden.connections()), (1, 0), "{found:?}");
    }
}

/// What a name becomes after it was checked once.
const REBOUND: [&str; 12] = [
    "127.0.0.1",
    "127.0.0.3",
    "::1",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "0.0.0.0",
    "::",
    "169.254.169.254",
    "10.0.0.1",
    "fd00:ec2::254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
];

#[tokio::test]
async fn a_name_that_is_bound_anew_is_judged_anew_and_connected_to_as_it_was_judged() {
    const ONCE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
    for rebound in REBOUND {
        let allowed = Receiver::answering("127.0.0.2:0", ONCE).await;
        let port = allowed.address.port();
        let forbidden = Receiver::answering(&format!("127.0.0.1:{port}"), ONCE).await;
        // A look-up to judge by and another to connect by would get one of each.
        let names = common::Names::one("rebind.example", &[&["127.0.0.2"], &[rebound], &["127.0.0.2"]]);
        let egress = egress(&["127.0.0.2/32"], Arc::<common::Names>::clone(&names));
        let url = format!("http://rebind.example:{port}/");
        assert_eq!(egress.send(post(&url)).await.unwrap().status, 200, "{rebound}");
        assert_refused(&egress, "rebinding", &url, &REFUSED).await;
        assert_eq!(egress.send(post(&url)).await.unwrap().status, 200, "{rebound}");
        assert_eq!(names.asked(), 3, "one look-up a connection");
        assert_eq!((allowed.connections(), forbidden.connections()), (2, 0), "{rebound}");
    }
}

/// Heads of answers that lead somewhere else, `TO` being the way there.
const LEADS: [&str; 20] = [
    "HTTP/1.1 300 Multiple Choices\r\nlocation: TO",
    "HTTP/1.1 301 Moved Permanently\r\nlocation: TO",
    "HTTP/1.1 302 Found\r\nlocation: TO",
    "HTTP/1.1 303 See Other\r\nlocation: TO",
    "HTTP/1.1 304 Not Modified\r\nlocation: TO",
    "HTTP/1.1 305 Use Proxy\r\nlocation: TO",
    "HTTP/1.1 307 Temporary Redirect\r\nlocation: TO",
    "HTTP/1.1 308 Permanent Redirect\r\nlocation: TO",
    "HTTP/1.1 302 Found\r\nLOCATION: TO",
    "HTTP/1.1 302 Found\r\nlocation: TO\r\nlocation: TO",
    "HTTP/1.1 302 Found\r\nuri: TO",
    "HTTP/1.1 200 OK\r\nlocation: TO",
    "HTTP/1.1 201 Created\r\nlocation: TO",
    "HTTP/1.1 200 OK\r\nrefresh: 0; url=TO",
    "HTTP/1.1 200 OK\r\ncontent-location: TO",
    "HTTP/1.1 200 OK\r\nlink: <TO>; rel=preload",
    "HTTP/1.1 200 OK\r\nalt-svc: h2=\":PORT\"",
    "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Bearer realm=\"TO\"",
    "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"TO\"",
    "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\nlocation: TO",
];

#[tokio::test]
async fn an_answer_leads_nowhere() {
    let forbidden = Receiver::answering("127.0.0.1:0", ANSWER).await;
    let port = forbidden.address.port();
    let ways = [
        format!("http://127.0.0.1:{port}/"),
        format!("//127.0.0.1:{port}/"),
        format!("http://2130706433:{port}/"),
    ];
    for head in LEADS {
        for way in &ways {
            let head = head.replace("TO", way).replace(PORT, &port.to_string());
            let body = format!("<meta http-equiv=\"refresh\" content=\"0;url={way}\">");
            let body = if head.contains(" 304 ") { String::new() } else { body };
            let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let receiver = Receiver::answering("127.0.0.2:0", answer).await;
            let client = egress(&["127.0.0.2/32"], Arc::<common::Names>::default());
            let told = client.send(post(receiver.url())).await.unwrap();
            assert!(head.contains(told.status.as_str()), "the answer is what the receiver said: {head}");
            assert_eq!(receiver.connections(), 1, "{head}");
        }
    }
    assert_eq!(forbidden.connections(), 0);
}

/// What is allowed, what that lets pass and what lies right beside it.
const ALLOWED: [(&str, &str, &str); 10] = [
    ("127.0.0.2/32", "127.0.0.2", "127.0.0.1 127.0.0.3 127.0.1.2 [::1] [::127.0.0.2] 0.0.0.0"),
    ("127.0.0.2/32", "[::ffff:127.0.0.2]", "[::ffff:127.0.0.3] [::ffff:0:127.0.0.2]"),
    ("127.0.0.2/32", "2130706434", "2130706433 2130706435"),
    ("127.0.0.2/31", "127.0.0.3", "127.0.0.1 127.0.0.4"),
    ("127.0.0.0/30", "127.0.0.1", "127.0.0.4 127.0.0.255"),
    ("127.1.0.0/16", "127.1.255.255", "127.0.255.255 127.2.0.0"),
    ("127.0.0.0/8", "127.255.255.254", "126.255.255.255 128.0.0.0 [64:ff9b::7f00:1] [2002:7f00:1::]"),
    ("::1/128", "[::1]", "[::] [::2] 127.0.0.1 [::ffff:127.0.0.1]"),
    ("10.0.0.0/8", "", "9.255.255.255 11.0.0.0 127.0.0.1 169.254.169.254"),
    ("fd00::/8", "", "[fc00::1] [fe80::1] [::1] [fe00::1]"),
];

#[tokio::test]
async fn the_allow_list_lets_pass_what_it_names_and_nothing_beside_it() {
    let machine = Machine::start().await;
    for (subnet, passing, beside) in ALLOWED {
        let before = machine.connections();
        let client = egress(&[subnet], Arc::<common::Names>::default());
        for host in beside.split_whitespace() {
            let url = format!("http://{host}:{}/", machine.port());
            assert_refused(&client, subnet, &url, &REFUSED).await;
        }
        assert_eq!(machine.connections(), before, "{subnet}");
        if passing.is_empty() || (passing == "[::1]" && machine.v6.is_none()) {
            continue;
        }
        let url = format!("http://{passing}:{}/", machine.port());
        assert_eq!(client.send(post(&url)).await.unwrap().status, 200, "{subnet}: {passing}");
        assert_eq!(machine.connections(), before + 1, "{subnet}: {passing}");
    }
}
