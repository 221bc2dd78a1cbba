//! Receivers and resolvers for the tests.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tributary_egress::{Egress, OutboundRequest, Policy, Resolve};

/// Long enough that only a hang reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A resolver that knows some names, each with a row of answers; the last one is repeated.
#[derive(Debug, Default)]
pub(crate) struct Names {
    answers: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    asked: AtomicUsize,
}

impl Names {
    /// Knows `host`, which gets one of `answers` at each look-up.
    pub(crate) fn one(host: &str, answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        let names = Self::default();
        names.answers.lock().unwrap().insert(host.to_owned(), answers.iter().map(parse).collect());
        Arc::new(names)
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut all = self.answers.lock().unwrap();
        let answers = all.get_mut(host).ok_or(io::ErrorKind::NotFound)?;
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        answer.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// A client that may reach `allow` besides the public addresses.
pub(crate) fn egress(allow: &[&str], resolver: Arc<dyn Resolve>) -> Egress {
    let allow = allow.iter().map(|subnet| subnet.parse().unwrap()).collect();
    Egress::new(Policy { allow, ..Policy::default() }, resolver).unwrap()
}

/// A client that may reach 127.0.0.0/8 and knows no names.
pub(crate) fn local() -> Egress {
    egress(&["127.0.0.0/8"], Arc::new(Names::default()))
}

/// A POST of `{}`.
pub(crate) fn post(url: impl Into<String>) -> OutboundRequest {
    OutboundRequest {
        method: Method::POST,
        url: url.into(),
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"{}"),
        deadline: PATIENCE,
    }
}

/// A receiver; it ends with the test's runtime.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Receiver {
    /// Hands every connection to `handle`.
    pub(crate) async fn start<F, R>(at: &str, handle: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + 'static,
        R: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(handle(stream));
            }
        });
        Self { address, connections }
    }

    /// Answers every request with `answer`, and keeps the connection.
    pub(crate) async fn answering(at: &str, answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::start(at, move |mut stream| {
            let answer = Arc::clone(&answer);
            async move {
                while !read_request(&mut stream).await?.is_empty() {
                    stream.write_all(&answer).await?;
                }
                Ok(())
            }
        })
        .await
    }

    /// How many connections were opened to it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Its plain URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }
}

/// The head and the body of a request as text; empty when the connection was closed instead.
pub(crate) async fn read_request(stream: &mut TcpStream) -> io::Result<String> {
    let mut seen = Vec::new();
    loop {
        if stream.read_buf(&mut seen).await? == 0 {
            return Ok(String::new());
        }
        let text = String::from_utf8_lossy(&seen).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return Ok(text);
        }
    }
}
