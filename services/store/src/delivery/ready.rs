//! Pending deliveries with all that is needed to send them, for a worker that has none of it in memory.

use std::{collections::HashMap, sync::Arc};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use tributary_domain::{
    id::{DeliveryId, DestinationId, EventId, MessageId, SourceId, TenantId},
    time::Timestamp,
};

use super::DeliveryRecord;
use crate::{
    Page, Paged, Store, StoreError, TenantScope,
    column::id,
    entity::{delivery, delivery_attempt, message, source},
    event::EventRecord,
    ledger::{ReadyDelivery, StoredEvent},
};

/// How an attempt ends that says nothing of its event: the destination is not set up, its credential is not taken, or
/// something else of the same request was refused.
const NO_TRIES: [&str; 3] = ["SUSPENDED", "HELD", SPLIT];
/// The last of them: the request was refused for something in it, and is made again in parts.
pub(super) const SPLIT: &str = "SPLIT";

/// Attempts at a delivery that are none of its tries.
#[derive(Debug, Clone, Copy, Default)]
struct NoTries {
    count: u32,
    /// Whether it was replayed.
    is_replay: bool,
}

impl TenantScope<'_> {
    /// The pending deliveries for a destination that are due before `due_before`, those due longest first, with their
    /// events. The next page begins after the time and the id of the last one of this.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ready_deliveries(
        &self,
        destination: DestinationId,
        due_before: Timestamp,
        page: Page<(Timestamp, DeliveryId)>,
    ) -> Result<Paged<ReadyDelivery, (Timestamp, DeliveryId)>, StoreError> {
        let Paged { items: pending, next } = self.pending_deliveries(destination, due_before, page).await?;
        let mut ids: Vec<EventId> = pending.iter().map(|delivery| delivery.event).collect();
        ids.dedup();
        let traces = self.trace_parents(&ids).await?;
        let events: HashMap<EventId, Arc<StoredEvent>> = self
            .events_by_id(&ids)
            .await?
            .into_iter()
            .map(|event| (event.id, Arc::new(stored(event, &traces))))
            .collect();
        let tried = pending.iter().filter(|delivery| delivery.attempts > 0);
        let before = self.no_tries(tried.map(|delivery| delivery.id.to_string()).collect()).await?;
        let items =
            pending.into_iter().filter_map(|delivery| self.ready(&delivery, &events, &before)).collect();
        Ok(Paged { items, next })
    }

    /// How many of these deliveries' attempts are none of their tries: those before it was replayed, and since then those
    /// that say nothing of its event.
    async fn no_tries(&self, deliveries: Vec<String>) -> Result<HashMap<String, NoTries>, StoreError> {
        let replayed: HashMap<String, i32> =
            self.attempts_before(deliveries.iter().cloned()).await?.into_iter().collect();
        let of_replay = |(id, count): (&String, &i32)| {
            (id.clone(), NoTries { count: count.unsigned_abs(), is_replay: true })
        };
        let mut before: HashMap<String, NoTries> = replayed.iter().map(of_replay).collect();
        if deliveries.is_empty() {
            return Ok(before);
        }
        let suspended: Vec<(String, i32)> = delivery_attempt::Entity::find()
            .select_only()
            .columns([delivery_attempt::Column::DeliveryId, delivery_attempt::Column::Number])
            .filter(delivery_attempt::Column::TenantId.eq(self.key()))
            .filter(delivery_attempt::Column::DeliveryId.is_in(deliveries))
            .filter(delivery_attempt::Column::Outcome.is_in(NO_TRIES))
            .into_tuple()
            .all(&self.reader())
            .await?;
        let since = |(id, number): &(String, i32)| replayed.get(id).is_none_or(|before| number > before);
        for (id, _) in suspended.into_iter().filter(since) {
            before.entry(id).or_default().count += 1;
        }
        Ok(before)
    }

    fn ready(
        &self,
        delivery: &DeliveryRecord,
        events: &HashMap<EventId, Arc<StoredEvent>>,
        before: &HashMap<String, NoTries>,
    ) -> Option<ReadyDelivery> {
        let NoTries { count, is_replay } = before.get(&delivery.id.to_string()).copied().unwrap_or_default();
        Some(ReadyDelivery {
            tenant: self.id(),
            destination: delivery.destination,
            delivery: delivery.id,
            attempts: delivery.attempts,
            before: count,
            is_replay,
            due: delivery.due_at,
            event: Arc::clone(events.get(&delivery.event)?),
        })
    }

    async fn trace_parents(&self, events: &[EventId]) -> Result<HashMap<MessageId, String>, StoreError> {
        let rows: Vec<(String, Option<String>)> = message::Entity::find()
            .select_only()
            .columns([message::Column::Id, message::Column::TraceParent])
            .filter(message::Column::TenantId.eq(self.key()))
            .filter(message::Column::Id.is_in(events.iter().map(|event| event.message().to_string())))
            .into_tuple()
            .all(&self.reader())
            .await?;
        let traced = rows.into_iter().filter_map(|(message, trace)| Some((message, trace?)));
        traced.map(|(message, trace)| Ok((id(&message, "messages.id")?, trace))).collect()
    }

    /// The names that people see of the tenant's sources, the deleted ones too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn source_names(&self) -> Result<HashMap<SourceId, String>, StoreError> {
        let rows: Vec<(String, String)> = source::Entity::find()
            .select_only()
            .columns([source::Column::Id, source::Column::DisplayName])
            .filter(source::Column::TenantId.eq(self.key()))
            .into_tuple()
            .all(&self.reader())
            .await?;
        rows.into_iter().map(|(source, name)| Ok((id(&source, "sources.id")?, name))).collect()
    }
}

impl Store {
    /// The destinations of all tenants that have pending deliveries: who has work when the server starts. This reads
    /// across tenants; each answer names its own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn destinations_with_pending(&self) -> Result<Vec<(TenantId, DestinationId)>, StoreError> {
        let rows: Vec<(String, String)> = delivery::Entity::find()
            .select_only()
            .columns([delivery::Column::TenantId, delivery::Column::DestinationId])
            .filter(Expr::cust("\"deliveries\".\"state\" = 'PENDING'"))
            .distinct()
            .into_tuple()
            .all(self.reader())
            .await?;
        rows.iter()
            .map(|(tenant, destination)| {
                Ok((id(tenant, "deliveries.tenant_id")?, id(destination, "deliveries.destination_id")?))
            })
            .collect()
    }
}

fn stored(event: EventRecord, traces: &HashMap<MessageId, String>) -> StoredEvent {
    StoredEvent {
        id: event.id,
        source: event.source,
        workflow: event.workflow,
        profile: event.profile,
        received: event.received_at,
        trace_parent: traces.get(&event.id.message()).cloned(),
        data: event.data,
    }
}
