//! Histories of bookings, whose end is known from how they were made up, told in every order.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    id::{DestinationId, EventId, MessageId, WorkflowId},
    time::Timestamp,
};

const POLICY: FollowUp = FollowUp {
    retract_cancelled: true,
    retract_no_show: true,
    restate_rescheduled: true,
    restate_paid: true,
};

fn key(number: u8) -> KeyHash {
    KeyHash([number; 16])
}

fn fact(number: u64, of: u8, stage: Stage) -> Fact {
    Fact {
        message: MessageId::new(number, 0),
        key: key(of),
        previous: None,
        next: None,
        stages: vec![stage],
        at: Timestamp::from_seconds(i64::try_from(number).expect("small")),
        paid: None,
    }
}

/// How a booking went on, as its maker knows it.
#[derive(Debug, Clone)]
struct History {
    moves: u8,
    ending: Ending,
    paid: bool,
    /// Whether the halves of a move that gave the old booking up are sent at all.
    with_halves: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Stands,
    Cancelled,
    NoShow,
    CameAfterAll,
}

impl History {
    fn state(&self) -> State {
        match self.ending {
            Ending::Cancelled => State::Cancelled,
            Ending::NoShow => State::NoShow,
            Ending::Stands | Ending::CameAfterAll if self.moves > 0 => State::Rescheduled,
            Ending::Stands | Ending::CameAfterAll => State::Booked,
        }
    }

    /// What the provider sends of it, in the order in which it happened.
    fn facts(&self) -> Vec<Fact> {
        let mut facts = vec![fact(1, 0, Stage::Created)];
        let mut number = 1;
        let mut next = || {
            number += 1;
            number
        };
        for moved in 1..=self.moves {
            if self.with_halves {
                facts.push(Fact { next: Some(key(moved)), ..fact(next(), moved - 1, Stage::Moved) });
            }
            facts.push(Fact { previous: Some(key(moved - 1)), ..fact(next(), moved, Stage::Rescheduled) });
        }
        if self.paid {
            let paid = Some(Paid { value: 120.5, currency: Some("EUR".to_owned()) });
            facts.push(Fact { paid, ..fact(next(), self.moves, Stage::Paid) });
        }
        let previous = self.moves.checked_sub(1).map(key);
        let mut end = |stage| facts.push(Fact { previous, ..fact(next(), self.moves, stage) });
        match self.ending {
            Ending::Stands => {}
            Ending::Cancelled => end(Stage::Cancelled),
            Ending::NoShow => end(Stage::NoShow),
            Ending::CameAfterAll => {
                end(Stage::NoShow);
                end(Stage::NoShowRemoved);
            }
        }
        facts
    }
}

/// The bookings as the ledger keeps them, and a receiver that keeps its own account.
#[derive(Debug, Default)]
struct World {
    bookings: Vec<Conversion>,
    /// What the receiver was told: each once.
    delivered: BTreeSet<EventId>,
    stands: BTreeMap<EventId, Vec<EventId>>,
    retractions: usize,
    payments: usize,
    policy: FollowUp,
}

const RECEIVER: fn() -> DestinationId = || DestinationId::new(1, 1);

impl World {
    fn message(&mut self, fact: &Fact) -> Result<(), TestCaseError> {
        let keys: BTreeSet<KeyHash> = fact.keys().collect();
        let is_of = |booking: &Conversion| !booking.lineage.keys().is_disjoint(&keys);
        let (own, others) = std::mem::take(&mut self.bookings).into_iter().partition::<Vec<_>, _>(is_of);
        self.bookings = others;
        let mut own = own.into_iter();
        let mut booking = own.next().unwrap_or_default();
        booking.lineage.observe(fact.clone());
        let mut due: Vec<Due> = own.flat_map(|other| booking.join(other, fact.message)).collect();
        if matches!(fact.stages[0], Stage::Created | Stage::Rescheduled) {
            let event = EventId::derive(fact.message, WorkflowId::new(1, 1), 0);
            let sent: &[DestinationId] = if self.delivered.contains(&event) { &[RECEIVER()] } else { &[] };
            let routes = [RECEIVER()];
            let made =
                Made { event, name: "Schedule", index: 0, follow_up: self.policy, routes: &routes, sent };
            let Verdict { role, destinations } = booking.made(&made);
            if !destinations.is_empty() {
                match role {
                    None => self.told(event),
                    Some(Role::Follows { kind, of, .. }) => self.followed(event, kind, of)?,
                    Some(Role::Withheld { .. }) => prop_assert!(false, "what is withheld goes nowhere"),
                }
            }
        }
        due.extend(booking.due(fact.message));
        for Due { event, kind, of, why, .. } in due {
            self.payments += usize::from(why == Why::Paid);
            self.followed(event, kind, of)?;
        }
        self.bookings.push(booking);
        Ok(())
    }

    fn told(&mut self, event: EventId) {
        if self.delivered.insert(event) {
            self.stands.insert(event, Vec::new());
        }
    }

    fn followed(&mut self, event: EventId, kind: FollowUpKind, of: EventId) -> Result<(), TestCaseError> {
        if !self.delivered.insert(event) {
            return Ok(());
        }
        match kind {
            FollowUpKind::Retract => {
                self.retractions += 1;
                prop_assert!(self.stands.remove(&of).is_some(), "only what stands is taken back");
            }
            FollowUpKind::Restate => {
                let restated = self.stands.get_mut(&of);
                prop_assert!(restated.is_some(), "only what stands is restated");
                restated.into_iter().for_each(|restated| restated.push(event));
            }
        }
        Ok(())
    }
}

fn any_history() -> impl Strategy<Value = History> {
    let ending = prop_oneof![
        Just(Ending::Stands),
        Just(Ending::Cancelled),
        Just(Ending::NoShow),
        Just(Ending::CameAfterAll)
    ];
    (0..4_u8, ending, any::<bool>(), any::<bool>()).prop_map(|(moves, ending, paid, with_halves)| History {
        moves,
        ending,
        paid,
        with_halves,
    })
}

/// A history, its messages in some order, and some of them again.
fn any_arrival() -> impl Strategy<Value = (History, Vec<Fact>)> {
    (any_history(), vec(any::<prop::sample::Index>(), 0..6)).prop_flat_map(|(history, again)| {
        let facts = history.facts();
        (Just(history), Just(facts).prop_shuffle(), Just(again)).prop_map(|(history, facts, again)| {
            let repeated: Vec<Fact> = again.iter().map(|index| index.get(&facts).clone()).collect();
            (history, facts.into_iter().chain(repeated).collect())
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn whichever_order_they_arrive_in_it_is_one_booking_in_one_state((history, facts) in any_arrival()) {
        let mut world = World { policy: POLICY, ..World::default() };
        for fact in &facts {
            world.message(fact)?;
        }
        prop_assert_eq!(world.bookings.len(), 1, "one booking");
        let lineage = &world.bookings[0].lineage;
        prop_assert_eq!(lineage.facts(), history.facts(), "all of it, once, in the order of the messages");
        prop_assert_eq!(lineage.state(), history.state());
        prop_assert_eq!(lineage.current(), BTreeSet::from([key(history.moves)]));
        prop_assert_eq!(lineage.paid().is_some(), history.paid);
    }

    #[test]
    fn a_receiver_counts_the_booking_once_and_only_while_it_stands((history, facts) in any_arrival()) {
        // With a mark that was taken back, what is told depends on whether the mark came first.
        let retract_no_show = history.ending != Ending::CameAfterAll;
        let mut world = World { policy: FollowUp { retract_no_show, ..POLICY }, ..World::default() };
        for fact in &facts {
            world.message(fact)?;
        }
        let is_over = matches!(history.ending, Ending::Cancelled | Ending::NoShow);
        prop_assert_eq!(world.stands.len(), usize::from(!is_over));
        if !is_over {
            let told = &world.bookings[0].told;
            let stands: Vec<&Told> = told.iter().filter(|told| told.retracted.is_none()).collect();
            prop_assert_eq!(stands.len(), 1);
            prop_assert_eq!(stands[0].key, key(history.moves), "as it is now");
            prop_assert_eq!(stands[0].is_paid_told, history.paid, "with what was paid");
        }
        prop_assert!(world.payments <= 1 + world.retractions);
        let before = world.delivered.clone();
        for fact in &facts {
            world.message(fact)?;
        }
        prop_assert_eq!(before, world.delivered, "all of it again tells nothing new");
    }
}

fn told(order: &[Fact], policy: FollowUp) -> World {
    let mut world = World { policy, ..World::default() };
    for fact in order {
        world.message(fact).expect("no contradiction");
    }
    world
}

#[test]
fn a_booking_that_is_cancelled_before_it_is_heard_of_is_never_told() {
    let (created, cancelled) = (fact(1, 0, Stage::Created), fact(2, 0, Stage::Cancelled));
    let late = told(&[cancelled.clone(), created.clone()], POLICY);
    assert!(late.delivered.is_empty());
    let early = told(&[created, cancelled], POLICY);
    assert_eq!((early.delivered.len(), early.retractions), (2, 1));
}

#[test]
fn who_wants_no_follow_up_hears_of_no_second_booking_either() {
    let moved = Fact { previous: Some(key(0)), ..fact(2, 1, Stage::Rescheduled) };
    let world = told(&[fact(1, 0, Stage::Created), moved, fact(3, 1, Stage::Cancelled)], FollowUp::default());
    assert_eq!((world.delivered.len(), world.stands.len()), (1, 1));
}

#[test]
fn a_circle_of_keys_is_a_booking_that_stands() {
    let there = Fact { next: Some(key(1)), ..fact(1, 0, Stage::Moved) };
    let back = Fact { next: Some(key(0)), ..fact(2, 1, Stage::Moved) };
    let world = told(&[there, back, fact(3, 0, Stage::Cancelled)], POLICY);
    assert_eq!(world.bookings[0].lineage.state(), State::Rescheduled);
}

#[test]
fn a_booking_of_which_too_much_is_heard_stays_as_it_is() {
    let mut lineage = Lineage::default();
    let mut taken = (1..1_000).map(|number| lineage.observe(fact(number, 0, Stage::Created)));
    assert_eq!(taken.by_ref().take_while(|taken| *taken).count(), 64);
    assert!(taken.all(|taken| !taken));
    assert!(lineage.is_full() && !lineage.fits(&lineage));
}

#[test]
fn an_event_that_reached_nobody_leaves_its_place_to_the_next_one() {
    let moved = Fact { previous: Some(key(0)), ..fact(2, 1, Stage::Rescheduled) };
    let mut booking = Conversion::default();
    let mut made = |fact: &Fact, routes: &[DestinationId]| {
        booking.lineage.observe(fact.clone());
        let event = EventId::derive(fact.message, WorkflowId::new(1, 1), 0);
        let verdict =
            booking.made(&Made { event, name: "Schedule", index: 0, follow_up: POLICY, routes, sent: &[] });
        (verdict.role, verdict.destinations)
    };
    let created = fact(1, 0, Stage::Created);
    assert_eq!(made(&created, &[]), (None, Vec::new()));
    assert_eq!(made(&moved, &[RECEIVER()]), (None, vec![RECEIVER()]), "it is told for the first time");
    let withheld = Role::Withheld { why: Why::OneBooking };
    assert_eq!(made(&created, &[RECEIVER()]), (Some(withheld), Vec::new()), "and counted once");
}

#[test]
fn a_conversion_is_read_as_it_was_written() {
    let paid = Some(Paid { value: 30.0, currency: None });
    let payment = Fact { paid, ..fact(2, 0, Stage::Paid) };
    let world = told(&[fact(1, 0, Stage::Created), payment, fact(3, 0, Stage::Cancelled)], POLICY);
    let json = serde_json::to_string(&world.bookings[0]).expect("JSON");
    assert_eq!(serde_json::from_str::<Conversion>(&json).expect("reads"), world.bookings[0]);
}
