//! A rehearsal decides as the real thing does: what it changed is found by what comes after, although nobody wrote it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use proptest::prelude::*;
use serde_json::{Map, Value};
use tributary_domain::{
    id::{EventId, MessageId, ProfileId, WorkflowId},
    identity::{Carried, Decision, Evidence, Guard, Identifier, IdentifierType, Rules, View, with_consents},
    time::Timestamp,
};

use crate::rows::Rows;

/// Few values, so that they meet.
const KINDS: [&str; 4] = ["email", "phone", "cluid", "external_id:crm"];
const VALUES: usize = 4;

fn identifiers() -> impl Strategy<Value = Vec<Identifier>> {
    prop::collection::vec((0..KINDS.len(), 0..VALUES), 1..=3).prop_map(|chosen| {
        let mut all: Vec<Identifier> = Vec::new();
        for (kind, value) in chosen {
            let kind = IdentifierType::parse(KINDS[kind]).unwrap();
            if all.iter().all(|known| known.kind != kind) {
                all.push(Identifier { value: format!("{kind} {value}"), kind, raw: None });
            }
        }
        all
    })
}

/// Whose an event is, and what they agreed to by then.
fn resolve(
    view: &mut View,
    (guard, blocked): (Guard, &BTreeSet<(String, String)>),
    number: usize,
    event: &(Vec<Identifier>, Option<bool>),
) -> (Decision, Option<Value>) {
    let (identifiers, ads) = event;
    let sequence = number as u64 + 1;
    let message = MessageId::new(sequence, 0);
    let blocked = blocked.iter().map(|(kind, value)| (IdentifierType::parse(kind).unwrap(), value.clone()));
    let rules = Rules { strong_limit: 2, weak_limit: 1, blocked: Arc::new(blocked.collect()), guard };
    let consents = Map::from_iter(ads.map(|ads| ("ads".to_owned(), Value::from(ads))));
    let own = Map::from_iter([("ads".to_owned(), Value::from(number))]);
    let traits = with_consents(&own, &consents);
    let evidence = Evidence {
        event: EventId::derive(message, WorkflowId::new(1, 1), 0),
        sequence,
        received: Timestamp::from_seconds(sequence.cast_signed()),
        event_time: Timestamp::from_seconds(1),
        identifiers,
        traits: &traits,
        new_profile: ProfileId::derived(message, &[]),
        earlier: None,
    };
    let decision = view.resolve(&rules, &evidence).unwrap();
    let state = decision.profile.and_then(|profile| view.profile(profile));
    let agreed = state.and_then(|state| state.traits.consent("ads").cloned());
    (decision, agreed)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_carried_counts_as_what_is_written(
        events in prop::collection::vec((identifiers(), prop::option::of(any::<bool>())), 1..30),
        stored in 0_usize..20,
        size in 1_usize..6,
        pairs in prop::collection::vec((0_usize..8, 0_usize..8), 0..3),
        people in 0_u32..3,
        seconds in 1_u64..20,
    ) {
        let guard = Guard { people, window: Duration::from_secs(seconds) };
        let stored = stored.min(events.len());
        let mut rows = Rows::default();
        for (number, event) in events[..stored].iter().enumerate() {
            let mut view = rows.view(event.0.iter());
            resolve(&mut view, (guard, &rows.blocked), number, event);
            rows.write(view.take_changes()).unwrap();
        }
        // Pairs of people that a person told apart.
        let live: Vec<ProfileId> =
            rows.profiles.iter().filter(|(_, row)| row.merged_into.is_none()).map(|(id, _)| *id).collect();
        let of = |number: usize| live.get(number).copied();
        let pairs = pairs.into_iter().filter_map(|(one, other)| Some((of(one)?, of(other)?)));
        rows.never_join.extend(pairs.filter(|(one, other)| one != other));

        let frozen = rows.clone();
        let mut carried = Carried::default();
        let rest: Vec<_> = events.iter().enumerate().skip(stored).collect();
        for batch in rest.chunks(size) {
            let all = || batch.iter().flat_map(|(_, event)| event.0.iter());
            let mut real = rows.view(all());
            let mut rehearsed = frozen.view(all());
            carried.lay_over(&mut rehearsed, all());
            for (number, event) in batch {
                let real = resolve(&mut real, (guard, &rows.blocked), *number, event);
                let rehearsed = resolve(&mut rehearsed, (guard, &frozen.blocked), *number, event);
                prop_assert_eq!(real, rehearsed);
            }
            rows.write(real.take_changes()).unwrap();
            carried.note(rehearsed.take_changes());
        }
        for id in rows.profiles.keys() {
            let before = frozen.profiles.get(id).and_then(|row| row.merged_into).unwrap_or(*id);
            prop_assert_eq!(carried.live(before), rows.live(*id));
        }
    }
}
