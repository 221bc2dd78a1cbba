//! Several events in one request, and what is said of each.

use http::HeaderMap;
use serde_json::{Value, json};

use super::*;
use crate::destinations::{
    Outcome, PLATFORMS, find,
    tests::{NOW, body, event, identifier, word, working},
};

/// An event of each of these people.
fn of(people: &[&str]) -> Vec<OutgoingEvent> {
    let of = |email: &&str| {
        let mut event = OutgoingEvent { identifiers: vec![identifier("email", email)], ..event() };
        event.traits.insert("email".to_owned(), (*email).into());
        event
    };
    people.iter().map(of).collect()
}

fn items(platform: &str, people: &[&str]) -> Vec<Item> {
    let (settings, secrets) = working(platform);
    let batching = find(platform).unwrap().batching().unwrap();
    of(people).iter().map(|event| batching.item(&settings, &secrets, event, NOW).unwrap()).collect()
}

/// The events in a request.
fn events_of(request: &Value) -> &[Value] {
    let names = ["data", "elements", "events", "inputs"];
    names.iter().find_map(|name| request[name].as_array()).unwrap()
}

fn replied(platform: &str, status: u16, answer: &Value, items: &[Item]) -> Replies {
    let platform = find(platform).unwrap();
    replies(platform, (status, &HeaderMap::new(), answer.to_string().as_bytes()), NOW, items)
}

fn each(replies: Replies) -> Vec<(&'static str, String, Value)> {
    let Replies::Each(each) = replies else { panic!("it says something of each: {replies:?}") };
    each.into_iter().map(|one| (word(&one.judged.outcome), one.judged.code, one.part)).collect()
}

#[test]
fn a_batch_of_one_is_the_request_of_one_and_a_batch_has_them_in_order() {
    for platform in PLATFORMS {
        let Some(batching) = platform.batching() else { continue };
        let (settings, secrets) = working(platform.name());
        let people = if platform.about().limits.of_one_person {
            ["a@example.com"; 3]
        } else {
            ["a@example.com", "b@example.com", "c@example.com"]
        };
        let events = of(&people);
        let mut alone = vec![batching.item(&settings, &secrets, &events[0], NOW).unwrap()];
        assert!(alone[0].bytes() > 20 && !format!("{alone:?}").contains("example"), "{alone:?}");
        let one = batching.envelope(&settings, &secrets, &mut alone).unwrap();
        assert_eq!(
            one,
            platform.request(&settings, &secrets, &events[0], NOW).unwrap(),
            "{}",
            platform.name()
        );

        let mut all: Vec<Item> =
            events.iter().map(|event| batching.item(&settings, &secrets, event, NOW).unwrap()).collect();
        let request = body(&batching.envelope(&settings, &secrets, &mut all).unwrap());
        let list = events_of(&request);
        for (sent, event) in list.iter().zip(&events) {
            let single = body(&platform.request(&settings, &secrets, event, NOW).unwrap());
            let single = events_of(&single)[0].clone();
            let mut sent = sent.clone();
            let own = sent.as_object_mut().unwrap();
            own.remove("objectWriteTraceId");
            let time = own.remove("timestamp_micros");
            assert_eq!(time.is_some(), platform.name() == "ga4");
            assert_eq!(request.get("timestamp_micros"), None, "each has its own");
            assert_eq!(sent, single, "{}", platform.name());
        }
        assert_eq!(list.len(), 3, "{}", platform.name());
        assert!(platform.about().limits.max_batch > 1, "{}", platform.name());
    }
}

#[test]
fn a_contact_stands_once_in_a_request() {
    let contacts = items("hubspot", &["Ann@Example.com", "ann@example.com", "bob@example.com"]);
    assert!(!contacts[0].goes_with(&contacts[1]) && contacts[0].goes_with(&contacts[2]));
    let events = items("meta", &["ann@example.com", "ann@example.com"]);
    assert!(events[0].goes_with(&events[1]), "others take what they are told");
}

#[test]
fn googles_requests_are_of_one_browser() {
    let items = items("ga4", &["ann@example.com", "ann@example.com", "bob@example.com"]);
    assert!(items[0].goes_with(&items[1]));
    assert!(!items[0].goes_with(&items[2]), "what stands beside the events is of another");
}

#[test]
fn a_request_to_google_ads_is_of_one_conversion_action() {
    let (settings, secrets) = working("google_ads");
    let batching = find("google_ads").unwrap().batching().unwrap();
    let item = |name: &str| {
        let event = OutgoingEvent { name: name.to_owned(), ..event() };
        batching.item(&settings, &secrets, &event, NOW).unwrap()
    };
    let mut items = vec![item("Schedule"), item("Schedule")];
    assert!(items[0].goes_with(&items[1]) && !items[0].goes_with(&item("AddToCart")));
    let request = body(&batching.envelope(&settings, &secrets, &mut items).unwrap());
    assert_eq!(request["destinations"].as_array().map(Vec::len), Some(1));
    assert_eq!(request["destinations"][0]["reference"], request["events"][1]["destinationReferences"][0]);
}

#[test]
fn linkedin_says_a_status_of_each() {
    let items = items("linkedin", &["a@example.com", "b@example.com", "c@example.com", "d@example.com"]);
    let wrong = json!({"status": 400, "error": {"code": "INVALID", "message": "no"}});
    let forbidden = json!({"status": 403, "error": {"code": "ACCESS_DENIED"}});
    let answer = json!({"elements": [{"status": 201}, wrong, forbidden]});
    let expected = [
        ("delivered", String::new(), json!({"status": 201})),
        ("permanent", "INVALID".to_owned(), wrong.clone()),
        // Of one of them, that stops no others.
        ("retry", "ACCESS_DENIED".to_owned(), forbidden.clone()),
        ("retry", "HTTP_200".to_owned(), Value::Null),
    ];
    assert_eq!(each(replied("linkedin", 200, &answer, &items)), expected);
    let refused = replied("linkedin", 401, &json!({"code": "REVOKED_ACCESS_TOKEN"}), &items);
    let Replies::All(judged) = refused else { panic!("it is about all of them") };
    assert_eq!((word(&judged.outcome), judged.code.as_str()), ("revoked", "REVOKED_ACCESS_TOKEN"));
}

#[test]
fn hubspot_names_who_went_wrong_and_who_did_not() {
    let items = items("hubspot", &["a@example.com", "b@example.com", "C@example.com", "d@example.com"]);
    let error = json!({"category": "VALIDATION_ERROR", "context": {"objectWriteTraceId": ["1"]}});
    let result = |email: &str| json!({"id": "1", "properties": {"email": email}});
    let answer = json!({"results": [result("c@example.com"), result("a@example.com")], "errors": [error]});
    let expected = [
        ("delivered", String::new(), result("a@example.com")),
        ("permanent", "VALIDATION_ERROR".to_owned(), error.clone()),
        ("delivered", String::new(), result("c@example.com")),
        ("retry", "HTTP_207".to_owned(), Value::Null),
    ];
    assert_eq!(each(replied("hubspot", 207, &answer, &items)), expected);

    // One error may be of several.
    let several = json!({"category": "VALIDATION_ERROR", "context": {"objectWriteTraceId": ["3", "1"]}});
    let answer = json!({"results": [result("a@example.com"), result("c@example.com")], "errors": [several]});
    let words: Vec<_> = each(replied("hubspot", 207, &answer, &items)).into_iter().map(|one| one.0).collect();
    assert_eq!(words, ["delivered", "permanent", "delivered", "permanent"]);

    // An error that names nobody is of those of whom nothing else is said.
    let answer = json!({"results": [result("a@example.com")], "errors": [{"category": "MISSING_SCOPES"}]});
    let words: Vec<_> = each(replied("hubspot", 207, &answer, &items)).into_iter().map(|one| one.0).collect();
    assert_eq!(words, ["delivered", "retry", "retry", "retry"], "and stops no others");

    // Of one alone everything that is said is of it.
    let answer = json!({"results": [{"id": "1"}], "errors": []});
    assert_eq!(each(replied("hubspot", 200, &answer, &items[..1]))[0].0, "delivered");
    let cut = b"{\"results\": [{\"id\": \"1\", \"prop";
    let platform = find("hubspot").unwrap();
    let Replies::All(judged) = replies(platform, (207, &HeaderMap::new(), cut), NOW, &items) else {
        panic!("it cannot be read of whom it is")
    };
    assert!(matches!(judged.outcome, Outcome::Permanent { .. }));
}

#[test]
fn meta_and_tiktok_take_all_or_none() {
    for (platform, status, answer, expected) in [
        ("meta", 200, json!({"events_received": 2}), ("delivered", "")),
        (
            "meta",
            400,
            json!({"error": {"code": 100, "error_subcode": 2_804_003}}),
            ("permanent", "100/2804003"),
        ),
        ("meta", 500, json!({"error": {"code": 190}}), ("revoked", "190")),
        ("meta", 400, json!({"error": {"code": 17}}), ("retry", "17")),
        ("tiktok", 200, json!({"code": 0}), ("delivered", "")),
        ("tiktok", 200, json!({"code": 40_002}), ("permanent", "40002")),
        ("tiktok", 200, json!({"code": 20_001}), ("permanent", "20001")),
        ("tiktok", 200, json!({"code": 40_105}), ("revoked", "40105")),
        ("tiktok", 413, json!({}), ("permanent", "HTTP_413")),
    ] {
        let items = items(platform, &["a@example.com", "b@example.com"]);
        let Replies::All(judged) = replied(platform, status, &answer, &items) else {
            panic!("{platform} says the same of all")
        };
        assert_eq!((word(&judged.outcome), judged.code.as_str()), expected, "{platform} {answer}");
    }
}
