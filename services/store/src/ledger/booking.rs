//! The bookings that a batch is about: what was heard of them, what was told of them, and what has to be told now.
//!
//! Most messages are the first of their booking, and nothing is known of it: that costs the batch one look-up, of keys.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use sea_orm::{DatabaseTransaction, FromQueryResult};
use serde_json::{Map, Value, json};
use tributary_domain::{
    booking::{BookingFacts, Conversion, Due, Fact, KeyHash, KeyScope, Made, Role, Told, Verdict},
    event::EventData,
    id::{ConversionId, DestinationId, EventId, MessageId, ProfileId, TenantId, WorkflowId},
    time::Timestamp,
    workflow::event::EventDraft,
};

use super::{
    before::Before,
    difference::Difference,
    load::Sql,
    plan::{MessagePlan, PlannedRun, StoredEvent, Work},
};
use crate::{
    StoreError,
    column::{bits, id, json as read, optional_id, to_json},
    entity::{conversion, conversion_key},
    key::KeyHash as Hashed,
    packed::unpack,
};

/// The bookings of a batch.
#[derive(Debug, Default)]
pub(super) struct Bookings {
    slots: Vec<Slot>,
    /// Which of them a key means.
    by_key: HashMap<KeyHash, usize>,
    /// What messages say that were not processed yet.
    facts: HashMap<MessageId, Fact>,
    /// Which conversion a key means in the database.
    stored: HashMap<KeyHash, ConversionId>,
    /// The events that something may follow.
    originals: HashMap<EventId, Original>,
    /// That of the message which is processed now.
    current: Option<usize>,
}

/// A conversion, as it is now.
#[derive(Debug)]
struct Slot {
    tenant: TenantId,
    id: ConversionId,
    conversion: Conversion,
    profile: Option<ProfileId>,
    first: Timestamp,
    last: Timestamp,
    is_stored: bool,
    is_changed: bool,
    /// It became a part of another.
    is_joined: bool,
}

/// What an event that follows another takes over.
#[derive(Debug)]
struct Original {
    tenant: TenantId,
    workflow: WorkflowId,
    profile: Option<ProfileId>,
    draft: Arc<EventDraft>,
    context: Arc<Map<String, Value>>,
    is_test: bool,
}

/// An event that no workflow made: it follows another.
#[derive(Debug)]
pub(super) struct Occasion {
    pub(super) event: EventId,
    pub(super) workflow: WorkflowId,
    pub(super) profile: Option<ProfileId>,
    pub(super) data: EventData,
    /// When what it follows happened, or was accepted where that was before.
    pub(super) dated: Timestamp,
    pub(super) destinations: Vec<DestinationId>,
}

#[derive(FromQueryResult)]
struct KeyRow {
    key_hash: Vec<u8>,
    conversion_id: Vec<u8>,
}

const KEYS: Sql = Sql {
    sqlite: "SELECT c.key_hash, c.conversion_id FROM json_each(?1) k CROSS JOIN conversion_keys c \
             ON c.key_hash = unhex(k.value)",
    postgres: "SELECT c.key_hash, c.conversion_id FROM jsonb_array_elements_text($1::jsonb) k(value) \
               JOIN conversion_keys c ON c.key_hash = decode(k.value, 'hex')",
};

const CONVERSIONS: Sql = Sql {
    sqlite: "SELECT c.* FROM jsonb_each(?1) k CROSS JOIN conversions c ON c.tenant_id = k.value ->> 0 \
             AND c.id = k.value ->> 1",
    postgres: "SELECT c.* FROM jsonb_array_elements($1::jsonb) k(value) JOIN conversions c \
               ON c.tenant_id = k.value ->> 0 AND c.id = k.value ->> 1",
};

#[derive(FromQueryResult)]
struct EventRow {
    tenant_id: String,
    id: String,
    workflow_id: String,
    profile_id: Option<String>,
    data: Vec<u8>,
}

const EVENTS: Sql = Sql {
    sqlite: "SELECT e.tenant_id, e.id, e.workflow_id, e.profile_id, e.data FROM jsonb_each(?1) k CROSS JOIN events e \
             ON e.tenant_id = k.value ->> 0 AND e.id = k.value ->> 1",
    postgres: "SELECT e.tenant_id, e.id, e.workflow_id, e.profile_id, e.data FROM jsonb_array_elements($1::jsonb) k(value) \
               JOIN events e ON e.tenant_id = k.value ->> 0 AND e.id = k.value ->> 1",
};

impl Bookings {
    /// What is known of the bookings that these plans' messages are about; `before` is what stands of the messages.
    pub(super) async fn load(
        txn: &DatabaseTransaction,
        plans: &[MessagePlan],
        before: &Before,
    ) -> Result<Self, StoreError> {
        let mut bookings = Self::default();
        let mut keys: HashMap<KeyHash, TenantId> = HashMap::new();
        for (plan, fact) in plans.iter().filter_map(|plan| Some((plan, fact(plan)?))) {
            keys.extend(fact.keys().map(|key| (key, plan.tenant)));
            bookings.facts.insert(plan.message, fact);
        }
        if keys.is_empty() {
            return Ok(bookings);
        }
        let rows: Vec<KeyRow> = KEYS.rows(txn, &keys.keys().collect::<Vec<_>>()).await?;
        let mut wanted = BTreeSet::new();
        for row in rows {
            let key = row.key_hash.try_into().map(KeyHash);
            let key = key.map_err(|_| StoreError::corrupt("conversion_keys.key_hash"))?;
            let conversion =
                ConversionId::from_bits(bits(&row.conversion_id, "conversion_keys.conversion_id")?);
            let tenant = keys.get(&key).ok_or_else(|| StoreError::corrupt("conversion_keys.key_hash"))?;
            bookings.stored.insert(key, conversion);
            wanted.insert((*tenant, conversion));
        }
        if !wanted.is_empty() {
            let rows: Vec<conversion::Model> = CONVERSIONS.rows(txn, &wanted).await?;
            rows.iter().try_for_each(|row| bookings.take(row))?;
            bookings.load_originals(txn, before).await?;
        }
        Ok(bookings)
    }

    /// The events that something may follow.
    pub(super) fn originals(&self) -> impl Iterator<Item = (TenantId, &EventDraft)> {
        self.originals.values().map(|original| (original.tenant, original.draft.as_ref()))
    }

    /// Whom those are about.
    pub(super) fn people(&self) -> impl Iterator<Item = (TenantId, ProfileId)> {
        self.originals.values().filter_map(|original| Some((original.tenant, original.profile?)))
    }

    fn take(&mut self, row: &conversion::Model) -> Result<(), StoreError> {
        let conversion: Conversion = read(&row.data, "conversions.data")?;
        let id = id(&row.id, "conversions.id")?;
        for key in conversion.lineage.keys() {
            if *self.stored.entry(key).or_insert(id) == id {
                self.by_key.insert(key, self.slots.len());
            }
        }
        self.slots.push(Slot {
            tenant: crate::column::id(&row.tenant_id, "conversions.tenant_id")?,
            id,
            conversion,
            profile: optional_id(row.profile_id.as_deref(), "conversions.profile_id")?,
            first: Timestamp::from_micros(row.first_at),
            last: Timestamp::from_micros(row.last_at),
            is_stored: true,
            is_changed: false,
            is_joined: false,
        });
        Ok(())
    }

    async fn load_originals(&mut self, txn: &DatabaseTransaction, before: &Before) -> Result<(), StoreError> {
        let told = self.slots.iter().flat_map(|slot| {
            let standing = slot.conversion.told.iter().filter(|told| told.retracted.is_none());
            // What restated it last tells as much, where the event itself aged out.
            let told = standing.flat_map(|told| [Some(told.event), told.restated.last().copied()]);
            told.flatten().map(|event| (slot.tenant, event))
        });
        let mut wanted: Vec<Value> = Vec::new();
        for (tenant, event) in told.collect::<Vec<_>>() {
            // What is processed again is mostly what told of its booking.
            match before.stored(event) {
                Some((workflow, data, profile)) => {
                    let (draft, context) = (Arc::clone(&data.draft), Arc::clone(&data.context));
                    let is_test = data.is_test;
                    let original = Original { tenant, workflow, profile, draft, context, is_test };
                    self.originals.insert(event, original);
                }
                None => wanted.push(json!([tenant, event])),
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        for row in EVENTS.rows::<EventRow>(txn, &wanted).await? {
            let data = unpack(&row.data, "events.data")?;
            let data: EventData =
                serde_json::from_slice(&data).map_err(|_| StoreError::corrupt("events.data"))?;
            let original = Original {
                tenant: id(&row.tenant_id, "events.tenant_id")?,
                workflow: id(&row.workflow_id, "events.workflow_id")?,
                profile: optional_id(row.profile_id.as_deref(), "events.profile_id")?,
                draft: data.draft,
                context: data.context,
                is_test: data.is_test,
            };
            self.originals.insert(id(&row.id, "events.id")?, original);
        }
        Ok(())
    }

    /// Takes in what a message says of its booking, before its events are made; returns what has to be told because
    /// bookings turned out to be one.
    pub(super) fn observe(&mut self, plan: &MessagePlan) -> Vec<Due> {
        self.current = None;
        // A message that is twice in a batch says the same twice.
        let Some(fact) = self.facts.remove(&plan.message).or_else(|| fact(plan)) else { return Vec::new() };
        let keys: Vec<KeyHash> = fact.keys().collect();
        let known: BTreeSet<(ConversionId, usize)> =
            keys.iter().filter_map(|key| self.by_key.get(key)).map(|at| (self.slots[*at].id, *at)).collect();
        let mut known = known.into_iter().map(|(_, at)| at);
        // The oldest one goes on.
        let at = known.next().unwrap_or_else(|| self.begin(plan, &fact));
        let was_full = self.slots[at].conversion.lineage.is_full();
        let is_new = self.slots[at].conversion.lineage.observe(fact);
        let is_in =
            self.slots[at].conversion.lineage.facts().iter().any(|heard| heard.message == plan.message);
        // Of a booking of which too much was heard nothing more is told, rather than everything as if it were new.
        self.current = Some(at);
        if was_full && !is_in {
            return Vec::new();
        }
        let mut due = Vec::new();
        for other in known.collect::<Vec<_>>() {
            due.extend(self.join(at, other, plan));
        }
        for key in keys {
            self.by_key.entry(key).or_insert(at);
        }
        let slot = &mut self.slots[at];
        slot.is_changed |= is_new || !due.is_empty();
        slot.first = slot.first.min(plan.received);
        slot.last = slot.last.max(plan.received);
        due
    }

    fn begin(&mut self, plan: &MessagePlan, fact: &Fact) -> usize {
        self.slots.push(Slot {
            tenant: plan.tenant,
            id: ConversionId::derived(plan.message, &[&fact.key.0]),
            conversion: Conversion::default(),
            profile: None,
            first: plan.received,
            last: plan.received,
            is_stored: false,
            is_changed: true,
            is_joined: false,
        });
        self.slots.len() - 1
    }

    /// Makes the booking `other` a part of that at `at`; nothing is done when too much was heard of them.
    fn join(&mut self, at: usize, other: usize, plan: &MessagePlan) -> Vec<Due> {
        if !self.slots[at].conversion.lineage.fits(&self.slots[other].conversion.lineage) {
            return Vec::new();
        }
        let part = &mut self.slots[other];
        part.is_joined = true;
        let (conversion, profile) = (std::mem::take(&mut part.conversion), part.profile);
        let (first, last) = (part.first, part.last);
        for slot in self.by_key.values_mut().filter(|slot| **slot == other) {
            *slot = at;
        }
        let slot = &mut self.slots[at];
        slot.profile = slot.profile.or(profile);
        slot.first = slot.first.min(first);
        slot.last = slot.last.max(last);
        slot.is_changed = true;
        slot.conversion.join(conversion, plan.message)
    }

    /// What becomes of an event that a run made of the message that was observed last.
    pub(super) fn made(
        &mut self,
        plan: &MessagePlan,
        run: &PlannedRun,
        draft: &EventDraft,
        event: EventId,
        routes: &[DestinationId],
        before: &Before,
    ) -> Verdict {
        let (Some(at), Some(follow_up)) = (self.current, run.follow_up) else {
            return Verdict { role: None, destinations: routes.to_vec() };
        };
        let slot = &mut self.slots[at];
        let sent = before.sent(plan, event, routes);
        let (name, index) = (draft.name.as_str(), draft.index);
        let mut verdict = slot.conversion.made(&Made { event, name, index, follow_up, routes, sent: &sent });
        slot.is_changed = true;
        // What was told when the message was processed first stays said.
        if let (Some(Role::Follows { .. }), Some(said @ Role::Follows { .. })) =
            (verdict.role, before.event(event).and_then(|before| before.role))
        {
            verdict.role = Some(said);
        }
        if matches!(verdict.role, Some(Role::Follows { .. })) {
            verdict.destinations.retain(|to| plan.destinations.all.contains(to));
        }
        verdict
    }

    /// Whether what has this role follows a test.
    pub(super) fn follows_test(&self, role: Option<&Role>) -> bool {
        let Some(Role::Follows { of, .. }) = role else { return false };
        self.originals.get(of).is_some_and(|original| original.is_test)
    }

    /// Keeps in mind what may be followed, and whose the booking is.
    pub(super) fn remember(&mut self, event: &StoredEvent) {
        let Some(at) = self.current else { return };
        let slot = &mut self.slots[at];
        if slot.profile.is_none() && event.profile.is_some() {
            slot.profile = event.profile;
            slot.is_changed = true;
        }
        let is_told = |told: &Told| told.event == event.id || told.restated.last() == Some(&event.id);
        if slot.conversion.told.iter().any(is_told) {
            let original = Original {
                tenant: slot.tenant,
                workflow: event.workflow,
                profile: event.profile,
                draft: Arc::clone(&event.data.draft),
                context: Arc::clone(&event.data.context),
                is_test: event.data.is_test,
            };
            self.originals.insert(event.id, original);
        }
    }

    /// What has to be told now that all events of the message are made. Of an event that is not kept any more, nothing
    /// can be told.
    pub(super) fn due(&mut self, plan: &MessagePlan, joined: Vec<Due>) -> Vec<Occasion> {
        let Some(at) = self.current.take() else { return Vec::new() };
        let slot = &mut self.slots[at];
        let due: Vec<Due> = joined.into_iter().chain(slot.conversion.due(plan.message)).collect();
        slot.is_changed |= !due.is_empty();
        let heard = slot.conversion.lineage.facts().iter().find(|fact| fact.message == plan.message);
        let time = heard.map_or(plan.received, |fact| fact.at);
        due.into_iter().filter_map(|due| self.occasion(plan, due, time)).collect()
    }

    fn occasion(&self, plan: &MessagePlan, due: Due, time: Timestamp) -> Option<Occasion> {
        let original = self.originals.get(&due.of).or_else(|| self.originals.get(due.after.as_ref()?))?;
        let mut draft = EventDraft { time, rejected: Vec::new(), ..(*original.draft).clone() };
        if let Some(paid) = due.paid {
            draft.attributes.insert("value".to_owned(), json!(paid.value));
            if let Some(currency) = paid.currency {
                draft.attributes.insert("currency".to_owned(), Value::String(currency));
            }
        }
        let accepted = Timestamp::from_millis(due.of.message().millis().cast_signed());
        let role = Role::Follows { kind: due.kind, of: due.of, after: due.after, why: due.why };
        Some(Occasion {
            event: due.event,
            workflow: original.workflow,
            profile: original.profile,
            data: EventData {
                draft: Arc::new(draft),
                created: false,
                steps: Vec::new(),
                context: Arc::clone(&original.context),
                withheld: Vec::new(),
                role: Some(role),
                is_test: original.is_test,
            },
            dated: original.draft.time.min(accepted),
            destinations: due
                .destinations
                .into_iter()
                .filter(|to| plan.destinations.all.contains(to))
                .collect(),
        })
    }

    /// Adds the rows of what changed.
    pub(super) fn add(self, difference: &mut Difference, now: Timestamp) -> Result<(), StoreError> {
        let mut keys: Vec<_> = self
            .by_key
            .iter()
            .map(|(key, at)| (*key, self.slots[*at].id, self.stored.get(key)))
            .filter(|(_, owner, stored)| *stored != Some(owner))
            .collect();
        keys.sort_unstable_by_key(|(key, ..)| *key);
        for (key, owner, stored) in keys {
            let row = conversion_key::Model {
                key_hash: key.0.to_vec(),
                conversion_id: owner.bits().to_be_bytes().to_vec(),
            };
            difference.conversion_keys.push(row, stored.is_none());
        }
        for slot in self.slots {
            if slot.is_joined {
                difference.joined.extend(slot.is_stored.then_some((slot.tenant, slot.id)));
            } else if slot.is_changed {
                let is_new = !slot.is_stored;
                difference.conversions.push(slot.row(now)?, is_new);
            }
        }
        Ok(())
    }
}

impl Slot {
    fn row(self, now: Timestamp) -> Result<conversion::Model, StoreError> {
        Ok(conversion::Model {
            tenant_id: self.tenant.to_string(),
            id: self.id.to_string(),
            state: self.conversion.lineage.state().code().to_owned(),
            profile_id: self.profile.map(|profile| profile.to_string()),
            paid_at: self.conversion.lineage.paid().map(|paid| paid.at.micros()),
            first_at: self.first.micros(),
            last_at: self.last.micros(),
            updated_at: now.micros(),
            data: to_json(&self.conversion)?,
        })
    }
}

/// What the message of a plan says of a booking, if it is to be processed.
fn fact(plan: &MessagePlan) -> Option<Fact> {
    let Work::Apply(_) = plan.work else { return None };
    let BookingFacts { scope, key, previous, next, stages, at, paid } = plan.facts.booking.as_ref()?;
    let source = (*scope == KeyScope::Source).then_some(plan.source);
    let hash = |key: &String| KeyHash(Hashed::booking(plan.tenant, source, key).bytes());
    Some(Fact {
        message: plan.message,
        key: hash(key),
        previous: previous.as_ref().map(hash),
        next: next.as_ref().map(hash),
        stages: stages.clone(),
        at: at.unwrap_or(plan.received),
        paid: paid.clone(),
    })
}
