//! Reading what the ledger wrote.

use tributary_domain::{identity::IdentifierType, workflow::status::RunStatus};

use super::sample;
use crate::{
    LARGEST_PAGE, Page, StoreError,
    delivery::{DeliveryFilter, DeliveryState},
    entity::*,
    event::EventFilter,
    ledger::Fate,
    message::MessageFilter,
    run::RunFilter,
    search::Search,
    support::{on_each_database, tenant},
};

#[tokio::test]
async fn a_message_comes_back_byte_for_byte_and_its_tenant_is_found() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let duplicate = message::Model {
            duplicate_of: Some(sample::message_id(1).to_string()),
            fate: "DUPLICATE".to_owned(),
            ..sample::message(tenant, 2)
        };
        sample::write::<message::Entity>(store, vec![sample::message(tenant, 1), duplicate]).await;
        let found = store.tenant(tenant).message(sample::message_id(1)).await.expect("is there");
        assert_eq!(found.body, sample::BODY);
        assert_eq!(found.headers, [("content-type".to_owned(), "application/json".to_owned())]);
        assert_eq!(found.summary.runs[0].status, RunStatus::Succeeded);
        assert_eq!(found.summary.fate, Fate::Applied);
        let second = store.tenant(tenant).message(sample::message_id(2)).await.expect("is there");
        assert_eq!(second.summary.fate, Fate::Duplicate(sample::message_id(1)));
        assert_eq!(store.tenant_of_message(sample::message_id(2)).await, Ok(Some(tenant)));
        assert_eq!(store.tenant_of_message(sample::message_id(3)).await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn pages_neither_repeat_nor_hide_messages_while_others_arrive() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let scope = store.tenant(tenant);
        sample::write::<message::Entity>(
            store,
            (1..=25).map(|number| sample::message(tenant, number)).collect(),
        )
        .await;
        let mut seen = Vec::new();
        let mut page = Page::first(10);
        for round in 0..3 {
            let found = scope.messages(&MessageFilter::of(sample::source()), page).await.expect("lists");
            seen.extend(found.items.iter().map(|message| message.seq));
            sample::write::<message::Entity>(store, vec![sample::message(tenant, 100 + round)]).await;
            let Some(next) = found.next else { break };
            page = Page::after(next, 10);
        }
        assert_eq!(seen, (1..=25).rev().collect::<Vec<u64>>());
    })
    .await;
}

#[tokio::test]
async fn runs_are_listed_by_status_and_by_message() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let scope = store.tenant(tenant);
        let status = |number: u64| if number.is_multiple_of(2) { "SUCCEEDED" } else { "USER_ID_MISSING" };
        let rows = (1..=9).map(|number| sample::run(tenant, number, status(number))).collect();
        sample::write::<run::Entity>(store, rows).await;
        let all = RunFilter::of(sample::workflow());
        let missing = RunFilter { status: Some(RunStatus::UserIdMissing), ..all.clone() };
        let first = scope.runs(&missing, Page::first(3)).await.expect("lists");
        let next = Page::after(first.next.expect("there are more"), 3);
        let second = scope.runs(&missing, next).await.expect("lists");
        let seqs: Vec<u64> = first.items.iter().chain(&second.items).map(|run| run.seq).collect();
        assert_eq!((seqs, second.next), (vec![9, 7, 5, 3, 1], None));
        let all = scope.runs(&all, Page::first(100)).await.expect("lists");
        assert_eq!(all.items.len(), 9);
        let of_message =
            scope.message_runs(sample::message_id(3), &[sample::workflow()]).await.expect("lists");
        assert_eq!(of_message.len(), 1);
        assert_eq!(of_message[0].reason.as_ref().expect("has one").message, "because");
    })
    .await;
}

#[tokio::test]
async fn events_are_found_by_message_profile_name_and_id() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let scope = store.tenant(tenant);
        let owner = |number: u64| sample::profile(u128::from(number % 2));
        let rows = (1..=6).map(|number| sample::event(tenant, number, owner(number))).collect();
        sample::write::<event::Entity>(store, rows).await;
        let of_message = scope.message_events(sample::message_id(4)).await.expect("lists");
        assert_eq!(of_message.iter().map(|event| event.seq).collect::<Vec<_>>(), [4]);
        assert_eq!(of_message[0].data.draft.name, "Booked");
        let counted = sample::event_count(tenant, "Booked", 6);
        sample::write::<event_count::Entity>(store, vec![counted]).await;
        let search = Search { owners: Some(vec![sample::profile(1)]), ..Search::default() };
        let filter = EventFilter { name: Some("Booked".to_owned()), search, ..EventFilter::default() };
        let of_profile = scope.events(&filter, Page::first(2)).await.expect("lists");
        assert_eq!(of_profile.items.iter().map(|event| event.seq).collect::<Vec<_>>(), [5, 3]);
        let other = EventFilter { name: Some("Cancelled".to_owned()), ..EventFilter::default() };
        assert_eq!(scope.events(&other, Page::first(2)).await.expect("lists").items, []);
        let by_id = scope.events_by_id(&[sample::event_id(2), sample::event_id(77)]).await.expect("lists");
        assert_eq!(by_id, [scope.event(sample::event_id(2)).await.expect("is there")]);
    })
    .await;
}

#[tokio::test]
async fn a_merged_profile_resolves_to_the_winner_with_all_identifiers() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let scope = store.tenant(tenant);
        let people = vec![
            sample::person(tenant, 1, None),
            sample::person(tenant, 2, Some(1)),
            sample::person(tenant, 3, Some(1)),
            sample::person(tenant, 4, None),
        ];
        sample::write::<profile::Entity>(store, people).await;
        // 3 became part of 2, and 2 of 1 after it.
        let merges = vec![sample::merge(tenant, 3, 2, 10), sample::merge(tenant, 2, 1, 11)];
        sample::write::<merge::Entity>(store, merges).await;
        let values = [("a@example.com", 1), ("b@example.com", 2), ("c@example.com", 3), ("d@example.com", 4)];
        sample::identify(store, tenant, &values).await;

        let found = scope.profile(sample::profile(3)).await.expect("resolves");
        assert_eq!(found.id, sample::profile(1));
        assert_eq!(found.aliases, [sample::profile(2), sample::profile(3)]);
        let listed: Vec<_> = found.identifiers.listed.iter().map(|found| found.value.as_str()).collect();
        assert_eq!(listed, ["a@example.com", "b@example.com", "c@example.com"]);
        assert_eq!(found.identifiers.counts.values().copied().collect::<Vec<_>>(), [3]);
        let email = IdentifierType::parse("email").expect("a type");
        let owner = scope.profile_by_identifier(&email, "c@example.com").await;
        assert_eq!(owner, Ok(Some(sample::profile(1))));
        assert_eq!(scope.profile_by_identifier(&email, "z@example.com").await, Ok(None));

        let newest = scope.profiles(Page::first(1)).await.expect("lists");
        assert_eq!(newest.items.iter().map(|one| one.id).collect::<Vec<_>>(), [sample::profile(4)]);
        let rest = scope.profiles(Page::after(newest.next.expect("there are more"), 5)).await.expect("lists");
        assert_eq!((rest.items, rest.next), (vec![found], None), "and nobody who became part of another");
    })
    .await;
}

#[tokio::test]
async fn very_many_identifiers_are_counted_and_not_all_listed() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        sample::write::<profile::Entity>(store, vec![sample::person(tenant, 1, None)]).await;
        let values: Vec<String> = (0..700).map(|number| format!("{number:04}@example.com")).collect();
        let owned: Vec<_> = values.iter().map(|value| (value.as_str(), 1)).collect();
        sample::identify(store, tenant, &owned).await;
        let found = store.tenant(tenant).profile(sample::profile(1)).await.expect("is there").identifiers;
        assert_eq!(found.listed.len(), LARGEST_PAGE as usize);
        assert_eq!(found.counts.into_values().collect::<Vec<_>>(), [700]);
    })
    .await;
}

#[tokio::test]
async fn refused_joins_are_listed_by_their_ids() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let scope = store.tenant(tenant);
        let conflict = |number: u128, last_at: i64| conflict::Model {
            last_at,
            count: 3,
            ..sample::conflict(tenant, number)
        };
        let rows = vec![conflict(1, 9), conflict(2, 2), conflict(3, 5)];
        sample::write::<conflict::Entity>(store, rows).await;
        let first = scope.conflicts(None, Page::first(2)).await.expect("lists");
        let rest = scope
            .conflicts(None, Page::after(first.next.expect("there is another"), 2))
            .await
            .expect("lists");
        let all = first.items.iter().chain(&rest.items);
        let listed: Vec<_> = all.map(|conflict| (conflict.id.bits() & 0xff, conflict.count)).collect();
        assert_eq!(listed, [(3, 3), (2, 3), (1, 3)]);
    })
    .await;
}

#[tokio::test]
async fn parked_and_held_messages_are_read() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let scope = store.tenant(tenant);
        let parked = (1..=3).map(|number| sample::parked(tenant, number)).collect();
        sample::write::<parked_message::Entity>(store, parked).await;
        let held = (1..=3).map(|position| sample::held(tenant, position)).collect();
        sample::write::<held_message::Entity>(store, held).await;
        let listed = scope.parked_messages(Page::first(2)).await.expect("lists");
        assert_eq!(listed.items.iter().map(|parked| parked.seq).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(scope.parked_message(sample::message_id(1)).await.expect("is there").record, [1, 2, 3]);
        assert_eq!(
            scope.parked_message(sample::message_id(9)).await,
            Err(StoreError::not_found("parked message"))
        );
        let held = scope.held_message(sample::message_id(2)).await.expect("looks");
        assert_eq!(held.map(|held| held.position), Some(2));
        assert_eq!(scope.held_message(sample::message_id(9)).await, Ok(None));
        let waiting = scope.held_messages(Page::after(1, 10)).await.expect("lists");
        assert_eq!(waiting.items.iter().map(|held| held.position).collect::<Vec<_>>(), [2, 3]);
    })
    .await;
}

#[tokio::test]
async fn deliveries_are_listed_by_destination_state_and_message() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let scope = store.tenant(tenant);
        let rows = (1..=4).map(|number| delivery::Model {
            state: if number == 2 { "FAILED" } else { "PENDING" }.to_owned(),
            ..sample::delivery(tenant, number, 1)
        });
        sample::write::<delivery::Entity>(store, rows.collect()).await;
        let filter = DeliveryFilter {
            destination: Some(sample::destination()),
            state: Some(DeliveryState::Failed),
            ..DeliveryFilter::default()
        };
        let failed = scope.deliveries(&filter, Page::first(10)).await.expect("lists");
        assert_eq!(failed.items.iter().map(|found| found.id).collect::<Vec<_>>(), [sample::delivery_id(2)]);
        let all = scope.deliveries(&DeliveryFilter::default(), Page::first(3)).await.expect("lists");
        assert_eq!(all.items[0].id, sample::delivery_id(4), "newest first");
        let of_message = scope.message_deliveries(sample::message_id(3)).await.expect("lists");
        assert_eq!(of_message, [scope.delivery(sample::delivery_id(3)).await.expect("is there")]);
    })
    .await;
}
