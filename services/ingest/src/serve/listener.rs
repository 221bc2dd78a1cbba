//! Serves a router on a listener, with the limits that keep strangers from using up the process.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    pin, select,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tributary_telemetry::Metrics;
use tributary_tls::TlsServer;

use super::{linger::Lingering, peer::Peered};

/// How long accepting rests when the system has no more descriptors to give.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// What a listener allows.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// What is spoken below HTTP; none: nothing, in the clear.
    pub tls: Option<TlsServer>,
    /// Most connections at once; more wait in the system's queue.
    pub connections: usize,
    /// How long the head of a request may take, and so how long a connection may idle.
    pub head_deadline: Duration,
    /// Most bytes in the head of a request; 8 KiB at least.
    pub head_bytes: usize,
    /// How long an answer may wait for a peer that takes nothing of it.
    pub write_deadline: Duration,
    /// How long open requests may take to finish once the listener stops.
    pub drain_deadline: Duration,
}

impl Default for ServeOptions {
    /// No TLS, 10,000 connections, 5 s and 32 KiB for a head, 10 s for a peer to take something, 10 s to drain.
    fn default() -> Self {
        Self {
            tls: None,
            connections: 10_000,
            head_deadline: Duration::from_secs(5),
            head_bytes: 32 * 1024,
            write_deadline: Duration::from_secs(10),
            drain_deadline: Duration::from_secs(10),
        }
    }
}

/// Serves `router` over HTTP/1 on `listener` until `stop` is cancelled; then open requests finish, within the drain
/// deadline, and whatever is left is cut off. It ends with the task that is returned.
///
/// The task is made here and not by the caller: so all that serves is built with this crate, for speed, and not with the
/// program's own, which is built for size.
pub fn serve(
    listener: TcpListener,
    router: Router,
    options: ServeOptions,
    metrics: Metrics,
    stop: CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(run(listener, router, options, metrics, stop))
}

async fn run(
    listener: TcpListener,
    router: Router,
    options: ServeOptions,
    metrics: Metrics,
    stop: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(options.connections));
    let drain_deadline = options.drain_deadline;
    let listening = Listening::new(router, options, metrics, stop);
    let open = TaskTracker::new();
    loop {
        select! {
            () = listening.stop.cancelled() => break,
            next = accept(&listener, &room) => match next {
                Ok((stream, peer, permit)) => {
                    open.spawn(listening.clone().connection(stream, peer, permit));
                }
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted");
                    sleep(ACCEPT_REST).await;
                }
            },
        }
    }
    drop(listener);
    open.close();
    if timeout(drain_deadline, open.wait()).await.is_err() {
        tracing::warn!(connections = open.len(), "connections cut off at the drain deadline");
        listening.cut.cancel();
        open.wait().await;
    }
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // An answer is one small write; waiting to fill a packet would only delay it.
    stream.set_nodelay(true)?;
    Ok((stream, peer.ip(), permit))
}

#[derive(Clone)]
struct Listening {
    tls: Option<TlsServer>,
    http: Builder<TokioExecutor>,
    router: Router,
    write_deadline: Duration,
    metrics: Metrics,
    /// Connections finish what they have begun and take nothing new.
    stop: CancellationToken,
    /// Connections end at once.
    cut: CancellationToken,
}

impl Listening {
    fn new(router: Router, options: ServeOptions, metrics: Metrics, stop: CancellationToken) -> Self {
        let mut http = Builder::new(TokioExecutor::new()).http1_only();
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(options.head_deadline)
            .max_buf_size(options.head_bytes);
        let write_deadline = options.write_deadline;
        let tls = options.tls;
        Self { tls, http, router, write_deadline, metrics, stop, cut: CancellationToken::new() }
    }

    async fn connection(self, stream: TcpStream, peer: IpAddr, permit: OwnedSemaphorePermit) {
        let _open = Open::new(self.metrics.clone(), permit);
        let stream = Lingering::new(stream, self.write_deadline);
        let Some(tls) = self.tls.clone() else { return self.requests(stream, peer).await };
        let agreed = select! {
            agreed = tls.accept(stream) => agreed,
            () = self.stop.cancelled() => return,
        };
        match agreed {
            Ok(stream) => self.requests(stream, peer).await,
            // Peers that speak no TLS, or do not trust the certificate, are daily business.
            Err(error) => tracing::debug!(%error, "no TLS was agreed on with a peer"),
        }
    }

    async fn requests(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: IpAddr) {
        let service = TowerToHyperService::new(Peered { inner: self.router, peer });
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        pin!(connection);
        let ended = select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                select! {
                    ended = connection => ended,
                    () = self.cut.cancelled() => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            // Peers that vanish or never finish a head are daily business.
            tracing::debug!(error, "connection ended early");
        }
    }
}

/// Counts a connection for as long as it is open, and keeps its place.
struct Open {
    metrics: Metrics,
    _permit: OwnedSemaphorePermit,
}

impl Open {
    fn new(metrics: Metrics, permit: OwnedSemaphorePermit) -> Self {
        metrics.connections(1);
        Self { metrics, _permit: permit }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.metrics.connections(-1);
    }
}
