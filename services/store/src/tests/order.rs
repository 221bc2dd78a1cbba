//! Who waits for whom, and by which word deliveries failed.

use std::time::Duration;

use serde_json::Map;
use tributary_domain::{
    id::ProfileId,
    identity::{Traits, with_consents},
    time::Timestamp,
};

use super::sample;
use crate::{
    Page,
    column::to_json,
    delivery::{AttemptRecord, Cause, DeliveryFilter, Held, Milder, NewAttempt, Verdict},
    entity::{delivery, event, profile},
    support::{on_each_database, tenant},
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn tried(number: u64, verdict: Verdict, cause: Option<(&str, &str)>) -> NewAttempt {
    let attempt = AttemptRecord {
        delivery: sample::delivery_id(number),
        number: 1,
        started_at: at(1),
        duration: Duration::ZERO,
        outcome: "RETRY".to_owned(),
        http_status: None,
        response_headers: Vec::new(),
        response_body: Vec::new(),
        is_truncated: false,
        error: None,
        answer_removed: false,
    };
    let cause = cause.map(|(code, verdict)| Cause { code: code.to_owned(), verdict: verdict.to_owned() });
    NewAttempt { cause, ..sample::tried(attempt, verdict) }
}

#[tokio::test]
async fn who_waits_for_another_try_is_found_and_others_are_put_behind() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let scope = store.tenant(own);
        let numbers = 1..=4;
        let events = numbers.clone().map(|number| sample::event(own, number, sample::profile(number.into())));
        sample::write::<event::Entity>(store, events.collect()).await;
        let rows = numbers.map(|number| sample::delivery(own, number, 1));
        sample::write::<delivery::Entity>(store, rows.collect()).await;
        let again = Verdict::Retry { due_at: at(99) };
        let attempts = [tried(1, again, None), tried(2, again, None), tried(3, Verdict::Failed, None)];
        scope.record_attempts(&attempts).await.expect("records");

        let held = |number: u64| Held {
            profile: sample::profile(number.into()),
            delivery: sample::delivery_id(number),
            due_at: at(99),
        };
        let first = scope.held_people(sample::destination(), Page::first(1)).await.expect("lists");
        assert_eq!(first.items, [held(1)]);
        let after = first.next.expect("there is another");
        let rest = scope.held_people(sample::destination(), Page::after(after, 9)).await.expect("lists");
        assert_eq!(
            (rest.items, rest.next),
            (vec![held(2)], None),
            "neither what failed nor what was not tried"
        );

        let behind = [1, 3, 4].map(|number| (sample::delivery_id(number), at(50)));
        scope.postpone_deliveries(&behind).await.expect("postpones");
        for (number, due) in [(1, at(99)), (3, Timestamp::from_micros(1)), (4, at(50))] {
            let found = scope.delivery(sample::delivery_id(number)).await.expect("is there");
            assert_eq!(found.due_at, due, "never sooner, and only what waits");
        }
        let other = store.tenant(tenant(store, 2).await.id);
        assert!(
            other.held_people(sample::destination(), Page::first(9)).await.expect("lists").items.is_empty()
        );
        other.postpone_deliveries(&[(sample::delivery_id(4), at(70))]).await.expect("nothing is there");
        assert_eq!(scope.delivery(sample::delivery_id(4)).await.expect("is there").due_at, at(50));
    })
    .await;
}

#[tokio::test]
async fn deliveries_are_found_by_the_word_they_failed_by_and_by_what_it_meant() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let scope = store.tenant(own);
        let causes = [
            Some(("100", "PERMANENT")),
            Some(("100/7", "PERMANENT")),
            Some(("100/8", "PERMANENT")),
            Some(("1000", "PERMANENT")),
            Some(("100", "RETRY")),
            None,
        ];
        let rows = (1..=6).map(|number| sample::delivery(own, number, 1));
        sample::write::<delivery::Entity>(store, rows.collect()).await;
        for (number, cause) in (1..).zip(causes) {
            scope.record_attempts(&[tried(number, Verdict::Failed, cause)]).await.expect("records");
        }
        let found = async |filter: DeliveryFilter| {
            let page = scope.deliveries(&filter, Page::first(99)).await.expect("lists");
            let mut ids: Vec<_> = page.items.into_iter().map(|record| record.id).collect();
            ids.sort();
            ids
        };
        let numbers = |numbers: &[u64]| {
            let mut ids: Vec<_> = numbers.iter().map(|number| sample::delivery_id(*number)).collect();
            ids.sort();
            ids
        };
        let by_code = DeliveryFilter { error_code: Some("100".to_owned()), ..DeliveryFilter::default() };
        assert_eq!(found(by_code).await, numbers(&[1, 5]));
        let milder =
            |milder: Vec<Milder>| DeliveryFilter { milder: Some(milder), ..DeliveryFilter::default() };
        let words = Milder {
            destinations: vec![sample::destination()],
            verdict: "PERMANENT".to_owned(),
            codes: vec!["100".to_owned()],
            but: vec!["100/8".to_owned()],
        };
        assert_eq!(found(milder(vec![words.clone()])).await, numbers(&[1, 2]));
        let elsewhere = Milder { destinations: Vec::new(), ..words };
        assert_eq!(found(milder(vec![elsewhere])).await, numbers(&[]));
        assert_eq!(found(milder(Vec::new())).await, numbers(&[]), "without a word there is none");

        let record = scope.delivery(sample::delivery_id(2)).await.expect("is there");
        assert_eq!(record.cause, Some(Cause { code: "100/7".to_owned(), verdict: "PERMANENT".to_owned() }));
    })
    .await;
}

#[tokio::test]
async fn what_is_known_of_people_is_that_of_whom_they_became() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let scope = store.tenant(own);
        let row = |number: u128, into: Option<u128>, ads: bool| {
            let consents = Map::from_iter([("ads".to_owned(), ads.into())]);
            let mut traits = Traits::default();
            traits.observe(&with_consents(&Map::new(), &consents), at(1), 1);
            profile::Model { traits: to_json(&traits).expect("json"), ..sample::person(own, number, into) }
        };
        sample::write::<profile::Entity>(
            store,
            vec![row(1, None, true), row(2, Some(3), true), row(3, None, false)],
        )
        .await;
        let asked = [1, 2, 9].map(sample::profile).into();
        let known = scope.traits_of(&asked).await.expect("reads");
        let ads =
            |who: u128| known.get(&sample::profile(who)).and_then(|traits| traits.consent("ads").cloned());
        assert_eq!((ads(1), ads(2), ads(9)), (Some(true.into()), Some(false.into()), None));
        let other = store.tenant(tenant(store, 2).await.id);
        let people: std::collections::HashSet<ProfileId> = [sample::profile(1)].into();
        assert!(other.traits_of(&people).await.expect("reads").is_empty());
    })
    .await;
}
