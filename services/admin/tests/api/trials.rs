//! Trying things out: messages that are tests, and tests of destinations.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};
use tonic::Code;
use tributary_connectors::destinations::{Outcome, Trouble};
use tributary_domain::id::EventId;
use tributary_proto::admin::v1::{
    AddSuppressionsRequest, ConsentRule, CreateDestinationRequest, Destination, GetMessageRequest,
    ListDeliveriesRequest, ListEventsRequest, ListMessagesRequest, ListProfilesRequest,
    QueryMatchQualityRequest, QueryStatsRequest, SuppressedIdentifier, Tenant, TenantSettings,
    TestDestinationRequest, TestDestinationResponse, TestRule, UpdateDestinationRequest, UpdateTenantRequest,
    test_rule::Kind, withheld_destination::Reason,
};
use tributary_store::delivery::{AttemptRecord, Matched, NewAttempt, Verdict};

use crate::{
    destinations,
    logs::booking,
    support::{NOW, World, fields, id, mask, object, reason, tenant_of},
    workflows,
};

const ONE: &str = "trb_0123456789abcdefghjkmnpqrs";
const TWO: &str = "trb_0123456789abcdefghjkmnpqrt";

fn rule(kind: Kind, name: &str, value: &str) -> TestRule {
    TestRule { kind: kind.into(), name: name.to_owned(), value: value.to_owned() }
}

async fn rules(world: &World, tenant: &Tenant, rules: Vec<TestRule>) -> Result<Tenant, tonic::Status> {
    let settings = TenantSettings { test_rules: rules, ..TenantSettings::default() };
    let tenant = Some(Tenant { settings: Some(settings), ..tenant.clone() });
    let request = UpdateTenantRequest { tenant, update_mask: mask(&["settings.test_rules"]) };
    world.tenants().update_tenant(request).await.map(tonic::Response::into_inner)
}

async fn platform(
    world: &World,
    tenant: &Tenant,
    platform: &str,
    settings: &[(&str, &str)],
    secret: (&str, &str),
) -> Destination {
    let destination = Destination {
        key: platform.to_owned(),
        display_name: platform.to_owned(),
        platform: platform.to_owned(),
        settings: Some(object(settings)),
        secrets: [(secret.0.to_owned(), secret.1.to_owned())].into(),
        ..Destination::default()
    };
    created(world, tenant, destination).await
}

async fn created(world: &World, tenant: &Tenant, destination: Destination) -> Destination {
    let request = CreateDestinationRequest {
        parent: tenant.name.clone(),
        destination: Some(destination),
        ..Default::default()
    };
    world.destinations().create_destination(request).await.unwrap().into_inner()
}

/// A server that answers every request like this, and what it is sent: head and body.
async fn answering(status: &str, body: &str) -> (String, mpsc::UnboundedReceiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let (sender, received) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut seen = Vec::new();
            let (head, body) = loop {
                if stream.read_buf(&mut seen).await.unwrap() == 0 {
                    return;
                }
                let text = String::from_utf8_lossy(&seen).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                if let Ok(body) = serde_json::from_str(body) {
                    break (head.to_owned(), body);
                }
            };
            sender.send((head, body)).unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, received)
}

#[tokio::test]
async fn rules_are_kept_as_they_are_and_refused_where_they_cannot_be() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let good = vec![
        rule(Kind::Email, "", "*@agency.example"),
        rule(Kind::Header, "x-tributary-test", "*"),
        rule(Kind::Answer, "Coupon?", "internal"),
        rule(Kind::Path, "$.payload.livemode", "false"),
    ];
    let set = rules(&world, &tenant, good.clone()).await.unwrap();
    assert_eq!(set.settings.as_ref().unwrap().test_rules, good);
    // What another field is set to leaves them alone.
    let settings = TenantSettings { currency: "EUR".to_owned(), ..TenantSettings::default() };
    let change = Some(Tenant { settings: Some(settings), ..set });
    let request = UpdateTenantRequest { tenant: change, update_mask: mask(&["settings.currency"]) };
    let set = world.tenants().update_tenant(request).await.unwrap().into_inner();
    assert_eq!(set.settings.as_ref().unwrap().test_rules, good);
    let at = |number: usize, field: &str| format!("tenant.settings.test_rules[{number}]{field}");
    for (wrong, field) in [
        (rule(Kind::Unspecified, "", "a"), ".kind"),
        (rule(Kind::Email, "to", "a@b.example"), ".name"),
        (rule(Kind::Header, " ", "1"), ".name"),
        (rule(Kind::Header, &"x".repeat(1_001), "1"), ".name"),
        (rule(Kind::Path, "$.a", &"x".repeat(513)), ".value"),
        (rule(Kind::Path, "payload.a", "1"), ""),
        (rule(Kind::Email, "", "*"), ""),
        (rule(Kind::Answer, "Coupon?", " "), ""),
    ] {
        let refused = rules(&world, &set, vec![good[0].clone(), wrong]).await.unwrap_err();
        assert_eq!(fields(&refused), [at(1, field)]);
    }
    let refused = rules(&world, &set, vec![good[0].clone(); 51]).await.unwrap_err();
    assert_eq!(fields(&refused), ["tenant.settings.test_rules"]);
}

#[tokio::test]
async fn a_test_message_is_shown_as_one_and_goes_where_tests_go() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    workflows::publish(&world, &workflows::create(&world, &source, "booking").await).await;
    let hook = destinations::create(&world, &tenant).await;
    let slack = platform(
        &world,
        &tenant,
        "slack",
        &[("text", "{{ $.data.name }}")],
        ("webhook_url", "https://hooks.slack.com/services/T1/B1/x"),
    )
    .await;
    rules(&world, &tenant, vec![rule(Kind::Email, "", "*@agency.example")]).await.unwrap();
    let live = world.commit(&source, 1, &booking(1, "ann@example.com", ONE)).await;
    let test = world.commit(&source, 2, &booking(2, "qa@agency.example", TWO)).await;

    let shown = async |message| {
        let name = format!("{}/messages/{message}", tenant.name);
        world.logs().get_message(GetMessageRequest { name, view: 0 }).await.unwrap().into_inner().test
    };
    assert_eq!((shown(live).await, shown(test).await), (false, true));
    for (filter, expected) in [("test = true", test), ("test = false", live)] {
        let request = ListMessagesRequest {
            parent: source.name.clone(),
            filter: filter.to_owned(),
            ..ListMessagesRequest::default()
        };
        let found = world.logs().list_messages(request).await.unwrap().into_inner().messages;
        assert_eq!(
            found.iter().map(|one| one.message_id.clone()).collect::<Vec<_>>(),
            [expected.to_string()]
        );
    }
    let request = ListMessagesRequest {
        parent: source.name.clone(),
        filter: "test = perhaps".to_owned(),
        ..ListMessagesRequest::default()
    };
    let refused = world.logs().list_messages(request).await.unwrap_err();
    assert_eq!(fields(&refused), ["filter"]);

    let request = ListEventsRequest { parent: tenant.name.clone(), ..Default::default() };
    let events = world.events().list_events(request).await.unwrap().into_inner().events;
    assert_eq!(events.iter().map(|event| event.test).collect::<Vec<_>>(), [true, false]);
    let kept = &events[0].withheld_destinations;
    assert_eq!((kept.len(), &kept[0].destination), (1, &slack.name));
    assert!(kept[0].reason() == Reason::NoTestFacility && kept[0].text.contains("is a test"), "{kept:?}");
    let request = ListDeliveriesRequest { parent: tenant.name.clone(), ..Default::default() };
    let made = world.logs().list_deliveries(request).await.unwrap().into_inner().deliveries;
    let to = |event: &str| {
        let of = made.iter().filter(|one| one.event == event);
        let mut to: Vec<_> = of.map(|one| one.destination.clone()).collect();
        to.sort();
        to
    };
    let mut both = vec![hook.name.clone(), slack.name];
    both.sort();
    assert_eq!((to(&events[0].name), to(&events[1].name)), (vec![hook.name], both));
    let request = ListProfilesRequest { parent: tenant.name.clone(), ..Default::default() };
    let people = world.profiles().list_profiles(request).await.unwrap().into_inner().profiles;
    assert_eq!(people.iter().filter(|one| one.test).count(), 1);
    let request = QueryStatsRequest { parent: tenant.name.clone(), ..Default::default() };
    let total = world.stats().query_stats(request).await.unwrap().into_inner().total.unwrap();
    let counted = (total.test_message_count, total.received_message_count, total.event_count);
    assert_eq!((counted, total.new_profile_count), ((1, 1, 1), 1));
}

async fn test(
    world: &World,
    destination: &Destination,
    change: impl FnOnce(&mut TestDestinationRequest),
) -> Result<TestDestinationResponse, tonic::Status> {
    let mut request = TestDestinationRequest { name: destination.name.clone(), ..Default::default() };
    change(&mut request);
    world.destinations().test_destination(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_dry_run_shows_the_request_without_secrets_and_sends_nothing() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let (url, mut received) = answering("200 OK", "{}").await;
    let settings = [("dataset_id", "42"), ("base_url", &url), ("test_message_code", "TEST7")];
    let meta = platform(&world, &tenant, "meta", &settings, ("access_token", "canary-token")).await;
    let dry = test(&world, &meta, |request| request.event_name = "Purchase".to_owned()).await.unwrap();
    let delivery = dry.delivery.clone().unwrap();
    assert!(delivery.passes && delivery.reason.is_empty() && dry.answer.is_none(), "{dry:?}");
    assert_eq!(delivery.match_quality.unwrap().score, 100, "of the example everything is known");
    let request = delivery.request.unwrap();
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body["data"][0]["event_name"], "Purchase");
    assert!(body.get("test_event_code").is_none(), "it is what is sent of any event");
    assert!(request.url.starts_with(&url) && !format!("{dry:?}").contains("canary-token"));
    assert_eq!(dry.event.unwrap().event_name, "Purchase");
    assert!(received.try_recv().is_err(), "nothing was sent");
    for (event, name, field) in [
        ("evt_1", "", "event"),
        ("", "x".repeat(201).as_str(), "event_name"),
        ("evt_1", "Lead", "event_name"),
    ] {
        let refused = test(&world, &meta, |request| {
            (request.event, request.event_name) = (event.to_owned(), name.to_owned());
        });
        assert_eq!(fields(&refused.await.unwrap_err()), [field]);
    }
    let nowhere =
        EventId::derive(tributary_domain::id::MessageId::new(1, 1), id("wfl_00000000000000000000000001"), 0);
    let refused = test(&world, &meta, |request| request.event = nowhere.to_string()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "EVENT_NOT_FOUND"));
}

#[tokio::test]
async fn what_is_sent_goes_to_the_test_facility_and_the_answer_has_its_meaning() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let error = r#"{"error":{"message":"no","code":190}}"#;
    let (url, mut received) = answering("400 Bad Request", error).await;
    let settings = [("dataset_id", "42"), ("base_url", &url), ("test_message_code", "TEST7")];
    let meta = platform(&world, &tenant, "meta", &settings, ("access_token", "canary-token")).await;
    let sent = test(&world, &meta, |request| request.send = true).await.unwrap();
    let (head, body) = received.recv().await.unwrap();
    assert!(head.contains("access_token=canary-token"));
    assert_eq!(
        (&body["test_event_code"], &body["data"][0]["event_name"]),
        (&json!("TEST7"), &json!("Schedule"))
    );
    let answer = sent.answer.unwrap();
    assert_eq!((answer.http_status, answer.outcome.as_str()), (400, "HELD"));
    assert!(answer.meaning.contains("access token is not valid any more"), "{}", answer.meaning);
    assert_eq!(answer.body, error.as_bytes());
    let request = ListDeliveriesRequest { parent: tenant.name.clone(), ..Default::default() };
    assert!(world.logs().list_deliveries(request).await.unwrap().into_inner().deliveries.is_empty());

    // A webhook is told that it is one, in what it checks signatures of.
    let (url, mut received) = answering("204 No Content", "").await;
    let secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let hook = platform(&world, &tenant, "webhook", &[("url", &url)], ("signing", secret)).await;
    let sent = test(&world, &hook, |request| request.send = true).await.unwrap();
    let (_, body) = received.recv().await.unwrap();
    assert_eq!(body["data"]["test"], true);
    assert_eq!(sent.answer.unwrap().outcome, "DELIVERED");

    // Where nobody listens, and where there is nothing to send to.
    let gone = platform(
        &world,
        &tenant,
        "tiktok",
        &[("event_source_id", "1"), ("base_url", "https://10.0.0.1"), ("test_event_code", "T")],
        ("access_token", "x"),
    )
    .await;
    let answer = test(&world, &gone, |request| request.send = true).await.unwrap().answer.unwrap();
    assert!(answer.http_status == 0 && answer.meaning.contains("not public"), "{answer:?}");
    let klaviyo = platform(&world, &tenant, "klaviyo", &[], ("api_key", "pk_x")).await;
    let dry = test(&world, &klaviyo, |_| {}).await.unwrap();
    assert!(dry.delivery.unwrap().request.is_some() && dry.test_reason.contains("without being counted"));
    let none = test(&world, &klaviyo, |request| request.send = true).await.unwrap();
    assert!(none.answer.is_none() && none.delivery.unwrap().reason.contains("it is a test"));
}

#[tokio::test]
async fn where_access_is_got_for_deliveries_it_is_got_for_tests_too() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let (url, mut received) = answering("200 OK", r#"{"requestId":"1"}"#).await;
    let mut settings = object(&[("customer_id", "1234567890"), ("client_id", "c"), ("base_url", &url)]);
    let conversions = prost_types::value::Kind::StructValue(object(&[("Schedule", "7")]));
    settings.fields.insert("conversions".to_owned(), prost_types::Value { kind: Some(conversions) });
    let secrets = [("client_secret", "canary-secret"), ("refresh_token", "canary-refresh")];
    let ads = Destination {
        key: "ads".to_owned(),
        display_name: "Ads".to_owned(),
        platform: "google_ads".to_owned(),
        settings: Some(settings),
        secrets: secrets.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..Destination::default()
    };
    let ads = created(&world, &tenant, ads).await;
    let sent = async || test(&world, &ads, |request| request.send = true).await.unwrap();
    let house = |access| world.house.access.lock().unwrap().insert(id(&ads.name), access);

    let why = Outcome::Hold { trouble: Trouble::Revoked, after: None, reason: "it was revoked".to_owned() };
    house(Err(why));
    let refused = sent().await;
    let answer = refused.answer.unwrap();
    assert_eq!((answer.http_status, answer.outcome.as_str()), (0, "HELD"));
    assert!(answer.meaning.contains("it was revoked") && refused.test_reason.is_empty());
    assert!(received.try_recv().is_err(), "nothing was sent");

    house(Ok("canary-access".to_owned()));
    let taken = sent().await;
    let (head, body) = received.recv().await.unwrap();
    assert!(head.to_ascii_lowercase().contains("authorization: bearer canary-access"), "{head}");
    assert_eq!(body["validateOnly"], true, "it goes to the test facility");
    assert!(!format!("{taken:?}").contains("canary"), "{taken:?}");
    let answer = taken.answer.unwrap();
    assert_eq!((answer.http_status, answer.outcome.as_str()), (200, "DELIVERED"));
    let dry = test(&world, &ads, |_| {}).await.unwrap();
    assert!(dry.answer.is_none() && received.try_recv().is_err());
}

#[tokio::test]
async fn nobody_is_tried_things_out_with_who_does_not_want_it() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let consent = [("consents", "ads", "$.payload.ads")];
    let workflow = workflows::mapping_too(&world, &source, &consent).await;
    assert!(!workflow.name.is_empty());
    let (url, mut received) = answering("200 OK", "{}").await;
    let secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let hook = platform(&world, &tenant, "webhook", &[("url", &url)], ("signing", secret)).await;
    let mut body = booking(1, "ann@example.com", ONE);
    body["payload"]["ads"] = true.into();
    world.commit(&source, 1, &body).await;
    let request = ListEventsRequest { parent: tenant.name.clone(), ..Default::default() };
    let event = world.events().list_events(request).await.unwrap().into_inner().events.remove(0).name;
    let sent = async || {
        test(&world, &hook, |request| (request.event, request.send) = (event.clone(), true)).await.unwrap()
    };
    assert_eq!(sent().await.answer.unwrap().http_status, 200);
    assert_eq!(received.recv().await.unwrap().1["data"]["test"], true);
    // They withdraw it later, with another event.
    let rule = ConsentRule { purposes: vec!["ads".to_owned()], when_unknown: 0 };
    let change = Destination { consent: Some(rule), ..hook.clone() };
    let request = UpdateDestinationRequest { destination: Some(change), update_mask: mask(&["consent"]) };
    world.destinations().update_destination(request).await.unwrap();
    assert!(sent().await.answer.is_some(), "they agreed");
    received.recv().await.unwrap();
    let mut body = booking(2, "ann@example.com", ONE);
    body["payload"]["ads"] = false.into();
    world.commit(&source, 2, &body).await;
    let refused = sent().await;
    assert!(refused.answer.is_none(), "{refused:?}");
    let delivery = refused.delivery.unwrap();
    assert!(!delivery.passes && delivery.reason.contains("did not agree to `ads`"), "{delivery:?}");
    let mut body = booking(3, "ann@example.com", ONE);
    body["payload"]["ads"] = true.into();
    world.commit(&source, 3, &body).await;
    assert!(sent().await.answer.is_some());
    received.recv().await.unwrap();
    let identifiers =
        vec![SuppressedIdentifier { r#type: "email".to_owned(), value: "ann@example.com".to_owned() }];
    let request = AddSuppressionsRequest { parent: tenant.name.clone(), identifiers, ..Default::default() };
    world.privacy().add_suppressions(request).await.unwrap();
    let refused = sent().await;
    assert!(refused.answer.is_none() && !refused.delivery.unwrap().passes);
    assert!(received.try_recv().is_err());
}

#[tokio::test]
async fn match_quality_is_told_over_time_with_what_would_raise_it_most() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    workflows::publish(&world, &workflows::create(&world, &source, "booking").await).await;
    let meta = platform(&world, &tenant, "meta", &[("dataset_id", "42")], ("access_token", "x")).await;
    platform(&world, &tenant, "tiktok", &[("event_source_id", "42")], ("access_token", "x")).await;
    world.commit(&source, 1, &booking(1, "ann@example.com", ONE)).await;
    world.commit(&source, 2, &booking(2, "bob@example.com", TWO)).await;
    let request = ListDeliveriesRequest { parent: tenant.name.clone(), ..Default::default() };
    let made = world.logs().list_deliveries(request).await.unwrap().into_inner().deliveries;
    let to_meta = made.iter().filter(|one| one.destination == meta.name);
    let attempts = to_meta.zip([(42, vec!["email", "phone"]), (26, vec!["email"])]).map(
        |(delivery, (score, present))| NewAttempt {
            attempt: AttemptRecord {
                delivery: id(&delivery.name),
                number: 1,
                started_at: NOW,
                duration: std::time::Duration::from_millis(5),
                outcome: "DELIVERED".to_owned(),
                http_status: Some(200),
                response_headers: Vec::new(),
                response_body: Vec::new(),
                is_truncated: false,
                error: None,
                answer_removed: false,
            },
            cause: None,
            verdict: Verdict::Delivered,
            source: id(&source.name),
            is_replay: false,
            is_test: false,
            quality: Some(Matched { destination: id(&meta.name), score, present }),
        },
    );
    let attempts: Vec<_> = attempts.collect();
    assert_eq!(attempts.len(), 2);
    world.store.tenant(tenant_of(&tenant.name)).record_attempts(&attempts).await.unwrap();
    let asked = async |parent: &str| {
        let request = QueryMatchQualityRequest { parent: parent.to_owned(), ..Default::default() };
        world.stats().query_match_quality(request).await.unwrap().into_inner()
    };
    let of_meta = asked(&meta.name).await;
    let (total, today) = (of_meta.total.unwrap(), of_meta.stats.last().unwrap().clone());
    assert_eq!((today.delivery_count, &today.signals), (2, &total.signals));
    assert!((total.average_score - 34.0).abs() < 1e-9, "{}", total.average_score);
    let (first, second) = (&total.signals[0], &total.signals[1]);
    // Half of them have a phone number, which is worth 16 points; nobody has a click, which is worth 14.
    assert_eq!((first.name.as_str(), second.name.as_str()), ("fbc", "phone"));
    assert!((first.gain - 14.0).abs() < 1e-9 && !first.how.is_empty(), "{first:?}");
    let phone = total.signals.iter().find(|signal| signal.name == "phone").unwrap();
    assert!((phone.share - 0.5).abs() < 1e-9 && (phone.gain - 8.0).abs() < 1e-9, "{phone:?}");
    assert!(of_meta.destinations.is_empty() && today.date.len() == 10);
    let of_tenant = asked(&tenant.name).await;
    assert_eq!(of_tenant.total.unwrap().delivery_count, 2);
    assert_eq!(of_tenant.destinations.len(), 1, "nothing was delivered to the other");
    assert_eq!(of_tenant.destinations[0].total.as_ref().unwrap().signals, total.signals);
    let request = QueryMatchQualityRequest { parent: source.name.clone(), ..Default::default() };
    let refused = world.stats().query_match_quality(request).await.unwrap_err();
    assert_eq!(fields(&refused), ["parent"]);
}
