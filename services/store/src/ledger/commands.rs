//! Ledger commands: what an administrator wants of identity and of messages, applied between batches, so that it
//! has its place in the order like everything else.

use std::collections::BTreeMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder,
};
use serde::Deserialize;
use tributary_domain::{
    id::{CommandId, MessageId, OperationId, ProfileId, SuppressionId, TenantId},
    partition::Partition,
    time::Timestamp,
};

use super::{apply::LedgerState, erase};
use crate::{
    Lane, Store, StoreError,
    column::id,
    entity::{held_message, ledger_command, message, parked_message},
    suppression::Listed,
    txn::Txn,
};

/// What a command asks for: its kind and payload.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", content = "payload", rename_all = "snake_case")]
enum Command {
    /// Gives a parked message a new position at the end of its tenant's held lane.
    RedriveParked { message: MessageId },
    /// Takes a person out of identity, and sees to it that what is dated before that does not bring them back.
    ErasePerson { profile: ProfileId, operation: OperationId },
    /// Takes messages about somebody who was erased out of the held lane.
    DropHeld { positions: Vec<i64> },
    /// Puts identifiers on the tenant's suppression list.
    Suppress(Listed),
    /// Takes identifiers off it.
    Unsuppress { suppressions: Vec<SuppressionId> },
}

/// What a command did besides what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Done {
    /// A message was put at the next position of the held lane.
    Held,
    /// The tenant suppresses identifiers now.
    Suppressing,
    /// Nothing that the ledger has to know.
    Written,
    /// Nothing: this is why.
    Refused(String),
}

impl Done {
    fn unless(failure: Option<String>, done: Self) -> Self {
        failure.map_or(done, Self::Refused)
    }
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
    /// Applies the commands that wait, oldest first, each in its own transaction.
    ///
    /// # Errors
    /// When the database fails; those applied before it stay applied.
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
            outcomes.push(self.apply_command(state, row, now).await?);
        }
        Ok(outcomes)
    }

    async fn apply_command(
        &self,
        state: &mut LedgerState,
        row: ledger_command::Model,
        now: Timestamp,
    ) -> Result<CommandOutcome, StoreError> {
        let tenant: TenantId = id(&row.tenant_id, "ledger_commands.tenant_id")?;
        let command: CommandId = id(&row.id, "ledger_commands.id")?;
        let position = state.next_position;
        let claim = &state.claim;
        let after = claim.highest();
        let row = &row;
        let done = self
            .write_txn(Lane::Ledger, "ledger.command", |txn: Txn| async move {
                let txn = txn.as_ref();
                claim.commit(txn, &BTreeMap::from([(Partition::of(tenant), None)])).await?;
                let done = match parse(row) {
                    Some(Command::RedriveParked { message }) => {
                        Done::unless(redrive(txn, tenant, message, position, now).await?, Done::Held)
                    }
                    Some(Command::ErasePerson { profile, operation }) => {
                        let failure =
                            erase::person(txn, self.sealer(), tenant, profile, operation, now).await?;
                        Done::unless(failure, Done::Suppressing)
                    }
                    Some(Command::DropHeld { positions }) => {
                        erase::drop_held(txn, tenant, &positions).await?;
                        Done::Written
                    }
                    Some(Command::Suppress(listed)) => {
                        erase::suppress(txn, tenant, &listed, now).await?;
                        Done::Suppressing
                    }
                    Some(Command::Unsuppress { suppressions }) => {
                        erase::unsuppress(txn, tenant, &suppressions, now).await?;
                        Done::Written
                    }
                    None => Done::Refused("this build does not know the command".to_owned()),
                };
                let failure = if let Done::Refused(why) = &done { Some(why.clone()) } else { None };
                let update = ledger_command::ActiveModel {
                    id: Set(row.id.clone()),
                    state: Set(if failure.is_some() { "FAILED" } else { "APPLIED" }.to_owned()),
                    result: Set(failure),
                    applied_at: Set(Some(now.micros())),
                    applied_after: Set(Some(after.cast_signed())),
                    ..Default::default()
                };
                update.update(txn).await?;
                Ok(done)
            })
            .await?;
        let mut failure = None;
        match done {
            Done::Held => {
                state.next_position += 1;
                state.holding.insert(tenant);
            }
            Done::Suppressing => {
                state.suppressing.insert(tenant);
            }
            Done::Written => {}
            Done::Refused(why) => failure = Some(why),
        }
        Ok(CommandOutcome { command, failure, applied_after: after })
    }
}

/// Nothing: it is of a newer build.
fn parse(row: &ledger_command::Model) -> Option<Command> {
    let payload: serde_json::Value = serde_json::from_str(&row.payload).ok()?;
    serde_json::from_value(serde_json::json!({"kind": row.kind, "payload": payload})).ok()
}

async fn redrive(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    message: MessageId,
    position: i64,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let key = (tenant.to_string(), message.to_string());
    let Some(parked) = parked_message::Entity::find_by_id(key.clone()).one(txn).await? else {
        return Ok(Some("the message is not parked (any more)".to_owned()));
    };
    parked_message::Entity::delete_by_id(key).exec(txn).await?;
    let held = held_message::ActiveModel {
        tenant_id: Set(parked.tenant_id),
        position: Set(position),
        message_id: Set(parked.message_id.clone()),
        source_id: Set(parked.source_id),
        seq: Set(parked.seq),
        reason: Set("REDRIVEN".to_owned()),
        held_at: Set(now.micros()),
        record: Set(parked.record),
    };
    held_message::Entity::insert(held).exec_without_returning(txn).await?;
    let update = message::ActiveModel {
        id: Set(parked.message_id),
        fate: Set("HELD".to_owned()),
        ..Default::default()
    };
    update.update(txn).await?;
    Ok(None)
}
