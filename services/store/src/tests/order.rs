//! Who waits for whom, and by which word deliveries failed.

use std::time::Duration;

use serde_json::Map;
use tributary_domain::{
    id::{DestinationId, ProfileId},
    identity::{Traits, with_consents},
    time::Timestamp,
};

use super::sample;
use crate::{
    Page,
    column::to_json,
    delivery::{AttemptRecord, Cause, DeliveryFilter, InLine, Milder, NewAttempt, Verdict},
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
async fn who_is_first_in_line_is_found_and_others_are_put_behind() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let scope = store.tenant(own);
        // Of the first person are all but the last two; the earlier the number, the later it was received.
        let owner = |number: u64| sample::profile(if number < 6 { 1 } else { 2 });
        let event = |number: u64| event::Model {
            received_at: 100 - number.cast_signed(),
            ..sample::event(own, number, owner(number))
        };
        sample::write::<event::Entity>(store, (1..=7).map(event).collect()).await;
        let rows = (1..=7).map(|number| sample::delivery(own, number, 1));
        sample::write::<delivery::Entity>(store, rows.collect()).await;
        let again = Verdict::Retry { due_at: at(99) };
        let attempts = [tried(2, again, None), tried(3, Verdict::Failed, None), tried(7, again, None)];
        scope.record_attempts(&attempts).await.expect("records");
        scope.postpone_deliveries(&[(sample::delivery_id(4), at(50))]).await.expect("postpones");

        let line = async |people: &[u128], now: i64, most: u32| {
            let people = people.iter().map(|number| sample::profile(*number)).collect();
            let found = scope.in_line(sample::destination(), &people, at(now), most).await.expect("reads");
            found.into_iter().map(|one| one.delivery).collect::<Vec<_>>()
        };
        let numbers =
            |numbers: &[u64]| numbers.iter().map(|one| sample::delivery_id(*one)).collect::<Vec<_>>();
        assert_eq!(line(&[1], 10, 9).await, numbers(&[2, 5, 1]), "what was tried, then what came first");
        assert_eq!(line(&[1], 50, 9).await, numbers(&[2, 5, 4, 1]), "the one that was not due");
        assert_eq!(line(&[1, 2], 50, 2).await, numbers(&[2, 5, 7, 6]), "of each person so many");
        assert_eq!(line(&[3], 50, 9).await, numbers(&[]));
        let first = scope.in_line(sample::destination(), &[sample::profile(1)].into(), at(10), 1).await;
        let expected = InLine {
            profile: sample::profile(1),
            delivery: sample::delivery_id(2),
            due_at: at(99),
            attempts: 1,
            received_at: Timestamp::from_micros(98),
        };
        assert_eq!(first.expect("reads"), [expected]);
        let elsewhere = DestinationId::new(9, 9);
        let other = scope.in_line(elsewhere, &[sample::profile(1)].into(), at(10), 9).await;
        assert!(other.expect("reads").is_empty());

        let behind = [1, 2, 3].map(|number| (sample::delivery_id(number), at(70)));
        scope.postpone_deliveries(&behind).await.expect("postpones");
        for (number, due) in [(1, at(70)), (2, at(99)), (3, Timestamp::from_micros(1))] {
            let found = scope.delivery(sample::delivery_id(number)).await.expect("is there");
            assert_eq!(found.due_at, due, "never sooner, and only what waits");
        }
        let other = store.tenant(tenant(store, 2).await.id);
        let others = other.in_line(sample::destination(), &[sample::profile(1)].into(), at(99), 9).await;
        assert!(others.expect("reads").is_empty());
        other.postpone_deliveries(&[(sample::delivery_id(1), at(80))]).await.expect("nothing is there");
        assert_eq!(scope.delivery(sample::delivery_id(1)).await.expect("is there").due_at, at(70));
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
