//! What stands in the way is told with what to do about it, and nothing is left half made.

use tonic::Code;

use super::*;

const ALL: [&str; 3] = ["users:read", "webhooks:write", "scheduled_events:read"];

/// Connects with a token that will not do: what is told, without anything being left.
async fn refused(scene: &Scene, request: ConnectCalendlyRequest, reason: &str, words: &[&str]) {
    let status = scene.ask(request).await.expect_err(reason);
    let details = String::from_utf8_lossy(status.details()).into_owned();
    assert!(details.contains(reason), "{reason}: {status:?}");
    for word in words {
        assert!(status.message().contains(word), "{reason} does not say {word}: {}", status.message());
    }
    assert!(scene.connection().await.is_none(), "{reason}: nothing is connected");
    assert!(scene.uris().is_empty(), "{reason}: nothing is left at Calendly");
}

#[tokio::test]
async fn each_obstacle_is_named_with_what_to_do() {
    let scene = Scene::on(Database::sqlite()).await;
    let calendly = &scene.calendly;
    let with = |role, scopes: &[&str]| scene.request(&calendly.token(role, scopes));
    let without = |scope: &str| ALL.into_iter().filter(|known| *known != scope).collect::<Vec<_>>();
    refused(&scene, scene.request(""), "CALENDLY_TOKEN_ABSENT", &["token"]).await;
    refused(&scene, scene.request("nonsense"), "CALENDLY_TOKEN_REFUSED", &["make another"]).await;
    refused(&scene, scene.request("ä"), "CALENDLY_TOKEN_REFUSED", &[]).await;
    for role in [Role::Owner, Role::User] {
        for scope in ["users:read", "scheduled_events:read"] {
            refused(&scene, with(role, &without(scope)), "CALENDLY_SCOPE_MISSING", &[scope]).await;
        }
        refused(
            &scene,
            with(role, &without("webhooks:write")),
            "CALENDLY_SCOPE_MISSING",
            &["webhooks:write"],
        )
        .await;
        let reads = ["users:read", "webhooks:read", "scheduled_events:read"];
        refused(&scene, with(role, &reads), "CALENDLY_FORBIDDEN", &["webhooks:write", "calendly says"]).await;
    }
    let forms = ConnectCalendlyRequest { routing_forms: Some(true), ..with(Role::Owner, &ALL) };
    refused(&scene, forms, "CALENDLY_SCOPE_MISSING", &["routing_forms:read"]).await;
    let organization = CalendlyReach::Organization.into();
    let request = ConnectCalendlyRequest { reach: organization, ..with(Role::User, &ALL) };
    refused(&scene, request, "CALENDLY_FORBIDDEN", &["owners and admins"]).await;

    calendly.set_plan(false);
    refused(&scene, with(Role::Owner, &ALL), "CALENDLY_FORBIDDEN", &["plan", "Please upgrade"]).await;
    calendly.set_plan(true);
    calendly.set_limit(0, 30);
    let status = scene.ask(with(Role::Owner, &ALL)).await.expect_err("the limit is used up");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(String::from_utf8_lossy(status.details()).contains("google.rpc.RetryInfo"), "{status:?}");
}

#[tokio::test]
async fn whoever_is_no_admin_connects_what_is_booked_with_them() {
    let scene = Scene::on(Database::sqlite()).await;
    let connected = scene.connect(&scene.calendly.token(Role::User, &ALL)).await;
    assert_eq!(connected.connection.expect("a connection").reach(), CalendlyReach::User);
    let shown = scene.calendly.subscriptions();
    assert_eq!((shown.len(), &shown[0]["scope"]), (1, &json!("user")));
    assert!(shown[0]["user"].is_string());
}

#[tokio::test]
async fn an_address_that_calendly_cannot_reach_is_refused_before_anything_is_asked() {
    let calendly = Calendly::start().await;
    for public in
        ["", "http://hooks.brightwater.example", "https://127.0.0.1:8443", "https://tributary.local"]
    {
        let mut server =
            ServerBuilder::on(Database::sqlite()).set("TRIBUTARY_CALENDLY__API_URL", &calendly.url());
        if !public.is_empty() {
            server = server.set("TRIBUTARY_PUBLIC_URL", public);
        }
        let server = server.start().await;
        let tenant = server.tenant("acme").await;
        let source = server.source(&tenant, "calendly", "calendly", &json!({}), None).await;
        let token = calendly.owner();
        let request = ConnectCalendlyRequest { name: source.name, token, ..Default::default() };
        let status = server.api().sources().connect_calendly(request).await.expect_err("is refused");
        assert_eq!(status.code(), Code::FailedPrecondition, "{public}");
        assert!(status.message().contains("public_url"), "{public}: {}", status.message());
    }
    assert!(calendly.take_requests().is_empty());
}

#[tokio::test]
async fn a_token_that_is_revoked_is_told_of_and_another_one_mends_it() {
    let scene = Scene::on(Database::sqlite()).await;
    let token = scene.calendly.owner();
    scene.connect(&token).await;
    let before = scene.uris();
    scene.calendly.revoke(&token);
    let connection = scene.until("the token is missed", |found| found.state() == State::Attention).await;
    assert_eq!(connection.reason, "CALENDLY_TOKEN_REFUSED");
    assert!(
        connection.problem_time.is_some() && connection.advice.contains("connect again"),
        "{connection:?}"
    );
    // What is subscribed goes on delivering.
    scene.calendly.book().await;
    scene.messages(1).await;

    // Another that will not do changes nothing.
    let wrong = scene.ask(scene.request("nonsense")).await;
    assert!(wrong.is_err());
    let mended = scene.connect(&scene.calendly.owner()).await.connection.expect("a connection");
    assert_eq!(mended.reason, "");
    scene.until("it is in order", in_order).await;
    assert_eq!(scene.uris().len(), 1);
    assert_ne!(scene.uris(), before, "a new token shows that it may subscribe");
    assert!(!scene.server.log().contains(&token), "no token is logged");
}

#[tokio::test]
async fn a_token_that_may_do_less_does_not_replace_one_that_works() {
    let scene = Scene::on(Database::sqlite()).await;
    let request = ConnectCalendlyRequest { no_shows: Some(true), ..scene.request(&scene.calendly.owner()) };
    scene.ask(request).await.expect("connects");
    let (before, uris) = (scene.until("it is in order", in_order).await, scene.uris());
    let reads = ["users:read", "webhooks:read", "scheduled_events:read"];
    let weaker = scene.calendly.token(Role::Owner, &reads);
    let refused = scene.ask(scene.request(&weaker)).await.expect_err("may not subscribe");
    assert!(String::from_utf8_lossy(refused.details()).contains("CALENDLY_SCOPE_MISSING"), "{refused:?}");
    assert_eq!(scene.uris(), uris);
    // What is looked after is still looked after with the token that may.
    scene.calendly.remove_subscriptions();
    eventually("it is made anew", async || (scene.uris().len() == 1).then_some(())).await;
    let now = scene.until("it is in order", in_order).await;
    assert_eq!((now.reach(), now.events), (before.reach(), before.events.clone()));
    // Another good token keeps how far it reaches and what is told of.
    let other = scene.connect(&scene.calendly.owner()).await.connection.expect("a connection");
    assert_eq!((other.reach(), other.events), (before.reach(), before.events));
}

#[tokio::test]
async fn another_account_takes_a_source_over_only_after_it_is_disconnected() {
    let scene = Scene::on(Database::sqlite()).await;
    let theirs = scene.calendly.token(Role::User, &ALL);
    scene.connect(&theirs).await;
    let before = scene.uris();
    let refused = scene.ask(scene.request(&scene.calendly.owner())).await.expect_err("another account");
    assert!(String::from_utf8_lossy(refused.details()).contains("CALENDLY_OTHER_ACCOUNT"), "{refused:?}");
    assert!(refused.message().contains("disconnect it first"), "{}", refused.message());
    assert_eq!(scene.uris(), before);
    scene.disconnect().await;
    scene.connect(&scene.calendly.owner()).await;
    assert_eq!(scene.uris().len(), 1);
}
