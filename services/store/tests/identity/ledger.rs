//! A history, told to the ledger.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tributary_domain::{
    id::{AgencyId, CommandId, MessageId, OperationId, ProfileId, SourceId, TenantId, WorkflowId},
    identity::{Identifier, IdentifierType},
    partition::{Partition, PartitionSet},
    tenant::TenantSettings,
    time::Timestamp,
    workflow::{
        event::{EventDraft, RunOutcome, RunPlan},
        spec::Kind,
        status::RunStatus,
    },
};
use tributary_store::{
    Packed, Store, TenantScope,
    agency::NewAgency,
    erasure::Part,
    ledger::{
        Applied, Attempt, LedgerBatch, LedgerState, MessageFacts, MessagePlan, Origin, PlannedRun, Work,
    },
    operation::{Choice, NewOperation, OperationState},
    tenant::NewTenant,
};

use crate::{
    history::{Command, Entry, Event, History, Id, Says, TENANTS, What},
    outcome,
    rng::Rng,
    support::{author, open},
    troubles::{Again, Troubles},
};

/// The ledger of a store that was told some histories, one after another.
pub(crate) struct Ledger {
    pub(crate) store: Store,
    url: String,
    pub(crate) state: LedgerState,
    /// When it began last, in seconds.
    began: i64,
    /// What comes in the way of it; nothing where nothing does.
    pub(crate) troubles: Option<Troubles>,
    /// Where the log ends.
    sequence: u64,
    tenants: u128,
    commands: u64,
}

impl Ledger {
    /// The ledger of a database that has nothing.
    pub(crate) async fn of(url: &str) -> Self {
        let (store, state) = begun(url, 1).await;
        let url = url.to_owned();
        Self { store, url, state, began: 1, troubles: None, sequence: 0, tenants: 0, commands: 0 }
    }

    /// One that is killed now and then, and that processes messages again.
    pub(crate) async fn troubled(url: &str, again: Again) -> Self {
        Self { troubles: Some(Troubles::new(again)), ..Self::of(url).await }
    }

    /// Ends as a killed process does, and begins again with what is stored.
    pub(crate) async fn reopen(&mut self) {
        self.store.close().await.unwrap();
        // Later than whatever it did before: positions in the held lane begin with the time.
        self.began += 3_600;
        (self.store, self.state) = begun(&self.url, self.began).await;
    }

    /// Tells it a history in batches of random size, and returns the tenants in which it happened.
    pub(crate) async fn tell(&mut self, history: &History, seed: u64) -> [TenantId; TENANTS] {
        let mut rng = Rng::new(seed ^ 3);
        let settings = TenantSettings {
            strong_limit: history.strong_limit,
            weak_limit: history.weak_limit,
            guard_people: history.guard_people,
            guard_hours: 1,
            ..TenantSettings::default()
        };
        let mut tenants = [TenantId::new(1, 1); TENANTS];
        for tenant in &mut tenants {
            *tenant = self.tenant(settings.clone()).await;
            for id in &history.blocked {
                let blocked = asked(self.store.tenant(*tenant), Command::Block(*id)).await;
                self.carry_out(*tenant, blocked.expect("there is nothing to choose")).await;
            }
        }
        let settings = Arc::new(settings);
        let mut troubles = self.troubles.take().map(|troubles| troubles.of(seed));
        let mut batch = Vec::new();
        let mut size = 1 + rng.below(8);
        let mut waiting: Vec<(u64, TenantId, Asked)> = Vec::new();
        for entry in &history.log {
            let tenant = tenants[entry.tenant];
            let is_command = matches!(entry.what, What::Command { .. });
            if is_command || batch.len() == size || waiting.iter().any(|(due, ..)| *due <= entry.sequence) {
                self.meet(std::mem::take(&mut batch), troubles.as_mut()).await;
                size = 1 + rng.below(8);
                self.come_to_pass(&mut waiting, entry.sequence, troubles.as_mut()).await;
            }
            match &entry.what {
                What::Command { command, wait } => {
                    let asked = asked(self.store.tenant(tenant), *command).await;
                    waiting.extend(asked.map(|asked| (entry.sequence + wait, tenant, asked)));
                    self.come_to_pass(&mut waiting, entry.sequence, troubles.as_mut()).await;
                }
                What::Message { .. } => batch.push(plan(self.sequence, tenant, &settings, entry)),
            }
        }
        self.meet(batch, troubles.as_mut()).await;
        self.come_to_pass(&mut waiting, u64::MAX, troubles.as_mut()).await;
        self.troubles = troubles;
        self.sequence += history.log.len() as u64;
        tenants
    }

    /// Applies what was decided and is due before this place in the log.
    async fn come_to_pass(
        &mut self,
        waiting: &mut Vec<(u64, TenantId, Asked)>,
        sequence: u64,
        troubles: Option<&mut Troubles>,
    ) {
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(waiting).into_iter().partition(|(due, ..)| *due <= sequence);
        *waiting = later;
        if !due.is_empty() {
            // What a message says counts by what was decided before it, and not by what was decided since.
            troubles.into_iter().for_each(Troubles::forget);
        }
        for (_, tenant, asked) in due {
            self.carry_out(tenant, asked).await;
        }
    }

    /// Applies a batch, with what comes in the way.
    async fn meet(&mut self, mut plans: Vec<MessagePlan>, troubles: Option<&mut Troubles>) {
        let applied = self.apply(plans.clone()).await;
        let Some(troubles) = troubles else { return };
        if applied.quarantined.is_empty() {
            // What is about somebody who was erased has nothing that could be processed again.
            let gone = applied.messages.iter().filter(|message| message.status == RunStatus::Suppressed);
            let gone: BTreeSet<MessageId> = gone.map(|message| message.message).collect();
            plans.retain(|plan| !gone.contains(&plan.message));
            troubles.after(self, plans).await;
        } else {
            // That is a decision too.
            troubles.forget();
        }
    }

    async fn tenant(&mut self, settings: TenantSettings) -> TenantId {
        self.tenants += 1;
        let number = self.tenants;
        let agency = NewAgency {
            id: AgencyId::new(1, number),
            key: format!("agency-{number}"),
            display_name: "Agency".to_owned(),
        };
        self.store.agencies().create(&agency, &author(1)).await.unwrap();
        let tenant = NewTenant {
            id: TenantId::new(1, number),
            agency: agency.id,
            key: "main".to_owned(),
            display_name: "Tenant".to_owned(),
            settings,
        };
        self.store.tenants().create(&tenant, &author(1)).await.unwrap().id
    }

    pub(crate) async fn apply(&mut self, plans: Vec<MessagePlan>) -> Applied {
        if plans.is_empty() {
            return Applied::default();
        }
        let mut batch = LedgerBatch::new(plans);
        let now = Timestamp::from_seconds(1);
        let mut attempt = self.store.apply(&mut self.state, &batch, now).await.unwrap();
        if let Attempt::Stale(_) = attempt {
            for plan in &mut batch.plans {
                let record = self.store.tenants().get(plan.tenant).await.unwrap();
                plan.config_rev = record.config_rev.cast_signed();
            }
            attempt = self.store.apply(&mut self.state, &batch, now).await.unwrap();
        }
        let Attempt::Committed(applied) = attempt else { panic!("{attempt:?}") };
        applied
    }

    async fn carry_out(&mut self, tenant: TenantId, asked: Asked) {
        self.commands += 1;
        let id = CommandId::new(self.commands, 0);
        let Asked { kind, mut payload, at } = asked;
        let erasure = (kind == "erase_person").then(|| OperationId::new(self.commands, 9));
        if let Some(operation) = erasure {
            payload["operation"] = json!(operation);
            let profile: ProfileId = serde_json::from_value(payload["profile"].clone()).unwrap();
            let new = NewOperation { id: operation, request: Vec::new(), choice: Choice::Person { profile } };
            let scope = self.store.tenant(tenant);
            let begun = scope.create_operation(&new, &author(1)).await.unwrap();
            scope.choose_items(&begun, at).await.unwrap();
        }
        self.store.tenant(tenant).enqueue_command(id, kind, &payload, &author(1)).await.unwrap();
        let outcomes = self.store.apply_commands(&mut self.state, at).await.unwrap();
        assert_eq!(outcomes.len(), 1);
        if let Some(operation) = erasure {
            self.erase(tenant, operation, at).await;
        }
    }

    /// Removes all copies, as the worker does.
    async fn erase(&mut self, tenant: TenantId, operation: OperationId, at: Timestamp) {
        while let Some(erasure) = self.store.tenant(tenant).erasure(operation).await.unwrap() {
            match erasure.part {
                Part::Deliveries => drop(self.store.give_up_deliveries(&erasure, at).await.unwrap()),
                Part::Settle => self.store.erasure_settled(&erasure, at).await.unwrap(),
                Part::Events => self.store.erase_events(&erasure, at).await.unwrap(),
                Part::Mentions if !self.store.held_are_dropped(&erasure).await.unwrap() => {
                    self.store.apply_commands(&mut self.state, at).await.unwrap();
                }
                Part::Mentions => self.store.erase_mentions(&erasure, at).await.unwrap(),
                // What stands in the files is a matter of other tests.
                Part::Files => self.store.erasure_done(&erasure, at).await.unwrap(),
                Part::Done => break,
            }
        }
        let scope = self.store.tenant(tenant);
        scope.end_operation(operation, OperationState::Succeeded, None, at).await.unwrap();
    }
}

/// A store, and the ledger of all that is in it.
async fn begun(url: &str, second: i64) -> (Store, LedgerState) {
    let (store, now) = (open(url).await, Timestamp::from_seconds(second));
    let (claim, _) = store.claim(PartitionSet::all(), "a", "one", u64::MAX >> 1, now).await.unwrap();
    let state = store.ledger_state(claim, now).await.unwrap();
    (store, state)
}

/// A command as the ledger knows it.
struct Asked {
    kind: &'static str,
    payload: Value,
    at: Timestamp,
}

/// What is asked of the ledger, by what is there now; nothing where there is nothing to choose among.
async fn asked(scope: TenantScope<'_>, command: Command) -> Option<Asked> {
    let value = |id: Id| json!({ "kind": id.0.name(), "value": id.value(), "actor": "test" });
    let owner = async |id: Id| {
        let kind = IdentifierType::parse(id.0.name()).unwrap();
        scope.profile_by_identifier(&kind, &id.value()).await.unwrap()
    };
    let mut at = Timestamp::from_seconds(1);
    let (kind, payload) = match command {
        Command::KeepApart(one, other) => {
            let (left, right) = (owner(one).await?, owner(other).await?);
            ("keep_apart", json!({ "left": left, "right": right, "actor": "test" }))
        }
        Command::Undo(number) => {
            let mut merges = outcome::merges(scope).await;
            merges.retain(|merge| merge.undone_at.is_none());
            merges.sort_by_key(|merge| (merge.left, merge.right));
            let merge = merges.get(number % merges.len().max(1))?;
            ("undo_merge", json!({ "merge": merge.id, "actor": "test" }))
        }
        Command::Lift(number) => {
            let pairs = outcome::pairs(scope).await;
            let pair = pairs.get(number % pairs.len().max(1))?;
            ("lift_never_join", json!({ "left": pair.left, "right": pair.right }))
        }
        Command::Decide(number, says) => {
            let mut conflicts = outcome::conflicts(scope).await;
            conflicts.sort_by_key(outcome::dispute);
            let conflict = conflicts.get(number % conflicts.len().max(1))?;
            let verdict = match says {
                Says::Accept => "accept",
                Says::Refuse => "refuse",
                Says::Never => "never_again",
            };
            ("decide_conflict", json!({ "conflict": conflict.id, "verdict": verdict, "actor": "test" }))
        }
        Command::Block(id) => ("block_identifier", value(id)),
        Command::Unblock(id) => ("unblock_identifier", value(id)),
        Command::Erase(id, time) => {
            at = time;
            ("erase_person", json!({ "profile": owner(id).await? }))
        }
    };
    Some(Asked { kind, payload, at })
}

fn plan(after: u64, tenant: TenantId, settings: &Arc<TenantSettings>, entry: &Entry) -> MessagePlan {
    let What::Message { id, received, events } = &entry.what else { unreachable!("a message") };
    let drafts: Vec<Arc<EventDraft>> =
        (0..).zip(events).map(|(index, event)| Arc::new(draft(index, event))).collect();
    let run = PlannedRun {
        destinations: vec![Vec::new(); drafts.len()],
        plan: RunPlan { workflow: WorkflowId::new(1, 1), version: 1, outcome: RunOutcome::Events(drafts) },
        delay: Duration::ZERO,
        follow_up: None,
    };
    MessagePlan {
        tenant,
        source: SourceId::new(1, 1),
        message: *id,
        sequence: after + entry.sequence,
        partition: Partition::of(tenant),
        origin: Origin::Journal,
        received: *received,
        signature: "UNSIGNED",
        trace_parent: None,
        headers: "[]".to_owned(),
        body: Packed::of(b"{}"),
        record: Bytes::from_static(b"record"),
        facts: MessageFacts { cluid_status: "MISSING", ..MessageFacts::default() },
        config_rev: 1,
        settings: Arc::clone(settings),
        destinations: Arc::default(),
        is_test: false,
        work: Work::Apply(vec![run]),
    }
}

fn draft(index: u32, event: &Event) -> EventDraft {
    let identifier = |id: &Id| Identifier {
        kind: IdentifierType::parse(id.0.name()).unwrap(),
        value: id.value(),
        raw: None,
    };
    let traits = event.traits.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
    EventDraft {
        index,
        kind: Kind::Track,
        name: "Schedule".to_owned(),
        time: event.time,
        dedupe_id: None,
        identifiers: event.identifiers.iter().map(identifier).collect(),
        rejected: Vec::new(),
        traits: traits.collect::<Map<_, _>>(),
        attributes: Map::new(),
        groups: Default::default(),
        group_traits: Map::new(),
        consents: Map::new(),
    }
}
