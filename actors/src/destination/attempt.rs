//! One attempt: an event becomes a request, the request is sent, the answer gets its meaning.

use std::{borrow::Cow, sync::Arc, time::Duration};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;
use tracing::Instrument;
use tributary_connectors::destinations::{
    HttpRequest, Outcome, OutgoingEvent, Platform, RequestError, Secrets, Standing, Trouble,
};
use tributary_domain::time::{Clock, Timestamp};
use tributary_egress::{Egress, OutboundRequest};
use tributary_store::{destination::Credential, ledger::ReadyDelivery};
use tributary_telemetry::{Metrics, TRACE, context::remote_parent};

use super::tokens::{Access, Tokens};

/// The longest an attempt may take: connecting, sending and reading the answer (Standard Webhooks: 15 to 30 s).
const DEADLINE: Duration = Duration::from_secs(20);
/// Most of an answer's body that is kept, in bytes.
const KEPT_BODY: usize = 4 << 10;
/// Headers of an answer that help to understand it.
const KEPT_HEADERS: [&str; 4] = ["content-type", "retry-after", "location", "server"];

/// How to reach one destination.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) platform: &'static dyn Platform,
    pub(super) settings: Value,
    pub(super) secrets: Secrets,
    /// The revision of the destination's record that this was read from.
    pub(super) revision: u64,
    /// How its credential stands, as it is stored.
    pub(super) credential: Credential,
    /// Names of events as the platform wants them, by our names.
    pub(super) event_names: std::collections::BTreeMap<String, String>,
}

/// What an attempt came to.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) started: Timestamp,
    pub(super) took: Duration,
    pub(super) outcome: Outcome,
    /// What it says of the destination's health.
    pub(super) health: Health,
    pub(super) status: Option<u16>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    pub(super) truncated: bool,
    pub(super) error: Option<String>,
    /// When the credential ends that it was made with, where that is known.
    pub(super) credential_ends: Option<Timestamp>,
}

/// How it went with a delivery whose turn it was.
#[derive(Debug)]
pub(super) enum Attempted {
    /// It was tried.
    Tried(Box<Tried>),
    /// It may not be sent before this time.
    Postponed(Timestamp),
}

/// What an attempt says of the destination's health, whatever it says of its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It answered as one that works.
    Well,
    /// It cannot be reached, or says itself that it cannot serve now.
    Ill,
    /// Nothing: the destination was not asked.
    Unknown,
}

/// What attempts are made with.
#[derive(Debug, Clone)]
pub(super) struct Means {
    pub(super) egress: Egress,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    pub(super) tokens: Arc<Tokens>,
}

impl Means {
    /// Makes one attempt. Its span hangs below the one that the door began when the message came in.
    pub(super) async fn attempt(
        self,
        target: Arc<Target>,
        delivery: ReadyDelivery,
        source: String,
    ) -> (ReadyDelivery, Attempted) {
        let span = tracing::info_span!(
            target: TRACE,
            "delivery.attempt",
            delivery = %delivery.delivery,
            destination = %delivery.destination,
            attempt = delivery.attempts + 1,
            status = tracing::field::Empty,
        );
        if let Some(parent) = &delivery.event.trace_parent {
            remote_parent(&span, parent);
        }
        let tried = self.send(&target, &delivery, source).instrument(span.clone()).await;
        if let Some(status) = tried.status {
            span.record("status", status);
        }
        self.metrics.delivery(target.platform.name(), word(&tried.outcome), tried.took);
        (delivery, Attempted::Tried(Box::new(tried)))
    }

    async fn send(&self, target: &Target, delivery: &ReadyDelivery, source: String) -> Tried {
        let started = self.clock.now();
        let event = outgoing(target, delivery, source);
        if event.follow_up.is_some() && !target.platform.takes_follow_ups() {
            let reason = format!("{} cannot be told what became of an event", target.platform.display_name());
            return Tried::failed(started, Duration::ZERO, permanent(reason), Health::Unknown);
        }
        let first = match self.access(target, delivery).await {
            Ok(access) => access,
            Err(outcome) => return self.not_sent(started, outcome),
        };
        let tried = self.ask(target, &event, first.as_ref(), started).await;
        // A token can end before its time: another one shows whether it was that.
        let may_renew = |access: &&Access| !access.is_new && is_about_token(&tried.outcome);
        let Some(rejected) = first.as_ref().filter(may_renew) else { return tried };
        self.tokens.reject(delivery.destination, rejected).await;
        match self.access(target, delivery).await {
            Ok(second) => self.ask(target, &event, second.as_ref(), started).await,
            Err(outcome) => self.not_sent(started, outcome),
        }
    }

    async fn access(&self, target: &Target, delivery: &ReadyDelivery) -> Result<Option<Access>, Outcome> {
        self.tokens.access((delivery.tenant, delivery.destination), target).await
    }

    fn not_sent(&self, started: Timestamp, outcome: Outcome) -> Tried {
        Tried::failed(started, self.clock.now().since(started), outcome, Health::Unknown)
    }

    /// Sends the request that tells of `event`, and reads the answer.
    async fn ask(
        &self,
        target: &Target,
        event: &OutgoingEvent,
        access: Option<&Access>,
        started: Timestamp,
    ) -> Tried {
        let secrets = match access {
            Some(access) => Cow::Owned(target.secrets.with_access(&access.token)),
            None => Cow::Borrowed(&target.secrets),
        };
        let request = match target.platform.request(&target.settings, &secrets, event, started) {
            Ok(request) => request,
            Err(error) => {
                let reason = error.to_string();
                let outcome = match error {
                    // It is the same for every event.
                    RequestError::Settings(_) => Outcome::Suspend { reason },
                    RequestError::Event(_) => permanent(reason),
                };
                return Tried::failed(started, Duration::ZERO, outcome, Health::Unknown);
            }
        };
        match self.egress.send(outbound(request, DEADLINE)).await {
            Ok(answer) => {
                let status = answer.status.as_u16();
                let outcome =
                    target.platform.classify(status, &answer.headers, &answer.body, self.clock.now());
                let is_ill = matches!(outcome, Outcome::Retry { .. }) && (status == 429 || status >= 500);
                Tried {
                    started,
                    took: answer.duration,
                    health: if is_ill { Health::Ill } else { Health::Well },
                    outcome,
                    status: Some(status),
                    headers: kept(&answer.headers),
                    truncated: answer.truncated || answer.body.len() > KEPT_BODY,
                    // A copy: what was read of a long answer is let go.
                    body: Bytes::copy_from_slice(&answer.body[..answer.body.len().min(KEPT_BODY)]),
                    error: None,
                    credential_ends: access.and_then(|access| access.credential_ends),
                }
            }
            Err(error) => {
                let took = self.clock.now().since(started);
                let reason = error.to_string();
                if error.kind().is_retryable() {
                    Tried::failed(started, took, Outcome::Retry { after: None, reason }, Health::Ill)
                } else {
                    Tried::failed(started, took, permanent(reason), Health::Unknown)
                }
            }
        }
    }
}

impl Tried {
    /// A follow-up of what was never delivered; `at` is now.
    pub(super) fn nothing_to_follow(at: Timestamp) -> Self {
        let reason = "the event that it follows was not delivered, so there is nothing to follow up";
        Self::failed(at, Duration::ZERO, permanent(reason.to_owned()), Health::Unknown)
    }

    fn failed(started: Timestamp, took: Duration, outcome: Outcome, health: Health) -> Self {
        let error = match &outcome {
            Outcome::Retry { reason, .. }
            | Outcome::Permanent { reason }
            | Outcome::Hold { reason, .. }
            | Outcome::Suspend { reason }
            | Outcome::Disable { reason } => reason.clone(),
            Outcome::Delivered => String::new(),
        };
        Self {
            started,
            took,
            outcome,
            health,
            status: None,
            headers: Vec::new(),
            body: Bytes::new(),
            truncated: false,
            error: Some(error),
            credential_ends: None,
        }
    }

    #[cfg(test)]
    pub(super) fn of(at: Timestamp, outcome: Outcome) -> Self {
        Self::failed(at, Duration::ZERO, outcome, Health::Unknown)
    }
}

/// The stable word for an outcome, as it stands with the attempt and in metrics.
pub(super) fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "DELIVERED",
        Outcome::Retry { .. } => "RETRY",
        Outcome::Permanent { .. } => "FAILED",
        Outcome::Hold { .. } => "HELD",
        Outcome::Suspend { .. } => "SUSPENDED",
        Outcome::Disable { .. } => "DISABLED",
    }
}

/// Whether another access token could make a difference.
fn is_about_token(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Hold { trouble: Trouble::Expired | Trouble::Revoked, .. })
}

fn permanent(reason: String) -> Outcome {
    Outcome::Permanent { reason }
}

fn outgoing(target: &Target, delivery: &ReadyDelivery, source: String) -> OutgoingEvent {
    let event = &delivery.event;
    let standing = Standing {
        delivery: delivery.delivery,
        event: event.id,
        received: event.received,
        profile: event.profile,
        context: (*event.data.context).clone(),
        source,
        destination: delivery.destination,
        role: event.data.role,
    };
    OutgoingEvent::of(event.draft(), target.platform, &target.event_names, standing)
}

pub(super) fn outbound(request: HttpRequest, deadline: Duration) -> OutboundRequest {
    OutboundRequest {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: request.body,
        deadline,
    }
}

fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    KEPT_HEADERS
        .iter()
        .filter_map(|name| {
            Some(((*name).to_owned(), headers.get(*name)?.to_str().ok()?.chars().take(200).collect()))
        })
        .collect()
}
