//! Messages about people who were erased, or who are on their tenant's list: nothing follows from them, or not everywhere.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, HashSet},
};

use sea_orm::{DatabaseTransaction, FromQueryResult};
use serde_json::json;
use tributary_domain::{
    event::{Withheld, WithheldFor},
    id::{DestinationId, TenantId},
    identity::IdentifierType,
    time::Timestamp,
    workflow::{
        event::{EventDraft, RunOutcome, RunPlan},
        status::{Reason, RunStatus},
    },
};

use super::{
    context,
    load::Sql,
    plan::{MessagePlan, PlannedRun, Work},
};
use crate::{
    Sealer, StoreError,
    column::{id, json as read},
    suppression::{SuppressionHash, SuppressionKey},
};

/// What is known of the identifiers of a batch, of those tenants that suppress any.
#[derive(Debug, Default)]
pub(super) struct Suppressions {
    keys: HashMap<TenantId, SuppressionKey>,
    known: HashMap<(TenantId, SuppressionHash), Known>,
}

#[derive(Debug)]
struct Known {
    erased_until: Option<Timestamp>,
    /// Whether it is on the list, and for which destinations only.
    listed: Option<Option<BTreeSet<DestinationId>>>,
}

/// What is to become of a message.
#[derive(Debug)]
pub(super) enum Judged<'a> {
    /// Its runs, perhaps some of them stopped.
    Runs(Cow<'a, [PlannedRun]>),
    /// It is about somebody who was erased: nothing of it is kept but these runs.
    Erased(Vec<PlannedRun>),
}

#[derive(FromQueryResult)]
struct Row {
    tenant_id: String,
    key_hash: Vec<u8>,
    erased_until: Option<i64>,
    listed_at: Option<i64>,
    destinations: Option<String>,
}

const SUPPRESSIONS: Sql = Sql {
    sqlite: "SELECT s.tenant_id, s.key_hash, s.erased_until, s.listed_at, s.destinations FROM jsonb_each(?1) k \
             CROSS JOIN suppressions s ON s.tenant_id = k.value ->> 0 AND s.key_hash = unhex(k.value ->> 1)",
    postgres: "SELECT s.tenant_id, s.key_hash, s.erased_until, s.listed_at, s.destinations \
               FROM jsonb_array_elements($1::jsonb) k(value) JOIN suppressions s \
               ON s.tenant_id = k.value ->> 0 AND s.key_hash = decode(k.value ->> 1, 'hex')",
};

impl Suppressions {
    /// Looks up the identifiers of those plans whose tenants suppress any, and of the events that something may follow;
    /// where none does, it asks nothing.
    pub(super) async fn load(
        txn: &DatabaseTransaction,
        sealer: &Sealer,
        suppressing: &HashSet<TenantId>,
        plans: &[MessagePlan],
        originals: impl Iterator<Item = (TenantId, &EventDraft)>,
    ) -> Result<Self, StoreError> {
        let mut found = Self::default();
        let mut wanted = HashSet::new();
        for plan in plans.iter().filter(|plan| suppressing.contains(&plan.tenant)) {
            let key =
                found.keys.entry(plan.tenant).or_insert_with(|| SuppressionKey::of(sealer, plan.tenant));
            wanted.extend(identifiers(plan).map(|(kind, value)| (plan.tenant, key.hash(kind, value))));
        }
        for (tenant, draft) in originals {
            // Only a plan's message has something follow its events, so the key is there where it is needed.
            let Some(key) = found.keys.get(&tenant) else { continue };
            let identifiers = draft.identifiers.iter();
            wanted.extend(identifiers.map(|id| (tenant, key.hash(id.kind.as_str(), &id.value))));
        }
        if wanted.is_empty() {
            return Ok(found);
        }
        let keys: Vec<_> = wanted.iter().map(|(tenant, hash)| json!([tenant, hash])).collect();
        for row in SUPPRESSIONS.rows::<Row>(txn, &keys).await? {
            let key =
                (id(&row.tenant_id, "suppressions.tenant_id")?, SuppressionHash::from_column(&row.key_hash)?);
            let destinations =
                row.destinations.map(|text| read(&text, "suppressions.destinations")).transpose()?;
            let known = Known {
                erased_until: row.erased_until.map(Timestamp::from_micros),
                listed: row.listed_at.map(|_| destinations),
            };
            found.known.insert(key, known);
        }
        Ok(found)
    }

    /// What is to become of a message with these runs.
    pub(super) fn judge<'a>(&self, plan: &MessagePlan, runs: &'a [PlannedRun]) -> Judged<'a> {
        if self.known.is_empty() {
            return Judged::Runs(Cow::Borrowed(runs));
        }
        let is_erased = |draft: &EventDraft| {
            // What was accepted before somebody was erased was known then, however it is dated.
            let dated = draft.time.min(plan.received);
            self.of_draft(plan, draft).any(|known| known.erased_until.is_some_and(|until| dated <= until))
        };
        let drafts = || runs.iter().flat_map(drafts_of);
        let came_before = || {
            let cluid = found_cluid(plan).and_then(|cluid| self.get(plan, IdentifierType::CLUID, cluid));
            cluid.and_then(|known| known.erased_until).is_some_and(|until| plan.received <= until)
        };
        if drafts().any(is_erased) || came_before() {
            return Judged::Erased(runs.iter().map(erased).collect());
        }
        let is_listed =
            |draft: &EventDraft| self.of_draft(plan, draft).any(|known| known.listed == Some(None));
        if !drafts().any(is_listed) {
            return Judged::Runs(Cow::Borrowed(runs));
        }
        let stopped = runs.iter().map(|run| match drafts_of(run).any(is_listed) {
            true => suppressed(run, listed_reason()),
            false => run.clone(),
        });
        Judged::Runs(stopped.collect())
    }

    /// Whether the list keeps an event from a destination.
    pub(super) fn withholds(
        &self,
        plan: &MessagePlan,
        draft: &EventDraft,
        destination: DestinationId,
    ) -> Option<Withheld> {
        if self.known.is_empty() {
            return None;
        }
        let keeps = |known: &Known| matches!(&known.listed, Some(Some(from)) if from.contains(&destination));
        let found = self.of_draft(plan, draft).any(keeps);
        found.then_some(Withheld { destination, why: WithheldFor::Suppressed, purpose: None })
    }

    /// Whether nothing may follow an event of `dated`: it is about somebody who was erased since, or is on the list.
    pub(super) fn ends(&self, plan: &MessagePlan, draft: &EventDraft, dated: Timestamp) -> bool {
        let is_end = |known: &Known| {
            known.listed == Some(None) || known.erased_until.is_some_and(|until| dated <= until)
        };
        !self.known.is_empty() && self.of_draft(plan, draft).any(is_end)
    }

    fn of_draft<'s>(
        &'s self,
        plan: &'s MessagePlan,
        draft: &'s EventDraft,
    ) -> impl Iterator<Item = &'s Known> {
        let mapped = draft.identifiers.iter().map(|id| (id.kind.as_str(), id.value.as_str()));
        let cluid = context::cluid(plan, draft).map(|cluid| (IdentifierType::CLUID, cluid));
        mapped.chain(cluid).filter_map(|(kind, value)| self.get(plan, kind, value))
    }

    fn get(&self, plan: &MessagePlan, kind: &str, value: &str) -> Option<&Known> {
        let key = self.keys.get(&plan.tenant)?;
        self.known.get(&(plan.tenant, key.hash(kind, value)))
    }
}

/// Everything by which a message says whom it is about.
fn identifiers(plan: &MessagePlan) -> impl Iterator<Item = (&str, &str)> {
    let runs = if let Work::Apply(runs) = &plan.work { runs.as_slice() } else { &[] };
    let mapped = runs.iter().flat_map(drafts_of).flat_map(|draft| &draft.identifiers);
    let mapped = mapped.map(|id| (id.kind.as_str(), id.value.as_str()));
    mapped.chain(found_cluid(plan).map(|cluid| (IdentifierType::CLUID, cluid)))
}

/// The cluid that the source found.
fn found_cluid(plan: &MessagePlan) -> Option<&str> {
    plan.facts.cluid.as_deref().filter(|_| plan.facts.cluid_status == "FOUND")
}

fn drafts_of(run: &PlannedRun) -> impl Iterator<Item = &EventDraft> {
    let drafts = match &run.plan.outcome {
        RunOutcome::Events(drafts) => drafts.as_slice(),
        RunOutcome::Stopped(..) => &[],
    };
    drafts.iter().map(AsRef::as_ref)
}

/// A run of a message about somebody who was erased. What it saw of the message is not told.
fn erased(run: &PlannedRun) -> PlannedRun {
    match &run.plan.outcome {
        RunOutcome::Events(_) => suppressed(run, erased_reason()),
        RunOutcome::Stopped(status, _) => stopped(run, *status, erased_reason()),
    }
}

fn suppressed(run: &PlannedRun, reason: Reason) -> PlannedRun {
    stopped(run, RunStatus::Suppressed, reason)
}

fn stopped(run: &PlannedRun, status: RunStatus, reason: Reason) -> PlannedRun {
    let outcome = RunOutcome::Stopped(status, reason);
    let plan = RunPlan { workflow: run.plan.workflow, version: run.plan.version, outcome };
    PlannedRun { plan, destinations: Vec::new(), delay: run.delay, follow_up: None }
}

/// Why nothing follows from a message about somebody who was erased.
pub(crate) fn erased_reason() -> Reason {
    Reason {
        message: "the person was erased, and this is dated before that: nothing of it is kept or sent"
            .to_owned(),
        fix: "nothing is to be done: what the person does after the erasure is processed again".to_owned(),
        ..Reason::default()
    }
}

fn listed_reason() -> Reason {
    Reason {
        message: "an identifier of the event is on the tenant's suppression list".to_owned(),
        fix: "take it off the list, and replay the message, if the person may be processed after all"
            .to_owned(),
        ..Reason::default()
    }
}
