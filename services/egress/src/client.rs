//! The client.

use std::{fmt, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::{Instant, timeout_at};

use crate::{
    connect::GuardedConnector,
    error::{EgressError, EgressErrorKind},
    failure::classify,
    policy::{LONGEST_WAIT, Policy},
    request::{OutboundRequest, OutboundResponse},
    resolve::Resolve,
    target::Target,
};

/// How large the head of an answer may be, in bytes.
const HEAD_CAP: usize = 32 * 1_024;

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("Tributary/", env!("CARGO_PKG_VERSION")));

/// The outbound HTTP client. Cheap to clone; all clones share the connections.
///
/// It follows no redirects, reads no proxy settings from the environment, keeps no cookies and undoes no content
/// codings. It speaks HTTP/1.1 only: one request at a time on a connection keeps what one receiver can do to the
/// deliveries of another small, and every receiver understands it.
#[derive(Clone)]
pub struct Egress {
    policy: Arc<Policy>,
    client: Client<HttpsConnector<GuardedConnector>, Full<Bytes>>,
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Egress {
    /// A client that obeys `policy` and asks `resolver` for addresses; it trusts Mozilla's root certificates.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new(policy: Policy, resolver: Arc<dyn Resolve>) -> Result<Self, EgressError> {
        let policy = Arc::new(policy);
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(|error| {
                EgressError::new(EgressErrorKind::Tls, format!("tls cannot be set up: {error}"))
            })?
            .https_or_http()
            .enable_http1()
            .wrap_connector(GuardedConnector::new(Arc::clone(&policy), resolver));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(policy.idle_timeout)
            .pool_max_idle_per_host(policy.idle_per_host)
            .http1_max_buf_size(HEAD_CAP)
            .build(connector);
        Ok(Self { policy, client })
    }

    /// Sends `request` and gives the answer, whatever its status.
    ///
    /// # Errors
    /// When no answer began: the URL or the request cannot be used, the address is refused, no connection could
    /// be had, it broke, or the deadline passed. Once the head of an answer is there, it is the answer, even if its
    /// body never ends: see [`OutboundResponse::truncated`].
    pub async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, EgressError> {
        request.check()?;
        let target = Target::parse(&request.url)?;
        let started = Instant::now();
        let deadline = started + request.deadline.min(LONGEST_WAIT);
        let allowed = request.deadline;
        let answer = timeout_at(deadline, self.client.request(wire(request, target.uri))).await;
        let answer = answer
            .map_err(|_| timed_out(&target.origin, allowed))?
            .map_err(|error| classify(&error).at(&target.origin))?;
        let (head, body) = answer.into_parts();
        let (body, truncated) = read(body, self.policy.response_cap, deadline).await;
        let duration = started.elapsed();
        Ok(OutboundResponse { status: head.status, headers: head.headers, body, truncated, duration })
    }
}

fn wire(request: OutboundRequest, uri: http::Uri) -> Request<Full<Bytes>> {
    let mut wire = Request::new(Full::new(request.body));
    *wire.method_mut() = request.method;
    *wire.uri_mut() = uri;
    *wire.headers_mut() = request.headers;
    let headers = wire.headers_mut();
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
    wire
}

fn timed_out(origin: &str, allowed: Duration) -> EgressError {
    EgressError::new(
        EgressErrorKind::Timeout,
        format!(
            "{origin}: no answer within {allowed:?}: answer first and work afterwards, or raise the time-out"
        ),
    )
}

/// The body up to `cap` bytes, and whether there was more of it or it never ended.
async fn read(mut body: Incoming, cap: usize, deadline: Instant) -> (Bytes, bool) {
    let mut kept = BytesMut::new();
    loop {
        let data = match timeout_at(deadline, body.frame()).await {
            Ok(None) => return (kept.freeze(), false),
            Err(_) | Ok(Some(Err(_))) => return (kept.freeze(), true),
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        };
        let room = cap.saturating_sub(kept.len());
        if data.len() > room {
            kept.extend_from_slice(&data[..room]);
            return (kept.freeze(), true);
        }
        kept.extend_from_slice(&data);
    }
}
