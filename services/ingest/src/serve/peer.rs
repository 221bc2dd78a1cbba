//! The address that a connection comes from, for the requests that are asked for it.

use std::{
    net::IpAddr,
    task::{Context, Poll},
};

use axum::http::Request;
use tower::Service;

use crate::door::COLLECT;

/// The address that a request's connection comes from: the visitor, or a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// A service whose requests know their peer, as far as anybody asks: webhooks do not pay for it.
#[derive(Debug, Clone)]
pub(super) struct Peered<S> {
    pub(super) inner: S,
    pub(super) peer: IpAddr,
}

impl<S, B> Service<Request<B>> for Peered<S>
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
        if request.uri().path().starts_with(COLLECT) {
            request.extensions_mut().insert(Peer(self.peer));
        }
        self.inner.call(request)
    }
}
