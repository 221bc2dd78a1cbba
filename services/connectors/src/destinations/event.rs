//! What a destination is told of an event.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tributary_domain::{
    booking::{FollowUpKind, Role, Why},
    id::{DeliveryId, DestinationId, EventId, MessageId, ProfileId},
    identity::Identifier,
    time::Timestamp,
    workflow::{catalogue, event::EventDraft, spec::Kind},
};

use super::Platform;

/// One event on its way to one destination, after identity was resolved.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct OutgoingEvent {
    /// The delivery; the same on every try.
    pub delivery: DeliveryId,
    /// The event.
    pub event: EventId,
    /// The message that it was made of.
    pub message: MessageId,
    /// Its kind.
    pub kind: Kind,
    /// Its name, as the destination calls it; empty for identify and group events.
    pub name: String,
    /// When it happened.
    pub time: Timestamp,
    /// The id that platforms deduplicate by, where one is mapped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedupe_id: Option<String>,
    /// When the message was accepted.
    pub received: Timestamp,
    /// Whose it is; nothing where no person was found.
    pub profile: Option<ProfileId>,
    /// User identifiers, the primary one first.
    pub identifiers: Vec<Identifier>,
    /// Traits of the person.
    pub traits: Map<String, Value>,
    /// Attributes of the event.
    pub attributes: Map<String, Value>,
    /// Group identities, by their type.
    pub groups: BTreeMap<String, String>,
    /// Traits of the group.
    pub group_traits: Map<String, Value>,
    /// What the person agreed to.
    pub consents: Map<String, Value>,
    /// The browser session's context: click ids, user agent and the like.
    pub context: Map<String, Value>,
    /// The display name of the source.
    pub source: String,
    /// What it says of an event that the destination was told of before; unset: it stands for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow_up: Option<OutgoingFollowUp>,
    /// Whether it is a test, which is for a test facility alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_test: bool,
}

/// What an event says of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingFollowUp {
    /// That it does not stand any more, or what it has become.
    pub kind: FollowUpKind,
    /// The earlier event.
    pub event: EventId,
    /// Its delivery to this destination.
    pub delivery: DeliveryId,
    /// Why.
    pub why: Why,
}

/// Where an event stands that a workflow made.
#[derive(Clone)]
pub struct Standing {
    /// The delivery; the same on every try.
    pub delivery: DeliveryId,
    /// The event.
    pub event: EventId,
    /// When the message was accepted.
    pub received: Timestamp,
    /// Whose it is; nothing where no person was found.
    pub profile: Option<ProfileId>,
    /// The browser session's context.
    pub context: Map<String, Value>,
    /// The display name of the source.
    pub source: String,
    /// Where it goes.
    pub destination: DestinationId,
    /// What it is to its booking.
    pub role: Option<Role>,
    /// Whether it is a test.
    pub is_test: bool,
}

impl fmt::Debug for Standing {
    /// Ids only: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standing").field("delivery", &self.delivery).finish_non_exhaustive()
    }
}

impl OutgoingEvent {
    /// What a destination on `platform` is told that knows events by `names`, which it has by our names. A standard event
    /// that is not among them has the platform's own name, and any other keeps its own.
    pub fn of(
        draft: &EventDraft,
        platform: &dyn Platform,
        names: &BTreeMap<String, String>,
        standing: Standing,
    ) -> Self {
        let standard = || {
            let theirs = (platform.about().standard_name)(&catalogue::event_named(&draft.name)?.names);
            (!theirs.is_empty()).then(|| theirs.to_owned())
        };
        let name = names.get(&draft.name).cloned().or_else(standard).unwrap_or_else(|| draft.name.clone());
        let follow_up = match standing.role {
            Some(Role::Follows { kind, of, why, .. }) => Some(OutgoingFollowUp {
                kind,
                event: of,
                delivery: DeliveryId::derive(of, standing.destination, 0),
                why,
            }),
            Some(Role::Withheld { .. }) | None => None,
        };
        Self {
            delivery: standing.delivery,
            event: standing.event,
            message: standing.event.message(),
            kind: draft.kind,
            name,
            time: draft.time,
            dedupe_id: draft.dedupe_id.clone(),
            received: standing.received,
            profile: standing.profile,
            identifiers: draft.identifiers.clone(),
            traits: draft.traits.clone(),
            attributes: draft.attributes.clone(),
            groups: draft.groups.clone(),
            group_traits: draft.group_traits.clone(),
            consents: draft.consents.clone(),
            context: standing.context,
            source: standing.source,
            follow_up,
            is_test: standing.is_test,
        }
    }
}

impl fmt::Debug for OutgoingEvent {
    /// Ids only: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingEvent")
            .field("delivery", &self.delivery)
            .field("event", &self.event)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
