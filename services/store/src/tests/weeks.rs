//! Weeks on Postgres: rows go to theirs, statements look at no others, and what is over is dropped at once.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tributary_domain::{retention::Retention, time::Timestamp};

use super::{
    retention::{DAY, Stands, day, keep, round, write},
    sample,
};
use crate::{
    Store,
    entity::message,
    retention::Kind,
    support::{Database, on_each_database, tenant},
};

/// A Monday.
const MONDAY: u64 = 102;

async fn texts(store: &Store, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let rows = store.writer().query_all_raw(statement).await.expect("reads");
    rows.iter().map(|row| row.try_get_by_index(0).expect("a text")).collect()
}

/// In which partitions the messages are.
async fn homes(store: &Store) -> BTreeMap<String, usize> {
    let mut homes = BTreeMap::new();
    for home in texts(store, "SELECT tableoid::regclass::text FROM messages").await {
        *homes.entry(home).or_default() += 1;
    }
    homes
}

async fn execute(store: &Store, statements: &[String]) {
    for statement in statements {
        store.writer().execute_unprepared(statement).await.expect(statement);
    }
}

#[tokio::test]
async fn rows_move_to_their_weeks_and_weeks_that_are_over_go_at_once() {
    on_each_database(async |database| {
        let store = &database.store;
        if store.backend() != DbBackend::Postgres {
            store.make_partitions(day(MONDAY)).await.expect("there is nothing to make");
            return;
        }
        let id = tenant(store, 1).await.id;
        keep(store, id, Retention { bodies_days: 10, logs_days: 10, dedupe_days: 10 }).await;
        // Before anything is made, of three weeks, and of a time that nobody expects.
        for number in
            [MONDAY * DAY - 1, MONDAY * DAY, (MONDAY + 7) * DAY - 1, (MONDAY + 7) * DAY, 9_000 * DAY]
        {
            write(store, id, number, Stands::Done).await;
        }
        assert_eq!(homes(store).await, BTreeMap::from([("messages_rest".to_owned(), 5)]));
        store.make_partitions(day(MONDAY + 3)).await.expect("makes partitions");
        store.make_partitions(day(MONDAY + 3)).await.expect("a second time makes nothing");
        let names = ["messages_rest", "messages_w19700413", "messages_w19700420"].map(ToOwned::to_owned);
        let expected: BTreeMap<_, _> = names.clone().into_iter().zip([2, 2, 1]).collect();
        assert_eq!(homes(store).await, expected);
        // One that comes now goes to its week.
        write(store, id, MONDAY * DAY + 9, Stands::Pending).await;
        assert_eq!(homes(store).await["messages_w19700413"], 3);
        store.make_partitions(day(MONDAY + 7)).await.expect("makes the next");
        let weeks =
            texts(store, "SELECT relname::text FROM pg_class WHERE relname LIKE 'runs_w%' AND relkind = 'r'");
        assert_eq!(weeks.await.len(), 6);

        // On the last day of it, nothing; then what is in no week goes row by row, and the week cannot go as a whole.
        assert_eq!(round(store, day(MONDAY + 10)).await.0.get(&Kind::Weeks), None);
        let (removed, _) = round(store, day(MONDAY + 17)).await;
        assert_eq!(removed.get(&Kind::Weeks), None, "something of it is still to be delivered");
        assert_eq!(homes(store).await, names.clone().into_iter().zip([1, 1, 1]).collect());
        execute(store, &["UPDATE deliveries SET state = 'FAILED'".to_owned()]).await;
        let (removed, _) = round(store, day(MONDAY + 17)).await;
        assert_eq!(removed, BTreeMap::from([(Kind::Weeks, 1)]), "all five tables' week is one");
        let [rest, _, last] = names;
        assert_eq!(homes(store).await, BTreeMap::from([(rest, 1), (last, 1)]));
        for table in ["runs", "events", "deliveries", "delivery_attempts"] {
            let left = texts(store, &format!("SELECT 'row' FROM {table}")).await;
            assert_eq!(left.len(), 2, "{table}");
        }
    })
    .await;
}

#[tokio::test]
async fn statements_with_an_id_look_at_one_partition() {
    on_each_database(async |database| {
        let store = &database.store;
        if store.backend() != DbBackend::Postgres {
            return;
        }
        store.make_partitions(day(MONDAY)).await.expect("makes partitions");
        let number = MONDAY * DAY + 5;
        let (message, delivery) = (sample::message_id(number), sample::delivery_id(number));
        let (low, high) = tributary_domain::id::EventId::range(message);
        for statement in [
            format!("SELECT * FROM messages WHERE id = '{message}'"),
            format!(
                "SELECT * FROM runs WHERE tenant_id = 't' AND workflow_id = 'w' AND message_id = '{message}'"
            ),
            format!("SELECT * FROM events WHERE tenant_id = 't' AND id BETWEEN '{low}' AND '{high}'"),
            format!("UPDATE deliveries SET attempts = 1 WHERE tenant_id = 't' AND id = '{delivery}'"),
            format!("SELECT * FROM delivery_attempts WHERE tenant_id = 't' AND delivery_id = '{delivery}'"),
        ] {
            let plan = texts(store, &format!("EXPLAIN {statement}")).await.join("\n");
            assert!(plan.contains("_w19700413"), "{plan}");
            assert!(!plan.contains("_w19700420") && !plan.contains("_rest"), "{plan}");
        }
    })
    .await;
}

/// The tables as they were before there were partitions.
const BEFORE: [(&str, &str, Option<&str>); 5] = [
    ("messages", "id", Some("ix_messages_tenant_id_source_id_id ON messages (tenant_id, source_id, id)")),
    ("runs", "tenant_id, workflow_id, message_id", None),
    (
        "events",
        "tenant_id, id",
        Some("ix_events_tenant_id_profile_id_id ON events (tenant_id, profile_id, id)"),
    ),
    (
        "deliveries",
        "tenant_id, id",
        Some(
            "ix_deliveries_destination_id_due_at ON deliveries (destination_id, due_at) WHERE state = 'PENDING'",
        ),
    ),
    ("delivery_attempts", "tenant_id, delivery_id, number", None),
];

#[tokio::test]
async fn tables_with_rows_become_partitions_and_go_when_they_are_over() {
    let Some(database) = Database::fresh("postgres").await else { return };
    let store = &database.store;
    store.migrate().await.expect("migrates");
    for (table, key, index) in BEFORE {
        let mut back = vec![
            format!("CREATE TABLE plain (LIKE {table} INCLUDING DEFAULTS)"),
            format!("DROP TABLE {table}"),
            format!("ALTER TABLE plain RENAME TO {table}"),
            format!("ALTER TABLE {table} ADD PRIMARY KEY ({key})"),
        ];
        back.extend(index.map(|index| format!("CREATE INDEX {index}")));
        execute(store, &back).await;
    }
    let forget = [
        "DROP TABLE retention_progress".to_owned(),
        "DELETE FROM seaql_migrations WHERE version = 'm0005_retention'".to_owned(),
    ];
    execute(store, &forget).await;
    let id = tenant(store, 1).await.id;
    keep(store, id, Retention { bodies_days: 10, logs_days: 10, dedupe_days: 10 }).await;
    let far = 100_000 * DAY;
    for number in [MONDAY * DAY, MONDAY * DAY + 1, far] {
        write(store, id, number, Stands::Done).await;
    }
    store.migrate().await.expect("converts");
    let homes_then = homes(store).await;
    let names: Vec<_> = homes_then.keys().cloned().collect();
    assert!(names[0].starts_with("messages_before_2") && names[1] == "messages_rest", "{names:?}");
    assert_eq!(homes_then.into_values().collect::<Vec<_>>(), [2, 1]);
    // One key over all of them.
    let again = message::Model { seq: 5, ..sample::message(id, MONDAY * DAY) };
    let insert = |row: message::Model| {
        use sea_orm::{EntityTrait, IntoActiveModel};
        let row = row.into_active_model();
        async move { message::Entity::insert(row).exec_without_returning(store.writer()).await }
    };
    assert!(insert(again).await.is_err());
    let today = Timestamp::from_millis(
        texts(store, "SELECT (extract(epoch FROM now()) * 1000)::bigint::text").await[0]
            .parse()
            .expect("a number"),
    );
    store.make_partitions(today).await.expect("makes the weeks after it");
    write(store, id, today.millis(), Stands::Done).await;
    assert_eq!(homes(store).await[&names[0]], 3, "this week is in what was there before");

    // Row by row while this week is in it, and as a whole when that is over.
    let (removed, _) = round(store, today).await;
    assert_eq!((removed[&Kind::Logs], removed.get(&Kind::Weeks)), (10, None));
    let (removed, _) = round(store, Timestamp::from_millis((today.millis() + 18 * DAY).cast_signed())).await;
    assert!(removed[&Kind::Weeks] >= 1 && !removed.contains_key(&Kind::Logs), "{removed:?}");
    assert_eq!(homes(store).await, BTreeMap::from([("messages_rest".to_owned(), 1)]));
    database.drop().await;
}
