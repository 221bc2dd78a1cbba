//! The platforms that events are forwarded to, as far as their documentation says what they take: each refuses what the
//! real one would, in its own words.

mod ga4;
mod google;
mod hubspot;
mod klaviyo;
mod linkedin;
mod meta;
mod rules;
mod slack;
mod storm;
mod tiktok;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

pub use self::storm::{Fault, RENEWED, Seen, Storm, Told};
use crate::eventually;

pub use google::{CLIENT_ID, Google, Grants, service_account};

/// The credential that all of them take.
pub const CREDENTIAL: &str = "credential-of-a-test";
/// The dataset, pixel or stream that is there; for Google it is `G-1234567890`.
pub const ACCOUNT: &str = "1234567890";

/// All platforms on one port, until it is dropped.
#[derive(Debug)]
pub struct Platforms {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
    google: Google,
    task: JoinHandle<()>,
}

/// A request that came, and what was answered.
#[derive(Debug, Clone)]
pub struct Call {
    /// Which platform it was for, such as `meta`; empty: none is there.
    pub platform: &'static str,
    /// Its path.
    pub path: String,
    /// Its body as JSON; null where it is none.
    pub body: Value,
    /// The status that was answered.
    pub status: u16,
    /// What is wrong with it; empty: nothing.
    pub wrong: String,
}

/// A request, read.
struct Asked {
    method: Method,
    path: String,
    query: BTreeMap<String, String>,
    headers: HeaderMap,
    body: Value,
    /// What a form has.
    form: BTreeMap<String, String>,
}

/// What is answered, and what is wrong, which a platform does not always say.
struct Answer {
    status: u16,
    body: String,
    wrong: String,
}

impl Asked {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Answer {
    fn fine(status: u16, body: &Value) -> Self {
        Self {
            status,
            body: if body.is_null() { String::new() } else { body.to_string() },
            wrong: String::new(),
        }
    }

    fn wrong(status: u16, body: &Value, wrong: impl Into<String>) -> Self {
        Self { wrong: wrong.into(), ..Self::fine(status, body) }
    }
}

impl Platforms {
    /// Listens.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let calls = Arc::new(Mutex::new(Vec::new()));
        let google = Google::default();
        let task = tokio::spawn(listen(listener, Arc::clone(&calls), google.clone()));
        Self { address, calls, google, task }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Google, whose token server can be told what to do.
    pub fn google(&self) -> &Google {
        &self.google
    }

    /// What came for a platform, in order.
    ///
    /// # Panics
    /// Never, as long as the server does not.
    pub fn calls(&self, platform: &str) -> Vec<Call> {
        let calls = self.calls.lock().expect("whole");
        calls.iter().filter(|call| call.platform == platform).cloned().collect()
    }

    /// Waits until this many requests came for a platform that it took, and gives them.
    ///
    /// # Panics
    /// When they do not come.
    pub async fn taken(&self, platform: &str, count: usize) -> Vec<Call> {
        eventually(format!("{platform} takes {count} requests"), async || {
            let mut calls = self.calls(platform);
            calls.retain(|call| call.wrong.is_empty());
            (calls.len() >= count).then_some(calls)
        })
        .await
    }
}

impl Drop for Platforms {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listener: TcpListener, calls: Arc<Mutex<Vec<Call>>>, google: Google) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (calls, google) = (Arc::clone(&calls), google.clone());
        let service = service_fn(move |request| {
            let (calls, google) = (Arc::clone(&calls), google.clone());
            async move { Ok::<_, Infallible>(take(request, &calls, &google).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn take(
    request: Request<Incoming>,
    calls: &Mutex<Vec<Call>>,
    google: &Google,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let asked = Asked {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: pairs(head.uri.query().unwrap_or_default()),
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
        form: url::form_urlencoded::parse(&body).into_owned().collect(),
    };
    let (platform, answer) = route(&asked, google);
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = StatusCode::from_u16(answer.status).expect("a status");
    calls.lock().expect("whole").push(Call {
        platform,
        path: asked.path,
        body: asked.body,
        status: answer.status,
        wrong: answer.wrong,
    });
    response
}

/// The names and values of a query.
fn pairs(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn route(asked: &Asked, google: &Google) -> (&'static str, Answer) {
    if asked.method != Method::POST {
        return ("", Answer::wrong(405, &Value::Null, "nothing but POST is taken"));
    }
    match asked.path.as_str() {
        path if path.starts_with('/') && path.ends_with("/events") && path.starts_with("/v") => {
            ("meta", meta::answer(asked))
        }
        "/token" => ("google_tokens", google::tokens(asked, google)),
        "/v1/events:ingest" => ("google_ads", google::events(asked, google)),
        "/mp/collect" | "/debug/mp/collect" => ("ga4", ga4::answer(asked)),
        path if path.starts_with("/open_api/") => ("tiktok", tiktok::answer(asked)),
        "/rest/conversionEvents" => ("linkedin", linkedin::answer(asked)),
        path if path.starts_with("/api/") => ("klaviyo", klaviyo::answer(asked)),
        path if path.starts_with("/crm/") => ("hubspot", hubspot::answer(asked)),
        path if path.starts_with("/services/") => ("slack", slack::answer(asked)),
        _ => ("", Answer::wrong(404, &Value::Null, "there is nothing")),
    }
}
