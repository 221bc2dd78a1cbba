//! How deliveries are sent: together where a platform takes that, not after their time, as often as a destination bears, not at
//! all while it does not work, and in order.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tributary_proto::admin::v1::{
    self as pb, ConsentRule, CreateDestinationRequest, Delivery, DestinationHealth, GetDestinationRequest,
    ListDeliveriesRequest, PauseDestinationRequest, ReplayDeliveriesRequest, ResumeDestinationRequest,
    delivery::State, destination_health::Flow,
};
use tributary_tests::{
    ACCOUNT, CREDENTIAL, Database, Destination, Platforms, Reply, Server, ServerBuilder, Sink, Source, Spec,
    Tenant, databases, eventually, to_micros, to_struct,
};

struct Scene {
    server: Server,
    tenant: Tenant,
    source: Source,
}

impl Scene {
    async fn on(database: Database) -> Self {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let tenant = server.tenant("acme").await;
        let source = server.custom(&tenant, "forms").await;
        let spec = Spec::track("Lead")
            .identifier("email", "$.email")
            .time("$.time")
            .attribute("fbc", "$.click")
            .attribute("number", "$.number")
            .consent("ads", "$.ads");
        server.published(&source, "leads", spec).await;
        Self { server, tenant, source }
    }

    async fn destination(&self, platform: &str, settings: &Value, secret: (&str, &str)) -> Destination {
        let destination = pb::Destination { settings: Some(to_struct(settings)), ..Default::default() };
        self.made(platform, secret, destination).await
    }

    async fn made(
        &self,
        platform: &str,
        (name, secret): (&str, &str),
        given: pb::Destination,
    ) -> Destination {
        let destination = pb::Destination {
            key: platform.to_owned(),
            display_name: platform.to_owned(),
            platform: platform.to_owned(),
            secrets: [(name.to_owned(), secret.to_owned())].into(),
            ..given
        };
        let request = CreateDestinationRequest {
            parent: self.tenant.name.clone(),
            destination: Some(destination),
            ..Default::default()
        };
        let made = self.server.api().destinations().create_destination(request).await;
        Destination { name: made.expect("a destination").into_inner().name }
    }

    async fn post(&self, body: &Value) {
        self.server.post(&self.source, body.to_string()).await.accepted();
    }

    /// Posts something of this many people.
    async fn post_people(&self, count: usize) {
        for number in 0..count {
            self.post(&json!({"email": format!("p{number}@example.com"), "number": number})).await;
        }
    }

    async fn pause(&self, destination: &Destination) {
        let request = PauseDestinationRequest { name: destination.name.clone(), ..Default::default() };
        self.server.api().destinations().pause_destination(request).await.expect("it is paused");
    }

    async fn resume(&self, destination: &Destination) {
        let request = ResumeDestinationRequest { name: destination.name.clone(), etag: String::new() };
        self.server.api().destinations().resume_destination(request).await.expect("it is resumed");
    }

    /// Every delivery, once there are so many.
    async fn deliveries(&self, count: usize) -> Vec<Delivery> {
        eventually(format!("there are {count} deliveries"), async || {
            let all = self.server.deliveries(&self.tenant).await;
            (all.len() == count).then_some(all)
        })
        .await
    }

    /// Every delivery, once none of so many waits any more.
    async fn done(&self, count: usize) -> Vec<Delivery> {
        eventually(format!("{count} deliveries are done"), async || {
            let all = self.server.deliveries(&self.tenant).await;
            (all.len() == count && all.iter().all(|one| one.state() != State::Pending)).then_some(all)
        })
        .await
    }

    async fn health(&self, destination: &Destination) -> Option<DestinationHealth> {
        let request = GetDestinationRequest { name: destination.name.clone() };
        let got = self.server.api().destinations().get_destination(request).await.expect("a destination");
        got.into_inner().health
    }

    async fn flows(&self, destination: &Destination, flow: Flow) -> DestinationHealth {
        eventually(format!("the destination is {}", flow.as_str_name()), async || {
            self.health(destination).await.filter(|health| health.flow() == flow)
        })
        .await
    }

    async fn listed(&self, filter: &str) -> usize {
        let request = ListDeliveriesRequest {
            parent: self.tenant.name.clone(),
            filter: filter.to_owned(),
            ..Default::default()
        };
        self.server.api().logs().list_deliveries(request).await.expect("a list").into_inner().deliveries.len()
    }
}

fn of_meta(url: &str) -> Value {
    json!({"dataset_id": ACCOUNT, "base_url": url})
}

#[tokio::test]
async fn what_waits_goes_together_and_one_bad_event_sinks_no_others() {
    const EVENTS: usize = 30;
    for database in databases() {
        let scene = Scene::on(database).await;
        let platforms = Platforms::start().await;
        let meta = scene.destination("meta", &of_meta(&platforms.url()), ("access_token", CREDENTIAL)).await;
        scene.pause(&meta).await;
        for number in 0..EVENTS {
            // Meta knows better than we do what a click looks like.
            let click = if number == 13 { "nonsense" } else { "fb.1.1700000000000.AbC" };
            scene.post(&json!({"email": format!("p{number}@example.com"), "click": click})).await;
        }
        scene.deliveries(EVENTS).await;
        assert!(platforms.calls("meta").is_empty(), "it is paused");
        scene.resume(&meta).await;
        let done = scene.done(EVENTS).await;
        let failed: Vec<&Delivery> = done.iter().filter(|one| one.state() == State::Failed).collect();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0].error_code, "100/2804010");

        let calls = platforms.calls("meta");
        let size = |call: &tributary_tests::Call| call.body["data"].as_array().map_or(0, Vec::len);
        assert!(
            calls.len() <= 2 + 2 * 5,
            "a batch and its halves: {:?}",
            calls.iter().map(size).collect::<Vec<_>>()
        );
        let taken: usize = calls.iter().filter(|call| call.wrong.is_empty()).map(size).sum();
        assert_eq!(taken, EVENTS - 1, "each was taken once");
        let attempts = scene.server.delivery(&failed[0].name).await.attempts;
        let outcomes: Vec<&str> = attempts.iter().map(|attempt| attempt.outcome.as_str()).collect();
        let (last, splits) = outcomes.split_last().expect("attempts");
        assert!(
            *last == "FAILED" && splits.len() >= 2 && splits.iter().all(|one| *one == "SPLIT"),
            "{outcomes:?}"
        );
        assert!(attempts[0].response_body.is_empty(), "what is said of others is not kept with it");
        assert_eq!(scene.listed(r#"error_code = "100/2804010""#).await, 1);
        assert_eq!(scene.listed("verdict_changed = true").await, 0, "it still means that");
    }
}

#[tokio::test]
async fn what_is_too_old_is_not_sent_and_sinks_no_others() {
    let scene = Scene::on(Database::sqlite()).await;
    let platforms = Platforms::start().await;
    let meta = scene.destination("meta", &of_meta(&platforms.url()), ("access_token", CREDENTIAL)).await;
    scene.pause(&meta).await;
    let old = "2020-01-01T00:00:00Z";
    for number in 0..6 {
        let email = format!("p{number}@example.com");
        let body =
            if number % 3 == 0 { json!({"email": email, "time": old}) } else { json!({"email": email}) };
        scene.post(&body).await;
    }
    scene.deliveries(6).await;
    scene.resume(&meta).await;
    let done = scene.done(6).await;
    assert_eq!(done.iter().filter(|one| one.error_code == "EXPIRED").count(), 2, "{done:?}");
    assert_eq!(done.iter().filter(|one| one.state() == State::Delivered).count(), 4);
    assert!(platforms.calls("meta").iter().all(|call| call.wrong.is_empty()));

    // It can be asked for again, and is as old.
    let replay = ReplayDeliveriesRequest {
        parent: scene.tenant.name.clone(),
        filter: r#"error_code = "EXPIRED" AND time >= 2020-01-01T00:00:00Z"#.to_owned(),
        ..Default::default()
    };
    scene.server.api().logs().replay_deliveries(replay).await.expect("an operation");
    eventually("they are tried again", async || {
        let all = scene.server.deliveries(&scene.tenant).await;
        let again = all.iter().filter(|one| one.error_code == "EXPIRED" && one.attempt_count == 2);
        (again.count() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn while_a_destination_does_not_work_its_deliveries_use_up_no_tries() {
    const EVENTS: usize = 40;
    for database in databases() {
        let scene = Scene::on(database).await;
        let sink = Sink::start().await;
        sink.answer(Reply::Status(503));
        let settings = json!({"url": sink.url(), "concurrency": 2});
        let hook = scene.destination("webhook", &settings, ("signing", sink.secret())).await;
        scene.post_people(EVENTS).await;
        let health = scene.flows(&hook, Flow::Broken).await;
        assert!(health.since_time.is_some() && health.failure_count >= 10, "{health:?}");
        let tried = |all: &[Delivery]| all.iter().filter(|one| one.attempt_count > 0).count();
        // Ten, and one that was under way then.
        assert!(tried(&scene.deliveries(EVENTS).await) <= 11);
        sink.answer(Reply::Status(200));
        let done = scene.done(EVENTS).await;
        assert!(done.iter().all(|one| one.state() == State::Delivered));
        assert!(done.iter().filter(|one| one.attempt_count == 1).count() >= EVENTS - 12, "{done:?}");
        assert_eq!(scene.health(&hook).await.map(|health| health.flow()), Some(Flow::Open));
    }
}

#[tokio::test]
async fn who_asks_to_wait_is_left_alone_and_nobody_is_asked_more_often_than_may_be() {
    let scene = Scene::on(Database::sqlite()).await;
    let sink = Sink::start().await;
    sink.answer(Reply::With(429, vec![("retry-after", "3600".to_owned())]));
    let settings = json!({"url": sink.url(), "concurrency": 1, "requests_per_minute": 120, "burst": 2});
    let hook = scene.destination("webhook", &settings, ("signing", sink.secret())).await;
    scene.post_people(5).await;
    let health = scene.flows(&hook, Flow::Throttled).await;
    assert!(health.until_time.is_some() && health.failure_count == 0, "{health:?}");
    assert_eq!(sink.received().len(), 1, "the others do not ask");

    // Who changes the destination does not wait.
    sink.answer(Reply::Status(200));
    scene.pause(&hook).await;
    scene.resume(&hook).await;
    let delivered = scene.server.delivered(&scene.tenant, 4).await;
    let mut began: Vec<i64> = Vec::new();
    for delivery in delivered.iter().filter(|one| one.state() == State::Delivered) {
        let attempts = scene.server.delivery(&delivery.name).await.attempts;
        began.extend(attempts.iter().map(|attempt| to_micros(attempt.start_time.as_ref())));
    }
    began.sort_unstable();
    let between: Vec<i64> = began.windows(2).map(|two| (two[1] - two[0]) / 1_000).collect();
    assert!(between[1..].iter().all(|gap| *gap >= 490), "half a second after the burst: {between:?}");
}

#[tokio::test]
async fn where_order_counts_nothing_passes_what_is_tried_again_also_over_a_restart() {
    for database in databases() {
        let mut scene = Scene::on(database).await;
        let sink = Sink::start().await;
        sink.answer(Reply::Status(503));
        let settings = json!({"base_url": sink.url()});
        scene.destination("klaviyo", &settings, ("api_key", CREDENTIAL)).await;
        let post = |number: i64| json!({"email": "ann@example.com", "number": number});
        scene.post(&post(1)).await;
        eventually("it was tried", async || (!sink.received().is_empty()).then_some(())).await;
        eventually("that is known", async || {
            let all = scene.server.deliveries(&scene.tenant).await;
            (all.len() == 1 && all[0].attempt_count == 1).then_some(())
        })
        .await;
        scene.server.stop().await;
        scene.server.start_again().await;
        sink.answer(Reply::Status(202));
        scene.post(&post(2)).await;
        scene.post(&post(3)).await;
        scene.post(&json!({"email": "bob@example.com", "number": 4})).await;
        scene.done(4).await;
        let numbers: Vec<i64> = sink
            .received()
            .iter()
            .filter_map(|one| one.body["data"]["attributes"]["properties"]["number"].as_i64())
            .collect();
        let of_ann: Vec<i64> = numbers.iter().copied().filter(|number| *number != 4).collect();
        assert_eq!(of_ann, [1, 1, 2, 3]);
        let place = |wanted: i64| numbers.iter().position(|number| *number == wanted);
        assert!(place(4) < place(2), "others go on meanwhile: {numbers:?}");
    }
}

#[tokio::test]
async fn who_takes_their_consent_back_is_not_sent_what_waits() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let sink = Sink::start().await;
        let rule = ConsentRule { purposes: vec!["ads".to_owned()], ..Default::default() };
        let given = pb::Destination {
            settings: Some(to_struct(&json!({"url": sink.url()}))),
            consent: Some(rule),
            ..Default::default()
        };
        let hook = scene.made("webhook", ("signing", sink.secret()), given).await;
        scene.pause(&hook).await;
        for who in ["ann", "bob"] {
            scene.post(&json!({"email": format!("{who}@example.com"), "ads": true})).await;
        }
        scene.deliveries(2).await;
        // This one is kept from the destination by the ledger.
        let no = json!({"email": "ann@example.com", "ads": false});
        let message = scene.server.post(&scene.source, no.to_string()).await.accepted();
        scene.server.processed(&message).await;
        scene.resume(&hook).await;
        let states: BTreeMap<String, usize> =
            scene.done(2).await.into_iter().fold(BTreeMap::new(), |mut all, one| {
                *all.entry(one.error_code).or_default() += 1;
                all
            });
        assert_eq!(states, [(String::new(), 1), ("CONSENT_WITHDRAWN".to_owned(), 1)].into());
        let received = sink.received();
        assert_eq!(received.len(), 1);
        assert_eq!(received[0].body["data"]["identifiers"][0]["value"], json!("bob@example.com"));
    }
}

#[tokio::test]
async fn a_destination_that_hangs_takes_no_turns_from_others() {
    let scene = Scene::on(Database::sqlite()).await;
    let (slow, quick) = (Sink::start().await, Sink::start().await);
    slow.answer(Reply::Hang);
    // As many destinations as would take every request that may be under way, if each could.
    for number in 0..8 {
        let key = format!("slow{number}");
        scene.server.destination_at(&scene.tenant, &key, &slow.url(), slow.secret()).await;
    }
    scene.post_people(80).await;
    eventually("all of them hang", async || (slow.received().len() >= 256).then_some(())).await;
    let other = scene.server.tenant("other").await;
    let source = scene.server.custom(&other, "forms").await;
    scene.server.published(&source, "leads", Spec::track("Lead").identifier("email", "$.email")).await;
    scene.server.destination(&other, "quick", &quick).await;
    scene.server.post(&source, json!({"email": "a@example.com"}).to_string()).await.accepted();
    quick.wait_for(1).await;
    assert!(
        scene.server.deliveries(&scene.tenant).await.iter().all(|one| one.attempt_count == 0),
        "all others still hang"
    );
}
