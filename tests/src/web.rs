//! What web servers of tests have in common.

use std::{convert::Infallible, future::Future, net::SocketAddr};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinHandle,
};

/// An answer, as these servers make them.
pub(crate) type Reply = Response<Full<Bytes>>;

/// Answers every request with what `handle` makes of it, on a port of its own, until the task is aborted.
pub(crate) async fn listen<F>(
    handle: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
) -> (SocketAddr, JoinHandle<()>)
where
    F: Future<Output = Reply> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let task = tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            tokio::spawn(connection(stream, handle.clone()));
        }
    });
    (address, task)
}

/// Answers the requests of one connection.
pub(crate) async fn connection<F>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    handle: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
) where
    F: Future<Output = Reply> + Send + 'static,
{
    let service = service_fn(move |request| {
        let answer = handle(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    // A peer that goes away is nothing to tell of.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// A page of HTML.
pub(crate) fn html(text: impl Into<Bytes>) -> Reply {
    let mut answer = Response::new(Full::new(text.into()));
    answer.headers_mut().insert("content-type", "text/html; charset=utf-8".parse().expect("a value"));
    answer
}
