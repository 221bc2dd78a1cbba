//! One batch, one transaction: everything that follows from it, and the progress (invariant 2).

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    mem,
    ops::Deref,
    sync::Arc,
};

use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement};
use tokio::sync::mpsc;
use tributary_domain::{
    id::{ProfileId, TenantId},
    identity::{Changes, IdentifierType, View},
    partition::Partition,
    quota::Month,
    time::Timestamp,
    workflow::{
        event::{EventDraft, RunOutcome},
        status::RunStatus,
    },
};

use super::{
    before::Before,
    blocked::Blocked,
    booking::Bookings,
    changes,
    claim::Claim,
    context::{self, Contexts},
    difference::{Difference, Statements},
    groups::Groups,
    load::{self, Owner},
    meetings,
    meter::Meter,
    names::{Names, NotedTraits},
    plan::{Applied, MessagePlan, Origin, Quarantined, Work},
    resolve::{Resolver, dedupe_hash},
    suppress::Suppressions,
    waiting::{Horizons, Waiting},
};
use crate::{Sealer, Store, StoreError, key::KeyHash, stats::Tally, txn::Txn};

/// How many messages are resolved, or rows of people are made, before their statements are handed over.
const PART: usize = 64;
/// The same of a batch's first part, while the database waits for it; each after it has twice as many, up to `PART`.
const FIRST_PART: usize = 16;
/// How many statements wait at most for the database.
const WAITING: usize = 16;

/// Plans to be applied together, in the order of their sequence.
#[derive(Debug, Clone, Default)]
pub struct LedgerBatch {
    /// The plans.
    pub plans: Vec<MessagePlan>,
    /// How far each partition is with it; the partitions of held messages stay where they are.
    progress: BTreeMap<Partition, Option<u64>>,
}

impl LedgerBatch {
    /// A batch of these plans. Those from the journal move their partitions' progress; those of the held lane do
    /// not.
    pub fn new(plans: Vec<MessagePlan>) -> Self {
        let mut progress: BTreeMap<Partition, Option<u64>> = BTreeMap::new();
        for plan in &plans {
            let done = (plan.origin == Origin::Journal).then_some(plan.sequence);
            let known = progress.entry(plan.partition).or_default();
            *known = done.or(*known);
        }
        Self { plans, progress }
    }
}

/// How an attempt to apply a batch ended, when the database did its part.
#[derive(Debug)]
pub enum Attempt {
    /// It is committed.
    Committed(Applied),
    /// These tenants' configuration changed after the plans were made; nothing was written: plan again.
    Stale(Vec<TenantId>),
    /// Somebody else owns a partition now; nothing was written: stop.
    Fenced,
}

/// What the ledger knows between batches.
#[derive(Debug)]
pub struct LedgerState {
    /// The right to commit.
    pub claim: Claim,
    /// The tenants that have held messages: later messages follow those.
    pub holding: HashSet<TenantId>,
    /// The next position in the held lane.
    pub next_position: i64,
    /// The tenants that suppress identifiers: of no other's messages are they looked up.
    pub suppressing: HashSet<TenantId>,
    /// The traits that need not be noted again.
    pub(crate) noted: NotedTraits,
    /// Until when deliveries wait.
    pub(crate) waiting: Horizons,
    /// The values that are no evidence.
    pub(crate) blocked: Blocked,
}

impl Store {
    /// Applies a batch. Transient failures were retried when this returns one; an error means that nothing of the
    /// batch was written, except [`StoreError::UnknownCommit`], after which the progress tells.
    ///
    /// # Errors
    /// When the database refuses the batch or cannot be reached.
    pub async fn apply(
        &self,
        state: &mut LedgerState,
        batch: &LedgerBatch,
        now: Timestamp,
    ) -> Result<Attempt, StoreError> {
        state.blocked.know(self).await?;
        let shared = &*state;
        let attempt = self
            .write_txn(crate::Lane::Ledger, "ledger.apply", |txn: Txn| async move {
                // It is a large one: whoever awaits this need not be.
                Box::pin(attempt(&txn, self.sealer(), shared, batch, now)).await
            })
            .await;
        match attempt {
            Err(error) if error.is_fenced() => Ok(Attempt::Fenced),
            Err(error) => {
                state.blocked.forget();
                Err(error)
            }
            Ok(Attempt::Committed(applied)) => {
                state.committed(batch, &applied, now);
                Ok(Attempt::Committed(applied))
            }
            other => other,
        }
    }
}

impl LedgerState {
    fn known(&self) -> Known<'_> {
        Known {
            holding: &self.holding,
            suppressing: &self.suppressing,
            blocked: &self.blocked,
            waiting: &self.waiting,
            next_position: self.next_position,
            noted: &self.noted,
        }
    }

    fn committed(&mut self, batch: &LedgerBatch, applied: &Applied, now: Timestamp) {
        self.claim.advance(&batch.progress);
        self.noted.remember(&applied.traits);
        self.waiting.remember(&applied.waiting, now);
        for Quarantined { tenant, kind, value, .. } in &applied.quarantined {
            self.blocked.add(*tenant, kind.clone(), value.clone());
        }
        for tenant in &applied.drained {
            self.holding.remove(tenant);
        }
        for message in applied.messages.iter().filter(|message| message.status == RunStatus::Held) {
            self.holding.insert(message.tenant);
            self.next_position += 1;
        }
    }
}

async fn attempt(
    txn: &Txn,
    sealer: &Sealer,
    state: &LedgerState,
    batch: &LedgerBatch,
    now: Timestamp,
) -> Result<Attempt, StoreError> {
    let tenants: HashSet<TenantId> = batch.plans.iter().map(|plan| plan.tenant).collect();
    let month = Month::of(now);
    let states = load::tenants(txn, &tenants, month).await?;
    let stale: HashSet<TenantId> = batch
        .plans
        .iter()
        .filter(|plan| states.get(&plan.tenant).is_some_and(|state| state.config_rev != plan.config_rev))
        .map(|plan| plan.tenant)
        .collect();
    if !stale.is_empty() {
        return Ok(Attempt::Stale(stale.into_iter().collect()));
    }
    state.claim.commit(txn, &batch.progress).await?;
    let left = states.iter().filter_map(|(tenant, state)| Some((*tenant, state.messages_left?))).collect();
    let meter = Meter::new(month, left);
    let resolver = load_all(txn, sealer, state.known(), batch, &tenants, meter, now).await?;
    let (sender, statements) = mpsc::channel(WAITING);
    let to = Statements { backend: txn.get_database_backend(), sender };
    // On another thread: the database gets its next statement while this one resolves. Both run to their end, so that no
    // statement is cut off.
    let writing = tokio::spawn(execute(Arc::clone(txn), statements));
    let resolved = resolve(resolver, batch, now, to).await;
    let written = writing.await;
    let mut applied = resolved?;
    written.map_err(|error| StoreError::Other { message: format!("writing a batch ended: {error}") })??;
    applied.drained = drained(txn, batch).await?;
    Ok(Attempt::Committed(applied))
}

/// Resolves the batch and hands over the statements that write what follows. While the database executes one, the
/// next ones are made.
async fn resolve(
    mut resolver: Resolver<'_>,
    batch: &LedgerBatch,
    now: Timestamp,
    to: Statements,
) -> Result<Applied, StoreError> {
    let (mut rest, mut most) = (batch.plans.as_slice(), FIRST_PART);
    while !rest.is_empty() {
        let (part, later) = rest.split_at(most.min(rest.len()));
        part.iter().try_for_each(|plan| resolver.message(plan))?;
        mem::take(&mut resolver.difference).hand_over(&to).await?;
        (rest, most) = (later, (most * 2).min(PART));
    }
    let Resolver {
        views,
        contexts,
        groups,
        bookings,
        meter,
        before,
        names,
        tally,
        waiting,
        mut difference,
        mut applied,
        ..
    } = resolver;
    // All plans of a tenant are of the revision in force.
    let revisions: HashMap<TenantId, i64> =
        batch.plans.iter().map(|plan| (plan.tenant, plan.config_rev)).collect();
    let mut changed: Vec<(TenantId, Changes)> =
        views.into_iter().map(|(tenant, mut view)| (tenant, view.take_changes())).collect();
    // First what takes the database the longest, and is made the soonest.
    for (tenant, changes) in &changed {
        changes::add_keys(&mut difference, *tenant, changes);
    }
    mem::take(&mut difference).hand_over(&to).await?;
    for (tenant, changes) in &mut changed {
        let tenant = *tenant;
        applied.quarantined.extend(changes.quarantines.iter().map(|found| Quarantined {
            tenant,
            kind: found.identifier.kind.clone(),
            value: found.identifier.value.clone(),
            people: found.people,
        }));
        let revision = revisions.get(&tenant).copied().unwrap_or_default();
        while let Some(part) = changes.take_part(PART) {
            changes::add(&mut difference, &before, tenant, part, revision, now)?;
            mem::take(&mut difference).hand_over(&to).await?;
        }
    }
    difference.contexts = contexts.rows(now)?;
    (difference.groups, difference.members) = groups.rows(now)?;
    bookings.add(&mut difference, now)?;
    difference.usage = Some(meter);
    difference.trait_names = names.trait_rows(now);
    difference.event_counts = names.statement(to.backend)?;
    difference.tally = tally.statement(to.backend)?;
    applied.traits = names.traits();
    applied.waiting = waiting.raised();
    difference.hand_over(&to).await?;
    Ok(applied)
}

/// Writes a difference that is known as a whole.
pub(super) async fn write(txn: &DatabaseTransaction, difference: Difference) -> Result<(), StoreError> {
    let (sender, statements) = mpsc::channel(WAITING);
    let to = Statements { backend: txn.get_database_backend(), sender };
    let hand_over = async move { difference.hand_over(&to).await };
    let (handed_over, written) = tokio::join!(hand_over, execute(txn, statements));
    handed_over?;
    written
}

async fn execute(
    txn: impl Deref<Target = DatabaseTransaction>,
    mut statements: mpsc::Receiver<Statement>,
) -> Result<(), StoreError> {
    while let Some(statement) = statements.recv().await {
        txn.execute_raw(statement).await?;
    }
    Ok(())
}

/// The tenants of held messages in the batch that hold no more after it.
async fn drained(txn: &DatabaseTransaction, batch: &LedgerBatch) -> Result<Vec<TenantId>, StoreError> {
    let mut tenants: HashSet<TenantId> =
        batch.plans.iter().filter(|plan| plan.origin != Origin::Journal).map(|plan| plan.tenant).collect();
    if !tenants.is_empty() {
        let still = load::still_holding(txn, &tenants).await?;
        tenants.retain(|tenant| !still.contains(tenant));
    }
    Ok(tenants.into_iter().collect())
}

/// What a batch is resolved with that is known without asking.
pub(super) struct Known<'a> {
    /// The tenants that have held messages.
    pub(super) holding: &'a HashSet<TenantId>,
    /// The tenants that suppress identifiers.
    pub(super) suppressing: &'a HashSet<TenantId>,
    /// The values that are no evidence.
    pub(super) blocked: &'a Blocked,
    /// Until when deliveries wait.
    pub(super) waiting: &'a Horizons,
    /// The next position in the held lane.
    pub(super) next_position: i64,
    /// The traits that need not be noted again.
    pub(super) noted: &'a NotedTraits,
}

/// Loads what the batch's plans lead to.
pub(super) async fn load_all<'a>(
    txn: &DatabaseTransaction,
    sealer: &Sealer,
    known: Known<'a>,
    batch: &LedgerBatch,
    tenants: &HashSet<TenantId>,
    meter: Meter,
    now: Timestamp,
) -> Result<Resolver<'a>, StoreError> {
    let hashes: HashSet<KeyHash> = batch.plans.iter().filter_map(dedupe_hash).collect();
    let drafts: Vec<(&MessagePlan, &EventDraft)> = batch.plans.iter().flat_map(drafts).collect();
    let cluids =
        drafts.iter().filter_map(|(plan, draft)| Some((plan.tenant, context::cluid(plan, draft)?))).collect();
    let owners = load::owners(txn, &identifiers(&drafts, &cluids)).await?;
    let anchors = context::anchors(&owners);
    let contexts = load::contexts(txn, &context::places(&anchors, &cluids)).await?;
    let groups = drafts
        .iter()
        .flat_map(|(plan, draft)| {
            draft.groups.iter().map(|(kind, value)| (plan.tenant, kind.as_str(), value.as_str()))
        })
        .collect();
    let owned = known.waiting.owned(&owners);
    let before = Before::load(txn, &batch.plans).await?;
    let bookings = Bookings::load(txn, &batch.plans, &before).await?;
    let people = followed(batch, &bookings).chain(before.people(&batch.plans)).collect();
    let mut views = views(txn, tenants, owners, people).await?;
    meetings::load(txn, &drafts, &mut views).await?;
    let waiting = Waiting::load(txn, known.waiting, &batch.plans, owned, &views).await?;
    let suppressions =
        Suppressions::load(txn, sealer, known.suppressing, &batch.plans, bookings.originals()).await?;
    Ok(Resolver {
        now,
        views,
        waiting,
        contexts: Contexts::of(anchors, contexts),
        groups: Groups::of(load::groups(txn, &groups).await?),
        bookings,
        first: load::first_messages(txn, &hashes).await?,
        before,
        suppressions,
        holding: known.holding,
        blocked: known.blocked,
        next_position: known.next_position,
        meter,
        names: Names::new(known.noted),
        tally: Tally::default(),
        difference: Difference::default(),
        applied: Applied::default(),
        told: None,
    })
}

/// The events that a plan would make.
pub(super) fn drafts(plan: &MessagePlan) -> Vec<(&MessagePlan, &EventDraft)> {
    let Work::Apply(runs) = &plan.work else { return Vec::new() };
    let events = runs.iter().filter_map(|run| match &run.plan.outcome {
        RunOutcome::Events(drafts) => Some(drafts),
        RunOutcome::Stopped(..) => None,
    });
    events.flatten().map(|draft| (plan, draft.as_ref())).collect()
}

/// Everything whose owner counts: what the events are identified by, and the cluids that they came with.
fn identifiers<'a>(
    drafts: &[(&'a MessagePlan, &'a EventDraft)],
    cluids: &HashSet<(TenantId, &'a str)>,
) -> HashSet<(TenantId, &'a str, &'a str)> {
    let mapped = drafts.iter().flat_map(|(plan, draft)| {
        draft.identifiers.iter().map(|id| (plan.tenant, id.kind.as_str(), id.value.as_str()))
    });
    mapped.chain(cluids.iter().map(|(tenant, cluid)| (*tenant, IdentifierType::CLUID, *cluid))).collect()
}

/// Whom the events are about that something may follow, where a destination asks what people agreed to: what follows an
/// event may come with a message that identifies nobody.
fn followed(batch: &LedgerBatch, bookings: &Bookings) -> impl Iterator<Item = (TenantId, ProfileId)> {
    let asking = batch.plans.iter().filter(|plan| !plan.destinations.consents.is_empty());
    let asking: HashSet<TenantId> = asking.map(|plan| plan.tenant).collect();
    bookings.people().filter(move |(tenant, _)| asking.contains(tenant))
}

/// One view a tenant, with everything that the batch's identifiers lead to, and with these people.
async fn views(
    txn: &DatabaseTransaction,
    tenants: &HashSet<TenantId>,
    owners: Vec<Owner>,
    people: HashSet<(TenantId, ProfileId)>,
) -> Result<HashMap<TenantId, View>, StoreError> {
    let mut views: HashMap<TenantId, View> = HashMap::new();
    let mut wanted = people;
    wanted.extend(owners.iter().map(|owner| (owner.tenant, owner.profile)));
    if wanted.is_empty() {
        return Ok(views);
    }
    for (tenant, state) in load::profiles(txn, wanted).await? {
        views.entry(tenant).or_default().insert_profile(state);
    }
    for Owner { tenant, kind, value, profile } in owners {
        let Some(kind) = IdentifierType::parse(&kind) else { continue };
        views.entry(tenant).or_default().insert_owner(kind, value, profile);
    }
    for pair in load::never_join(txn, tenants).await? {
        views.entry(pair.tenant).or_default().insert_never_join(pair.live.0, pair.live.1);
    }
    Ok(views)
}
