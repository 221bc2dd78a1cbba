//! Accepts what a page sends, or says why not.
//!
//! A batch becomes messages of their own, which are appended in their order and answered once all of them are durable. One
//! that is cut short, because the journal takes no more in the middle of it, is refused as a whole and comes again as a
//! whole: each message has the dedupe key of its item, so that what is there already is found to be.

use std::{mem, net::IpAddr, sync::Arc, task::Poll};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Request, header, request::Parts},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use tracing::{Instrument, Span, field::display};
use tributary_connectors::sources::tag::{self, Batch, LARGEST_BATCH, Observed, TagSettings};
use tributary_domain::{
    caller::{FORWARDED_FOR, caller},
    id::MessageId,
    scan::scan,
    time::Timestamp,
};
use tributary_journal::{Accepted, AppendError, Journal};

use super::{
    Door, body, cors,
    receive::{opens, plain},
    routes::accepted_as,
    trace,
};
use crate::{Refusal, SourceEntry, directory::Found, refusal::recorder::Seen, serve::peer::Peer};

/// Random bits that the messages of one batch have apart from each other, behind their place in it: their ids are made to
/// keep its order.
const APART: u32 = 72;
/// Why what a program sends is not kept, for who counts it.
const BOT: &str = "BOT_IGNORED";

/// What became of a batch.
#[derive(Default)]
struct Taken {
    messages: Vec<MessageId>,
    cookie: Option<HeaderValue>,
}

impl Door {
    /// Answers whether a page may send with the key `key`.
    pub(super) fn preflight(&self, key: &str, headers: &HeaderMap) -> Response {
        let found = self.page(key);
        let origin = found.as_ref().and_then(|(_, settings)| cors::allowed(settings, headers));
        match (&found, origin) {
            (Some(_), Some(origin)) => cors::lets(Some(origin), cors::preflight()),
            (Some(_), None) => cors::lets(None, self.count(Refusal::OriginRefused).into_response()),
            (None, _) => cors::lets(None, self.count(Refusal::SourceUnknown).into_response()),
        }
    }

    /// Takes what a page posted with the key `key`.
    pub(super) async fn collect(&self, key: &str, request: Request<Body>) -> Response {
        if !self.config.readiness.is_serving() {
            return self.count(Refusal::NotServing).into_response();
        }
        let Some((found, settings)) = self.page(key) else {
            return cors::lets(None, self.count(Refusal::SourceUnknown).into_response());
        };
        let (head, body) = request.into_parts();
        let origin = cors::allowed(&settings, &head.headers);
        let span = trace::webhook(found.source.source, &head.headers);
        let mut seen = Bytes::new();
        let taken =
            self.take(&found, &settings, &head, body, &span, &mut seen).instrument(span.clone()).await;
        cors::lets(
            origin,
            match taken {
                Ok(taken) => answer(taken),
                Err(refusal) => {
                    span.record("refused", refusal.reason());
                    self.refused(&found.source, &refusal, &Seen { headers: &head.headers, body: &seen });
                    refusal.into_response()
                }
            },
        )
    }

    /// The tag whose pages have this key.
    fn page(&self, key: &str) -> Option<(Found, Arc<TagSettings>)> {
        let found = self.config.sources.find(key)?;
        let settings = Arc::clone(found.source.settings.tag()?);
        Some((found, settings))
    }

    /// The steps of a batch; `seen` becomes its body once that was read.
    async fn take(
        &self,
        found: &Found,
        settings: &TagSettings,
        head: &Parts,
        body: Body,
        span: &Span,
        seen: &mut Bytes,
    ) -> Result<Taken, Refusal> {
        let (source, headers) = (&*found.source, &head.headers);
        // Before all that is kept for the owner: the key is everybody's.
        let address = self.address(head);
        if let Some(address) = address {
            let admitted = self.addresses.admit(address);
            admitted.map_err(|wait| Refusal::AddressRateExceeded { wait })?;
        }
        opens(found, self.config.clock.now())?;
        let origin = cors::allowed(settings, headers).and_then(|origin| origin.to_str().ok());
        let origin = origin.ok_or(Refusal::OriginRefused)?;
        let user_agent = text(headers, &header::USER_AGENT);
        if tag::is_bot(user_agent) {
            self.config.refusals.count(source, BOT, self.config.clock.now());
            self.config.metrics.refused(BOT);
            return Ok(Taken::default());
        }
        found.tenant.admit().map_err(|wait| Refusal::RateExceeded { wait })?;
        plain(headers)?;
        let limits = &self.config.limits;
        let body_limit = LARGEST_BATCH.min(source.body_limit).min(found.tenant.body_limit());
        let received = body::read(body, body_limit, limits, &self.memory).await?;
        *seen = received.bytes.clone();
        scan(&received.bytes, &limits.scan).map_err(Refusal::Unacceptable)?;

        let now = self.config.clock.now();
        let observed = Observed { received: now, address, user_agent };
        let mut batch = tag::read(settings, &observed, &received.bytes).map_err(Refusal::BatchMalformed)?;
        let failures = mem::take(&mut batch.failures);
        let host = text(headers, &header::HOST);
        let cookie = batch.remembered.as_deref().and_then(|cluid| settings.cookie(cluid, origin, host));
        let messages = self.append(source, headers, now, batch, span).await?;
        for failure in &failures {
            self.config.refusals.failed(source, failure, headers, now, (self.config.random)());
        }
        // It is made of a cluid, and of hosts that the settings have.
        Ok(Taken { messages, cookie: cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok()) })
    }

    /// Appends the messages of a batch; their ids once all are durable.
    async fn append(
        &self,
        source: &SourceEntry,
        headers: &HeaderMap,
        now: Timestamp,
        batch: Batch,
        span: &Span,
    ) -> Result<Vec<MessageId>, Refusal> {
        let kept = source.provider.kept_headers(&source.settings, headers);
        let (mut ids, mut sizes, mut messages) = (Vec::new(), Vec::new(), Vec::new());
        for (place, body) in (0_u128..).zip(batch.messages) {
            let random = (self.config.random)();
            let message = MessageId::new(now.millis(), (random & ((1 << APART) - 1)) | (place << APART));
            span.record("message", display(message));
            ids.push(message);
            sizes.push(body.len() as u64);
            messages.push(Accepted {
                tenant: source.tenant,
                source: source.source,
                message,
                received: now,
                signature_valid: false,
                trace_parent: Some(trace::carried(span, headers, message, random >> 64)),
                headers: kept.clone(),
                body: body.into(),
            });
        }
        if let Err(error) = append_all(&*self.config.journal, messages).await {
            tracing::warn!(source = %source.source, %error, "messages not appended");
            return Err(error.into());
        }
        for bytes in sizes {
            self.config.metrics.accepted(bytes);
        }
        Ok(ids)
    }

    /// Where a request comes from, as far as it is known.
    fn address(&self, head: &Parts) -> Option<IpAddr> {
        let Peer(peer) = head.extensions.get()?;
        let lists = head.headers.get_all(FORWARDED_FOR).iter().filter_map(|list| list.to_str().ok());
        Some(caller(*peer, lists, &self.config.trusted_proxies))
    }
}

/// Appends messages in their order, and waits for all of them at once: they are synced together. After one that is not
/// taken, none that follows it is tried.
async fn append_all(journal: &dyn Journal, messages: Vec<Accepted>) -> Result<(), AppendError> {
    let mut appends: Vec<_> = messages.into_iter().map(|message| journal.append(message)).collect();
    let mut failed = None;
    std::future::poll_fn(|context| {
        let mut is_cut_short = false;
        appends.retain_mut(|append| {
            if is_cut_short {
                return true;
            }
            match append.as_mut().poll(context) {
                Poll::Pending => true,
                Poll::Ready(Ok(_)) => false,
                Poll::Ready(Err(error)) => {
                    failed.get_or_insert(error);
                    is_cut_short = true;
                    false
                }
            }
        });
        match failed.take() {
            Some(error) => Poll::Ready(Err(error)),
            None if appends.is_empty() => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    })
    .await
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn answer(taken: Taken) -> Response {
    let ids: Vec<String> = taken.messages.iter().map(|message| format!("\"{message}\"")).collect();
    let mut response = accepted_as(format!(r#"{{"message_ids":[{}]}}"#, ids.join(",")));
    response.headers_mut().extend(taken.cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    response
}
