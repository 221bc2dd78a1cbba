//! Posting over HTTP, and what comes back.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tributary_tls::TlsClient;

use super::letter::Signed;
use crate::cli::failure;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// An answer's body is short; more is not read.
const MAX_ANSWER: usize = 64 * 1024;

/// Posts to one webhook URL.
#[derive(Debug)]
pub(in crate::cli) struct Poster {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Uri,
}

/// What became of one post.
#[derive(Debug)]
pub(in crate::cli) struct Answer {
    /// The HTTP status; none when nothing was answered.
    pub(in crate::cli) status: Option<u16>,
    /// The message's id, or what was wrong.
    pub(in crate::cli) outcome: Result<String, String>,
    /// How long it took.
    pub(in crate::cli) took: Duration,
}

impl Poster {
    /// A poster for this URL, which trusts its server in the way of `tls` where it begins with `https`.
    ///
    /// # Errors
    /// When it is none, or not of `http` or `https`.
    pub(in crate::cli) fn new(url: &str, tls: &TlsClient) -> anyhow::Result<Self> {
        let url: Uri = url.parse().context("the webhook URL is no URL")?;
        if !matches!(url.scheme_str(), Some("http" | "https")) {
            bail!("the webhook URL has to begin with http:// or https://");
        }
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls.config());
        let connector = connector.https_or_http().enable_http1().wrap_connector(tcp);
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector), url })
    }

    /// Posts one body.
    pub(in crate::cli) async fn post(&self, signed: Signed) -> Answer {
        let start = Instant::now();
        let answered = tokio::time::timeout(PATIENCE, self.exchange(signed)).await;
        let (status, outcome) = match answered {
            Ok(Ok((status, body))) => (Some(status), read(status, &body)),
            Ok(Err(error)) => (None, Err(failure::line(&error))),
            Err(_) => (None, Err("no answer within 30 s".to_owned())),
        };
        Answer { status, outcome, took: start.elapsed() }
    }

    async fn exchange(&self, signed: Signed) -> anyhow::Result<(u16, Bytes)> {
        let mut request = Request::builder().method(Method::POST).uri(&self.url);
        for (name, value) in signed.headers {
            request = request.header(name, value);
        }
        let answered = self.client.request(request.body(Full::new(signed.body))?).await;
        let response = answered.map_err(|error| self.unanswered(error))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?;
        Ok((status, body.to_bytes()))
    }

    /// Why there is no answer. The path is not told: it is as good as a password.
    fn unanswered(&self, error: legacy::Error) -> anyhow::Error {
        let place = self.url.authority().map_or("", |authority| authority.as_str());
        let is_connect = error.is_connect();
        let error = anyhow::Error::new(error);
        if is_connect {
            error.context(format!("no server answers at {place}: start it, or say where it is with --url"))
        } else {
            error.context(format!("{place} took the request and did not answer"))
        }
    }
}

/// The message's id of a good answer, the detail of another.
fn read(status: u16, body: &[u8]) -> Result<String, String> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    match text("message_id") {
        Some(message) if (200..300).contains(&status) => Ok(message),
        _ => Err(text("detail")
            .or_else(|| text("title"))
            .unwrap_or_else(|| "not an answer of a webhook URL".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use tributary_tls::Protocol;

    use super::*;

    #[test]
    fn answers_are_read() {
        assert_eq!(read(202, br#"{"message_id":"msg_1"}"#), Ok("msg_1".to_owned()));
        assert_eq!(read(401, br#"{"title":"t","detail":"why"}"#), Err("why".to_owned()));
        assert!(read(200, b"<html>").is_err(), "some other server");
    }

    #[test]
    fn only_http_is_posted_to() {
        let tls = TlsClient::well_known(Protocol::Http1).unwrap();
        for url in ["http://127.0.0.1:8080/in/x", "https://in.example.com/in/x"] {
            assert!(Poster::new(url, &tls).is_ok(), "{url}");
        }
        for url in ["/in/x", "ftp://x/y", "http://"] {
            assert!(Poster::new(url, &tls).is_err(), "{url}");
        }
    }
}
