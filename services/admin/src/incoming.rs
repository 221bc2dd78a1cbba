//! Connections to the API, as they come.

use std::{io, sync::Arc, time::Duration};

use futures::Stream;
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::sleep,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::either::Either;
use tonic::transport::server::Connected;
use tributary_tls::TlsServer;

use crate::connection::{Connection, Times, Wire};

/// How long accepting rests when the system has no more descriptors to give; without a rest it would only spin.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// How connections are taken.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    /// What is spoken below HTTP; none: nothing, in the clear.
    pub(crate) tls: Option<TlsServer>,
    /// Most connections at once; more wait in the system's queue.
    pub(crate) connections: usize,
    /// How long one may keep its place.
    pub(crate) times: Times,
}

/// The connections of `listener`, each once it has agreed on TLS. It goes on after a failure, and stops accepting when
/// the stream is dropped.
pub(crate) fn incoming(
    listener: TcpListener,
    how: Incoming,
) -> impl Stream<Item = io::Result<Connection<Wire>>> {
    // One waits at most: who serves them takes each at once.
    let (ready, connections) = mpsc::channel(1);
    tokio::spawn(accept_all(listener, how, ready));
    ReceiverStream::new(connections)
}

async fn accept_all(listener: TcpListener, how: Incoming, ready: mpsc::Sender<io::Result<Connection<Wire>>>) {
    let room = Arc::new(Semaphore::new(how.connections));
    loop {
        let next = select! {
            () = ready.closed() => return,
            next = accept(&listener, &room) => next,
        };
        match next {
            // Agreeing takes the peer's time: it must not hold up the next one.
            Ok((stream, place)) => {
                tokio::spawn(greet(stream, place, how.clone(), ready.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "connection to the admin API not accepted");
                sleep(ACCEPT_REST).await;
            }
        }
    }
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    // An answer is one small write; waiting to fill a packet would only delay it.
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

async fn greet(
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    how: Incoming,
    ready: mpsc::Sender<io::Result<Connection<Wire>>>,
) {
    let info = stream.connect_info();
    let wire = match how.tls {
        None => Either::Left(stream),
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => Either::Right(stream),
            Err(error) => {
                // Peers that speak no TLS, or do not trust the certificate, are daily business.
                tracing::debug!(%error, "no TLS was agreed on with a peer of the admin API");
                return;
            }
        },
    };
    // Who would serve it may have stopped meanwhile.
    let _ = ready.send(Ok(Connection::new(wire, place, info, how.times))).await;
}
