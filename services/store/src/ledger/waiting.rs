//! Deliveries that wait because their workflow postpones them: those of one person, workflow and destination keep their
//! order, also when the delay is made shorter meanwhile, or an old message is processed again.
//!
//! With a delay that stays as it is, each is due after the one before by itself. So only the latest time of each workflow
//! is kept in memory, and only for as long as something waits; where a delivery would be due before that, the database is
//! asked once for the batch. Without delays nothing is kept, asked or compared. What waits for another reason, such as an
//! earlier one of its person that has to be tried again, is none of it, and is passed over by an index.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use sea_orm::{DatabaseTransaction, DbBackend, FromQueryResult, Statement};
use serde_json::json;
use tributary_domain::{
    id::{DestinationId, EventId, MessageId, ProfileId, TenantId, WorkflowId},
    identity::View,
    time::Timestamp,
};

use super::{
    load::{Owner, Sql},
    plan::{MessagePlan, PlannedRun, Work},
};
use crate::{Store, StoreError, column::id};

/// No delivery waits longer than the longest delay and the time that its message was on its way.
const LONGEST_WAIT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Until when deliveries of a workflow wait at most; kept between batches.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Horizons(HashMap<WorkflowId, Timestamp>);

impl Horizons {
    /// Takes over what a batch that was committed `now` made wait, and forgets what is over.
    pub(super) fn remember(&mut self, raised: &[(WorkflowId, Timestamp)], now: Timestamp) {
        for (workflow, until) in raised {
            let known = self.0.entry(*workflow).or_insert(*until);
            *known = (*known).max(*until);
        }
        self.0.retain(|_, until| *until > now);
    }

    /// The profiles of a batch, where something waits that may be of one of them.
    pub(super) fn owned(&self, owners: &[Owner]) -> HashSet<(TenantId, ProfileId)> {
        let owners = owners.iter().filter(|_| !self.0.is_empty());
        owners.map(|owner| (owner.tenant, owner.profile)).collect()
    }

    /// Whether a delivery of this run could be due before one that waits.
    fn is_before(&self, plan: &MessagePlan, run: &PlannedRun) -> bool {
        !self.0.is_empty()
            && self.0.get(&run.plan.workflow).is_some_and(|until| plan.received.plus(run.delay) <= *until)
    }
}

/// The last delivery of each person, by what made it and where it goes.
type Last = HashMap<(WorkflowId, DestinationId), Vec<(ProfileId, Timestamp)>>;

/// What waits while a batch is resolved.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    horizons: &'a Horizons,
    raised: HashMap<WorkflowId, Timestamp>,
    last: Last,
}

impl<'a> Waiting<'a> {
    /// Loads what deliveries of these plans could come before.
    pub(super) async fn load(
        txn: &DatabaseTransaction,
        horizons: &'a Horizons,
        plans: &[MessagePlan],
        owned: HashSet<(TenantId, ProfileId)>,
        views: &HashMap<TenantId, View>,
    ) -> Result<Self, StoreError> {
        let wanted = wanted(horizons, plans);
        let last = if wanted.is_empty() { Last::new() } else { last(txn, &wanted, owned, views).await? };
        Ok(Self { horizons, raised: HashMap::new(), last })
    }

    /// When a delivery is due: as its workflow says, and after the last one of the same person, workflow and destination
    /// that waits.
    pub(super) fn due(
        &mut self,
        plan: &MessagePlan,
        run: &PlannedRun,
        destination: DestinationId,
        of: Option<(ProfileId, &View)>,
        now: Timestamp,
    ) -> Timestamp {
        let workflow = run.plan.workflow;
        let wanted = plan.received.plus(run.delay);
        let is_raised = self.raised.get(&workflow).is_some_and(|until| wanted <= *until);
        let (Some((profile, view)), true) =
            (of, wanted > now || is_raised || self.horizons.is_before(plan, run))
        else {
            return wanted;
        };
        let known = self.last.entry((workflow, destination)).or_default();
        let same = |other: ProfileId| live(view, other) == live(view, profile);
        let last = known.iter().filter(|(other, _)| same(*other)).map(|(_, due)| *due).max();
        // Later by something, so that the order is that of times alone.
        let due = last.map_or(wanted, |last| wanted.max(last.plus(Duration::from_micros(1))));
        if due > now {
            known.retain(|(other, _)| !same(*other));
            known.push((profile, due));
            let until = self.raised.entry(workflow).or_insert(due);
            *until = (*until).max(due);
        }
        due
    }

    /// Until when deliveries of the batch wait, by workflow.
    pub(super) fn raised(self) -> Vec<(WorkflowId, Timestamp)> {
        self.raised.into_iter().collect()
    }
}

/// The profile that another was merged into, or itself.
fn live(view: &View, profile: ProfileId) -> ProfileId {
    view.profile(profile).and_then(|state| state.merged_into).unwrap_or(profile)
}

/// The workflows of which something waits that a delivery of these plans could come before, with the earliest of those.
fn wanted(horizons: &Horizons, plans: &[MessagePlan]) -> HashMap<(TenantId, WorkflowId), Timestamp> {
    let mut wanted = HashMap::new();
    for plan in plans {
        let Work::Apply(runs) = &plan.work else { continue };
        let early = runs.iter().filter(|run| !run.destinations.is_empty() && horizons.is_before(plan, run));
        for run in early {
            let due = plan.received.plus(run.delay);
            let known = wanted.entry((plan.tenant, run.plan.workflow)).or_insert(due);
            *known = due.min(*known);
        }
    }
    wanted
}

#[derive(FromQueryResult)]
struct LastRow {
    workflow_id: String,
    profile_id: String,
    destination_id: String,
    due_at: i64,
}

/// A delivery's id begins as that of its event does.
const LAST: Sql = Sql {
    sqlite: "SELECT e.workflow_id, e.profile_id, d.destination_id, MAX(d.due_at) AS due_at FROM jsonb_each(?1) k \
             CROSS JOIN events e ON e.tenant_id = k.value ->> 0 AND e.profile_id = k.value ->> 1 \
             AND e.id >= k.value ->> 3 AND e.workflow_id = k.value ->> 2 \
             CROSS JOIN deliveries d ON d.tenant_id = e.tenant_id \
             AND d.id BETWEEN 'dlv_' || substr(e.id, 5, 26) AND 'dlv_' || substr(e.id, 5, 26) || 'zzzzzzzzzzzzz' \
             AND d.event_id = e.id AND d.state = 'PENDING' AND d.is_delayed IS NOT NULL AND d.attempts = 0 \
             AND d.due_at >= k.value ->> 4 \
             GROUP BY e.workflow_id, e.profile_id, d.destination_id",
    postgres: "SELECT e.workflow_id, e.profile_id, d.destination_id, MAX(d.due_at) AS due_at \
               FROM jsonb_array_elements($1::jsonb) k(value) \
               JOIN events e ON e.tenant_id = k.value ->> 0 AND e.profile_id = k.value ->> 1 \
               AND e.id >= k.value ->> 3 AND e.workflow_id = k.value ->> 2 \
               JOIN deliveries d ON d.tenant_id = e.tenant_id \
               AND d.id BETWEEN 'dlv_' || substr(e.id, 5, 26) AND 'dlv_' || substr(e.id, 5, 26) || 'zzzzzzzzzzzzz' \
               AND d.event_id = e.id AND d.state = 'PENDING' AND d.is_delayed IS NOT NULL AND d.attempts = 0 \
               AND d.due_at >= (k.value ->> 4)::bigint \
               GROUP BY e.workflow_id, e.profile_id, d.destination_id",
};

async fn last(
    txn: &DatabaseTransaction,
    wanted: &HashMap<(TenantId, WorkflowId), Timestamp>,
    owned: HashSet<(TenantId, ProfileId)>,
    views: &HashMap<TenantId, View>,
) -> Result<Last, StoreError> {
    let merged =
        owned.iter().filter_map(|(tenant, profile)| Some((*tenant, live(views.get(tenant)?, *profile))));
    let mut profiles: HashSet<(TenantId, ProfileId)> = merged.collect();
    profiles.extend(owned);
    let mut keys = Vec::new();
    for ((tenant, workflow), due) in wanted {
        let since = MessageId::new(due.minus(LONGEST_WAIT).millis(), 0);
        let (first, _) = EventId::range(since);
        let of = profiles.iter().filter(|(of, _)| of == tenant);
        keys.extend(of.map(|(_, profile)| json!([tenant, profile, workflow, first, due.micros()])));
    }
    let mut last = Last::new();
    if keys.is_empty() {
        return Ok(last);
    }
    for row in LAST.rows::<LastRow>(txn, &keys).await? {
        let place = (
            id(&row.workflow_id, "events.workflow_id")?,
            id(&row.destination_id, "deliveries.destination_id")?,
        );
        let profile = id(&row.profile_id, "events.profile_id")?;
        last.entry(place).or_default().push((profile, Timestamp::from_micros(row.due_at)));
    }
    Ok(last)
}

#[derive(FromQueryResult)]
struct HorizonRow {
    workflow_id: String,
    due_at: i64,
}

impl Store {
    /// Until when deliveries wait that have not been tried, for a ledger that begins `now`.
    pub(super) async fn horizons(&self, now: Timestamp) -> Result<Horizons, StoreError> {
        let statement = |time: &str| {
            format!(
                "SELECT e.workflow_id, MAX(d.due_at) AS due_at FROM deliveries d \
                 JOIN events e ON e.tenant_id = d.tenant_id AND e.id = d.event_id \
                 WHERE d.state = 'PENDING' AND d.is_delayed IS NOT NULL AND d.attempts = 0 AND d.due_at > {time} \
                 GROUP BY e.workflow_id"
            )
        };
        let backend = self.reader().get_database_backend();
        let text = statement(if backend == DbBackend::Sqlite { "?1" } else { "$1" });
        let rows = HorizonRow::find_by_statement(Statement::from_sql_and_values(
            backend,
            text,
            [now.micros().into()],
        ))
        .all(self.reader())
        .await?;
        let until = rows
            .into_iter()
            .map(|row| Ok((id(&row.workflow_id, "events.workflow_id")?, Timestamp::from_micros(row.due_at))));
        until.collect::<Result<HashMap<_, _>, StoreError>>().map(Horizons)
    }
}
