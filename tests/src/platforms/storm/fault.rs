//! The ways in which a platform misbehaves.

use std::io;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{order::orders, wire};
use crate::platforms::{Answer, Asked};

/// What stands before a platform says when the platform is gone.
const PAGE: &str = "<html><head><title>Sorry</title></head><body>We will be back soon.</body></html>";
/// So much more than it has a cut answer promises, in bytes.
const MISSING: usize = 1_000;

/// A way in which a platform misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It reads the request and says nothing.
    Hang,
    /// It reads the request and resets the connection.
    Reset,
    /// This status, and a page for people.
    Down(u16),
    /// 429; how many seconds to wait, where it says.
    Busy(Option<u32>),
    /// It takes some events of a request, if that has several, and says of each what became of it. Only platforms that
    /// answer so do this; others are down.
    Partial,
    /// 200, and a page for people instead of an answer: it took nothing. Only platforms whose answers say what they took do
    /// this; others are down.
    Page,
    /// It takes the events, and its answer ends before its end.
    Cut,
    /// It takes the events, and its answer never ends.
    Endless,
    /// The head of its answer never ends.
    EndlessHead,
    /// What it says is no HTTP.
    Noise,
}

impl Fault {
    /// One of them, by a random number.
    pub(super) fn any(number: u64) -> Self {
        let other = number / 16;
        match number % 16 {
            0 => Self::Hang,
            1 | 2 => Self::Reset,
            3..=5 => Self::Down([500, 502, 503, 504][(other % 4) as usize]),
            6 => Self::Busy(None),
            7 | 8 => Self::Busy(Some([3_600, 18_000][(other % 2) as usize])),
            9 | 10 => Self::Partial,
            11 => Self::Page,
            12 => Self::Cut,
            13 => Self::Endless,
            14 => Self::EndlessHead,
            _ => Self::Noise,
        }
    }

    /// The same, where this platform can misbehave so.
    pub(super) fn at(self, platform: &str) -> Self {
        let can = match self {
            Self::Partial => ["tiktok", "linkedin", "hubspot"].contains(&platform),
            Self::Page => ["meta", "tiktok", "linkedin", "hubspot"].contains(&platform),
            _ => true,
        };
        if can { self } else { Self::Down(503) }
    }

    /// Whether events are taken; `coin` decides where nobody can tell.
    pub(super) fn takes(self, coin: bool) -> bool {
        match self {
            Self::Cut | Self::Endless => true,
            Self::Down(_) | Self::Busy(_) | Self::Page | Self::Partial => false,
            Self::Hang | Self::Reset | Self::EndlessHead | Self::Noise => coin,
        }
    }

    /// Answers like this, where `answer` would be right. Says whether the connection goes on.
    ///
    /// # Errors
    /// When the connection breaks.
    pub(super) async fn play(self, stream: &mut TcpStream, answer: &Answer) -> io::Result<bool> {
        let page = |status| Answer { status, body: PAGE.to_owned(), wrong: String::new() };
        match self {
            Self::Hang => {
                while stream.read(&mut [0; 64]).await? > 0 {}
                return Ok(false);
            }
            Self::Reset => {
                stream.set_zero_linger()?;
                return Ok(false);
            }
            Self::Down(status) => wire::write(stream, &page(status), "content-type: text/html\r\n").await?,
            Self::Busy(after) => {
                let after = after.map(|seconds| format!("retry-after: {seconds}\r\n")).unwrap_or_default();
                wire::write(stream, &page(429), &after).await?;
            }
            Self::Page => wire::write(stream, &page(200), "content-type: text/html\r\n").await?,
            Self::Partial => wire::write(stream, answer, "content-type: application/json\r\n").await?,
            Self::Cut => {
                let length = answer.body.len() + MISSING;
                let head = format!("HTTP/1.1 200 -\r\ncontent-length: {length}\r\n\r\n");
                let half = &answer.body.as_bytes()[..answer.body.len() / 2];
                stream.write_all(&[head.as_bytes(), half].concat()).await?;
                return Ok(false);
            }
            Self::Endless => {
                stream.write_all(b"HTTP/1.1 200 -\r\ntransfer-encoding: chunked\r\n\r\n").await?;
                let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
                loop {
                    stream.write_all(chunk.as_bytes()).await?;
                }
            }
            Self::EndlessHead => {
                stream.write_all(b"HTTP/1.1 200 -\r\n").await?;
                let line = format!("x-more: {}\r\n", "x".repeat(1_000));
                loop {
                    stream.write_all(line.as_bytes()).await?;
                }
            }
            Self::Noise => {
                stream.write_all(b"220 mail.example ESMTP ready\r\n").await?;
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What a platform answers that takes some of a request's events, and cannot take those of the orders in `refused` now.
pub(super) fn partial(platform: &str, asked: &Asked, refused: &[u32]) -> Answer {
    let is_refused = |item: &Value| orders(item).iter().any(|order| refused.contains(order));
    let of = |name: &str| asked.body[name].as_array().cloned().unwrap_or_default();
    let (status, body) = match platform {
        "linkedin" => {
            let elements = of("elements");
            let told = elements.iter().map(|element| {
                if is_refused(element) {
                    json!({"status": 429, "error": {"code": "TOO_MANY_REQUESTS", "message": "later"}})
                } else {
                    json!({"status": 201})
                }
            });
            (200, json!({"elements": told.collect::<Vec<_>>()}))
        }
        "hubspot" => {
            let (not, taken): (Vec<Value>, Vec<Value>) = of("inputs").into_iter().partition(is_refused);
            let results: Vec<Value> =
                taken.iter().map(|input| json!({"id": "1", "properties": input["properties"]})).collect();
            let error = |input: &Value| {
                let context = json!({"ids": [input["id"]]});
                json!({"status": "error", "category": "RATE_LIMITS", "message": "later", "context": context})
            };
            let errors: Vec<Value> = not.iter().map(error).collect();
            (207, json!({"status": "COMPLETE", "results": results, "errors": errors}))
        }
        // The code is that of the whole request.
        _ => (200, json!({"code": 50_000, "message": "system error", "request_id": "1", "data": {}})),
    };
    Answer::fine(status, &body)
}
