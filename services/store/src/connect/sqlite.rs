//! SQLite: one connection that writes, and a pool of such that only read.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement,
    sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::StoreError;

/// The first release without the WAL-reset race, which can lose commits (sqlite.org/changes.html).
const OLDEST: [u32; 3] = [3, 51, 3];
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection waits for a lock that another process holds: our own writers wait in their lanes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Every chunk size of every table the ledger writes has its own statement: see `bulk`.
const STATEMENT_CACHE: usize = 512;

pub(super) async fn connect(
    url: &str,
    readers: u32,
) -> Result<(DatabaseConnection, DatabaseConnection), StoreError> {
    if url.contains(":memory:") || url.contains("mode=memory") {
        let message =
            "an in-memory database cannot be shared by a writer and readers: name a file".to_owned();
        return Err(StoreError::Other { message });
    }
    // The writer first: it makes the file and its write-ahead log, which readers cannot.
    let writer = Database::connect(options(url, 1, as_writer)).await?;
    check_version(&writer).await?;
    let reader = Database::connect(options(url, readers, as_reader)).await?;
    Ok((writer, reader))
}

fn options(
    url: &str,
    connections: u32,
    role: fn(SqliteConnectOptions) -> SqliteConnectOptions,
) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .map_sqlx_sqlite_opts(move |options| {
            role(
                options
                    .busy_timeout(BUSY_TIMEOUT)
                    .foreign_keys(true)
                    .statement_cache_capacity(STATEMENT_CACHE),
            )
        });
    options
}

fn as_writer(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // Without it, a power cut can take commits whose messages the journal has already released.
        .synchronous(SqliteSynchronous::Full)
        // 16 MiB of log between checkpoints: the ledger's batches are a few MiB each.
        .pragma("wal_autocheckpoint", "4096")
        // Negative: KiB. The upper levels of the trees that every batch writes to stay in memory.
        .pragma("cache_size", "-32768")
}

fn as_reader(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.read_only(true)
}

async fn check_version(connection: &DatabaseConnection) -> Result<(), StoreError> {
    let statement = Statement::from_string(connection.get_database_backend(), "SELECT sqlite_version()");
    let row =
        connection.query_one_raw(statement).await?.ok_or_else(|| StoreError::not_found("sqlite version"))?;
    refuse_below_floor(&row.try_get_by_index::<String>(0)?)
}

fn refuse_below_floor(version: &str) -> Result<(), StoreError> {
    let numbers = version.split('.').map(str::parse).collect::<Result<Vec<u32>, _>>().unwrap_or_default();
    if numbers.as_slice() >= OLDEST.as_slice() {
        return Ok(());
    }
    let message = format!("sqlite {version} can lose commits: build with sqlite 3.51.3 or newer");
    Err(StoreError::Other { message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_floor_holds() {
        for good in ["3.51.3", "3.52.0", "3.100.0", "4.0.0"] {
            assert!(refuse_below_floor(good).is_ok(), "{good}");
        }
        for bad in ["3.51.2", "3.9.9", "3.51", "", "not a version"] {
            assert!(refuse_below_floor(bad).is_err(), "{bad}");
        }
    }
}
