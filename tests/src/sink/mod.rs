//! A receiver of webhooks, as a customer would run one: it checks signatures, remembers what came in which order,
//! and answers as it is told.

mod reply;
mod signature;

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

pub use reply::Reply;

use crate::{eventually, listen::listen};

/// A receiver that listens until it is dropped.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    secret: String,
    shared: Arc<Mutex<Shared>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    received: Vec<Received>,
    ids: HashSet<String>,
    reply: Reply,
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as JSON.
    pub body: Value,
    /// Why its signature does not hold; none: it holds.
    pub unsigned: Option<String>,
}

impl Received {
    /// The delivery's id: `webhook-id`; empty where there is none.
    pub fn id(&self) -> &str {
        self.headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default()
    }

    /// The id of the message that it tells of.
    ///
    /// # Panics
    /// When there is none.
    pub fn message(&self) -> &str {
        self.body["data"]["message_id"].as_str().expect("a message id")
    }
}

impl Sink {
    /// Listens, and answers 200.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let secret = signature::new_secret();
        let shared = Arc::new(Mutex::new(Shared {
            received: Vec::new(),
            ids: HashSet::new(),
            reply: Reply::Status(200),
        }));
        let (key, taken) = (secret.clone(), Arc::clone(&shared));
        let task = tokio::spawn(listen(listener, move |request| {
            let (key, taken) = (key.clone(), Arc::clone(&taken));
            async move { take(request, &key, &taken).await.response().await }
        }));
        Self { address, secret, shared, task }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What senders sign with: `whsec_…`.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Answers like this from now on.
    ///
    /// # Panics
    /// Never, as long as the sink does not.
    pub fn answer(&self, reply: Reply) {
        self.shared.lock().expect("whole").reply = reply;
    }

    /// Everything that came, in order.
    ///
    /// # Panics
    /// Never, as long as the sink does not.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().expect("whole").received.clone()
    }

    /// How many deliveries came, however often each.
    ///
    /// # Panics
    /// Never, as long as the sink does not.
    pub fn deliveries(&self) -> usize {
        self.shared.lock().expect("whole").ids.len()
    }

    /// Waits until at least `count` requests came, and gives all.
    ///
    /// # Panics
    /// When they do not come, or one of them is not signed as it should be.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let received = eventually(format!("{count} requests reach the sink"), async || {
            let received = self.received();
            (received.len() >= count).then_some(received)
        });
        let received = received.await;
        for one in &received {
            assert_eq!(one.unsigned, None, "{:?}", one.headers);
        }
        received
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(request: Request<Incoming>, secret: &str, shared: &Mutex<Shared>) -> Reply {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        return Reply::Status(400);
    };
    let received = received(head.headers, &body, secret);
    let mut shared = shared.lock().expect("whole");
    shared.ids.insert(received.id().to_owned());
    shared.received.push(received);
    shared.reply.clone()
}

fn received(headers: HeaderMap, body: &Bytes, secret: &str) -> Received {
    let unsigned = signature::check(&headers, body, secret).err();
    Received { headers, body: serde_json::from_slice(body).unwrap_or_default(), unsigned }
}
