//! Rehearsals: what applying plans would come to, by the same rules, on what is stored now; nothing is written. What one
//! step changes of identity the next ones find, as if it had been.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use tributary_domain::{
    event::EventData,
    id::{DeliveryId, DestinationId, EventId, MessageId, ProfileId, TenantId, WorkflowId},
    identity::{Carried, Identifier, View},
    quota::Month,
    time::Timestamp,
    workflow::{
        event::RunOutcome,
        status::{Reason, RunStatus},
    },
};

use super::{
    apply::{Known, LedgerBatch, drafts, load_all},
    before::Before,
    blocked::Blocked,
    load,
    meter::Meter,
    names::NotedTraits,
    plan::{MessagePlan, PlannedRun, StoredEvent},
    waiting::Horizons,
};
use crate::{StoreError, TenantScope, entity::suppression, message::MessageRun};

/// How many identifiers, profiles and meetings a rehearsal carries at most, which is well below 100 MiB.
const MOST_CARRIED: usize = 200_000;

/// What a rehearsal of one tenant changed so far. It has a bound: when it is full, what comes later does not find what
/// comes after that, and [`Rehearsal::is_full`] says so.
#[derive(Debug)]
pub struct Rehearsal {
    carried: Carried,
    most: usize,
    is_full: bool,
}

impl Default for Rehearsal {
    fn default() -> Self {
        Self { carried: Carried::default(), most: MOST_CARRIED, is_full: false }
    }
}

impl Rehearsal {
    /// One that is full when it carries more than `most` identifiers, profiles and meetings.
    #[cfg(test)]
    pub(crate) fn bounded(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Whether there was too much to carry, so that identity is not followed any more.
    pub fn is_full(&self) -> bool {
        self.is_full
    }
}

/// What would become of one message.
#[derive(Debug)]
pub struct Rehearsed {
    /// The message.
    pub message: MessageId,
    /// What would become of it.
    pub status: RunStatus,
    /// The message that it repeats.
    pub duplicate_of: Option<MessageId>,
    /// The events that would be made, of all workflows in their order.
    pub events: Vec<Arc<StoredEvent>>,
    /// Where each of them would go, whether or not it went there before.
    pub(super) destinations: HashMap<EventId, Vec<DestinationId>>,
    /// How its runs would end.
    pub runs: Vec<RehearsedRun>,
    /// How its runs ended before.
    pub runs_before: Vec<MessageRun>,
    /// The events that are there.
    pub events_before: Vec<EventBefore>,
    /// The deliveries that are there.
    pub deliveries_before: HashSet<DeliveryId>,
}

/// How a run would end, once it is known whom its events are about.
#[derive(Debug)]
pub struct RehearsedRun {
    /// The workflow.
    pub workflow: WorkflowId,
    /// How it would end.
    pub status: RunStatus,
    /// Why it would make no event.
    pub reason: Option<Reason>,
}

/// An event, and who would be told of it.
type Made = (Arc<StoredEvent>, Vec<DestinationId>);

/// What a rehearsal keeps of what is resolved.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The events that would be made, in order, and where they would go.
    pub(super) events: Vec<Made>,
    runs: HashMap<MessageId, Vec<RehearsedRun>>,
}

impl Kept {
    /// Keeps how the runs of a message would end.
    pub(super) fn runs(&mut self, message: MessageId, runs: &[PlannedRun]) {
        let runs = runs.iter().map(|run| {
            let (status, reason) = match &run.plan.outcome {
                RunOutcome::Events(_) => (RunStatus::Succeeded, None),
                RunOutcome::Stopped(status, reason) => (*status, Some(reason.clone())),
            };
            RehearsedRun { workflow: run.plan.workflow, status, reason }
        });
        self.runs.entry(message).or_default().extend(runs);
    }
}

impl Rehearsed {
    /// Where one of its events would go.
    pub fn destinations(&self, event: EventId) -> &[DestinationId] {
        self.destinations.get(&event).map_or(&[], Vec::as_slice)
    }
}

/// An event that is there.
#[derive(Debug)]
pub struct EventBefore {
    /// Its id.
    pub id: EventId,
    /// Whose it is, as far as the rehearsal is.
    pub profile: Option<ProfileId>,
    /// What was stored with it.
    pub data: EventData,
}

impl TenantScope<'_> {
    /// What applying these plans, all of this tenant and in this order, would come to after what `rehearsal` has seen so
    /// far. What waits or is held plays no part, nor do quotas.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rehearse(
        &self,
        rehearsal: &mut Rehearsal,
        plans: Vec<MessagePlan>,
        now: Timestamp,
    ) -> Result<Vec<Rehearsed>, StoreError> {
        let plans: Vec<MessagePlan> = plans.into_iter().filter(|plan| plan.tenant == self.id()).collect();
        let batch = LedgerBatch::new(plans);
        let txn = self.read_txn().await?;
        let (holding, noted, waiting) = (HashSet::new(), NotedTraits::default(), Horizons::default());
        let blocked = Blocked::of_tenant(&txn, self.id()).await?;
        // Most tenants suppress nobody, and looking for everybody is much of what a step costs.
        let listed = suppression::Entity::find().filter(suppression::Column::TenantId.eq(self.key()));
        let suppressing: HashSet<TenantId> = listed.one(&txn).await?.map(|_| self.id()).into_iter().collect();
        let known = Known {
            holding: &holding,
            suppressing: &suppressing,
            blocked: &blocked,
            waiting: &waiting,
            next_position: 0,
            noted: &noted,
        };
        let meter = Meter::new(Month::of(now), HashMap::new());
        let tenants = HashSet::from([self.id()]);
        let mut resolver = load_all(&txn, self.store().sealer(), known, &batch, &tenants, meter, now).await?;
        let mut view = match resolver.views.remove(&self.id()) {
            Some(view) => view,
            None => self.bare_view(&txn).await?,
        };
        let identifiers: Vec<&Identifier> =
            batch.plans.iter().flat_map(drafts).flat_map(|(_, draft)| &draft.identifiers).collect();
        rehearsal.carried.lay_over(&mut view, identifiers);
        let aliases = aliases(&txn, self.id(), &view, &resolver.before).await?;
        txn.rollback().await?;
        resolver.views.insert(self.id(), view);
        resolver.told = Some(Kept::default());
        for plan in &batch.plans {
            resolver.message(plan)?;
            // Rows that nobody writes would only be kept.
            resolver.difference = super::difference::Difference::default();
        }
        if let Some(view) = resolver.views.get_mut(&self.id()) {
            let changes = view.take_changes();
            rehearsal.is_full |= rehearsal.carried.len() > rehearsal.most;
            if !rehearsal.is_full {
                rehearsal.carried.note(changes);
            }
        }
        let Kept { events: made, mut runs } = resolver.told.take().unwrap_or_default();
        let mut events: HashMap<MessageId, Vec<Made>> = HashMap::new();
        for (event, destinations) in made {
            events.entry(event.id.message()).or_default().push((event, destinations));
        }
        let live =
            |profile: ProfileId| rehearsal.carried.live(aliases.get(&profile).copied().unwrap_or(profile));
        let mut before = resolver.before.by_message(live);
        let told = resolver.applied.messages.into_iter().map(|message| {
            let stood = before.remove(&message.message).unwrap_or_default();
            let events = events.remove(&message.message).unwrap_or_default();
            let (events, destinations): (Vec<_>, HashMap<_, _>) =
                events.into_iter().map(|(event, to)| (Arc::clone(&event), (event.id, to))).unzip();
            Rehearsed {
                message: message.message,
                status: message.status,
                duplicate_of: message.duplicate_of,
                events,
                destinations,
                runs: runs.remove(&message.message).unwrap_or_default(),
                runs_before: stood.runs,
                events_before: stood.events,
                deliveries_before: stood.deliveries,
            }
        });
        Ok(told.collect())
    }

    /// A view in which no identifier belongs to anybody.
    async fn bare_view(&self, txn: &DatabaseTransaction) -> Result<View, StoreError> {
        let mut view = View::new();
        for pair in load::never_join(txn, &HashSet::from([self.id()])).await? {
            view.insert_never_join(pair.live.0, pair.live.1);
        }
        Ok(view)
    }
}

/// What the profiles of the events that are there were merged into.
async fn aliases(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    view: &View,
    before: &Before,
) -> Result<HashMap<ProfileId, ProfileId>, StoreError> {
    let (seen, unseen): (Vec<ProfileId>, Vec<ProfileId>) =
        before.profiles().partition(|profile| view.profile(*profile).is_some());
    let seen = seen.into_iter().filter_map(|profile| Some((profile, view.profile(profile)?.merged_into?)));
    let mut aliases: HashMap<ProfileId, ProfileId> = seen.collect();
    let unseen: HashSet<_> = unseen.into_iter().map(|profile| (tenant, profile)).collect();
    if !unseen.is_empty() {
        let found = load::profiles(txn, unseen).await?;
        aliases.extend(found.into_iter().filter_map(|(_, state)| Some((state.id, state.merged_into?))));
    }
    Ok(aliases)
}
