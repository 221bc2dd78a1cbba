//! Every preset makes what it says of its provider's own bodies.

use std::{collections::BTreeSet, sync::Arc};

use http::HeaderMap;
use serde_json::{Value, json};
use tributary_domain::workflow::{
    catalogue::event_named,
    event::{EventDraft, RunOutcome},
    spec::Kind,
    status::RunStatus,
};

use crate::sources::{Provider, provider, providers, testing, webhook::Sending};

/// A body of a provider, the header that names its event where there is one, and what a preset makes of it.
struct Expected {
    preset: &'static str,
    event: &'static str,
    body: &'static str,
    name: &'static str,
    time: &'static str,
    id: Option<&'static str>,
    identifiers: &'static [(&'static str, &'static str)],
    facts: &'static [(&'static str, &'static str)],
}

const CLUID: (&str, &str) = ("cluid", "trb_01h8xkq7v2m3n4p5r6s7t8v9w0");
const NADIA: (&str, &str) = ("email", "nadia.okafor@brightwater-studio.example");
const ELENA: (&str, &str) = ("email", "elena.demarchetti@mulino-cucine.example");
const RECEIVED: &str = "2027-01-15T08:00:00Z";

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../fixtures/", $name, ".json"))
    };
}

const EXPECTED: &[(&str, Expected)] = &[
    (
        "stripe",
        Expected {
            preset: "stripe_checkout",
            event: "",
            body: fixture!("stripe/checkout_session_completed"),
            name: "Purchase",
            time: "2026-03-10T14:02:30Z",
            id: Some("cs_test_b1T4xk2mQ9vL7sW3"),
            identifiers: &[CLUID, ELENA, ("external_id:stripe", "cus_TqW81mBx20")],
            facts: &[
                ("value", "296.31"),
                ("currency", "\"eur\""),
                ("first_name", "\"Elena Sofia\""),
                ("last_name", "\"Marchetti\""),
                ("country", "\"IT\""),
                ("phone", "\"+390515550117\""),
            ],
        },
    ),
    (
        "stripe",
        Expected {
            preset: "stripe_payment",
            event: "",
            body: fixture!("stripe/payment_intent_succeeded"),
            name: "Purchase",
            time: "2026-03-10T14:02:29Z",
            id: Some("pi_3QxTrB2eZvKYlo2C1a"),
            // The source looks for it where links of Checkout have it; the preset where payments do.
            identifiers: &[CLUID, ELENA, ("external_id:stripe", "cus_TqW81mBx20")],
            facts: &[("value", "5000"), ("currency", "\"jpy\"")],
        },
    ),
    (
        "stripe",
        Expected {
            preset: "stripe_refund",
            event: "",
            body: fixture!("stripe/charge_refunded"),
            name: "Refund",
            time: "2026-03-11T14:00:00Z",
            id: Some("evt_3QxTrB2eZvKYlo2C1r"),
            identifiers: &[ELENA, ("external_id:stripe", "cus_TqW81mBx20")],
            facts: &[("value", "12.005"), ("order_id", "\"pi_3QxTrB2eZvKYlo2C1a\"")],
        },
    ),
    (
        "stripe",
        Expected {
            preset: "stripe_subscription",
            event: "",
            body: fixture!("stripe/subscription_created"),
            name: "Subscribe",
            time: "2026-03-10T14:02:40Z",
            id: Some("sub_1QxTrB2eZvKYlo2C77"),
            identifiers: &[("external_id:stripe", "cus_TqW81mBx20")],
            facts: &[("value", "0.05"), ("status", "\"active\"")],
        },
    ),
    (
        "stripe",
        Expected {
            preset: "stripe_customer",
            event: "",
            body: fixture!("stripe/customer_created"),
            name: "",
            time: "2026-03-10T13:58:20Z",
            id: Some("cus_TqW81mBx20"),
            identifiers: &[("external_id:stripe", "cus_TqW81mBx20"), ELENA, ("phone", "+390515550117")],
            facts: &[("last_name", "\"Marchetti\"")],
        },
    ),
    (
        "shopify",
        Expected {
            preset: "shopify_order",
            event: "orders/create",
            body: fixture!("shopify/orders_create"),
            name: "Purchase",
            time: "2026-03-10T14:02:30Z",
            id: Some("6120044887321"),
            identifiers: &[CLUID, NADIA, ("external_id:shopify", "7710448821453")],
            facts: &[
                ("value", "162.4"),
                ("currency", "\"USD\""),
                ("content_ids", "[8801223,8801377]"),
                ("country", "\"US\""),
                ("phone", "\"+14045550142\""),
            ],
        },
    ),
    (
        "shopify",
        Expected {
            preset: "shopify_customer",
            event: "customers/create",
            body: fixture!("shopify/customers_create"),
            name: "CompleteRegistration",
            time: "2026-03-09T13:20:00Z",
            id: Some("7710448821453"),
            identifiers: &[("external_id:shopify", "7710448821453"), NADIA, ("phone", "+14045550142")],
            facts: &[("first_name", "\"Nadia\"")],
        },
    ),
    (
        "shopify",
        Expected {
            preset: "shopify_checkout",
            event: "checkouts/create",
            body: fixture!("shopify/orders_create"),
            name: "InitiateCheckout",
            time: "2026-03-10T14:02:30Z",
            id: Some("6120044887321"),
            identifiers: &[CLUID, NADIA, ("external_id:shopify", "7710448821453")],
            facts: &[("value", "162.4")],
        },
    ),
    (
        "shopify",
        Expected {
            preset: "shopify_order_canceled",
            event: "orders/cancelled",
            body: fixture!("shopify/orders_create"),
            name: "Refund",
            time: "2026-03-10T14:02:31Z",
            id: Some("6120044887321"),
            identifiers: &[CLUID, NADIA, ("external_id:shopify", "7710448821453")],
            facts: &[("value", "162.4"), ("order_id", "6120044887321")],
        },
    ),
    (
        "woocommerce",
        Expected {
            preset: "woocommerce_order",
            event: "order.created",
            body: fixture!("woocommerce/order_created"),
            name: "Purchase",
            time: "2026-03-10T14:02:30Z",
            id: Some("1842"),
            identifiers: &[CLUID, ELENA, ("phone", "+390515550117")],
            facts: &[
                ("value", "128.4"),
                ("currency", "\"EUR\""),
                ("content_ids", "[204]"),
                ("last_name", "\"De Marchetti\""),
            ],
        },
    ),
    (
        "woocommerce",
        Expected {
            preset: "woocommerce_customer",
            event: "customer.created",
            body: fixture!("woocommerce/customer_created"),
            name: "CompleteRegistration",
            time: "2026-03-10T14:40:00Z",
            id: Some("311"),
            identifiers: &[ELENA],
            facts: &[("first_name", "\"Elena Sofia\"")],
        },
    ),
    (
        "typeform",
        Expected {
            preset: "typeform_response",
            event: "",
            body: fixture!("typeform/form_response"),
            name: "Lead",
            time: "2026-03-10T14:02:30Z",
            id: Some("h7vq2m9xk3c5t8w1z4b6n0d2f5g8j1l4"),
            identifiers: &[CLUID, NADIA, ("phone", "+14045550142")],
            facts: &[
                ("first_name", "\"Nadia\""),
                ("last_name", "\"Okafor\""),
                ("content_name", "\"Project enquiry\""),
                ("utm_source", "\"facebook\""),
            ],
        },
    ),
    (
        "hubspot",
        Expected {
            preset: "hubspot_contact",
            event: "",
            body: fixture!("hubspot/contacts"),
            name: "Lead",
            time: "2026-03-10T14:02:30.512Z",
            id: Some("3811021774"),
            identifiers: &[("external_id:hubspot", "901223341")],
            facts: &[("change_source", "\"FORM\"")],
        },
    ),
    (
        "hubspot",
        Expected {
            preset: "hubspot_email",
            event: "",
            body: fixture!("hubspot/contacts"),
            name: "",
            time: "2026-03-10T14:02:30.498Z",
            id: Some("1902664310"),
            identifiers: &[("external_id:hubspot", "901223341"), NADIA],
            facts: &[("email", "\"nadia.okafor@brightwater-studio.example\"")],
        },
    ),
    (
        "calcom",
        Expected {
            preset: "calcom_booking",
            event: "",
            body: fixture!("calcom/booking_created"),
            name: "Schedule",
            time: "2026-03-10T14:02:30.512Z",
            id: Some("bfz2Yd3r8KqLx5VnWm7Tga"),
            identifiers: &[CLUID, NADIA, ("phone", "+14045550142")],
            facts: &[
                ("content_name", "\"Discovery call\""),
                ("last_name", "\"Okafor\""),
                ("time_zone", "\"America/New_York\""),
            ],
        },
    ),
    (
        "calcom",
        Expected {
            preset: "calcom_no_show",
            event: "",
            body: fixture!("calcom/no_show"),
            name: "ScheduleNoShow",
            time: "2026-03-12T15:21:39.67Z",
            id: None,
            identifiers: &[NADIA],
            facts: &[("booking_uid", "\"bfz2Yd3r8KqLx5VnWm7Tga\"")],
        },
    ),
    (
        "github",
        Expected {
            preset: "github_star",
            event: "star",
            body: fixture!("github/star_created"),
            name: "StarRepository",
            time: "2026-03-10T14:02:30Z",
            id: None,
            identifiers: &[("external_id:github", "77310452")],
            facts: &[("repository", "\"brightwater-studio/booking-widget\"")],
        },
    ),
    (
        "github",
        Expected {
            preset: "github_issue",
            event: "issues",
            body: fixture!("github/issue_opened"),
            name: "OpenIssue",
            time: "2026-03-10T15:11:04Z",
            id: Some("I_kwDOHJx4vc6Abc12"),
            identifiers: &[("external_id:github", "77310452")],
            facts: &[("issue_number", "61")],
        },
    ),
    (
        "meta_lead_ads",
        Expected {
            preset: "meta_lead",
            event: "",
            body: fixture!("meta_lead_ads/leadgen"),
            name: "Lead",
            time: "2026-03-10T14:02:30Z",
            id: Some("551111744595541"),
            identifiers: &[("external_id:meta_lead", "551111744595541")],
            facts: &[("form_id", "\"882200411903377\""), ("ad_id", "\"120210001234560011\"")],
        },
    ),
    (
        "standard_webhooks",
        Expected {
            preset: "standard_webhook",
            event: "",
            body: fixture!("standard_webhooks/signed_up"),
            name: "user.signed_up",
            time: "2026-03-10T14:02:30.512873Z",
            id: None,
            identifiers: &[CLUID, NADIA, ("phone", "+14045550142")],
            facts: &[("phone", "\"+14045550142\"")],
        },
    ),
];

fn headers(provider: &dyn Provider, event: &str) -> HeaderMap {
    let sending = Sending { url: "", id: "dlv_1", event, content_type: "application/json", body: b"" };
    testing::headers(&provider.accompany(&sending))
}

fn only_event(outcome: RunOutcome, what: &str) -> Arc<EventDraft> {
    match outcome {
        RunOutcome::Events(mut events) if events.len() == 1 => events.remove(0),
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn presets_make_what_they_say() {
    for (name, expected) in EXPECTED {
        let provider = provider(name).unwrap();
        let body: Value = serde_json::from_str(expected.body).unwrap();
        let headers = headers(provider, expected.event);
        let event = only_event(testing::run(provider, expected.preset, &headers, &body), expected.preset);
        assert_eq!(event.name, expected.name, "{}", expected.preset);
        assert_eq!(event.time, expected.time.parse().unwrap(), "{}", expected.preset);
        assert_eq!(event.dedupe_id.as_deref(), expected.id, "{}", expected.preset);
        let known: Vec<(&str, &str)> =
            event.identifiers.iter().map(|one| (one.kind.as_str(), one.value.as_str())).collect();
        assert_eq!(known, expected.identifiers, "{}", expected.preset);
        assert_eq!(event.rejected, [], "{}", expected.preset);
        for (fact, value) in expected.facts {
            let found = event.attributes.get(*fact).or_else(|| event.traits.get(*fact));
            assert_eq!(found.map(Value::to_string).as_deref(), Some(*value), "{} {fact}", expected.preset);
        }
    }
}

#[test]
fn every_sample_is_taken_by_a_preset_and_has_its_cluid_where_its_provider_looks() {
    // HubSpot, GitHub and Meta carry no field of a visitor's.
    let without = ["hubspot", "github", "meta_lead_ads"];
    for provider in providers() {
        let sample = provider.sample();
        let mut headers = headers(*provider, sample.event);
        headers.insert("content-type", sample.content_type.parse().unwrap());
        let body = provider.body(&headers, sample.body.as_bytes()).unwrap();
        let body = body.unwrap_or_else(|| sample.body.as_bytes().to_vec());
        let body: Value = serde_json::from_slice(&body).unwrap();
        let facts = testing::facts(*provider, &headers, &body);
        assert_eq!(facts.cluid.found().is_none(), without.contains(&provider.name()), "{}", provider.name());
        let presets = provider.presets();
        let taken = presets.iter().filter(|preset| {
            matches!(testing::run(*provider, preset.key, &headers, &body), RunOutcome::Events(_))
        });
        assert!(taken.count() > 0 || provider.name() == "custom", "{}", provider.name());
    }
}

#[test]
fn a_form_says_who_it_is_of_under_many_names() {
    let form = provider("form").unwrap();
    for body in [
        json!({"email": "nadia@example.com", "first_name": "Mary Ann", "last_name": "van Dijk"}),
        json!({"your-email": "nadia@example.com", "firstName": "Mary Ann", "lastName": "van Dijk"}),
        json!({"fields[email]": "nadia@example.com", "fname": "Mary Ann", "lname": "van Dijk"}),
    ] {
        let event = only_event(testing::run(form, "form_submission", &HeaderMap::new(), &body), "form");
        assert_eq!((event.name.as_str(), event.time), ("SubmitForm", RECEIVED.parse().unwrap()));
        assert_eq!(event.identifiers[0].value, "nadia@example.com");
        assert_eq!(
            (&event.traits["first_name"], &event.traits["last_name"]),
            (&json!("Mary Ann"), &json!("van Dijk"))
        );
    }
    let whole = json!({"email": "nadia@example.com", "name": "Mary Ann Smith"});
    let event = only_event(testing::run(form, "form_submission", &HeaderMap::new(), &whole), "form");
    assert_eq!(
        (&event.traits["first_name"], &event.traits["last_name"]),
        (&json!("Mary Ann"), &json!("Smith"))
    );
}

#[test]
fn amounts_are_counted_as_their_currency_is() {
    let stripe = provider("stripe").unwrap();
    let value = |amount: Value, currency: &str| {
        let mut body: Value = serde_json::from_str(fixture!("stripe/checkout_session_completed")).unwrap();
        body["data"]["object"]["amount_total"] = amount;
        body["data"]["object"]["currency"] = json!(currency);
        let event = only_event(testing::run(stripe, "stripe_checkout", &HeaderMap::new(), &body), "stripe");
        event.attributes.get("value").cloned()
    };
    for (amount, currency, expected) in [
        (0, "eur", json!(0)),
        (5, "usd", json!(0.05)),
        (50, "usd", json!(0.5)),
        (100, "USD", json!(1)),
        (123_456_789, "gbp", json!(1_234_567.89)),
        (5, "jpy", json!(5)),
        (5_000, "KRW", json!(5_000)),
        (5, "kwd", json!(0.005)),
        (-250, "eur", json!(-2.5)),
    ] {
        let found = value(json!(amount), currency).unwrap();
        assert_eq!(found.as_f64(), expected.as_f64(), "{amount} {currency}");
    }
    assert_eq!(value(Value::Null, "eur"), None);
}

#[test]
fn only_what_was_paid_or_given_back_counts() {
    let stopped = |name: &str, preset: &str, event: &str, body: &Value| {
        let provider = provider(name).unwrap();
        let outcome = testing::run(provider, preset, &headers(provider, event), body);
        matches!(outcome, RunOutcome::Stopped(RunStatus::FilterConditionFailed, _))
    };
    let mut session: Value = serde_json::from_str(fixture!("stripe/checkout_session_completed")).unwrap();
    session["data"]["object"]["payment_status"] = json!("unpaid");
    assert!(stopped("stripe", "stripe_checkout", "", &session));
    // What is paid by bank comes days later, as another event of the same session.
    session["type"] = json!("checkout.session.async_payment_succeeded");
    assert!(stopped("stripe", "stripe_checkout", "", &session));
    session["data"]["object"]["payment_status"] = json!("paid");
    let outcome = testing::run(provider("stripe").unwrap(), "stripe_checkout", &HeaderMap::new(), &session);
    let paid = only_event(outcome, "stripe_checkout");
    assert_eq!(
        (paid.name.as_str(), paid.dedupe_id.as_deref()),
        ("Purchase", Some("cs_test_b1T4xk2mQ9vL7sW3"))
    );
    session["data"]["object"]["payment_status"] = json!("no_payment_required");
    session["data"]["object"]["mode"] = json!("setup");
    assert!(stopped("stripe", "stripe_checkout", "", &session), "a card was saved, and nothing bought");
    let mut order: Value = serde_json::from_str(fixture!("woocommerce/order_created")).unwrap();
    assert!(stopped("woocommerce", "woocommerce_refund", "order.updated", &order));
    assert!(stopped("woocommerce", "woocommerce_order", "order.updated", &order));
    order["status"] = json!("refunded");
    let provider = provider("woocommerce").unwrap();
    let outcome = testing::run(provider, "woocommerce_refund", &headers(provider, "order.updated"), &order);
    let refund = only_event(outcome, "woocommerce_refund");
    assert_eq!((refund.name.as_str(), &refund.attributes["value"]), ("Refund", &json!(128.4)));
    assert_eq!(refund.time, "2026-03-10T14:02:34Z".parse().unwrap());
}

#[test]
fn presets_are_named_once_and_make_standard_events_but_for_a_few() {
    let mut keys = BTreeSet::new();
    let own = ["StarRepository", "OpenIssue"];
    for provider in providers() {
        assert!(!provider.help().is_empty());
        for preset in provider.presets() {
            assert!(keys.insert(preset.key), "{} is there twice", preset.key);
            assert!(!preset.help.is_empty(), "{}", preset.key);
            let Some(name) = preset.spec.constant_name() else {
                assert!(
                    preset.spec.kind == Kind::Identify
                        || ["standard_webhook", "browser_track"].contains(&preset.key),
                    "{}",
                    preset.key
                );
                continue;
            };
            assert!(event_named(name).is_some() || own.contains(&name), "{name}");
        }
    }
}
