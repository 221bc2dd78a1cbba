//! Traits: the last write wins, by the time it happened.

use serde_json::{Map, Value, json};
use tributary_domain::identity::Traits;

use crate::scene::{MINUTE, Scene};

fn traits(scene: &Scene) -> Map<String, Value> {
    let person = scene.owner("email:a@x").unwrap();
    serde_json::from_str::<Traits>(&scene.rows.profiles[&person].traits).unwrap().values()
}

fn name_after(events: &[(i64, Value)]) -> Option<Value> {
    let mut scene = Scene::new();
    for (seconds, name) in events {
        scene.event_with(&["email:a@x"], *seconds, json!({ "name": name }));
    }
    traits(&scene).remove("name")
}

#[test]
fn a_late_event_does_not_overwrite_newer_truth() {
    assert_eq!(name_after(&[(0, json!("new")), (-180 * MINUTE, json!("old"))]), Some(json!("new")));
}

#[test]
fn a_clock_that_is_ahead_pins_nothing() {
    let year = 365 * 24 * 60 * MINUTE;
    assert_eq!(name_after(&[(year, json!("ahead")), (0, json!("next"))]), Some(json!("next")));
    assert_eq!(
        name_after(&[(60 * MINUTE + 5 * MINUTE, json!("ahead")), (4 * MINUTE, json!("next"))]),
        Some(json!("next")),
        "five minutes after its own arrival is long before the next one",
    );
}

#[test]
fn five_minutes_ahead_are_believed() {
    // Messages arrive an hour apart: the second is dated one minute before the clamped time of the first.
    assert_eq!(
        name_after(&[(90 * MINUTE, json!("first")), (-56 * MINUTE, json!("second"))]),
        Some(json!("first"))
    );
    assert_eq!(
        name_after(&[(90 * MINUTE, json!("first")), (-54 * MINUTE, json!("second"))]),
        Some(json!("second"))
    );
}

#[test]
fn at_the_same_time_the_later_arrival_counts() {
    assert_eq!(name_after(&[(0, json!("first")), (-60 * MINUTE, json!("second"))]), Some(json!("second")));
}

#[test]
fn clear_erases_and_older_news_do_not_bring_it_back() {
    assert_eq!(name_after(&[(0, json!("Ann")), (0, Value::Null)]), None);
    assert_eq!(name_after(&[(0, Value::Null), (-120 * MINUTE, json!("Ann"))]), None);
    assert_eq!(name_after(&[(0, Value::Null), (0, json!("Ann"))]), Some(json!("Ann")));
}

#[test]
fn what_is_absent_erases_nothing() {
    let mut scene = Scene::new();
    scene.event_with(&["email:a@x"], 0, json!({"name": "Ann", "city": "Oslo"}));
    scene.event_with(&["email:a@x"], 0, json!({"city": "Rome"}));
    assert_eq!(Value::from(traits(&scene)), json!({"name": "Ann", "city": "Rome"}));
}

#[test]
fn a_merge_keeps_the_later_write_of_each_trait() {
    let mut scene = Scene::new();
    scene.event_with(&["email:a@x"], 0, json!({"name": "Ann", "city": "Oslo", "plan": "free"}));
    scene.event_with(&["phone:+1"], 0, json!({"name": "Anna", "plan": null}));
    scene.event_with(&["phone:+1"], -600 * MINUTE, json!({"city": "Rome"}));
    scene.event(&["email:a@x", "phone:+1"]);
    assert_eq!(Value::from(traits(&scene)), json!({"name": "Anna", "city": "Oslo"}));
}
