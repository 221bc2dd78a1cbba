//! Bookings of which nothing was heard for as long as logs are kept: nothing of what was told of them is there any more.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tributary_domain::{id::ConversionId, time::Timestamp};

use super::{Keeper, STEP};
use crate::{Lane, Store, StoreError, conversion::remove, entity::conversion, txn::Txn};

impl Store {
    /// Removes some old conversions of a tenant with their keys; says how many, and after which id to go on.
    pub(super) async fn remove_conversions(
        &self,
        keeper: Keeper,
        after: String,
        now: Timestamp,
    ) -> Result<(u64, Option<String>), StoreError> {
        let until = keeper.kept.logs_until(now);
        let ids: Vec<String> = conversion::Entity::find()
            .select_only()
            .column(conversion::Column::Id)
            .filter(conversion::Column::TenantId.eq(keeper.tenant.to_string()))
            .filter(conversion::Column::Id.gt(after))
            .filter(conversion::Column::Id.lt(ConversionId::new(until.millis(), 0).to_string()))
            .order_by_asc(conversion::Column::Id)
            .limit(STEP)
            .into_tuple()
            .all(self.reader())
            .await?;
        let Some(last) = ids.last().cloned() else { return Ok((0, None)) };
        let next = (ids.len() as u64 == STEP).then_some(last);
        let ids = &ids;
        let write = |txn: Txn| async move {
            // Looked at again under the lock: something may have been heard of one meanwhile.
            let old = conversion::Entity::find()
                .filter(conversion::Column::TenantId.eq(keeper.tenant.to_string()))
                .filter(conversion::Column::Id.is_in(ids))
                .filter(conversion::Column::LastAt.lt(until.micros()))
                .lock_exclusive()
                .all(txn.as_ref())
                .await?;
            remove(txn.as_ref(), keeper.tenant, old).await
        };
        Ok((self.write_txn(Lane::Other, "retention.conversions", write).await?, next))
    }
}
