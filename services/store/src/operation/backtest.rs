//! How far a backtest is, and what it found. While it is under way, nothing but its progress is written.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};
use tributary_domain::{
    backtest::Report,
    id::{MessageId, OperationId},
    time::Timestamp,
};

use super::{OperationState, is_running};
use crate::{
    Lane, StoreError, TenantScope,
    bulk::{OnConflict, bulk_insert},
    column::{id, json, to_big, to_json},
    entity::{backtest, message, operation},
    message::{MessageFilter, MessageRecord},
    txn::Txn,
};

/// Messages whose sizes are read at once.
const PAGE: u64 = 100;

impl TenantScope<'_> {
    /// How many messages fit, in no other than their source, time and columns: at most `most`, however many there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_messages(&self, filter: &MessageFilter, most: u64) -> Result<u64, StoreError> {
        let query = filter.within(self).select_only().column(message::Column::Id).limit(most);
        // The ids alone, which the key has: no statement is open for longer than it takes to count them.
        let statement = self.store().backend().build(&counted(sea_orm::QueryTrait::into_query(query)));
        let row = self.reader().query_one_raw(statement).await?;
        let count: i64 = match row {
            Some(row) => row.try_get_by_index(0)?,
            None => 0,
        };
        Ok(count.unsigned_abs())
    }

    /// The oldest messages that fit after `after`, with their bodies, oldest first: at most `limit`, and of at most `bytes`
    /// but for the first. None when no message is left.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn messages_after(
        &self,
        filter: &MessageFilter,
        mut after: Option<MessageId>,
        limit: u64,
        bytes: usize,
    ) -> Result<Vec<MessageRecord>, StoreError> {
        let (mut found, mut size, mut left) = (Vec::new(), 0, limit);
        while left > 0 {
            let page = left.min(PAGE);
            let sizes = self.sizes_after(filter, after, page).await?;
            left = if sizes.len() as u64 == page { left - page } else { 0 };
            // But for one byte that says how it is packed, none is larger than its body.
            let mut packed = size;
            let fits = |(_, length): &&(String, i64)| {
                packed += usize::try_from(length - 1).unwrap_or(0);
                packed <= bytes
            };
            let fitting = sizes.iter().take_while(fits).count();
            let fitting = if found.is_empty() { fitting.max(1) } else { fitting };
            let ids: Vec<&str> = sizes.iter().take(fitting).map(|(id, _)| id.as_str()).collect();
            let Some(last) = ids.last() else { break };
            after = Some(id(last, "messages.id")?);
            let rows = filter.within(self).filter(message::Column::Id.is_in(ids.iter().copied()));
            for row in rows.order_by_asc(message::Column::Id).all(&self.reader()).await? {
                let record = MessageRecord::try_from(row)?;
                size += record.body.len();
                if size > bytes && !found.is_empty() {
                    return Ok(found);
                }
                found.push(record);
            }
            // What was to be read may be gone by then: that is no end.
            if ids.len() < sizes.len() {
                if !found.is_empty() {
                    break;
                }
                left = limit;
            }
        }
        Ok(found)
    }

    /// The next messages that fit after `after`, and how large each is as it is stored, in bytes. Neither database reads a
    /// body for that.
    async fn sizes_after(
        &self,
        filter: &MessageFilter,
        after: Option<MessageId>,
        limit: u64,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        let mut query = filter.within(self);
        if let Some(after) = after {
            query = query.filter(message::Column::Id.gt(after.to_string()));
        }
        let query = query.select_only().column(message::Column::Id);
        let query = query.expr_as(Expr::cust("CAST(length(messages.body) AS bigint)"), "size");
        let query = query.order_by_asc(message::Column::Id).limit(limit);
        Ok(query.into_tuple().all(&self.reader()).await?)
    }

    /// Says how many messages a backtest looks at, and that it begins. Whether it runs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_backtest(
        &self,
        operation: OperationId,
        total: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let begun = operation::ActiveModel {
            place: Set(None),
            total: Set(to_big(total)),
            done: Set(0),
            ..Default::default()
        };
        self.backtest_at(operation, &begun, now).await
    }

    /// Says how many messages a backtest has looked at. Whether it still runs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn backtest_progress(
        &self,
        operation: OperationId,
        done: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let at = operation::ActiveModel { done: Set(to_big(done)), ..Default::default() };
        self.backtest_at(operation, &at, now).await
    }

    async fn backtest_at(
        &self,
        operation: OperationId,
        at: &operation::ActiveModel,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let write =
            |txn: Txn| async move { self.set_running(txn.as_ref(), operation, at.clone(), now).await };
        self.write_txn(Lane::Other, "operation.backtest", write).await
    }

    async fn set_running(
        &self,
        txn: &DatabaseTransaction,
        operation: OperationId,
        mut at: operation::ActiveModel,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        at.updated_at = Set(now.micros());
        let changed = operation::Entity::update_many()
            .set(at)
            .col_expr(operation::Column::Revision, Expr::cust("revision + 1"))
            .filter(operation::Column::TenantId.eq(self.key()))
            .filter(operation::Column::Id.eq(operation.to_string()))
            .filter(operation::Column::State.eq(OperationState::Running.code()))
            .exec(txn)
            .await?;
        Ok(changed.rows_affected == 1)
    }

    /// Keeps what a backtest found, and ends it; nothing happens to one that does not run any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_backtest(
        &self,
        operation: OperationId,
        report: &Report,
        done: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = &backtest::Model {
            tenant_id: self.key(),
            operation_id: operation.to_string(),
            report: to_json(report)?,
        };
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            if !is_running(txn, self.id(), operation).await? {
                return Ok(());
            }
            let at = operation::ActiveModel { done: Set(to_big(done)), ..Default::default() };
            self.set_running(txn, operation, at, now).await?;
            bulk_insert::<backtest::Entity>(txn, vec![row.clone()], OnConflict::Replace).await?;
            self.end(txn, operation, OperationState::Succeeded, None, now).await.map(|_| ())
        };
        self.write_txn(Lane::Other, "operation.backtest", write).await
    }

    /// What a backtest found; nothing as long as it has not ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn backtest_report(&self, operation: OperationId) -> Result<Option<Report>, StoreError> {
        let query = backtest::Entity::find_by_id((self.key(), operation.to_string()));
        let row = query.one(&self.reader()).await?;
        row.map(|row| json(&row.report, "backtests.report")).transpose()
    }
}

/// How many rows a query has.
fn counted(query: sea_orm::sea_query::SelectStatement) -> sea_orm::sea_query::SelectStatement {
    sea_orm::sea_query::Query::select()
        .expr(Expr::cust("count(*)"))
        .from_subquery(query, sea_orm::sea_query::Alias::new("fitting"))
        .to_owned()
}
