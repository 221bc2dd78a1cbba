//! What requests say of themselves: their events, what tells them from others, bookings, questions.

use std::collections::BTreeSet;

use http::HeaderMap;
use serde_json::{Value, json};
use tributary_domain::{
    booking::{KeyScope, Stage},
    time::Timestamp,
    workflow::event::RunOutcome,
};

use crate::sources::{Ask, Challenge, Provider, Signature, provider, providers, testing};

#[test]
fn providers_are_found_by_their_names() {
    let names: BTreeSet<&str> = providers().iter().map(|provider| provider.name()).collect();
    assert_eq!(names.len(), providers().len());
    for name in names {
        assert_eq!(provider(name).map(Provider::name), Some(name));
    }
    assert!(provider("Calendly").is_none());
}

fn told(name: &str, headers: &[(&str, &str)], body: &Value) -> (Option<String>, Option<String>) {
    let facts = testing::facts(provider(name).unwrap(), &testing::headers(headers), body);
    (facts.provider_event, facts.dedupe_key)
}

fn some(event: &str, key: &str) -> (Option<String>, Option<String>) {
    (Some(event.to_owned()), Some(key.to_owned()))
}

#[test]
fn events_and_dedupe_keys_stand_where_their_provider_says_them() {
    assert_eq!(
        told("stripe", &[], &json!({"id": "evt_1", "type": "charge.refunded"})),
        some("charge.refunded", "evt_1")
    );
    let shopify = [("x-shopify-topic", "orders/paid"), ("x-shopify-webhook-id", "b54557e4")];
    assert_eq!(told("shopify", &shopify, &json!({"id": 1})), some("orders/paid", "b54557e4"));
    let github = [("x-github-event", "issues"), ("x-github-delivery", "72d3162e")];
    assert_eq!(told("github", &github, &json!({"action": "opened"})), some("issues.opened", "72d3162e"));
    let ping = [("x-github-event", "ping"), ("x-github-delivery", "72d3162f")];
    assert_eq!(told("github", &ping, &json!({"zen": "Keep it simple."})), some("ping", "72d3162f"));
    let typeform = json!({"event_type": "form_response", "event_id": "e1", "form_response": {"token": "t1"}});
    assert_eq!(told("typeform", &[], &typeform), some("form_response", "form_response t1"));
    for header in ["webhook-id", "svix-id"] {
        let body = json!({"type": "a.b"});
        assert_eq!(told("standard_webhooks", &[(header, " msg_1 ")], &body), some("a.b", "msg_1"));
    }
    let lead =
        |id: Value| json!({"entry": [{"changes": [{"field": "leadgen", "value": {"leadgen_id": id}}]}]});
    for id in [json!("44"), json!(44)] {
        assert_eq!(told("meta_lead_ads", &[], &lead(id)), some("leadgen", "44"));
    }
}

#[test]
fn what_says_nothing_of_itself_has_no_key() {
    for provider in providers() {
        for body in
            [json!(null), json!([]), json!("x"), json!({"entry": [{"changes": [{"value": 1}]}]}), json!([{}])]
        {
            let facts = testing::facts(*provider, &HeaderMap::new(), &body);
            // An old signature of HubSpot's is good for ever, so that whatever it signs is taken once.
            let has_key = provider.name() == "hubspot";
            assert_eq!(
                (facts.dedupe_key.is_some(), facts.booking),
                (has_key, None),
                "{} {body}",
                provider.name()
            );
        }
    }
    let empty = [("x-shopify-topic", ""), ("x-shopify-webhook-id", " ")];
    assert_eq!(told("shopify", &empty, &json!({})), (None, None));
}

#[test]
fn orders_of_one_second_are_several_although_woocommerce_names_their_deliveries_alike() {
    let told = |topic: &str, order: u64| {
        let headers = [("x-wc-webhook-topic", topic), ("x-wc-webhook-delivery-id", "f1c2")];
        told("woocommerce", &headers, &json!({"id": order}))
    };
    let (event, key) = told("order.created", 1);
    assert_eq!(event.as_deref(), Some("order.created"));
    assert!(key.is_some());
    assert_eq!(told("order.created", 1).1, key, "delivered again");
    assert_ne!(told("order.created", 2).1, key, "another order");
    assert_ne!(told("order.updated", 1).1, key, "another topic");
}

#[test]
fn a_lead_of_meta_is_known_among_other_changes() {
    let body = |feed: u64, lead: u64| {
        json!({"entry": [{"changes": [
            {"field": "feed", "value": {"post_id": feed}},
            {"field": "leadgen", "value": {"leadgen_id": lead}},
        ]}]})
    };
    let key = |feed, lead| told("meta_lead_ads", &[], &body(feed, lead)).1.unwrap();
    assert_eq!(key(1, 44), key(1, 44));
    assert_ne!(key(1, 44), key(1, 45));
    assert_ne!(key(1, 44), key(2, 44), "the other change is not lost");
    let outcome = testing::run(
        provider("meta_lead_ads").unwrap(),
        "meta_lead",
        &HeaderMap::new(),
        &json!({"entry": [{"changes": [
            {"field": "feed", "value": {"post_id": 1}},
            {"field": "leadgen", "value": {"leadgen_id": "44", "created_time": 1_773_151_350}},
        ]}]}),
    );
    assert!(matches!(outcome, RunOutcome::Events(events) if events[0].dedupe_id.as_deref() == Some("44")));
}

#[test]
fn what_a_workflow_of_hubspot_sends_is_taken_once() {
    let key = |body: &Value| told("hubspot", &[], body).1;
    let contact = json!({"vid": 901, "properties": {"email": {"value": "nadia@example.com"}}});
    assert!(key(&contact).is_some());
    assert_eq!(key(&contact), key(&contact.clone()));
    assert_ne!(key(&contact), key(&json!({"vid": 902})));
}

#[test]
fn the_id_that_tells_a_standard_webhook_from_others_is_the_one_that_is_signed() {
    let provider = provider("standard_webhooks").unwrap();
    let settings = provider.check_settings(&Value::Null).unwrap();
    let (key, now) = ("whsec_5d41402abc4b2a76b9719d911017c592", Timestamp::from_seconds(1_800_000_000));
    let body = b"{\"type\":\"a.b\"}";
    let signed = testing::sign(provider, &settings, key, body, now);
    let svix: Vec<(String, String)> =
        signed.iter().map(|(name, value)| (name.replace("webhook-", "svix-"), value.clone())).collect();
    let mut svix = testing::headers(&svix);
    svix.insert("svix-id", "dlv_1".parse().unwrap());
    let verify =
        |headers: &HeaderMap| testing::verify(provider, &settings, &[key.to_owned()], headers, body, now);
    assert_eq!(verify(&svix), Ok(Signature::Valid));
    // The same delivery again, under an id that nobody signed.
    svix.insert("webhook-id", "dlv_2".parse().unwrap());
    assert_eq!(testing::facts(provider, &svix, &json!({})).dedupe_key.as_deref(), Some("dlv_2"));
    assert!(verify(&svix).is_err());
}

#[test]
fn a_batch_of_hubspot_is_the_same_at_another_attempt_and_no_other_one() {
    let sample: Value = serde_json::from_str(provider("hubspot").unwrap().sample().body).unwrap();
    let (event, key) = told("hubspot", &[], &sample);
    assert_eq!(event.as_deref(), Some("contact.creation"));
    let mut again = sample.clone();
    again[0]["attemptNumber"] = json!(3);
    assert_eq!(told("hubspot", &[], &again).1, key);
    for (field, value) in
        [("eventId", json!(1)), ("objectId", json!(2)), ("occurredAt", json!(3)), ("portalId", json!(4))]
    {
        let mut other = sample.clone();
        other[1][field] = value;
        assert_ne!(told("hubspot", &[], &other).1, key, "{field}");
    }
    let mut fewer = sample.clone();
    fewer.as_array_mut().unwrap().pop();
    assert_ne!(told("hubspot", &[], &fewer).1, key);
}

#[test]
fn the_headers_that_tell_something_are_kept_and_the_signature_is_not() {
    for (name, sent, kept) in [
        (
            "shopify",
            [("x-shopify-topic", "orders/create"), ("x-shopify-hmac-sha256", "c2ln")],
            "x-shopify-topic",
        ),
        ("github", [("x-github-event", "star"), ("x-hub-signature-256", "sha256=aa")], "x-github-event"),
        (
            "woocommerce",
            [("x-wc-webhook-topic", "order.created"), ("x-wc-webhook-signature", "c2ln")],
            "x-wc-webhook-topic",
        ),
        ("standard_webhooks", [("svix-id", "msg_1"), ("svix-signature", "v1,c2ln")], "svix-id"),
    ] {
        let provider = provider(name).unwrap();
        let settings = provider.check_settings(&Value::Null).unwrap();
        let found = provider.kept_headers(&settings, &testing::headers(&sent));
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), [kept], "{name}");
        let again = testing::facts(provider, &testing::headers(&found), &json!({}));
        let before = testing::facts(provider, &testing::headers(&sent), &json!({}));
        assert_eq!((again.provider_event, again.dedupe_key), (before.provider_event, before.dedupe_key));
    }
}

#[test]
fn bookings_of_calcom_are_moved_and_given_up_in_one_message_each() {
    let sample: Value = serde_json::from_str(provider("calcom").unwrap().sample().body).unwrap();
    let of = |event: &str, change: fn(&mut Value)| {
        let mut body = sample.clone();
        body["triggerEvent"] = json!(event);
        change(&mut body["payload"]);
        testing::facts(provider("calcom").unwrap(), &HeaderMap::new(), &body).booking
    };
    let made = of("BOOKING_CREATED", |_| {}).unwrap();
    assert_eq!(
        (made.key.as_str(), made.stages.as_slice(), made.scope),
        ("bfz2Yd3r8KqLx5VnWm7Tga", &[Stage::Created][..], KeyScope::Source)
    );
    assert_eq!(made.at.unwrap().to_string(), "2026-03-10T14:02:30.512Z");
    let moved = of("BOOKING_RESCHEDULED", |payload| {
        payload["rescheduleUid"] = payload["uid"].take();
        payload["uid"] = json!("second");
    });
    let moved = moved.unwrap();
    assert_eq!((moved.key.as_str(), moved.previous.as_deref()), ("second", Some(made.key.as_str())));
    assert_eq!(moved.stages, [Stage::Rescheduled]);
    assert_eq!(of("BOOKING_CANCELLED", |_| {}).unwrap().stages, [Stage::Cancelled]);
    assert_eq!(of("BOOKING_REJECTED", |_| {}).unwrap().stages, [Stage::Cancelled]);
    assert_eq!(of("BOOKING_REQUESTED", |_| {}), None, "nobody has confirmed it");
    let mark = |payload: &mut Value| {
        payload["bookingUid"] = payload["uid"].take();
        payload["attendees"][0]["noShow"] = json!(true);
    };
    let marked = of("BOOKING_NO_SHOW_UPDATED", mark).unwrap();
    assert_eq!((marked.key, marked.stages), (made.key, vec![Stage::NoShow]));
    let taken_back =
        of("BOOKING_NO_SHOW_UPDATED", |payload| payload["attendees"][0]["noShow"] = json!(false));
    assert_eq!(taken_back.unwrap().stages, [Stage::NoShowRemoved]);
    assert_eq!(of("MEETING_ENDED", |_| {}), None);
}

#[test]
fn a_mark_of_calcom_can_be_set_again_and_a_booking_is_made_once() {
    let body =
        |event: &str, at: &str| json!({"triggerEvent": event, "createdAt": at, "payload": {"uid": "u"}});
    let key = |event: &str, at: &str| told("calcom", &[], &body(event, at)).1.unwrap();
    assert_eq!(key("BOOKING_CREATED", "1"), key("BOOKING_CREATED", "2"));
    assert_ne!(key("BOOKING_CREATED", "1"), key("BOOKING_CANCELLED", "1"));
    assert_ne!(key("BOOKING_NO_SHOW_UPDATED", "1"), key("BOOKING_NO_SHOW_UPDATED", "2"));
}

fn asked(query: &str) -> Option<Challenge> {
    provider("meta_lead_ads").unwrap().challenge(&Ask::Get { query, token: "s3cret-_of_the_url" })
}

#[test]
fn meta_is_answered_only_with_the_token_of_the_url() {
    let right = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=s3cret-_of_the_url";
    assert_eq!(asked(right), Some(Challenge::Answer("1158201444".to_owned())));
    for wrong in [
        "",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=subscribe&hub.verify_token=s3cret-_of_the_url",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=nope",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=S3cret-_of_the_url",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=",
        "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=s3cret-_of_the_url",
        "hub.challenge=1&hub.verify_token=s3cret-_of_the_url",
        "hub.mode=subscribe&hub.challenge=1&hub.challenge=2&hub.verify_token=s3cret-_of_the_url",
        "hub.mode=subscribe&hub.challenge=%3Cscript%3E&hub.verify_token=s3cret-_of_the_url",
        "hub.mode=subscribe&hub.challenge=&hub.verify_token=s3cret-_of_the_url",
    ] {
        assert_eq!(asked(wrong), Some(Challenge::Refused), "{wrong}");
    }
    let long = format!("{right}{}", "1".repeat(200)).replace("hub.verify", "x&hub.verify");
    assert_eq!(asked(&long), Some(Challenge::Refused));
    let tokenless = Ask::Get { query: "hub.mode=subscribe&hub.challenge=1&hub.verify_token=", token: "" };
    assert_eq!(provider("meta_lead_ads").unwrap().challenge(&tokenless), Some(Challenge::Refused));
}

#[test]
fn nobody_else_is_answered_but_the_ping_of_woocommerce() {
    let form = testing::headers(&[("content-type", "application/x-www-form-urlencoded; charset=UTF-8")]);
    for provider in providers() {
        let get = provider.challenge(&Ask::Get { query: "hub.mode=subscribe", token: "t" });
        assert_eq!(get.is_some(), provider.name() == "meta_lead_ads", "{}", provider.name());
        let ping = provider.challenge(&Ask::Post { headers: &form, body: b"webhook_id=12" });
        let expected = (provider.name() == "woocommerce").then(|| Challenge::Answer(String::new()));
        assert_eq!(ping, expected, "{}", provider.name());
    }
    let woocommerce = provider("woocommerce").unwrap();
    let json = testing::headers(&[("content-type", "application/json")]);
    let topic = testing::headers(&[
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-wc-webhook-topic", "order.created"),
    ]);
    for (headers, body) in [
        (&json, &b"webhook_id=12"[..]),
        (&topic, b"webhook_id=12"),
        (&form, b"webhook_id="),
        (&form, b"webhook_id=12&x=1"),
        (&form, b"webhook_id=1a"),
        (&form, b"webhook_id=123456789012345678901"),
        (&form, b""),
    ] {
        assert_eq!(
            woocommerce.challenge(&Ask::Post { headers, body }),
            None,
            "{}",
            String::from_utf8_lossy(body)
        );
    }
}
