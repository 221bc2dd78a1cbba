//! The body of a webhook.
//!
//! ```json
//! {
//!   "type": "event.track",
//!   "timestamp": "2026-01-31T09:30:00Z",
//!   "data": {
//!     "delivery_id": "dlv_…", "event_id": "evt_…", "message_id": "msg_…", "profile_id": "prf_…",
//!     "name": "Schedule", "source": "Calendly", "received_at": "2026-01-31T09:30:01.25Z",
//!     "identifiers": [{"type": "email", "value": "ada@example.com"}],
//!     "traits": {}, "attributes": {}, "groups": {}, "group_traits": {}, "consents": {}, "context": {}
//!   }
//! }
//! ```
//! `type` is `event.track`, `event.identify` or `event.group`; `timestamp` is when the event happened; `profile_id`
//! is null where no person was found. The bytes are the same on every try.
//!
//! What became of an event that was sent before has the type `conversion.retracted` (it does not stand any more) or
//! `conversion.restated` (it is what `data` says now), and says which event that was, and why:
//! `"original": {"event_id": "evt_…", "delivery_id": "dlv_…"}, "reason": "cancelled"`. Reasons are `cancelled`, `no_show`,
//! `rescheduled`, `paid` and `one_booking` (two events turned out to be of one booking); `timestamp` is when that happened.
//!
//! What a test message brings about has `"test": true` in its data, and nothing else has.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use tributary_domain::{
    booking::FollowUpKind,
    id::{DeliveryId, EventId, MessageId, ProfileId},
    identity::Identifier,
    time::Timestamp,
    workflow::spec::Kind,
};

use super::OutgoingEvent;

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    #[serde(serialize_with = "rfc3339")]
    timestamp: Timestamp,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    delivery_id: DeliveryId,
    event_id: EventId,
    message_id: MessageId,
    profile_id: Option<ProfileId>,
    name: &'a str,
    source: &'a str,
    #[serde(serialize_with = "rfc3339")]
    received_at: Timestamp,
    identifiers: Vec<Known<'a>>,
    traits: &'a Map<String, Value>,
    attributes: &'a Map<String, Value>,
    groups: &'a BTreeMap<String, String>,
    group_traits: &'a Map<String, Value>,
    consents: &'a Map<String, Value>,
    context: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<Original>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    test: bool,
}

#[derive(Serialize)]
struct Original {
    event_id: EventId,
    delivery_id: DeliveryId,
}

#[derive(Serialize)]
struct Known<'a> {
    r#type: &'a str,
    value: &'a str,
}

impl<'a> From<&'a Identifier> for Known<'a> {
    fn from(identifier: &'a Identifier) -> Self {
        Self { r#type: identifier.kind.as_str(), value: &identifier.value }
    }
}

fn rfc3339<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// The document that tells of `event`, as bytes: the body of a webhook.
pub(super) fn bytes(event: &OutgoingEvent) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&of(event))
}

/// The same as a value: what `$` means in templates.
pub(super) fn value(event: &OutgoingEvent) -> serde_json::Result<Value> {
    serde_json::to_value(of(event))
}

fn of(event: &OutgoingEvent) -> Body<'_> {
    let data = Data {
        delivery_id: event.delivery,
        event_id: event.event,
        message_id: event.message,
        profile_id: event.profile,
        name: &event.name,
        source: &event.source,
        received_at: event.received,
        identifiers: event.identifiers.iter().map(Known::from).collect(),
        traits: &event.traits,
        attributes: &event.attributes,
        groups: &event.groups,
        group_traits: &event.group_traits,
        consents: &event.consents,
        context: &event.context,
        original: event
            .follow_up
            .map(|earlier| Original { event_id: earlier.event, delivery_id: earlier.delivery }),
        reason: event.follow_up.map(|earlier| earlier.why.code()),
        test: event.is_test,
    };
    let kind = match (event.follow_up.map(|earlier| earlier.kind), event.kind) {
        (Some(FollowUpKind::Retract), _) => "conversion.retracted",
        (Some(FollowUpKind::Restate), _) => "conversion.restated",
        (None, Kind::Track) => "event.track",
        (None, Kind::Identify) => "event.identify",
        (None, Kind::Group) => "event.group",
    };
    Body { r#type: kind, timestamp: event.time, data }
}
