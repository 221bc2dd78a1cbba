//! Many rows in few statements.
//!
//! Rows go in chunks of a few fixed sizes, so that the text of a statement depends on its table and chunk size alone:
//! the text is made once for the process, and each connection prepares it once.

use std::{
    collections::HashMap,
    fmt::Write,
    iter,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, IdenStatic,
    IntoActiveModel, Iterable, PrimaryKeyToColumn, Statement,
};

use crate::StoreError;

/// Rows of a statement, largest first; the last is 1, so that every number of rows is a sum of them.
const CHUNKS: [usize; 9] = [256, 128, 64, 32, 16, 8, 4, 2, 1];
/// The most values that one statement can bind; Postgres allows 65,535, SQLite this many (SQLITE_MAX_VARIABLE_NUMBER).
const MOST_BINDS: usize = 32_766;

/// What happens to a row whose key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum OnConflict {
    /// The statement fails.
    Fail,
    /// The row is left out, whichever unique index it collides with.
    Ignore,
    /// The row with this primary key takes all of the new values.
    Replace,
}

/// Inserts `rows` in order and returns how many were inserted or replaced. With [`OnConflict::Replace`], no two of
/// `rows` may have the same primary key: Postgres refuses to touch a row twice in one statement.
pub(crate) async fn bulk_insert<E>(
    transaction: &DatabaseTransaction,
    rows: Vec<E::Model>,
    on_conflict: OnConflict,
) -> Result<u64, StoreError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    let mut written = 0;
    for statement in insert_statements::<E>(transaction.get_database_backend(), rows, on_conflict) {
        written += transaction.execute_raw(statement).await?.rows_affected();
    }
    Ok(written)
}

/// The statements of [`bulk_insert`], each made when it is asked for.
pub(crate) fn insert_statements<E>(
    backend: DbBackend,
    rows: Vec<E::Model>,
    on_conflict: OnConflict,
) -> impl Iterator<Item = Statement> + Send
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let mut rest = rows.into_iter();
    iter::from_fn(move || {
        if rest.len() == 0 {
            return None;
        }
        let size = chunk_size(rest.len(), columns.len());
        let mut values = Vec::with_capacity(size * columns.len());
        for row in rest.by_ref().take(size) {
            let mut row = row.into_active_model();
            // Every column of a whole row is set.
            values.extend(columns.iter().filter_map(|column| row.take(*column).into_value()));
        }
        let sql = statement_text::<E>(backend, size, on_conflict);
        Some(Statement::from_sql_and_values(backend, sql.as_ref(), values))
    })
}

fn chunk_size(rows: usize, columns: usize) -> usize {
    CHUNKS.into_iter().find(|size| *size <= rows && size * columns <= MOST_BINDS).unwrap_or(1)
}

#[derive(PartialEq, Eq, Hash)]
struct TextKey {
    table: &'static str,
    rows: usize,
    on_conflict: OnConflict,
    is_postgres: bool,
}

static TEXTS: LazyLock<RwLock<HashMap<TextKey, Arc<str>>>> = LazyLock::new(RwLock::default);

fn statement_text<E: EntityTrait>(backend: DbBackend, rows: usize, on_conflict: OnConflict) -> Arc<str> {
    let is_postgres = backend == DbBackend::Postgres;
    let key = TextKey { table: E::default().table_name(), rows, on_conflict, is_postgres };
    // A poisoned lock is as good as another: the map only ever gains whole entries.
    if let Some(text) = TEXTS.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Arc::clone(text);
    }
    let text: Arc<str> = write_text::<E>(is_postgres, rows, on_conflict).into();
    TEXTS.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&text));
    text
}

fn write_text<E: EntityTrait>(is_postgres: bool, rows: usize, on_conflict: OnConflict) -> String {
    let columns: Vec<String> = E::Column::iter().map(|column| quoted(column.as_str())).collect();
    // SQLite keeps a copy of every page that a statement of many rows changes, to take the statement back when a row
    // fails. OR FAIL leaves that to the transaction, which is rolled back in any case.
    let insert = if is_postgres { "INSERT" } else { "INSERT OR FAIL" };
    let table = quoted(E::default().table_name());
    let mut text = format!("{insert} INTO {table} ({}) VALUES ", columns.join(", "));
    let mut bind = 0;
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns.len() {
            bind += 1;
            let comma = if column == 0 { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = if is_postgres { write!(text, "{comma}${bind}") } else { write!(text, "{comma}?") };
        }
        text.push(')');
    }
    match on_conflict {
        OnConflict::Fail => {}
        OnConflict::Ignore => text.push_str(" ON CONFLICT DO NOTHING"),
        OnConflict::Replace => text.push_str(&replace_clause::<E>(&columns)),
    }
    text
}

fn replace_clause<E: EntityTrait>(columns: &[String]) -> String {
    let keys: Vec<String> = E::PrimaryKey::iter().map(|key| quoted(key.into_column().as_str())).collect();
    let sets: Vec<String> = columns
        .iter()
        .filter(|column| !keys.contains(column))
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    format!(" ON CONFLICT ({}) DO UPDATE SET {}", keys.join(", "), sets.join(", "))
}

/// Names come from the entities; none has a quote in it.
fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::meta;

    #[test]
    fn chunks_add_up_and_stay_within_the_binds() {
        for (rows, columns) in [(1, 3), (5, 17), (300, 17), (256, 200), (1000, 40_000)] {
            let mut left = rows;
            while left > 0 {
                let size = chunk_size(left, columns);
                assert!(size <= left && (size == 1 || size * columns <= MOST_BINDS), "{rows} × {columns}");
                left -= size;
            }
        }
        assert_eq!(chunk_size(300, 17), 256);
        assert_eq!(chunk_size(256, 200), 128);
    }

    #[test]
    fn the_text_is_as_the_databases_want_it() {
        assert_eq!(
            write_text::<meta::Entity>(true, 2, OnConflict::Replace),
            "INSERT INTO \"meta\" (\"name\", \"value\") VALUES ($1, $2), ($3, $4) \
             ON CONFLICT (\"name\") DO UPDATE SET \"value\" = excluded.\"value\""
        );
        assert_eq!(
            write_text::<meta::Entity>(false, 1, OnConflict::Ignore),
            "INSERT OR FAIL INTO \"meta\" (\"name\", \"value\") VALUES (?, ?) ON CONFLICT DO NOTHING"
        );
    }
}
