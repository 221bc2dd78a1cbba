//! The only way to write.

use std::{future::Future, sync::Arc, time::Duration};

use sea_orm::{DatabaseTransaction, DbBackend, SqliteTransactionMode, TransactionOptions, TransactionTrait};

use tributary_domain::id::TenantId;

use crate::{Conflict, Lane, Store, StoreError, TenantScope, wall};

/// A transaction that is under way. It is shared so that the futures of work on it are `Send`: those of async closures
/// that borrow it are not, as far as today's compiler can prove.
pub(crate) type Txn = Arc<DatabaseTransaction>;

/// How often a transaction is begun before its contention is the caller's.
const ATTEMPTS: u32 = 8;
/// The longest wait before the second attempt; doubled for each one after it.
const FIRST_WAIT: Duration = Duration::from_millis(8);

impl Store {
    /// Runs `work` in one transaction and commits it; when it fails, nothing of it happened.
    ///
    /// On SQLite the transaction holds the write lock from its beginning (a deferred one that reads first fails with
    /// BUSY at its first write) and waits its turn in `lane`; on Postgres it has the default isolation. When others are
    /// in the way (busy, serialization, deadlock), the whole of `work` runs again after a wait: it may be called several
    /// times and must have no effects besides those on the transaction. It must hand on every error of a statement:
    /// Postgres turns the COMMIT of a transaction that had one into a ROLLBACK, silently.
    ///
    /// `name` is for logs.
    ///
    /// # Errors
    /// Those of `work`; [`StoreError::Contention`] when it is still in the way after eight attempts;
    /// [`StoreError::UnknownCommit`] when the connection broke during COMMIT, which is not retried.
    pub(crate) async fn write_txn<T, F, W>(
        &self,
        lane: Lane,
        name: &'static str,
        work: F,
    ) -> Result<T, StoreError>
    where
        F: Fn(Txn) -> W,
        W: Future<Output = Result<T, StoreError>>,
    {
        self.write_within(None, lane, name, work).await
    }

    async fn write_within<T, F, W>(
        &self,
        wall: Option<TenantId>,
        lane: Lane,
        name: &'static str,
        work: F,
    ) -> Result<T, StoreError>
    where
        F: Fn(Txn) -> W,
        W: Future<Output = Result<T, StoreError>>,
    {
        let mut attempt = 1;
        loop {
            match self.attempt(wall, lane, &work).await {
                Err(error) if attempt < ATTEMPTS && self.is_worth_repeating(lane, &error) => {
                    tracing::debug!(transaction = name, attempt, %error, "transaction is repeated");
                    tokio::time::sleep(wait_before(attempt + 1)).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt<T, F, W>(&self, wall: Option<TenantId>, lane: Lane, work: &F) -> Result<T, StoreError>
    where
        F: Fn(Txn) -> W,
        W: Future<Output = Result<T, StoreError>>,
    {
        let file = self.file();
        let _turn = match file {
            Some(file) => Some(file.lanes.turn(lane).await),
            None => None,
        };
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = self.writer().begin_with_options(options).await?;
        if let Some(tenant) = wall {
            wall::raise(&transaction, tenant).await?;
        }
        let transaction = Arc::new(transaction);
        let outcome = work(Arc::clone(&transaction)).await;
        let Some(transaction) = Arc::into_inner(transaction) else {
            return Err(StoreError::Other { message: "work kept its transaction when it ended".to_owned() });
        };
        match outcome {
            Ok(value) => {
                transaction.commit().await.map_err(|error| StoreError::of_commit(&error))?;
                if let Some(file) = file {
                    file.committed.notify_one();
                }
                Ok(value)
            }
            Err(error) => {
                // What went wrong is worth more than a rollback that fails too: the pool discards that connection.
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }

    /// On Postgres a ledger's unique violation can come of a row that another owner of the partition wrote after this
    /// one read: the second attempt sees it. With SQLite's one writer, and for a key that a person chose, it stays.
    fn is_worth_repeating(&self, lane: Lane, error: &StoreError) -> bool {
        let raced = matches!(error, StoreError::Conflict { conflict: Conflict::Exists, .. });
        *error == StoreError::Contention
            || (raced && lane == Lane::Ledger && self.backend() == DbBackend::Postgres)
    }
}

impl TenantScope<'_> {
    /// As [`Store::write_txn`], behind the tenant's wall.
    ///
    /// # Errors
    /// As [`Store::write_txn`].
    pub(crate) async fn write_txn<T, F, W>(
        &self,
        lane: Lane,
        name: &'static str,
        work: F,
    ) -> Result<T, StoreError>
    where
        F: Fn(Txn) -> W,
        W: Future<Output = Result<T, StoreError>>,
    {
        self.store().write_within(Some(self.id()), lane, name, work).await
    }
}

/// A random part of a span that doubles with each attempt, so that those who collided do not collide again.
fn wait_before(attempt: u32) -> Duration {
    let longest = FIRST_WAIT.saturating_mul(1 << attempt.saturating_sub(2).min(6));
    longest.mul_f64(rand::random::<f64>())
}
