//! Logs: messages with their runs, their events, and these events' deliveries with their attempts.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement, Value,
};
use serde_json::json;
use tributary_domain::{
    id::{DeliveryId, EventId, MessageId, SourceId, TenantId},
    time::Timestamp,
};

use super::{
    Keeper, Sql,
    bodies::{WAITING, is_waiting},
    first_id,
    weeks::rows_until,
};
use crate::{
    Lane, Store, StoreError,
    column::{id, json as read, to_json},
    entity::message,
    ledger::Fate,
    message::MessageRun,
    txn::Txn,
};

/// Messages that one step looks at.
const MESSAGES: usize = 50;
/// Rows of attempts, deliveries and events that one step removes at most; a message can have many.
const ROWS: u64 = 400;

/// A message that is old.
struct Old {
    message: MessageId,
    runs: Vec<MessageRun>,
}

impl Store {
    /// Removes some old messages of a source, with what followed from them; says how many rows, and after which id to go
    /// on. `is_longest`: nobody keeps logs for longer.
    pub(super) async fn remove_logs(
        &self,
        keeper: Keeper,
        source: SourceId,
        after: String,
        is_longest: bool,
        now: Timestamp,
    ) -> Result<(u64, Option<String>), StoreError> {
        let mut until = keeper.kept.logs_until(now);
        if is_longest {
            until = rows_until(self.backend(), until);
        }
        let rows: Vec<(String, String, String)> = message::Entity::find()
            .select_only()
            .columns([message::Column::Id, message::Column::Fate, message::Column::Runs])
            .filter(message::Column::TenantId.eq(keeper.tenant.to_string()))
            .filter(message::Column::SourceId.eq(source.to_string()))
            .filter(message::Column::Id.gt(after.as_str()))
            .filter(message::Column::Id.lt(first_id(until).to_string()))
            .order_by_asc(message::Column::Id)
            .limit(MESSAGES as u64)
            .into_tuple()
            .all(self.reader())
            .await?;
        let Some((last, ..)) = rows.last() else { return Ok((0, None)) };
        let mut old = Vec::with_capacity(rows.len());
        for (message, _, runs) in rows.iter().filter(|(_, fate, _)| !is_waiting(fate)) {
            old.push(Old { message: id(message, "messages.id")?, runs: read(runs, "messages.runs")? });
        }
        let old = &old;
        let write = |txn: Txn| async move { remove(txn.as_ref(), keeper.tenant, old).await };
        let (removed, is_whole) = self.write_txn(Lane::Other, "retention.logs", write).await?;
        let next = if is_whole { last.clone() } else { after };
        Ok((removed, (!is_whole || rows.len() == MESSAGES).then_some(next)))
    }
}

/// Removes what it may of these messages; says how many rows, and whether that was all of it.
async fn remove(txn: &DatabaseTransaction, tenant: TenantId, old: &[Old]) -> Result<(u64, bool), StoreError> {
    let busy = with_pending_deliveries(txn, tenant, old).await?;
    let done: Vec<&Old> = old.iter().filter(|old| !busy.contains(&old.message)).collect();
    let mut removed = 0;
    for part in PARTS {
        removed += part.remove(txn, tenant, &done, ROWS - removed).await?;
        if removed >= ROWS {
            return Ok((removed, false));
        }
    }
    removed += runs(txn, tenant, &done).await?;
    let messages = message::Entity::delete_many()
        .filter(message::Column::TenantId.eq(tenant.to_string()))
        .filter(message::Column::Id.is_in(done.iter().map(|old| old.message.to_string())))
        .filter(message::Column::Fate.is_not_in(WAITING.map(Fate::code)));
    removed += messages.exec(txn).await?.rows_affected;
    Ok((removed, true))
}

/// A table whose ids begin with those of messages.
struct Part {
    table: &'static str,
    key: &'static str,
    /// The column with such ids.
    id: &'static str,
    range: fn(MessageId) -> [String; 2],
    /// What rows have to be besides.
    only: &'static str,
}

/// What hangs on something goes before it.
const PARTS: [Part; 3] = [
    Part {
        table: "delivery_attempts",
        key: "tenant_id, delivery_id, number",
        id: "delivery_id",
        range: deliveries,
        only: "",
    },
    Part {
        table: "deliveries",
        key: "tenant_id, id",
        id: "id",
        range: deliveries,
        only: " AND state <> 'PENDING'",
    },
    Part { table: "events", key: "tenant_id, id", id: "id", range: events, only: "" },
];

fn deliveries(message: MessageId) -> [String; 2] {
    let (first, last) = DeliveryId::range(message);
    [first.to_string(), last.to_string()]
}

fn events(message: MessageId) -> [String; 2] {
    let (first, last) = EventId::range(message);
    [first.to_string(), last.to_string()]
}

impl Part {
    /// Removes at most `most` of the rows of these messages; says how many.
    async fn remove(
        &self,
        txn: &DatabaseTransaction,
        tenant: TenantId,
        of: &[&Old],
        most: u64,
    ) -> Result<u64, StoreError> {
        let Some(ranges) = Ranges::of(of.iter().map(|old| (self.range)(old.message)))? else { return Ok(0) };
        let Self { table, key, id, only, .. } = self;
        let own: Vec<String> = key.split(", ").map(|column| format!("r.{column}")).collect();
        let found = format!("{}{only} LIMIT {most}", ranges.find(txn, &own.join(", "), table, id));
        // The bounds let Postgres see which partitions it need not look at.
        let bounds = ranges.bounds(txn, "", id);
        let sql = format!("DELETE FROM {table} WHERE tenant_id = $1{bounds}{only} AND ({key}) IN ({found})");
        let values = ranges.values(tenant);
        let statement = Statement::from_sql_and_values(txn.get_database_backend(), sql, values);
        Ok(txn.execute_raw(statement).await?.rows_affected())
    }
}

/// Ranges of ids, one a message.
struct Ranges {
    all: String,
    first: String,
    last: String,
}

impl Ranges {
    /// Those of a list in the order of ids; none of an empty one.
    fn of(ranges: impl Iterator<Item = [String; 2]>) -> Result<Option<Self>, StoreError> {
        let ranges: Vec<[String; 2]> = ranges.collect();
        let (Some([first, _]), Some([_, last])) = (ranges.first(), ranges.last()) else { return Ok(None) };
        Ok(Some(Self { all: to_json(&ranges)?, first: first.clone(), last: last.clone() }))
    }

    /// A query for `what` of the rows in the ranges. As the rows of a JSON array come first, each range is a look into
    /// the key.
    fn find(&self, txn: &DatabaseTransaction, what: &str, table: &str, id: &str) -> String {
        let bounds = self.bounds(txn, "r.", id);
        let rows = match txn.get_database_backend() {
            DbBackend::Sqlite => "jsonb_each($2) k CROSS JOIN",
            _ => "jsonb_array_elements($2::jsonb) k(value) JOIN",
        };
        format!(
            "SELECT {what} FROM {rows} {table} r ON r.tenant_id = $1 AND r.{id} >= k.value ->> 0 \
             AND r.{id} <= k.value ->> 1{bounds} WHERE true"
        )
    }

    /// That an id lies between the first and the last, where that helps.
    fn bounds(&self, txn: &DatabaseTransaction, of: &str, id: &str) -> String {
        match txn.get_database_backend() {
            DbBackend::Sqlite => String::new(),
            _ => format!(" AND {of}{id} >= $3 AND {of}{id} <= $4"),
        }
    }

    fn values(&self, tenant: TenantId) -> [Value; 4] {
        [
            tenant.to_string().into(),
            self.all.as_str().into(),
            self.first.as_str().into(),
            self.last.as_str().into(),
        ]
    }
}

/// Those of these messages of which something is still to be delivered.
async fn with_pending_deliveries(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    old: &[Old],
) -> Result<Vec<MessageId>, StoreError> {
    let Some(ranges) = Ranges::of(old.iter().map(|old| deliveries(old.message)))? else {
        return Ok(Vec::new());
    };
    let sql = format!("{} AND r.state = 'PENDING'", ranges.find(txn, "r.id", "deliveries", "id"));
    let statement = Statement::from_sql_and_values(txn.get_database_backend(), sql, ranges.values(tenant));
    let rows = txn.query_all_raw(statement).await?;
    let mut busy = Vec::with_capacity(rows.len());
    for row in rows {
        let delivery: DeliveryId = id(&row.try_get_by_index::<String>(0)?, "deliveries.id")?;
        busy.push(delivery.message());
    }
    busy.dedup();
    Ok(busy)
}

async fn runs(txn: &DatabaseTransaction, tenant: TenantId, of: &[&Old]) -> Result<u64, StoreError> {
    const DELETE: Sql = Sql {
        sqlite: "DELETE FROM runs WHERE (tenant_id, workflow_id, message_id) IN \
            (SELECT ?1, k.value ->> 0, k.value ->> 1 FROM jsonb_each(?2) k)",
        postgres: "DELETE FROM runs WHERE message_id >= $3 AND message_id <= $4 \
            AND (tenant_id, workflow_id, message_id) IN \
            (SELECT $1, k.value ->> 0, k.value ->> 1 FROM jsonb_array_elements($2::jsonb) k(value))",
    };
    let (Some(first), Some(last)) = (of.first(), of.last()) else { return Ok(0) };
    let run = |old: &&Old| {
        let message = old.message;
        let keys: Vec<_> = old.runs.iter().map(|run| json!([run.workflow, message])).collect();
        keys
    };
    let keys: Vec<serde_json::Value> = of.iter().flat_map(run).collect();
    let (first, last) = (first.message.to_string(), last.message.to_string());
    DELETE.execute(txn, [tenant.to_string().into(), to_json(&keys)?.into(), first.into(), last.into()]).await
}
