//! What the ledger finds when it begins: which tenants have held messages, the next position, and which tenants suppress
//! identifiers.

use std::collections::HashSet;

use sea_orm::{ColumnTrait, EntityTrait, QuerySelect};
use tributary_domain::{
    id::TenantId,
    partition::{Partition, PartitionSet},
    time::Timestamp,
};

use super::{apply::LedgerState, blocked::Blocked, claim::Claim, names::NotedTraits};
use crate::{
    Store, StoreError,
    column::id,
    entity::{held_message, suppression},
};

impl Store {
    /// What the ledger has to know of a claim's partitions before its first batch, at `now`. Positions in the held lane go on
    /// from the time in microseconds: what stood at one may be remembered long after it left the lane, so that none may come
    /// a second time.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn ledger_state(&self, claim: Claim, now: Timestamp) -> Result<LedgerState, StoreError> {
        let tenants: Vec<String> = held_message::Entity::find()
            .select_only()
            .column(held_message::Column::TenantId)
            .distinct()
            .into_tuple()
            .all(self.reader())
            .await?;
        let last: Option<i64> = held_message::Entity::find()
            .select_only()
            .column_as(held_message::Column::Position.max(), "last")
            .into_tuple::<Option<i64>>()
            .one(self.reader())
            .await?
            .flatten();
        let holding = owned(&claim.partitions, &tenants, "held_messages.tenant_id")?;
        let tenants: Vec<String> = suppression::Entity::find()
            .select_only()
            .column(suppression::Column::TenantId)
            .distinct()
            .into_tuple()
            .all(self.reader())
            .await?;
        let suppressing = owned(&claim.partitions, &tenants, "suppressions.tenant_id")?;
        Ok(LedgerState {
            claim,
            holding,
            suppressing,
            next_position: last.unwrap_or(0).max(now.micros()) + 1,
            noted: NotedTraits::default(),
            waiting: self.horizons(now).await?,
            blocked: Blocked::default(),
        })
    }
}

fn owned(
    partitions: &PartitionSet,
    tenants: &[String],
    what: &'static str,
) -> Result<HashSet<TenantId>, StoreError> {
    let mut own = HashSet::new();
    for text in tenants {
        let tenant: TenantId = id(text, what)?;
        if partitions.contains(Partition::of(tenant)) {
            own.insert(tenant);
        }
    }
    Ok(own)
}
