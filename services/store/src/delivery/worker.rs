//! What a destination's worker asks for, and what it reports.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement, sea_query::Expr,
};
use tributary_domain::{
    id::{DeliveryId, DestinationId},
    stats::{Metric, Timing},
    time::Timestamp,
};

use super::{DeliveryRecord, DeliveryState, NewAttempt, Verdict, ready::SPLIT};
use crate::{
    Lane, Page, Paged, StoreError, TenantScope,
    bulk::{OnConflict, bulk_insert},
    column::{to_big, to_int},
    entity::{delivery, delivery_attempt},
    retention::look_again,
    stats::Tally,
    txn::Txn,
};

impl TenantScope<'_> {
    /// The pending deliveries for a destination that are due before `due_before`, those due longest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_deliveries(
        &self,
        destination: DestinationId,
        due_before: Timestamp,
        page: Page<(Timestamp, DeliveryId)>,
    ) -> Result<Paged<DeliveryRecord, (Timestamp, DeliveryId)>, StoreError> {
        let mut query = delivery::Entity::find()
            .filter(delivery::Column::TenantId.eq(self.key()))
            .filter(delivery::Column::DestinationId.eq(destination.to_string()))
            // Written out, not bound: SQLite uses the partial index only where the text itself says so.
            .filter(Expr::cust("\"deliveries\".\"state\" = 'PENDING'"))
            .filter(delivery::Column::DueAt.lt(due_before.micros()));
        if let Some((due, id)) = page.after {
            let same_time = Condition::all()
                .add(delivery::Column::DueAt.eq(due.micros()))
                .add(delivery::Column::Id.gt(id.to_string()));
            query =
                query.filter(Condition::any().add(delivery::Column::DueAt.gt(due.micros())).add(same_time));
        }
        let query =
            query.order_by_asc(delivery::Column::DueAt).order_by_asc(delivery::Column::Id).limit(page.rows());
        let rows = query.all(&self.reader()).await?;
        page.fill(rows, DeliveryRecord::try_from, |record| (record.due_at, record.id))
    }

    /// Keeps attempts and what each means for its delivery, all or none. One that was kept already stays as it was,
    /// and neither a late *retry* nor a late *failed* takes back what is delivered. Of a delivery that is gone, because its
    /// person was erased meanwhile, nothing is kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_attempts(&self, attempts: &[NewAttempt]) -> Result<(), StoreError> {
        let rows = attempts
            .iter()
            .map(|tried| tried.attempt.row(self.id()))
            .collect::<Result<Vec<_>, StoreError>>()?;
        let rows = &rows;
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let (mut tally, mut rows) = (Tally::default(), rows.clone());
            for tried in attempts {
                if self.apply(txn, tried).await? {
                    self.tally(&mut tally, tried);
                } else if !self.has_delivery(txn, tried.attempt.delivery).await? {
                    let gone = tried.attempt.delivery.to_string();
                    rows.retain(|row| row.delivery_id != gone);
                }
            }
            bulk_insert::<delivery_attempt::Entity>(txn, rows, OnConflict::Ignore).await?;
            let noticed = attempts.iter().map(|tried| &tried.attempt);
            look_again(txn, self.id(), noticed).await?;
            tally.write(txn).await
        };
        self.write_txn(Lane::Other, "delivery.attempts", write).await
    }

    /// Counts an attempt that was applied: each is once, so each is counted once.
    fn tally(&self, tally: &mut Tally, tried: &NewAttempt) {
        let NewAttempt { attempt, verdict, source, is_replay, cause: _, is_test, quality } = tried;
        if *is_test {
            return;
        }
        let ended = attempt.ended_at();
        if let (Verdict::Delivered, Some(matched)) = (verdict, quality) {
            tally.matched(ended, self.id(), matched);
        }
        let mut count = |metric| tally.count(ended, self.id(), *source, metric);
        count(Metric::Attempt);
        count(Timing::Attempt.took(attempt.duration));
        match verdict {
            Verdict::Delivered => {
                count(Metric::Delivered);
                if !is_replay {
                    let accepted = Timestamp::from_millis(to_big(attempt.delivery.message().millis()));
                    count(Timing::Delivery.took(ended.since(accepted)));
                }
            }
            // It says nothing of the event.
            Verdict::Retry { .. } if attempt.outcome == SPLIT => {}
            Verdict::Retry { .. } => count(Metric::Retry),
            Verdict::Failed => count(Metric::DeliveryFailed),
        }
    }

    async fn has_delivery(
        &self,
        txn: &DatabaseTransaction,
        delivery: DeliveryId,
    ) -> Result<bool, StoreError> {
        let key = (self.key(), delivery.to_string());
        Ok(delivery::Entity::find_by_id(key).one(txn).await?.is_some())
    }

    /// One statement a delivery, prepared once: one for all of them would have SQLite look at every delivery of the
    /// tenant. Whether it changed anything.
    async fn apply(
        &self,
        txn: &DatabaseTransaction,
        NewAttempt { attempt, verdict, cause, .. }: &NewAttempt,
    ) -> Result<bool, StoreError> {
        let ended_at = attempt.ended_at().micros();
        let (state, due_at, completed_at) = match *verdict {
            Verdict::Delivered => (DeliveryState::Delivered, None, Some(ended_at)),
            Verdict::Failed => (DeliveryState::Failed, None, Some(ended_at)),
            Verdict::Retry { due_at } => (DeliveryState::Pending, Some(due_at.micros()), None),
        };
        let values = [
            state.code().into(),
            due_at.into(),
            completed_at.into(),
            to_int(attempt.number).into(),
            attempt.http_status.map(i32::from).into(),
            attempt.error.clone().into(),
            self.key().into(),
            attempt.delivery.to_string().into(),
            cause.as_ref().map(|cause| cause.code.clone()).into(),
            cause.as_ref().map(|cause| cause.verdict.clone()).into(),
        ];
        let statement = Statement::from_sql_and_values(txn.get_database_backend(), APPLY, values);
        Ok(txn.execute_raw(statement).await?.rows_affected() > 0)
    }
}

/// A delivery that the destination took is delivered, even where it was given up meanwhile; neither a late *retry* nor
/// a late *failed* takes that back, and an attempt that is recorded is not applied again.
const APPLY: &str = "UPDATE deliveries SET state = $1, due_at = coalesce($2, due_at), completed_at = $3, attempts = $4, \
    last_status = $5, last_error = $6, error_code = $9, error_verdict = $10 WHERE tenant_id = $7 AND id = $8 AND attempts < $4 \
    AND (state = 'PENDING' OR ($1 = 'DELIVERED' AND state <> 'DELIVERED'))";
