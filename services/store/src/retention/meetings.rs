//! Whom values met: the guard counts within its window, so that what is older than that, of anything that can still be
//! processed, counts for nothing. The rows lie in the order of values; all of them are read once a day.

use std::collections::BTreeMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, Statement,
};
use tributary_domain::{
    id::{MessageId, TenantId},
    time::Timestamp,
};

use super::{keys::JOURNAL, sweep::Round};
use crate::{
    Lane, Store, StoreError,
    column::{id, optional_id},
    entity::{held_message, parked_message},
    txn::Txn,
};

/// Rows that one step reads.
const STEP: usize = 200;
const NEXT: &str = "SELECT tenant_id, kind, value, profile_id, at FROM identifier_meetings \
    WHERE (tenant_id, kind, value, profile_id) > ($1, $2, $3, $4) \
    ORDER BY tenant_id, kind, value, profile_id LIMIT 200";
const OLD: &str = "DELETE FROM identifier_meetings WHERE (tenant_id, kind, value, profile_id) > ($1, $2, $3, $4) \
    AND (tenant_id, kind, value, profile_id) <= ($5, $6, $7, $8) AND tenant_id = $9 AND at < $10";

/// After which row a walk goes on: its tenant, type, value and profile.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Place([String; 4]);

impl std::fmt::Debug for Place {
    /// Without the value: it may be personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Place").field(&self.0[0]).finish_non_exhaustive()
    }
}

#[derive(FromQueryResult)]
struct Row {
    tenant_id: String,
    kind: String,
    value: String,
    profile_id: String,
    at: i64,
}

impl Store {
    /// Removes those of the next meetings that count for nothing any more; says how many, and how to go on.
    pub(super) async fn remove_meetings(
        &self,
        round: &Round,
        after: Place,
        now: Timestamp,
    ) -> Result<(u64, Option<Place>), StoreError> {
        let next = Statement::from_sql_and_values(self.backend(), NEXT, after.0.clone().map(Into::into));
        let rows: Vec<Row> = Row::find_by_statement(next).all(self.reader()).await?;
        let Some(last) = rows.last() else { return Ok((0, None)) };
        let place = [&last.tenant_id, &last.kind, &last.value, &last.profile_id].map(Clone::clone);
        let mut oldest: BTreeMap<&str, i64> = BTreeMap::new();
        for row in &rows {
            let at = oldest.entry(&row.tenant_id).or_insert(row.at);
            *at = row.at.min(*at);
        }
        let mut removed = 0;
        for (tenant, oldest) in oldest {
            let until = self.counts_from(round, id(tenant, "identifier_meetings.tenant_id")?, now).await?;
            let Some(until) = until.map(Timestamp::micros).filter(|until| oldest < *until) else { continue };
            let (from, to, backend) = (&after.0, &place, self.backend());
            let write = |txn: Txn| async move {
                let bounds = from.iter().chain(to).map(|part| part.as_str().into());
                let values = bounds.chain([tenant.into(), until.into()]);
                let old = Statement::from_sql_and_values(backend, OLD, values);
                Ok(txn.as_ref().execute_raw(old).await?.rows_affected())
            };
            removed += self.write_txn(Lane::Other, "retention.meetings", write).await?;
        }
        Ok((removed, (rows.len() == STEP).then_some(Place(place))))
    }

    /// Since when meetings of a tenant may count: for the oldest message that can still be processed. None where it is not to be
    /// touched.
    async fn counts_from(
        &self,
        round: &Round,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let Some((kept, window)) = round.guard(tenant) else { return Ok(None) };
        let tenant = tenant.to_string();
        let held: Option<Option<String>> = held_message::Entity::find()
            .select_only()
            .column_as(held_message::Column::MessageId.min(), "oldest")
            .filter(held_message::Column::TenantId.eq(tenant.as_str()))
            .into_tuple()
            .one(self.reader())
            .await?;
        let parked: Option<Option<String>> = parked_message::Entity::find()
            .select_only()
            .column_as(parked_message::Column::MessageId.min(), "oldest")
            .filter(parked_message::Column::TenantId.eq(tenant.as_str()))
            .into_tuple()
            .one(self.reader())
            .await?;
        let waiting = [held.flatten(), parked.flatten()];
        let mut from = kept.logs_until(now).min(now.minus(JOURNAL));
        for message in waiting.iter().flatten() {
            let message: Option<MessageId> = optional_id(Some(message), "messages.id")?;
            let accepted = message.map(|message| Timestamp::from_millis(message.millis().cast_signed()));
            from = accepted.into_iter().fold(from, Timestamp::min);
        }
        Ok(Some(from.minus(window)))
    }
}
