//! The one place where sockets are opened, and where it is checked whereto.

use std::{
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout, timeout_at},
};
use tower::Service;

use crate::{
    error::{EgressError, EgressErrorKind},
    policy::{LONGEST_WAIT, Policy},
    resolve::Resolve,
    target::Scheme,
};

/// How many of a host's addresses are tried.
const ADDRESSES: usize = 4;

/// Opens connections to addresses that the policy lets pass, and to no others.
#[derive(Debug, Clone)]
pub(crate) struct GuardedConnector {
    policy: Arc<Policy>,
    resolver: Arc<dyn Resolve>,
    slots: Arc<Semaphore>,
}

impl GuardedConnector {
    pub(crate) fn new(policy: Arc<Policy>, resolver: Arc<dyn Resolve>) -> Self {
        let slots = Arc::new(Semaphore::new(policy.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
        Self { policy, resolver, slots }
    }

    async fn connect(self, uri: Uri) -> Result<Slotted, EgressError> {
        let deadline = Instant::now() + self.policy.connect_timeout.min(LONGEST_WAIT);
        let slot = timeout_at(deadline, Arc::clone(&self.slots).acquire_owned()).await;
        let Ok(Ok(slot)) = slot else {
            return Err(EgressError::new(
                EgressErrorKind::Connect,
                "all outbound connections are in use: try again later, or raise their number",
            ));
        };
        let scheme = if uri.scheme_str() == Some("http") { Scheme::Http } else { Scheme::Https };
        let port = uri.port_u16().unwrap_or(if scheme == Scheme::Http { 80 } else { 443 });
        let found = timeout_at(deadline, self.addresses(uri.host().unwrap_or_default()));
        let found =
            found.await.map_err(|_| dns("the name was not resolved in time: check its name servers"))??;
        let io = self.open(&self.permitted(scheme, &found, port)?, port, deadline).await?;
        Ok(Slotted { io: TokioIo::new(io), _slot: slot })
    }

    /// The addresses of `host`: itself where it is an address, else what the resolver says, asked this one time.
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, EgressError> {
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = literal.parse() {
            return Ok(vec![address]);
        }
        let found = self.resolver.resolve(host).await;
        found.map_err(|error| {
            dns(format!("the name could not be resolved ({}): check its spelling", error.kind()))
        })
    }

    /// Those addresses that may be reached; when there are none, why the first one may not.
    fn permitted(&self, scheme: Scheme, found: &[IpAddr], port: u16) -> Result<Vec<IpAddr>, EgressError> {
        let mut refusal = dns("the name has no address: check its DNS records");
        let mut permitted = Vec::with_capacity(found.len());
        for address in found.iter().rev() {
            match self.policy.check(scheme, *address, port) {
                Ok(()) => permitted.push(address.to_canonical()),
                Err(error) => refusal = error,
            }
        }
        permitted.reverse();
        permitted.truncate(ADDRESSES);
        if permitted.is_empty() { Err(refusal) } else { Ok(permitted) }
    }

    /// A connection to the first address that answers; each gets an even share of the time that is left.
    async fn open(
        &self,
        addresses: &[IpAddr],
        port: u16,
        deadline: Instant,
    ) -> Result<TcpStream, EgressError> {
        let mut reason = "no answer in time".to_owned();
        for (index, address) in addresses.iter().enumerate() {
            let left = u32::try_from(addresses.len() - index).unwrap_or(1);
            let share = deadline.saturating_duration_since(Instant::now()) / left;
            match timeout(share, TcpStream::connect(SocketAddr::new(*address, port))).await {
                Ok(Ok(stream)) => {
                    // Without it a small request can wait for the acknowledgement of the one before.
                    stream.set_nodelay(true).map_err(|error| unreachable_host(&error.to_string()))?;
                    return Ok(stream);
                }
                Ok(Err(error)) => reason = error.kind().to_string(),
                Err(_) => {}
            }
        }
        Err(unreachable_host(&reason))
    }
}

fn dns(message: impl Into<String>) -> EgressError {
    EgressError::new(EgressErrorKind::Dns, message)
}

fn unreachable_host(reason: &str) -> EgressError {
    EgressError::new(
        EgressErrorKind::Connect,
        format!("could not connect ({reason}): check that the receiver runs and its firewall lets us in"),
    )
}

impl Service<Uri> for GuardedConnector {
    type Response = Slotted;
    type Error = EgressError;
    type Future = Pin<Box<dyn Future<Output = Result<Slotted, EgressError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), EgressError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// A connection that holds one of the slots for as long as it is open, used or not.
#[derive(Debug)]
pub(crate) struct Slotted {
    io: TokioIo<TcpStream>,
    _slot: OwnedSemaphorePermit,
}

impl Connection for Slotted {
    fn connected(&self) -> Connected {
        self.io.connected()
    }
}

impl Read for Slotted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Slotted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}
