//! Where a call comes from: for the audit log, and for whoever guesses passwords.

use std::{
    net::IpAddr,
    sync::Arc,
    task::{Context, Poll},
};

use http::Request;
use tonic::transport::server::TcpConnectInfo;
use tower::{Layer, Service};
use tributary_domain::{
    caller::{FORWARDED_FOR, caller},
    subnet::Subnet,
};

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
        let lists = request.headers().get_all(FORWARDED_FOR).iter().filter_map(|list| list.to_str().ok());
        let address = peer.map(|peer| caller(peer.ip(), lists, &self.trusted));
        request.extensions_mut().insert(ClientAddress(address));
        self.inner.call(request)
    }
}
