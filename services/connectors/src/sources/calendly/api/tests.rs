use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};
use tributary_domain::time::Timestamp;

use super::*;
use crate::sources::{Facts, Provider, calendly::Calendly};

fn account() -> Account {
    Account {
        user: "https://api.calendly.com/users/U1".to_owned(),
        organization: "https://api.calendly.com/organizations/O1".to_owned(),
    }
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    pairs.iter().map(pair).collect()
}

fn refused(status: u16, body: &Value) -> Problem {
    let (request, status) = (ApiRequest::me(), StatusCode::from_u16(status).unwrap());
    read(&request, status, &HeaderMap::new(), body.to_string().as_bytes()).unwrap_err()
}

#[test]
fn requests_are_written_as_calendly_reads_them() {
    let account = account();
    let (all, own) = (account.owned(Reach::Organization), account.owned(Reach::User));
    let organization = "organization=https%3A%2F%2Fapi.calendly.com%2Forganizations%2FO1";
    let user = "user=https%3A%2F%2Fapi.calendly.com%2Fusers%2FU1";
    let from = Timestamp::from_seconds(1_790_000_000);
    for (request, path) in [
        (ApiRequest::me(), "/users/me".to_owned()),
        (
            ApiRequest::subscriptions(all),
            format!("/webhook_subscriptions?{organization}&scope=organization&count=100"),
        ),
        (
            ApiRequest::subscriptions(own).page("a b&c"),
            format!("/webhook_subscriptions?{organization}&scope=user&count=100&{user}&page_token=a+b%26c"),
        ),
        (
            ApiRequest::events(all, from),
            format!(
                "/scheduled_events?{organization}&min_start_time=2026-09-21T14%3A13%3A20Z&sort=start_time%3Aasc&count=100"
            ),
        ),
        (ApiRequest::newest_event(own), format!("/scheduled_events?{user}&sort=start_time%3Adesc&count=1")),
        (
            ApiRequest::invitees("https://api.calendly.com/scheduled_events/E-1").unwrap(),
            "/scheduled_events/E-1/invitees?count=100".to_owned(),
        ),
        (ApiRequest::routing_forms(&account), format!("/routing_forms?{organization}&count=100")),
        (
            ApiRequest::submissions("https://api.calendly.com/routing_forms/F-1").page("p"),
            "/routing_form_submissions?form=https%3A%2F%2Fapi.calendly.com%2Frouting_forms%2FF-1\
             &sort=created_at%3Adesc&count=100&page_token=p"
                .to_owned(),
        ),
        (
            ApiRequest::unsubscribe("https://api.calendly.com/webhook_subscriptions/W1").unwrap(),
            "/webhook_subscriptions/W1".to_owned(),
        ),
    ] {
        assert_eq!(request.path, path);
    }
    let wanted = wanted(Reach::User, &kinds(false, false)).remove(0);
    let request = ApiRequest::subscribe(own, &wanted, "https://in.example.com/in/canary", "canary");
    assert_eq!((&request.method, request.is_repeatable()), (&Method::POST, false));
    let body = json!({
        "url": "https://in.example.com/in/canary", "events": ["invitee.created", "invitee.canceled"],
        "organization": account.organization, "user": account.user, "scope": "user", "signing_key": "canary",
    });
    assert_eq!(request.body.as_ref(), Some(&body));
    assert!(!format!("{request:?}").contains("canary"));
}

#[test]
fn a_uri_of_an_answer_leads_nowhere_else() {
    for uri in ["", "https://x/", "https://x/..", "https://x/a?b", "https://x/a%2fb", "https://x/a b"] {
        assert_eq!(ApiRequest::subscription(uri).unwrap_err().kind, ProblemKind::Unexpected, "{uri}");
    }
    assert_eq!(
        ApiRequest::subscription("https://evil.example/x/W1").unwrap().path,
        "/webhook_subscriptions/W1"
    );
}

#[test]
fn subscriptions_follow_the_rules_of_their_scopes() {
    let all = kinds(true, true);
    assert_eq!(all.len(), 5);
    assert_eq!(
        wanted(Reach::Organization, &all),
        [Wanted { reach: Reach::Organization, events: all.clone() }]
    );
    let split = wanted(Reach::User, &all);
    assert_eq!(split.len(), 2, "answers of routing forms belong to the organization");
    assert_eq!((split[0].reach, split[0].events.len()), (Reach::User, 4));
    assert_eq!(
        split[1],
        Wanted { reach: Reach::Organization, events: vec!["routing_form_submission.created"] }
    );
    assert_eq!(wanted(Reach::User, &kinds(false, false)).len(), 1);
}

#[test]
fn a_subscription_serves_when_everything_is_as_wanted() {
    let shown = json!({
        "uri": "https://api.calendly.com/webhook_subscriptions/W1", "callback_url": "https://in.example.com/in/x",
        "state": "active", "scope": "organization", "events": ["invitee.canceled", "invitee.created"],
        "retry_started_at": "2026-09-21T14:13:20.000000Z", "organization": "o", "user": null,
    });
    let wanted = &wanted(Reach::Organization, &kinds(false, false))[0];
    let serves = |change: Value, url: &str| {
        let mut changed = shown.clone();
        changed.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        Subscription::read(&changed).unwrap().serves(wanted, url)
    };
    let url = "https://in.example.com/in/x";
    assert!(serves(json!({}), url));
    assert!(!serves(json!({}), "https://in.example.com/in/y"));
    assert!(!serves(json!({"state": "disabled"}), url));
    assert!(!serves(json!({"scope": "user"}), url));
    assert!(!serves(json!({"scope": "group"}), url));
    assert!(!serves(json!({"events": ["invitee.created"]}), url));
    assert!(!serves(json!({"events": ["invitee.created", "invitee.canceled", "event_type.created"]}), url));
    assert_eq!(
        Subscription::read(&shown).unwrap().failing_since,
        Some(Timestamp::from_seconds(1_790_000_000))
    );
    assert_eq!(Subscription::read(&json!({})), None);
}

#[test]
fn what_stands_in_the_way_is_told_with_calendlys_own_words() {
    let body = json!({
        "title": "Invalid Argument", "message": "The supplied parameters are invalid.\u{1b}[2J",
        "details": [{"parameter": "url", "message": "must be unique"}],
    });
    for (status, kind) in [
        (400, ProblemKind::Refused),
        (401, ProblemKind::TokenRefused),
        (403, ProblemKind::Forbidden),
        (404, ProblemKind::NotFound),
        (409, ProblemKind::Conflict),
        (429, ProblemKind::RateLimited),
        (500, ProblemKind::Unavailable),
        (503, ProblemKind::Unavailable),
        (302, ProblemKind::Unavailable),
    ] {
        let problem = refused(status, &body);
        assert_eq!(problem.kind, kind, "{status}");
        let told = problem.to_string();
        assert!(told.contains("invalid.") && told.contains("url must be unique"), "{told}");
        assert!(!told.chars().any(char::is_control), "{told}");
    }
    let long = refused(403, &json!({"message": "x".repeat(9_000)})).to_string();
    assert!(long.len() < 400, "{}", long.len());
    let html = read(&ApiRequest::me(), StatusCode::BAD_GATEWAY, &HeaderMap::new(), b"<html>").unwrap_err();
    assert_eq!(html.kind, ProblemKind::Unavailable);
    let cut = read(&ApiRequest::me(), StatusCode::OK, &HeaderMap::new(), b"{\"resource\":").unwrap_err();
    assert_eq!(cut.kind, ProblemKind::Unexpected);
    assert_eq!(read(&ApiRequest::me(), StatusCode::NO_CONTENT, &HeaderMap::new(), b"").unwrap(), Value::Null);
}

#[test]
fn a_refusal_names_what_is_missing() {
    let forbidden = || refused(403, &json!({"message": "no"}));
    let scope = forbidden().by_scope();
    assert_eq!((scope.kind, scope.scope), (ProblemKind::ScopeMissing, Some("users:read")));
    assert!(scope.advice.contains("`users:read`"));
    assert!(forbidden().by_role().advice.contains("owners and admins"));
    let plan = forbidden().by_plan(Reach::Organization).to_string();
    assert!(
        plan.contains("webhooks:write") && plan.contains("plan") && plan.contains("calendly says: no"),
        "{plan}"
    );
    // What is wrong for another reason stays what it is.
    let gone = refused(404, &json!({}));
    assert_eq!(gone.clone().by_scope().by_role().by_plan(Reach::User), gone);
}

#[test]
fn limits_are_kept_before_they_are_used_up() {
    let of = |limit: &str, left: &str, reset: &str| {
        pause(&headers(&[
            ("x-ratelimit-limit", limit),
            ("x-ratelimit-remaining", left),
            ("x-ratelimit-reset", reset),
        ]))
    };
    assert_eq!(of("500", "499", "60"), None);
    assert_eq!(of("500", "101", "60"), None);
    assert_eq!(of("500", "100", "42"), Some(Duration::from_secs(42)), "a fifth is left to others");
    assert_eq!(of("50", "0", "0"), Some(Duration::from_secs(1)));
    assert_eq!(of("50", "0", "99999999"), Some(Duration::from_secs(600)));
    assert_eq!(pause(&HeaderMap::new()), None);
    let waits = |pairs: &[(&'static str, &str)]| {
        let status = StatusCode::TOO_MANY_REQUESTS;
        read(&ApiRequest::me(), status, &headers(pairs), b"{}").unwrap_err().retry_after
    };
    assert_eq!(waits(&[]), Some(Duration::from_secs(60)));
    assert_eq!(waits(&[("x-ratelimit-reset", "9")]), Some(Duration::from_secs(9)));
    assert_eq!(waits(&[("x-ratelimit-reset", "9"), ("retry-after", "3")]), Some(Duration::from_secs(3)));
}

#[test]
fn the_next_page_is_found_in_new_and_in_old_answers() {
    let of = |pagination: Value| next_page(&json!({ "pagination": pagination }));
    assert_eq!(of(json!({"next_page_token": "t", "next_page": null})).as_deref(), Some("t"));
    let old = json!({"count": 1, "next_page": "https://api.calendly.com/x?count=1&page_token=a%2Bb"});
    assert_eq!(of(old).as_deref(), Some("a+b"));
    for last in
        [json!({}), json!({"next_page": null, "next_page_token": null}), json!({"next_page_token": ""})]
    {
        assert_eq!(of(last), None);
    }
    assert_eq!(next_page(&Value::Null), None);
}

macro_rules! fixtures {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("../../../../fixtures/calendly/", $name, ".json")))),*]
    };
}

/// What webhooks told.
const FIXTURES: [(&str, &str); 9] = fixtures![
    "created",
    "rescheduled_created",
    "paid",
    "group",
    "null_name",
    "non_ascii",
    "canceled",
    "no_show",
    "routing_form"
];

fn fixture(name: &str) -> Value {
    let (_, text) = FIXTURES.into_iter().find(|(known, _)| *known == name).unwrap();
    serde_json::from_str(text).unwrap()
}

fn facts(body: &Value) -> Facts {
    Calendly.facts(&Calendly.check_settings(&Value::Null).unwrap(), &HeaderMap::new(), body)
}

/// What the API shows of what a webhook told: the event and the invitee, apart.
fn shown(webhook: &Value) -> (Value, Value) {
    let mut invitee = webhook["payload"].clone();
    let event = invitee.as_object_mut().unwrap().remove("scheduled_event").unwrap();
    (event, invitee)
}

#[test]
fn what_the_api_shows_is_told_as_the_webhook_told_it() {
    let creator = "https://api.calendly.com/users/GBHLK4N7RVTQ2ZPW";
    for (name, _) in FIXTURES.into_iter().filter(|(name, _)| *name != "routing_form") {
        let webhook = fixture(name);
        let (event, invitee) = shown(&webhook);
        let told = deliveries(&event, &invitee, creator, &kinds(true, true));
        let same = told.iter().find(|delivery| delivery.body["event"] == webhook["event"]);
        let same = &same.unwrap_or_else(|| panic!("{name}: nothing is told")).body;
        assert_eq!(same["payload"], webhook["payload"], "{name}");
        let (ours, theirs) = (facts(same), facts(&webhook));
        assert_eq!(ours.dedupe_key, theirs.dedupe_key, "{name}");
        assert_eq!(
            (ours.provider_event, ours.cluid, ours.notice),
            (theirs.provider_event, theirs.cluid, theirs.notice)
        );
        let stages = |facts: &Facts| facts.booking.clone().map(|booking| (booking.key, booking.stages));
        let (ours, theirs) = (facts(same), facts(&webhook));
        assert_eq!(stages(&ours), stages(&theirs), "{name}");
    }
}

#[test]
fn an_answer_of_a_routing_form_is_told_as_the_webhook_told_it() {
    let webhook = fixture("routing_form");
    let told = answered(&webhook["payload"], webhook["created_by"].as_str().unwrap()).unwrap();
    assert_eq!(told.body["payload"], webhook["payload"]);
    assert_eq!(told.at, webhook["payload"]["created_at"].as_str().unwrap().parse().unwrap());
    let (ours, theirs) = (facts(&told.body), facts(&webhook));
    assert!(theirs.dedupe_key.is_some());
    assert_eq!(
        (ours.dedupe_key, ours.provider_event, ours.cluid),
        (theirs.dedupe_key, theirs.provider_event, theirs.cluid)
    );
    assert_eq!(answered(&json!({"uri": "https://api.calendly.com/routing_form_submissions/S"}), "u"), None);
}

#[test]
fn a_mark_that_is_gone_is_told_of_whoever_has_none_and_comes() {
    let all = kinds(true, false);
    let at: Timestamp = "2026-03-14T08:00:00.5Z".parse().unwrap();
    let (event, mut invitee) = shown(&fixture("no_show"));
    assert_eq!(unmarked(&event, &invitee, "u", &all, at), None, "the mark is there");
    invitee["no_show"] = Value::Null;
    let told = unmarked(&event, &invitee, "u", &all, at).unwrap();
    let of = facts(&told.body);
    assert_eq!((told.at, of.provider_event.as_deref()), (at, Some("invitee_no_show.deleted")));
    let booking = of.booking.unwrap();
    assert_eq!(booking.stages, [tributary_domain::booking::Stage::NoShowRemoved]);
    assert_eq!(booking.at, Some("2026-03-14T08:00:00Z".parse().unwrap()), "envelopes have whole seconds");
    // The key that Calendly's own has, whose body says the same of the invitee.
    let changed = invitee["updated_at"].as_str().unwrap();
    let key = format!("invitee_no_show.deleted {} {changed}", invitee["uri"].as_str().unwrap());
    assert_eq!(of.dedupe_key, Some(key));
    assert_eq!(unmarked(&event, &invitee, "u", &kinds(false, false), at), None, "it is not wanted");
    invitee["status"] = json!("canceled");
    assert_eq!(unmarked(&event, &invitee, "u", &all, at), None, "nobody is to come");
}

#[test]
fn what_cannot_be_found_again_is_said_of_what_is_told_of() {
    assert_eq!(unseen(&kinds(false, false)), Vec::<String>::new());
    let of = |no_shows, forms| -> Vec<String> {
        let said = unseen(&kinds(no_shows, forms)).into_iter();
        said.map(|line| line.split(':').next().unwrap().to_owned()).collect()
    };
    assert_eq!(of(true, false), ["invitee_no_show.created", "invitee_no_show.deleted"]);
    assert_eq!(of(false, true), [ROUTING_FORMS]);
}

#[test]
fn a_booking_that_was_given_up_is_told_as_it_was_made_first() {
    let (event, invitee) = shown(&fixture("canceled"));
    let told = deliveries(&event, &invitee, "u", &kinds(false, false));
    let kinds: Vec<_> = told.iter().map(|delivery| delivery.body["event"].clone()).collect();
    assert_eq!(kinds, ["invitee.created", "invitee.canceled"]);
    let made = &told[0].body["payload"];
    assert_eq!((&made["status"], &made["scheduled_event"]["status"]), (&json!("active"), &json!("active")));
    assert_eq!((&made["new_invitee"], &made["rescheduled"]), (&Value::Null, &json!(false)));
    assert!(made.get("cancellation").is_none() && made["scheduled_event"].get("cancellation").is_none());
    assert_eq!(told[0].body["created_at"], "2026-03-10T14:02:30.000000Z");
    assert_eq!(told[1].at, "2026-03-11T09:17:04.861733Z".parse().unwrap());
    assert_eq!(
        deliveries(&event, &invitee, "u", &["invitee.canceled"]).len(),
        1,
        "what is not wanted is not told"
    );
    assert_eq!(deliveries(&Value::Null, &Value::Null, "u", &["invitee.created"]), []);
    assert_eq!(newest(&event, &[invitee.clone(), invitee], "u").unwrap()["event"], "invitee.created");
    assert_eq!(newest(&event, &[], "u"), None);
}

#[test]
fn only_events_that_cannot_have_changed_are_passed_over() {
    let time = |seconds: i64| Timestamp::from_seconds(seconds);
    let event = |updated: i64, start: i64, limit: Value| {
        json!({
            "updated_at": time(updated).to_string(), "start_time": time(start).to_string(),
            "invitees_counter": {"total": 1, "active": 1, "limit": limit},
        })
    };
    let touched = |event: &Value, no_shows| was_touched(event, time(100), no_shows, time(200));
    assert!(!touched(&event(99, 300, json!(1)), false));
    assert!(touched(&event(100, 300, json!(1)), false));
    assert!(touched(&event(99, 300, json!(5)), false), "one more may have joined");
    assert!(touched(&event(99, 300, Value::Null), false));
    assert!(!touched(&event(99, 300, json!(1)), true), "nobody is missed before it begins");
    assert!(touched(&event(99, 150, json!(1)), true));
    assert!(touched(&json!({}), false));
}

/// What became of a booking, as somebody who watches it notes it.
#[derive(Debug, Clone)]
struct Life {
    number: u32,
    cancelled: bool,
    moved: bool,
    no_show: bool,
}

prop_compose! {
    fn life()(number in 0..1_000_000_u32, cancelled: bool, moved: bool, no_show: bool) -> Life {
        Life { number, cancelled: cancelled || moved, moved, no_show }
    }
}

proptest! {
    /// The keys that webhooks of the life have, written by hand, are those of what is told of it.
    #[test]
    fn every_fact_of_a_booking_has_the_key_of_its_webhook(life in life()) {
        let event = format!("https://api.calendly.com/scheduled_events/E{}", life.number);
        let uri = format!("{event}/invitees/I{}", life.number);
        let mark = format!("https://api.calendly.com/invitee_no_shows/N{}", life.number);
        let mut invitee = json!({
            "uri": uri, "event": event, "created_at": "2026-03-10T14:02:30.512873Z",
            "updated_at": "2026-03-11T00:00:00.000000Z", "rescheduled": life.moved,
            "status": if life.cancelled { "canceled" } else { "active" }, "no_show": null, "new_invitee": null,
        });
        if life.no_show {
            invitee["no_show"] = json!({"uri": mark, "created_at": "2026-03-13T00:00:00.000000Z"});
        }
        let mut expected = vec![format!("invitee.created {uri}")];
        if life.cancelled {
            expected.push(format!("invitee.canceled {uri}"));
        }
        if life.no_show {
            expected.push(format!("invitee_no_show.created {uri} {mark}"));
        }
        let told = deliveries(&json!({"uri": event, "status": "active"}), &invitee, "u", &kinds(true, false));
        let keys: Vec<String> = told.iter().filter_map(|delivery| facts(&delivery.body).dedupe_key).collect();
        prop_assert_eq!(keys, expected);
        let given_up = told.iter().filter(|delivery| delivery.body["payload"]["status"] == "canceled").count();
        prop_assert_eq!(given_up, usize::from(life.cancelled) + usize::from(life.cancelled && life.no_show));
    }
}
