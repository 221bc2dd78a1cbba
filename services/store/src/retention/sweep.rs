//! One round over everything, in small steps. What is left to do is a stack; each step does what lies on top.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    time::Duration,
};

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement};
use tributary_domain::{
    id::{CommandId, SourceId, TenantId},
    retention::{Retention, days},
    tenant::TenantSettings,
    time::Timestamp,
};

use super::{Keeper, bodies::Pass, keys::Walk, meetings::Place};
use crate::{
    Store, StoreError,
    column::{id, json, number, optional_id},
    entity::{tenant, tenant_quota},
};

/// Tenants that are read at once.
const TENANTS: u64 = 50;
/// A round over the dedupe keys, or over whom values met, reads all of them, so it is made less often than the others.
const BETWEEN_KEYS: u32 = 1;

/// What is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Bodies and headers of messages.
    Bodies,
    /// What destinations answered.
    Answers,
    /// Messages with their runs, events, deliveries and attempts: so many rows.
    Logs,
    /// Refused requests.
    Refused,
    /// Commands of administrators that are done.
    Commands,
    /// Bookings of which nothing is heard any more.
    Conversions,
    /// Dedupe keys.
    DedupeKeys,
    /// Whom values met.
    Meetings,
    /// Whole weeks of logs.
    Weeks,
}

impl Kind {
    /// Its name in metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bodies => "bodies",
            Self::Answers => "answers",
            Self::Logs => "logs",
            Self::Refused => "refused",
            Self::Commands => "commands",
            Self::Conversions => "conversions",
            Self::DedupeKeys => "dedupe_keys",
            Self::Meetings => "identifier_meetings",
            Self::Weeks => "weeks",
        }
    }
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    /// It looked, and there is more to look at.
    Looked,
    /// So many of these were removed.
    Rows(Kind, u64),
    /// The round is over.
    Done,
}

/// The removal of what was kept for long enough, between two steps.
#[derive(Debug)]
pub struct Sweep {
    store: Store,
    /// What is left of the round; empty between rounds.
    left: Vec<Task>,
    round: Round,
    /// When the dedupe keys and meetings are looked at again.
    next_keys: Timestamp,
}

/// What was found out about the tenants of the round.
#[derive(Debug, Default)]
pub(super) struct Round {
    tenants: BTreeMap<TenantId, Known>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    kept: Retention,
    /// That of the guard against values that many share.
    window: Duration,
    is_deleted: bool,
}

impl Round {
    /// The longest time of any tenant.
    pub(super) fn longest(&self, of: impl Fn(Retention) -> u32) -> u32 {
        self.tenants.values().map(|known| of(known.kept)).max().unwrap_or_else(|| of(Retention::default()))
    }

    /// The shortest time of any tenant.
    pub(super) fn shortest(&self, of: impl Fn(Retention) -> u32) -> u32 {
        self.tenants.values().map(|known| of(known.kept)).min().unwrap_or_else(|| of(Retention::default()))
    }

    /// For how long a tenant keeps what it has, and the window of its guard; none where it is deleted or not known.
    pub(super) fn guard(&self, tenant: TenantId) -> Option<(Retention, Duration)> {
        let known = self.tenants.get(&tenant).filter(|known| !known.is_deleted)?;
        Some((known.kept, known.window))
    }

    /// For how long this tenant keeps what it has; as long as any other where it is not known.
    pub(super) fn of(&self, tenant: TenantId, of: impl Fn(Retention) -> u32) -> u32 {
        self.tenants.get(&tenant).map_or_else(|| self.longest(&of), |known| of(known.kept))
    }
}

/// A part of a round.
#[derive(Debug, Clone)]
enum Task {
    /// For how long the tenants after this one keep what they have.
    Periods(Option<TenantId>),
    /// The partitions of weeks: what is ahead, and what is over.
    Weeks,
    /// The tenants after this one.
    Tenants(Option<TenantId>),
    /// The sources of a tenant after this one, in which it has anything.
    Sources(Keeper, Option<SourceId>),
    /// Logs of a source, after this id.
    Logs(Keeper, SourceId, String),
    /// Bodies of a source.
    Bodies(Keeper, SourceId, Option<Pass>),
    /// Refused requests of a source.
    Refused(Keeper, SourceId),
    /// What destinations answered a tenant.
    Answers(Keeper, Option<Pass>),
    /// Conversions of a tenant, after this id.
    Conversions(Keeper, String),
    /// Commands after this one.
    Commands(Option<CommandId>),
    /// Dedupe keys.
    Keys(Option<Walk>),
    /// Whom values met, after this row.
    Meetings(Place),
}

impl Sweep {
    /// A sweep that has not begun.
    pub fn new(store: Store) -> Self {
        Self { store, left: Vec::new(), round: Round::default(), next_keys: Timestamp::default() }
    }

    /// Does the next step, the first of a round after the last one of another. After an error, the same step is the next
    /// one. A sweep that is made anew begins with a round: what was removed before is not there any more, and where
    /// bodies are left is kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn step(&mut self, now: Timestamp) -> Result<Swept, StoreError> {
        let task = match self.left.pop() {
            Some(task) => task,
            None => self.begin(now),
        };
        match self.perform(task.clone(), now).await {
            Ok(Swept::Looked) if self.left.is_empty() => Ok(Swept::Done),
            Ok(swept) => {
                // What removed the last rows looks once more, so that the end of a round is told.
                if self.left.is_empty() {
                    self.left.push(task);
                }
                Ok(swept)
            }
            Err(error) => {
                self.left.push(task);
                Err(error)
            }
        }
    }

    /// What a round has to do: the first of it is returned.
    fn begin(&mut self, now: Timestamp) -> Task {
        self.round = Round::default();
        if now >= self.next_keys {
            self.left.extend([Task::Keys(None), Task::Meetings(Place::default())]);
        }
        self.left.extend([Task::Commands(None), Task::Tenants(None), Task::Weeks]);
        Task::Periods(None)
    }

    async fn perform(&mut self, task: Task, now: Timestamp) -> Result<Swept, StoreError> {
        match task {
            Task::Periods(after) => self.periods(after).await,
            Task::Weeks => {
                self.store.make_partitions(now).await?;
                let longest = self.round.longest(|kept| kept.logs_days);
                Ok(swept(Kind::Weeks, self.store.drop_partitions(longest, now).await?))
            }
            Task::Tenants(after) => self.tenants(after),
            Task::Sources(keeper, after) => self.sources(keeper, after).await,
            Task::Logs(keeper, source, after) => {
                let is_longest = keeper.kept.logs_days == self.round.longest(|kept| kept.logs_days);
                let (removed, next) = self.store.remove_logs(keeper, source, after, is_longest, now).await?;
                self.left.extend(next.map(|after| Task::Logs(keeper, source, after)));
                Ok(swept(Kind::Logs, removed))
            }
            Task::Bodies(keeper, source, pass) => {
                let (removed, next) = self.store.remove_bodies(keeper, source, pass, now).await?;
                self.left.extend(next.map(|pass| Task::Bodies(keeper, source, Some(pass))));
                Ok(swept(Kind::Bodies, removed))
            }
            Task::Refused(keeper, source) => {
                let removed = self.store.remove_refused(keeper, source, now).await?;
                Ok(swept(Kind::Refused, removed))
            }
            Task::Answers(keeper, pass) => {
                let (removed, next) = self.store.remove_answers(keeper, pass, now).await?;
                self.left.extend(next.map(|pass| Task::Answers(keeper, Some(pass))));
                Ok(swept(Kind::Answers, removed))
            }
            Task::Conversions(keeper, after) => {
                let (removed, next) = self.store.remove_conversions(keeper, after, now).await?;
                self.left.extend(next.map(|after| Task::Conversions(keeper, after)));
                Ok(swept(Kind::Conversions, removed))
            }
            Task::Commands(after) => {
                let (removed, next) = self.store.remove_commands(&self.round, after, now).await?;
                self.left.extend(next.map(|after| Task::Commands(Some(after))));
                Ok(swept(Kind::Commands, removed))
            }
            Task::Keys(walk) => {
                let (removed, next) = self.store.remove_keys(&self.round, walk, now).await?;
                if next.is_none() {
                    self.next_keys = now.plus(days(BETWEEN_KEYS));
                }
                self.left.extend(next.map(|walk| Task::Keys(Some(walk))));
                Ok(swept(Kind::DedupeKeys, removed))
            }
            Task::Meetings(after) => {
                let (removed, next) = self.store.remove_meetings(&self.round, after, now).await?;
                self.left.extend(next.map(Task::Meetings));
                Ok(swept(Kind::Meetings, removed))
            }
        }
    }

    /// Reads for how long some tenants keep what they have; the deleted ones count too.
    async fn periods(&mut self, after: Option<TenantId>) -> Result<Swept, StoreError> {
        let mut query = tenant::Entity::find();
        if let Some(after) = after {
            query = query.filter(tenant::Column::Id.gt(after.to_string()));
        }
        let rows = query.order_by_asc(tenant::Column::Id).limit(TENANTS).all(self.store.reader()).await?;
        let limits = self.limits(rows.iter().map(|row| row.id.as_str())).await?;
        if rows.len() as u64 == TENANTS {
            let last = rows.last().map(|row| id(&row.id, "tenants.id"));
            self.left.push(Task::Periods(last.transpose()?));
        }
        for row in rows {
            let settings: TenantSettings = json(&row.settings, "tenants.settings")?;
            let kept = settings.retention.within(limits.get(&row.id).copied().unwrap_or(0));
            let window = settings.guard().window;
            let known = Known { kept, window, is_deleted: row.deleted_at.is_some() };
            self.round.tenants.insert(id(&row.id, "tenants.id")?, known);
        }
        Ok(Swept::Looked)
    }

    /// Goes on with the next tenant. Nothing below a deleted one is touched.
    fn tenants(&mut self, after: Option<TenantId>) -> Result<Swept, StoreError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.round.tenants.range((from, Bound::Unbounded));
        let Some((tenant, known)) = rest.find(|(_, known)| !known.is_deleted) else {
            return Ok(Swept::Looked);
        };
        let keeper = Keeper { tenant: *tenant, kept: known.kept };
        self.left.extend([
            Task::Tenants(Some(keeper.tenant)),
            Task::Conversions(keeper, String::new()),
            Task::Answers(keeper, None),
            Task::Sources(keeper, None),
        ]);
        Ok(Swept::Looked)
    }

    /// The days of their quotas.
    async fn limits(&self, tenants: impl Iterator<Item = &str>) -> Result<HashMap<String, u32>, StoreError> {
        let query = tenant_quota::Entity::find().filter(tenant_quota::Column::TenantId.is_in(tenants));
        let rows = query.all(self.store.reader()).await?;
        let limit = |row: tenant_quota::Model| {
            Ok((row.tenant_id, number(row.retention_days, "tenant_quotas.retention_days")?))
        };
        rows.into_iter().map(limit).collect()
    }

    /// Goes on with the next source of the tenant that has messages, whether or not it is still there, or that is there and
    /// may have refused requests.
    async fn sources(&mut self, keeper: Keeper, after: Option<SourceId>) -> Result<Swept, StoreError> {
        const NEXT: &str = "SELECT min(id) FROM (\
            SELECT min(source_id) AS id FROM messages WHERE tenant_id = $1 AND source_id > $2 \
            UNION ALL SELECT min(id) AS id FROM sources WHERE tenant_id = $1 AND deleted_at IS NULL AND id > $2) \
            found";
        let reader = self.store.reader();
        let after = after.map(|source| source.to_string()).unwrap_or_default();
        let values = [keeper.tenant.to_string().into(), after.into()];
        let statement = Statement::from_sql_and_values(reader.get_database_backend(), NEXT, values);
        let row = reader.query_one_raw(statement).await?;
        let next: Option<String> = row.map(|row| row.try_get_by_index(0)).transpose()?.flatten();
        if let Some(source) = optional_id::<SourceId>(next.as_deref(), "messages.source_id")? {
            self.left.extend([
                Task::Sources(keeper, Some(source)),
                Task::Refused(keeper, source),
                // Bodies go first: they are what is large, and their steps are bounded by their size.
                Task::Logs(keeper, source, String::new()),
                Task::Bodies(keeper, source, None),
            ]);
        }
        Ok(Swept::Looked)
    }
}

fn swept(kind: Kind, rows: u64) -> Swept {
    if rows == 0 { Swept::Looked } else { Swept::Rows(kind, rows) }
}
