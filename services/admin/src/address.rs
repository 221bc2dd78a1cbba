//! Where a call comes from: for the audit log, and for whoever guesses passwords.

use std::{
    net::IpAddr,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, Request};
use tonic::transport::server::TcpConnectInfo;
use tower::{Layer, Service};
use tributary_domain::subnet::Subnet;

/// What proxies append the address to that they were called from.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// Proxies that a call can have come through.
const MOST_PROXIES: usize = 16;

/// The address that a call comes from, where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ClientAddress(Option<IpAddr>);

/// The address that a call comes from, where it is known.
pub(crate) fn address_of<T>(request: &tonic::Request<T>) -> Option<IpAddr> {
    request.extensions().get().and_then(|ClientAddress(address)| *address)
}

/// Finds out where calls come from: from the peer, or, where that is a proxy that is trusted, from whom it names.
#[derive(Debug, Clone)]
pub(crate) struct AddressLayer {
    trusted: Arc<[Subnet]>,
}

impl AddressLayer {
    /// What proxies in `trusted` say is believed.
    pub(crate) fn new(trusted: Vec<Subnet>) -> Self {
        Self { trusted: trusted.into() }
    }
}

impl<S> Layer<S> for AddressLayer {
    type Service = Addressed<S>;

    fn layer(&self, inner: S) -> Addressed<S> {
        Addressed { trusted: Arc::clone(&self.trusted), inner }
    }
}

/// A service behind an [`AddressLayer`].
#[derive(Debug, Clone)]
pub(crate) struct Addressed<S> {
    trusted: Arc<[Subnet]>,
    inner: S,
}

impl<S, B> Service<Request<B>> for Addressed<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let peer = request.extensions().get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr);
        let address = peer.map(|peer| origin(peer.ip(), request.headers(), &self.trusted));
        request.extensions_mut().insert(ClientAddress(address));
        self.inner.call(request)
    }
}

/// Where a request of `peer` comes from. Each proxy appends whom it was called by, so the list is read from its end, for as
/// long as those who wrote it are trusted: what stands further to the front anybody can have made up.
fn origin(peer: IpAddr, headers: &HeaderMap, trusted: &[Subnet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|subnet| subnet.contains(address));
    let mut nearest = peer.to_canonical();
    let lists = headers.get_all(FORWARDED_FOR).iter().rev().filter_map(|list| list.to_str().ok());
    for named in lists.flat_map(|list| list.rsplit(',')).take(MOST_PROXIES) {
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
    bare.parse().ok().or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a request of `peer` comes from, with these headers, when 10.0.0.0/8 and fd00::/8 are trusted.
    fn from(peer: &str, lists: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|subnet| subnet.parse().unwrap());
        let mut headers = HeaderMap::new();
        for list in lists {
            headers.append(FORWARDED_FOR, list.parse().unwrap());
        }
        origin(peer.parse().unwrap(), &headers, &trusted).to_string()
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
