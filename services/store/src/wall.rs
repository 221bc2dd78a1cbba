//! The second wall around a tenant's data, on Postgres: the statements of a [`TenantScope`] run as a role that owns
//! nothing, and sees through row-level security only the rows of the tenant that its transaction names. The first wall is
//! that every one of them asks for its tenant. SQLite has no second one.

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, IsolationLevel, QueryResult,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use tributary_domain::id::TenantId;
use tributary_migrations::{TENANT_ROLE, TENANT_SETTING};

use crate::{Store, StoreError, TenantScope};

/// Puts what `transaction` does from here on behind the wall of `tenant`, until it ends.
pub(crate) async fn raise(transaction: &DatabaseTransaction, tenant: TenantId) -> Result<(), DbErr> {
    behind(transaction, tenant, "").await
}

async fn behind(transaction: &DatabaseTransaction, tenant: TenantId, more: &str) -> Result<(), DbErr> {
    if transaction.get_database_backend() == DbBackend::Postgres {
        // An id has nothing in it that would have to be quoted. One round trip for all.
        let wall = format!("{more}SET LOCAL ROLE {TENANT_ROLE}; SET LOCAL {TENANT_SETTING} = '{tenant}'");
        transaction.execute_unprepared(&wall).await?;
    }
    Ok(())
}

/// Several reads of one tenant that belong together. On Postgres they are one transaction: the wall is put up once, which
/// is most of what a small read takes, and what is committed meanwhile is not half seen. On SQLite, where there is no wall and
/// a long transaction keeps the write-ahead log from being shortened, each statement is by itself.
#[derive(Debug)]
pub struct ReadSession {
    transaction: Option<DatabaseTransaction>,
}

/// Reads a tenant's rows, each statement in a transaction of its own behind the wall, or all in that of a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TenantReader<'a> {
    store: &'a Store,
    tenant: TenantId,
    shared: Option<&'a DatabaseTransaction>,
}

impl<'a> TenantScope<'a> {
    /// What reads the tenant's rows.
    pub(crate) fn reader(&self) -> TenantReader<'a> {
        let shared = self.reading().and_then(|session| session.transaction.as_ref());
        TenantReader { store: self.store(), tenant: self.id(), shared }
    }

    /// A transaction that reads the tenant's rows: for what is read one by one.
    pub(crate) async fn read_txn(&self) -> Result<DatabaseTransaction, StoreError> {
        Ok(self.reader().begin().await?)
    }
}

impl TenantReader<'_> {
    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        self.begin_with(None).await
    }

    /// Opens a session.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn session(&self) -> Result<ReadSession, DbErr> {
        let transaction = match self.has_wall() {
            true => Some(self.begin_with(Some(IsolationLevel::RepeatableRead)).await?),
            false => None,
        };
        Ok(ReadSession { transaction })
    }

    async fn begin_with(
        &self,
        isolation_level: Option<IsolationLevel>,
    ) -> Result<DatabaseTransaction, DbErr> {
        // It only reads, so that on SQLite nothing has to be waited for.
        let options = TransactionOptions {
            isolation_level,
            sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
            ..TransactionOptions::default()
        };
        let transaction = self.store.reader().begin_with_options(options).await?;
        behind(&transaction, self.tenant, "SET TRANSACTION READ ONLY; ").await?;
        Ok(transaction)
    }

    fn has_wall(&self) -> bool {
        self.store.backend() == DbBackend::Postgres
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for TenantReader<'_> {
    fn get_database_backend(&self) -> DbBackend {
        self.store.backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        if let Some(shared) = self.shared {
            return shared.execute_raw(statement).await;
        }
        if !self.has_wall() {
            return self.store.reader().execute_raw(statement).await;
        }
        let transaction = self.begin().await?;
        let done = transaction.execute_raw(statement).await?;
        transaction.commit().await?;
        Ok(done)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.execute_raw(Statement::from_string(self.get_database_backend(), sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        if let Some(shared) = self.shared {
            return shared.query_one_raw(statement).await;
        }
        if !self.has_wall() {
            return self.store.reader().query_one_raw(statement).await;
        }
        let transaction = self.begin().await?;
        let row = transaction.query_one_raw(statement).await?;
        transaction.commit().await?;
        Ok(row)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if let Some(shared) = self.shared {
            return shared.query_all_raw(statement).await;
        }
        if !self.has_wall() {
            return self.store.reader().query_all_raw(statement).await;
        }
        let transaction = self.begin().await?;
        let rows = transaction.query_all_raw(statement).await?;
        transaction.commit().await?;
        Ok(rows)
    }
}
