//! SQLite: one connection that writes, one that checkpoints, and a pool of such that only read.

use std::{thread, time::Duration};

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement,
    sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use tokio::{runtime::Handle, sync::oneshot};

use crate::StoreError;

/// The first release without the WAL-reset race, which can lose commits (sqlite.org/changes.html).
const OLDEST: [u32; 3] = [3, 51, 3];
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection waits for a lock that another process holds: our own writers wait in their lanes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a checkpoint that has to go all the way waits for readers.
const CHECKPOINT_TIMEOUT: Duration = Duration::from_millis(50);
/// Work that can wait looks ahead while it evaluates what it has.
const READERS_APART: u32 = 2;
/// Every chunk size of every table the ledger writes has its own statement: see `bulk`.
const STATEMENT_CACHE: usize = 512;

/// The connections to one file.
pub(super) struct Connections {
    /// The only one that writes.
    pub(super) writer: DatabaseConnection,
    /// Moves what was written from the log into the file.
    pub(super) checkpointer: DatabaseConnection,
    /// Several, that only read.
    pub(super) reader: DatabaseConnection,
}

pub(super) async fn connect(url: &str, readers: u32, on_thread: fn()) -> Result<Connections, StoreError> {
    if url.contains(":memory:") || url.contains("mode=memory") {
        let message =
            "an in-memory database cannot be shared by a writer and readers: name a file".to_owned();
        return Err(StoreError::Other { message });
    }
    // The writer first: it makes the file and its write-ahead log, which readers cannot.
    let writer = on_own_thread(options(url, 1, as_writer), on_thread).await?;
    check_version(&writer).await?;
    let checkpointer = on_own_thread(options(url, 1, as_checkpointer), on_thread).await?;
    let reader = Database::connect(options(url, readers, as_reader)).await?;
    Ok(Connections { writer, checkpointer, reader })
}

/// Connections to the same file that only read, each on a thread on which `on_thread` was called.
pub(super) async fn read_apart(url: &str, on_thread: fn()) -> Result<DatabaseConnection, StoreError> {
    let mut options = options(url, READERS_APART, as_reader);
    // All at once, and so from that thread.
    options.min_connections(READERS_APART);
    on_own_thread(options, on_thread).await
}

/// Connects from a new thread on which `on_thread` was called: the driver's own thread, on which the connection works,
/// inherits its priority.
async fn on_own_thread(options: ConnectOptions, on_thread: fn()) -> Result<DatabaseConnection, StoreError> {
    let (done, connected) = oneshot::channel();
    let runtime = Handle::current();
    thread::spawn(move || {
        on_thread();
        // Who waited may have gone.
        let _ = done.send(runtime.block_on(Database::connect(options)));
    });
    let gone = |_| StoreError::Other { message: "the thread that connects to the database ended".to_owned() };
    Ok(connected.await.map_err(gone)??)
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
        // Checkpoints are made aside (see `checkpoint`); this bounds the log where nobody makes them.
        .pragma("wal_autocheckpoint", "65536")
        // What is removed is overwritten, in pages that stay and in pages that come free: they would be read from the file
        // for as long as nothing else is written there.
        .pragma("secure_delete", "ON")
        // What a statement of many rows could have to take back is kept in memory, not in a file.
        .pragma("temp_store", "MEMORY")
        // Negative: KiB. The upper levels of the trees that every batch writes to stay in memory.
        .pragma("cache_size", "-65536")
}

/// While it waits for readers, nobody writes: so it does not wait long.
fn as_checkpointer(options: SqliteConnectOptions) -> SqliteConnectOptions {
    as_writer(options).busy_timeout(CHECKPOINT_TIMEOUT)
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
