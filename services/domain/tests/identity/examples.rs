//! The examples of the design and the corners of the rules, one by one.

use std::collections::BTreeSet;

use serde_json::json;
use tributary_domain::{
    id::ProfileId,
    identity::{Refusal, Step, View},
};

use crate::scene::{Scene, identifier, refusals};

#[test]
fn a_visitor_who_tells_an_email_keeps_the_profile() {
    let mut scene = Scene::new();
    let browsing = scene.event(&["cluid:c"]);
    let booking = scene.event(&["cluid:c", "email:a@x"]);
    assert!(browsing.created && !booking.created);
    assert_eq!(booking.profile, browsing.profile);
    assert_eq!(scene.owner("email:a@x"), browsing.profile);
    assert_eq!(scene.rows.profiles.len(), 1, "the provisional profile was never stored");
    assert!(scene.conflicts().is_empty() && scene.rows.merges.is_empty());
}

#[test]
fn a_second_person_in_one_browser_gets_a_profile_of_their_own() {
    let mut scene = Scene::new();
    let first = scene.event(&["cluid:c", "email:a@x"]).profile.unwrap();
    let second = scene.event(&["cluid:c", "email:b@x"]);
    let other = second.profile.unwrap();
    assert!(second.created && other != first);
    assert_eq!(refusals(&second), [(Refusal::WeakEvidence, identifier("cluid:c"), first)]);
    assert_eq!(scene.owner("cluid:c"), Some(first), "the cluid stays");
    assert_eq!(scene.conflicts(), [(Refusal::WeakEvidence, identifier("cluid:c"), other, first, 1)]);
}

#[test]
fn one_phone_with_two_emails_is_one_person() {
    let mut scene = Scene::new();
    let first = scene.event(&["email:a@x", "phone:+1"]);
    let second = scene.event(&["email:b@x", "phone:+1"]);
    assert_eq!(second.profile, first.profile);
    assert_eq!(scene.owner("email:b@x"), first.profile);
    assert_eq!(scene.live_profiles(), 1);
}

#[test]
fn two_crm_ids_with_one_email_are_two_people() {
    let mut scene = Scene::new();
    let first = scene.event(&["crm:1", "email:a@x"]).profile.unwrap();
    let second = scene.event(&["email:a@x", "crm:2"]);
    let other = second.profile.unwrap();
    assert_ne!(other, first);
    assert_eq!(scene.owner("email:a@x"), Some(first));
    assert_eq!(scene.owner("crm:2"), Some(other));
    assert_eq!(scene.conflicts(), [(Refusal::UniqueValue, identifier("email:a@x"), other, first, 1)]);
}

#[test]
fn a_cluid_that_connects_two_known_people_joins_nobody() {
    let mut scene = Scene::new();
    let first = scene.event(&["email:a@x", "cluid:c"]).profile.unwrap();
    let second = scene.event(&["email:b@x"]).profile.unwrap();
    let booking = scene.event(&["cluid:c", "email:b@x", "fbp:f"]);
    assert_eq!(booking.profile, Some(second), "it lands on the owner of its strongest identifier");
    assert_eq!(refusals(&booking), [(Refusal::WeakEvidence, identifier("cluid:c"), first)]);
    assert_eq!(scene.owner("fbp:f"), Some(second), "the other identifiers still count");
    assert_eq!((scene.live_profiles(), scene.owner("cluid:c")), (2, Some(first)));
}

#[test]
fn weak_evidence_adds_what_the_person_has_none_of() {
    let mut scene = Scene::new();
    let person = scene.event(&["cluid:c", "email:a@x"]).profile;
    assert_eq!(scene.event(&["cluid:c", "phone:+1"]).profile, person);
    assert_eq!(scene.event(&["cluid:c", "crm:1"]).profile, person);
    assert_ne!(scene.event(&["cluid:c", "crm:2"]).profile, person);
    assert_ne!(scene.event(&["cluid:c", "phone:+2"]).profile, person);
}

#[test]
fn two_hundred_visitors_with_one_email_are_one_person() {
    let mut scene = Scene::new();
    let visitors: Vec<String> = (0..200).map(|number| format!("cluid:{number}")).collect();
    let mut view = View::new();
    for visitor in &visitors {
        scene.resolve(&mut view, &[identifier(visitor)], 0, json!({}));
        scene.resolve(&mut view, &[identifier("email:a@x"), identifier(visitor)], 0, json!({}));
    }
    scene.write(view.take_changes());
    assert_eq!(scene.live_profiles(), 1);
    let person = scene.owner("email:a@x").unwrap();
    assert_eq!(scene.rows.held(person).count(&identifier("cluid:0").kind), 200);
    assert!(scene.conflicts().is_empty());
}

#[test]
fn an_attach_over_the_limit_leaves_the_value_unowned() {
    let mut scene = Scene::new();
    scene.rules.strong_limit = 2;
    let person = scene.event(&["crm:1", "email:a@x", "email:b@x"]).profile.unwrap();
    let third = scene.event(&["crm:1", "email:c@x", "phone:+1"]);
    assert_eq!(third.profile, Some(person));
    assert_eq!(refusals(&third), [(Refusal::StrongLimit, identifier("email:c@x"), person)]);
    assert_eq!(scene.owner("email:c@x"), None);
    assert_eq!(scene.owner("phone:+1"), Some(person));
    let alone = scene.event(&["email:c@x"]);
    assert!(alone.created, "as the strongest identifier it makes a profile");
}

#[test]
fn a_merge_over_the_limit_is_refused() {
    let mut scene = Scene::new();
    scene.rules.strong_limit = 2;
    let two = scene.event(&["email:a@x", "email:b@x", "phone:+1"]).profile.unwrap();
    let one = scene.event(&["email:c@x"]).profile.unwrap();
    let link = scene.event(&["email:c@x", "phone:+1"]);
    assert_eq!(
        (link.profile, refusals(&link)),
        (Some(one), vec![(Refusal::StrongLimit, identifier("phone:+1"), two)])
    );
}

#[test]
fn a_limit_that_was_lowered_takes_nothing_away() {
    let mut scene = Scene::new();
    let person = scene.event(&["email:a@x", "email:b@x", "email:c@x"]).profile;
    scene.rules.strong_limit = 1;
    assert_eq!(scene.event(&["email:c@x", "phone:+1"]).profile, person);
    assert_eq!(scene.owner("phone:+1"), person, "a phone brings no e-mails together");
    assert_eq!(scene.event(&["phone:+1", "email:d@x"]).steps.len(), 2);
    assert_eq!(scene.owner("email:d@x"), None);
}

#[test]
fn one_event_may_join_three_and_the_oldest_stays() {
    let mut scene = Scene::new();
    let oldest = scene.event(&["email:a@x"]).profile.unwrap();
    let middle = scene.event(&["phone:+1"]).profile.unwrap();
    let youngest = scene.event(&["crm:1"]).profile.unwrap();
    let link = scene.event(&["crm:1", "phone:+1", "email:a@x"]);
    assert_eq!(link.profile, Some(oldest));
    let merges: Vec<_> = scene.rows.merges.iter().map(|row| (row.merge.winner, row.merge.loser)).collect();
    assert_eq!(merges, [(middle, youngest), (oldest, middle)]);
    assert_eq!(scene.rows.profiles[&youngest].merged_into, Some(oldest), "one step deep");
}

#[test]
fn an_alias_that_the_view_does_not_know_is_moved_too() {
    let mut scene = Scene::new();
    let oldest = scene.event(&["email:a@x"]).profile.unwrap();
    scene.event(&["email:b@x"]);
    let youngest = scene.event(&["phone:+1"]).profile.unwrap();
    scene.event(&["email:b@x", "phone:+1"]);
    scene.event(&["email:a@x", "email:b@x"]);
    assert_eq!(scene.rows.profiles[&youngest].merged_into, Some(oldest));
    assert_eq!(scene.owner("phone:+1"), Some(oldest));
}

#[test]
fn with_little_room_the_stronger_evidence_takes_it() {
    let mut scene = Scene::new();
    scene.rules.strong_limit = 1;
    let mail = scene.event(&["email:a@x"]).profile.unwrap();
    let both = scene.event(&["email:b@x", "phone:+1"]).profile.unwrap();
    let link = scene.event(&["phone:+1", "crm:1", "email:a@x"]);
    assert_eq!(link.profile, Some(both), "the phone comes first in the workflow's order");
    assert_eq!(scene.owner("crm:1"), Some(both));
    assert_eq!(refusals(&link), [(Refusal::StrongLimit, identifier("email:a@x"), mail)]);
}

#[test]
fn a_never_join_pair_holds_for_what_its_sides_became() {
    let mut scene = Scene::new();
    let older = scene.event(&["phone:+9"]).profile.unwrap();
    let one = scene.event(&["email:a@x"]).profile.unwrap();
    let other = scene.event(&["phone:+1"]).profile.unwrap();
    scene.rows.never_join.insert((one.min(other), one.max(other)));
    scene.event(&["email:a@x", "phone:+9"]);
    let link = scene.event(&["email:a@x", "phone:+1"]);
    assert_eq!(
        (link.profile, refusals(&link)),
        (Some(older), vec![(Refusal::NeverJoin, identifier("phone:+1"), other)])
    );
}

#[test]
fn a_blocked_value_is_no_evidence() {
    let mut scene = Scene::new();
    let shared = identifier("email:office@x");
    scene.rules.blocked = BTreeSet::from([(shared.kind.clone(), shared.value.clone())]).into();
    let nobody = scene.event(&["email:office@x"]);
    assert_eq!((nobody.profile, nobody.created), (None, false));
    assert_eq!(nobody.steps, [Step::Blocked { identifier: shared }]);
    let one = scene.event(&["email:office@x", "phone:+1"]);
    let other = scene.event(&["email:office@x", "phone:+2"]);
    assert_ne!(one.profile, other.profile);
    assert_eq!((scene.owner("email:office@x"), scene.conflicts().len()), (None, 0));
}

#[test]
fn without_identifiers_there_is_nobody() {
    let nobody = Scene::new().event(&[]);
    assert!(nobody.profile.is_none() && nobody.steps.is_empty());
}

#[test]
fn the_same_conflict_is_counted_not_repeated() {
    let mut scene = Scene::new();
    let first = scene.event(&["cluid:c", "email:a@x"]).profile.unwrap();
    let second = scene.event(&["cluid:c", "email:b@x"]).profile.unwrap();
    let ids = [identifier("cluid:c"), identifier("email:b@x")];
    let mut view = scene.rows.view(ids.iter());
    scene.resolve(&mut view, &ids, 0, json!({}));
    scene.resolve(&mut view, &ids, 0, json!({}));
    let changes = view.take_changes();
    assert_eq!((changes.conflicts.len(), changes.conflicts[0].count), (1, 2));
    assert!(changes.evidence.is_empty(), "nothing about identity changed");
    scene.write(changes);
    assert_eq!(scene.conflicts(), [(Refusal::WeakEvidence, identifier("cluid:c"), second, first, 3)]);
    let conflict = scene.rows.conflicts.values().next().unwrap();
    assert_eq!((conflict.conflict.first.sequence, conflict.conflict.last.sequence), (2, 4));
}

#[test]
fn an_identifier_that_comes_twice_counts_once() {
    let mut scene = Scene::new();
    let decision = scene.event(&["email:a@x", "email:a@x"]);
    assert_eq!(decision.steps.len(), 2, "created and attached");
}

#[test]
fn the_raw_value_is_kept_with_the_identifier_only() {
    let mut scene = Scene::new();
    let mut told = identifier("email:a@x");
    told.raw = Some(" A@X ".to_owned());
    let mut view = View::new();
    let decision = scene.resolve(&mut view, std::slice::from_ref(&told), 0, json!({}));
    let changes = view.take_changes();
    assert_eq!(changes.identifiers[0].identifier, told);
    assert_eq!(decision.steps[1], Step::Attached { identifier: identifier("email:a@x") });
    assert_eq!(changes.evidence[0].steps, decision.steps);
}

#[test]
fn an_incomplete_view_refuses_and_stays_as_it_was() {
    let mut scene = Scene::new();
    scene.event(&["email:a@x"]);
    let missing = scene.owner("email:a@x").unwrap();
    let ids = [identifier("phone:+1"), identifier("email:a@x")];
    let mut view = View::new();
    view.insert_owner(ids[1].kind.clone(), ids[1].value.clone(), missing);
    assert_eq!(view.missing_profiles(), BTreeSet::from([missing]));
    let mut resolved = None;
    let traits = serde_json::Map::new();
    let event = scene.rows.evidence[0].occasion;
    let evidence = tributary_domain::identity::Evidence {
        event: event.event,
        sequence: 2,
        received: event.at,
        event_time: event.at,
        identifiers: &ids,
        traits: &traits,
        new_profile: ProfileId::new(1, 1),
        earlier: None,
    };
    if let Err(error) = view.resolve(&scene.rules, &evidence) {
        resolved = Some(error.0);
    }
    assert_eq!(resolved, Some(missing));
    assert_eq!(view.take_changes(), Default::default());
}

#[test]
fn what_is_stored_has_these_shapes() {
    let mut scene = Scene::new();
    let first =
        scene.event_with(&["cluid:c", "cluid:d", "email:a@x"], 0, json!({"name": "Ann", "city": null}));
    let id = first.profile.unwrap();
    let row = &scene.rows.profiles[&id];
    assert_eq!(row.held, r#"{"cluid":2,"email":["a@x"]}"#);
    assert_eq!(row.traits, r#"{"city":{"t":3600000000,"s":1},"name":{"v":"Ann","t":3600000000,"s":1}}"#);
    let second = scene.event(&["crm:1", "cluid:d", "phone:+1"]);
    let steps = json!([
        {"step": "matched", "profile": id, "by": {"kind": "cluid", "value": "d"}},
        {"step": "attached", "identifier": {"kind": "external_id:crm", "value": "1"}},
        {"step": "attached", "identifier": {"kind": "phone", "value": "+1"}},
    ]);
    assert_eq!(
        serde_json::to_value(&second).unwrap(),
        json!({"profile": id, "created": false, "steps": steps})
    );
    let third = scene.event(&["email:b@x", "cluid:d"]);
    assert_eq!(
        serde_json::to_value(&third.steps[2]).unwrap(),
        json!({"step": "refused", "identifier": {"kind": "cluid", "value": "d"}, "rule": "weak_evidence", "other": id}),
    );
}

#[test]
fn debug_output_names_no_person() {
    let mut scene = Scene::new();
    let ids = [identifier("email:canary@x")];
    let mut view = View::new();
    let decision = scene.resolve(&mut view, &ids, 0, json!({"name": "canary"}));
    scene.rules.blocked = BTreeSet::from([(ids[0].kind.clone(), ids[0].value.clone())]).into();
    let text = format!(
        "{ids:?} {decision:?} {:?} {view:?} {:?}",
        scene.rules,
        view.profile(decision.profile.unwrap())
    );
    assert!(!text.contains("canary@x") && !text.contains("\"canary\""), "{text}");
    assert!(!format!("{:?}", view.take_changes()).contains("canary"));
}
