//! The little that the API needs of the running house; the server implements it with the actors.

use std::{fmt, sync::Arc};

use tokio::sync::broadcast;
use tributary_connectors::destinations::Outcome;
use tributary_domain::{
    committed::Committed,
    health::Health,
    id::{CommandId, DestinationId, MessageId, SourceId, TenantId},
};

/// What a ledger command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutcome {
    /// The sequence that it was applied after.
    pub applied_after: u64,
    /// What the ledger has to say about it; empty: nothing.
    pub result: String,
}

/// Why a ledger command was not applied, or not seen to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The ledger refused it.
    #[error("the ledger refused the command: {0}")]
    Refused(String),
    /// The ledger did not come to it in time; it stays in line.
    #[error("the ledger did not come to the command in time")]
    Timeout,
}

/// The running house, as the API sees it.
#[async_trait::async_trait]
pub trait House: fmt::Debug + Send + Sync {
    /// Says that something of a tenant's configuration was committed: its state, a workflow, a destination. Does not
    /// wait; what is evaluated from now on uses it at the latest when it is committed.
    fn configuration_changed(&self, tenant: TenantId);

    /// Says that a source was committed: made, changed, deleted, or its secrets or keys. The door knows sources from
    /// memory and has read this one again when this returns.
    async fn source_changed(&self, tenant: TenantId, source: SourceId);

    /// Says that a tenant was deleted or brought back, or that its quota was changed. The door knows that too when this
    /// returns; otherwise as [`House::configuration_changed`].
    async fn tenant_changed(&self, tenant: TenantId);

    /// Waits until the ledger applied a command of the tenant that is stored already.
    ///
    /// # Errors
    /// When the ledger refused it, or did not come to it in time.
    async fn apply_command(
        &self,
        tenant: TenantId,
        command: CommandId,
    ) -> Result<CommandOutcome, CommandError>;

    /// How sending to a destination goes; nothing: it was sent nothing since the house began.
    async fn destination_health(&self, tenant: TenantId, destination: DestinationId) -> Option<Health>;

    /// The access token that a request to a destination of this revision takes now, whether or not the destination is enabled, and another one
    /// than `rejected`, which was not taken; nothing where its secrets are put into requests as they are. Deliveries get theirs
    /// in the same place: two who got them would each make the other's refresh token worthless.
    ///
    /// # Errors
    /// What there being none would mean for a delivery.
    async fn access(
        &self,
        tenant: TenantId,
        destination: DestinationId,
        revision: u64,
        rejected: Option<&str>,
    ) -> Result<Option<String>, Outcome>;

    /// Says that an operation was begun or stopped. Does not wait.
    fn operations_changed(&self);

    /// What is committed from now on. A reader that is too slow loses the oldest.
    fn tail(&self) -> broadcast::Receiver<Arc<Committed>>;

    /// Whose message this is, if it is accepted and not yet committed. Whoever names a tenant may only learn of the
    /// messages of that tenant.
    async fn tenant_of_accepted(&self, message: MessageId) -> Option<TenantId>;
}
