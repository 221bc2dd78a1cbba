//! What was kept for as long as its tenant keeps it is removed: bodies, logs and dedupe keys, each after its own time.
//!
//! A message's time is that of its id, and everything that followed from it has ids that begin with that, so that what
//! is old is the beginning of a key, and needs no index. Profiles are no logs: their identifiers, traits and browser
//! context stay, and so do the evidence, the merges and the conflicts that made them what they are. Audit entries stay.
//!
//! Nothing is removed that is still to be done: a message that is held or parked keeps everything, and one with a
//! pending delivery keeps all but its body, which has no part in delivering.

mod bodies;
mod commands;
mod conversions;
mod keys;
mod logs;
mod meetings;
mod sweep;
mod weeks;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, Value};
use tributary_domain::{
    id::{MessageId, TenantId},
    retention::Retention,
    time::Timestamp,
};

pub(crate) use bodies::{look_again, with_bodies};
pub use sweep::{Kind, Sweep, Swept};

use crate::StoreError;

/// What the headers of a message or of an answer are once they were removed with its body. Headers that are kept are a
/// list in JSON, which is never empty text.
pub(crate) const REMOVED: &str = "";

/// Rows that one step looks at.
const STEP: u64 = 200;

/// A tenant and for how long it keeps what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Keeper {
    tenant: TenantId,
    kept: Retention,
}

/// The first id of a message that was accepted at `time` or later.
fn first_id(time: Timestamp) -> MessageId {
    MessageId::new(time.millis(), 0)
}

/// One statement in the words of both databases.
struct Sql {
    sqlite: &'static str,
    postgres: &'static str,
}

impl Sql {
    async fn execute<const N: usize>(
        &self,
        txn: &DatabaseTransaction,
        values: [Value; N],
    ) -> Result<u64, StoreError> {
        let backend = txn.get_database_backend();
        let text = if backend == DbBackend::Sqlite { self.sqlite } else { self.postgres };
        Ok(txn.execute_raw(Statement::from_sql_and_values(backend, text, values)).await?.rows_affected())
    }
}
