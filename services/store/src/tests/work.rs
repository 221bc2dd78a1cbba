//! What a destination's worker asks for and reports.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tributary_domain::time::Timestamp;

use super::sample;
use crate::{
    Page,
    delivery::{AttemptRecord, DeliveryState, Verdict},
    entity::{delivery, event},
    support::{on_each_database, tenant},
};

fn attempt(number: u32) -> AttemptRecord {
    AttemptRecord {
        delivery: sample::delivery_id(1),
        number,
        started_at: Timestamp::from_seconds(i64::from(number)),
        duration: Duration::from_millis(5),
        outcome: "HTTP_STATUS".to_owned(),
        http_status: Some(500),
        response_headers: vec![("retry-after".to_owned(), "1".to_owned())],
        response_body: vec![0, 255],
        is_truncated: true,
        error: Some("it said no".to_owned()),
        answer_removed: false,
    }
}

#[tokio::test]
async fn pending_deliveries_come_in_the_order_in_which_they_are_due() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let scope = store.tenant(tenant);
        // Two are due at once, and one only later.
        let rows =
            [(1, 50), (2, 10), (3, 10), (4, 90)].map(|(number, due)| sample::delivery(tenant, number, due));
        sample::write::<delivery::Entity>(store, rows.to_vec()).await;
        let now = Timestamp::from_micros(60);
        let mut order = Vec::new();
        let mut page = Page::first(1);
        loop {
            let found = scope.pending_deliveries(sample::destination(), now, page).await.expect("lists");
            order.extend(found.items.iter().map(|delivery| delivery.id));
            let Some(next) = found.next else { break };
            page = Page::after(next, 1);
        }
        assert_eq!(order, [2, 3, 1].map(sample::delivery_id));

        sample::write::<event::Entity>(store, vec![sample::event(tenant, 1, sample::profile(1))]).await;
        let first = scope.ready_deliveries(sample::destination(), now, Page::first(2)).await.expect("loads");
        assert!(first.items.is_empty(), "their events are not there");
        let after = first.next.expect("there is another, whatever of this page can be sent");
        let rest = scope.ready_deliveries(sample::destination(), now, Page::after(after, 2)).await;
        let rest = rest.expect("loads");
        assert_eq!(
            rest.items.iter().map(|ready| ready.delivery).collect::<Vec<_>>(),
            [sample::delivery_id(1)]
        );
        assert_eq!(rest.next, None);
    })
    .await;
}

#[tokio::test]
async fn what_is_delivered_never_goes_back() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let scope = store.tenant(tenant);
        sample::write::<delivery::Entity>(store, vec![sample::delivery(tenant, 1, 10)]).await;
        let state = async || scope.delivery(sample::delivery_id(1)).await.expect("is there");

        let due_at = Timestamp::from_seconds(99);
        scope
            .record_attempts(&[sample::tried(attempt(1), Verdict::Retry { due_at })])
            .await
            .expect("records");
        let retried = state().await;
        assert_eq!((retried.state, retried.due_at, retried.attempts), (DeliveryState::Pending, due_at, 1));
        assert_eq!((retried.last_status, retried.last_error.as_deref()), (Some(500), Some("it said no")));

        scope.record_attempts(&[sample::tried(attempt(2), Verdict::Failed)]).await.expect("records");
        assert_eq!(state().await.state, DeliveryState::Failed);
        scope
            .record_attempts(&[sample::tried(attempt(3), Verdict::Retry { due_at })])
            .await
            .expect("records");
        assert_eq!(
            state().await.state,
            DeliveryState::Failed,
            "given up is not taken up again by a late retry"
        );
        scope.record_attempts(&[sample::tried(attempt(3), Verdict::Delivered)]).await.expect("records");
        let delivered = state().await;
        assert_eq!(
            (delivered.state, delivered.completed_at),
            (DeliveryState::Delivered, Some(attempt(3).ended_at()))
        );

        let late = [
            sample::tried(attempt(4), Verdict::Failed),
            sample::tried(attempt(5), Verdict::Retry { due_at }),
        ];
        scope.record_attempts(&late).await.expect("records");
        assert_eq!(state().await, delivered);
        let attempts = scope.delivery_attempts(sample::delivery_id(1)).await.expect("lists");
        assert_eq!(attempts, [1, 2, 3, 4, 5].map(attempt), "every attempt is kept, once");
    })
    .await;
}

#[tokio::test]
async fn sqlite_looks_pending_deliveries_up_in_the_partial_index() {
    on_each_database(async |database| {
        if database.store.backend() != DbBackend::Sqlite {
            return;
        }
        let plan = "EXPLAIN QUERY PLAN SELECT * FROM deliveries WHERE tenant_id = 'a' AND destination_id = 'b' \
                    AND \"deliveries\".\"state\" = 'PENDING' AND due_at < 5 ORDER BY due_at, id LIMIT 5";
        let statement = Statement::from_string(DbBackend::Sqlite, plan);
        let rows = database.store.reader().query_all_raw(statement).await.expect("explains");
        let details: Vec<String> = rows.iter().map(|row| row.try_get("", "detail").expect("has one")).collect();
        assert!(details[0].contains("ix_deliveries_destination_id_due_at"), "{details:?}");
    })
    .await;
}
