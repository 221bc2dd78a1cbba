//! Sending webhooks.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

use crate::{Server, Source, calendly_signature, now_seconds};

/// How long an answer may take.
const LONGEST: Duration = Duration::from_secs(60);

/// A client that keeps its connections.
#[derive(Debug, Clone)]
pub(crate) struct Door(Client<HttpConnector, Full<Bytes>>);

impl Default for Door {
    fn default() -> Self {
        Self(Client::builder(TokioExecutor::new()).build(HttpConnector::new()))
    }
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The id of the message that was accepted.
    ///
    /// # Panics
    /// When it was not.
    #[track_caller]
    pub fn accepted(&self) -> String {
        assert_eq!(self.status, StatusCode::ACCEPTED, "{self:?}");
        self.json()["message_id"].as_str().map(str::to_owned).unwrap_or_else(|| panic!("no id: {self:?}"))
    }

    /// The status and the stable reason of a refusal.
    ///
    /// # Panics
    /// When it is none, or not told as a problem.
    #[track_caller]
    pub fn refused(&self) -> (u16, String) {
        let kind = self.headers.get("content-type").map(|value| value.as_bytes());
        assert_eq!(kind, Some(&b"application/problem+json"[..]), "{self:?}");
        let reason = self.json()["reason"].as_str().map(str::to_owned);
        (self.status.as_u16(), reason.unwrap_or_else(|| panic!("no reason: {self:?}")))
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

impl Server {
    /// Posts `body` to `source` as its sender would: signed, where the source has a key.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn post(&self, source: &Source, body: impl Into<Bytes>) -> Answer {
        self.try_post_signed(source, body).await.expect("the door answers")
    }

    /// As [`Server::post`]; nothing when there was no whole answer.
    pub async fn try_post_signed(&self, source: &Source, body: impl Into<Bytes>) -> Option<Answer> {
        let body = body.into();
        let signature = source.key.as_ref().map(|key| calendly_signature(key, now_seconds(), &body));
        let headers: Vec<(&str, &str)> =
            signature.iter().map(|signature| ("calendly-webhook-signature", signature.as_str())).collect();
        self.try_post(source, &headers, body).await
    }

    /// Posts `body` with exactly these headers.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn post_with(
        &self,
        source: &Source,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        self.try_post(source, headers, body).await.expect("the door answers")
    }

    /// Posts `body`; nothing when there was no whole answer, as when the process ended meanwhile.
    pub async fn try_post(
        &self,
        source: &Source,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Option<Answer> {
        self.door.send(webhook(self.http(), &source.path, headers, body.into())).await
    }

    /// Fetches `path` of the listener for health and metrics.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn operations_page(&self, path: &str) -> Answer {
        let request = Request::get(format!("http://{}{path}", self.operations())).body(Full::default());
        self.door.send(request.expect("a request")).await.expect("the listener answers")
    }
}

impl Door {
    /// Sends a request; nothing when there was no whole answer.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Option<Answer> {
        let answer = tokio::time::timeout(LONGEST, self.0.request(request)).await.ok()?.ok()?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Some(Answer { status: head.status, headers: head.headers, body })
    }
}

/// A webhook as a request.
pub(crate) fn webhook(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Request<Full<Bytes>> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{address}{path}"))
        .header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body)).expect("a request")
}
