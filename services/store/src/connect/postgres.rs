//! Postgres: one pool.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr,
    sqlx::{self, Connection, PgConnection, postgres::PgConnectOptions},
};
use tokio::time::timeout;

use crate::StoreError;

/// A statement that runs longer has lost its caller; migrations lift it for themselves.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Every chunk size of every table the ledger writes has its own statement: see `bulk`.
const STATEMENT_CACHE: usize = 512;

pub(super) async fn connect(url: &str, connections: u32) -> Result<DatabaseConnection, StoreError> {
    probe(url).await?;
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

/// Connects once, without a pool: a pool asks again and again until its time is over, and then has forgotten why it was
/// refused.
async fn probe(url: &str) -> Result<(), StoreError> {
    let options: PgConnectOptions = url.parse().map_err(of_driver)?;
    let connected = timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options)).await;
    let refused = match connected.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
        // That it closes is all that matters.
        Ok(connection) => return connection.close().await.map_err(of_driver),
        Err(error) => of_driver(error),
    };
    let place = format!("{}:{}", options.get_host(), options.get_port());
    Err(match refused {
        StoreError::Timeout => {
            StoreError::Unavailable { message: format!("{place} does not answer in {ACQUIRE_TIMEOUT:?}") }
        }
        StoreError::Unavailable { message } => {
            StoreError::Unavailable { message: format!("{place}: {message}") }
        }
        other => other,
    })
}

fn of_driver(error: sqlx::Error) -> StoreError {
    DbErr::Conn(RuntimeErr::SqlxError(error.into())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_refuses_is_told_at_once_with_its_place() {
        // Bound and never listening: whoever connects is refused.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let place = socket.local_addr().unwrap();
        let error = connect(&format!("postgres://user@{place}/db"), 1).await.unwrap_err().to_string();
        assert!(error.contains(&place.to_string()) && error.contains("refused"), "{error}");
    }
}
