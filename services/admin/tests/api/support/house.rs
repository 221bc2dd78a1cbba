//! A house without actors: it notes what it is told, and has the store's ledger apply commands.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::broadcast;
use tributary_admin::{CommandError, CommandOutcome, House};
use tributary_connectors::destinations::Outcome;
use tributary_domain::{
    committed::Committed,
    health::Health,
    id::{CommandId, DestinationId, MessageId, SourceId, TenantId},
    partition::PartitionSet,
};
use tributary_store::{Store, ledger::LedgerState};

use super::NOW;

#[derive(Debug)]
pub(crate) struct TestHouse {
    pub(crate) store: Arc<Store>,
    pub(crate) ledger: tokio::sync::Mutex<LedgerState>,
    pub(crate) configured: Mutex<Vec<TenantId>>,
    pub(crate) sources: Mutex<Vec<SourceId>>,
    pub(crate) accepted: Mutex<HashMap<MessageId, TenantId>>,
    /// How often it was told that an operation was begun or stopped.
    pub(crate) operations: AtomicUsize,
    pub(crate) health: Mutex<HashMap<DestinationId, Health>>,
    /// What there is of access to destinations that take tokens.
    pub(crate) access: Mutex<HashMap<DestinationId, Result<String, Outcome>>>,
    pub(crate) told: broadcast::Sender<Arc<Committed>>,
}

impl TestHouse {
    pub(crate) async fn new(store: Arc<Store>) -> Self {
        let (claim, _) = store.claim(PartitionSet::all(), "test", "journal", 0, NOW).await.unwrap();
        let ledger = store.ledger_state(claim, NOW).await.unwrap();
        Self {
            store,
            ledger: tokio::sync::Mutex::new(ledger),
            configured: Mutex::default(),
            sources: Mutex::default(),
            accepted: Mutex::default(),
            operations: AtomicUsize::default(),
            health: Mutex::default(),
            access: Mutex::default(),
            told: broadcast::channel(4).0,
        }
    }
}

#[async_trait::async_trait]
impl House for TestHouse {
    fn configuration_changed(&self, tenant: TenantId) {
        self.configured.lock().unwrap().push(tenant);
    }

    async fn source_changed(&self, _: TenantId, source: SourceId) {
        self.sources.lock().unwrap().push(source);
    }

    async fn tenant_changed(&self, tenant: TenantId) {
        self.configured.lock().unwrap().push(tenant);
    }

    async fn apply_command(&self, _: TenantId, command: CommandId) -> Result<CommandOutcome, CommandError> {
        let mut state = self.ledger.lock().await;
        let outcomes = self.store.apply_commands(&mut state, NOW).await.map_err(|_| CommandError::Timeout)?;
        let outcome =
            outcomes.into_iter().find(|outcome| outcome.command == command).ok_or(CommandError::Timeout)?;
        match outcome.failure {
            Some(failure) => Err(CommandError::Refused(failure)),
            None => Ok(CommandOutcome { applied_after: state.claim.lowest(), result: String::new() }),
        }
    }

    async fn destination_health(&self, _: TenantId, destination: DestinationId) -> Option<Health> {
        self.health.lock().unwrap().get(&destination).copied()
    }

    async fn access(
        &self,
        _: TenantId,
        destination: DestinationId,
        _: u64,
        rejected: Option<&str>,
    ) -> Result<Option<String>, Outcome> {
        let access = self.access.lock().unwrap().get(&destination).cloned().transpose()?;
        Ok(access.map(|access| if rejected == Some(&access) { format!("{access}-anew") } else { access }))
    }

    fn operations_changed(&self) {
        self.operations.fetch_add(1, Ordering::Relaxed);
    }

    fn tail(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.told.subscribe()
    }

    async fn tenant_of_accepted(&self, message: MessageId) -> Option<TenantId> {
        self.accepted.lock().unwrap().get(&message).copied()
    }
}
