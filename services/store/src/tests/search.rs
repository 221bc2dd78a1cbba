//! Searching the logs: every way to search, compared with looking at everything.

use std::time::Duration;

use tributary_domain::{
    id::{DeliveryId, DestinationId, EventId, MessageId, SourceId, TenantId, WorkflowId},
    identity::IdentifierType,
    workflow::{spec::Kind, status::RunStatus},
};

use super::sample;
use crate::{
    Packed, Page, Paged, StoreError, TenantScope,
    delivery::{DeliveryFilter, DeliveryState},
    entity::*,
    event::EventFilter,
    message::{CluidStatus, MessageFilter},
    run::{RunFilter, RunPlace, RunRecord},
    search::{Order, Pace, Search, TextPattern},
    support::{on_each_database, tenant},
};

const MESSAGES: u64 = 60;

/// Whether the message of this number is wanted.
type IsWanted = Box<dyn Fn(u64) -> bool>;

/// What message number `number` is like: each property repeats with a rhythm of its own.
fn fate(number: u64) -> &'static str {
    if number.is_multiple_of(7) { "PARKED" } else { "APPLIED" }
}

fn cluid(number: u64) -> Option<String> {
    (!number.is_multiple_of(3)).then(|| format!("trb_{}", number % 5))
}

fn body(number: u64) -> String {
    let filler = "no needle ".repeat(50);
    format!(r#"{{"name":"Jos\u00e9 {}","filler":"{filler}"}}"#, number % 4)
}

/// Whose the event of the message is; none: it made no event.
fn owner(number: u64) -> Option<u128> {
    (!number.is_multiple_of(4)).then(|| u128::from(number % 6))
}

fn event_name(number: u64) -> &'static str {
    if number.is_multiple_of(5) { "Canceled" } else { "Booked" }
}

fn source(number: u64) -> SourceId {
    SourceId::new(1, u128::from(number % 2))
}

fn destination(number: u64) -> DestinationId {
    DestinationId::new(1, u128::from(number % 2))
}

async fn fill(scope: TenantScope<'_>) {
    let (store, tenant) = (scope.store(), scope.id());
    let message = |number: u64| message::Model {
        source_id: source(number).to_string(),
        cluid: cluid(number),
        cluid_status: if cluid(number).is_some() { "FOUND" } else { "MISSING" }.to_owned(),
        fate: fate(number).to_owned(),
        provider_event: Some(if number.is_multiple_of(5) { "canceled" } else { "created" }.to_owned()),
        body: Packed::of(body(number).as_bytes()).into_column(),
        ..sample::message(tenant, number)
    };
    sample::write::<message::Entity>(store, (1..=MESSAGES).map(message).collect()).await;
    let run = |number: u64| sample::run(tenant, number, status(number).code());
    sample::write::<run::Entity>(store, (1..=MESSAGES).map(run).collect()).await;
    let other = (1..=MESSAGES).filter(|number| has_other_run(sample::message_id(*number)));
    let other = other.map(|number| run::Model {
        workflow_id: other_workflow().to_string(),
        ..sample::run(tenant, number, status(number).code())
    });
    sample::write::<run::Entity>(store, other.collect()).await;
    let event = |number: u64| {
        let event = sample::event(tenant, number, sample::profile(owner(number)?));
        let kind = if number.is_multiple_of(11) { "IDENTIFY" } else { "TRACK" };
        Some(event::Model {
            source_id: source(number).to_string(),
            name: event_name(number).to_owned(),
            kind: kind.to_owned(),
            ..event
        })
    };
    sample::write::<event::Entity>(store, (1..=MESSAGES).filter_map(event).collect()).await;
    let delivery = |number: u64| delivery::Model {
        destination_id: destination(number).to_string(),
        state: state(number).code().to_owned(),
        ..sample::delivery(tenant, number, 1)
    };
    let with_event = (1..=MESSAGES).filter(|number| owner(*number).is_some());
    let deliveries = with_event.flat_map(|number| {
        // A second one of the same message, for the same destination.
        let again = DeliveryId::derive(sample::event_id(number), sample::destination(), 1);
        [delivery(number), delivery::Model { id: again.to_string(), generation: 1, ..delivery(number) }]
    });
    sample::write::<delivery::Entity>(store, deliveries.collect()).await;
}

/// A second workflow, which ran for some of the messages.
fn other_workflow() -> WorkflowId {
    WorkflowId::new(1, 1 << 70)
}

fn has_other_run(message: MessageId) -> bool {
    (1..=MESSAGES).step_by(3).any(|number| sample::message_id(number) == message)
}

fn status(number: u64) -> RunStatus {
    if number.is_multiple_of(5) { RunStatus::FilterConditionFailed } else { RunStatus::Succeeded }
}

fn state(number: u64) -> DeliveryState {
    if number.is_multiple_of(9) { DeliveryState::Failed } else { DeliveryState::Delivered }
}

/// What is searched for in every log, and the messages that it is about.
fn searches() -> Vec<(Search, IsWanted)> {
    let text = |text: &str| vec![TextPattern::new(text).expect("a pattern")];
    let owners = || Some(vec![sample::profile(1), sample::profile(5)]);
    let is_owned = |number: u64| matches!(owner(number), Some(1 | 5));
    let has_cluid = |number: u64| cluid(number).as_deref() == Some("trb_2");
    vec![
        (Search::default(), Box::new(|_| true)),
        (
            Search {
                from: Some(sample::message_id(20)),
                before: Some(sample::message_id(40)),
                ..Search::default()
            },
            Box::new(|number| (20..40).contains(&number)),
        ),
        (
            Search {
                from: Some(sample::message_id(33)),
                before: Some(sample::message_id(34)),
                ..Search::default()
            },
            Box::new(|number| number == 33),
        ),
        (Search { cluid: Some("trb_2".to_owned()), ..Search::default() }, Box::new(has_cluid)),
        (Search { texts: text("JOSÉ 3"), ..Search::default() }, Box::new(|number| number % 4 == 3)),
        (
            Search {
                texts: [text("josé"), text("3\"")].concat(),
                before: Some(sample::message_id(30)),
                ..Search::default()
            },
            Box::new(|number| number % 4 == 3 && number < 30),
        ),
        (Search { owners: owners(), ..Search::default() }, Box::new(is_owned)),
        (
            Search {
                owners: owners(),
                cluid: Some("trb_2".to_owned()),
                texts: text("josé 3"),
                from: Some(sample::message_id(10)),
                ..Search::default()
            },
            Box::new(move |number| is_owned(number) && has_cluid(number) && number % 4 == 3 && number >= 10),
        ),
        (Search { owners: Some(Vec::new()), ..Search::default() }, Box::new(|_| false)),
    ]
}

/// Everything that a list has, newest first, read page by page in both orders, with pages and steps of several sizes.
async fn all<T, K: Copy + Ord + std::fmt::Debug>(
    list: impl AsyncFn(Search, Page<K>) -> Result<Paged<T, K>, StoreError>,
    search: &Search,
    key: impl Fn(&T) -> K,
) -> Vec<K> {
    let mut results = Vec::new();
    for (limit, rows, time) in [(1, 1, 0), (3, 2, 0), (4, 7, 0), (7, 5, 60_000), (100, 1_000, 60_000)] {
        let time = Duration::from_millis(time);
        let pace = Pace { rows, bodies: rows, time, bodies_time: time };
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let search = Search { pace, order, ..search.clone() };
            let (mut page, mut found) = (Page::first(limit), Vec::new());
            loop {
                let paged = list(search.clone(), page).await.expect("lists");
                assert!(paged.items.len() <= limit as usize);
                found.extend(paged.items.iter().map(&key));
                let Some(next) = paged.next else { break };
                let goes_on = |after| if order == Order::NewestFirst { next < after } else { next > after };
                assert!(page.after.is_none_or(goes_on), "each page goes on");
                page = Page::after(next, limit);
            }
            if order == Order::OldestFirst {
                found.reverse();
            }
            assert!(found.is_sorted_by(|one, other| one > other), "in order, each once: {order:?}");
            results.push(found);
        }
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "in pages of whatever size");
    results.remove(0)
}

fn numbers(filter: impl Fn(u64) -> bool) -> Vec<MessageId> {
    (1..=MESSAGES).rev().filter(|number| filter(*number)).map(sample::message_id).collect()
}

async fn filled(store: &crate::Store, number: u128) -> TenantId {
    let tenant = tenant(store, number).await.id;
    fill(store.tenant(tenant)).await;
    tenant
}

#[tokio::test]
async fn the_source_log_is_searched() {
    on_each_database(async |database| {
        let scope = database.store.tenant(filled(&database.store, 1).await);
        let all_of_it = MessageFilter::of(source(1));
        let of_both = MessageFilter { also: vec![SourceId::new(1, 9), source(0)], ..all_of_it.clone() };
        type Own = (MessageFilter, fn(u64) -> bool);
        let own: [Own; 7] = [
            (all_of_it.clone(), |number| source(number) == source(1)),
            (of_both.clone(), |_| true),
            (MessageFilter { provider_event: Some("canceled".to_owned()), ..of_both }, |number| {
                number.is_multiple_of(5)
            }),
            (MessageFilter { fate: Some("PARKED".to_owned()), ..all_of_it.clone() }, |number| {
                fate(number) == "PARKED"
            }),
            (MessageFilter { not_fate: Some("APPLIED".to_owned()), ..all_of_it.clone() }, |number| {
                fate(number) == "PARKED"
            }),
            (MessageFilter { provider_event: Some("canceled".to_owned()), ..all_of_it.clone() }, |number| {
                number.is_multiple_of(5)
            }),
            (MessageFilter { cluid_status: Some(CluidStatus::Missing), ..all_of_it.clone() }, |number| {
                cluid(number).is_none()
            }),
        ];
        for (search, is_searched) in searches() {
            for (filter, is_own) in &own {
                let list = async |search, page| {
                    scope.messages(&MessageFilter { search, ..filter.clone() }, page).await
                };
                let found = all(list, &search, |message| message.id).await;
                let is_of = |number| !filter.also.is_empty() || source(number) == source(1);
                let wanted = numbers(|number| is_of(number) && is_searched(number) && is_own(number));
                assert_eq!(found, wanted, "{search:?} {filter:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_workflow_log_is_searched() {
    on_each_database(async |database| {
        let scope = database.store.tenant(filled(&database.store, 1).await);
        let all_of_it = RunFilter::of(sample::workflow());
        type Own = (RunFilter, fn(u64) -> bool);
        let own: [Own; 3] = [
            (all_of_it.clone(), |_| true),
            (RunFilter { status: Some(RunStatus::FilterConditionFailed), ..all_of_it.clone() }, |number| {
                number.is_multiple_of(5)
            }),
            (
                RunFilter { not_status: Some(RunStatus::FilterConditionFailed), ..all_of_it.clone() },
                |number| !number.is_multiple_of(5),
            ),
        ];
        for (search, is_searched) in searches() {
            for (filter, is_own) in &own {
                let list =
                    async |search, page| scope.runs(&RunFilter { search, ..filter.clone() }, page).await;
                let place = |run: &RunRecord| RunPlace { message: run.message, workflow: run.workflow };
                let found = all(list, &search, place).await;
                let found: Vec<MessageId> = found.into_iter().map(|place| place.message).collect();
                assert_eq!(found, numbers(|number| is_searched(number) && is_own(number)), "{search:?}");
                let of_both =
                    RunFilter { also: vec![WorkflowId::new(1, 8), other_workflow()], ..filter.clone() };
                let list =
                    async |search, page| scope.runs(&RunFilter { search, ..of_both.clone() }, page).await;
                let both = all(list, &search, place).await;
                let twice = found.into_iter().flat_map(|message| {
                    let of = |workflow| RunPlace { message, workflow };
                    let runs = [of(other_workflow()), of(sample::workflow())];
                    let has_other = has_other_run(message);
                    runs.into_iter().skip(usize::from(!has_other))
                });
                assert_eq!(both, twice.collect::<Vec<_>>(), "{search:?}");
            }
        }
        let other = RunFilter::of(WorkflowId::new(1, 9));
        assert_eq!(scope.runs(&other, Page::first(9)).await.expect("lists").items, []);
    })
    .await;
}

#[tokio::test]
async fn deliveries_are_searched() {
    on_each_database(async |database| {
        let scope = database.store.tenant(filled(&database.store, 1).await);
        let everything = DeliveryFilter::default();
        type Own = (DeliveryFilter, fn(u64) -> bool);
        let own: [Own; 5] = [
            (everything.clone(), |_| true),
            (DeliveryFilter { destination: Some(destination(1)), ..everything.clone() }, |number| {
                !number.is_multiple_of(2)
            }),
            (DeliveryFilter { state: Some(DeliveryState::Failed), ..everything.clone() }, |number| {
                number.is_multiple_of(9)
            }),
            (
                DeliveryFilter {
                    not_state: Some(DeliveryState::Failed),
                    source: Some(source(1)),
                    ..everything.clone()
                },
                |number| !number.is_multiple_of(9) && !number.is_multiple_of(2),
            ),
            (DeliveryFilter { workflow: Some(WorkflowId::new(1, 9)), ..everything.clone() }, |_| false),
        ];
        for (search, is_searched) in searches() {
            for (filter, is_own) in &own {
                let list = async |search, page| {
                    scope.deliveries(&DeliveryFilter { search, ..filter.clone() }, page).await
                };
                let found = all(list, &search, |delivery| delivery.id).await;
                let found: Vec<MessageId> = found.into_iter().map(DeliveryId::message).collect();
                let wanted =
                    numbers(|number| owner(number).is_some() && is_searched(number) && is_own(number));
                let twice: Vec<MessageId> =
                    wanted.into_iter().flat_map(|message| [message, message]).collect();
                assert_eq!(found, twice, "{search:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn events_are_searched() {
    on_each_database(async |database| {
        let scope = database.store.tenant(filled(&database.store, 1).await);
        let counted = [("Booked", 1), ("Canceled", 1)];
        let counted = counted.map(|(name, events)| sample::event_count(scope.id(), name, events));
        sample::write::<event_count::Entity>(&database.store, counted.to_vec()).await;
        let everything = EventFilter::default();
        let named = |name: &str| EventFilter { name: Some(name.to_owned()), ..EventFilter::default() };
        type Own = (EventFilter, fn(u64) -> bool);
        let own: [Own; 7] = [
            (everything.clone(), |_| true),
            (named("Booked"), |number| event_name(number) == "Booked"),
            (EventFilter { source: Some(source(1)), ..named("Canceled") }, |number| {
                event_name(number) == "Canceled" && source(number) == source(1)
            }),
            (named("Missed"), |_| false),
            (EventFilter { kind: Some(Kind::Identify), ..everything.clone() }, |number| {
                number.is_multiple_of(11)
            }),
            (EventFilter { workflow: Some(sample::workflow()), ..everything.clone() }, |_| true),
            (EventFilter { workflow: Some(WorkflowId::new(1, 9)), ..everything.clone() }, |_| false),
        ];
        for (search, is_searched) in searches() {
            for (filter, is_own) in &own {
                let list =
                    async |search, page| scope.events(&EventFilter { search, ..filter.clone() }, page).await;
                let found = all(list, &search, |event| event.id).await;
                let found: Vec<MessageId> = found.into_iter().map(EventId::message).collect();
                let wanted =
                    numbers(|number| owner(number).is_some() && is_searched(number) && is_own(number));
                assert_eq!(found, wanted, "{search:?} {filter:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_page_ends_when_its_time_is_over_and_says_where_to_go_on() {
    on_each_database(async |database| {
        let scope = database.store.tenant(filled(&database.store, 1).await);
        let pace = Pace { rows: 5, bodies: 4, time: Duration::ZERO, bodies_time: Duration::ZERO };
        let filter = |texts| RunFilter {
            status: Some(RunStatus::Failed),
            search: Search { texts, pace, ..Search::default() },
            ..RunFilter::of(sample::workflow())
        };
        let found = scope.runs(&filter(Vec::new()), Page::first(10)).await.expect("lists");
        let next = found.next.map(|place| place.message);
        assert_eq!((found.items.len(), next), (0, Some(sample::message_id(MESSAGES - 4))));
        let texts = vec![TextPattern::new("x").expect("a pattern")];
        let found = scope.runs(&filter(texts), Page::first(10)).await.expect("lists");
        let next = found.next.map(|place| place.message);
        assert_eq!(next, Some(sample::message_id(MESSAGES - 3)), "fewer where bodies are unpacked");
    })
    .await;
}

#[tokio::test]
async fn the_owner_of_an_identifier_brings_all_that_it_was_merged_of() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let scope = store.tenant(tenant);
        let people = vec![
            sample::person(tenant, 1, None),
            sample::person(tenant, 2, Some(1)),
            sample::person(tenant, 3, None),
        ];
        sample::write::<profile::Entity>(store, people).await;
        sample::write::<merge::Entity>(store, vec![sample::merge(tenant, 2, 1, 10)]).await;
        sample::identify(store, tenant, &[("a@example.com", 2), ("c@example.com", 3)]).await;
        let email = IdentifierType::parse("email").expect("a type");
        let owners = async |value: &str| scope.owners(&email, value).await.expect("finds");
        assert_eq!(owners("a@example.com").await, [sample::profile(2), sample::profile(1)]);
        assert_eq!(owners("c@example.com").await, [sample::profile(3)]);
        assert_eq!(owners("z@example.com").await, []);
    })
    .await;
}
