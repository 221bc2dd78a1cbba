//! What a queue gives, and in which order.

mod strict;

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use serde_json::json;
use tributary_domain::{
    event::EventData,
    id::{DestinationId, EventId, MessageId, SourceId, TenantId, WorkflowId},
};
use tributary_store::ledger::StoredEvent;

use super::*;

fn delivery(number: u64, profile: Option<u128>, due: i64) -> ReadyDelivery {
    happened(number, profile, due, 0)
}

fn happened(number: u64, profile: Option<u128>, due: i64, time: i64) -> ReadyDelivery {
    let message = MessageId::new(number, 0);
    let event = EventId::derive(message, WorkflowId::new(1, 1), 0);
    let draft = json!({"index": 0, "kind": "track", "name": "Lead", "time": time, "dedupe_id": null, "identifiers": [],
        "rejected": [], "traits": {}, "attributes": {}, "groups": {}, "group_traits": {}, "consents": {}});
    let data = json!({"draft": draft, "created": false, "steps": [], "context": {}});
    let data: EventData = serde_json::from_value(data).expect("event data");
    ReadyDelivery {
        tenant: TenantId::new(1, 1),
        destination: DestinationId::new(1, 1),
        delivery: DeliveryId::derive(event, DestinationId::new(1, 1), 0),
        attempts: 0,
        before: 0,
        is_replay: false,
        due: Timestamp::from_seconds(due),
        event: Arc::new(StoredEvent {
            id: event,
            source: SourceId::new(1, 1),
            workflow: WorkflowId::new(1, 1),
            profile: profile.map(|bits| ProfileId::new(1, bits)),
            received: Timestamp::from_seconds(0),
            trace_parent: None,
            data,
        }),
    }
}

const NOW: Timestamp = Timestamp::from_seconds(10);

fn one(queue: &mut Queue, now: Timestamp) -> Option<ReadyDelivery> {
    queue.next(now, 1).pop()
}

#[test]
fn first_tries_of_one_person_go_one_after_another_and_others_go_meanwhile() {
    let mut queue = Queue::default();
    let all = [delivery(1, Some(7), 1), delivery(2, Some(7), 1), delivery(3, Some(8), 1)];
    all.iter().cloned().for_each(|delivery| queue.offer(delivery, NOW));
    let first = one(&mut queue, NOW).expect("the first");
    assert_eq!(first.delivery, all[0].delivery);
    assert_eq!(one(&mut queue, NOW).map(|next| next.delivery), Some(all[2].delivery), "of somebody else");
    assert!(one(&mut queue, NOW).is_none());
    queue.tried(&first);
    assert_eq!(one(&mut queue, NOW).map(|next| next.delivery), Some(all[1].delivery));
}

#[test]
fn what_is_not_due_waits_and_says_until_when() {
    let mut queue = Queue::default();
    queue.offer(delivery(1, None, 20), NOW);
    assert!(one(&mut queue, NOW).is_none());
    assert_eq!(queue.next_due(), Some(Timestamp::from_seconds(20)));
    assert!(one(&mut queue, Timestamp::from_seconds(20)).is_some());
}

#[test]
fn a_retry_does_not_hold_up_the_same_person() {
    let mut queue = Queue::default();
    queue.offer(ReadyDelivery { attempts: 1, ..delivery(1, Some(7), 1) }, NOW);
    queue.offer(delivery(2, Some(7), 1), NOW);
    assert!(one(&mut queue, NOW).is_some());
    assert!(one(&mut queue, NOW).is_some());
}

#[test]
fn what_is_postponed_waits_for_its_time_and_holds_up_nobody() {
    let mut queue = Queue::default();
    let all = [delivery(1, Some(7), 1), delivery(2, Some(7), 1)];
    all.iter().cloned().for_each(|delivery| queue.offer(delivery, NOW));
    let early = one(&mut queue, NOW).expect("the first");
    let until = NOW.plus(std::time::Duration::from_secs(1));
    queue.postpone(early, until);
    queue.offer(all[0].clone(), NOW);
    assert_eq!(sent(&mut queue), ids(&all[1..]), "the next one of the same person, and nothing else");
    assert_eq!(queue.next_due(), Some(until));
    // It takes its turn behind who is being tried then.
    assert!(one(&mut queue, until).is_none());
    queue.tried(&all[1]);
    assert_eq!(one(&mut queue, until).map(|next| next.delivery), Some(all[0].delivery));
}

#[test]
fn the_same_delivery_is_taken_once_until_it_is_recorded() {
    let mut queue = Queue::default();
    queue.offer(delivery(1, None, 1), NOW);
    queue.offer(delivery(1, None, 1), NOW);
    let sent = one(&mut queue, NOW).expect("once");
    assert!(one(&mut queue, NOW).is_none());
    queue.offer(delivery(1, None, 1), NOW);
    assert!(one(&mut queue, NOW).is_none(), "its attempt is not recorded yet");
    queue.forget(sent.delivery);
    queue.offer(delivery(1, None, 1), NOW);
    assert!(one(&mut queue, NOW).is_some());
}

#[test]
fn what_does_not_fit_is_left_in_the_database() {
    let mut queue = Queue::default();
    (0..CAPACITY as u64 + 5).for_each(|number| queue.offer(delivery(number, None, 1), NOW));
    assert!(queue.has_more && queue.is_behind && !queue.wants_more());
    for _ in 0..CAPACITY {
        let sent = one(&mut queue, NOW).expect("in memory");
        queue.forget(sent.delivery);
    }
    assert!(one(&mut queue, NOW).is_none() && queue.wants_more());
}

fn page(items: &[ReadyDelivery], is_last: bool) -> Result<Paged<ReadyDelivery, Place>, StoreError> {
    let last = items.last().map(|last| (last.due, last.delivery));
    Ok(Paged { items: items.to_vec(), next: last.filter(|_| !is_last) })
}

fn sent(queue: &mut Queue) -> Vec<DeliveryId> {
    std::iter::from_fn(|| one(queue, NOW)).map(|delivery| delivery.delivery).collect()
}

fn ids(deliveries: &[ReadyDelivery]) -> Vec<DeliveryId> {
    deliveries.iter().map(|delivery| delivery.delivery).collect()
}

#[test]
fn what_was_recorded_while_the_database_was_read_is_not_sent_again() {
    let mut queue = Queue::default();
    queue.offer(delivery(1, None, 1), NOW);
    let first = one(&mut queue, NOW).expect("sent");
    queue.begin_load().expect("nothing is loading");
    assert!(queue.begin_load().is_none(), "one read at a time");
    queue.forget(first.delivery);
    queue.end_load(page(&[delivery(1, None, 1), delivery(2, None, 1)], true), NOW);
    assert_eq!(sent(&mut queue), ids(&[delivery(2, None, 1)]));
    assert!(!queue.wants_more(), "the next look finds its retry");
}

#[test]
fn a_backlog_is_read_once_although_it_stays_in_memory() {
    let mut queue = Queue::of_database();
    let all: Vec<_> = (0..4).map(|number| delivery(number, None, 1)).collect();
    assert_eq!(queue.begin_load().map(|page| page.after), Some(None));
    queue.end_load(page(&all[..2], false), NOW);
    let next = queue.begin_load().expect("there is more");
    assert_eq!(next.after, Some((all[1].due, all[1].delivery)), "where the first page ended");
    queue.end_load(page(&all[2..], true), NOW);
    assert!(!queue.wants_more(), "all of it is in memory");

    queue.look_again();
    assert!(queue.wants_more());
    assert_eq!(queue.begin_load().map(|page| page.after), Some(None), "retries may be due");
    queue.end_load(page(&all, true), NOW);
    assert_eq!(sent(&mut queue), ids(&all), "each once");
}

#[test]
fn what_is_committed_does_not_overtake_what_is_still_to_be_loaded() {
    let mut queue = Queue::of_database();
    let all: Vec<_> = (0..5).map(|number| delivery(number, None, 1)).collect();
    queue.offer(all[3].clone(), NOW);
    assert!(one(&mut queue, NOW).is_none(), "older ones may be in the database");
    queue.begin_load().expect("loads");
    queue.offer(all[4].clone(), NOW);
    queue.end_load(page(&all[..2], false), NOW);
    assert_eq!(sent(&mut queue), ids(&all[..2]), "there is more between them");
    queue.begin_load().expect("loads");
    queue.offer(all[4].clone(), NOW);
    queue.end_load(page(&all[2..4], true), NOW);
    assert_eq!(sent(&mut queue), ids(&all[2..]), "the offer follows what was loaded");
    queue.offer(delivery(5, None, 1), NOW);
    assert_eq!(sent(&mut queue).len(), 1, "nothing older is left");
}

#[test]
fn after_an_overflow_the_rest_is_loaded_in_order() {
    let mut queue = Queue::default();
    let all: Vec<_> = (0..CAPACITY as u64 + 2).map(|number| delivery(number, None, 1)).collect();
    all[..=CAPACITY].iter().cloned().for_each(|delivery| queue.offer(delivery, NOW));
    for id in sent(&mut queue) {
        queue.forget(id);
    }
    queue.offer(all[CAPACITY + 1].clone(), NOW);
    assert!(one(&mut queue, NOW).is_none(), "there is room, and an older one in the database");
    assert_eq!(queue.begin_load().map(|page| page.after), Some(None));
    queue.end_load(page(&all[CAPACITY..], true), NOW);
    assert_eq!(sent(&mut queue), ids(&all[CAPACITY..]));
}

#[test]
fn what_is_committed_before_the_place_that_was_read_is_not_missed() {
    let mut queue = Queue::of_database();
    queue.begin_load().expect("loads");
    queue.end_load(page(&[delivery(1, None, 20), delivery(2, None, 30)], false), NOW);
    queue.offer(delivery(3, None, 5), NOW);
    assert_eq!(queue.begin_load().map(|page| page.after), Some(None), "from the start again");
}

#[test]
fn a_read_that_failed_is_made_again_from_the_same_place() {
    let mut queue = Queue::of_database();
    queue.begin_load().expect("loads");
    queue.end_load(page(&[delivery(1, None, 1)], false), NOW);
    let failed = queue.begin_load().expect("loads");
    queue.offer(delivery(3, None, 2), NOW);
    queue.end_load(Err(StoreError::Timeout), NOW);
    assert_eq!(one(&mut queue, NOW).map(|next| next.delivery), Some(delivery(1, None, 1).delivery));
    assert!(
        one(&mut queue, NOW).is_none() && queue.wants_more(),
        "the offer is behind what could not be read"
    );
    assert_eq!(queue.begin_load(), Some(failed));
}

#[test]
fn a_row_that_cannot_be_read_does_not_hold_up_what_is_committed() {
    let mut queue = Queue::of_database();
    queue.begin_load().expect("loads");
    queue.offer(delivery(1, None, 1), NOW);
    queue.end_load(Err(StoreError::Corrupt { what: "events.data" }), NOW);
    queue.offer(delivery(2, None, 1), NOW);
    assert_eq!(sent(&mut queue), ids(&[delivery(1, None, 1), delivery(2, None, 1)]));
    assert!(!queue.wants_more(), "not before the next look");
}

#[test]
fn a_batch_has_no_two_of_one_person_and_keeps_the_order() {
    let mut queue = Queue::default();
    let all: Vec<_> =
        [7, 8, 7, 9].iter().zip(1..).map(|(who, number)| delivery(number, Some(*who), 1)).collect();
    all.iter().cloned().for_each(|delivery| queue.offer(delivery, NOW));
    let batch = queue.next(NOW, 10);
    assert_eq!(ids(&batch), ids(&[all[0].clone(), all[1].clone(), all[3].clone()]));
    assert!(queue.next(NOW, 10).is_empty() && !queue.has_due(NOW));
    queue.tried(&batch[0]);
    assert_eq!(ids(&queue.next(NOW, 10)), ids(&all[2..3]));
}

#[test]
fn a_batch_that_was_refused_goes_in_halves_before_anything_else() {
    let mut queue = Queue::default();
    let all: Vec<_> = (1..=6).map(|number| delivery(number, Some(u128::from(number) % 5), 1)).collect();
    all.iter().cloned().for_each(|delivery| queue.offer(delivery, NOW));
    let batch = queue.next(NOW, 5);
    assert_eq!(batch.len(), 5);
    queue.halve(batch.clone());
    queue.offer(delivery(7, None, 1), NOW);
    let first = queue.next(NOW, 100);
    assert_eq!(ids(&first), ids(&batch[..3]));
    queue.halve(first);
    assert_eq!(ids(&queue.next(NOW, 100)), ids(&batch[..2]));
    assert_eq!(ids(&queue.next(NOW, 100)), ids(&batch[2..3]));
    assert_eq!(ids(&queue.next(NOW, 100)), ids(&batch[3..]));
    // The sixth is of the same person as the first, who is not done with.
    assert_eq!(ids(&queue.next(NOW, 100)), ids(&[delivery(7, None, 1)]));
    queue.offer(batch[0].clone(), NOW);
    assert!(queue.next(NOW, 100).is_empty(), "it is known all the while");
    queue.tried(&ReadyDelivery { attempts: 2, ..batch[0].clone() });
    assert_eq!(ids(&queue.next(NOW, 100)), ids(&all[5..]));
}

#[test]
fn a_batch_of_one_person_has_what_is_next_of_them_and_nobody_passes() {
    let mut queue = Queue::default();
    queue.set_rules(Rules { of_one_person: true, ..Rules::default() });
    let all: Vec<_> = [Some(7), Some(8), Some(7), None, Some(7), Some(8)]
        .iter()
        .zip(1..)
        .map(|(who, number)| delivery(number, *who, 1))
        .collect();
    all.iter().cloned().for_each(|delivery| queue.offer(delivery, NOW));
    let of = |places: &[usize]| places.iter().map(|place| all[*place].delivery).collect::<Vec<_>>();
    let first = queue.next(NOW, 2);
    assert_eq!(ids(&first), of(&[0, 2]));
    assert_eq!(ids(&queue.next(NOW, 9)), of(&[1, 5]));
    assert_eq!(ids(&queue.next(NOW, 9)), of(&[3]), "of nobody goes alone");
    assert!(queue.next(NOW, 9).is_empty(), "the next one of the first waits");
    // One found no room: it comes before what waited behind it.
    queue.tried(&first[0]);
    queue.put_back(first[1].clone());
    assert_eq!(ids(&queue.next(NOW, 9)), of(&[2, 4]));
}

#[test]
fn parts_of_erased_people_are_not_sent() {
    let mut queue = Queue::default();
    let all: Vec<_> = (1..=4).map(|number| delivery(number, Some(u128::from(number)), 1)).collect();
    all.iter().cloned().for_each(|delivery| queue.offer(delivery, NOW));
    let batch = queue.next(NOW, 4);
    queue.halve(batch);
    let erased = [1, 2, 4].map(|who| ProfileId::new(1, who)).into();
    assert!(!queue.forget_people(&erased));
    assert_eq!(ids(&queue.next(NOW, 4)), ids(&all[2..3]));
    assert!(queue.next(NOW, 4).is_empty());
}

#[test]
fn what_gets_too_old_soonest_goes_first_and_what_is_too_old_not_at_all() {
    let mut queue = Queue::default();
    let all = [(1, 500), (2, 100), (3, 300), (4, 200)].map(|(number, time)| happened(number, None, 1, time));
    all.iter().cloned().for_each(|delivery| queue.offer(delivery, NOW));
    queue.set_rules(Rules { expires: true, ..Rules::default() });
    assert_eq!(ids(&queue.expired(NOW, Timestamp::from_micros(150))), ids(&all[1..2]));
    queue.offer(happened(5, None, 20, 50), NOW);
    assert!(queue.expired(NOW, Timestamp::from_micros(200)).is_empty(), "not before it is due");
    let order = [3, 2, 0].map(|index: usize| all[index].delivery);
    assert_eq!(sent(&mut queue), order);
    assert_eq!(queue.expired(Timestamp::from_seconds(20), Timestamp::from_micros(200)).len(), 1);
    queue.set_rules(Rules::default());
    queue.offer(happened(6, None, 1, 0), NOW);
    assert!(queue.expired(NOW, NOW).is_empty(), "nothing gets too old there");
}

/// A strict queue with these of one person, of which the first was tried, and is tried again at `again`.
fn held(count: u64, again: Timestamp) -> (Queue, Vec<ReadyDelivery>) {
    let mut queue = Queue::default();
    queue.set_rules(Rules { is_strict: true, ..Rules::default() });
    let all: Vec<_> = (1..=count).map(|number| delivery(number, Some(7), 1)).collect();
    all.iter().cloned().for_each(|delivery| queue.offer(delivery, NOW));
    let first = ReadyDelivery { attempts: 1, ..one(&mut queue, NOW).expect("the first") };
    queue.hold(&first, again);
    queue.tried(&first);
    (queue, all)
}

fn behind(deliveries: &[ReadyDelivery], again: Timestamp) -> Vec<(DeliveryId, Timestamp)> {
    let right_after = again.plus(Duration::from_micros(1));
    deliveries.iter().map(|delivery| (delivery.delivery, right_after)).collect()
}

#[test]
fn where_order_is_strict_nothing_passes_what_is_tried_again_and_nobody_is_remembered() {
    let (again, person) = (Timestamp::from_seconds(100), ProfileId::new(1, 7));
    let (mut queue, all) = held(3, again);
    queue.offer(delivery(9, Some(8), 1), NOW);
    let other = delivery(9, Some(8), 1);
    assert_eq!(sent(&mut queue), ids(std::slice::from_ref(&other)), "others go on");
    queue.forget(other.delivery);
    queue.forget(all[0].delivery);
    queue.leave_held(person, all[0].delivery);
    let left = queue.take_behind();
    assert_eq!(left, behind(&all[1..], again), "after it in the database");
    queue.offer(all[1].clone(), NOW);
    assert!(one(&mut queue, NOW).is_none(), "known until it is written");
    queue.left(&left, NOW);
    assert!(queue.known.is_empty() && queue.leaving.is_empty(), "nothing of it is in memory");
    assert!(queue.busy.is_empty(), "and nobody waits for what is not in memory");
}

#[test]
fn who_has_to_wait_by_what_the_database_says_waits_beside_that_or_follows_it_there() {
    let (mut queue, again) = (Queue::default(), Timestamp::from_seconds(100));
    queue.set_rules(Rules { is_strict: true, ..Rules::default() });
    let all: Vec<_> = (1..=4).map(|number| delivery(number, Some(7), 1)).collect();
    all[1..3].iter().cloned().for_each(|delivery| queue.offer(delivery, NOW));
    let second = one(&mut queue, NOW).expect("it is the first one here");
    queue.fall_behind(second, (again, all[0].delivery));
    let left = queue.take_behind();
    assert_eq!(left, behind(&all[1..3], again), "all of the person follow it");
    queue.left(&left, NOW);
    assert!(queue.known.is_empty() && !queue.wants_more(), "they are loaded in their turn");

    let retry = ReadyDelivery { attempts: 1, due: again, ..all[0].clone() };
    queue.offer(retry.clone(), NOW);
    queue.offer(all[3].clone(), NOW);
    let fourth = one(&mut queue, NOW).expect("it is due");
    queue.fall_behind(fourth, (again, retry.delivery));
    assert!(queue.take_behind().is_empty() && one(&mut queue, NOW).is_none(), "beside it in memory");
    let first = one(&mut queue, again).expect("its time has come");
    assert_eq!(first.delivery, retry.delivery);
    let first = ReadyDelivery { attempts: 2, ..first };
    queue.done(&first);
    assert!(queue.wants_more(), "what follows it in the database may go");
    assert_eq!(queue.passed_by(&all[3..]), [first.delivery].into(), "also before that is recorded");
    queue.tried(&first);
    assert_eq!(one(&mut queue, again).map(|next| next.delivery), Some(all[3].delivery));
    queue.forget(first.delivery);
    assert!(queue.passed_by(&all[3..]).is_empty());
}

#[test]
fn one_that_is_passed_already_or_leaves_is_not_waited_for_in_memory() {
    let (mut queue, all) = held(3, NOW);
    queue.forget(all[0].delivery);
    queue.leave_held(ProfileId::new(1, 7), all[0].delivery);
    queue.offer(delivery(4, Some(7), 1), NOW);
    let fourth = one(&mut queue, NOW).expect("it is due");
    queue.fall_behind(fourth, (NOW, all[1].delivery));
    let left = queue.take_behind();
    assert_eq!(left.len(), 3, "it follows them");
    queue.left(&left, NOW.plus(Duration::from_secs(1)));
    assert!(queue.wants_more() && queue.known.is_empty(), "and is loaded again at once: it is due");
}

#[test]
fn what_was_loaded_and_sent_before_its_offer_came_is_not_sent_again() {
    let mut queue = Queue::of_database();
    let first = delivery(1, Some(7), 0);
    queue.begin_load();
    queue.end_load(page(std::slice::from_ref(&first), true), NOW);
    let sent = one(&mut queue, NOW).expect("due");
    queue.tried(&sent);
    queue.forget(sent.delivery);
    queue.offer(first, NOW);
    assert!(one(&mut queue, NOW).is_none(), "what became of it is in the database");
    assert!(queue.wants_more(), "which is asked");
}

#[test]
fn where_order_is_not_strict_nobody_is_held() {
    let mut queue = Queue::default();
    let first = ReadyDelivery { attempts: 1, ..delivery(1, Some(7), 1) };
    queue.hold(&first, Timestamp::from_seconds(100));
    queue.done(&first);
    queue.offer(delivery(2, Some(7), 1), NOW);
    assert!(one(&mut queue, NOW).is_some() && queue.passed.is_empty());
}

proptest! {
    /// Against a plain list: with batches, halves, refusals and successes in any order, each delivery is under way once at a
    /// time, each person has one at a time in the order of arrival, and nothing is lost.
    #[test]
    fn nothing_is_lost_doubled_or_out_of_order(
        people in prop::collection::vec(0_u128..6, 1..60),
        steps in prop::collection::vec((0_u8..5, 1_usize..9), 1..200),
    ) {
        let mut queue = Queue::default();
        let all: Vec<_> = people.iter().zip(1..).map(|(who, number)| delivery(number, Some(*who), 1)).collect();
        all.iter().cloned().for_each(|delivery| queue.offer(delivery, NOW));
        let (mut under_way, mut done): (Vec<Vec<ReadyDelivery>>, Vec<DeliveryId>) = (Vec::new(), Vec::new());
        let mut finish = |queue: &mut Queue, batch: Vec<ReadyDelivery>| {
            for delivery in batch {
                queue.tried(&delivery);
                queue.forget(delivery.delivery);
                done.push(delivery.delivery);
            }
        };
        for (step, size) in steps {
            match step {
                0 | 1 => {
                    let batch = queue.next(NOW, size);
                    let persons = under_way.iter().flatten().chain(&batch).map(|one| one.event.profile);
                    let distinct: HashSet<_> = persons.clone().collect();
                    prop_assert_eq!(distinct.len(), persons.count(), "one at a time of each");
                    if !batch.is_empty() { under_way.push(batch) }
                }
                2 if !under_way.is_empty() => {
                    let mut batch = under_way.remove(0);
                    batch.iter_mut().for_each(|one| one.attempts += 1);
                    if batch.len() > 1 { queue.halve(batch) } else { finish(&mut queue, batch) }
                }
                3 if under_way.first().is_some_and(|batch| batch.iter().all(|one| one.attempts == 0)) => {
                    under_way.remove(0).into_iter().rev().for_each(|one| queue.put_back(one));
                }
                _ if !under_way.is_empty() => finish(&mut queue, under_way.remove(0)),
                _ => {}
            }
        }
        loop {
            while let Some(batch) = under_way.pop() { finish(&mut queue, batch) }
            let batch = queue.next(NOW, 4);
            if batch.is_empty() { break }
            under_way.push(batch);
        }
        for who in 0..6 {
            let of = |all: &[ReadyDelivery]| ids(&all.iter().filter(|one| one.event.profile == Some(ProfileId::new(1, who))).cloned().collect::<Vec<_>>());
            let own = of(&all);
            let got: Vec<_> = done.iter().filter(|id| own.contains(id)).copied().collect();
            prop_assert_eq!(got, own, "in the order of arrival, each once");
        }
        prop_assert!(queue.waiting().0 == 0);
    }
}
