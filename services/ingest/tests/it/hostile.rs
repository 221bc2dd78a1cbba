//! Senders that mean no good, or do not know better.

use std::time::Duration;

use axum::{Router, routing::get};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use tributary_ingest::{DoorLimits, ServeOptions, serve};
use tributary_telemetry::Metrics;

use crate::support::{House, OPEN, answer, request};

/// Limits that a slow sender meets soon.
fn impatient() -> DoorLimits {
    DoorLimits {
        body_deadline: Duration::from_millis(400),
        body_grace: Duration::from_millis(200),
        ..DoorLimits::default()
    }
}

/// A connection that has sent a head which promises more than ever comes.
async fn stalled(house: &House) -> TcpStream {
    let mut stream = TcpStream::connect(house.address).await.expect("the door listens");
    let bytes = request("POST", &format!("/in/{OPEN}"), &[], &[b' '; 1_000]);
    stream.write_all(&bytes[..bytes.len() - 999]).await.expect("taken");
    stream
}

#[tokio::test]
async fn ten_megabytes_are_refused_without_being_kept() {
    let house = House::open().await;
    let body = vec![b' '; 10 * 1024 * 1024];
    house.post(OPEN, &[], &body).await.is_problem(413, "BODY_TOO_LARGE");
}

#[tokio::test]
async fn an_endless_body_ends_at_the_limit() {
    let house = House::open().await;
    let mut stream = TcpStream::connect(house.address).await.expect("the door listens");
    let head = format!("POST /in/{OPEN} HTTP/1.1\r\nhost: door\r\ntransfer-encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("taken");
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x1_0000], b"\r\n"].concat();
    let mut chunks = 0;
    // Writing fails once the door no longer reads; should it read for ever, the count ends the test.
    while chunks < 1_000 && stream.write_all(&chunk).await.is_ok() {
        chunks += 1;
        if stream.try_read(&mut []).is_ok() && peeked(&stream).await {
            break;
        }
    }
    assert!(chunks < 1_000, "the door read 64 MiB");
    answer(&mut stream).await.is_problem(413, "BODY_TOO_LARGE");
}

/// Whether the answer has begun to arrive.
async fn peeked(stream: &TcpStream) -> bool {
    tokio::time::timeout(Duration::from_millis(1), stream.peek(&mut [0])).await.is_ok()
}

#[tokio::test]
async fn a_slow_sender_ends_408_and_a_vanished_one_disturbs_nobody() {
    let house = House::with(impatient(), Metrics::unread(), None).await;
    let mut slow = stalled(&house).await;
    drop(stalled(&house).await);
    answer(&mut slow).await.is_problem(408, "BODY_TOO_SLOW");
    assert_eq!(house.post(OPEN, &[], b"{}").await.status, 202);
}

#[tokio::test]
async fn a_broken_chunk_is_refused() {
    let house = House::open().await;
    let bytes = format!("POST /in/{OPEN} HTTP/1.1\r\nhost: door\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n");
    house.send(bytes.as_bytes()).await.is_problem(400, "BODY_INCOMPLETE");
}

#[tokio::test]
async fn two_hundred_slow_sockets_do_not_stop_good_traffic() {
    let house = House::open().await;
    let mut slow = Vec::new();
    for _ in 0..200 {
        slow.push(stalled(&house).await);
    }
    for _ in 0..100 {
        assert_eq!(house.post(OPEN, &[], b"{}").await.status, 202);
    }
    assert_eq!(house.messages().await.len(), 100);
    drop(slow);
}

#[tokio::test]
async fn duplicate_headers_and_an_oversized_head_do_no_harm() {
    let house = House::open().await;
    let twice = [("user-agent", "a"), ("user-agent", "b"), ("content-type", "a/b"), ("content-type", "c/d")];
    assert_eq!(house.post(OPEN, &twice, b"{}").await.status, 202);
    let two_lengths = format!(
        "POST /in/{OPEN} HTTP/1.1\r\nhost: door\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{{}}"
    );
    assert_eq!(house.send(two_lengths.as_bytes()).await.status, 400);
    let long = "a".repeat(100_000);
    assert_eq!(house.post(OPEN, &[("x-long", &long)], b"{}").await.status, 431);
}

#[tokio::test]
async fn a_peer_that_asks_and_never_reads_loses_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let options = ServeOptions {
        write_deadline: Duration::from_millis(200),
        head_deadline: Duration::from_secs(600),
        ..ServeOptions::default()
    };
    let router = Router::new().route("/", get(|| async { vec![b' '; 64 * 1024] }));
    let stop = CancellationToken::new();
    let served = serve(listener, router, options, Metrics::unread(), stop.clone());
    let mut stream = TcpStream::connect(address).await.expect("listening");
    let requests = b"GET / HTTP/1.1\r\nhost: door\r\n\r\n".repeat(1_000);
    let pipelined = async { while stream.write_all(&requests).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(30), pipelined).await.expect("the door gave up");
    stop.cancel();
    served.await.expect("ends");
}
