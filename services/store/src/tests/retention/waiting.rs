//! What changes while it is old: messages that wait to be processed again, deliveries that are sent again, and what
//! comes late.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, Statement, TransactionOptions, TransactionTrait};
use tributary_domain::retention::Retention;

use super::{DAY, Stands, day, found, keep, round, write};
use crate::{
    Store,
    entity::*,
    retention::Kind,
    support::{on_each_database, tenant},
    tests::sample,
};

/// A Monday.
const MONDAY: u64 = 102;

#[tokio::test]
async fn what_waits_to_be_processed_again_keeps_everything() {
    on_each_database(async |database| {
        let store = &database.store;
        let id = tenant(store, 1).await.id;
        keep(store, id, Retention { bodies_days: 5, logs_days: 10, dedupe_days: 5 }).await;
        // On Postgres, the first is in no week, and the others are in one.
        store.make_partitions(day(MONDAY)).await.expect("makes partitions");
        let waiting = [100 * DAY, MONDAY * DAY];
        for number in waiting {
            write(store, id, number, Stands::Done).await;
        }
        write(store, id, MONDAY * DAY + 1, Stands::Duplicate).await;
        let held = waiting.iter().chain([&(MONDAY * DAY + 1)]);
        let held = held.map(|number| sample::held(id, number.cast_signed())).collect();
        sample::write::<held_message::Entity>(store, held).await;
        let before = found(store).await;
        for now in [MONDAY + 7, MONDAY + 100] {
            let (removed, _) = round(store, day(now)).await;
            assert!(
                !removed.contains_key(&Kind::Logs) && !removed.contains_key(&Kind::Bodies),
                "{removed:?}"
            );
            let found = found(store).await;
            assert_eq!((&found.messages, &found.runs), (&before.messages, &before.runs));
            assert_eq!((&found.events, &found.deliveries), (&before.events, &before.deliveries));
        }
        store.writer().execute_unprepared("DELETE FROM held_messages").await.expect("changes");
        let (removed, _) = round(store, day(MONDAY + 7)).await;
        assert_eq!(removed.get(&Kind::Bodies), Some(&3), "they were not passed");
        round(store, day(MONDAY + 100)).await;
        assert_eq!(found(store).await.messages, BTreeMap::new());
    })
    .await;
}

#[tokio::test]
async fn bodies_that_come_late_go_too() {
    on_each_database(async |database| {
        let store = &database.store;
        let id = tenant(store, 1).await.id;
        keep(store, id, Retention { bodies_days: 1, ..Retention::default() }).await;
        let bodies = async |now| round(store, now).await.0.get(&Kind::Bodies).copied();
        write(store, id, 101 * DAY, Stands::Done).await;
        assert_eq!(bodies(day(103)).await, Some(1));
        write(store, id, 100 * DAY + 1, Stands::Done).await;
        assert_eq!(bodies(day(103)).await, Some(1));
        assert_eq!(bodies(day(103)).await, None);
    })
    .await;
}

async fn texts(store: &Store, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let rows = store.reader().query_all_raw(statement).await.expect("reads");
    rows.iter().map(|row| row.try_get_by_index(0).expect("a text")).collect()
}

#[tokio::test]
async fn a_delivery_that_is_sent_again_meanwhile_keeps_its_event() {
    on_each_database(async |database| {
        let store = &database.store;
        if store.backend() != DbBackend::Postgres {
            // Only one writes at a time.
            return;
        }
        let id = tenant(store, 1).await.id;
        keep(store, id, Retention { bodies_days: 5, logs_days: 10, dedupe_days: 5 }).await;
        write(store, id, 100 * DAY, Stands::Done).await;
        // Nothing is made or dropped in this round: that would wait too.
        store.make_partitions(day(200)).await.expect("makes partitions");
        let before = found(store).await;
        let again = store.writer().begin_with_options(TransactionOptions::default()).await.expect("begins");
        again.execute_unprepared("UPDATE deliveries SET state = 'PENDING'").await.expect("changes");
        let commit = async {
            const WAITS: &str = "SELECT 'waits' FROM pg_stat_activity \
                WHERE datname = current_database() AND wait_event_type = 'Lock'";
            while texts(store, WAITS).await.is_empty() {}
            again.commit().await.expect("commits");
        };
        tokio::join!(round(store, day(200)), commit);
        let found = found(store).await;
        assert_eq!((&found.events, &found.deliveries), (&before.events, &before.deliveries));
        assert_eq!((found.messages.len(), found.runs), (1, before.runs));
    })
    .await;
}

#[tokio::test]
async fn what_was_replayed_goes_with_its_week() {
    on_each_database(async |database| {
        let store = &database.store;
        let id = tenant(store, 1).await.id;
        keep(store, id, Retention { bodies_days: 5, logs_days: 10, dedupe_days: 5 }).await;
        store.make_partitions(day(MONDAY)).await.expect("makes partitions");
        let numbers = [MONDAY * DAY, (MONDAY + 7) * DAY - 1, (MONDAY + 7) * DAY];
        for number in numbers {
            write(store, id, number, Stands::Done).await;
            let replay = message_replay::Model {
                tenant_id: id.to_string(),
                message_id: sample::message_id(number).to_string(),
                position: 1,
                operation_id: "op".to_owned(),
                asked_at: 1,
                replayed_at: None,
                before: None,
            };
            sample::write::<message_replay::Entity>(store, vec![replay]).await;
            let replay = delivery_replay::Model {
                tenant_id: id.to_string(),
                delivery_id: sample::delivery_id(number).to_string(),
                attempts: 1,
                operation_id: "op".to_owned(),
                replayed_at: 1,
                before: "{}".to_owned(),
            };
            sample::write::<delivery_replay::Entity>(store, vec![replay]).await;
        }
        round(store, day(MONDAY + 17)).await;
        let messages = message_replay::Entity::find().all(store.reader()).await.expect("reads");
        let deliveries = delivery_replay::Entity::find().all(store.reader()).await.expect("reads");
        let kept = numbers[2];
        assert_eq!(
            messages.into_iter().map(|row| row.message_id).collect::<Vec<_>>(),
            [sample::message_id(kept).to_string()]
        );
        assert_eq!(
            deliveries.into_iter().map(|row| row.delivery_id).collect::<Vec<_>>(),
            [sample::delivery_id(kept).to_string()]
        );
    })
    .await;
}
