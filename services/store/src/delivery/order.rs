//! Where a platform hears of a person's events one after the other, also when one has to be tried again: who waits for whom.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use tributary_domain::{
    id::{DeliveryId, DestinationId, ProfileId},
    time::Timestamp,
};

use crate::{
    Lane, StoreError, TenantScope,
    column::{id, number, to_json},
    txn::Txn,
};

/// A delivery of a person that is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InLine {
    /// The person.
    pub profile: ProfileId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// When it is sent.
    pub due_at: Timestamp,
    /// How often that was tried.
    pub attempts: u32,
    /// When the message of its event was received.
    pub received_at: Timestamp,
}

#[derive(FromQueryResult)]
struct Row {
    profile_id: String,
    id: String,
    due_at: i64,
    attempts: i32,
    received_at: i64,
}

impl TenantScope<'_> {
    /// The deliveries of these people to a destination that have to be tried again, or are due at `now`: at most `most` of each
    /// person, first those that were tried, and then those that were received first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn in_line(
        &self,
        destination: DestinationId,
        people: &HashSet<ProfileId>,
        now: Timestamp,
        most: u32,
    ) -> Result<Vec<InLine>, StoreError> {
        let reader = self.reader();
        let backend = reader.get_database_backend();
        let text = if backend == DbBackend::Sqlite { IN_LINE.0 } else { IN_LINE.1 };
        let values = [
            to_json(people)?.into(),
            self.key().into(),
            destination.to_string().into(),
            now.micros().into(),
            i64::from(most).into(),
        ];
        let rows = Row::find_by_statement(Statement::from_sql_and_values(backend, text, values))
            .all(&reader)
            .await?;
        let read = |row: Row| {
            Ok(InLine {
                profile: id(&row.profile_id, "events.profile_id")?,
                delivery: id(&row.id, "deliveries.id")?,
                due_at: Timestamp::from_micros(row.due_at),
                attempts: number(row.attempts, "deliveries.attempts")?,
                received_at: Timestamp::from_micros(row.received_at),
            })
        };
        rows.into_iter().map(read).collect()
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

/// From then on it waits for that, and for its workflow's delay no more.
const POSTPONE: &str = "UPDATE deliveries SET due_at = $1, is_delayed = NULL \
    WHERE tenant_id = $2 AND id = $3 AND state = 'PENDING' AND due_at < $1";

/// A person's events are found by an index, and a delivery's id begins as that of its event does.
const IN_LINE: (&str, &str) = (
    "SELECT profile_id, id, due_at, attempts, received_at FROM \
     (SELECT e.profile_id, d.id, d.due_at, d.attempts, e.received_at, ROW_NUMBER() OVER \
     (PARTITION BY e.profile_id ORDER BY d.attempts = 0, e.received_at, d.id) AS place \
     FROM json_each(?1) k CROSS JOIN events e ON e.tenant_id = ?2 AND e.profile_id = k.value \
     CROSS JOIN deliveries d ON d.tenant_id = e.tenant_id \
     AND d.id BETWEEN 'dlv_' || substr(e.id, 5, 26) AND 'dlv_' || substr(e.id, 5, 26) || 'zzzzzzzzzzzzz' \
     AND d.event_id = e.id AND d.destination_id = ?3 AND d.state = 'PENDING' AND (d.attempts > 0 OR d.due_at <= ?4)) \
     WHERE place <= ?5 ORDER BY profile_id, place",
    "SELECT profile_id, id, due_at, attempts, received_at FROM \
     (SELECT e.profile_id, d.id, d.due_at, d.attempts, e.received_at, ROW_NUMBER() OVER \
     (PARTITION BY e.profile_id ORDER BY d.attempts = 0, e.received_at, d.id) AS place \
     FROM jsonb_array_elements_text($1::jsonb) k(value) JOIN events e ON e.tenant_id = $2 AND e.profile_id = k.value \
     JOIN deliveries d ON d.tenant_id = e.tenant_id \
     AND d.id BETWEEN 'dlv_' || substr(e.id, 5, 26) AND 'dlv_' || substr(e.id, 5, 26) || 'zzzzzzzzzzzzz' \
     AND d.event_id = e.id AND d.destination_id = $3 AND d.state = 'PENDING' AND (d.attempts > 0 OR d.due_at <= $4)) \
     AS line WHERE place <= $5 ORDER BY profile_id, place",
);
