//! Requests that no decent client sends.

use std::{net::SocketAddr, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::Answer;

/// How long an answer may take.
const LONGEST: Duration = Duration::from_secs(60);

/// Posts `body`, however much of it is read, and reads the answer.
///
/// # Panics
/// When there is no whole answer.
pub async fn raw_post(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("the door listens");
    let mut head = format!("POST {path} HTTP/1.1\r\nhost: door\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).await.expect("the door reads the head");
    // It may answer and end before it was handed everything.
    let _ = stream.write_all(body).await;
    answer(&mut stream).await
}

/// Opens a request whose body never ends: up to `sent` bytes of it are there, and the connection is held.
///
/// # Panics
/// When the door does not listen.
pub async fn slow_body(address: SocketAddr, path: &str, sent: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the door listens");
    let head = format!("POST {path} HTTP/1.1\r\nhost: door\r\ncontent-length: {}\r\n\r\n", sent + 1);
    stream.write_all(head.as_bytes()).await.expect("the door reads the head");
    // A door that is full answers before it has read everything.
    let _ = stream.write_all(&vec![b' '; sent]).await;
    stream
}

async fn answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(LONGEST, stream.read_to_end(&mut bytes)).await;
    read.expect("an answer in time").expect("the answer is not cut off");
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let status = status.and_then(|code| StatusCode::from_u16(code).ok()).expect("a status");
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        headers.append(name, HeaderValue::from_str(value).expect("a header's value"));
    }
    Answer { status, headers, body: body.to_owned() }
}
