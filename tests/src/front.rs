//! A proxy in front of the server, as where a tag is served from the client's own domain.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::{
    eventually,
    web::{Reply, listen},
};

/// The host that browsers know it by.
const HOST: &str = "t.shop.test";

/// A proxy that is up until it is dropped.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    /// Where it passes requests on to.
    server: SocketAddr,
    /// What it answers to what is collected, in place of the server.
    instead: Option<StatusCode>,
    collected: Vec<Collected>,
}

/// A request that a tag sent.
#[derive(Debug, Clone)]
pub struct Collected {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Value,
    /// What it was answered with.
    pub status: StatusCode,
}

impl Front {
    /// Puts a proxy before `server`.
    pub async fn start(server: SocketAddr) -> Self {
        let shared = Arc::new(Mutex::new(Shared { server, instead: None, collected: Vec::new() }));
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        let of_proxy = Arc::clone(&shared);
        let passing = move |request| pass(request, Arc::clone(&of_proxy), client.clone());
        let (address, task) = listen(passing).await;
        Self { address, shared, task }
    }

    /// Where it is, as browsers say it.
    pub fn origin(&self) -> String {
        format!("http://{HOST}:{}", self.address.port())
    }

    /// Answers what is collected with this status, and passes nothing on; with none, it does so again.
    ///
    /// # Panics
    /// Never, as long as the proxy does not.
    pub fn answer(&self, status: Option<u16>) {
        let status = status.map(|status| StatusCode::from_u16(status).expect("a status"));
        self.shared.lock().expect("whole").instead = status;
    }

    /// Everything that tags sent.
    ///
    /// # Panics
    /// Never, as long as the proxy does not.
    pub fn collected(&self) -> Vec<Collected> {
        self.shared.lock().expect("whole").collected.clone()
    }

    /// Every event that was sent and taken, in order; one that was sent again comes again.
    pub fn events(&self) -> Vec<Value> {
        let taken = self.collected().into_iter().filter(|one| one.status.is_success());
        taken.flat_map(|one| one.body["batch"].as_array().cloned().unwrap_or_default()).collect()
    }

    /// Waits for the first event of this type and, unless it is empty, this name.
    ///
    /// # Panics
    /// When none comes.
    pub async fn event(&self, kind: &str, name: &str) -> Value {
        let is_it = |event: &Value| event["type"] == kind && (name.is_empty() || event["name"] == name);
        eventually(format!("the tag sends {kind} {name}"), async || self.events().into_iter().find(is_it))
            .await
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(
    request: Request<Incoming>,
    shared: Arc<Mutex<Shared>>,
    client: Client<HttpConnector, Full<Bytes>>,
) -> Reply {
    let (mut head, body) = request.into_parts();
    let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        return status(StatusCode::BAD_REQUEST);
    };
    let (server, instead) = {
        let shared = shared.lock().expect("whole");
        (shared.server, shared.instead)
    };
    let collects = head.method == Method::POST && head.uri.path().starts_with("/collect/");
    let headers = head.headers.clone();
    let answer = match instead.filter(|_| collects) {
        Some(code) => allowed(&headers, status(code)),
        None => {
            let path = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
            head.uri = format!("http://{server}{path}").parse().expect("an address");
            let answer = client.request(Request::from_parts(head, Full::new(body.clone()))).await;
            whole(answer.ok()).await
        }
    };
    if collects {
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let collected = Collected { headers, body, status: answer.status() };
        shared.lock().expect("whole").collected.push(collected);
    }
    answer
}

async fn whole(answer: Option<Response<Incoming>>) -> Reply {
    let Some(answer) = answer else { return status(StatusCode::BAD_GATEWAY) };
    let (head, body) = answer.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    Response::from_parts(head, Full::new(body))
}

fn status(code: StatusCode) -> Reply {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = code;
    answer
}

/// Lets the page that asks read the answer.
fn allowed(headers: &HeaderMap, mut answer: Reply) -> Reply {
    if let Some(origin) = headers.get("origin") {
        let answers = answer.headers_mut();
        answers.insert("access-control-allow-origin", origin.clone());
        answers.insert("access-control-allow-credentials", "true".parse().expect("a value"));
    }
    answer
}
