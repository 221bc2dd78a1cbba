//! HTTP as it comes and goes over a socket, so that it can be answered in every wrong way too.

use std::io;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::platforms::{Answer, Asked, pairs};

/// The first byte of a TLS connection.
const HANDSHAKE: u8 = 0x16;

/// Whether the other side wants to speak TLS.
pub(super) async fn is_tls(stream: &TcpStream) -> bool {
    let mut first = [0];
    matches!(stream.peek(&mut first).await, Ok(1) if first[0] == HANDSHAKE)
}

/// The next request of a connection; nothing at its end. `buffer` keeps what was read of the one after.
///
/// # Errors
/// When the connection breaks.
pub(super) async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Asked>> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let method = first.next().and_then(|word| word.parse().ok()).unwrap_or(Method::OPTIONS);
    let target = first.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = lines.filter_map(header).collect::<HeaderMap>();
    let length = headers.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    let whole = end + 4 + length.unwrap_or(0);
    while buffer.len() < whole {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let bytes = &buffer[end + 4..whole];
    let body = serde_json::from_slice(bytes).unwrap_or_default();
    let form = url::form_urlencoded::parse(bytes).into_owned().collect();
    let asked = Asked { method, path: path.to_owned(), query: pairs(query), headers, body, form };
    buffer.drain(..whole);
    Ok(Some(asked))
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    Some((name.parse().ok()?, value.trim().parse().ok()?))
}

/// Answers as one should.
///
/// # Errors
/// When the connection breaks.
pub(super) async fn write(stream: &mut TcpStream, answer: &Answer, headers: &str) -> io::Result<()> {
    let (status, length) = (answer.status, answer.body.len());
    // A 204 has no length.
    let length = if status == 204 { String::new() } else { format!("content-length: {length}\r\n") };
    let head = format!("HTTP/1.1 {status} -\r\n{length}{headers}\r\n");
    stream.write_all([head.as_bytes(), answer.body.as_bytes()].concat().as_slice()).await
}
