//! A double of Calendly's pages: a visitor books there, and it tells the server, signed as Calendly signs.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use http::{Method, Request};
use hyper::body::Incoming;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

use crate::{
    Booking, Source, calendly_signature, now_seconds,
    post::{Door, webhook},
    web::{Reply, connection, html},
};

/// The host of Calendly's pages.
pub const CALENDLY: &str = "calendly.com";

/// A scheduler that is up until it is dropped.
#[derive(Debug)]
pub struct Scheduler {
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// Whom a booking is told.
struct Subscription {
    server: SocketAddr,
    path: String,
    key: String,
    email: String,
    bookings: AtomicU32,
    door: Door,
}

impl Scheduler {
    /// Its pages take bookings of `email`, and tell `source` at `server` of them.
    ///
    /// # Panics
    /// When the source's sender does not sign.
    pub async fn start(server: SocketAddr, source: &Source, email: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(vec![CALENDLY.to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a certificate with its key");
        let tls = TlsAcceptor::from(Arc::new(tls));
        let subscription = Arc::new(Subscription {
            server,
            path: source.path.clone(),
            key: source.key.clone().expect("a signing key"),
            email: email.to_owned(),
            bookings: AtomicU32::new(1),
            door: Door::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let (tls, subscription) = (tls.clone(), Arc::clone(&subscription));
                tokio::spawn(async move {
                    let Ok(stream) = tls.accept(stream).await else { return };
                    connection(stream, move |request| answer(request, Arc::clone(&subscription))).await;
                });
            }
        });
        Self { address, task }
    }

    /// Where it is, for a browser that is to find Calendly there.
    pub fn place(&self) -> (&'static str, SocketAddr) {
        (CALENDLY, self.address)
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A form that books with the parameters that its page was opened with; and what becomes of it.
async fn answer(request: Request<Incoming>, subscription: Arc<Subscription>) -> Reply {
    let query = request.uri().query().unwrap_or_default().to_owned();
    if request.method() == Method::POST {
        return html(format!("<p id=booked>{}</p>", subscription.book(&query).await));
    }
    // As an attribute's value; nothing else in an address needs it.
    let query = query.replace('&', "&amp;").replace('"', "&quot;");
    html(format!("<form method=post action=\"/book?{query}\"><button id=book>Schedule event</button></form>"))
}

impl Subscription {
    /// Tells of a booking; the id of the message that the server makes of it.
    async fn book(&self, query: &str) -> String {
        let mut booking = Booking::new(self.bookings.fetch_add(1, Ordering::Relaxed)).email(&self.email);
        for pair in query.split('&').filter(|pair| pair.starts_with("utm_")) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            booking = booking.with(&format!("/payload/tracking/{name}"), json!(value));
        }
        let body = booking.body();
        let signature = calendly_signature(&self.key, now_seconds(), &body);
        let headers = [("calendly-webhook-signature", signature.as_str())];
        let sent = webhook(self.server, &self.path, &headers, body.into());
        self.door.send(sent).await.expect("the door answers").accepted()
    }
}
