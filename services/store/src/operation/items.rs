//! The items of an operation: chosen, counted, and taken away again.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};
use tributary_domain::{
    id::{OperationId, TenantId},
    time::Timestamp,
};

use super::{Chosen, OperationRecord, OperationState, Place, is_running};
use crate::{
    Lane, Store, StoreError, TenantScope,
    bulk::{OnConflict, bulk_insert},
    column::{to_big, to_json},
    entity::{operation, operation_item},
    txn::Txn,
};

/// The most items that an operation has.
pub const MOST_ITEMS: u64 = 100_000;
/// How long an operation is kept after its end.
pub const KEPT: Duration = Duration::from_hours(90 * 24);
/// How many items are taken away at once.
const STEP: usize = 500;

impl TenantScope<'_> {
    /// Chooses the next of an operation's items, if not all are chosen. One that would have too many fails.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn choose_items(&self, operation: &OperationRecord, now: Timestamp) -> Result<(), StoreError> {
        let Some(place) = &operation.place else { return Ok(()) };
        let chosen = &self.choose(&operation.choice, place).await?;
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            if !is_running(txn, self.id(), operation.id).await? {
                return Ok(());
            }
            let added = self.add_items(txn, operation.id, chosen).await?;
            self.progress(txn, operation.id, Counts { total: added, ..Counts::default() }, now).await?;
            self.move_on(txn, operation.id, chosen.next.as_ref()).await?;
            if operation.total + added > MOST_ITEMS {
                let error = format!("more than {MOST_ITEMS} fit: choose fewer, such as by a shorter time");
                self.end(txn, operation.id, OperationState::Failed, Some(&error), now).await?;
            }
            Ok(())
        };
        self.write_txn(Lane::Other, "operation.choose", write).await
    }

    async fn add_items(
        &self,
        txn: &DatabaseTransaction,
        operation: OperationId,
        chosen: &Chosen,
    ) -> Result<u64, StoreError> {
        let rows = chosen.items.iter().map(|item| operation_item::Model {
            tenant_id: self.key(),
            operation_id: operation.to_string(),
            item: item.clone(),
            position: None,
        });
        bulk_insert::<operation_item::Entity>(txn, rows.collect(), OnConflict::Ignore).await
    }

    async fn move_on(
        &self,
        txn: &DatabaseTransaction,
        operation: OperationId,
        place: Option<&Place>,
    ) -> Result<(), StoreError> {
        let place = place.map(to_json).transpose()?;
        let moved = operation::ActiveModel { place: sea_orm::ActiveValue::Set(place), ..Default::default() };
        operation::Entity::update_many()
            .set(moved)
            .filter(operation::Column::TenantId.eq(self.key()))
            .filter(operation::Column::Id.eq(operation.to_string()))
            .exec(txn)
            .await?;
        Ok(())
    }

    /// The oldest items that nothing was done about yet.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn next_items(
        &self,
        connection: &impl ConnectionTrait,
        operation: OperationId,
        limit: u64,
    ) -> Result<Vec<String>, StoreError> {
        let items = operation_item::Entity::find()
            .select_only()
            .column(operation_item::Column::Item)
            .filter(operation_item::Column::TenantId.eq(self.key()))
            .filter(operation_item::Column::OperationId.eq(operation.to_string()))
            .filter(operation_item::Column::Position.is_null())
            .order_by_asc(operation_item::Column::Item)
            .limit(limit)
            .into_tuple()
            .all(connection)
            .await?;
        Ok(items)
    }

    /// Takes items away that are done, or cannot be, and counts them.
    pub(super) async fn items_ended(
        &self,
        txn: &DatabaseTransaction,
        operation: OperationId,
        items: &[String],
        failed: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let taken = operation_item::Entity::delete_many()
            .filter(operation_item::Column::TenantId.eq(self.key()))
            .filter(operation_item::Column::OperationId.eq(operation.to_string()))
            .filter(operation_item::Column::Item.is_in(items))
            .exec(txn)
            .await?;
        let counts = Counts { total: 0, done: taken.rows_affected.saturating_sub(failed), failed };
        self.progress(txn, operation, counts, now).await
    }

    /// Adds to an operation's counts, whether it runs or not.
    async fn progress(
        &self,
        txn: &DatabaseTransaction,
        operation: OperationId,
        counts: Counts,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        add(txn, self.id(), operation, counts, now).await
    }
}

async fn add(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    operation: OperationId,
    counts: Counts,
    now: Timestamp,
) -> Result<(), StoreError> {
    const ADD: &str = "UPDATE operations SET total = total + $1, done = done + $2, failed = failed + $3, \
        revision = revision + 1, updated_at = $4 WHERE tenant_id = $5 AND id = $6";
    let values = [
        to_big(counts.total).into(),
        to_big(counts.done).into(),
        to_big(counts.failed).into(),
        now.micros().into(),
        tenant.to_string().into(),
        operation.to_string().into(),
    ];
    txn.execute_raw(Statement::from_sql_and_values(txn.get_database_backend(), ADD, values)).await?;
    Ok(())
}

/// Counts what an operation did whose items are not chosen beforehand.
pub(crate) async fn count_done(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    operation: OperationId,
    done: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    add(txn, tenant, operation, Counts { total: done, done, failed: 0 }, now).await
}

/// What is added to an operation's counts.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    total: u64,
    done: u64,
    failed: u64,
}

impl Store {
    /// Takes away some of what operations leave: the items of those that ended, and those themselves that ended long
    /// ago. Says whether there can be more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_operations(&self, now: Timestamp) -> Result<bool, StoreError> {
        const ITEMS: &str = "DELETE FROM operation_items WHERE (tenant_id, operation_id, item) IN \
            (SELECT i.tenant_id, i.operation_id, i.item FROM operations o JOIN operation_items i \
             ON i.tenant_id = o.tenant_id AND i.operation_id = o.id WHERE o.state <> 'RUNNING' LIMIT 500)";
        let old = now.minus(KEPT).micros();
        let leftover = operation_item::Entity::find().limit(1).one(self.reader()).await?.is_some();
        let is_old = operation::Column::CompletedAt.lte(old);
        let ended =
            operation::Entity::find().filter(is_old.clone()).limit(1).one(self.reader()).await?.is_some();
        if !leftover && !ended {
            return Ok(false);
        }
        let is_old = &is_old;
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            const REPORTS: &str = "DELETE FROM backtests WHERE (tenant_id, operation_id) IN \
                (SELECT tenant_id, id FROM operations WHERE completed_at <= $1)";
            let reports = Statement::from_sql_and_values(txn.get_database_backend(), REPORTS, [old.into()]);
            txn.execute_raw(reports).await?;
            operation::Entity::delete_many().filter(is_old.clone()).exec(txn).await?;
            let statement = Statement::from_string(txn.get_database_backend(), ITEMS);
            Ok(txn.execute_raw(statement).await?.rows_affected())
        };
        let taken = self.write_txn(Lane::Other, "operation.forget", write).await?;
        Ok(taken >= STEP as u64)
    }
}
