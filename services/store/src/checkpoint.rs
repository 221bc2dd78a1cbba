//! Checkpoints of SQLite's write-ahead log, made aside: what the ledger commits waits for its own bytes only, not for
//! those of earlier commits on their way into the database file. That way costs most of a commit's time when the
//! committing connection itself goes it every few commits.

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use crate::{Store, StoreError, connect::File, lane::Lane};

/// Pages (of 4 KiB) that are worth a checkpoint. Most of them lie scattered over the database file, and the journal's
/// next bytes wait on the disk behind all of them: so they are few, about what the ledger commits at once while somebody
/// sends. Were they fewer still, pages that change again and again would go there too often.
const WORTH_IT: i64 = 256;
/// The same where commits are large: then nobody sends, and what changes in several commits goes its way once.
const WORTH_IT_AFTER_LARGE: i64 = 8_192;
/// Pages from which a commit is large.
const LARGE: i64 = 1_024;
/// Pages of log at which writers wait for a moment, so that the log can begin anew instead of growing on.
const TOO_LONG: i64 = 32_768;

/// What a checkpoint found and did, in pages.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// In the log.
    log: i64,
    /// Of those, in the database file too.
    checkpointed: i64,
    /// Whether a reader or writer kept it from going all the way, where it has to.
    was_blocked: bool,
}

impl Progress {
    fn left(self) -> i64 {
        self.log - self.checkpointed
    }

    /// Whether a checkpoint is due, when the log had `before` pages at the look before this one. A log that began anew
    /// is short.
    fn is_due(self, before: i64) -> bool {
        let is_large = self.log - before >= LARGE;
        self.left() >= if is_large { WORTH_IT_AFTER_LARGE } else { WORTH_IT }
    }
}

impl Store {
    /// Keeps the write-ahead log short, until it is dropped; on Postgres there is nothing to do. A server has to run
    /// this beside its work; where nobody does, the log is checkpointed by who commits, when it is very long.
    pub async fn keep_log_short(&self) {
        let Some(file) = self.file() else { return };
        let mut pages = 0;
        loop {
            file.committed.notified().await;
            match checkpoint(file, pages).await {
                Ok(progress) => pages = progress.log,
                Err(error) => tracing::warn!(%error, "the write-ahead log is not checkpointed"),
            }
        }
    }
}

impl Store {
    /// Moves all that was written into the database file and empties the write-ahead log, so that nothing of what was removed
    /// is left there. Says whether it could: where somebody reads what was there before, it is to be tried again. On
    /// Postgres there is nothing to do.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn empty_log(&self) -> Result<bool, StoreError> {
        let Some(file) = self.file() else { return Ok(true) };
        // Most of the way while others write.
        look(&file.checkpointer, "PASSIVE").await?;
        let _turn = file.lanes.turn(Lane::Other).await;
        Ok(!look(&file.checkpointer, "TRUNCATE").await?.was_blocked)
    }
}

/// Makes a checkpoint if one is due, and returns what it found; the log had `before` pages then.
async fn checkpoint(file: &File, before: i64) -> Result<Progress, StoreError> {
    let found = look(&file.checkpointer, "NOOP").await?;
    if !found.is_due(before) {
        return Ok(found);
    }
    // Readers and the writer go on meanwhile; what they add stays for the next time.
    let progress = look(&file.checkpointer, "PASSIVE").await?;
    if progress.log >= TOO_LONG {
        // Little is left, and nobody adds to it: the next writer begins the log anew.
        let _turn = file.lanes.turn(Lane::Other).await;
        look(&file.checkpointer, "PASSIVE").await?;
    }
    Ok(progress)
}

/// Makes a checkpoint of this mode (sqlite.org/pragma.html#pragma_wal_checkpoint).
async fn look(connection: &DatabaseConnection, mode: &str) -> Result<Progress, StoreError> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await?;
    let row = row.ok_or_else(|| StoreError::not_found("the checkpoint's progress"))?;
    Ok(Progress {
        log: row.try_get_by_index(1)?,
        checkpointed: row.try_get_by_index(2)?,
        was_blocked: row.try_get_by_index::<i64>(0)? != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::Database;

    #[test]
    fn after_large_commits_checkpoints_are_rarer() {
        let progress = |log, checkpointed| Progress { log, checkpointed, was_blocked: false };
        assert!(!progress(255, 0).is_due(0));
        assert!(progress(256, 0).is_due(0));
        assert!(progress(1_023, 0).is_due(0), "several small ones");
        assert!(!progress(1_024, 0).is_due(0), "a large one");
        assert!(!progress(8_191, 0).is_due(6_000), "several large ones");
        assert!(progress(8_192, 0).is_due(7_000), "that are enough");
        assert!(progress(1_300, 1_000).is_due(1_100), "a small one after them");
        assert!(progress(300, 0).is_due(9_000), "the log began anew");
    }

    #[tokio::test]
    async fn what_was_committed_comes_into_the_file_aside() {
        let database = Database::fresh("sqlite").await.expect("it is always there");
        let store = &database.store;
        store.migrate().await.expect("migrates");
        let file = store.file().expect("it is SQLite");
        store.put_meta("test", "few").await.expect("writes");
        checkpoint(file, 0).await.expect("looks");
        assert!(
            look(&file.checkpointer, "NOOP").await.expect("looks").left() > 0,
            "few pages are not worth it"
        );
        store.put_meta("test", &"x".repeat(36 << 20)).await.expect("writes");
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
