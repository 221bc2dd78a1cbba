//! One attempt: events become a request, the request is sent, the answer gets its meaning for each of them.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use tracing::{Instrument, Span};
use tributary_connectors::destinations::{
    self, Batching, HttpRequest, Item, Judged, Outcome, OutgoingEvent, Replies, RequestError, Secrets,
};
use tributary_domain::{
    booking::Role,
    consent::Refusal,
    id::{DeliveryId, ProfileId, SourceId},
    identity::Traits,
    time::{Clock, Timestamp},
};
use tributary_egress::{Egress, OutboundRequest, OutboundResponse};
use tributary_store::{Store, delivery::Matched, ledger::ReadyDelivery};
use tributary_telemetry::{Metrics, TRACE, context::remote_parent};

use super::{
    line::Line,
    precedence::{self, Precedence},
    target::{Target, people},
    tokens::{Access, Tokens},
    tried::{Attempted, Health, SPLIT, Sent, Tried, code, no_answer},
};
use crate::faults::Hurry;

/// The longest an attempt may take: connecting, sending and reading the answer (Standard Webhooks: 15 to 30 s).
const DEADLINE: Duration = Duration::from_secs(20);
/// So long it may take in any hurry.
const LEAST: Duration = Duration::from_secs(3);
/// How long a destination waits when people cannot be read just now.
const LATER: Duration = Duration::from_secs(1);

/// What attempts are made with.
#[derive(Debug, Clone)]
pub(super) struct Means {
    pub(super) egress: Egress,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    pub(super) hurry: Hurry,
    pub(super) tokens: Arc<Tokens>,
}

/// What is sent together.
struct Bundle {
    deliveries: Vec<ReadyDelivery>,
    /// How well the person of each can be found.
    qualities: Vec<Option<Matched>>,
    items: Vec<Item>,
    request: HttpRequest,
}

impl Means {
    /// Makes one attempt at all of a batch that can go in one request; some others may be passed whatever the database says.
    pub(super) async fn attempt(
        self,
        store: Store,
        target: Arc<Target>,
        (batch, passed): (Vec<ReadyDelivery>, HashSet<DeliveryId>),
        sources: Arc<HashMap<SourceId, String>>,
    ) -> Sent {
        let each = Vec::with_capacity(batch.len());
        let mut sent = Sent { each, health: Health::Unknown, together: 0, not_before: None };
        let wanted = self.wanted(&store, &target, (batch, passed), &mut sent).await;
        let again = self.send(&target, wanted, &sources, &mut sent, true).await;
        self.send(&target, again, &sources, &mut sent, false).await;
        self.counted(&target, sent)
    }

    fn counted(&self, target: &Target, sent: Sent) -> Sent {
        for (_, attempted) in &sent.each {
            match attempted {
                Attempted::Tried(tried) => {
                    self.metrics.delivery(target.platform.name(), tried.outcome.word(), tried.took);
                }
                Attempted::Split(tried) => self.metrics.delivery(target.platform.name(), SPLIT, tried.took),
                Attempted::Postponed(_) | Attempted::Behind(_) | Attempted::Left => {}
            }
        }
        sent
    }

    /// Those that may be sent now; of the others `sent` says what becomes of them.
    async fn wanted(
        &self,
        store: &Store,
        target: &Target,
        (batch, passed): (Vec<ReadyDelivery>, HashSet<DeliveryId>),
        sent: &mut Sent,
    ) -> Vec<ReadyDelivery> {
        let traits = match &target.consent {
            Some(_) => self.traits(store, &batch).await,
            None => Some(HashMap::new()),
        };
        let line = if target.rules().is_strict {
            Line::of(store, &batch, passed, self.clock.now()).await
        } else {
            Some(Line::default())
        };
        let (Some(traits), Some(line)) = (traits, line) else {
            // All wait, so that nothing of the same person goes first.
            sent.not_before = Some(self.clock.now().plus(LATER));
            sent.each.extend(batch.into_iter().map(|delivery| (delivery, Attempted::Left)));
            return Vec::new();
        };
        let mut wanted = Vec::with_capacity(batch.len());
        for delivery in batch {
            let now = self.clock.now();
            if let Some(first) = line.before(&delivery) {
                sent.each.push((delivery, Attempted::Behind(first)));
                continue;
            }
            let instead = match precedence::of(store, &delivery, &*self.clock).await {
                Precedence::Go => refused(target, &delivery, &traits, now).map(tried),
                Precedence::Wait(until) => Some(Attempted::Postponed(until)),
                Precedence::Never => Some(tried(Tried::nothing_to_follow(now))),
            };
            match instead {
                Some(instead) => sent.each.push((delivery, instead)),
                None => wanted.push(delivery),
            }
        }
        wanted
    }

    async fn traits(&self, store: &Store, batch: &[ReadyDelivery]) -> Option<HashMap<ProfileId, Traits>> {
        let first = batch.first()?;
        match store.tenant(first.tenant).traits_of(&people(batch.iter())).await {
            Ok(traits) => Some(traits),
            Err(error) => {
                tracing::warn!(%error, destination = %first.destination, "what people agreed to cannot be read yet");
                None
            }
        }
    }

    /// Sends as many of them as go together, with access where the destination wants such. With `may_renew`, those are given
    /// back whose access token was not taken, if it was not new: a token can end before its time, and another one shows
    /// whether it was that.
    async fn send(
        &self,
        target: &Target,
        wanted: Vec<ReadyDelivery>,
        sources: &HashMap<SourceId, String>,
        sent: &mut Sent,
        may_renew: bool,
    ) -> Vec<ReadyDelivery> {
        let Some(whose) = wanted.first().map(|first| (first.tenant, first.destination)) else {
            return Vec::new();
        };
        let started = self.clock.now();
        let access = match self.tokens.access(whose, target).await {
            Ok(access) => access,
            Err(outcome) => {
                let took = self.clock.now().since(started);
                let none = Tried::failed(started, took, code::NO_ACCESS, outcome);
                sent.each.extend(wanted.into_iter().map(|delivery| (delivery, tried(none.clone()))));
                return Vec::new();
            }
        };
        let secrets = match &access {
            Some(access) => Cow::Owned(target.secrets.with_access(&access.token)),
            None => Cow::Borrowed(&target.secrets),
        };
        let Some(bundle) = self.bundle(target, &secrets, wanted, sources, &mut sent.each) else {
            return Vec::new();
        };
        let span = span_of(&bundle.deliveries);
        let again = self.ask(target, bundle, access.as_ref(), sent, may_renew).instrument(span).await;
        if let Some(access) = access.as_ref().filter(|_| !again.is_empty()) {
            self.tokens.reject(whose.1, access).await;
        }
        again
    }

    /// The request for as many of them as go together; of the others `done` says what becomes of them.
    fn bundle(
        &self,
        target: &Target,
        secrets: &Secrets,
        wanted: Vec<ReadyDelivery>,
        sources: &HashMap<SourceId, String>,
        done: &mut Vec<(ReadyDelivery, Attempted)>,
    ) -> Option<Bundle> {
        let now = self.clock.now();
        let batching = target.platform.batching();
        let (mut deliveries, mut qualities) = (Vec::<ReadyDelivery>::new(), Vec::new());
        let (mut items, mut bytes) = (Vec::<Item>::new(), 0);
        let (mut alone, mut sent_with) = (None, Cow::Borrowed(&target.settings));
        // One alone may have more: the platform says what it thinks of that.
        let most_bytes = target.platform.about().limits.max_bytes;
        for delivery in wanted {
            // Tests and other events share no request.
            let is_apart = |first: &ReadyDelivery| first.event.data.is_test != delivery.event.data.is_test;
            if alone.is_some() || deliveries.first().is_some_and(is_apart) {
                done.push((delivery, Attempted::Left));
                continue;
            }
            let source = sources.get(&delivery.event.source).cloned().unwrap_or_default();
            let event = target.outgoing(&delivery, source);
            let settings = destinations::settings_for(target.platform, &target.settings, &event);
            let made = settings.and_then(|settings| {
                made(target, (&*settings, secrets), batching, &event, now).map(|made| (made, settings))
            });
            let (made, settings) = match made {
                Ok(made) => made,
                Err(error) => {
                    done.push((delivery, tried(unsendable(&error, now))));
                    continue;
                }
            };
            sent_with = settings;
            match made {
                Made::Request(request) => {
                    alone = Some(request);
                    qualities.push(target.matched(&event, delivery.destination));
                    deliveries.push(delivery);
                }
                Made::Item(item) => {
                    let fits =
                        bytes + item.bytes() <= most_bytes && items.iter().all(|other| item.goes_with(other));
                    if items.is_empty() || fits {
                        bytes += item.bytes();
                        items.push(item);
                        qualities.push(target.matched(&event, delivery.destination));
                        deliveries.push(delivery);
                    } else {
                        done.push((delivery, Attempted::Left));
                    }
                }
            }
        }
        if deliveries.is_empty() {
            return None;
        }
        let request = match (alone, batching) {
            (Some(request), _) => Ok(request),
            (None, Some(batching)) => batching.envelope(&sent_with, secrets, &mut items),
            (None, None) => return None,
        };
        match request {
            Ok(request) => Some(Bundle { deliveries, qualities, items, request }),
            Err(error) => {
                let each = deliveries.into_iter().map(|delivery| (delivery, tried(unsendable(&error, now))));
                done.extend(each);
                None
            }
        }
    }

    /// Sends it, and reads the answer. Gives back what may go with another access token.
    async fn ask(
        &self,
        target: &Target,
        Bundle { deliveries, qualities, items, request }: Bundle,
        access: Option<&Access>,
        sent: &mut Sent,
        may_renew: bool,
    ) -> Vec<ReadyDelivery> {
        sent.together = deliveries.len();
        let ends = access.and_then(|access| access.credential_ends);
        let started = self.clock.now();
        match self.egress.send(outbound(request, self.hurry.at_least(DEADLINE, LEAST))).await {
            Ok(answer) => {
                let now = self.clock.now();
                let told = (answer.status.as_u16(), &answer.headers, &*answer.body);
                Span::current().record("status", told.0);
                match destinations::replies(target.platform, told, now, &items) {
                    Replies::All(judged) => {
                        sent.health = Health::of(&judged);
                        let is_old = may_renew && access.is_some_and(|access| !access.is_new);
                        if is_old && judged.outcome.is_about_token() {
                            return deliveries;
                        }
                        let all = of_all(answered(started, &answer, ends, judged), &answer, deliveries.len());
                        let each = deliveries.into_iter().zip(qualities);
                        sent.each.extend(each.map(|(delivery, quality)| (delivery, all().matching(quality))));
                    }
                    Replies::Each(each) => {
                        sent.health = Health::of_each(each.iter().map(|one| &one.judged));
                        let is_alone = deliveries.len() == 1;
                        let each = deliveries.into_iter().zip(qualities).zip(each).map(
                            |((delivery, quality), one)| {
                                let it = answered(started, &answer, ends, one.judged);
                                // What it says of others is not for this one to keep.
                                let part =
                                    if one.part.is_null() { String::new() } else { one.part.to_string() };
                                let it = if is_alone {
                                    it.with_body(&answer.body, answer.truncated)
                                } else {
                                    it.with_body(part.as_bytes(), false)
                                };
                                (delivery, tried(it).matching(quality))
                            },
                        );
                        sent.each.extend(each);
                    }
                }
            }
            Err(error) => {
                let took = self.clock.now().since(started);
                let (reason, code) = (error.to_string(), no_answer(error.kind()));
                let (outcome, health) = if error.kind().is_retryable() {
                    (Outcome::Retry { after: None, reason }, Health::Ill(None))
                } else {
                    (Outcome::Permanent { reason }, Health::Unknown)
                };
                sent.health = health;
                let all = Tried::failed(started, took, &code, outcome);
                sent.each.extend(deliveries.into_iter().map(|delivery| (delivery, tried(all.clone()))));
            }
        }
        Vec::new()
    }
}

/// What stands for an event: a whole request, or a part of one.
enum Made {
    Request(HttpRequest),
    Item(Item),
}

fn made(
    target: &Target,
    (settings, secrets): (&Value, &Secrets),
    batching: Option<&'static Batching>,
    event: &OutgoingEvent,
    now: Timestamp,
) -> Result<Made, RequestError> {
    match batching {
        Some(batching) => batching.item(settings, secrets, event, now).map(Made::Item),
        None => target.platform.request(settings, secrets, event, now).map(Made::Request),
    }
}

/// Why it must not be sent, although its turn has come.
fn refused(
    target: &Target,
    delivery: &ReadyDelivery,
    traits: &HashMap<ProfileId, Traits>,
    now: Timestamp,
) -> Option<Tried> {
    let draft = delivery.event.draft();
    if matches!(delivery.event.data.role, Some(Role::Follows { .. })) && !target.platform.takes_follow_ups() {
        let reason = format!("{} cannot be told what became of an event", target.platform.display_name());
        return Some(Tried::not_sent(now, code::NO_FOLLOW_UPS, reason));
    }
    if target.expires(draft.time).is_some_and(|expires| expires < now) {
        return Some(expired(target, now));
    }
    let known = delivery.event.profile.and_then(|profile| traits.get(&profile));
    let Refusal { purpose, .. } = target.consent.as_ref()?.refusal_of(known, draft)?;
    let reason = format!("its person does not agree to `{purpose}` any more, which the destination asks for");
    Some(Tried::not_sent(now, code::CONSENT_WITHDRAWN, reason))
}

/// It is older than the platform takes.
pub(super) fn expired(target: &Target, now: Timestamp) -> Tried {
    let hours = target.max_age.unwrap_or_default().as_secs() / 3_600;
    let name = target.platform.display_name();
    let reason = format!("it happened more than {hours} hours ago by now, and {name} takes none that old");
    Tried::not_sent(now, code::EXPIRED, reason)
}

fn unsendable(error: &RequestError, now: Timestamp) -> Tried {
    let reason = error.to_string();
    match error {
        // It is the same for every event.
        RequestError::Settings(_) => {
            Tried::failed(now, Duration::ZERO, code::SETTINGS, Outcome::Suspend { reason })
        }
        RequestError::Event(_) => Tried::not_sent(now, code::UNSENDABLE, reason),
    }
}

/// What an answer means that says the same of all of `count` events. A refusal of several for good is one of something in
/// them.
fn of_all(all: Tried, answer: &OutboundResponse, count: usize) -> impl Fn() -> Attempted {
    let is_split = count > 1 && matches!(all.outcome, Outcome::Permanent { .. });
    // What it says of one of several is not for the others to keep: it can repeat what was sent.
    let mut all = if count > 1 { all } else { all.with_body(&answer.body, answer.truncated) };
    if is_split {
        let why = all.outcome.reason();
        all.error =
            Some(format!("one of {count} events in one request was refused, so they go in halves: {why}"));
    }
    move || {
        let all = Box::new(all.clone());
        if is_split { Attempted::Split(all) } else { Attempted::Tried(all) }
    }
}

fn answered(
    started: Timestamp,
    answer: &OutboundResponse,
    credential_ends: Option<Timestamp>,
    judged: Judged,
) -> Tried {
    let it = Tried::answered(started, answer.duration, answer.status.as_u16(), &answer.headers, judged);
    Tried { credential_ends, ..it }
}

/// The span of a request, which hangs below the one that the door began when the first one's message came in.
fn span_of(deliveries: &[ReadyDelivery]) -> Span {
    let Some(first) = deliveries.first() else { return Span::none() };
    let span = tracing::info_span!(
        target: TRACE,
        "delivery.attempt",
        delivery = %first.delivery,
        destination = %first.destination,
        attempt = first.attempts + 1,
        events = deliveries.len(),
        status = tracing::field::Empty,
    );
    if let Some(parent) = &first.event.trace_parent {
        remote_parent(&span, parent);
    }
    span
}

fn tried(tried: Tried) -> Attempted {
    Attempted::Tried(Box::new(tried))
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;

    #[test]
    fn what_is_said_of_several_is_kept_with_none_of_them() {
        let (headers, body) = (HeaderMap::new(), Bytes::from_static(b"ann@example.com is being changed"));
        for (status, count, is_kept) in [(409, 1, true), (409, 2, false), (400, 2, false), (500, 3, false)] {
            let platform = destinations::find("hubspot").expect("is known");
            let now = Timestamp::from_seconds(0);
            let answer = OutboundResponse {
                status: StatusCode::from_u16(status).expect("a status"),
                headers: headers.clone(),
                body: body.clone(),
                truncated: false,
                duration: Duration::ZERO,
            };
            let judged = platform.judge(status, &headers, &body, now);
            let (Attempted::Tried(tried) | Attempted::Split(tried)) =
                of_all(answered(now, &answer, None, judged), &answer, count)()
            else {
                panic!("it was tried")
            };
            assert_eq!(!tried.body.is_empty(), is_kept, "{status} {count}");
        }
    }
}
