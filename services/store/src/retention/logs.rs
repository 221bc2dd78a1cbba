//! Logs: messages with their runs, their events, and these events' deliveries with their attempts.

use std::{collections::BTreeSet, iter};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement, Value,
};
use tributary_domain::{
    id::{DeliveryId, EventId, MessageId, SourceId, TenantId},
    time::Timestamp,
};

use super::{
    Keeper,
    bodies::{WAITING, held_among},
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
        let rows: Vec<String> = message::Entity::find()
            .select_only()
            .column(message::Column::Id)
            .filter(message::Column::TenantId.eq(keeper.tenant.to_string()))
            .filter(message::Column::SourceId.eq(source.to_string()))
            .filter(message::Column::Id.gt(after.as_str()))
            .filter(message::Column::Id.lt(first_id(until).to_string()))
            .order_by_asc(message::Column::Id)
            .limit(MESSAGES as u64)
            .into_tuple()
            .all(self.reader())
            .await?;
        let Some(last) = rows.last() else { return Ok((0, None)) };
        let messages = &rows;
        let write = |txn: Txn| async move {
            let old = lock(txn.as_ref(), keeper.tenant, messages).await?;
            remove(txn.as_ref(), keeper.tenant, &old).await
        };
        let (removed, is_whole) = self.write_txn(Lane::Other, "retention.logs", write).await?;
        let next = if is_whole { last.clone() } else { after };
        Ok((removed, (!is_whole || rows.len() == MESSAGES).then_some(next)))
    }
}

/// Those of these messages that do not wait. On Postgres they are as they are found until the end: nobody processes them
/// meanwhile.
async fn lock(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    messages: &[String],
) -> Result<Vec<Old>, StoreError> {
    let rows: Vec<(String, String)> = message::Entity::find()
        .select_only()
        .columns([message::Column::Id, message::Column::Runs])
        .filter(message::Column::TenantId.eq(tenant.to_string()))
        .filter(message::Column::Id.is_in(messages))
        .filter(message::Column::Fate.is_not_in(WAITING.map(Fate::code)))
        .order_by_asc(message::Column::Id)
        .lock_exclusive()
        .into_tuple()
        .all(txn)
        .await?;
    // Looked at after the lock: who was processed before it has left the lane.
    let held = held_among(txn, tenant, messages).await?;
    let old = |(message, runs): &(String, String)| {
        Ok(Old { message: id(message, "messages.id")?, runs: read(runs, "messages.runs")? })
    };
    rows.iter().filter(|(message, _)| !held.contains(message)).map(old).collect()
}

/// Removes what it may of these messages; says how many rows, and whether that was all of it.
async fn remove(txn: &DatabaseTransaction, tenant: TenantId, old: &[Old]) -> Result<(u64, bool), StoreError> {
    let busy = with_pending_deliveries(txn, tenant, old).await?;
    let done: Vec<&Old> = old.iter().filter(|old| !busy.contains(&old.message)).collect();
    let mut removed = 0;
    for part in PARTS {
        removed += part.remove(txn, tenant, &done, ROWS - removed).await?;
        // A delivery goes with all of its attempts, though they may be a few more.
        if removed >= ROWS {
            return Ok((removed, false));
        }
    }
    removed += runs(txn, tenant, &done).await?;
    let messages = message::Entity::delete_many()
        .filter(message::Column::TenantId.eq(tenant.to_string()))
        .filter(message::Column::Id.is_in(done.iter().map(|old| old.message.to_string())));
    removed += messages.exec(txn).await?.rows_affected;
    Ok((removed, true))
}

/// A table whose ids begin with those of messages.
struct Part {
    table: &'static str,
    /// The column with such ids.
    id: &'static str,
    range: fn(MessageId) -> [String; 2],
    /// What rows have to be besides.
    only: &'static str,
}

/// What hangs on something goes before it.
const PARTS: [Part; 5] = [
    Part { table: "message_replays", id: "message_id", range: itself, only: "" },
    Part { table: "delivery_replays", id: "delivery_id", range: deliveries, only: "" },
    Part { table: "delivery_attempts", id: "delivery_id", range: deliveries, only: "" },
    Part { table: "deliveries", id: "id", range: deliveries, only: " AND state <> 'PENDING'" },
    Part { table: "events", id: "id", range: events, only: "" },
];

fn itself(message: MessageId) -> [String; 2] {
    [message.to_string(), message.to_string()]
}

fn deliveries(message: MessageId) -> [String; 2] {
    let (first, last) = DeliveryId::range(message);
    [first.to_string(), last.to_string()]
}

fn events(message: MessageId) -> [String; 2] {
    let (first, last) = EventId::range(message);
    [first.to_string(), last.to_string()]
}

impl Part {
    /// Removes about `most` of the rows of these messages, if there are so many; says how many. They are found first: in
    /// one statement, Postgres looks for all of them again for each row.
    async fn remove(
        &self,
        txn: &DatabaseTransaction,
        tenant: TenantId,
        of: &[&Old],
        most: u64,
    ) -> Result<u64, StoreError> {
        let Self { table, id, range, only } = self;
        let ranges = of.iter().map(|old| range(old.message));
        let mut keys = find(txn, tenant, ranges, (table, id), &format!("{only} LIMIT {most}"), "").await?;
        keys.dedup();
        if keys.is_empty() {
            return Ok(0);
        }
        let sql =
            format!("DELETE FROM {table} WHERE tenant_id = $1 AND {id} IN ({}){only}", binds(2, keys.len()));
        execute(txn, sql, tenant, keys).await
    }
}

/// The ids of a table's rows in these ranges, which are in order. Each range is a look into the key. On Postgres, `lock`
/// is how all of the ranges' rows are locked.
async fn find(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    ranges: impl Iterator<Item = [String; 2]>,
    (table, id): (&str, &str),
    rest: &str,
    lock: &str,
) -> Result<Vec<String>, StoreError> {
    let ranges: Vec<[String; 2]> = ranges.collect();
    if ranges.is_empty() {
        return Ok(Vec::new());
    }
    let rows = match txn.get_database_backend() {
        DbBackend::Sqlite => format!(
            "SELECT r.{id} FROM jsonb_each($2) k CROSS JOIN {table} r WHERE r.tenant_id = $1 \
             AND r.{id} >= k.value ->> 0 AND r.{id} <= k.value ->> 1{rest}"
        ),
        // What has an OFFSET is left where it stands: the ranges come first.
        _ => format!(
            "SELECT r.{id} FROM jsonb_array_elements($2::jsonb) k(value) CROSS JOIN LATERAL \
             (SELECT * FROM {table} f WHERE f.tenant_id = $1 AND f.{id} >= k.value ->> 0 \
             AND f.{id} <= k.value ->> 1 OFFSET 0{lock}) r WHERE true{rest}"
        ),
    };
    let values = [tenant.to_string().into(), to_json(&ranges)?.into()];
    let statement = Statement::from_sql_and_values(txn.get_database_backend(), rows, values);
    let found = txn.query_all_raw(statement).await?;
    found.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}

/// Those of these messages of which something is still to be delivered. No delivery of the others becomes pending before
/// the end.
async fn with_pending_deliveries(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    old: &[Old],
) -> Result<Vec<MessageId>, StoreError> {
    let ranges = old.iter().map(|old| deliveries(old.message));
    let is_pending = " AND r.state = 'PENDING'";
    let pending = find(txn, tenant, ranges, ("deliveries", "id"), is_pending, " FOR UPDATE").await?;
    let message = |text: &String| Ok(id::<DeliveryId>(text, "deliveries.id")?.message());
    pending.iter().map(message).collect()
}

/// Removes the runs of these messages.
async fn runs(txn: &DatabaseTransaction, tenant: TenantId, of: &[&Old]) -> Result<u64, StoreError> {
    let workflows: BTreeSet<String> =
        of.iter().flat_map(|old| old.runs.iter().map(|run| run.workflow.to_string())).collect();
    if workflows.is_empty() {
        return Ok(0);
    }
    // Both lists are looks into the key.
    let sql = format!(
        "DELETE FROM runs WHERE tenant_id = $1 AND workflow_id IN ({}) AND message_id IN ({})",
        binds(2, workflows.len()),
        binds(2 + workflows.len(), of.len())
    );
    let messages = of.iter().map(|old| old.message.to_string());
    execute(txn, sql, tenant, workflows.into_iter().chain(messages)).await
}

/// Names of so many values, from this number on.
fn binds(from: usize, count: usize) -> String {
    let names: Vec<String> = (from..from + count).map(|number| format!("${number}")).collect();
    names.join(", ")
}

async fn execute(
    txn: &DatabaseTransaction,
    sql: String,
    tenant: TenantId,
    values: impl IntoIterator<Item = String>,
) -> Result<u64, StoreError> {
    let values: Vec<Value> = iter::once(tenant.to_string()).chain(values).map(Value::from).collect();
    let statement = Statement::from_sql_and_values(txn.get_database_backend(), sql, values);
    Ok(txn.execute_raw(statement).await?.rows_affected())
}
