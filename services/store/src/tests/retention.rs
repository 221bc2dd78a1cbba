//! What was kept for long enough is removed at its time and not before, in small steps, and what is still to be done
//! stays.

mod waiting;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryOrder};
use tributary_domain::{
    id::{CommandId, RejectionId, TenantId},
    quota::Quota,
    retention::Retention,
    time::Timestamp,
};

use super::sample;
use crate::{
    Store,
    delivery::{AttemptRecord, Verdict},
    entity::*,
    key::KeyHash,
    rejected::RejectionRecord,
    retention::{Kind, Sweep, Swept},
    support::{author, on_each_database, tenant},
    tenant::TenantChange,
};

pub(super) const DAY: u64 = 24 * 60 * 60 * 1000;

/// The beginning of a day.
pub(super) fn day(number: u64) -> Timestamp {
    Timestamp::from_millis((number * DAY).cast_signed())
}

fn just_before(time: Timestamp) -> Timestamp {
    time.minus(Duration::from_millis(1))
}

pub(super) async fn keep(store: &Store, tenant: TenantId, retention: Retention) {
    let now = store.tenants().get(tenant).await.expect("is there");
    let mut settings = now.settings;
    settings.retention = retention;
    let change = TenantChange { settings: Some(settings), ..TenantChange::default() };
    store.tenants().update(tenant, now.revision, &change, &author(2)).await.expect("changes");
}

/// A whole round; how many rows of each kind went, and in how many steps.
pub(super) async fn round(store: &Store, now: Timestamp) -> (BTreeMap<Kind, u64>, usize) {
    let (mut sweep, mut removed, mut steps) = (Sweep::new(store.clone()), BTreeMap::new(), 0);
    loop {
        steps += 1;
        assert!(steps < 10_000, "it does not end");
        match sweep.step(now).await.expect("a step") {
            Swept::Done => return (removed, steps),
            Swept::Looked => {}
            Swept::Rows(kind, rows) => {
                assert!(rows <= 600 || kind == Kind::DedupeKeys, "{rows} rows of {kind:?} at once");
                *removed.entry(kind).or_default() += rows;
            }
        }
    }
}

fn attempt_row(tenant: TenantId, number: u64) -> delivery_attempt::Model {
    delivery_attempt::Model {
        tenant_id: tenant.to_string(),
        delivery_id: sample::delivery_id(number).to_string(),
        number: 1,
        started_at: 1,
        duration_us: 1,
        outcome: "DELIVERED".to_owned(),
        http_status: Some(200),
        response_headers: "[]".to_owned(),
        response_body: b"thanks".to_vec(),
        truncated: 0,
        error: None,
    }
}

/// How a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    Done,
    Duplicate,
    Held,
    Parked,
    Pending,
}

/// Writes a message that was accepted at `number`, in milliseconds, with what followed from it.
pub(super) async fn write(store: &Store, tenant: TenantId, number: u64, stands: Stands) {
    let (fate, duplicate_of) = match stands {
        Stands::Done | Stands::Pending => ("APPLIED", None),
        Stands::Duplicate => ("DUPLICATE", Some(sample::message_id(1).to_string())),
        Stands::Held => ("HELD", None),
        Stands::Parked => ("PARKED", None),
    };
    let followed = matches!(stands, Stands::Done | Stands::Pending);
    let message = sample::message(tenant, number);
    let message = message::Model {
        fate: fate.to_owned(),
        duplicate_of,
        runs: if followed { message.runs } else { "[]".to_owned() },
        ..message
    };
    sample::write::<message::Entity>(store, vec![message]).await;
    if stands == Stands::Held {
        let held = sample::held(tenant, number.cast_signed());
        sample::write::<held_message::Entity>(store, vec![held]).await;
        return;
    }
    if stands != Stands::Duplicate {
        sample::write::<dedupe_key::Entity>(store, vec![key(tenant, number)]).await;
    }
    if followed {
        let state = if stands == Stands::Pending { "PENDING" } else { "DELIVERED" };
        let delivery = delivery::Model { state: state.to_owned(), ..sample::delivery(tenant, number, 1) };
        sample::write::<run::Entity>(store, vec![sample::run(tenant, number, "SUCCEEDED")]).await;
        let event = sample::event(tenant, number, sample::profile(1));
        sample::write::<event::Entity>(store, vec![event]).await;
        sample::write::<delivery::Entity>(store, vec![delivery]).await;
        sample::write::<delivery_attempt::Entity>(store, vec![attempt_row(tenant, number)]).await;
    }
}

fn key(tenant: TenantId, number: u64) -> dedupe_key::Model {
    let hash = KeyHash::dedupe(tenant, sample::source(), &format!("key {number}"));
    dedupe_key::Model {
        key_hash: hash.to_column(),
        message_id: sample::message_id(number).bits().to_be_bytes().to_vec(),
    }
}

/// What is there of a message: by table, and whether bodies are.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct There {
    messages: BTreeMap<String, bool>,
    runs: BTreeSet<String>,
    events: BTreeSet<String>,
    deliveries: BTreeSet<String>,
    answers: BTreeMap<String, bool>,
    keys: BTreeSet<Vec<u8>>,
}

async fn found(store: &Store) -> There {
    let reader = store.reader();
    let messages = message::Entity::find().order_by_asc(message::Column::Id).all(reader).await;
    let has_body = |row: message::Model| {
        let has = !row.body.is_empty();
        assert_eq!(has, !row.headers.is_empty(), "both go together");
        (row.id, has)
    };
    let answers = delivery_attempt::Entity::find().all(reader).await.expect("reads").into_iter();
    There {
        messages: messages.expect("reads").into_iter().map(has_body).collect(),
        runs: run::Entity::find()
            .all(reader)
            .await
            .expect("reads")
            .into_iter()
            .map(|row| row.message_id)
            .collect(),
        events: event::Entity::find()
            .all(reader)
            .await
            .expect("reads")
            .into_iter()
            .map(|row| row.id)
            .collect(),
        deliveries: delivery::Entity::find()
            .all(reader)
            .await
            .expect("reads")
            .into_iter()
            .map(|row| row.id)
            .collect(),
        answers: answers.map(|row| (row.delivery_id, !row.response_body.is_empty())).collect(),
        keys: dedupe_key::Entity::find()
            .all(reader)
            .await
            .expect("reads")
            .into_iter()
            .map(|row| row.key_hash)
            .collect(),
    }
}

/// A message of the model.
#[derive(Debug, Clone, Copy)]
struct Known {
    tenant: TenantId,
    kept: Retention,
    number: u64,
    stands: Stands,
}

/// What has to be there at `now`, thought out message by message; `logs_gone` are those whose rows an earlier round took.
///
/// `weekly`: logs of who keeps them longest go by the week, from Monday to Monday.
fn expected(known: &[Known], now: Timestamp, weekly: bool) -> There {
    let mut there = There::default();
    let most = known.iter().map(|one| one.kept.logs_days).max().unwrap_or(0);
    let longest = known.iter().map(|one| one.kept.dedupe_days).max().unwrap_or(0);
    let oldest_held = known.iter().filter(|one| one.stands == Stands::Held).map(|one| one.number).min();
    let as_of = (now.millis() - 3 * DAY).min(oldest_held.unwrap_or(u64::MAX));
    for one in known {
        let younger = |days: u32| one.number + u64::from(days) * DAY >= now.millis();
        let waits = matches!(one.stands, Stands::Held | Stands::Parked);
        let mut logs_from = now.millis() - u64::from(one.kept.logs_days) * DAY;
        if weekly && one.kept.logs_days == most {
            // The first Monday was the fifth of January.
            logs_from -= (logs_from - 4 * DAY) % (7 * DAY);
        }
        let stays = waits || one.stands == Stands::Pending || one.number >= logs_from;
        if stays {
            let id = sample::message_id(one.number).to_string();
            there.messages.insert(id.clone(), waits || younger(one.kept.bodies_days));
            if matches!(one.stands, Stands::Done | Stands::Pending) {
                there.runs.insert(id);
                there.events.insert(sample::event_id(one.number).to_string());
                let delivery = sample::delivery_id(one.number).to_string();
                there.answers.insert(delivery.clone(), younger(one.kept.bodies_days));
                there.deliveries.insert(delivery);
            }
        }
        let days = if stays { one.kept.dedupe_days } else { longest };
        let has_key = !matches!(one.stands, Stands::Held | Stands::Duplicate);
        if has_key && one.number + u64::from(days) * DAY >= as_of {
            there.keys.insert(key(one.tenant, one.number).key_hash);
        }
    }
    there
}

/// Numbers that look random, and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[tokio::test]
async fn at_every_time_what_should_still_be_there_is() {
    on_each_database(async |database| {
        let store = &database.store;
        let mut dice = Dice(7);
        let mut known = Vec::new();
        let periods = [(3, 9, 5), (10, 10, 30), (1, 40, 2)];
        for (number, (bodies_days, logs_days, dedupe_days)) in (1_u64..).zip(periods) {
            let id = tenant(store, u128::from(number)).await.id;
            let kept = Retention { bodies_days, logs_days, dedupe_days };
            keep(store, id, kept).await;
            for index in 0..40 {
                let stands = match dice.below(12) {
                    0 => Stands::Held,
                    1 => Stands::Parked,
                    2 => Stands::Pending,
                    3 => Stands::Duplicate,
                    _ => Stands::Done,
                };
                let stands = if number == 2 && stands == Stands::Held { Stands::Done } else { stands };
                // Some exactly at a day's beginning.
                let within = if dice.below(4) == 0 { 0 } else { dice.below(DAY) / 1_000 * 1_000 };
                let time = (100 + dice.below(20)) * DAY + within + number * 100 + index;
                known.push(Known { tenant: id, kept, number: time, stands });
                write(store, id, time, stands).await;
            }
        }
        let mut now = 100 * DAY;
        if store.backend() == DbBackend::Postgres {
            // The first of them are in weeks that were made before they came, others in the rest.
            for number in 0..3 {
                store.make_partitions(day(101 + number * 7)).await.expect("makes partitions");
            }
        }
        while now < 170 * DAY {
            now += dice.below(3 * DAY) + 1;
            let now = Timestamp::from_millis(now.cast_signed());
            // Some that are broken off, as by a restart, and one that is not.
            for _ in 0..dice.below(3) {
                let mut broken = Sweep::new(store.clone());
                for _ in 0..dice.below(30) {
                    broken.step(now).await.expect("a step");
                }
            }
            round(store, now).await;
            let (found, expected) =
                (found(store).await, expected(&known, now, store.backend() == DbBackend::Postgres));
            assert_eq!(found, expected, "on day {}", now.millis() / DAY);
        }
        // Who was held is processed, and what waited for delivery is delivered: now their time is over too.
        for statement in [
            "UPDATE messages SET fate = 'APPLIED'",
            "DELETE FROM held_messages",
            "UPDATE deliveries SET state = 'FAILED'",
        ] {
            store.writer().execute_unprepared(statement).await.expect("changes");
        }
        round(store, day(300)).await;
        // The keys of a second look: whose messages went in this round, are nobody's now.
        round(store, day(300)).await;
        assert_eq!(found(store).await, There::default());
    })
    .await;
}

#[tokio::test]
async fn many_go_in_small_steps_and_a_sweep_that_is_broken_off_goes_on() {
    on_each_database(async |database| {
        let store = &database.store;
        let id = tenant(store, 1).await.id;
        keep(store, id, Retention { bodies_days: 5, logs_days: 10, dedupe_days: 5 }).await;
        let numbers: Vec<u64> = (0..450).map(|index| 100 * DAY + index).collect();
        let rows = |number: &u64| sample::message(id, *number);
        sample::write::<message::Entity>(store, numbers.iter().map(rows).collect()).await;
        // One message with many deliveries, each with an attempt.
        let event = sample::event(id, numbers[7], sample::profile(1));
        sample::write::<event::Entity>(store, vec![event]).await;
        let (low, _) = tributary_domain::id::DeliveryId::range(sample::message_id(numbers[7]));
        let prefix = low.to_string()[..30].to_owned();
        let deliveries: Vec<_> = (0..900)
            .map(|index| delivery::Model {
                id: format!("{prefix}{index:013}"),
                state: "DELIVERED".to_owned(),
                ..sample::delivery(id, numbers[7], 1)
            })
            .collect();
        let attempts = deliveries.iter().map(|row| delivery_attempt::Model {
            delivery_id: row.id.clone(),
            ..attempt_row(id, numbers[7])
        });
        sample::write::<delivery_attempt::Entity>(store, attempts.collect()).await;
        sample::write::<delivery::Entity>(store, deliveries.clone()).await;

        let (removed, steps) = round(store, day(106)).await;
        assert_eq!(removed, BTreeMap::from([(Kind::Bodies, 450), (Kind::Answers, 900)]));
        assert!(steps > 8, "{steps} steps");
        let looked = round(store, day(106)).await;
        assert_eq!(looked.0, BTreeMap::new());
        assert!(looked.1 < 15, "{looked:?}: it looks at all again that have no bodies any more");

        let mut sweep = Sweep::new(store.clone());
        let mut rows = 0;
        while rows < 500 {
            if let Swept::Rows(Kind::Logs, removed) = sweep.step(day(113)).await.expect("a step") {
                assert!(removed <= 600, "{removed} at once");
                rows += removed;
            }
        }
        assert_eq!(found(store).await.messages.len(), 450, "what hangs on messages goes first");
        let (removed, _) = round(store, day(113)).await;
        assert_eq!(removed[&Kind::Logs] + rows, 450 + 1 + 900 + 900);
        assert_eq!(found(store).await, There::default());
    })
    .await;
}

#[tokio::test]
async fn a_quota_bounds_what_is_set_and_a_deleted_tenant_is_left_alone() {
    on_each_database(async |database| {
        let store = &database.store;
        let (bounded, free, deleted) =
            (tenant(store, 1).await.id, tenant(store, 2).await.id, tenant(store, 3).await.id);
        for (index, id) in (0..).zip([bounded, free, deleted]) {
            write(store, id, 100 * DAY + index, Stands::Done).await;
        }
        let quota = Quota { retention_days: 7, ..Quota::default() };
        for id in [bounded, deleted] {
            store.tenant(id).set_quota(0, &quota, &author(2)).await.expect("sets");
        }
        let revision = store.tenants().get(deleted).await.expect("is there").revision;
        store.tenants().delete(deleted, revision, &author(3)).await.expect("deletes");
        let messages = async || found(store).await.messages.into_values().collect::<Vec<_>>();
        round(store, day(107)).await;
        assert_eq!(messages().await, [true, true, true]);
        round(store, day(107).plus(Duration::from_millis(1))).await;
        assert_eq!(messages().await, [true, true], "the first one's seven days are over");
        assert!(store.tenant(bounded).message(sample::message_id(100 * DAY)).await.is_err());
        round(store, day(130).plus(Duration::from_millis(2))).await;
        assert_eq!(messages().await, [false, true], "thirty days of the second, and the third is deleted");
        let kept = store.tenant(free).message(sample::message_id(100 * DAY + 1)).await.expect("is there");
        assert!(kept.body_removed && kept.body.is_empty() && kept.headers.is_empty());
        assert_eq!(kept.summary.dedupe_key.as_deref(), Some("key 8640000001"));
    })
    .await;
}

#[tokio::test]
async fn answers_of_late_attempts_go_too() {
    on_each_database(async |database| {
        let store = &database.store;
        let id = tenant(store, 1).await.id;
        keep(store, id, Retention { bodies_days: 1, ..Retention::default() }).await;
        for number in [100 * DAY, 100 * DAY + 5] {
            write(store, id, number, Stands::Pending).await;
        }
        let (removed, _) = round(store, day(102)).await;
        assert_eq!(removed[&Kind::Answers], 2);
        let attempt = AttemptRecord {
            delivery: sample::delivery_id(100 * DAY),
            number: 2,
            started_at: day(102),
            duration: Duration::from_millis(1),
            outcome: "DELIVERED".to_owned(),
            http_status: Some(200),
            response_headers: vec![("a".to_owned(), "b".to_owned())],
            response_body: b"late".to_vec(),
            is_truncated: false,
            error: None,
            answer_removed: false,
        };
        let scope = store.tenant(id);
        scope.record_attempts(&[sample::tried(attempt.clone(), Verdict::Delivered)]).await.expect("records");
        let attempts = async || scope.delivery_attempts(attempt.delivery).await.expect("lists");
        assert_eq!(attempts().await[1], attempt, "for now it can be read");
        let (removed, _) = round(store, day(103)).await;
        assert_eq!(removed[&Kind::Answers], 1);
        let removed = AttemptRecord {
            response_headers: Vec::new(),
            response_body: Vec::new(),
            answer_removed: true,
            ..attempt.clone()
        };
        assert_eq!(attempts().await[1], removed);
    })
    .await;
}

#[tokio::test]
async fn refused_requests_and_commands_that_are_done_go_at_their_time() {
    on_each_database(async |database| {
        let store = &database.store;
        let id = tenant(store, 1).await.id;
        store.tenant(id).create_source(&sample::new_source(), &author(1)).await.expect("makes");
        keep(store, id, Retention { bodies_days: 5, logs_days: 10, dedupe_days: 5 }).await;
        let refused = |millis: u64| RejectionRecord {
            id: RejectionId::new(millis, 1),
            tenant: id,
            source: sample::source(),
            at: Timestamp::from_millis(millis.cast_signed()),
            reason: "NOT_JSON".to_owned(),
            detail: "it is not JSON".to_owned(),
            http_status: 400,
            headers: Vec::new(),
            body: vec![1],
        };
        store.record_rejections(&[refused(100 * DAY), refused(101 * DAY)], &[]).await.expect("records");
        let command = |millis: u64, state: &str| ledger_command::Model {
            id: CommandId::new(millis, 1).to_string(),
            tenant_id: id.to_string(),
            kind: "REDRIVE".to_owned(),
            payload: "{}".to_owned(),
            state: state.to_owned(),
            result: None,
            created_at: 1,
            applied_at: None,
            applied_after: None,
        };
        let commands = [(100, "APPLIED"), (101, "PENDING"), (102, "FAILED")]
            .map(|(day, state)| command(day * DAY, state));
        sample::write::<ledger_command::Entity>(store, commands.to_vec()).await;
        assert_eq!(round(store, just_before(day(105))).await.0, BTreeMap::new());
        let (removed, _) = round(store, day(105).plus(Duration::from_millis(1))).await;
        assert_eq!(removed, BTreeMap::from([(Kind::Refused, 1)]));
        let (removed, _) = round(store, just_before(day(112))).await;
        assert_eq!(removed, BTreeMap::from([(Kind::Refused, 1), (Kind::Commands, 1)]));
        let (removed, _) = round(store, day(112).plus(Duration::from_millis(1))).await;
        assert_eq!(removed, BTreeMap::from([(Kind::Commands, 1)]));
        let left = ledger_command::Entity::find().all(store.reader()).await.expect("reads");
        assert_eq!(left.into_iter().map(|row| row.state).collect::<Vec<_>>(), ["PENDING"]);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_comes_again_with_its_processing_goes_at_the_next_look() {
    on_each_database(async |database| {
        let store = &database.store;
        let id = tenant(store, 1).await.id;
        write(store, id, 100 * DAY, Stands::Held).await;
        write(store, id, 100 * DAY + 1, Stands::Done).await;
        assert_eq!(round(store, day(131)).await.0, BTreeMap::from([(Kind::Bodies, 1), (Kind::Answers, 1)]));
        for statement in ["UPDATE messages SET fate = 'APPLIED'", "DELETE FROM held_messages"] {
            store.writer().execute_unprepared(statement).await.expect("changes");
        }
        assert_eq!(round(store, day(132)).await.0, BTreeMap::from([(Kind::Bodies, 1)]));
    })
    .await;
}
