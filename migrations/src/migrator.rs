//! Bringing a database to the schema of this build.

use sea_orm_migration::{
    DbErr, MigrationStatus, MigrationTrait, MigratorTrait,
    sea_orm::{
        ConnectionTrait, DatabaseConnection, DbBackend, SqliteTransactionMode, TransactionOptions,
        TransactionTrait,
    },
};

use crate::{
    isolation::isolate, m0001_foundation::Foundation, m0002_lifecycle::Lifecycle, m0003_access::Access,
    m0004_operations::Operations, m0005_retention::Retention, m0006_stats::Stats, m0007_providers::Providers,
    m0008_backtests::Backtests, m0009_versions::Versions, m0010_identity::Identity, m0011_privacy::Privacy,
    m0012_lineage::Lineage, m0013_consent::Consent, m0014_connections::Connections,
    m0015_deliveries::Deliveries, m0016_credentials::Credentials, m0017_tests::Tests,
    m0018_requests::Requests, m0019_delays::Delays,
};

/// Held on Postgres while migrating; any number will do as long as it is always the same ("tributar" in ASCII).
const ADVISORY_LOCK: i64 = 0x7472_6962_7574_6172;

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(Foundation),
            Box::new(Lifecycle),
            Box::new(Access),
            Box::new(Operations),
            Box::new(Retention),
            Box::new(Stats),
            Box::new(Providers),
            Box::new(Backtests),
            Box::new(Versions),
            Box::new(Identity),
            Box::new(Privacy),
            Box::new(Lineage),
            Box::new(Consent),
            Box::new(Connections),
            Box::new(Deliveries),
            Box::new(Credentials),
            Box::new(Tests),
            Box::new(Requests),
            Box::new(Delays),
        ]
    }
}

/// One migration that this build knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    /// Its name, such as `m0001_foundation`.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

/// Applies what is missing, in one transaction: a migrator that dies leaves the database as it was.
///
/// Nodes that start together wait for each other: on Postgres by an advisory lock that ends with the transaction,
/// on SQLite because the transaction takes the write lock when it begins.
///
/// # Errors
/// When the database fails, or was migrated by a newer build that knows migrations this one does not.
pub async fn migrate(connection: &DatabaseConnection) -> Result<(), DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = connection.begin_with_options(options).await?;
    if transaction.get_database_backend() == DbBackend::Postgres {
        // However long the others, or the migration itself, may take.
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")).await?;
    }
    Migrator::up(&transaction, None).await?;
    if transaction.get_database_backend() == DbBackend::Postgres {
        isolate(&transaction).await?;
    }
    transaction.commit().await
}

/// Every migration that this build knows, oldest first, and whether the database has it. Writes nothing.
///
/// # Errors
/// As [`migrate`].
pub async fn status(connection: &DatabaseConnection) -> Result<Vec<MigrationState>, DbErr> {
    let migrations = Migrator::get_migration_with_status_read_only(connection).await?;
    let state = |migration: &sea_orm_migration::Migration| MigrationState {
        name: migration.name().to_owned(),
        applied: migration.status() == MigrationStatus::Applied,
    };
    Ok(migrations.iter().map(state).collect())
}
