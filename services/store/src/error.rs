//! What can go wrong with the database, classified once.
//!
//! Errors of the driver are turned into these at the door: their own text can hold values of a row (Postgres puts
//! the key of a violated constraint into the detail), so only codes and messages without values are kept.

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, sqlx};
use tributary_domain::error::ErrorCode;

use crate::{ledger::OWNERSHIP, once::Repeated};

/// Why the store could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing in this tenant.
    #[error("{what} not found")]
    NotFound {
        /// What was looked for, such as `source`.
        what: &'static str,
    },
    /// It stood for somebody who was erased, and never stands for anybody again.
    #[error("the person was erased")]
    Erased,
    /// What is there forbids the change.
    #[error("{what}: {conflict}")]
    Conflict {
        /// What was to be changed, such as `source`.
        what: &'static str,
        /// In which way.
        conflict: Conflict,
    },
    /// Its key belongs to another one by now.
    #[error("{what}: another one has the key `{key}`: give it up there first")]
    KeyTaken {
        /// What was to get the key, such as `source`.
        what: &'static str,
        /// The key, as its owner chose it.
        key: String,
    },
    /// The tenant may not have so many.
    #[error("the quota `{quota}` of the tenant is used up: it may have {limit}")]
    QuotaExceeded {
        /// Which quota, by its name in the contract.
        quota: &'static str,
        /// How many it allows.
        limit: u64,
    },
    /// So many operations of the tenant run already that no other may begin.
    #[error("{limit} operations of the tenant are running: wait until one has ended")]
    OperationsRunning {
        /// How many may run at a time.
        limit: u64,
    },
    /// The same request was done before.
    #[error("the same request was done before")]
    Repeated(Repeated),
    /// Another request had this id.
    #[error("another request had this id: give each its own")]
    RequestIdReused,
    /// Other writers were in the way, again and again.
    #[error("the database is busy with other writers: try again")]
    Contention,
    /// It took too long, or no connection came free in time.
    #[error("the database did not answer in time: try again")]
    Timeout,
    /// The database cannot be reached or cannot write.
    #[error("the database cannot serve now ({message}): try again when it is back")]
    Unavailable {
        /// What the driver says.
        message: String,
    },
    /// The connection was lost during COMMIT: it may or may not have happened.
    #[error("the outcome of a commit is not known ({message}): read the state again before repeating it")]
    UnknownCommit {
        /// What the driver says.
        message: String,
    },
    /// What is stored cannot be read: another build wrote it, the master key is another, or it was damaged.
    #[error("the stored {what} cannot be read: check the master key and that no newer build wrote it")]
    Corrupt {
        /// Table and column.
        what: &'static str,
    },
    /// Anything else: a defect, or a database that this build cannot use.
    #[error("the database refused a statement ({message})")]
    Other {
        /// What the driver says.
        message: String,
    },
}

/// In which way a change does not fit what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Its key or id is taken.
    #[error("it exists already: choose another key")]
    Exists,
    /// It has another revision than the one that was read.
    #[error("somebody else changed it meanwhile: read it again")]
    Revision,
    /// Its state does not allow it.
    #[error("its state does not allow that now")]
    State,
    /// It is the last owner of its agency.
    #[error("it is the last owner of the agency")]
    LastOwner,
    /// Who asks may not decide about somebody of that role.
    #[error("somebody of that role is not yours to change")]
    Role,
    /// It is to be undeleted, and is not deleted.
    #[error("it is not deleted")]
    Live,
    /// What it belongs to is deleted.
    #[error("what it belongs to is deleted: undelete that first")]
    ParentDeleted,
}

impl StoreError {
    /// Its code in the house's closed set.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound { .. } | Self::Erased => ErrorCode::NotFound,
            Self::Conflict { conflict: Conflict::Exists | Conflict::Live, .. }
            | Self::KeyTaken { .. }
            | Self::Repeated(_)
            | Self::RequestIdReused => ErrorCode::AlreadyExists,
            Self::Conflict { conflict: Conflict::Revision, .. } => ErrorCode::Aborted,
            Self::Conflict {
                conflict: Conflict::State | Conflict::LastOwner | Conflict::ParentDeleted,
                ..
            } => ErrorCode::FailedPrecondition,
            Self::Conflict { conflict: Conflict::Role, .. } => ErrorCode::PermissionDenied,
            Self::QuotaExceeded { .. } | Self::OperationsRunning { .. } => ErrorCode::ResourceExhausted,
            Self::Contention | Self::Unavailable { .. } | Self::UnknownCommit { .. } => {
                ErrorCode::Unavailable
            }
            Self::Timeout => ErrorCode::DeadlineExceeded,
            Self::Corrupt { .. } | Self::Other { .. } => ErrorCode::Internal,
        }
    }

    /// Whether the same work may succeed later without anybody changing anything. An unknown commit is transient
    /// too, but must be looked at before the work is repeated.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Contention | Self::Timeout | Self::Unavailable { .. } | Self::UnknownCommit { .. }
        )
    }

    /// Whether another process owns a partition now that this one wanted to commit for.
    pub fn is_fenced(&self) -> bool {
        matches!(self, Self::Conflict { what: OWNERSHIP, .. })
    }

    pub(crate) fn not_found(what: &'static str) -> Self {
        Self::NotFound { what }
    }

    pub(crate) fn exists(what: &'static str) -> Self {
        Self::Conflict { what, conflict: Conflict::Exists }
    }

    pub(crate) fn revision(what: &'static str) -> Self {
        Self::Conflict { what, conflict: Conflict::Revision }
    }

    pub(crate) fn state(what: &'static str) -> Self {
        Self::Conflict { what, conflict: Conflict::State }
    }

    pub(crate) fn last_owner() -> Self {
        Self::Conflict { what: "member", conflict: Conflict::LastOwner }
    }

    pub(crate) fn role(what: &'static str) -> Self {
        Self::Conflict { what, conflict: Conflict::Role }
    }

    pub(crate) fn live(what: &'static str) -> Self {
        Self::Conflict { what, conflict: Conflict::Live }
    }

    pub(crate) fn parent_deleted(what: &'static str) -> Self {
        Self::Conflict { what, conflict: Conflict::ParentDeleted }
    }

    pub(crate) fn corrupt(what: &'static str) -> Self {
        Self::Corrupt { what }
    }

    /// Says what exists already, where the database only knew that some row does.
    pub(crate) fn of(self, what: &'static str) -> Self {
        match self {
            Self::Conflict { conflict, .. } => Self::Conflict { what, conflict },
            other => other,
        }
    }

    /// The error of a COMMIT: when the database did not answer, it may have happened.
    pub(crate) fn of_commit(error: &DbErr) -> Self {
        match Self::from_driver(error) {
            Self::Unavailable { message } => Self::UnknownCommit { message },
            Self::Timeout => Self::UnknownCommit { message: "no answer in time".to_owned() },
            other => other,
        }
    }

    fn from_driver(error: &DbErr) -> Self {
        match error {
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => Self::Timeout,
            DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed) => {
                Self::Unavailable { message: "the pool is closed".to_owned() }
            }
            DbErr::Conn(RuntimeErr::SqlxError(error))
            | DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error)) => Self::from_sqlx(error),
            DbErr::Conn(error) => Self::Unavailable { message: error.to_string() },
            DbErr::RecordNotFound(_) | DbErr::RecordNotUpdated => Self::not_found("row"),
            other => Self::Other { message: other.to_string() },
        }
    }

    fn from_sqlx(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => Self::from_database(error.as_ref()),
            sqlx::Error::PoolTimedOut => Self::Timeout,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => Self::Unavailable { message: error.to_string() },
            other => Self::Other { message: other.to_string() },
        }
    }

    fn from_database(error: &dyn sqlx::error::DatabaseError) -> Self {
        if error.is_unique_violation() {
            return Self::exists("row");
        }
        let code = error.code().unwrap_or_default();
        let message = format!("{} [{code}]", error.message());
        let is_sqlite = error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some();
        if is_sqlite { sqlite(&code, message) } else { postgres(&code, message) }
    }
}

/// SQLite result codes; the low byte is the primary code (sqlite.org/rescode.html).
fn sqlite(code: &str, message: String) -> StoreError {
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(5 | 6) => StoreError::Contention,
        Ok(3 | 7 | 8 | 10 | 13 | 14) => StoreError::Unavailable { message },
        _ => StoreError::Other { message },
    }
}

/// SQLSTATE codes (PostgreSQL manual, appendix A).
fn postgres(code: &str, message: String) -> StoreError {
    match code {
        "40001" | "40P01" | "55P03" => StoreError::Contention,
        "57014" => StoreError::Timeout,
        // Who may connect and write is wrong for a time: a password was changed, a database is being made.
        "42501" => StoreError::Unavailable { message },
        _ if ["08", "28", "3D", "53", "57", "58", "XX"].iter().any(|class| code.starts_with(class)) => {
            StoreError::Unavailable { message }
        }
        // A standby after a fail-over refuses to write until the pool finds the new primary.
        "25006" => StoreError::Unavailable { message },
        _ => StoreError::Other { message },
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        Self::from_driver(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_classified() {
        let classify = |code: &str| postgres(code, String::new()).code();
        assert_eq!(postgres("40001", String::new()), StoreError::Contention);
        assert_eq!(postgres("40P01", String::new()), StoreError::Contention);
        assert_eq!(classify("57014"), ErrorCode::DeadlineExceeded);
        assert_eq!(classify("57P01"), ErrorCode::Unavailable);
        assert_eq!(classify("42P01"), ErrorCode::Internal);
        assert_eq!(sqlite("517", String::new()), StoreError::Contention, "BUSY_SNAPSHOT is a BUSY");
        assert_eq!(sqlite("13", String::new()).code(), ErrorCode::Unavailable);
    }

    #[test]
    fn a_commit_without_an_answer_is_unknown_and_one_that_was_refused_is_not() {
        let lost = DbErr::Query(RuntimeErr::SqlxError(std::sync::Arc::new(sqlx::Error::WorkerCrashed)));
        assert!(matches!(StoreError::of_commit(&lost), StoreError::UnknownCommit { .. }));
        assert!(matches!(StoreError::of_commit(&DbErr::RecordNotUpdated), StoreError::NotFound { .. }));
    }
}
