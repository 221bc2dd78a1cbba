//! Accepts one message, or answers a provider's question, or says why not.

use axum::{
    body::Body,
    http::{HeaderMap, Request, header, request::Parts},
};
use bytes::Bytes;
use tracing::{Instrument, Span, field::display};
use tributary_connectors::sources::{Ask, Challenge, Signature, Webhook};
use tributary_domain::{id::MessageId, scan::scan, time::Timestamp};
use tributary_journal::Accepted;

use super::{Door, body, trace};
use crate::{
    Refusal, SourceState,
    directory::{Found, SourceEntry},
    refusal::recorder::Seen,
};

/// What became of a request that is not refused.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is a message, and durable.
    Message(MessageId),
    /// It was a provider's question whose URL it is; this is the answer.
    Question(String),
}

impl Door {
    /// Takes the webhook that was posted with `secret`; its id once it is durable.
    pub(super) async fn receive(&self, secret: &str, request: Request<Body>) -> Result<Taken, Refusal> {
        if !self.config.readiness.is_serving() {
            return Err(self.count(Refusal::NotServing));
        }
        let Some(found) = self.webhook(secret) else {
            return Err(self.count(Refusal::SourceUnknown));
        };
        let (head, body) = request.into_parts();
        let span = trace::webhook(found.source.source, &head.headers);
        self.receive_from(&found, &head, body, &span).instrument(span.clone()).await
    }

    /// Answers a `GET` of a webhook URL, which is how some providers ask whose it is. Nothing is kept of it.
    pub(super) fn answer(&self, secret: &str, head: &Parts) -> Result<String, Refusal> {
        let ask = Ask::Get { query: head.uri.query().unwrap_or_default(), token: secret };
        let Some(found) = self.webhook(secret) else {
            return Err(self.count(Refusal::MethodNotAllowed));
        };
        let source = &*found.source;
        let answered = opens(&found, self.config.clock.now())
            .and_then(|()| found.tenant.admit().map_err(|wait| Refusal::RateExceeded { wait }))
            .and_then(|()| match source.provider.challenge(&ask) {
                Some(Challenge::Answer(answer)) => Ok(answer),
                Some(Challenge::Refused) => Err(Refusal::ChallengeRefused),
                None => Err(Refusal::MethodNotAllowed),
            });
        match answered {
            // Anybody's browser does so.
            Err(Refusal::MethodNotAllowed) => Err(self.count(Refusal::MethodNotAllowed)),
            Err(refusal) => {
                self.refused(source, &refusal, &Seen { headers: &head.headers, body: &[] });
                Err(refusal)
            }
            Ok(answer) => Ok(answer),
        }
    }

    /// The source whose webhooks come with `secret`. What every visitor of a page can read opens nothing else than what
    /// pages send.
    fn webhook(&self, secret: &str) -> Option<Found> {
        self.config.sources.find(secret).filter(|found| found.source.settings.tag().is_none())
    }

    /// Takes a webhook of a known source; a refusal is kept for its owner.
    async fn receive_from(
        &self,
        found: &Found,
        head: &Parts,
        body: Body,
        span: &Span,
    ) -> Result<Taken, Refusal> {
        let mut seen = Bytes::new();
        let accepted = self.accept(found, head, body, span, &mut seen).await;
        if let Err(refusal) = &accepted {
            span.record("refused", refusal.reason());
            self.refused(&found.source, refusal, &Seen { headers: &head.headers, body: &seen });
        }
        accepted
    }

    /// Counts a refused request to a known source, and keeps it for its owner.
    pub(super) fn refused(&self, source: &SourceEntry, refusal: &Refusal, seen: &Seen<'_>) {
        tracing::debug!(source = %source.source, reason = refusal.reason(), "request refused");
        self.config.metrics.refused(refusal.reason());
        let (now, random) = (self.config.clock.now(), (self.config.random)());
        self.config.refusals.record(source, refusal, now, random, seen);
    }

    /// The steps of a webhook; `seen` becomes its body once that was read.
    async fn accept(
        &self,
        found: &Found,
        head: &Parts,
        body: Body,
        span: &Span,
        seen: &mut Bytes,
    ) -> Result<Taken, Refusal> {
        let (source, headers) = (&*found.source, &head.headers);
        opens(found, self.config.clock.now())?;
        found.tenant.admit().map_err(|wait| Refusal::RateExceeded { wait })?;
        plain(headers)?;
        let limits = &self.config.limits;
        let body_limit = source.body_limit.min(found.tenant.body_limit());
        let received = body::read(body, body_limit, limits, &self.memory).await?;
        *seen = received.bytes.clone();
        match source.provider.challenge(&Ask::Post { headers, body: &received.bytes }) {
            Some(Challenge::Answer(answer)) => return Ok(Taken::Question(answer)),
            Some(Challenge::Refused) => return Err(Refusal::ChallengeRefused),
            None => {}
        }
        let now = self.config.clock.now();
        let signature_valid = self.signed(source, head, &received.bytes, now)?;
        let received = match source.provider.body(headers, &received.bytes).map_err(Refusal::Form)? {
            Some(json) => received.replaced(json.into(), body_limit, &self.memory)?,
            None => received,
        };
        scan(&received.bytes, &limits.scan).map_err(Refusal::Unacceptable)?;

        let random = (self.config.random)();
        let message = MessageId::new(now.millis(), random);
        span.record("message", display(message));
        let bytes = received.bytes.len() as u64;
        let accepted = Accepted {
            tenant: source.tenant,
            source: source.source,
            message,
            received: now,
            signature_valid,
            trace_parent: Some(trace::carried(span, headers, message, random >> 64)),
            headers: source.provider.kept_headers(&source.settings, headers),
            body: received.bytes.clone(),
        };
        if let Err(error) = self.config.journal.append(accepted).await {
            tracing::warn!(source = %source.source, %error, "message not appended");
            return Err(error.into());
        }
        self.config.metrics.accepted(bytes);
        Ok(Taken::Message(message))
    }

    /// Whether the body carries a signature that holds; false while the source has no keys.
    fn signed(
        &self,
        source: &SourceEntry,
        head: &Parts,
        body: &[u8],
        now: Timestamp,
    ) -> Result<bool, Refusal> {
        let target = head.uri.path_and_query().map_or("", |target| target.as_str());
        let webhook = Webhook { origin: &self.config.public_url, target, headers: &head.headers, body };
        let signature = source.provider.verify(&source.settings, &source.keys, &webhook, now);
        Ok(signature.map_err(Refusal::Signature)? == Signature::Valid)
    }

    pub(super) fn count(&self, refusal: Refusal) -> Refusal {
        self.config.metrics.refused(refusal.reason());
        refusal
    }
}

/// Whether the secret that found the source still opens it.
pub(super) fn opens(found: &Found, now: Timestamp) -> Result<(), Refusal> {
    if found.source.state == SourceState::Deleted || found.tenant.is_shut() {
        return Err(Refusal::SourceDeleted);
    }
    if found.expires_at.is_some_and(|end| end <= now) {
        return Err(Refusal::SecretExpired);
    }
    Ok(())
}

/// Whether the body comes as it is: decompressing what a stranger sends is a way to fill memory.
pub(super) fn plain(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    let identity = encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if identity { Ok(()) } else { Err(Refusal::ContentEncoded) }
}
