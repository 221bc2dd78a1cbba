//! Merges that are taken back, conflicts that are decided, and values that many people share.

use serde_json::{Value, json};
use tributary_domain::{
    id::{MergeId, ProfileId},
    identity::{CannotUndo, Refusal, Tie, Traits, undo},
};

use crate::{
    rows::Rows,
    scene::{Scene, identifier, refusals},
};

fn traits(rows: &Rows, person: ProfileId) -> Value {
    let traits: Traits = serde_json::from_str(&rows.profiles[&person].traits).unwrap();
    traits.values().into()
}

fn last_merge(scene: &Scene) -> MergeId {
    scene.rows.merges.last().unwrap().merge.id
}

fn undo_last(scene: &mut Scene) {
    let merge = last_merge(scene);
    scene.rows.undo(merge).unwrap();
    scene.rows.check().unwrap();
}

#[test]
fn both_sides_are_as_they_were() {
    let mut scene = Scene::new();
    scene.event_with(&["email:a@x", "cluid:1"], 0, json!({"name": "Ann", "city": "Oslo"}));
    scene.event_with(&["phone:+1", "cluid:2"], 0, json!({"name": "Bob"}));
    scene.event_with(&["email:a@x"], -90 * 60, json!({"plan": "free"}));
    let before = scene.rows.profiles.clone();
    // It brings nothing but the merge.
    scene.event(&["email:a@x", "phone:+1"]);
    assert_eq!(scene.live_profiles(), 1);
    undo_last(&mut scene);
    assert_eq!(scene.rows.profiles, before);
}

#[test]
fn what_came_since_goes_to_the_side_whose_identifier_brought_it() {
    let mut scene = Scene::new();
    let ann = scene.event_with(&["email:a@x"], 0, json!({"name": "Ann"})).profile.unwrap();
    let bob = scene.event_with(&["phone:+1"], 0, json!({"name": "Bob"})).profile.unwrap();
    scene.event(&["email:a@x", "phone:+1"]);
    let landed = scene.event_with(&["phone:+1", "cluid:1"], 0, json!({"city": "Rome"}));
    assert_eq!(landed.profile, Some(ann), "they are one person then");
    scene.event_with(&["email:a@x", "fbp:1"], 0, json!({"plan": "free"}));
    undo_last(&mut scene);
    assert_eq!(traits(&scene.rows, ann), json!({"name": "Ann", "plan": "free"}));
    assert_eq!(traits(&scene.rows, bob), json!({"name": "Bob", "city": "Rome"}));
    assert_eq!((scene.owner("cluid:1"), scene.owner("fbp:1")), (Some(bob), Some(ann)));
}

#[test]
fn the_same_evidence_does_not_join_them_again() {
    let mut scene = Scene::new();
    let ann = scene.event(&["email:a@x"]).profile.unwrap();
    let bob = scene.event(&["phone:+1"]).profile.unwrap();
    scene.event(&["email:a@x", "phone:+1"]);
    undo_last(&mut scene);
    let again = scene.event(&["email:a@x", "phone:+1"]);
    assert_eq!(again.profile, Some(ann));
    assert_eq!(refusals(&again), [(Refusal::NeverJoin, identifier("phone:+1"), bob)]);
    let pair = *scene.rows.never_join.first().unwrap();
    scene.rows.lift(pair);
    scene.event(&["email:a@x", "phone:+1"]);
    assert_eq!(scene.live_profiles(), 1, "until a person lifts it");
    undo_last(&mut scene);
    assert_eq!(scene.live_profiles(), 2, "and it can be undone again");
}

#[test]
fn who_joined_by_one_sides_identifier_stays_with_that_side() {
    let mut scene = Scene::new();
    let first = scene.event(&["email:a@x"]).profile.unwrap();
    let early = scene.event(&["crm:1"]).profile.unwrap();
    let second = scene.event(&["phone:+1"]).profile.unwrap();
    scene.event(&["email:a@x", "phone:+1"]);
    let merge = last_merge(&scene);
    // An older profile than the one that it comes to by that one's phone.
    scene.event(&["crm:1", "phone:+1"]);
    assert_eq!(scene.live_profiles(), 1);
    scene.rows.undo(merge).unwrap();
    scene.rows.check().unwrap();
    assert_eq!(scene.owner("email:a@x"), Some(first));
    assert_eq!(scene.owner("phone:+1"), Some(early), "the older of those two stays");
    assert_eq!(scene.rows.profiles[&second].merged_into, Some(early));
}

#[test]
fn what_was_not_kept_or_is_not_in_force_is_not_undone() {
    let mut scene = Scene::new();
    scene.event(&["email:a@x"]);
    scene.event(&["phone:+1"]);
    scene.event(&["email:a@x", "phone:+1"]);
    let merge = scene.rows.merges[0].merge.clone();
    let person = scene.rows.person(merge.winner);
    let tie = |is_exact| Tie { merge: merge.id, left: merge.left, right: merge.right, is_exact };
    assert_eq!(undo(&person, &[tie(false)], merge.id), Err(CannotUndo::NotKept));
    assert_eq!(undo(&person, &[], merge.id), Err(CannotUndo::NotInForce));
    assert_eq!(undo(&person[..1], &[tie(true)], merge.id), Err(CannotUndo::Incomplete));
}

#[test]
fn weak_evidence_brings_as_many_values_together_as_the_tenant_allows() {
    let mut scene = Scene::new();
    scene.rules.weak_limit = 2;
    let first = scene.event(&["cluid:c", "email:a@x"]).profile;
    assert_eq!(scene.event(&["cluid:c", "email:b@x"]).profile, first);
    let third = scene.event(&["cluid:c", "email:c@x"]);
    assert_eq!(refusals(&third), [(Refusal::WeakEvidence, identifier("cluid:c"), first.unwrap())]);
}

#[test]
fn a_link_in_a_newsletter_is_quarantined_and_nobody_else_is() {
    let mut scene = Scene::new();
    scene.rules.guard.people = 3;
    let first = scene.event(&["cluid:c", "email:0@x"]).profile;
    for number in 1..=4 {
        scene.event(&["cluid:c", &format!("email:{number}@x")]);
    }
    assert!(scene.rows.blocked.contains(&("cluid".to_owned(), "c".to_owned())));
    assert_eq!(scene.owner("cluid:c"), first, "whoever has it keeps it");
    let next = scene.event(&["cluid:c", "email:5@x"]);
    assert!(next.created && refusals(&next).len() == 1, "an example has its own rules");
}

#[test]
fn old_meetings_do_not_count() {
    let mut scene = Scene::new();
    scene.rules.guard.people = 2;
    // Messages come an hour apart.
    scene.rules.guard.window = std::time::Duration::from_secs(2 * 60 * 60);
    for number in 0..9 {
        scene.event(&["cluid:c", &format!("email:{number}@x")]);
    }
    assert!(scene.rows.blocked.is_empty());
    scene.rules.guard.window = std::time::Duration::from_secs(3 * 60 * 60);
    scene.event(&["cluid:c", "email:9@x"]);
    assert_eq!(scene.rows.blocked.len(), 1);
}

#[test]
fn whom_a_value_met_is_one_person_under_every_name() {
    let mut scene = Scene::new();
    scene.rules.guard.people = 1;
    let first = scene.event(&["phone:+1"]).profile;
    scene.event(&["cluid:c", "email:a@x"]);
    let met = scene.event(&["cluid:c", "email:b@x"]).profile;
    assert_eq!(scene.event(&["email:b@x", "phone:+1"]).profile, first);
    assert_ne!(met, first, "the one whom it met has another name by now");
    for _ in 0..2 {
        scene.again(3, &["cluid:c", "email:b@x"]);
        scene.event(&["cluid:c", "phone:+1"]);
    }
    assert!(scene.rows.blocked.is_empty(), "it met nobody else");
    scene.event(&["cluid:c", "email:d@x"]);
    assert_eq!(scene.rows.blocked.len(), 1);
}

#[test]
fn a_late_message_counts_whom_the_value_met_within_a_window_of_it() {
    let mut scene = Scene::new();
    scene.rules.guard.people = 2;
    // Messages come an hour apart.
    scene.rules.guard.window = std::time::Duration::from_secs(3 * 60 * 60);
    scene.event(&["cluid:c", "email:0@x"]);
    for number in 2..=11_u64 {
        if number.is_multiple_of(3) {
            scene.event(&["phone:+1"]);
        } else {
            // Two in a window, never three.
            scene.event(&["cluid:c", &format!("email:{number}@x")]);
        }
    }
    for number in [2, 4, 5, 10] {
        scene.again(number, &["cluid:c", &format!("email:{number}@x")]);
    }
    assert!(scene.rows.blocked.is_empty(), "nobody was one too many then, nor is now");
    scene.again(6, &["cluid:c", "email:6@x"]);
    assert_eq!(scene.rows.blocked.len(), 1, "the third between two others is");
}
