//! All destinations that have something to send.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use tokio::sync::broadcast;
use tributary_connectors::destinations::Outcome;
use tributary_domain::{
    committed::Committed,
    health::Health,
    id::{DestinationId, ProfileId, TenantId},
    partition::{Partition, PartitionSet},
    time::Clock,
};
use tributary_egress::Egress;
use tributary_store::{Store, StoreError, ledger::ReadyDelivery};
use tributary_telemetry::Metrics;

use super::{
    actor::DestinationActor,
    attempt::Means,
    message::{Drain, Examine, Forget, Look, Offer, Reload},
    target,
    tokens::Tokens,
    turns::Turns,
};
use crate::{
    faults::Hurry,
    supervision::{Arbiters, Supervised},
};

/// Where attempts are told to who watches.
#[derive(Debug, Clone)]
pub(crate) struct Tail(pub(crate) broadcast::Sender<Arc<Committed>>);

/// Requests to destinations that are under way at a time: fewer than there are connections, of which others want some too.
const REQUESTS: usize = 448;
/// How many of them one tenant has at most.
const OF_A_TENANT: usize = 320;

type Handle = Arc<Supervised<DestinationActor>>;

/// Hands deliveries to the actors of their destinations.
pub(crate) struct Dispatcher {
    store: Store,
    arbiters: Arc<Arbiters>,
    means: Means,
    jitter: fn() -> f64,
    tail: Tail,
    turns: Turns,
    active: Mutex<HashMap<(TenantId, DestinationId), Handle>>,
    /// People who were erased since this began: what was committed of them before may still come.
    erased: Mutex<HashSet<(TenantId, ProfileId)>>,
}

impl Dispatcher {
    pub(crate) fn new(
        store: Store,
        arbiters: Arc<Arbiters>,
        egress: Egress,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        jitter: fn() -> f64,
        tail: Tail,
    ) -> Self {
        let tokens = Tokens::new(egress.clone(), Arc::clone(&clock), store.clone(), metrics.clone(), jitter);
        Self {
            store,
            arbiters,
            means: Means { egress, clock, metrics, hurry: Hurry::NONE, tokens: Arc::new(tokens) },
            jitter,
            tail,
            turns: Turns::new(REQUESTS, OF_A_TENANT),
            active: Mutex::default(),
            erased: Mutex::default(),
        }
    }

    /// The same, in a hurry.
    #[must_use]
    pub(crate) fn hurried(mut self, hurry: Hurry) -> Self {
        self.means.hurry = hurry;
        if let Some(tokens) = Arc::get_mut(&mut self.means.tokens) {
            tokens.hurry(hurry);
        }
        self
    }

    /// Gives committed deliveries to their destinations. One that crashes finds them again in the database.
    pub(crate) async fn offer(&self, deliveries: Vec<ReadyDelivery>) {
        let mut groups: HashMap<(TenantId, DestinationId), Vec<ReadyDelivery>> = HashMap::new();
        for delivery in self.without_erased(deliveries) {
            groups.entry((delivery.tenant, delivery.destination)).or_default().push(delivery);
        }
        let offers = groups.into_iter().map(|((tenant, destination), deliveries)| {
            let handle = self.handle(tenant, destination);
            async move { handle.call(Offer(deliveries)).await.is_ok() }
        });
        join_all(offers).await;
    }

    fn without_erased(&self, mut deliveries: Vec<ReadyDelivery>) -> Vec<ReadyDelivery> {
        let erased = self.erased.lock().unwrap_or_else(PoisonError::into_inner);
        if !erased.is_empty() {
            let is_erased = |delivery: &ReadyDelivery| {
                delivery.event.profile.is_some_and(|profile| erased.contains(&(delivery.tenant, profile)))
            };
            deliveries.retain(|delivery| !is_erased(delivery));
        }
        deliveries
    }

    /// Sends nothing more of people whose waiting deliveries were given up. Says whether nothing of them is under way any
    /// more.
    pub(crate) async fn forget_people(&self, tenant: TenantId, people: &[ProfileId]) -> bool {
        let erased = people.iter().map(|profile| (tenant, *profile));
        self.erased.lock().unwrap_or_else(PoisonError::into_inner).extend(erased);
        let people: Arc<HashSet<ProfileId>> = Arc::new(people.iter().copied().collect());
        let handles = self.all(|of| of == tenant);
        let answers = join_all(handles.iter().map(|handle| handle.call(Forget(Arc::clone(&people))))).await;
        // One that crashed begins with what is in the database.
        answers.into_iter().all(|is_under_way| !is_under_way.unwrap_or(true))
    }

    /// Starts every destination of these partitions that has pending deliveries.
    pub(crate) async fn resume(&self, partitions: PartitionSet) -> Result<(), StoreError> {
        for (tenant, destination) in self.store.destinations_with_pending().await? {
            if partitions.contains(Partition::of(tenant)) {
                let handle = self.handle(tenant, destination);
                // A crash is reported and answered by a new start.
                let _ = handle.call(Offer(Vec::new())).await;
            }
        }
        Ok(())
    }

    /// Deliveries of these destinations became pending otherwise than by a commit of the ledger.
    pub(crate) async fn look(&self, tenant: TenantId, destinations: impl IntoIterator<Item = DestinationId>) {
        let handles: Vec<Handle> =
            destinations.into_iter().map(|destination| self.handle(tenant, destination)).collect();
        // One that crashed looks when it begins again.
        join_all(handles.iter().map(|handle| handle.call(Look))).await;
    }

    /// How sending to a destination goes; nothing: it was sent nothing since this began.
    pub(crate) async fn examine(&self, tenant: TenantId, destination: DestinationId) -> Option<Health> {
        let handle = {
            let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
            active.get(&(tenant, destination)).map(Arc::clone)
        };
        handle?.call(Examine).await.ok()
    }

    /// The access token that requests to a destination of this revision take now, another one than one that was not taken; nothing
    /// where they take none.
    pub(crate) async fn access(
        &self,
        tenant: TenantId,
        destination: DestinationId,
        revision: u64,
        rejected: Option<&str>,
    ) -> Result<Option<String>, Outcome> {
        let target = match target::reached(&self.store, tenant, destination).await {
            Ok(Some(target)) => target,
            Ok(None) => return Ok(None),
            Err(error) => return Err(Outcome::Retry { after: None, reason: error.to_string() }),
        };
        // Its token is for where its own requests go, which may be another server by now.
        if target.revision != revision {
            let reason = "the destination was changed meanwhile: try again".to_owned();
            return Err(Outcome::Retry { after: None, reason });
        }
        if let Some(rejected) = rejected {
            self.means.tokens.reject_value(destination, rejected).await;
        }
        let access = self.means.tokens.access((tenant, destination), &target).await?;
        Ok(access.map(|access| access.token))
    }

    /// The tenant's configuration changed.
    pub(crate) async fn refresh(&self, tenant: TenantId) {
        let handles: Vec<Handle> = self.all(|of| of == tenant);
        join_all(handles.iter().map(|handle| handle.call(Reload))).await;
    }

    /// Begins nothing new, and waits until what is under way has ended and is recorded, or `deadline` is over.
    /// Says whether all of it ended.
    pub(crate) async fn drain(&self, deadline: Duration) -> bool {
        let handles = self.all(|_| true);
        let drained = join_all(handles.iter().map(|handle| async {
            match handle.call(Drain).await {
                Ok(drained) => drained.await.is_ok(),
                Err(_) => false,
            }
        }));
        tokio::time::timeout(deadline, drained).await.is_ok_and(|all| all.into_iter().all(|drained| drained))
    }

    fn all(&self, wanted: impl Fn(TenantId) -> bool) -> Vec<Handle> {
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        active
            .iter()
            .filter(|((tenant, _), _)| wanted(*tenant))
            .map(|(_, handle)| Arc::clone(handle))
            .collect()
    }

    fn handle(&self, tenant: TenantId, destination: DestinationId) -> Handle {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let handle = active.entry((tenant, destination)).or_insert_with(|| {
            let (store, means, jitter) = (self.store.clone(), self.means.clone(), self.jitter);
            let (tail, turns) = (self.tail.clone(), self.turns.clone());
            let make = move || {
                let (store, means, tail, turns) = (store.clone(), means.clone(), tail.clone(), turns.clone());
                DestinationActor::new((tenant, destination), store, means, jitter, tail, turns)
            };
            let arbiter = self.arbiters.deliver(tenant);
            Arc::new(Supervised::new("destination", arbiter, self.means.metrics.clone(), make))
        });
        Arc::clone(handle)
    }
}
