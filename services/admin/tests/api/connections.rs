//! Sources that are connected, as the API shows and changes them.

use std::sync::atomic::Ordering;

use prost_types::Timestamp;
use tonic::Code;
use tributary_proto::admin::v1::{
    CalendlyReach, ConnectCalendlyRequest, DisconnectCalendlyRequest, GetSourceRequest,
    ListAuditEntriesRequest, ReconcileCalendlyRequest, SetSigningKeysRequest, Source,
    audit_service_client::AuditServiceClient, connection::State,
};

use crate::support::{NOW, World, calendly::TOKEN, fields, reason};

async fn source(world: &World) -> Source {
    let tenant = world.tenant("acme").await;
    world.source(&tenant, "calendly").await.source.unwrap()
}

fn request(source: &Source, token: &str) -> ConnectCalendlyRequest {
    ConnectCalendlyRequest { name: source.name.clone(), token: token.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn a_connection_is_shown_with_its_source_and_its_secrets_nowhere() {
    let world = World::start().await;
    let source = source(&world).await;
    let get = || async {
        let request = GetSourceRequest { name: source.name.clone() };
        world.sources().get_source(request).await.unwrap().into_inner()
    };
    assert_eq!(get().await.connection, None);
    let wanted = ConnectCalendlyRequest {
        reach: CalendlyReach::User.into(),
        no_shows: Some(true),
        ..request(&source, &format!(" {TOKEN}\n").replace('\n', ""))
    };
    let connected = world.sources().connect_calendly(wanted).await.unwrap().into_inner();
    let connection = connected.connection.unwrap();
    assert_eq!((connection.state(), connection.reach()), (State::Connected, CalendlyReach::User));
    assert_eq!(connection.events.len(), 4);
    assert_eq!(connected.sample.unwrap().values[0].value, "invitee.created");
    let shown = get().await;
    assert_eq!(shown.connection, Some(connection));
    assert!(shown.masked_signing_keys.is_empty(), "the source has none of its own");

    // Its own keys come and go without it.
    let keys = SetSigningKeysRequest {
        name: source.name.clone(),
        signing_keys: vec!["a key of its own".to_owned()],
        ..Default::default()
    };
    let changed = world.sources().set_signing_keys(keys).await.unwrap().into_inner();
    assert_eq!(changed.masked_signing_keys.len(), 1);
    assert!(changed.connection.is_some());
    let database = String::from_utf8_lossy(&world.database()).into_owned();
    for secret in [TOKEN, "key of a connection"] {
        assert!(!database.contains(secret), "{secret} is kept sealed");
    }
    let parent = source.name.split("/sources").next().unwrap().to_owned();
    let log = ListAuditEntriesRequest { parent, ..Default::default() };
    let log = AuditServiceClient::new(world.wire()).list_audit_entries(log).await.unwrap().into_inner();
    assert!(log.audit_entries.iter().any(|entry| entry.action == "source.connect"));
    assert!(!format!("{log:?}").contains(TOKEN));
}

#[tokio::test]
async fn what_is_asked_for_is_checked_and_what_is_in_the_way_is_told() {
    let world = World::start().await;
    let source = source(&world).await;
    let refused = async |request| world.sources().connect_calendly(request).await.unwrap_err();
    let absent = refused(request(&source, "")).await;
    assert_eq!((absent.code(), reason(&absent).as_str()), (Code::InvalidArgument, "CALENDLY_TOKEN_ABSENT"));
    assert_eq!(fields(&absent), ["token"]);
    let wrong = refused(request(&source, "other")).await;
    assert_eq!((wrong.code(), reason(&wrong).as_str()), (Code::FailedPrecondition, "CALENDLY_TOKEN_REFUSED"));
    let long = refused(ConnectCalendlyRequest { reach: 9, ..request(&source, &"x".repeat(5_000)) }).await;
    assert_eq!(fields(&long), ["token", "reach"]);

    let tenant = world.tenant("other").await;
    let custom = Source {
        key: "forms".to_owned(),
        display_name: "Forms".to_owned(),
        provider: "custom".to_owned(),
        ..Source::default()
    };
    let create = tributary_proto::admin::v1::CreateSourceRequest {
        parent: tenant.name,
        source: Some(custom),
        ..Default::default()
    };
    let custom = world.sources().create_source(create).await.unwrap().into_inner().source.unwrap();
    assert_eq!(reason(&refused(request(&custom, TOKEN)).await), "SOURCE_NOT_CALENDLY");

    let gone = DisconnectCalendlyRequest { name: source.name.clone() };
    let none = world.sources().disconnect_calendly(gone).await.unwrap_err();
    assert_eq!(reason(&none), "CONNECTION_NOT_FOUND");
}

#[tokio::test]
async fn bookings_are_looked_for_as_far_back_as_duplicates_are_known() {
    let world = World::start().await;
    let source = source(&world).await;
    let ago = |days: i64| Some(Timestamp { seconds: NOW.seconds() - days * 86_400, nanos: 0 });
    let ask = async |start_time| {
        let request = ReconcileCalendlyRequest { name: source.name.clone(), start_time };
        world.sources().reconcile_calendly(request).await
    };
    assert_eq!(reason(&ask(ago(1)).await.unwrap_err()), "CONNECTION_NOT_FOUND");
    world.sources().connect_calendly(request(&source, TOKEN)).await.unwrap();
    for wrong in [None, ago(31), ago(-1)] {
        assert_eq!(fields(&ask(wrong).await.unwrap_err()), ["start_time"]);
    }
    let before = world.calendly.hurried.load(Ordering::Relaxed);
    let asked = ask(ago(30)).await.unwrap().into_inner();
    assert_eq!((asked.state(), asked.missing_since_time), (State::Reconciling, ago(30)));
    assert_eq!(world.calendly.hurried.load(Ordering::Relaxed), before + 1);

    let gone = DisconnectCalendlyRequest { name: source.name.clone() };
    let left = world.sources().disconnect_calendly(gone).await.unwrap().into_inner();
    assert_eq!(
        (left.remaining_subscriptions, left.advice.as_str()),
        (vec!["left".to_owned()], "remove it there")
    );
}
