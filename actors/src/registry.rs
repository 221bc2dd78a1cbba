//! The sources that are active: started when their first message comes, started anew with another configuration,
//! let go when nothing came for a while.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::future::join_all;
use tributary_domain::id::{SourceId, TenantId};
use tributary_store::{
    Store, StoreError,
    ledger::{MessagePlan, ParkReason},
};
use tributary_telemetry::Metrics;

use crate::{
    config::{self, Loaded},
    faults::Faults,
    plan::Task,
    source::{Evaluate, SourceActor, parked},
    supervision::{Arbiters, Supervised},
};

/// A source that nothing came for in this time is let go.
const IDLE: Duration = Duration::from_secs(600);
/// How often a batch is tried on an actor before its messages are tried one by one.
const TRIES: u32 = 2;

#[cfg(test)]
mod tests;

/// All active sources.
pub(crate) struct Registry {
    store: Store,
    arbiters: Arc<Arbiters>,
    metrics: Metrics,
    faults: Faults,
    active: Mutex<HashMap<(TenantId, SourceId), Active>>,
}

#[derive(Clone)]
struct Active {
    /// The revision of the tenant's configuration.
    rev: i64,
    /// None: there is no such source.
    actor: Option<Arc<Supervised<SourceActor>>>,
    used: Instant,
}

/// A configuration that this build cannot read.
struct Unreadable {
    rev: i64,
    why: StoreError,
}

impl Registry {
    pub(crate) fn new(store: Store, arbiters: Arc<Arbiters>, metrics: Metrics, faults: Faults) -> Self {
        Self { store, arbiters, metrics, faults, active: Mutex::default() }
    }

    /// The tenant's configuration changed: its next messages are evaluated with the new one.
    pub(crate) fn refresh(&self, tenant: TenantId) {
        self.active().retain(|(of, _), _| *of != tenant);
    }

    /// As [`Self::refresh`], for all tenants.
    pub(crate) fn refresh_all(&self) {
        self.active().clear();
    }

    /// Lets go what was not used for a while.
    pub(crate) fn sweep(&self) {
        self.active().retain(|_, active| active.used.elapsed() < IDLE);
    }

    /// Plans for these messages, in their order; the sources work in parallel.
    pub(crate) async fn evaluate(&self, tasks: Vec<Task>) -> Result<Vec<MessagePlan>, StoreError> {
        let mut order = Vec::with_capacity(tasks.len());
        let mut groups: Vec<((TenantId, SourceId), Vec<Task>)> = Vec::new();
        let mut index = HashMap::new();
        for task in tasks {
            let key = (task.accepted.tenant, task.accepted.source);
            let group = *index.entry(key).or_insert_with(|| {
                groups.push((key, Vec::new()));
                groups.len() - 1
            });
            order.push(group);
            groups[group].1.push(task);
        }
        let answers = join_all(
            groups.into_iter().map(|((tenant, source), tasks)| self.of_source(tenant, source, tasks)),
        );
        let answers: Result<Vec<Vec<MessagePlan>>, StoreError> = answers.await.into_iter().collect();
        let mut answers: Vec<_> = answers?.into_iter().map(Vec::into_iter).collect();
        Ok(order.into_iter().filter_map(|group| answers[group].next()).collect())
    }

    /// Plans that park all of these messages unseen, whether or not their tenants' configuration can be read.
    pub(crate) async fn park_all(
        &self,
        tasks: Vec<Task>,
        reason: &ParkReason,
    ) -> Result<Vec<MessagePlan>, StoreError> {
        let mut revs = HashMap::new();
        let mut plans = Vec::with_capacity(tasks.len());
        for task in tasks {
            let rev = match revs.entry(task.accepted.tenant) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => *new.insert(config::revision(&self.store, task.accepted.tenant).await?),
            };
            plans.push(parked(&task, rev, reason.clone()));
        }
        Ok(plans)
    }

    /// Messages whose configuration cannot be read are parked: only their tenant has to wait for somebody to mend it.
    /// A batch on which the actor crashes again is tried one by one, and what it crashes on then is parked.
    async fn of_source(
        &self,
        tenant: TenantId,
        source: SourceId,
        tasks: Vec<Task>,
    ) -> Result<Vec<MessagePlan>, StoreError> {
        let active = match self.active_source(tenant, source).await? {
            Ok(active) => active,
            Err(unreadable) => {
                let Unreadable { rev, why } = unreadable;
                tracing::error!(%tenant, %source, error = %why, messages = tasks.len(), "the configuration cannot be read: messages are parked");
                let detail = format!("the tenant's configuration cannot be read: {why}");
                let reason = ParkReason { code: "CONFIG_UNREADABLE", detail, workflow: None };
                return Ok(tasks.iter().map(|task| parked(task, rev, reason.clone())).collect());
            }
        };
        let Some(actor) = &active.actor else {
            let detail = "there is no such source (any more)".to_owned();
            let reason = ParkReason { code: "SOURCE_UNKNOWN", detail, workflow: None };
            return Ok(tasks.iter().map(|task| parked(task, active.rev, reason.clone())).collect());
        };
        for _ in 0..TRIES {
            if let Ok(plans) = actor.call(Evaluate(tasks.clone())).await {
                return Ok(plans);
            }
        }
        let mut plans = Vec::with_capacity(tasks.len());
        for task in tasks {
            match actor.call(Evaluate(vec![task.clone()])).await {
                Ok(planned) => plans.extend(planned),
                Err(crashed) => {
                    let reason =
                        ParkReason { code: "SOURCE_CRASHED", detail: crashed.to_string(), workflow: None };
                    plans.push(parked(&task, active.rev, reason));
                }
            }
        }
        Ok(plans)
    }

    /// What cannot be read is read again for each batch, so that mending it needs no start.
    async fn active_source(
        &self,
        tenant: TenantId,
        source: SourceId,
    ) -> Result<Result<Active, Unreadable>, StoreError> {
        if let Some(active) = self.active().get_mut(&(tenant, source)) {
            active.used = Instant::now();
            return Ok(Ok(active.clone()));
        }
        let (config, compiled) = match config::load(&self.store, tenant, source).await? {
            Loaded::Readable(config, compiled) => (config, compiled),
            Loaded::Unreadable { rev, why } => return Ok(Err(Unreadable { rev, why })),
        };
        let rev = config.rev;
        let actor = compiled.map(|source| {
            let (tenant_config, faults) = (Arc::clone(&config), self.faults.clone());
            let make =
                move || SourceActor::new(Arc::clone(&tenant_config), Arc::clone(&source), faults.clone());
            Arc::new(Supervised::new("source", self.arbiters.evaluate(tenant), self.metrics.clone(), make))
        });
        let active = Active { rev, actor, used: Instant::now() };
        self.active().insert((tenant, source), active.clone());
        Ok(Ok(active))
    }

    fn active(&self) -> std::sync::MutexGuard<'_, HashMap<(TenantId, SourceId), Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
