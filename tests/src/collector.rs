//! A collector of OTLP over gRPC that keeps every byte that was exported.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full, combinators::WithTrailers};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span};
use prost::Message;
use tokio::{net::TcpListener, task::JoinHandle};

/// Bytes before a message of gRPC: whether it is compressed, and its length.
const FRAME: usize = 5;

/// A collector that listens until it is dropped.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    exported: Arc<Mutex<Vec<(String, Bytes)>>>,
    task: JoinHandle<()>,
}

impl Collector {
    /// Listens.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let exported = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(listen(listener, Arc::clone(&exported)));
        Self { address, exported, task }
    }

    /// What to configure as the endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that was exported, headers and messages, as text where it is text.
    ///
    /// # Panics
    /// Never, as long as the collector does not.
    pub fn text(&self) -> String {
        let exported = self.exported.lock().expect("whole");
        let texts =
            exported.iter().map(|(head, body)| format!("{head}\n{}\n", String::from_utf8_lossy(body)));
        texts.collect()
    }

    /// Every span that was exported.
    ///
    /// # Panics
    /// When something that was sent as spans is none.
    pub fn spans(&self) -> Vec<Span> {
        let exported = self.exported.lock().expect("whole");
        let requests = exported.iter().filter(|(head, _)| head.contains("TraceService"));
        let requests = requests.map(|(_, body)| {
            let message = body.get(FRAME..).expect("a frame");
            ExportTraceServiceRequest::decode(message).expect("spans")
        });
        let scopes = requests.flat_map(|request| request.resource_spans).flat_map(|each| each.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listener: TcpListener, exported: Arc<Mutex<Vec<(String, Bytes)>>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let exported = Arc::clone(&exported);
        let service = service_fn(move |request| keep(request, Arc::clone(&exported)));
        tokio::spawn(
            http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service),
        );
    }
}

type Trailers = std::future::Ready<Option<Result<HeaderMap, Infallible>>>;

async fn keep(
    request: Request<Incoming>,
    exported: Arc<Mutex<Vec<(String, Bytes)>>>,
) -> Result<Response<WithTrailers<Full<Bytes>, Trailers>>, Infallible> {
    let (head, body) = request.into_parts();
    if let Ok(body) = body.collect().await {
        let head = format!("{} {:?}", head.uri, head.headers);
        exported.lock().expect("whole").push((head, body.to_bytes()));
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    let empty = Full::new(Bytes::from_static(&[0; FRAME]));
    let mut response = Response::new(empty.with_trailers(std::future::ready(Some(Ok(trailers)))));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/grpc"));
    Ok(response)
}
