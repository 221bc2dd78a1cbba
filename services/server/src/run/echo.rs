//! A small receiver on loopback that says back what it got: where the quickstart's deliveries go.

use std::net::SocketAddr;

use axum::{
    Router,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::post,
};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// A running receiver; it ends with the process.
#[derive(Debug)]
pub(crate) struct Echo {
    address: SocketAddr,
    _task: JoinHandle<()>,
}

impl Echo {
    /// Starts a receiver on `port` of loopback, or on a free one.
    pub(crate) async fn start(port: u16) -> anyhow::Result<Self> {
        let listener = match TcpListener::bind(("127.0.0.1", port)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind(("127.0.0.1", 0)).await?,
        };
        let address = listener.local_addr()?;
        let router = Router::new().route("/echo", post(echo));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "the echo receiver ended");
            }
        });
        Ok(Self { address, _task: task })
    }

    /// Where it takes deliveries.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/echo", self.address)
    }
}

async fn echo(body: Bytes) -> impl IntoResponse {
    let (status, answer) = match serde_json::from_slice::<Value>(&body) {
        Ok(event) => (StatusCode::OK, json!({"received": event.pointer("/data/name"), "bytes": body.len()})),
        Err(_) => (StatusCode::BAD_REQUEST, json!({"error": "the body is not JSON"})),
    };
    (status, [(CONTENT_TYPE, "application/json")], answer.to_string())
}
