//! A source that is connected to Calendly: what is made there, what is told where it cannot be made, and that nothing that is
//! booked is lost.

mod advice;
mod gap;

use serde_json::json;
use tonic::Status;
use tributary_proto::admin::v1::{
    CalendlyReach, ConnectCalendlyRequest, ConnectCalendlyResponse, Connection, DeleteSourceRequest,
    DisconnectCalendlyRequest, DisconnectCalendlyResponse, GetSourceRequest, UndeleteSourceRequest,
    connection::State, message::Signature, run_status::Code,
};
use tributary_tests::{
    Calendly, Database, Role, Server, ServerBuilder, Source, Tenant, Workflow, databases, eventually,
};

use crate::cli::ask;

/// A server, a Calendly, and a source that may be connected.
struct Scene {
    server: Server,
    calendly: Calendly,
    tenant: Tenant,
    source: Source,
    workflow: Workflow,
}

impl Scene {
    async fn on(database: Database) -> Self {
        println!("on {}", database.kind());
        let calendly = Calendly::start().await;
        let server = ServerBuilder::on(database)
            .set("TRIBUTARY_PUBLIC_URL", calendly.public_url())
            .set("TRIBUTARY_CALENDLY__API_URL", &calendly.url())
            .set("TRIBUTARY_CALENDLY__CHECK_SECONDS", "1")
            .start()
            .await;
        calendly.lead_to(&server);
        let tenant = server.tenant("acme").await;
        let source = server.source(&tenant, "calendly", "calendly", &json!({}), None).await;
        let workflow = server.preset(&source, "bookings").await;
        Self { server, calendly, tenant, source, workflow }
    }

    async fn ask(&self, request: ConnectCalendlyRequest) -> Result<ConnectCalendlyResponse, Status> {
        self.server.api().sources().connect_calendly(request).await.map(tonic::Response::into_inner)
    }

    fn request(&self, token: &str) -> ConnectCalendlyRequest {
        ConnectCalendlyRequest {
            name: self.source.name.clone(),
            token: token.to_owned(),
            ..Default::default()
        }
    }

    /// Connects with a token, or with the one that is kept.
    async fn connect(&self, token: &str) -> ConnectCalendlyResponse {
        self.ask(self.request(token)).await.expect("connects")
    }

    async fn connection(&self) -> Option<Connection> {
        let request = GetSourceRequest { name: self.source.name.clone() };
        self.server.api().sources().get_source(request).await.expect("a source").into_inner().connection
    }

    /// Waits until the connection stands so.
    async fn until(&self, what: &str, stands: impl Fn(&Connection) -> bool) -> Connection {
        eventually(what, async || self.connection().await.filter(&stands)).await
    }

    async fn disconnect(&self) -> DisconnectCalendlyResponse {
        let request = DisconnectCalendlyRequest { name: self.source.name.clone() };
        self.server.api().sources().disconnect_calendly(request).await.expect("disconnects").into_inner()
    }

    /// Waits until so many messages are processed, and gives all.
    async fn messages(&self, count: usize) -> Vec<tributary_proto::admin::v1::Message> {
        eventually(format!("{count} messages are processed"), async || {
            let found = self.server.messages(&self.source).await;
            assert!(found.len() <= count, "there are more than {count}");
            (found.len() == count).then_some(found)
        })
        .await
    }

    fn uris(&self) -> Vec<String> {
        let shown = self.calendly.subscriptions();
        shown.iter().map(|one| one["uri"].as_str().expect("a uri").to_owned()).collect()
    }
}

fn in_order(connection: &Connection) -> bool {
    connection.state() == State::Connected
}

#[tokio::test]
async fn a_source_is_connected_and_what_is_booked_arrives_signed() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let before = scene.calendly.book().await;
        let connected = scene.connect(&scene.calendly.owner()).await;

        let connection = connected.connection.expect("a connection");
        assert_eq!((connection.state(), connection.reach()), (State::Connected, CalendlyReach::Organization));
        assert_eq!(connection.events, ["invitee.created", "invitee.canceled"]);
        assert_eq!(connection.subscriptions, scene.uris());
        let shown = scene.calendly.subscriptions().remove(0);
        assert_eq!((&shown["scope"], &shown["state"]), (&json!("organization"), &json!("active")));
        let key = scene.calendly.signing_keys().remove(0).expect("deliveries are signed");
        assert_eq!(key.len(), 64, "256 bits");

        let sample = connected.sample.expect("the newest booking");
        let email = sample.values.iter().find(|value| value.path == "$.payload.email").expect("an e-mail");
        assert_eq!(email.value, format!("guest-{before}@example.com"));
        assert!(scene.server.messages(&scene.source).await.is_empty(), "a sample is no message");

        scene.calendly.book().await;
        let message = scene.messages(1).await.remove(0);
        assert_eq!(message.signature(), Signature::Valid);
        assert_eq!(message.status.expect("a status").code(), Code::Succeeded);
        // Whoever knows the URL and not the key gets nowhere.
        let url = shown["callback_url"].as_str().expect("a url");
        let path = url.strip_prefix(scene.calendly.public_url()).expect("ours").to_owned();
        let unsigned = Source { path, key: None, ..scene.source.clone() };
        let refused = scene.server.post(&unsigned, "{}").await.refused();
        assert_eq!(refused.0, 401);
        // The source's own URL takes what it took before.
        scene.server.post(&scene.source, "{}").await.accepted();
        scene.messages(2).await;
        for secret in [key.as_str(), url] {
            assert!(!scene.server.log().contains(secret), "no secret is logged");
        }
    }
}

#[tokio::test]
async fn connecting_again_keeps_what_serves_and_replaces_what_does_not() {
    let scene = Scene::on(Database::sqlite()).await;
    scene.connect(&scene.calendly.owner()).await;
    let (first, keys) = (scene.uris(), scene.calendly.signing_keys());
    scene.calendly.take_requests();
    scene.connect("").await;
    assert_eq!(scene.uris(), first);
    let requests = scene.calendly.take_requests();
    assert!(requests.iter().all(|request| request.starts_with("GET ")), "{requests:?}");

    // With no-shows it is another subscription, with the same key, so that nothing under way is refused.
    let request = ConnectCalendlyRequest { no_shows: Some(true), ..scene.request("") };
    scene.ask(request).await.expect("connects");
    assert_eq!(scene.calendly.signing_keys(), keys);
    let shown = scene.calendly.subscriptions();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["events"].as_array().map(Vec::len), Some(4));
    assert_ne!(scene.uris(), first);
    let booked = scene.calendly.book().await;
    scene.calendly.mark_no_show(booked).await;
    scene.messages(2).await;

    // Of the user's own bookings; answers of routing forms are the organization's all the same.
    let request = ConnectCalendlyRequest {
        reach: CalendlyReach::User.into(),
        routing_forms: Some(true),
        ..scene.request("")
    };
    scene.ask(request).await.expect("connects");
    let mut scopes: Vec<_> =
        scene.calendly.subscriptions().iter().map(|one| one["scope"].to_string()).collect();
    scopes.sort();
    assert_eq!(scopes, ["\"organization\"", "\"user\""]);
}

#[tokio::test]
async fn what_is_in_the_way_is_removed_and_what_is_others_stays() {
    let scene = Scene::on(Database::sqlite()).await;
    let public = scene.calendly.public_url();
    // By hand, to the source's own URL; somebody else's; and so many that they take several pages.
    scene.calendly.subscribe_by_hand(&format!("{public}{}", scene.source.path));
    for number in 0..5 {
        scene.calendly.subscribe_by_hand(&format!("https://crm.example.com/hooks/{number}"));
    }
    scene.calendly.set_page(2);
    scene.connect(&scene.calendly.owner()).await;
    let urls: Vec<String> =
        scene.calendly.subscriptions().iter().map(|one| one["callback_url"].to_string()).collect();
    assert_eq!(urls.len(), 6, "{urls:?}");
    assert!(!urls.iter().any(|url| url.contains(&scene.source.path)), "what delivers twice is gone");

    // One for the same address that the list does not show yet, as when it was made a moment ago.
    let ours = scene.uris();
    scene.calendly.show_old_lists(1);
    let request = ConnectCalendlyRequest { no_shows: Some(true), ..scene.request("") };
    scene.ask(request).await.expect("connects");
    assert!(scene.calendly.take_requests().len() > 4);
    assert_eq!(scene.uris().len(), 6);
    assert!(!scene.uris().iter().any(|uri| ours.last() == Some(uri)), "the one in the way was replaced");
    scene.calendly.book().await;
    scene.messages(1).await;
}

#[tokio::test]
async fn a_source_that_is_deleted_is_told_nothing_until_it_comes_back() {
    let scene = Scene::on(Database::sqlite()).await;
    scene.connect(&scene.calendly.owner()).await;
    let request = DeleteSourceRequest { name: scene.source.name.clone(), etag: String::new() };
    scene.server.api().sources().delete_source(request).await.expect("deletes");
    eventually("Calendly is to deliver nothing", async || scene.uris().is_empty().then_some(())).await;
    // While it is deleted, somebody books.
    scene.calendly.book().await;
    let request = UndeleteSourceRequest { name: scene.source.name.clone(), etag: String::new() };
    scene.server.api().sources().undelete_source(request).await.expect("comes back");
    eventually("it is subscribed again", async || (scene.uris().len() == 1).then_some(())).await;
    scene.messages(1).await;
    scene.calendly.book().await;
    scene.messages(2).await;
}

#[tokio::test]
async fn disconnecting_leaves_nothing() {
    for database in databases() {
        let scene = Scene::on(database).await;
        scene.connect(&scene.calendly.owner()).await;
        let url = scene.calendly.subscriptions()[0]["callback_url"].as_str().expect("a url").to_owned();
        let left = scene.disconnect().await;
        assert_eq!((left.remaining_subscriptions.len(), left.advice.as_str()), (0, ""));
        assert!(scene.uris().is_empty() && scene.connection().await.is_none());
        let path = url.strip_prefix(scene.calendly.public_url()).expect("ours").to_owned();
        let gone = Source { path, key: None, ..scene.source.clone() };
        assert_eq!(scene.server.post(&gone, "{}").await.refused(), (404, "SOURCE_UNKNOWN".to_owned()));
        // Without a key it takes what is unsigned again, at its own URL.
        scene.server.post(&scene.source, "{}").await.accepted();

        // What cannot be removed there is told, and not taken here.
        let token = scene.calendly.owner();
        scene.connect(&token).await;
        scene.calendly.revoke(&token);
        let left = scene.disconnect().await;
        assert_eq!(left.remaining_subscriptions, scene.uris());
        assert!(left.advice.contains("token"), "{}", left.advice);
        assert!(scene.connection().await.is_none());
    }
}

// Commands are waited for on a thread of their own: Calendly has to answer meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_connects_and_shows_how_it_stands() {
    let scene = Scene::on(Database::sqlite()).await;
    scene.calendly.book().await;
    let file = scene.server.data().join("calendly.token");
    std::fs::write(&file, format!("{}\n", scene.calendly.owner())).expect("a file");
    let file = file.to_str().expect("a path");
    let shown = ask(&scene.server, "connect", &["calendly", "--access-token-file", file, "--no-shows"]);
    assert_eq!(shown[0]["source"], scene.source.name);
    assert_eq!(shown[0]["connection"]["state"], "STATE_CONNECTED", "{shown:?}");
    assert!(shown[0]["sample"]["values"].is_array());
    let source = ask(&scene.server, "sources", &["get", "calendly"]);
    assert_eq!(source[0]["connection"]["subscriptions"].as_array().map(Vec::len), Some(1), "{source:?}");
    let again = ask(&scene.server, "sources", &["reconcile", "calendly", "--since", "1h"]);
    assert!(again[0]["missingSinceTime"].is_string(), "{again:?}");
    scene.until("what was booked before is fed in", |connection| connection.recovered_messages == 1).await;
    ask(&scene.server, "disconnect", &["calendly"]);
    assert!(scene.connection().await.is_none() && scene.uris().is_empty());

    // Where there is no source of Calendly, one is made.
    let tenant = scene.server.tenant("other").await;
    let arguments = ["calendly", "--tenant", &tenant.name, "--access-token-file", file];
    let shown = ask(&scene.server, "connect", &arguments);
    assert!(shown[0]["source"].as_str().is_some_and(|name| name.starts_with(&tenant.name)), "{shown:?}");
}
