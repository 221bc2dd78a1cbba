//! Going through tables for whatever else names a person, some rows at a time, in the order of their keys.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, IntoActiveModel,
    PaginatorTrait, QueryFilter, QueryResult, Statement, Value,
};
use serde_json::json;
use tributary_domain::{
    id::{CommandId, OperationId, TenantId},
    time::Timestamp,
};

use super::{
    ErasureRecord, Part, Progress, advance, events,
    mentions::{ERASED, Mentions},
    messages,
    tables::{Fate, Form, LOOKED, Looked},
};
use crate::{
    Lane, Packed, Sealer, Store, StoreError,
    column::{json as read, to_json},
    command::CommandState,
    entity::{erasure, group, group_member, ledger_command},
    packed::unpack,
    retention::REMOVED,
    txn::Txn,
};

/// The ledger's name of what drops held messages.
const DROP_HELD: &str = "drop_held";
/// The ledger's name of what redacts profiles and groups.
const REDACT_TRAITS: &str = "redact_traits";

/// A value of a key.
pub(crate) type Key = Vec<serde_json::Value>;

/// A row: its key, and the columns that are looked at.
struct Row {
    key: Key,
    cells: Vec<Cell>,
}

/// What a column has.
enum Cell {
    Absent,
    Text(String),
    Bytes(Vec<u8>),
}

impl Store {
    /// Whether the ledger has dropped all held messages, and redacted all traits, that it was asked to for this tenant's
    /// erasures.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn held_are_dropped(&self, erasure: &ErasureRecord) -> Result<bool, StoreError> {
        let waiting = ledger_command::Entity::find()
            .filter(ledger_command::Column::State.eq(CommandState::Pending.code()))
            .filter(ledger_command::Column::TenantId.eq(erasure.tenant.to_string()))
            .filter(ledger_command::Column::Kind.is_in([DROP_HELD, REDACT_TRAITS]))
            .count(self.reader())
            .await?;
        Ok(waiting == 0)
    }

    /// Removes some of what names a person besides their own events.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn erase_mentions(&self, erasure: &ErasureRecord, now: Timestamp) -> Result<(), StoreError> {
        let mentions = &Mentions::of(&self.wanted(erasure)?)?;
        let (number, after) = match &erasure.place {
            Some(place) => read::<(usize, Key)>(place, "erasures.place")?,
            None => (0, Key::new()),
        };
        let Some(looked) = LOOKED.get(number) else {
            return self
                .write_txn(Lane::Other, "erasure.mentions", |txn: Txn| async move {
                    advance(txn.as_ref(), erasure, &Progress::to(Part::Files), now).await
                })
                .await;
        };
        let rows = page(self.reader(), looked, &erasure.tenant.to_string(), &after).await?;
        let is_full = rows.len() as u64 == u64::from(looked.rows);
        let place = match rows.last() {
            Some(last) if is_full => (number, last.key.clone()),
            _ => (number + 1, Key::new()),
        };
        let mut found = Vec::new();
        for row in rows {
            if looked.names(&row, mentions)? {
                found.push(row.key);
            }
        }
        let (found, place) = (&found, &place);
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let mut progress = Progress::at(Some(to_json(place)?));
            let mut removed = 0;
            if looked.fate == Fate::Traits && !found.is_empty() {
                let payload = json!({"operation": erasure.operation, "table": looked.table, "keys": found});
                ask(txn, erasure, REDACT_TRAITS, &payload, now).await?;
                removed += found.len() as u64;
            }
            for key in found.iter().filter(|_| looked.fate != Fate::Traits) {
                removed += looked.treat(txn, erasure, mentions, key, now).await?;
            }
            progress.count(looked.table, removed);
            advance(txn, erasure, &progress, now).await
        };
        self.write_txn(Lane::Other, "erasure.mentions", write).await
    }
}

/// Asks the ledger to drop held messages, if there are any.
pub(super) async fn drop_held(
    txn: &DatabaseTransaction,
    erasure: &ErasureRecord,
    positions: &[i64],
    now: Timestamp,
) -> Result<(), StoreError> {
    if positions.is_empty() {
        return Ok(());
    }
    ask(txn, erasure, DROP_HELD, &json!({ "positions": positions }), now).await
}

/// Redacts these rows of a table that only the ledger writes.
pub(crate) async fn redact_traits(
    txn: &DatabaseTransaction,
    sealer: &Sealer,
    (tenant, operation): (TenantId, OperationId),
    (table, keys): (&str, &[Key]),
) -> Result<(), StoreError> {
    let own = tenant.to_string();
    let row = erasure::Entity::find_by_id((own.clone(), operation.to_string())).one(txn).await?;
    let row = row.ok_or_else(|| StoreError::not_found("erasure"))?;
    let mentions = Mentions::of(&ErasureRecord::try_from(row)?.wanted_by(sealer)?)?;
    let is_it = |looked: &&Looked| looked.table == table && looked.fate == Fate::Traits;
    let Some(looked) = LOOKED.iter().find(is_it) else { return Ok(()) };
    for key in keys {
        if let Some(row) = looked.again(txn, &own, key).await? {
            looked.redact(txn, &own, row, &mentions).await?;
        }
    }
    Ok(())
}

async fn ask(
    txn: &DatabaseTransaction,
    erasure: &ErasureRecord,
    kind: &str,
    payload: &serde_json::Value,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = ledger_command::Model {
        id: CommandId::new(now.millis(), rand::random()).to_string(),
        tenant_id: erasure.tenant.to_string(),
        kind: kind.to_owned(),
        payload: to_json(payload)?,
        state: CommandState::Pending.code().to_owned(),
        result: None,
        created_at: now.micros(),
        applied_at: None,
        applied_after: None,
    };
    ledger_command::Entity::insert(row.into_active_model()).exec_without_returning(txn).await?;
    Ok(())
}

/// The rows after a key.
async fn page(
    connection: &impl ConnectionTrait,
    looked: &Looked,
    tenant: &str,
    after: &Key,
) -> Result<Vec<Row>, StoreError> {
    let key = looked.key.join(", ");
    let mut values = vec![Value::from(tenant)];
    let mut condition = String::new();
    if !after.is_empty() {
        values.extend(after.iter().map(bind));
        let binds: Vec<_> = (2..2 + after.len()).map(|number| format!("${number}")).collect();
        condition = format!(" AND ({key}) > ({})", binds.join(", "));
    }
    let sql = format!(
        "SELECT {} FROM {} WHERE tenant_id = $1{condition} ORDER BY {key} LIMIT {}",
        looked.selected(),
        looked.table,
        looked.rows
    );
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    let rows = connection.query_all_raw(statement).await?;
    rows.iter().map(|row| looked.row(row)).collect()
}

/// A value of a key as a statement takes it: an id, or a number.
fn bind(part: &serde_json::Value) -> Value {
    match part {
        serde_json::Value::Number(number) => Value::from(number.as_i64()),
        other => Value::from(other.as_str().map(str::to_owned)),
    }
}

impl Looked {
    fn selected(&self) -> String {
        let columns = self.columns.iter().map(|(column, _)| *column);
        self.key.iter().copied().chain(columns).collect::<Vec<_>>().join(", ")
    }

    fn row(&self, row: &QueryResult) -> Result<Row, StoreError> {
        let mut key = Key::with_capacity(self.key.len());
        for index in 0..self.key.len() {
            // Keys are ids, and numbers of 32 or 64 bits.
            let part = row.try_get_by_index::<String>(index).map(serde_json::Value::from);
            let part = part.or_else(|_| row.try_get_by_index::<i64>(index).map(serde_json::Value::from));
            let part = part.or_else(|_| row.try_get_by_index::<i32>(index).map(serde_json::Value::from));
            key.push(part?);
        }
        let mut cells = Vec::with_capacity(self.columns.len());
        for (index, (_, form)) in (self.key.len()..).zip(self.columns) {
            cells.push(match form {
                Form::Text | Form::Json | Form::Profile => {
                    row.try_get_by_index::<Option<String>>(index)?.map_or(Cell::Absent, Cell::Text)
                }
                Form::Bytes | Form::Packed | Form::PackedJson => {
                    row.try_get_by_index::<Option<Vec<u8>>>(index)?.map_or(Cell::Absent, Cell::Bytes)
                }
            });
        }
        Ok(Row { key, cells })
    }

    fn names(&self, row: &Row, mentions: &Mentions) -> Result<bool, StoreError> {
        for (cell, (_, form)) in row.cells.iter().zip(self.columns) {
            let found = match (cell, form) {
                (Cell::Text(text), Form::Profile) => mentions.is_profile(text),
                (Cell::Text(text), _) => mentions.are_in(text.as_bytes()),
                // What was removed for its age is empty, and not packed.
                (Cell::Bytes(bytes), Form::Packed | Form::PackedJson) if !bytes.is_empty() => {
                    mentions.are_in(&unpack(bytes, self.table)?)
                }
                (Cell::Bytes(bytes), _) => mentions.are_in(bytes),
                (Cell::Absent, _) => false,
            };
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The row with this key as it is now, until the transaction ends; nothing where it is gone.
    async fn again(
        &self,
        txn: &DatabaseTransaction,
        tenant: &str,
        key: &Key,
    ) -> Result<Option<Row>, StoreError> {
        let lock = if txn.get_database_backend() == DbBackend::Postgres { " FOR UPDATE" } else { "" };
        let sql = format!(
            "SELECT {} FROM {} WHERE tenant_id = $1 AND {}{lock}",
            self.selected(),
            self.table,
            self.is_it(2)
        );
        let values = [Value::from(tenant)].into_iter().chain(key.iter().map(bind));
        let statement = Statement::from_sql_and_values(txn.get_database_backend(), sql, values);
        txn.query_one_raw(statement).await?.map(|row| self.row(&row)).transpose()
    }

    /// The condition that is true for one key, whose values are bound from number `first` on.
    fn is_it(&self, first: usize) -> String {
        let parts = (first..).zip(self.key).map(|(number, column)| format!("{column} = ${number}"));
        parts.collect::<Vec<_>>().join(" AND ")
    }

    /// Does what is to be done with a row that named the person when it was read; says how many rows that were.
    async fn treat(
        &self,
        txn: &DatabaseTransaction,
        erasure: &ErasureRecord,
        mentions: &Mentions,
        key: &Key,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let own = erasure.tenant.to_string();
        let Some(row) = self.again(txn, &own, key).await? else { return Ok(0) };
        if !self.names(&row, mentions)? {
            return Ok(0);
        }
        let text =
            |index: usize| key.get(index).and_then(|part| part.as_str()).unwrap_or_default().to_owned();
        match self.fate {
            Fate::Removed => self.remove(txn, &own, key).await,
            Fate::Redacted | Fate::Traits => self.redact(txn, &own, row, mentions).await,
            Fate::Message => messages::blank(txn, erasure.tenant, &[text(0)]).await,
            Fate::Parked => {
                messages::blank(txn, erasure.tenant, &[text(0)]).await?;
                self.remove(txn, &own, key).await
            }
            Fate::Held => {
                let position = key.first().and_then(serde_json::Value::as_i64).unwrap_or_default();
                drop_held(txn, erasure, &[position], now).await?;
                Ok(1)
            }
            Fate::Pinned => events::unpin(txn, &own, &[text(0)]).await,
            Fate::Answer => {
                let mut sets = vec![
                    ("response_headers", Value::from(REMOVED)),
                    ("response_body", Value::from(Vec::<u8>::new())),
                ];
                let is_named =
                    |cell: &Cell| matches!(cell, Cell::Text(text) if mentions.are_in(text.as_bytes()));
                if row.cells.last().is_some_and(is_named) {
                    sets.push(("error", Value::from(Some(ERASED))));
                }
                self.update(txn, &own, key, sets).await
            }
            Fate::Asked => {
                // An erasure's own request names nobody, and one that runs goes on by what it noted.
                let nothing = json!({"of": "messages", "only": [], "filters": []});
                let sets =
                    [("request", Value::from(Vec::<u8>::new())), ("work", Value::from(nothing.to_string()))];
                self.update(txn, &own, key, sets.into()).await
            }
            Fate::Member => {
                let removed = self.remove(txn, &own, key).await?;
                Ok(removed + remove_if_empty(txn, &own, &text(0)).await?)
            }
        }
    }

    async fn remove(&self, txn: &DatabaseTransaction, tenant: &str, key: &Key) -> Result<u64, StoreError> {
        let sql = format!("DELETE FROM {} WHERE tenant_id = $1 AND {}", self.table, self.is_it(2));
        let values = [Value::from(tenant)].into_iter().chain(key.iter().map(bind));
        let statement = Statement::from_sql_and_values(txn.get_database_backend(), sql, values);
        Ok(txn.execute_raw(statement).await?.rows_affected())
    }

    async fn update(
        &self,
        txn: &DatabaseTransaction,
        tenant: &str,
        key: &Key,
        sets: Vec<(&'static str, Value)>,
    ) -> Result<u64, StoreError> {
        let assigned: Vec<_> =
            (1..).zip(&sets).map(|(number, (column, _))| format!("{column} = ${number}")).collect();
        let next = sets.len() + 1;
        let sql = format!(
            "UPDATE {} SET {} WHERE tenant_id = ${next} AND {}",
            self.table,
            assigned.join(", "),
            self.is_it(next + 1)
        );
        let values = sets.into_iter().map(|(_, value)| value).chain([Value::from(tenant)]);
        let statement = Statement::from_sql_and_values(
            txn.get_database_backend(),
            sql,
            values.chain(key.iter().map(bind)),
        );
        Ok(txn.execute_raw(statement).await?.rows_affected())
    }

    async fn redact(
        &self,
        txn: &DatabaseTransaction,
        tenant: &str,
        row: Row,
        mentions: &Mentions,
    ) -> Result<u64, StoreError> {
        let mut sets = Vec::new();
        for (cell, (column, form)) in row.cells.into_iter().zip(self.columns) {
            let redacted = match (cell, form) {
                (Cell::Text(text), Form::Json) => {
                    let mut value = read(&text, self.table)?;
                    mentions.redact(&mut value).then(|| to_json(&value)).transpose()?.map(Value::from)
                }
                // No two groups of a type have the same value.
                (Cell::Text(text), _) if self.table == "groups" => {
                    let id = row.key.first().and_then(|id| id.as_str()).unwrap_or_default();
                    mentions.are_in(text.as_bytes()).then(|| Value::from(format!("{ERASED} {id}")))
                }
                (Cell::Text(text), _) => mentions.are_in(text.as_bytes()).then(|| Value::from(ERASED)),
                (Cell::Bytes(bytes), Form::PackedJson) => {
                    let text = unpack(&bytes, self.table)?;
                    let corrupt = |_| StoreError::corrupt(self.table);
                    let mut value = serde_json::from_slice(&text).map_err(corrupt)?;
                    let found = mentions.redact(&mut value).then(|| to_json(&value)).transpose()?;
                    found.map(|text| Value::from(Packed::of(text.as_bytes()).into_column()))
                }
                (Cell::Bytes(_) | Cell::Absent, _) => None,
            };
            sets.extend(redacted.map(|value| (*column, value)));
        }
        if sets.is_empty() { Ok(0) } else { self.update(txn, tenant, &row.key, sets).await }
    }
}

/// Removes a group that nobody belongs to any more: what is known of it, the person's events told.
async fn remove_if_empty(txn: &DatabaseTransaction, tenant: &str, group: &str) -> Result<u64, StoreError> {
    let left = group_member::Entity::find()
        .filter(group_member::Column::TenantId.eq(tenant))
        .filter(group_member::Column::GroupId.eq(group))
        .count(txn)
        .await?;
    if left > 0 {
        return Ok(0);
    }
    let key = (tenant.to_owned(), group.to_owned());
    Ok(group::Entity::delete_by_id(key).exec(txn).await?.rows_affected)
}
