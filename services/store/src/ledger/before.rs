//! What stands of messages that are processed again: nothing of it happens a second time.

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::{DatabaseTransaction, FromQueryResult};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tributary_domain::{
    event::EventData,
    id::{DeliveryId, DestinationId, EventId, MessageId, ProfileId, TenantId, WorkflowId},
    identity::Step,
    time::Timestamp,
    workflow::status::RunStatus,
};

use super::{
    load::Sql,
    plan::{MessagePlan, Origin},
    rehearse::EventBefore,
};
use crate::{
    StoreError,
    column::{id, json, optional_id},
    entity::message_replay,
    message::MessageRun,
    packed::unpack,
};

/// How a message stood before it was processed again, as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stood {
    /// What had become of it: a code of [`super::Fate`].
    pub(crate) fate: String,
    /// How its runs had ended.
    pub(crate) runs: Vec<MessageRun>,
}

/// A message of the held lane, as it stands in the log.
#[derive(Debug)]
pub(super) struct Earlier {
    pub(super) stood: Stood,
    pub(super) committed_at: i64,
    /// A replay found it applied, whatever became of it then.
    was_applied: bool,
}

/// What was there before of the messages in a batch that do not come straight from the journal.
#[derive(Debug, Default)]
pub(super) struct Before {
    messages: HashMap<MessageId, Earlier>,
    events: HashMap<EventId, EventData>,
    workflows: HashMap<EventId, WorkflowId>,
    profiles: HashMap<EventId, ProfileId>,
    deliveries: HashSet<DeliveryId>,
    evidence: HashMap<EventId, Vec<Step>>,
    replays: HashMap<MessageId, message_replay::Model>,
}

/// What stands of one message.
#[derive(Debug, Default)]
pub(super) struct StoodAs {
    pub(super) runs: Vec<MessageRun>,
    pub(super) events: Vec<EventBefore>,
    pub(super) deliveries: HashSet<DeliveryId>,
}

#[derive(FromQueryResult)]
struct MessageRow {
    id: String,
    fate: String,
    committed_at: i64,
    runs: String,
    was_applied: bool,
}

const MESSAGES: Sql = Sql {
    sqlite: "SELECT m.id, m.fate, m.committed_at, m.runs, EXISTS (SELECT 1 FROM message_replays r \
             WHERE r.tenant_id = m.tenant_id AND r.message_id = m.id AND r.before LIKE '{\"fate\":\"APPLIED\"%') \
             AS was_applied FROM jsonb_each(?1) k CROSS JOIN messages m ON m.id = k.value ->> 1 AND m.tenant_id = k.value ->> 0",
    postgres: "SELECT m.id, m.fate, m.committed_at, m.runs, EXISTS (SELECT 1 FROM message_replays r \
               WHERE r.tenant_id = m.tenant_id AND r.message_id = m.id AND r.before LIKE '{\"fate\":\"APPLIED\"%') \
               AS was_applied FROM jsonb_array_elements($1::jsonb) k(value) JOIN messages m ON m.id = k.value ->> 1 AND m.tenant_id = k.value ->> 0",
};

const REPLAYS: Sql = Sql {
    sqlite: "SELECT r.* FROM jsonb_each(?1) k CROSS JOIN message_replays r ON r.tenant_id = k.value ->> 0 \
             AND r.message_id = k.value ->> 1 AND r.position = k.value ->> 2",
    postgres: "SELECT r.* FROM jsonb_array_elements($1::jsonb) k(value) JOIN message_replays r \
               ON r.tenant_id = k.value ->> 0 AND r.message_id = k.value ->> 1 AND r.position = (k.value ->> 2)::bigint",
};

#[derive(FromQueryResult)]
struct EventRow {
    id: String,
    workflow_id: String,
    profile_id: Option<String>,
    data: Vec<u8>,
}

const EVENTS: Sql = Sql {
    sqlite: "SELECT e.id, e.workflow_id, e.profile_id, e.data FROM jsonb_each(?1) k CROSS JOIN events e ON e.tenant_id = k.value ->> 0 \
             AND e.id BETWEEN k.value ->> 1 AND k.value ->> 2",
    postgres: "SELECT e.id, e.workflow_id, e.profile_id, e.data FROM jsonb_array_elements($1::jsonb) k(value) JOIN events e \
               ON e.tenant_id = k.value ->> 0 AND e.id BETWEEN k.value ->> 1 AND k.value ->> 2",
};

#[derive(FromQueryResult)]
struct EvidenceRow {
    event_id: String,
    change: String,
}

const EVIDENCE: Sql = Sql {
    sqlite: "SELECT e.event_id, e.change FROM jsonb_each(?1) k CROSS JOIN evidence e ON e.tenant_id = k.value ->> 0 \
             AND e.event_id BETWEEN k.value ->> 1 AND k.value ->> 2",
    postgres: "SELECT e.event_id, e.change FROM jsonb_array_elements($1::jsonb) k(value) JOIN evidence e \
               ON e.tenant_id = k.value ->> 0 AND e.event_id BETWEEN k.value ->> 1 AND k.value ->> 2",
};

#[derive(FromQueryResult)]
struct DeliveryRow {
    id: String,
}

const DELIVERIES: Sql = Sql {
    sqlite: "SELECT d.id FROM jsonb_each(?1) k CROSS JOIN deliveries d ON d.tenant_id = k.value ->> 0 \
             AND d.id BETWEEN k.value ->> 3 AND k.value ->> 4",
    postgres: "SELECT d.id FROM jsonb_array_elements($1::jsonb) k(value) JOIN deliveries d \
               ON d.tenant_id = k.value ->> 0 AND d.id BETWEEN k.value ->> 3 AND k.value ->> 4",
};

impl Before {
    /// What the log has of these plans' messages. Those that come straight from the journal are new.
    pub(super) async fn load(txn: &DatabaseTransaction, plans: &[MessagePlan]) -> Result<Self, StoreError> {
        let keys: Vec<_> = plans
            .iter()
            .filter_map(|plan| match plan.origin {
                Origin::Held(position) => Some(json!([plan.tenant, plan.message, position])),
                Origin::Journal => None,
            })
            .collect();
        let mut before = Self::default();
        if keys.is_empty() {
            return Ok(before);
        }
        for row in MESSAGES.rows::<MessageRow>(txn, &keys).await? {
            let stood = Stood { fate: row.fate, runs: json(&row.runs, "messages.runs")? };
            let earlier = Earlier { stood, committed_at: row.committed_at, was_applied: row.was_applied };
            before.messages.insert(id(&row.id, "messages.id")?, earlier);
        }
        for row in REPLAYS.rows::<message_replay::Model>(txn, &keys).await? {
            before.replays.insert(id(&row.message_id, "message_replays.message_id")?, row);
        }
        // Most were only held, and nothing followed from them yet.
        let ranges: Vec<_> = plans.iter().filter(|plan| before.has_runs(plan.message)).map(range).collect();
        if ranges.is_empty() {
            return Ok(before);
        }
        for row in EVENTS.rows::<EventRow>(txn, &ranges).await? {
            let data = unpack(&row.data, "events.data")?;
            let data = serde_json::from_slice(&data).map_err(|_| StoreError::corrupt("events.data"))?;
            let event = id(&row.id, "events.id")?;
            before.events.insert(event, data);
            before.workflows.insert(event, id(&row.workflow_id, "events.workflow_id")?);
            let profile = optional_id(row.profile_id.as_deref(), "events.profile_id")?;
            before.profiles.extend(profile.map(|profile| (event, profile)));
        }
        for row in EVIDENCE.rows::<EvidenceRow>(txn, &ranges).await? {
            before
                .evidence
                .insert(id(&row.event_id, "evidence.event_id")?, json(&row.change, "evidence.change")?);
        }
        for row in DELIVERIES.rows::<DeliveryRow>(txn, &ranges).await? {
            before.deliveries.insert(id(&row.id, "deliveries.id")?);
        }
        Ok(before)
    }

    /// How the message stood; nothing when it is new.
    pub(super) fn message(&self, message: MessageId) -> Option<&Earlier> {
        self.messages.get(&message)
    }

    /// Whether the message was processed before, and not only held or parked.
    pub(super) fn was_applied(&self, message: MessageId) -> bool {
        self.message(message).is_some_and(|earlier| {
            earlier.was_applied
                || earlier.stood.fate == "APPLIED"
                || earlier.stood.runs.iter().any(|run| run.status != RunStatus::Parked)
        })
    }

    /// The workflow of an event that was stored, its data, and the profile that it was written for.
    pub(super) fn stored(&self, event: EventId) -> Option<(WorkflowId, &EventData, Option<ProfileId>)> {
        let data = self.events.get(&event)?;
        Some((*self.workflows.get(&event)?, data, self.profiles.get(&event).copied()))
    }

    /// The profiles that the events were written for.
    pub(super) fn profiles(&self) -> impl Iterator<Item = ProfileId> {
        self.profiles.values().copied()
    }

    /// Whom the events of these plans were about, and whom those were kept from joining: all of them may have been merged
    /// since.
    pub(super) fn people<'a>(
        &'a self,
        plans: &[MessagePlan],
    ) -> impl Iterator<Item = (TenantId, ProfileId)> + use<'a> {
        let tenants: HashMap<MessageId, TenantId> =
            plans.iter().map(|plan| (plan.message, plan.tenant)).collect();
        self.events.iter().flat_map(move |(event, data)| {
            let others = data.steps.iter().filter_map(|step| match step {
                Step::Refused { other, .. } => Some(*other),
                _ => None,
            });
            let people = others.chain(self.profiles.get(event).copied());
            let tenant = tenants.get(&event.message()).copied();
            people.filter_map(move |profile| Some((tenant?, profile)))
        })
    }

    /// All of it by message, with the profiles that `live` makes of those that the events were written for.
    pub(super) fn by_message(self, live: impl Fn(ProfileId) -> ProfileId) -> HashMap<MessageId, StoodAs> {
        let mut all: HashMap<MessageId, StoodAs> = HashMap::new();
        for (message, earlier) in self.messages {
            all.entry(message).or_default().runs = earlier.stood.runs;
        }
        for (event, data) in self.events {
            let profile = self.profiles.get(&event).map(|profile| live(*profile));
            let stood = all.entry(event.message()).or_default();
            stood.events.push(EventBefore { id: event, profile, data });
        }
        for delivery in self.deliveries {
            all.entry(delivery.message()).or_default().deliveries.insert(delivery);
        }
        all
    }

    fn has_runs(&self, message: MessageId) -> bool {
        self.message(message).is_some_and(|earlier| !earlier.stood.runs.is_empty())
    }

    /// The event as it was stored.
    pub(super) fn event(&self, event: EventId) -> Option<&EventData> {
        self.events.get(&event)
    }

    /// Whether there is such a delivery.
    pub(super) fn has_delivery(&self, delivery: DeliveryId) -> bool {
        self.deliveries.contains(&delivery)
    }

    /// Where the event went, of all places that it could have gone to.
    pub(super) fn sent(
        &self,
        plan: &MessagePlan,
        event: EventId,
        routes: &[DestinationId],
    ) -> Vec<DestinationId> {
        if !self.has_runs(plan.message) {
            return Vec::new();
        }
        let known: BTreeSet<DestinationId> = plan.destinations.all.iter().chain(routes).copied().collect();
        known.into_iter().filter(|to| self.has_delivery(DeliveryId::derive(event, *to, 0))).collect()
    }

    /// What the event changed of identity before.
    pub(super) fn evidence(&self, event: EventId) -> Option<&[Step]> {
        self.evidence.get(&event).map(Vec::as_slice)
    }

    /// Takes out the note that the message is replayed, with how it stood; nothing for one that was only held.
    pub(super) fn replayed(
        &mut self,
        message: MessageId,
        now: Timestamp,
    ) -> Result<Option<message_replay::Model>, StoreError> {
        let Some(row) = self.replays.remove(&message) else { return Ok(None) };
        let stood =
            self.message(message).map(|earlier| crate::column::to_json(&earlier.stood)).transpose()?;
        Ok(Some(message_replay::Model { replayed_at: Some(now.micros()), before: stood, ..row }))
    }
}

/// The keys of all that can belong to a message.
fn range(plan: &MessagePlan) -> serde_json::Value {
    let ((first, last), (low, high)) = (EventId::range(plan.message), DeliveryId::range(plan.message));
    json!([plan.tenant, first, last, low, high])
}
