//! Postgres: one pool.

use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection};

use crate::StoreError;

/// A statement that runs longer has lost its caller; migrations lift it for themselves.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Every chunk size of every table the ledger writes has its own statement: see `bulk`.
const STATEMENT_CACHE: usize = 512;

pub(super) async fn connect(url: &str, connections: u32) -> Result<DatabaseConnection, StoreError> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .statement_timeout(STATEMENT_TIMEOUT)
        .set_application_name("tributary")
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .map_sqlx_postgres_opts(|options| options.statement_cache_capacity(STATEMENT_CACHE));
    Ok(Database::connect(options).await?)
}
