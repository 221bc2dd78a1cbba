//! Checkpoints of SQLite's write-ahead log, made aside: what the ledger commits waits for its own bytes only, not for
//! those of earlier commits on their way into the database file. That way costs most of a commit's time when the
//! committing connection itself goes it every few commits.

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use crate::{Store, StoreError, connect::File, lane::Lane};

/// Pages (of 4 KiB) that are worth a checkpoint. Most of them lie scattered over the database file, and the journal's
/// next bytes wait on the disk behind all of them: so they are few, about what the ledger commits at once while somebody
/// sends. Were they fewer still, pages that change again and again would go there too often.
const WORTH_IT: i64 = 256;
/// Pages of log at which writers wait for a moment, so that the log can begin anew instead of growing on.
const TOO_LONG: i64 = 32_768;

/// What a checkpoint found and did, in pages.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// In the log.
    log: i64,
    /// Of those, in the database file too.
    checkpointed: i64,
}

impl Progress {
    fn left(self) -> i64 {
        self.log - self.checkpointed
    }
}

impl Store {
    /// Keeps the write-ahead log short, until it is dropped; on Postgres there is nothing to do. A server has to run
    /// this beside its work; where nobody does, the log is checkpointed by who commits, when it is very long.
    pub async fn keep_log_short(&self) {
        let Some(file) = self.file() else { return };
        loop {
            file.committed.notified().await;
            if let Err(error) = checkpoint(file).await {
                tracing::warn!(%error, "the write-ahead log is not checkpointed");
            }
        }
    }
}

async fn checkpoint(file: &File) -> Result<(), StoreError> {
    if look(&file.checkpointer, "NOOP").await?.left() < WORTH_IT {
        return Ok(());
    }
    // Readers and the writer go on meanwhile; what they add stays for the next time.
    let progress = look(&file.checkpointer, "PASSIVE").await?;
    if progress.log >= TOO_LONG {
        // Little is left, and nobody adds to it: the next writer begins the log anew.
        let _turn = file.lanes.turn(Lane::Other).await;
        look(&file.checkpointer, "PASSIVE").await?;
    }
    Ok(())
}

/// Makes a checkpoint of this mode (sqlite.org/pragma.html#pragma_wal_checkpoint).
async fn look(connection: &DatabaseConnection, mode: &str) -> Result<Progress, StoreError> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await?;
    let row = row.ok_or_else(|| StoreError::not_found("the checkpoint's progress"))?;
    Ok(Progress { log: row.try_get_by_index(1)?, checkpointed: row.try_get_by_index(2)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::Database;

    #[tokio::test]
    async fn what_was_committed_comes_into_the_file_aside() {
        let database = Database::fresh("sqlite").await.expect("it is always there");
        let store = &database.store;
        store.migrate().await.expect("migrates");
        let file = store.file().expect("it is SQLite");
        store.put_meta("test", "few").await.expect("writes");
        checkpoint(file).await.expect("looks");
        assert!(
            look(&file.checkpointer, "NOOP").await.expect("looks").left() > 0,
            "few pages are not worth it"
        );
        store.put_meta("test", &"x".repeat(8 << 20)).await.expect("writes");
        let left = async || look(&file.checkpointer, "NOOP").await.expect("looks").left();
        assert!(left().await > WORTH_IT, "whoever commits makes no checkpoint");
        let emptied = async {
            while left().await > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = store.keep_log_short() => panic!("it ended"),
            emptied = tokio::time::timeout(std::time::Duration::from_secs(10), emptied) => {
                emptied.expect("the log is checkpointed");
            }
        }
        database.drop().await;
    }
}
