//! Credentials of destinations: access is got once for all, what is not taken holds everything, and nothing burns its tries.

use serde_json::{Value, json};
use tributary_proto::admin::v1::{
    self as pb, CreateDestinationRequest, Delivery, GetDestinationRequest, PauseDestinationRequest,
    QueryStatsRequest, ResumeDestinationRequest, TestDestinationRequest,
    delivery::State,
    destination::{Credential, State as DestinationState, credential::State as CredentialState},
};
use tributary_tests::{
    ACCOUNT, CLIENT_ID, CREDENTIAL, Database, Destination, Grants, Platforms, Server, ServerBuilder, Source,
    Spec, Tenant, databases, eventually, service_account, to_struct,
};

use crate::cli::ask;

/// A destination of Google Ads.
struct Scene {
    server: Server,
    platforms: Platforms,
    tenant: Tenant,
    source: Source,
    destination: Destination,
}

/// With what access is got.
#[derive(Clone, Copy)]
enum With {
    Refresh,
    Robot,
}

impl Scene {
    async fn new(database: Database, with: With) -> Self {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let platforms = Platforms::start().await;
        let tenant = server.tenant("acme").await;
        let source = server.custom(&tenant, "shop").await;
        server.published(&source, "leads", Spec::track("Lead").identifier("email", "$.email")).await;
        let url = platforms.url();
        let mut settings = json!({
            "customer_id": ACCOUNT, "conversions": {"Lead": "7"}, "base_url": url, "token_url": format!("{url}/token"),
        });
        let secrets = match with {
            With::Robot => [("service_account".to_owned(), service_account())].into(),
            With::Refresh => {
                settings["client_id"] = json!(CLIENT_ID);
                ["client_secret", "refresh_token"].map(|name| (name.to_owned(), CREDENTIAL.to_owned())).into()
            }
        };
        let destination = pb::Destination {
            key: "ads".to_owned(),
            display_name: "Ads".to_owned(),
            platform: "google_ads".to_owned(),
            settings: Some(to_struct(&settings)),
            secrets,
            ..Default::default()
        };
        let request = CreateDestinationRequest {
            parent: tenant.name.clone(),
            destination: Some(destination),
            ..Default::default()
        };
        let made = server.api().destinations().create_destination(request).await.expect("a destination");
        let destination = Destination { name: made.into_inner().name };
        Self { server, platforms, tenant, source, destination }
    }

    async fn post(&self, number: usize) {
        let body = json!({"email": format!("person{number}@example.com")}).to_string();
        self.server.post(&self.source, body).await.accepted();
    }

    async fn now(&self) -> pb::Destination {
        let request = GetDestinationRequest { name: self.destination.name.clone() };
        self.server.api().destinations().get_destination(request).await.expect("a destination").into_inner()
    }

    /// How the credential stands, once it stands like that; the destination is enabled whatever it is.
    async fn stands(&self, state: CredentialState) -> Credential {
        eventually(format!("the credential is {}", state.as_str_name()), async || {
            let now = self.now().await;
            assert_eq!(now.state(), DestinationState::Enabled);
            now.credential.filter(|credential| credential.state() == state)
        })
        .await
    }

    async fn pause(&self) {
        let request = PauseDestinationRequest { name: self.destination.name.clone(), ..Default::default() };
        self.server.api().destinations().pause_destination(request).await.expect("it is paused");
    }

    async fn resume(&self) {
        let request = ResumeDestinationRequest { name: self.destination.name.clone(), ..Default::default() };
        self.server.api().destinations().resume_destination(request).await.expect("it is resumed");
    }

    /// How each attempt of every delivery ended, once all are delivered.
    async fn delivered(&self, count: usize) -> Vec<Vec<String>> {
        let mut all = Vec::new();
        for delivery in self.server.delivered(&self.tenant, count).await {
            let attempts = self.server.delivery(&delivery.name).await.attempts;
            all.push(attempts.into_iter().map(|attempt| attempt.outcome).collect());
        }
        all
    }

    async fn pending(&self) -> Vec<Delivery> {
        let all = self.server.deliveries(&self.tenant).await;
        all.into_iter().filter(|one| one.state() == State::Pending).collect()
    }

    /// Nothing that was given, entered or asserted stands where anybody reads it.
    async fn tells_no_secret(&self) {
        let metrics = self.server.operations_page("/metrics").await.body;
        let shown = json!(ask(&self.server, "destinations", &["get", "ads"])).to_string();
        let deliveries = ask(&self.server, "logs", &["deliveries"]);
        let (log, deliveries) = (self.server.log(), json!(deliveries).to_string());
        let account: Value = serde_json::from_str(&service_account()).expect("JSON");
        let key = account["private_key"].as_str().expect("a key").lines().nth(1).expect("a line").to_owned();
        let given = self.platforms.google().given();
        for secret in given.iter().chain([&key, &CREDENTIAL.to_owned()]) {
            for (place, text) in
                [("log", &log), ("metrics", &metrics), ("destination", &shown), ("deliveries", &deliveries)]
            {
                assert!(!text.contains(secret.as_str()), "{secret} stands in the {place}");
            }
        }
    }
}

#[tokio::test]
async fn access_is_got_once_for_a_hundred_deliveries() {
    for (database, with) in databases().into_iter().zip([With::Robot, With::Refresh].into_iter().cycle()) {
        let scene = Scene::new(database, with).await;
        assert_eq!(scene.now().await.credential.expect("one").state(), CredentialState::Unknown);
        scene.pause().await;
        for number in 0..100 {
            scene.post(number).await;
        }
        eventually("all of them wait", async || (scene.pending().await.len() == 100).then_some(())).await;
        scene.resume().await;
        let attempts = scene.delivered(100).await;
        assert!(attempts.iter().all(|outcomes| outcomes == &["DELIVERED"]), "{attempts:?}");
        assert_eq!(scene.platforms.google().exchanges(), 1);
        let calls = scene.platforms.calls("google_ads");
        let told: usize = calls.iter().filter_map(|call| call.body["events"].as_array()).map(Vec::len).sum();
        assert!(told == 100 && calls.iter().all(|call| call.wrong.is_empty()), "{calls:?}");
        let valid = scene.stands(CredentialState::Valid).await;
        assert!(valid.reason.is_empty() && valid.since_time.is_some() && valid.expire_time.is_none());

        // One that ends before its time is renewed for the delivery that finds out, which does not fail for it.
        scene.platforms.google().end_tokens();
        scene.post(100).await;
        let attempts = scene.delivered(101).await;
        assert!(attempts.iter().all(|outcomes| outcomes == &["DELIVERED"]), "{attempts:?}");
        assert_eq!(scene.platforms.google().exchanges(), 2);
        scene.tells_no_secret().await;
    }
}

#[tokio::test]
async fn a_token_server_that_fails_costs_no_tries_and_nothing_has_to_be_done() {
    let scene = Scene::new(Database::sqlite(), With::Refresh).await;
    scene.platforms.google().set(Grants::Broken);
    for number in 0..3 {
        scene.post(number).await;
    }
    let expired = scene.stands(CredentialState::Expired).await;
    assert!(expired.reason.contains("the token server of Google Ads answered 503"), "{}", expired.reason);
    // It asks again by itself.
    let asked = scene.platforms.google().exchanges();
    let again = async || (scene.platforms.google().exchanges() > asked).then_some(());
    eventually("the token server is asked again", again).await;
    assert_eq!(scene.pending().await.len(), 3);
    scene.platforms.google().set(Grants::Granted);
    for outcomes in scene.delivered(3).await {
        let (last, before) = outcomes.split_last().expect("an attempt");
        assert!(last == "DELIVERED" && before.iter().all(|outcome| outcome == "HELD"), "{outcomes:?}");
    }
    scene.stands(CredentialState::Valid).await;
    // How long they waited is how long they took.
    let request = QueryStatsRequest { parent: scene.tenant.name.clone(), ..Default::default() };
    let total = scene.server.api().stats().query_stats(request).await.expect("stats").into_inner().total;
    assert_eq!(total.and_then(|total| total.delivery).map(|latency| latency.count), Some(3));
}

#[tokio::test]
async fn a_test_of_a_destination_takes_access_from_where_deliveries_get_it() {
    let scene = Scene::new(Database::sqlite(), With::Refresh).await;
    let name = scene.destination.name.clone();
    let request =
        TestDestinationRequest { name, event_name: "Lead".to_owned(), send: true, ..Default::default() };
    let test = async || {
        let tested = scene.server.api().destinations().test_destination(request.clone()).await;
        tested.expect("it is tested").into_inner().answer.expect("it was sent")
    };
    let google = scene.platforms.google();
    google.set(Grants::Rotating);
    scene.pause().await;
    assert_eq!(test().await.outcome, "DELIVERED", "also while it is paused");
    let calls = scene.platforms.calls("google_ads");
    assert_eq!((calls.len(), &calls[0].body["validateOnly"]), (1, &json!(true)));
    scene.resume().await;
    scene.post(0).await;
    scene.delivered(1).await;
    assert_eq!(test().await.outcome, "DELIVERED");
    assert_eq!(google.exchanges(), 2, "one of each revision of the record, for all");
    // What ended before its time is got anew, as for deliveries.
    google.end_tokens();
    assert_eq!(test().await.outcome, "DELIVERED");
    assert_eq!(google.exchanges(), 3);
    google.end_tokens();
    google.set(Grants::Revoked);
    let held = test().await;
    assert!(held.outcome == "HELD" && held.meaning.contains("invalid_grant"), "{held:?}");
    scene.tells_no_secret().await;
}

#[tokio::test]
async fn what_is_revoked_or_lacks_a_scope_holds_everything_until_it_is_taken_again() {
    for (grants, with, state, option, reason) in [
        (Grants::Revoked, With::Refresh, CredentialState::Revoked, "revoked", "invalid_grant"),
        (Grants::Unscoped, With::Refresh, CredentialState::ScopeMissing, "scope-missing", "scope"),
        (Grants::Unscoped, With::Robot, CredentialState::ScopeMissing, "scope-missing", "INSUFFICIENT"),
    ] {
        let mut scene = Scene::new(Database::sqlite(), with).await;
        scene.platforms.google().set(grants);
        scene.post(0).await;
        let credential = scene.stands(state).await;
        assert!(credential.reason.contains(reason), "{}", credential.reason);
        for number in 1..20 {
            scene.post(number).await;
        }
        let waits = async || (scene.pending().await.len() == 20).then_some(());
        eventually("all of them wait", waits).await;
        let tried: i32 = scene.pending().await.iter().map(|delivery| delivery.attempt_count).sum();
        assert_eq!(tried, 1, "nothing else is tried meanwhile");
        let code = state.as_str_name().trim_start_matches("STATE_");
        let metrics = scene.server.operations_page("/metrics").await.body;
        let held = metrics.lines().find(|line| {
            line.starts_with("tributary_destination_holding") && line.contains(&format!("state=\"{code}\""))
        });
        assert!(held.is_some_and(|line| line.ends_with(" 1")), "{held:?}");
        let listed =
            |option: &str| ask(&scene.server, "destinations", &["list", "--credential", option]).len();
        assert_eq!((listed(option), listed("valid")), (1, 0));

        // It is known after a restart too, and asked once.
        scene.server.stop().await;
        scene.server.start_again().await;
        let asked = async || {
            (scene.pending().await.iter().map(|one| one.attempt_count).sum::<i32>() == 2).then_some(())
        };
        eventually("one asks whether it is taken", asked).await;
        scene.stands(state).await;
        scene.platforms.google().set(Grants::Granted);
        scene.resume().await;
        let attempts = scene.delivered(20).await;
        let held = attempts.iter().flatten().filter(|outcome| *outcome == "HELD").count();
        assert_eq!(held, 2, "{attempts:?}");
        assert!(scene.stands(CredentialState::Valid).await.reason.is_empty());
        scene.tells_no_secret().await;
    }
}

#[tokio::test]
async fn a_refresh_token_that_takes_the_place_of_another_is_kept() {
    for database in databases() {
        let mut scene = Scene::new(database, With::Refresh).await;
        scene.platforms.google().set(Grants::Rotating);
        let etag = scene.now().await.etag;
        for number in 0..3 {
            scene.post(number).await;
            scene.delivered(number + 1).await;
            scene.platforms.google().end_tokens();
        }
        scene.server.stop().await;
        scene.server.start_again().await;
        scene.post(3).await;
        let attempts = scene.delivered(4).await;
        assert!(attempts.iter().all(|outcomes| outcomes == &["DELIVERED"]), "{attempts:?}");
        assert_eq!(scene.platforms.google().exchanges(), 4);
        assert_eq!(scene.now().await.etag, etag, "nobody's change is lost for it");
        scene.tells_no_secret().await;
    }
}

#[tokio::test]
async fn a_credential_that_ends_soon_is_told() {
    let scene = Scene::new(Database::sqlite(), With::Refresh).await;
    scene.platforms.google().set(Grants::Ending);
    scene.post(0).await;
    scene.delivered(1).await;
    let ending = scene.stands(CredentialState::Expiring).await;
    assert!(ending.reason.contains("ends soon") && ending.expire_time.is_some(), "{ending:?}");
    let listed = |option: &str| ask(&scene.server, "destinations", &["list", "--credential", option]).len();
    assert_eq!((listed("expiring"), listed("valid"), listed("expired")), (1, 0, 0));
}
