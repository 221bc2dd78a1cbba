//! Deliveries that are sent again are the same ones.

use std::{collections::BTreeSet, time::Duration};

use tributary_domain::time::Timestamp;

use super::{replay::begin, sample};
use crate::{
    Page,
    delivery::{AttemptRecord, DeliveryState, Verdict},
    entity::*,
    operation::Choice,
    support::{author, on_each_database, tenant},
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn attempt(number: u32) -> AttemptRecord {
    AttemptRecord {
        answer_removed: false,
        delivery: sample::delivery_id(1),
        number,
        started_at: at(i64::from(number)),
        duration: Duration::ZERO,
        outcome: "PERMANENT".to_owned(),
        http_status: Some(400),
        response_headers: Vec::new(),
        response_body: Vec::new(),
        is_truncated: false,
        error: None,
    }
}

#[tokio::test]
async fn attempts_at_a_destination_that_is_not_set_up_are_no_tries() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let scope = store.tenant(own);
        scope.create_destination(&sample::new_destination(), &author(2)).await.expect("makes one");
        sample::write::<event::Entity>(store, vec![sample::event(own, 1, sample::profile(1))]).await;
        sample::write::<delivery::Entity>(store, vec![sample::delivery(own, 1, 1)]).await;
        let outcomes = ["RETRY", "SUSPENDED", "HELD", "RETRY", "SPLIT"];
        for (number, outcome) in (1..).zip(outcomes) {
            let attempt = AttemptRecord {
                delivery: sample::delivery_id(1),
                number,
                outcome: outcome.to_owned(),
                ..attempt(1)
            };
            let verdict = Verdict::Retry { due_at: at(5) };
            scope.record_attempts(&[sample::tried(attempt, verdict)]).await.expect("records");
        }
        let ready =
            scope.ready_deliveries(sample::destination(), at(99), Page::first(9)).await.expect("loads").items;
        assert_eq!((ready[0].attempts, ready[0].before), (5, 3));
        assert!(!ready[0].is_replay, "nobody asked for it: how long it takes counts");
    })
    .await;
}

#[tokio::test]
async fn a_delivery_that_is_replayed_is_the_same_one() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let scope = store.tenant(own);
        scope.create_destination(&sample::new_destination(), &author(2)).await.expect("makes one");
        // The second's event was removed, the third waits to be sent anyway.
        sample::write::<event::Entity>(
            store,
            vec![sample::event(own, 1, sample::profile(1)), sample::event(own, 3, sample::profile(1))],
        )
        .await;
        let failed = |number| delivery::Model {
            state: "FAILED".to_owned(),
            completed_at: Some(3),
            ..sample::delivery(own, number, 1)
        };
        let rows = vec![sample::delivery(own, 1, 1), failed(2), sample::delivery(own, 3, 1)];
        sample::write::<delivery::Entity>(store, rows).await;
        for number in 1..=3 {
            let verdict = if number < 3 { Verdict::Retry { due_at: at(5) } } else { Verdict::Failed };
            scope.record_attempts(&[sample::tried(attempt(number), verdict)]).await.expect("records");
        }
        let all = Choice::Deliveries { only: Vec::new(), filter: Box::default() };
        let operation = begin(store, own, 1, all.clone()).await;
        assert_eq!(operation.total, 2);
        let sent = scope.replay_deliveries(operation.id, 9, at(20)).await;
        assert_eq!(sent, Ok(Some(BTreeSet::from([sample::destination()]))));
        assert_eq!(scope.replay_deliveries(operation.id, 9, at(21)).await, Ok(None), "nothing is left");
        let ended = scope.operation(operation.id).await.expect("is there");
        assert_eq!((ended.done, ended.failed), (1, 1));

        let again = scope.delivery(sample::delivery_id(1)).await.expect("is there");
        assert_eq!((again.state, again.due_at, again.completed_at), (DeliveryState::Pending, at(20), None));
        assert_eq!((again.attempts, again.generation), (3, 0));
        let ready =
            scope.ready_deliveries(sample::destination(), at(99), Page::first(9)).await.expect("loads");
        let tried: Vec<_> =
            ready.items.iter().map(|one| (one.delivery, one.attempts, one.before, one.is_replay)).collect();
        assert_eq!(tried, [(sample::delivery_id(3), 0, 0, false), (sample::delivery_id(1), 3, 3, true)]);
        scope.record_attempts(&[sample::tried(attempt(3), Verdict::Failed)]).await.expect("records");
        let late = scope.delivery(sample::delivery_id(1)).await.expect("is there");
        assert_eq!(late.state, DeliveryState::Pending, "an attempt of before says nothing about this round");
        scope.record_attempts(&[sample::tried(attempt(4), Verdict::Delivered)]).await.expect("records");
        assert_eq!(scope.delivery_attempts(sample::delivery_id(1)).await.expect("lists").len(), 4);
    })
    .await;
}
