//! The running house as the admin API sees it.

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::broadcast;
use tributary_actors::House;
use tributary_admin::{CommandError, CommandOutcome};
use tributary_domain::{
    committed::Committed,
    id::{CommandId, MessageId, SourceId, TenantId},
};
use tributary_ingest::SourceDirectory;
use tributary_store::Store;

use super::door;

/// How long a call waits for the ledger.
const PATIENCE: Duration = Duration::from_secs(10);

/// Joins the API with the actors and the door.
pub(super) struct RunningHouse {
    pub(super) house: House,
    pub(super) store: Store,
    pub(super) sources: Arc<SourceDirectory>,
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
        if let Err(error) = door::reload(&self.store, &self.sources, tenant, source).await {
            tracing::error!(%error, %source, "the door does not know the source's change yet: restart when the database is back");
        }
    }

    async fn apply_command(&self, command: CommandId) -> Result<CommandOutcome, CommandError> {
        let outcome = self.house.apply_command(command, PATIENCE).await.ok_or(CommandError::Timeout)?;
        match outcome.failure {
            Some(why) => Err(CommandError::Refused(why)),
            None => Ok(CommandOutcome { applied_after: outcome.applied_after, result: String::new() }),
        }
    }

    fn tail(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.house.tail()
    }

    async fn is_accepted(&self, message: MessageId) -> bool {
        self.house.is_accepted(message).await
    }
}
