//! Where a platform hears of a person's events one after the other, also when one has to be tried again: who waits for whom.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
    sea_query::Expr,
};
use tributary_domain::{
    id::{DeliveryId, DestinationId, ProfileId},
    time::Timestamp,
};

use crate::{
    Lane, Page, Paged, StoreError, TenantScope,
    column::id,
    entity::{delivery, event},
    txn::Txn,
};

/// A person whose delivery waits to be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The person.
    pub profile: ProfileId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// When it is tried again.
    pub due_at: Timestamp,
}

impl TenantScope<'_> {
    /// Whose deliveries to a destination were tried and wait to be tried again, oldest message first. The next page begins after
    /// the last delivery that was looked at.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn held_people(
        &self,
        destination: DestinationId,
        page: Page<DeliveryId>,
    ) -> Result<Paged<Held, DeliveryId>, StoreError> {
        let mut query = delivery::Entity::find()
            .select_only()
            .columns([delivery::Column::Id, delivery::Column::EventId, delivery::Column::DueAt])
            .filter(delivery::Column::TenantId.eq(self.key()))
            .filter(delivery::Column::DestinationId.eq(destination.to_string()))
            .filter(Expr::cust("\"deliveries\".\"state\" = 'PENDING'"))
            .filter(delivery::Column::Attempts.gt(0));
        if let Some(after) = page.after {
            query = query.filter(delivery::Column::Id.gt(after.to_string()));
        }
        let rows: Vec<(String, String, i64)> = query
            .order_by_asc(delivery::Column::Id)
            .limit(page.rows())
            .into_tuple()
            .all(&self.reader())
            .await?;
        let wanted: Vec<String> = rows.iter().map(|(_, event, _)| event.clone()).collect();
        let owners: Vec<(String, Option<String>)> = event::Entity::find()
            .select_only()
            .columns([event::Column::Id, event::Column::ProfileId])
            .filter(event::Column::TenantId.eq(self.key()))
            .filter(event::Column::Id.is_in(wanted))
            .into_tuple()
            .all(&self.reader())
            .await?;
        let owner = |event: &str| owners.iter().find(|(id, _)| id == event)?.1.clone();
        let read = |(delivery, event, due_at): (String, String, i64)| {
            let delivery: DeliveryId = id(&delivery, "deliveries.id")?;
            let profile = owner(&event).map(|owner| id(&owner, "events.profile_id")).transpose()?;
            Ok((delivery, profile.map(|profile| (profile, Timestamp::from_micros(due_at)))))
        };
        let found = page.fill(rows, read, |(delivery, _)| *delivery)?;
        let held = found.items.into_iter().filter_map(|(delivery, held)| {
            let (profile, due_at) = held?;
            Some(Held { profile, delivery, due_at })
        });
        Ok(Paged { items: held.collect(), next: found.next })
    }

    /// Has pending deliveries wait until these times, all or none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn postpone_deliveries(&self, until: &[(DeliveryId, Timestamp)]) -> Result<(), StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            for (delivery, due) in until {
                let values = [due.micros().into(), self.key().into(), delivery.to_string().into()];
                let statement = Statement::from_sql_and_values(txn.get_database_backend(), POSTPONE, values);
                txn.execute_raw(statement).await?;
            }
            Ok(())
        };
        self.write_txn(Lane::Other, "delivery.postpone", write).await
    }
}

const POSTPONE: &str = "UPDATE deliveries SET due_at = $1 WHERE tenant_id = $2 AND id = $3 AND state = 'PENDING' AND due_at < $1";
