//! A listener that stops.

use std::{future::pending, sync::Arc, time::Duration};

use axum::{Router, routing::any};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
};
use tokio_util::sync::CancellationToken;
use tributary_ingest::{ServeOptions, serve};
use tributary_telemetry::Metrics;

use crate::support::{House, OPEN, answer};

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

#[tokio::test]
async fn a_request_that_has_begun_is_finished() {
    let house = House::open().await;
    let mut stream = TcpStream::connect(house.address).await.expect("the door listens");
    let head = format!(
        "POST /in/{OPEN} HTTP/1.1\r\nhost: door\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("taken");
    // The door asks for the body, so the request has begun.
    let mut asked = [0; CONTINUE.len()];
    stream.read_exact(&mut asked).await.expect("asked");
    assert_eq!(asked, CONTINUE);

    house.stop();
    stream.write_all(b"{}").await.expect("taken");
    assert_eq!(answer(&mut stream).await.status, 202);
    assert_eq!(house.messages().await.len(), 1);
    let address = house.address;
    house.close().await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn what_does_not_finish_is_cut_off_at_the_deadline() {
    let begun = Arc::new(Notify::new());
    let entered = Arc::clone(&begun);
    let endless = any(move || async move {
        entered.notify_one();
        pending::<()>().await;
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let options = ServeOptions { drain_deadline: Duration::from_millis(50), ..ServeOptions::default() };
    let stop = CancellationToken::new();
    let router = Router::new().route("/", endless);
    let served = serve(listener, router, options, Metrics::unread(), stop.clone());
    let mut stream = TcpStream::connect(address).await.expect("listening");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: door\r\n\r\n").await.expect("taken");
    begun.notified().await;
    stop.cancel();
    served.await.expect("ends");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "nothing was answered");
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_for_room() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let options = ServeOptions { connections: 1, ..ServeOptions::default() };
    let router = Router::new().route("/", any(|| async { "here" }));
    let stop = CancellationToken::new();
    let served = serve(listener, router, options, Metrics::unread(), stop.clone());
    let first = TcpStream::connect(address).await.expect("listening");
    let mut second = TcpStream::connect(address).await.expect("queued by the system");
    second.write_all(b"GET / HTTP/1.1\r\nhost: door\r\nconnection: close\r\n\r\n").await.expect("taken");
    let early = tokio::time::timeout(Duration::from_millis(50), second.peek(&mut [0])).await;
    assert!(early.is_err(), "the first connection has the only place");
    drop(first);
    assert_eq!(answer(&mut second).await.status, 200);
    stop.cancel();
    served.await.expect("ends");
}
