//! What tests and backtests say agrees with what publishing and processing again then does: random workflows and messages,
//! with few values, so that people meet.

// clippy.toml allows these in tests, which does not reach the helpers of a test crate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod history;
#[path = "../../../store/tests/support/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the store")]
mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};
use tributary_domain::{
    backtest::{Report, Tally},
    event::EventData,
    id::{DestinationId, EventId, MessageId, OperationId, ProfileId, SourceId, WorkflowId},
    partition::PartitionSet,
    time::Timestamp,
    workflow::{compile::CompiledWorkflow, spec::WorkflowSpec, status::RunStatus},
};
use tributary_planner::{Arrival, Comparison, Configuration, rehearsed};
use tributary_store::{
    Packed, Page, Secret, Store, TenantScope,
    destination::NewDestination,
    ledger::{
        Again, Attempt, HoldAgain, LedgerBatch, LedgerState, MessagePlan, Origin, Rehearsal, Rehearsed,
        StoredEvent,
    },
    message::MessageFilter,
    operation::{Backtest, Choice, NewOperation},
    source::{NewSource, UrlSecret},
    workflow::{NewWorkflow, WorkflowChange},
};

use history::{History, history};
use support::{author, on_each_database, tenant};

/// How many histories there are on each database.
const HISTORIES: u64 = 40;
const HEADERS: &str = "[]";

/// A tenant with one source, two workflows and two destinations.
struct Scene<'a> {
    store: &'a Store,
    scope: TenantScope<'a>,
    number: u128,
    ledger: LedgerState,
    messages: Vec<MessageId>,
}

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

impl<'a> Scene<'a> {
    async fn new(store: &'a Store, number: u128, history: &History) -> Self {
        let own = tenant(store, number).await.id;
        let (scope, author) = (store.tenant(own), author(10));
        let source = NewSource {
            id: SourceId::new(1, number),
            key: "forms".to_owned(),
            display_name: "Forms".to_owned(),
            provider: "custom".to_owned(),
            settings: json!({"dedupe_path": "$.key"}),
            signing_keys: Vec::new(),
            body_limit: 1 << 20,
            secret: UrlSecret::of(&format!("secret {number}")),
        };
        scope.create_source(&source, &author).await.unwrap();
        for (place, filter) in [(1, None), (2, history.filter.clone())] {
            let destination = NewDestination {
                id: DestinationId::new(place, number),
                key: format!("destination-{place}"),
                display_name: "Destination".to_owned(),
                platform: "webhook".to_owned(),
                settings: json!({"url": "https://example.com/"}),
                secrets: BTreeMap::from([("signing".to_owned(), Secret::new("whsec_bm90aGluZw=="))]),
                filter,
                consent: history.consent.clone().filter(|_| place == 1),
                event_names: BTreeMap::new(),
            };
            scope.create_destination(&destination, &author).await.unwrap();
        }
        let claim = store.claim(PartitionSet::all(), "test", "journal", u64::MAX >> 1, NOW).await.unwrap().0;
        let ledger = store.ledger_state(claim, NOW).await.unwrap();
        let scene = Self { store, scope, number, ledger, messages: Vec::new() };
        let before = history.before.clone().unwrap_or_else(|| history.after.clone());
        if let Some(other) = &history.other {
            scene.workflow(2, other, true).await;
        }
        scene.workflow(1, &before, history.before.is_some()).await;
        scene
    }

    fn id(&self, place: u64) -> WorkflowId {
        WorkflowId::new(place, self.number)
    }

    async fn workflow(&self, place: u64, draft: &WorkflowSpec, publish: bool) {
        let new = NewWorkflow {
            id: self.id(place),
            source: SourceId::new(1, self.number),
            key: format!("workflow-{place}"),
            display_name: "Workflow".to_owned(),
            sort_order: place as i32,
            delay: Duration::ZERO,
            draft: draft.clone(),
            sample_message: None,
        };
        self.scope.create_workflow(&new, &author(11)).await.unwrap();
        if publish {
            self.scope.publish_workflow(self.id(place), 1, "", &author(12)).await.unwrap();
        }
    }

    /// Puts a workflow in force that is another one by now.
    async fn publish(&self, draft: &WorkflowSpec) {
        let now = self.scope.workflow(self.id(1)).await.unwrap();
        let change = WorkflowChange { draft: Some(draft.clone()), ..WorkflowChange::default() };
        let changed = self.scope.update_workflow(now.id, now.revision, &change, &author(13)).await.unwrap();
        self.scope.publish_workflow(changed.id, changed.revision, "", &author(14)).await.unwrap();
    }

    async fn configuration(&self) -> Configuration {
        Configuration::compile(self.scope.snapshot(SourceId::new(1, self.number)).await.unwrap()).unwrap()
    }

    /// The plan of a message as the actors make it.
    fn plan(&self, configuration: &Configuration, number: u64, body: &Value, origin: Origin) -> MessagePlan {
        let arrival = Arrival {
            tenant: self.scope.id(),
            source: SourceId::new(1, self.number),
            message: message(self.number, number),
            sequence: sequence(self.number, number),
            received: Timestamp::from_seconds(1_000 + number.cast_signed()),
            is_again: origin != Origin::Journal,
        };
        let body = body.to_string();
        let plan = rehearsed(configuration, arrival, &[], body.as_bytes());
        MessagePlan { origin, body: Packed::of(body.as_bytes()), headers: HEADERS.to_owned(), ..plan }
    }

    async fn apply(&mut self, plans: Vec<MessagePlan>) {
        let attempt = self.store.apply(&mut self.ledger, &LedgerBatch::new(plans), NOW).await.unwrap();
        assert!(matches!(attempt, Attempt::Committed(_)), "{attempt:?}");
    }

    async fn receive(&mut self, history: &History) {
        let configuration = self.configuration().await;
        for (number, body) in (1..).zip(&history.bodies) {
            let plan = self.plan(&configuration, number, body, Origin::Journal);
            self.messages.push(plan.message);
            self.apply(vec![plan]).await;
        }
    }

    /// Processes all messages again, some in a transaction.
    async fn replay(&mut self, history: &History) {
        let only = self.messages.clone();
        let new = NewOperation {
            id: OperationId::new(1, self.number),
            request: Vec::new(),
            choice: Choice::Messages { only, filters: Vec::new() },
        };
        let mut operation = self.scope.create_operation(&new, &author(15)).await.unwrap();
        while operation.place.is_some() {
            self.scope.choose_items(&operation, NOW).await.unwrap();
            operation = self.scope.operation(operation.id).await.unwrap();
        }
        let next = self.scope.next_replayed(operation.id, 100, 1 << 20, NOW).await.unwrap().unwrap();
        let messages = next.into_iter().map(|record| Again {
            message: record.summary.id,
            source: record.summary.source,
            sequence: record.summary.seq,
            record: bytes::Bytes::new(),
        });
        let again =
            HoldAgain { tenant: self.scope.id(), operation: operation.id, messages: messages.collect() };
        self.store.hold_again(&mut self.ledger, &again, NOW).await.unwrap();
        let held = self.scope.held_messages(Page::first(100)).await.unwrap().items;
        assert_eq!(held.len(), history.bodies.len());
        let configuration = self.configuration().await;
        for held in held.chunks(history.batch) {
            let plans = held.iter().map(|held| {
                let number = 1 + self.messages.iter().position(|one| *one == held.message).unwrap() as u64;
                let origin = Origin::Held(held.position.cast_signed());
                self.plan(&configuration, number, &history.bodies[number as usize - 1], origin)
            });
            let plans = plans.collect();
            self.apply(plans).await;
        }
    }

    async fn backtest(&self, history: &History) -> Report {
        let backtest = Backtest {
            workflow: self.id(1),
            spec: history.after.clone(),
            filter: MessageFilter::of(SourceId::new(1, self.number)),
        };
        let mut comparison = Comparison::new(self.scope.id(), &backtest, self.configuration().await).unwrap();
        let mut rehearsal = Rehearsal::default();
        loop {
            let limit = history.batch as u64;
            let records = self
                .scope
                .messages_after(&backtest.filter, comparison.after(), limit, usize::MAX)
                .await
                .unwrap();
            if records.is_empty() {
                return comparison.report().clone();
            }
            let plans = comparison.plan(records);
            let rehearsed = self.scope.rehearse(&mut rehearsal, plans, NOW).await.unwrap();
            comparison.compare(&rehearsed, rehearsal.is_full());
        }
    }

    /// What a test of one message comes to, as if the change were published.
    async fn test(&self, history: &History, number: u64) -> Rehearsed {
        let compiled = CompiledWorkflow::compile(&history.after).0.unwrap();
        let configuration = self.configuration().await.with(self.id(1), 9, compiled);
        let body = &history.bodies[number as usize - 1];
        let plan = self.plan(&configuration, number, body, Origin::Held(-1));
        let rehearsed = self.scope.rehearse(&mut Rehearsal::default(), vec![plan], NOW).await.unwrap();
        rehearsed.into_iter().next().unwrap()
    }

    /// How everything stands.
    async fn stand(&self) -> Stand {
        let mut stand = Stand::default();
        let mut page = Page::first(100);
        loop {
            let found = self.scope.profiles(page).await.unwrap();
            stand.people += found.items.len() as u64;
            let Some(next) = found.next else { break };
            page = Page::after(next, 100);
        }
        for message in &self.messages {
            let record = self.scope.message(*message).await.unwrap().summary;
            let run = record.runs.iter().find(|run| run.workflow == self.id(1));
            let is_repeated = record.fate.duplicate_of().is_some();
            let status = if is_repeated { Some(RunStatus::Duplicate) } else { run.map(|run| run.status) };
            stand.statuses.push(status);
            for event in self.scope.message_events(*message).await.unwrap() {
                if event.workflow == self.id(1) {
                    let live = match event.profile {
                        Some(profile) => Some(self.live(profile).await),
                        None => None,
                    };
                    stand.events.insert(event.id, (live, event.data));
                }
            }
            let deliveries = self.scope.message_deliveries(*message).await.unwrap();
            let own = deliveries.into_iter().filter(|delivery| stand.events.contains_key(&delivery.event));
            stand.deliveries += own.count() as u64;
        }
        stand
    }

    async fn live(&self, profile: ProfileId) -> ProfileId {
        self.scope.profile(profile).await.unwrap().id
    }
}

fn message(tenant: u128, number: u64) -> MessageId {
    MessageId::new(1_000_000 + number * 1_000, tenant)
}

fn sequence(tenant: u128, number: u64) -> u64 {
    u64::try_from(tenant).unwrap() * 1_000 + number
}

#[derive(Debug, Default)]
struct Stand {
    people: u64,
    statuses: Vec<Option<RunStatus>>,
    events: BTreeMap<EventId, (Option<ProfileId>, EventData)>,
    deliveries: u64,
}

/// What the report has to say of what happened between two stands.
fn assert_agrees(history: &History, report: &Report, before: &Stand, after: &Stand) {
    let mut statuses: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    let code = |status: &Option<RunStatus>| status.map_or("", RunStatus::code).to_owned();
    for (before, after) in before.statuses.iter().zip(&after.statuses) {
        *statuses.entry(code(before)).or_default().entry(code(after)).or_default() += 1;
    }
    assert_eq!(report.statuses, statuses, "statuses");
    let succeeded = Some(RunStatus::Succeeded);
    let pairs = || before.statuses.iter().zip(&after.statuses);
    let lost = pairs().filter(|(before, after)| **before == succeeded && **after != succeeded).count() as u64;
    let added = after.events.keys().filter(|event| !before.events.contains_key(event)).count() as u64;
    // What a run makes no more stays as it was made: nothing is taken back.
    let both = before.events.len() as u64 - lost;
    let changed =
        before.events.iter().filter(|(event, (_, was))| after.events[event].1.draft != was.draft).count();
    let events = Tally { same: both - changed as u64, added, lost, changed: changed as u64 };
    assert_eq!(report.events, events, "events");
    assert_eq!(report.deliveries.added, after.deliveries - before.deliveries, "deliveries");
    // What another workflow makes of the same messages is in no report of this one.
    if history.other.is_some() {
        return;
    }
    let (new, merges) = (report.identity.new, report.identity.merges);
    assert_eq!(before.people + new - merges, after.people, "people");
}

fn kinds(event: &StoredEvent) -> Vec<std::mem::Discriminant<tributary_domain::identity::Step>> {
    event.data.steps.iter().map(std::mem::discriminant).collect()
}

#[tokio::test]
async fn a_backtest_says_what_publishing_and_replaying_does() {
    on_each_database(async |database| {
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[42; 32]);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        for number in 1..=HISTORIES {
            let history = history().new_tree(&mut runner).unwrap().current();
            println!("history {number}");
            let mut scene = Scene::new(&database.store, u128::from(number), &history).await;
            scene.receive(&history).await;
            let before = scene.stand().await;
            let report = scene.backtest(&history).await;
            let again = scene.stand().await;
            assert_eq!(before.events, again.events, "nothing was written");
            assert_eq!(report, scene.backtest(&history).await, "it says the same of the same");
            scene.publish(&history.after).await;
            scene.replay(&history).await;
            let after = scene.stand().await;
            println!("{history:#?}\n{report:#?}");
            assert_agrees(&history, &report, &before, &after);
            let now = scene.backtest(&history).await;
            // A delivery that would not be made any more is there all the same.
            let now = Report { deliveries: Tally::default(), ..now };
            let whose = (now.identity.other, now.identity.new, now.identity.merges, now.identity.conflicts);
            assert_eq!((now.events.added, now.events.lost, now.events.changed), (0, 0, 0), "{now:#?}");
            assert_eq!(whose, (0, 0, 0, 0), "what was done is as it would be: {now:#?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_test_says_what_processing_the_message_does() {
    on_each_database(async |database| {
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[43; 32]);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        for number in 1..=HISTORIES {
            let mut history = history().new_tree(&mut runner).unwrap().current();
            println!("history {number}: {history:#?}");
            history.batch = 1;
            let mut scene = Scene::new(&database.store, u128::from(number), &history).await;
            let last = history.bodies.pop().unwrap();
            scene.receive(&history).await;
            let number = history.bodies.len() as u64 + 1;
            history.bodies.push(last.clone());
            let compiled = CompiledWorkflow::compile(&history.after).0.unwrap();
            let configuration = scene.configuration().await.with(scene.id(1), 9, compiled);
            let plan = scene.plan(&configuration, number, &last, Origin::Journal);
            let told = scene.scope.rehearse(&mut Rehearsal::default(), vec![plan], NOW).await.unwrap();
            scene.publish(&history.after).await;
            let configuration = scene.configuration().await;
            let plan = scene.plan(&configuration, number, &last, Origin::Journal);
            let message = plan.message;
            scene.apply(vec![plan]).await;
            assert_eq!(told.len(), 1);
            let events = scene.scope.message_events(message).await.unwrap();
            let real: BTreeMap<EventId, _> =
                events.iter().map(|event| (event.id, (event.profile, event.data.clone()))).collect();
            let said: BTreeMap<EventId, _> =
                told[0].events.iter().map(|event| (event.id, (event.profile, event.data.clone()))).collect();
            assert_eq!(said, real, "the same events of the same people, step by step");
            let record = scene.scope.message(message).await.unwrap().summary;
            assert_eq!(told[0].status, record.fate.status());
            assert_eq!(told[0].duplicate_of, record.fate.duplicate_of());
        }
    })
    .await;
}

#[tokio::test]
async fn a_logged_message_is_tested_as_it_is_processed_again() {
    Box::pin(on_each_database(async |database| {
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[44; 32]);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        for number in 1..=HISTORIES {
            let history = history().new_tree(&mut runner).unwrap().current();
            println!("history {number}: {history:#?}");
            let mut scene = Scene::new(&database.store, u128::from(number), &history).await;
            scene.receive(&history).await;
            // Those after it are processed again as well, but only later.
            let said = scene.test(&history, 1).await;
            scene.publish(&history.after).await;
            scene.replay(&History { batch: history.bodies.len(), ..history }).await;
            let events = scene.scope.message_events(scene.messages[0]).await.unwrap();
            for event in &said.events {
                let real = events.iter().find(|real| real.id == event.id).unwrap();
                assert_eq!(real.data.draft, event.data.draft);
                let steps: Vec<_> = real.data.steps.iter().map(std::mem::discriminant).collect();
                assert_eq!(steps, kinds(event), "the same decision");
            }
            let made: BTreeSet<EventId> = said.events.iter().map(|event| event.id).collect();
            assert!(made.iter().all(|id| events.iter().any(|event| event.id == *id)));
        }
    }))
    .await;
}
