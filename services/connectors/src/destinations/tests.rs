//! What all platforms have in common.

use std::collections::HashSet;

use http::HeaderMap;
use serde_json::{Map, Value, json};
use tributary_domain::{
    booking::{FollowUpKind, Why},
    id::{DeliveryId, DestinationId, EventId, MessageId, ProfileId, WorkflowId},
    identity::{Identifier, IdentifierType},
    stats::Metric,
    time::Timestamp,
    workflow::{event::EventDraft, spec::Kind},
};

use super::*;

/// When events of tests happened: 2026-11-20T10:00:00.5Z.
pub(crate) const HAPPENED: Timestamp = Timestamp::from_millis(1_795_168_800_500);
/// When they are sent: a minute later.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_168_860_500);

#[allow(clippy::needless_pass_by_value, reason = "what is written in place is handed over")]
pub(crate) fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

pub(crate) fn identifier(kind: &str, value: &str) -> Identifier {
    Identifier { kind: IdentifierType::parse(kind).unwrap(), value: value.to_owned(), raw: None }
}

pub(crate) fn secrets(pairs: &[(&str, &str)]) -> Secrets {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A booking of somebody whose browser is known.
pub(crate) fn event() -> OutgoingEvent {
    let message = MessageId::new(1_700_000_000_000, 7);
    let event = EventId::derive(message, WorkflowId::new(1, 2), 0);
    OutgoingEvent {
        delivery: DeliveryId::derive(event, DestinationId::new(1, 3), 0),
        event,
        message,
        kind: Kind::Track,
        name: "Schedule".to_owned(),
        time: HAPPENED,
        dedupe_id: Some("booking-1".to_owned()),
        received: HAPPENED,
        profile: Some(ProfileId::new(1, 4)),
        identifiers: vec![
            identifier("email", "zoë@example.com"),
            identifier("phone", "+14045550142"),
            identifier("cluid", "trb_01h8xkq7v2m3n4p5r6s7t8v9w0"),
            identifier("external_id:crm", "42"),
        ],
        traits: object(json!({
            "email": "Zoë@Example.com", "first_name": "Zoe\u{308}", "last_name": "O’Neil ", "city": "San Francisco 1",
            "state": "California", "zip": "94107-1234", "country": "US", "gender": "Female",
            "date_of_birth": "1990-04-23", "plan": "gold",
        })),
        attributes: object(
            json!({"content_name": "Discovery call", "value": "49.50", "currency": "usd", "none": null}),
        ),
        groups: [("company".to_owned(), "acme".to_owned())].into(),
        group_traits: Map::new(),
        consents: Map::new(),
        context: object(json!({
            "fbp": "fb.1.1.2", "fbclid": "AbC", "ttclid": "tt1", "li_fat_id": "li1", "ip": "203.0.113.7",
            "user_agent": "Mozilla/5.0", "url": "https://example.com/book", "referrer": "https://example.com/",
        })),
        source: "Calendly".to_owned(),
        follow_up: None,
        is_test: false,
    }
}

/// The same, given up.
pub(crate) fn followed(kind: FollowUpKind, why: Why) -> OutgoingEvent {
    let earlier = EventId::derive(MessageId::new(1, 1), WorkflowId::new(1, 2), 0);
    let delivery = DeliveryId::derive(earlier, DestinationId::new(1, 3), 0);
    OutgoingEvent { follow_up: Some(OutgoingFollowUp { kind, event: earlier, delivery, why }), ..event() }
}

/// The body of a request as JSON.
pub(crate) fn body(request: &HttpRequest) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

/// What the platform makes of an answer.
pub(crate) fn judged(platform: &dyn Platform, status: u16, answer: &Value) -> Outcome {
    platform.classify(status, &HeaderMap::new(), answer.to_string().as_bytes(), NOW)
}

/// The word of an outcome.
pub(crate) fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Retry { .. } => "retry",
        Outcome::Permanent { .. } => "permanent",
        Outcome::Hold { trouble: Trouble::Expired, .. } => "expired",
        Outcome::Hold { trouble: Trouble::Revoked, .. } => "revoked",
        Outcome::Hold { trouble: Trouble::ScopeMissing, .. } => "scope missing",
        Outcome::Suspend { .. } => "suspend",
        Outcome::Disable { .. } => "disable",
    }
}

/// Settings and secrets with which each platform works.
pub(crate) fn working(name: &str) -> (Value, Secrets) {
    let (settings, pairs): (Value, &[(&str, &str)]) = match name {
        "webhook" => {
            (json!({"url": "https://example.com"}), &[("signing", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")])
        }
        "meta" => (json!({"dataset_id": "1"}), &[("access_token", "canary")]),
        "google_ads" => (
            json!({"customer_id": "123-456-7890", "conversions": {"Schedule": "7", "AddToCart": "8"}, "client_id": "1.example"}),
            &[("client_secret", "canary"), ("refresh_token", "canary")],
        ),
        "ga4" => (json!({"measurement_id": "G-1"}), &[("api_secret", "canary")]),
        "tiktok" => (json!({"event_source_id": "P1"}), &[("access_token", "canary")]),
        "linkedin" => (json!({"conversions": {"Schedule": "7"}}), &[("access_token", "canary")]),
        "klaviyo" => (json!({}), &[("api_key", "pk_canary")]),
        "hubspot" => (json!({}), &[("access_token", "canary")]),
        "slack" => (json!({}), &[("webhook_url", "https://hooks.example.com/canary")]),
        other => panic!("no settings for {other} yet"),
    };
    (settings, secrets(pairs))
}

#[test]
fn what_is_known_of_platforms_is_consistent() {
    let mut names = HashSet::new();
    for platform in PLATFORMS {
        let about = platform.about();
        assert!(
            names.insert(about.name) && std::ptr::eq(find(about.name).unwrap().about(), about),
            "{}",
            about.name
        );
        let points: u32 = about.signals.iter().map(|signal| u32::from(signal.points)).sum();
        assert!(matches!(points, 0 | 100), "{}: {points}", about.name);
        let fields: HashSet<_> = about.fields.iter().map(|field| (field.name, field.secret)).collect();
        let codes: HashSet<_> = about.errors.iter().map(|error| error.code).collect();
        let signals: HashSet<_> = about.signals.iter().map(|signal| signal.name).collect();
        assert_eq!(
            (fields.len(), codes.len(), signals.len()),
            (about.fields.len(), about.errors.len(), about.signals.len()),
            "{}",
            about.name
        );
        assert!(
            signals.iter().all(|name| Metric::signal(name).is_some()),
            "they are counted: {}",
            about.name
        );
        for field in about.fields {
            assert!(!field.label.is_empty() && !field.help.is_empty(), "{field:?}");
            assert!(
                field.kind.choices().is_empty() || field.kind.choices().contains(&field.default),
                "{field:?}"
            );
        }
    }
}

#[test]
fn every_platform_works_with_its_least_settings_and_misses_each_of_them() {
    for platform in PLATFORMS {
        let (settings, secrets) = working(platform.name());
        assert_eq!(platform.check_settings(&settings, &secrets), Ok(()), "{}", platform.name());
        let request = platform.request(&settings, &secrets, &event(), NOW).unwrap();
        assert!(!format!("{request:?}{secrets:?}").contains("canary"), "{request:?}");
        assert!(
            !platform.display_name().is_empty() && request.url.starts_with("https://"),
            "{}",
            platform.name()
        );
        for field in platform.about().fields.iter().filter(|field| field.required) {
            let (mut less, mut fewer) = (settings.clone(), secrets.clone());
            if field.secret {
                fewer = Secrets::default();
            } else {
                less.as_object_mut().unwrap().remove(field.name);
            }
            let error = platform.check_settings(&less, &fewer).unwrap_err();
            assert!(error.path.ends_with(field.name) && error.message.starts_with("is missing"), "{error}");
        }
    }
}

#[test]
fn every_platform_says_what_an_event_of_nobody_lacks() {
    let nobody = OutgoingEvent {
        identifiers: Vec::new(),
        traits: Map::new(),
        context: Map::new(),
        profile: None,
        ..event()
    };
    for platform in PLATFORMS {
        let (settings, secrets) = working(platform.name());
        let told = platform.request(&settings, &secrets, &nobody, NOW);
        assert_eq!(told.is_ok(), platform.about().signals.is_empty(), "{}", platform.name());
        let score = quality(platform.about(), &nobody).map(|quality| quality.score);
        assert_eq!(score, (!platform.about().signals.is_empty()).then_some(0), "{}", platform.name());
    }
}

#[test]
fn what_could_not_be_taken_back_is_said_and_what_could_is_sent() {
    let retracted = followed(FollowUpKind::Retract, Why::Cancelled);
    for platform in PLATFORMS {
        let (settings, secrets) = working(platform.name());
        let told = platform.request(&settings, &secrets, &retracted, NOW);
        match platform.about().follow_ups {
            FollowUps::Refused(why) => assert!(!platform.takes_follow_ups() && !why.is_empty()),
            FollowUps::Taken(how) => {
                assert!(platform.takes_follow_ups() && !how.is_empty());
                // Google takes back purchases, and no bookings.
                assert_eq!(told.is_err(), platform.name() == "ga4", "{}", platform.name());
            }
        }
    }
}

#[test]
fn what_is_bought_is_told_in_each_platforms_words() {
    let bought = json!([
        {
            "product_id": 1234, "name": "Shoe", "price": "19.5", "quantity": "2", "brand": "b", "category": "c", "size": 9,
            "x": [1],
        },
        {"sku": "S-2", "quantity": 1},
        "no item",
    ]);
    for list in ["contents", "items", "products"] {
        let attributes = object(json!({list: bought, "value": 40, "currency": "EUR"}));
        let event =
            OutgoingEvent { name: "AddToCart".to_owned(), attributes, context: Map::new(), ..event() };
        let told = |platform: &str| {
            let (settings, secrets) = working(platform);
            body(&find(platform).unwrap().request(&settings, &secrets, &event, NOW).unwrap())
        };
        let meta = told("meta")["data"][0]["custom_data"].clone();
        assert_eq!(meta["content_ids"], json!(["1234", "S-2"]));
        let expected =
            json!([{"id": "1234", "quantity": 2, "item_price": 19.5}, {"id": "S-2", "quantity": 1}]);
        assert_eq!(meta["contents"], expected);
        assert_eq!((meta.get("items"), meta.get("products")), (None, None));
        let expected = json!([
            {
                "content_id": "1234", "content_name": "Shoe", "content_category": "c", "price": 19.5, "quantity": 2,
                "brand": "b",
            },
            {"content_id": "S-2", "quantity": 1},
        ]);
        assert_eq!(told("tiktok")["data"][0]["properties"]["contents"], expected);
        let expected = json!([
            {
                "item_id": "1234", "item_name": "Shoe", "item_category": "c", "price": 19.5, "quantity": 2,
                "item_brand": "b", "size": 9,
            },
            {"item_id": "S-2", "quantity": 1},
        ]);
        assert_eq!(told("ga4")["events"][0]["params"]["items"], expected);
    }
}

#[test]
fn what_an_event_says_of_its_browser_is_context_and_no_attribute() {
    let attributes =
        object(json!({"fbclid": "Own", "ip": "::1", "utm_source": "mail", "ga_client_id": "1.2"}));
    let event =
        OutgoingEvent { attributes, identifiers: vec![identifier("email", "a@example.com")], ..event() };
    let told = |platform: &str| {
        let (settings, secrets) = working(platform);
        body(&find(platform).unwrap().request(&settings, &secrets, &event, NOW).unwrap())
    };
    let meta = told("meta")["data"][0].clone();
    assert_eq!(meta["custom_data"], json!({"utm_source": "mail"}));
    assert!(meta["user_data"]["fbc"].as_str().unwrap().ends_with(".Own"));
    assert_eq!(meta["user_data"]["client_ip_address"], json!("::1"));
    assert_eq!(told("ga4")["client_id"], json!("1.2"));
    assert_eq!(told("klaviyo")["data"]["attributes"]["properties"], json!({"utm_source": "mail"}));
}

#[test]
fn an_answer_without_a_known_code_means_what_its_status_says() {
    for platform in PLATFORMS.into_iter().filter(|platform| platform.name() != "webhook") {
        for (status, expected) in [
            (302, "retry"),
            (400, "permanent"),
            (401, "revoked"),
            (403, "retry"),
            (404, "retry"),
            (408, "retry"),
            (410, "disable"),
            (413, "permanent"),
            (429, "retry"),
            (500, "retry"),
            (503, "retry"),
        ] {
            for body in ["", "<html>", "{}", "[]", "null", "7"] {
                let outcome = platform.classify(status, &HeaderMap::new(), body.as_bytes(), NOW);
                assert_eq!(word(&outcome), expected, "{} {status} {body}", platform.name());
            }
        }
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "7".parse().unwrap());
        let outcome = platform.classify(429, &headers, b"{}", NOW);
        assert!(
            matches!(outcome, Outcome::Retry { after: Some(span), .. } if span.as_secs() == 7),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_standard_event_has_the_platforms_name_unless_the_owner_has_another() {
    let draft = |name: &str| -> EventDraft {
        serde_json::from_value(json!({
            "index": 0, "kind": "track", "name": name, "time": 0, "dedupe_id": "d", "identifiers": [], "rejected": [],
            "traits": {}, "attributes": {}, "groups": {}, "group_traits": {}, "consents": {},
        }))
        .unwrap()
    };
    let told = |platform: &str, name: &str, names: &[(&str, &str)]| {
        let names = names.iter().map(|(ours, theirs)| ((*ours).to_owned(), (*theirs).to_owned())).collect();
        let event = event();
        let standing = Standing {
            delivery: event.delivery,
            event: event.event,
            received: event.received,
            profile: None,
            context: Map::new(),
            source: String::new(),
            destination: DestinationId::new(1, 3),
            role: None,
            is_test: false,
        };
        let told = OutgoingEvent::of(&draft(name), find(platform).unwrap(), &names, standing);
        assert_eq!(told.dedupe_id.as_deref(), Some("d"));
        told.name
    };
    assert_eq!(told("ga4", "Purchase", &[]), "purchase");
    assert_eq!(told("ga4", "Purchase", &[("Purchase", "deal")]), "deal");
    assert_eq!(told("ga4", "Schedule", &[]), "Schedule");
    assert_eq!(told("tiktok", "SubmitForm", &[]), "Lead");
    assert_eq!(told("meta", "my own", &[]), "my own");
    assert_eq!(told("klaviyo", "Purchase", &[]), "Purchase");
}

#[test]
fn what_people_agreed_to_is_read_as_the_rules_of_destinations_read_it() {
    let said = |consents: Value| {
        let event = OutgoingEvent { consents: object(consents), ..event() };
        conversion::consent(&event, "ad_user_data")
    };
    for no in [json!("opt-out"), json!("Withdrawn"), json!(0), json!(false), json!("off")] {
        assert_eq!(said(json!({"ad_user_data": no})), Some(false), "{no}");
    }
    assert_eq!(said(json!({"ad_user_data": "accepted"})), Some(true));
    // What says nothing does not hide what does.
    assert_eq!(said(json!({"ad_user_data": "maybe", "ads": null, "marketing": "no"})), Some(false));
    assert_eq!(said(json!({"ad_user_data": "yes", "ads": "no"})), Some(true));
    assert_eq!(said(json!({"mail": "no"})), None);
}
