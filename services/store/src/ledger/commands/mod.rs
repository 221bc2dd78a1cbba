//! Ledger commands: what an administrator wants of identity and of messages, applied between batches, so that it
//! has its place in the order like everything else.

mod conflict;
mod pair;
mod redrive;
mod undo;
mod value;

use std::{collections::BTreeMap, fmt};

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder,
};
use serde::Deserialize;
use tributary_domain::{
    id::{CommandId, ConflictId, MergeId, MessageId, OperationId, ProfileId, SuppressionId, TenantId},
    identity::IdentifierType,
    partition::Partition,
    time::Timestamp,
};

use super::{apply::LedgerState, blocked::Blocked, erase};
use crate::{
    Lane, Sealer, Store, StoreError,
    column::id,
    entity::ledger_command,
    erasure::{Key, redact_traits},
    suppression::Listed,
    txn::Txn,
};

/// What a command asks for: its kind and payload.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", content = "payload", rename_all = "snake_case")]
enum Command {
    /// Gives a parked message a new position at the end of its tenant's held lane.
    RedriveParked { message: MessageId },
    /// Takes a merge back.
    UndoMerge { merge: MergeId, actor: String },
    /// Decides a conflict.
    DecideConflict { conflict: ConflictId, verdict: Said, actor: String },
    /// Keeps two people apart.
    KeepApart { left: ProfileId, right: ProfileId, actor: String },
    /// Takes a never-join pair away.
    LiftNeverJoin { left: ProfileId, right: ProfileId },
    /// Makes a value no evidence.
    BlockIdentifier(Value),
    /// Makes it evidence again.
    UnblockIdentifier(Value),
    /// Takes a person out of identity, and sees to it that what is dated before that does not bring them back.
    ErasePerson { profile: ProfileId, operation: OperationId },
    /// Takes messages about somebody who was erased out of the held lane.
    DropHeld { positions: Vec<i64> },
    /// Takes somebody who was erased out of what is known of others.
    RedactTraits { operation: OperationId, table: String, keys: Vec<Key> },
    /// Puts identifiers on the tenant's suppression list.
    Suppress(Listed),
    /// Takes identifiers off it.
    Unsuppress { suppressions: Vec<SuppressionId> },
}

/// What is said of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Accept,
    Refuse,
    NeverAgain,
}

/// A normalised value, and who says something of it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
struct Value {
    kind: IdentifierType,
    value: String,
    actor: String,
}

impl fmt::Debug for Value {
    /// Without the value: it may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").field("kind", &self.kind).field("actor", &self.actor).finish_non_exhaustive()
    }
}

/// What the ledger has to remember of a command that was applied.
enum Effect {
    /// Nothing.
    Done,
    /// A message was held.
    Held,
    /// A value is no evidence any more.
    Blocked(IdentifierType, String),
    /// A value is evidence again.
    Unblocked(IdentifierType, String),
    /// The tenant suppresses identifiers now.
    Suppressing,
    /// A person was erased, with what of theirs was blocked.
    Erased,
}

/// What a command came to, or why it changed nothing.
type Outcome = Result<Effect, String>;

fn refused(why: impl Into<String>) -> Result<Outcome, StoreError> {
    Ok(Err(why.into()))
}

/// What a command is applied with.
struct Context<'a> {
    command: CommandId,
    tenant: TenantId,
    blocked: &'a Blocked,
    sealer: &'a Sealer,
    /// The next position in the held lane.
    position: i64,
    /// The sequence that it comes after.
    after: u64,
    now: Timestamp,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutcome {
    /// The command.
    pub command: CommandId,
    /// What went wrong, if anything did; nothing was changed then.
    pub failure: Option<String>,
    /// The sequence that it came after.
    pub applied_after: u64,
}

impl Store {
    /// Applies the commands that wait, oldest first, each in its own transaction. One that would fail again whenever it
    /// is tried has failed for good.
    ///
    /// # Errors
    /// When the database cannot serve, or another process took over; those applied before stay applied.
    pub async fn apply_commands(
        &self,
        state: &mut LedgerState,
        now: Timestamp,
    ) -> Result<Vec<CommandOutcome>, StoreError> {
        let waiting = ledger_command::Entity::find()
            .filter(ledger_command::Column::State.eq("PENDING"))
            .order_by_asc(ledger_command::Column::Id)
            .all(self.reader())
            .await?;
        let mut outcomes = Vec::with_capacity(waiting.len());
        for row in waiting {
            state.blocked.know(self).await?;
            let asked = (row.id.clone(), row.tenant_id.clone());
            let applied = match self.apply_command(state, row, now).await {
                // It would fail again whenever it is tried, and nothing would be processed any more.
                Err(error) if !error.is_transient() && !error.is_fenced() => {
                    state.blocked.forget();
                    self.fail_command(state, (&asked.0, &asked.1), &error, now).await
                }
                applied => applied,
            };
            if applied.is_err() {
                state.blocked.forget();
            }
            outcomes.push(applied?);
        }
        Ok(outcomes)
    }

    async fn apply_command(
        &self,
        state: &mut LedgerState,
        row: ledger_command::Model,
        now: Timestamp,
    ) -> Result<CommandOutcome, StoreError> {
        let context = Context {
            command: id(&row.id, "ledger_commands.id")?,
            tenant: id(&row.tenant_id, "ledger_commands.tenant_id")?,
            blocked: &state.blocked,
            sealer: self.sealer(),
            position: state.next_position,
            after: state.claim.highest(),
            now,
        };
        let (tenant, command, after) = (context.tenant, context.command, context.after);
        let (claim, row, context) = (&state.claim, &row, &context);
        let outcome = self
            .write_txn(Lane::Ledger, "ledger.command", |txn: Txn| async move {
                let txn = txn.as_ref();
                claim.commit(txn, &BTreeMap::from([(Partition::of(tenant), None)])).await?;
                let outcome = context.apply(txn, row).await?;
                end(txn, &row.id, outcome.as_ref().err().cloned(), after, now).await?;
                Ok(outcome)
            })
            .await?;
        let failure = match outcome {
            Ok(effect) => {
                state.remember(tenant, effect);
                None
            }
            Err(why) => Some(why),
        };
        Ok(CommandOutcome { command, failure, applied_after: after })
    }

    /// Notes that a command cannot be applied; what it had changed was taken back.
    async fn fail_command(
        &self,
        state: &LedgerState,
        (asked, tenant): (&str, &str),
        error: &StoreError,
        now: Timestamp,
    ) -> Result<CommandOutcome, StoreError> {
        let (command, after) = (id(asked, "ledger_commands.id")?, state.claim.highest());
        let tenant: TenantId = id(tenant, "ledger_commands.tenant_id")?;
        let claim = &state.claim;
        // Errors of the store hold no values of rows, but a key that an administrator chose can be any text.
        let why = match error {
            StoreError::KeyTaken { what, .. } => format!("{what}: another one has its key"),
            error => error.to_string(),
        };
        tracing::error!(%command, error = why, "a command of the ledger failed");
        let failure = Some(why);
        let noted = &failure;
        self.write_txn(Lane::Ledger, "ledger.command.fail", |txn: Txn| async move {
            let txn = txn.as_ref();
            claim.commit(txn, &BTreeMap::from([(Partition::of(tenant), None)])).await?;
            end(txn, asked, noted.clone(), after, now).await
        })
        .await?;
        Ok(CommandOutcome { command, failure, applied_after: after })
    }
}

/// Notes how a command ended.
async fn end(
    txn: &DatabaseTransaction,
    command: &str,
    failure: Option<String>,
    after: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let update = ledger_command::ActiveModel {
        id: Set(command.to_owned()),
        state: Set(if failure.is_some() { "FAILED" } else { "APPLIED" }.to_owned()),
        result: Set(failure),
        applied_at: Set(Some(now.micros())),
        applied_after: Set(Some(after.cast_signed())),
        ..Default::default()
    };
    update.update(txn).await?;
    Ok(())
}

impl LedgerState {
    fn remember(&mut self, tenant: TenantId, effect: Effect) {
        match effect {
            Effect::Done => {}
            Effect::Held => {
                self.next_position += 1;
                self.holding.insert(tenant);
            }
            Effect::Blocked(kind, value) => self.blocked.add(tenant, kind, value),
            Effect::Unblocked(kind, value) => self.blocked.remove(tenant, kind, value),
            Effect::Suppressing => {
                self.suppressing.insert(tenant);
            }
            Effect::Erased => {
                self.suppressing.insert(tenant);
                self.blocked.forget();
            }
        }
    }
}

impl Context<'_> {
    async fn apply(
        &self,
        txn: &DatabaseTransaction,
        row: &ledger_command::Model,
    ) -> Result<Outcome, StoreError> {
        match parse(row) {
            Some(Command::RedriveParked { message }) => {
                redrive::redrive(txn, self.tenant, message, self.position, self.now).await
            }
            Some(Command::UndoMerge { merge, actor }) => undo::undo(self, txn, merge, &actor).await,
            Some(Command::DecideConflict { conflict, verdict, actor }) => {
                conflict::decide(self, txn, conflict, verdict, &actor).await
            }
            Some(Command::KeepApart { left, right, actor }) => {
                pair::keep_apart_by_hand(self, txn, (left, right), &actor).await
            }
            Some(Command::LiftNeverJoin { left, right }) => {
                pair::lift_by_hand(txn, self.tenant, (left, right)).await
            }
            Some(Command::BlockIdentifier(value)) => value::block(self, txn, value).await,
            Some(Command::UnblockIdentifier(value)) => value::unblock(self, txn, value).await,
            Some(Command::ErasePerson { profile, operation }) => {
                let failure =
                    erase::person(txn, self.sealer, self.tenant, profile, operation, self.now).await?;
                Ok(failure.map_or(Ok(Effect::Erased), Err))
            }
            Some(Command::DropHeld { positions }) => {
                erase::drop_held(txn, self.tenant, &positions).await?;
                Ok(Ok(Effect::Done))
            }
            Some(Command::RedactTraits { operation, table, keys }) => {
                redact_traits(txn, self.sealer, (self.tenant, operation), (&table, &keys)).await?;
                Ok(Ok(Effect::Done))
            }
            Some(Command::Suppress(listed)) => {
                erase::suppress(txn, self.tenant, &listed, self.now).await?;
                Ok(Ok(Effect::Suppressing))
            }
            Some(Command::Unsuppress { suppressions }) => {
                erase::unsuppress(txn, self.tenant, &suppressions, self.now).await?;
                Ok(Ok(Effect::Done))
            }
            None => refused("this build does not know the command"),
        }
    }
}

/// Nothing: it is of a newer build.
fn parse(row: &ledger_command::Model) -> Option<Command> {
    let payload: serde_json::Value = serde_json::from_str(&row.payload).ok()?;
    serde_json::from_value(serde_json::json!({"kind": row.kind, "payload": payload})).ok()
}
