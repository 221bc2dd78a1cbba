//! What a destination's worker asks for, and what it reports.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement, sea_query::Expr,
};
use serde_json::{Value, json};
use tributary_domain::{
    id::{DeliveryId, DestinationId},
    time::Timestamp,
};

use super::{AttemptRecord, DeliveryRecord, DeliveryState, Verdict};
use crate::{
    Lane, Page, Paged, StoreError, TenantScope,
    bulk::{OnConflict, bulk_insert},
    column::to_json,
    entity::{delivery, delivery_attempt},
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
        let rows = query.all(self.store().reader()).await?;
        page.fill(rows, DeliveryRecord::try_from, |record| (record.due_at, record.id))
    }

    /// Keeps attempts and what each means for its delivery, all or none. One that was kept already stays as it was,
    /// and neither a late *retry* nor a late *failed* takes back what is delivered.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_attempts(&self, attempts: &[(AttemptRecord, Verdict)]) -> Result<(), StoreError> {
        let rows = attempts
            .iter()
            .map(|(attempt, _)| attempt.row(self.id()))
            .collect::<Result<Vec<_>, StoreError>>()?;
        let (rows, verdicts) = (&rows, &self.verdicts(attempts)?);
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            bulk_insert::<delivery_attempt::Entity>(txn, rows, OnConflict::Ignore).await?;
            let is_sqlite = txn.get_database_backend() == DbBackend::Sqlite;
            let sql = if is_sqlite { APPLY_SQLITE } else { APPLY_POSTGRES };
            let values = [verdicts.as_str().into(), self.key().into()];
            txn.execute_raw(Statement::from_sql_and_values(txn.get_database_backend(), sql, values)).await?;
            Ok(())
        };
        self.store().write_txn(Lane::Other, "delivery.attempts", write).await
    }

    /// What the attempts mean, as the one parameter of a statement whose text never changes: of each delivery the
    /// last attempt counts, unless an earlier one delivered it.
    fn verdicts(&self, attempts: &[(AttemptRecord, Verdict)]) -> Result<String, StoreError> {
        let mut last: HashMap<DeliveryId, &(AttemptRecord, Verdict)> = HashMap::new();
        for attempt in attempts {
            let known = last.entry(attempt.0.delivery).or_insert(attempt);
            if known.1 != Verdict::Delivered && attempt.0.number > known.0.number {
                *known = attempt;
            }
        }
        let rows: Vec<_> = last.into_values().map(|(attempt, verdict)| row(attempt, *verdict)).collect();
        to_json(&rows)
    }
}

/// A delivery that the destination took is delivered, even where it was given up meanwhile; neither a late *retry* nor
/// a late *failed* takes that back, and a recorded attempt is not applied again.
const APPLY_SQLITE: &str = "UPDATE deliveries SET state = k.state, due_at = coalesce(k.due_at, deliveries.due_at), \
    completed_at = k.completed_at, attempts = k.attempts, last_status = k.last_status, last_error = k.last_error \
    FROM (SELECT value ->> 0 AS id, value ->> 1 AS state, value ->> 2 AS due_at, value ->> 3 AS completed_at, \
    value ->> 4 AS attempts, value ->> 5 AS last_status, value ->> 6 AS last_error FROM json_each(?1)) k \
    WHERE deliveries.tenant_id = ?2 AND deliveries.id = k.id AND deliveries.attempts < k.attempts \
    AND (deliveries.state = 'PENDING' OR (k.state = 'DELIVERED' AND deliveries.state <> 'DELIVERED'))";

/// As [`APPLY_SQLITE`].
const APPLY_POSTGRES: &str = "UPDATE deliveries SET state = k.state, due_at = coalesce(k.due_at, deliveries.due_at), \
    completed_at = k.completed_at, attempts = k.attempts, last_status = k.last_status, last_error = k.last_error \
    FROM (SELECT value ->> 0 AS id, value ->> 1 AS state, (value ->> 2)::bigint AS due_at, \
    (value ->> 3)::bigint AS completed_at, (value ->> 4)::int AS attempts, (value ->> 5)::int AS last_status, \
    value ->> 6 AS last_error FROM jsonb_array_elements($1::jsonb)) k \
    WHERE deliveries.tenant_id = $2 AND deliveries.id = k.id AND deliveries.attempts < k.attempts \
    AND (deliveries.state = 'PENDING' OR (k.state = 'DELIVERED' AND deliveries.state <> 'DELIVERED'))";

/// Id, state, due time if it is another one, completion, attempts, status, error.
fn row(attempt: &AttemptRecord, verdict: Verdict) -> Value {
    let (state, due_at, completed_at) = match verdict {
        Verdict::Delivered => (DeliveryState::Delivered, None, Some(attempt.ended_at().micros())),
        Verdict::Failed => (DeliveryState::Failed, None, Some(attempt.ended_at().micros())),
        Verdict::Retry { due_at } => (DeliveryState::Pending, Some(due_at.micros()), None),
    };
    json!([
        attempt.delivery,
        state.code(),
        due_at,
        completed_at,
        attempt.number,
        attempt.http_status,
        attempt.error
    ])
}
