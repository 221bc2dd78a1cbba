//! What was made of a person's messages: their events, and what follows from these.

use std::collections::BTreeSet;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use tributary_domain::{
    id::{DeliveryId, DestinationId, EventId, MessageId, ProfileId},
    time::Timestamp,
};

use super::{ErasureRecord, Part, Progress, advance, messages, receipt};
use crate::{
    Lane, Store, StoreError,
    column::id,
    delivery::DeliveryState,
    entity::{
        delivery, delivery_attempt, delivery_replay, event, evidence, held_message, parked_message, workflow,
        workflow_sample,
    },
    txn::Txn,
};

/// Events that one step goes through.
const STEP: u64 = 50;

/// What was given up says this.
const GIVEN_UP: &str = "the person was erased";

/// An event of the person.
struct Found {
    id: EventId,
    name: String,
}

impl Store {
    /// Gives up the deliveries that wait of some of a person's events. Says for which destinations there were any.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn give_up_deliveries(
        &self,
        erasure: &ErasureRecord,
        now: Timestamp,
    ) -> Result<BTreeSet<DestinationId>, StoreError> {
        let people = self.wanted(erasure)?.people;
        let (found, place) = self.events_of(erasure, &people, erasure.place.as_deref()).await?;
        let (found, place) = (&found, &place);
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let mut destinations = BTreeSet::new();
            for event in found {
                let waiting = deliveries(txn, erasure, event.id).await?;
                let waiting = waiting.into_iter().filter(|row| row.state == DeliveryState::Pending.code());
                let waiting: Vec<_> = waiting.collect();
                for row in &waiting {
                    destinations.insert(id(&row.destination_id, "deliveries.destination_id")?);
                }
                let given_up = delivery::ActiveModel {
                    state: Set(DeliveryState::Failed.code().to_owned()),
                    completed_at: Set(Some(now.micros())),
                    last_error: Set(Some(GIVEN_UP.to_owned())),
                    ..Default::default()
                };
                delivery::Entity::update_many()
                    .set(given_up)
                    .filter(delivery::Column::TenantId.eq(erasure.tenant.to_string()))
                    .filter(delivery::Column::Id.is_in(waiting.iter().map(|row| row.id.as_str())))
                    .exec(txn)
                    .await?;
            }
            let progress = match place {
                Some(place) => Progress::at(Some(place.clone())),
                None => Progress::to(Part::Settle),
            };
            advance(txn, erasure, &progress, now).await?;
            Ok(destinations)
        };
        self.write_txn(Lane::Other, "erasure.deliveries", write).await
    }

    /// Removes some of a person's events with all that followed from them, and what their messages hold.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn erase_events(&self, erasure: &ErasureRecord, now: Timestamp) -> Result<(), StoreError> {
        let people = self.wanted(erasure)?.people;
        // What is removed is not found again.
        let (found, place) = self.events_of(erasure, &people, None).await?;
        let is_all = place.is_none();
        let found = &found;
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let mut progress = if is_all { Progress::to(Part::Mentions) } else { Progress::default() };
            for event in found {
                remove(txn, erasure, event, &mut progress).await?;
            }
            let of: BTreeSet<MessageId> = found.iter().map(|event| event.id.message()).collect();
            for message in &of {
                messages::suppress_runs(txn, erasure.tenant, *message).await?;
            }
            let of: Vec<String> = of.iter().map(ToString::to_string).collect();
            remove_copies(txn, erasure, &of, &mut progress, now).await?;
            progress.count("messages", messages::blank(txn, erasure.tenant, &of).await?);
            advance(txn, erasure, &progress, now).await
        };
        self.write_txn(Lane::Other, "erasure.events", write).await
    }

    /// Some events of these people, after a place, and the place of the next ones; none: these were the last.
    async fn events_of(
        &self,
        erasure: &ErasureRecord,
        people: &[ProfileId],
        after: Option<&str>,
    ) -> Result<(Vec<Found>, Option<String>), StoreError> {
        let mut found = Vec::new();
        let (of, mut after) = match after.and_then(|place| place.split_once(' ')) {
            Some((person, event)) => (id::<ProfileId>(person, "erasures.place")?, Some(event.to_owned())),
            None => (people.first().copied().unwrap_or(erasure.profile), None),
        };
        for person in people.iter().skip_while(|person| **person != of) {
            let mut query = event::Entity::find()
                .select_only()
                .columns([event::Column::Id, event::Column::Name])
                .filter(event::Column::TenantId.eq(erasure.tenant.to_string()))
                .filter(event::Column::ProfileId.eq(person.to_string()));
            if let Some(after) = after.take() {
                query = query.filter(event::Column::Id.gt(after));
            }
            let limit = STEP - found.len() as u64;
            let rows: Vec<(String, String)> =
                query.order_by_asc(event::Column::Id).limit(limit).into_tuple().all(self.reader()).await?;
            let is_full = rows.len() as u64 == limit;
            let last = rows.last().map(|(event, _)| format!("{person} {event}"));
            for (event, name) in rows {
                found.push(Found { id: id(&event, "events.id")?, name });
            }
            if is_full {
                return Ok((found, last));
            }
        }
        Ok((found, None))
    }
}

async fn deliveries(
    txn: &DatabaseTransaction,
    erasure: &ErasureRecord,
    event: EventId,
) -> Result<Vec<delivery::Model>, StoreError> {
    let (low, high) = DeliveryId::range(event.message());
    let rows = delivery::Entity::find()
        .filter(delivery::Column::TenantId.eq(erasure.tenant.to_string()))
        .filter(delivery::Column::Id.between(low.to_string(), high.to_string()))
        .filter(delivery::Column::EventId.eq(event.to_string()))
        .all(txn)
        .await?;
    Ok(rows)
}

async fn remove(
    txn: &DatabaseTransaction,
    erasure: &ErasureRecord,
    event: &Found,
    progress: &mut Progress,
) -> Result<(), StoreError> {
    let own = erasure.tenant.to_string();
    let sent = deliveries(txn, erasure, event.id).await?;
    receipt::note(txn, erasure, &event.name, &sent).await?;
    let ids = || sent.iter().map(|row| row.id.as_str());
    let attempts = delivery_attempt::Entity::delete_many()
        .filter(delivery_attempt::Column::TenantId.eq(own.as_str()))
        .filter(delivery_attempt::Column::DeliveryId.is_in(ids()));
    progress.count("delivery_attempts", attempts.exec(txn).await?.rows_affected);
    let replays = delivery_replay::Entity::delete_many()
        .filter(delivery_replay::Column::TenantId.eq(own.as_str()))
        .filter(delivery_replay::Column::DeliveryId.is_in(ids()));
    progress.count("delivery_replays", replays.exec(txn).await?.rows_affected);
    let removed = delivery::Entity::delete_many()
        .filter(delivery::Column::TenantId.eq(own.as_str()))
        .filter(delivery::Column::Id.is_in(ids()));
    progress.count("deliveries", removed.exec(txn).await?.rows_affected);
    let key = || (own.clone(), event.id.to_string());
    progress.count("evidence", evidence::Entity::delete_by_id(key()).exec(txn).await?.rows_affected);
    progress.count("events", event::Entity::delete_by_id(key()).exec(txn).await?.rows_affected);
    Ok(())
}

/// Parked and pinned copies of these messages. Those in the held lane are the ledger's: see [`super::scan`].
async fn remove_copies(
    txn: &DatabaseTransaction,
    erasure: &ErasureRecord,
    of: &[String],
    progress: &mut Progress,
    now: Timestamp,
) -> Result<(), StoreError> {
    let own = erasure.tenant.to_string();
    let parked = parked_message::Entity::delete_many()
        .filter(parked_message::Column::TenantId.eq(own.as_str()))
        .filter(parked_message::Column::MessageId.is_in(of));
    progress.count("parked_messages", parked.exec(txn).await?.rows_affected);
    let positions: Vec<i64> = held_message::Entity::find()
        .select_only()
        .column(held_message::Column::Position)
        .filter(held_message::Column::TenantId.eq(own.as_str()))
        .filter(held_message::Column::MessageId.is_in(of))
        .into_tuple()
        .all(txn)
        .await?;
    progress.count("held_messages", positions.len() as u64);
    super::scan::drop_held(txn, erasure, &positions, now).await?;
    let pinned: Vec<String> = workflow_sample::Entity::find()
        .select_only()
        .column(workflow_sample::Column::WorkflowId)
        .filter(workflow_sample::Column::TenantId.eq(own.as_str()))
        .filter(workflow_sample::Column::MessageId.is_in(of))
        .into_tuple()
        .all(txn)
        .await?;
    progress.count("workflow_samples", unpin(txn, &own, &pinned).await?);
    Ok(())
}

/// Takes what is pinned to these workflows away.
pub(super) async fn unpin(
    txn: &DatabaseTransaction,
    tenant: &str,
    workflows: &[String],
) -> Result<u64, StoreError> {
    let none = workflow::ActiveModel { sample_message: Set(None), ..Default::default() };
    workflow::Entity::update_many()
        .set(none)
        .filter(workflow::Column::TenantId.eq(tenant))
        .filter(workflow::Column::Id.is_in(workflows))
        .exec(txn)
        .await?;
    let samples = workflow_sample::Entity::delete_many()
        .filter(workflow_sample::Column::TenantId.eq(tenant))
        .filter(workflow_sample::Column::WorkflowId.is_in(workflows));
    Ok(samples.exec(txn).await?.rows_affected)
}
