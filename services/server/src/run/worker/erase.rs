//! The steps of an erasure: the ledger first, then what is under way, then the copies, then the files.

use std::time::Duration;

use serde_json::json;
use tributary_domain::id::CommandId;
use tributary_store::{
    StoreError,
    audit::Author,
    command::CommandState,
    erasure::{ErasureRecord, Part},
    operation::{Choice, OperationRecord, OperationState},
};

use super::{Step, Worker};

/// The ledger's name of the command.
const ERASE: &str = "erase_person";
/// How long one step waits for what is accepted to be committed; the next one goes on waiting.
const PATIENCE: Duration = Duration::from_secs(2);

impl Worker {
    /// The next step of an erasure.
    pub(super) async fn erase(&self, operation: &OperationRecord) -> Result<Step, StoreError> {
        let scope = self.store.tenant(operation.tenant);
        if operation.place.is_some() {
            scope.choose_items(operation, self.clock.now()).await?;
        }
        let Some(erasure) = scope.erasure(operation.id).await? else {
            return self.erase_identity(operation).await;
        };
        match erasure.part {
            Part::Deliveries => {
                self.store.give_up_deliveries(&erasure, self.clock.now()).await.map(|_| Step::Further)
            }
            Part::Settle => self.settle(&erasure).await,
            Part::Events => {
                self.store.erase_events(&erasure, self.clock.now()).await?;
                self.house.look_for_commands();
                Ok(Step::Further)
            }
            Part::Mentions => self.mentions(&erasure).await,
            Part::Files => self.files(operation, &erasure).await,
            Part::Done => self.succeed(operation).await,
        }
    }

    /// Asks the ledger, once, and sees what came of it.
    async fn erase_identity(&self, operation: &OperationRecord) -> Result<Step, StoreError> {
        let Choice::Person { profile } = &operation.choice else {
            return Err(StoreError::Corrupt { what: "operations.work" });
        };
        let scope = self.store.tenant(operation.tenant);
        // One command an operation: it has the operation's own bits.
        let command = CommandId::from_bits(operation.id.bits());
        match scope.command(command).await {
            Ok(record) if record.state == CommandState::Failed => {
                let (state, why) = (OperationState::Failed, record.result.unwrap_or_default());
                scope.end_operation(operation.id, state, Some(&why), self.clock.now()).await?;
                return Ok(Step::Ended);
            }
            Ok(_) => {}
            Err(StoreError::NotFound { .. }) => {
                let payload = json!({ "profile": profile, "operation": operation.id });
                let author = Author::new(operation.actor.as_str(), self.clock.now());
                scope.enqueue_command(command, ERASE, &payload, &author).await?;
            }
            Err(error) => return Err(error),
        }
        // Whether it came to it is seen with the next step.
        let applied = self.house.apply_command(command, PATIENCE).await;
        Ok(if applied.is_some() { Step::Further } else { Step::Waiting })
    }

    async fn settle(&self, erasure: &ErasureRecord) -> Result<Step, StoreError> {
        let people = self.store.erased_people(erasure)?;
        let is_quiet = self.house.forget_people(erasure.tenant, &people).await;
        if !is_quiet || !self.house.clear_journal(PATIENCE).await {
            return Ok(Step::Waiting);
        }
        self.store.erasure_settled(erasure, self.clock.now()).await?;
        Ok(Step::Further)
    }

    async fn mentions(&self, erasure: &ErasureRecord) -> Result<Step, StoreError> {
        // Before messages are gone through: one in the held lane would be written again when it is processed.
        if !self.store.held_are_dropped(erasure).await? {
            self.house.look_for_commands();
            return Ok(Step::Waiting);
        }
        self.store.erase_mentions(erasure, self.clock.now()).await?;
        Ok(Step::Further)
    }

    async fn files(&self, operation: &OperationRecord, erasure: &ErasureRecord) -> Result<Step, StoreError> {
        // Whoever reads what was there before has to end first.
        if !self.store.empty_log().await? {
            return Ok(Step::Waiting);
        }
        self.store.erasure_done(erasure, self.clock.now()).await?;
        self.succeed(operation).await
    }
}
