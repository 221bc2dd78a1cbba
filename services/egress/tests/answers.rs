//! What comes back, from receivers that behave and from those that do not.

mod common;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use common::{PATIENCE, Receiver, local, post, read_request};
use http::{HeaderMap, HeaderValue, Method};
use tokio::{
    io::AsyncWriteExt,
    sync::mpsc,
    time::{Instant, interval},
};
use tributary_egress::{EgressErrorKind, OutboundRequest};

const SOON: Duration = Duration::from_millis(150);
const CAP: usize = 256 * 1_024;

#[tokio::test]
async fn a_request_arrives_as_it_was_given_and_nothing_is_added_but_the_transport() {
    let (sent, mut seen) = mpsc::unbounded_channel();
    let receiver = Receiver::start("127.0.0.1:0", move |mut stream| {
        let sent = sent.clone();
        async move {
            sent.send(read_request(&mut stream).await?).ok();
            stream.write_all(b"HTTP/1.1 202 Accepted\r\nx-a: b\r\ncontent-length: 3\r\n\r\nyes").await
        }
    })
    .await;
    let mut headers = HeaderMap::new();
    headers.insert("x-team", HeaderValue::from_static("ops"));
    let url = format!("http://{}/a%20b?c=d&e#f", receiver.address);
    let body = Bytes::from_static(b"{\"n\":1}");
    let answer =
        local().send(OutboundRequest { method: Method::PUT, url, headers, body, deadline: PATIENCE }).await;
    let answer = answer.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_ref(), answer.truncated), (202, &b"yes"[..], false));
    assert_eq!(answer.headers["x-a"], "b");
    let (head, body) = seen.recv().await.map(|text| text.split_once("\r\n\r\n").map(own)).unwrap().unwrap();
    let mut lines: Vec<_> = head.lines().collect();
    lines[1..].sort_unstable();
    let host = format!("host: {}", receiver.address);
    let agent = format!("user-agent: tributary/{}", env!("CARGO_PKG_VERSION"));
    let expected = [
        "put /a%20b?c=d&e http/1.1",
        "accept-encoding: identity",
        "content-length: 7",
        &host,
        &agent,
        "x-team: ops",
    ];
    assert_eq!((lines.as_slice(), body.as_str()), (expected.as_slice(), "{\"n\":1}"));
}

fn own((head, body): (&str, &str)) -> (String, String) {
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let target = Receiver::answering("127.0.0.1:0", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    for status in [301, 302, 303, 307, 308] {
        let answer =
            format!("HTTP/1.1 {status} Moved\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", target.url());
        let receiver = Receiver::answering("127.0.0.1:0", answer).await;
        assert_eq!(local().send(post(receiver.url())).await.unwrap().status.as_u16(), status);
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn a_body_is_kept_up_to_the_cap() {
    for (length, truncated) in [(0, false), (CAP - 1, false), (CAP, false), (CAP + 1, true), (1 << 20, true)]
    {
        let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").into_bytes();
        answer.resize(answer.len() + length, b'x');
        let receiver = Receiver::answering("127.0.0.1:0", answer).await;
        let answer = local().send(post(receiver.url())).await.unwrap();
        assert_eq!((answer.body.len(), answer.truncated), (length.min(CAP), truncated));
    }
}

#[tokio::test]
async fn an_endless_body_is_left_at_the_cap() {
    let receiver = Receiver::start("127.0.0.1:0", |mut stream| async move {
        read_request(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
        loop {
            stream.write_all(b"4\r\nmore\r\n").await?;
        }
    })
    .await;
    let answer = local().send(post(receiver.url())).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.len(), answer.truncated), (200, CAP, true));
}

#[tokio::test]
async fn a_body_that_drips_ends_with_the_deadline() {
    let receiver = Receiver::start("127.0.0.1:0", |mut stream| async move {
        read_request(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await?;
        let mut pace = interval(Duration::from_millis(10));
        loop {
            pace.tick().await;
            stream.write_all(b"x").await?;
        }
    })
    .await;
    let started = Instant::now();
    let answer = local().send(OutboundRequest { deadline: SOON, ..post(receiver.url()) }).await.unwrap();
    assert!(answer.truncated && !answer.body.is_empty() && answer.body.len() < 1_000);
    assert!(started.elapsed() >= SOON && started.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_receiver_that_hangs_is_a_time_out() {
    for beginning in ["", "HTTP/1.1 200 OK\r\nx-a: "] {
        let receiver = Receiver::start("127.0.0.1:0", move |mut stream| async move {
            read_request(&mut stream).await?;
            stream.write_all(beginning.as_bytes()).await?;
            std::future::pending().await
        })
        .await;
        let error =
            local().send(OutboundRequest { deadline: SOON, ..post(receiver.url()) }).await.unwrap_err();
        assert_eq!(error.kind(), EgressErrorKind::Timeout, "{error}");
        assert!(error.to_string().contains("150ms"), "{error}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_truncated() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
    let receiver = Receiver::start("127.0.0.1:0", move |mut stream| async move {
        read_request(&mut stream).await?;
        stream.write_all(answer.as_bytes()).await
    })
    .await;
    let answer = local().send(post(receiver.url())).await.unwrap();
    assert_eq!((answer.body.as_ref(), answer.truncated), (&b"half"[..], true));
}

#[tokio::test]
async fn what_is_no_answer_is_said_to_be_none() {
    let huge = format!("HTTP/1.1 200 OK\r\nx-a: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x-a: b\r\n".repeat(5_000));
    let cases = [
        (huge, EgressErrorKind::InvalidResponse),
        (many, EgressErrorKind::InvalidResponse),
        ("SSH-2.0-OpenSSH_9.6\r\n\r\n".to_owned(), EgressErrorKind::InvalidResponse),
        ("HTTP/1.1 200 OK\r\nx-a".to_owned(), EgressErrorKind::Broken),
        (String::new(), EgressErrorKind::Broken),
    ];
    for (answer, kind) in cases {
        let answer = Arc::new(answer);
        let receiver = Receiver::start("127.0.0.1:0", move |mut stream| {
            let answer = Arc::clone(&answer);
            async move {
                read_request(&mut stream).await?;
                stream.write_all(answer.as_bytes()).await
            }
        })
        .await;
        let error = local().send(post(receiver.url())).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[tokio::test]
async fn content_codings_are_not_undone() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00";
    let receiver = Receiver::answering("127.0.0.1:0", answer.to_vec()).await;
    assert_eq!(local().send(post(receiver.url())).await.unwrap().body.as_ref(), b"\x1f\x8b\x08\x00");
}

#[tokio::test]
async fn connections_are_kept_and_shared_by_clones() {
    let receiver = Receiver::answering("127.0.0.1:0", "HTTP/1.1 204 No Content\r\n\r\n").await;
    let egress = local();
    for _ in 0..200 {
        assert_eq!(egress.clone().send(post(receiver.url())).await.unwrap().status, 204);
    }
    assert_eq!(receiver.connections(), 1);
}
