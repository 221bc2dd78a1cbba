//! The running house as the admin API sees it.

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::{Notify, broadcast};
use tributary_actors::House;
use tributary_admin::{CommandError, CommandOutcome};
use tributary_connectors::destinations::Outcome;
use tributary_domain::{
    committed::Committed,
    health::Health,
    id::{CommandId, DestinationId, MessageId, SourceId, TenantId},
};
use tributary_store::{
    Store,
    command::{CommandRecord, CommandState},
};

use super::door::Doorkeeper;

/// How long a call waits for the ledger.
const PATIENCE: Duration = Duration::from_secs(10);

/// Joins the API with the actors and the door.
pub(super) struct RunningHouse {
    pub(super) house: House,
    pub(super) store: Store,
    pub(super) door: Arc<Doorkeeper>,
    /// Wakes what works on operations.
    pub(super) worker: Arc<Notify>,
}

impl fmt::Debug for RunningHouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningHouse").finish_non_exhaustive()
    }
}

#[tonic::async_trait]
impl tributary_admin::House for RunningHouse {
    fn configuration_changed(&self, tenant: TenantId) {
        self.house.configuration_changed(tenant);
    }

    async fn source_changed(&self, tenant: TenantId, source: SourceId) {
        self.door.reload(tenant, source).await;
    }

    async fn tenant_changed(&self, tenant: TenantId) {
        self.door.reload_tenant(tenant).await;
        self.house.configuration_changed(tenant);
    }

    async fn apply_command(
        &self,
        tenant: TenantId,
        command: CommandId,
    ) -> Result<CommandOutcome, CommandError> {
        let Some(outcome) = self.house.apply_command(command, PATIENCE).await else {
            return self.stored_outcome(tenant, command).await;
        };
        match outcome.failure {
            Some(why) => Err(CommandError::Refused(why)),
            None => Ok(CommandOutcome { applied_after: outcome.applied_after, result: String::new() }),
        }
    }

    async fn destination_health(&self, tenant: TenantId, destination: DestinationId) -> Option<Health> {
        self.house.destination_health(tenant, destination).await
    }

    async fn access(
        &self,
        tenant: TenantId,
        destination: DestinationId,
        revision: u64,
        rejected: Option<&str>,
    ) -> Result<Option<String>, Outcome> {
        self.house.access(tenant, destination, revision, rejected).await
    }

    fn operations_changed(&self) {
        self.worker.notify_one();
    }

    fn tail(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.house.tail()
    }

    async fn tenant_of_accepted(&self, message: MessageId) -> Option<TenantId> {
        self.house.tenant_of_accepted(message).await
    }
}

impl RunningHouse {
    /// What is stored of a command whose outcome was not heard: it may have been told before anybody listened, or
    /// among too many others.
    async fn stored_outcome(
        &self,
        tenant: TenantId,
        command: CommandId,
    ) -> Result<CommandOutcome, CommandError> {
        match self.store.tenant(tenant).command(command).await {
            Ok(record) => outcome(record),
            Err(error) => {
                tracing::warn!(%error, %command, "what came of the command is not known");
                Err(CommandError::Timeout)
            }
        }
    }
}

fn outcome(record: CommandRecord) -> Result<CommandOutcome, CommandError> {
    let result = record.result.unwrap_or_default();
    match (record.state, record.applied_after) {
        (CommandState::Applied, Some(applied_after)) => Ok(CommandOutcome { applied_after, result }),
        (CommandState::Failed, _) => Err(CommandError::Refused(result)),
        (CommandState::Applied | CommandState::Pending, _) => Err(CommandError::Timeout),
    }
}

#[cfg(test)]
mod tests {
    use tributary_domain::time::Timestamp;

    use super::*;

    #[test]
    fn what_is_stored_of_a_command_is_its_outcome() {
        let at = Timestamp::from_seconds(1);
        let record = |state, applied_after| CommandRecord {
            id: CommandId::new(1, 1),
            tenant: TenantId::new(1, 1),
            kind: "redrive_parked".to_owned(),
            payload: serde_json::Value::Null,
            state,
            result: Some("why".to_owned()),
            created_at: at,
            applied_at: None,
            applied_after,
        };
        let applied = outcome(record(CommandState::Applied, Some(7)));
        assert_eq!(applied.map(|outcome| outcome.applied_after), Ok(7));
        let refused = outcome(record(CommandState::Failed, Some(7)));
        assert_eq!(refused, Err(CommandError::Refused("why".to_owned())));
        assert_eq!(outcome(record(CommandState::Pending, None)), Err(CommandError::Timeout));
    }
}
