//! Destinations.

use std::time::Duration;

use tonic::Code;
use tributary_proto::admin::v1::{
    Condition, CreateDestinationRequest, DeleteDestinationRequest, Destination, GetDestinationRequest, Group,
    Input, ListDestinationsRequest, ListPlatformsRequest, Node, Path, PauseDestinationRequest,
    ResumeDestinationRequest, Tenant, UpdateDestinationRequest,
    condition::Operator,
    destination::{State, credential::State as CredentialState},
    input, node,
    platform::{field::Kind, known_error::Verdict},
};

use tributary_store::destination::{Credential, CredentialState as StoredState};

use crate::support::{NOW, World, fields, id, mask, object, tenant_of};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// A webhook destination of a tenant.
pub(crate) async fn create(world: &World, tenant: &Tenant) -> Destination {
    let destination = Destination {
        key: "echo".to_owned(),
        display_name: "Echo".to_owned(),
        platform: "webhook".to_owned(),
        settings: Some(object(&[("url", "https://example.com/hook")])),
        secrets: [("signing".to_owned(), SECRET.to_owned())].into(),
        ..Destination::default()
    };
    let request = CreateDestinationRequest {
        parent: tenant.name.clone(),
        destination: Some(destination),
        ..Default::default()
    };
    world.destinations().create_destination(request).await.unwrap().into_inner()
}

/// What only events pass that have something there.
pub(crate) fn filter(jsonpath: &str) -> Group {
    let path = Path { jsonpath: jsonpath.to_owned(), pick: 0 };
    let condition = Condition {
        left: Some(Input { from: Some(input::From::Path(path)) }),
        op: Operator::Exists.into(),
        right: Vec::new(),
    };
    Group {
        logic: 0,
        nodes: vec![Node { id: "n1".to_owned(), node: Some(node::Node::Condition(condition)) }],
    }
}

#[tokio::test]
async fn secrets_are_written_and_never_read() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let made = create(&world, &tenant).await;
    assert!(made.secrets.is_empty());
    assert_eq!(made.masked_secrets["signing"], "whsec_…MDE=");
    assert_eq!(made.state(), State::Enabled);

    let change =
        Destination { settings: Some(object(&[("url", "https://example.com/other")])), ..made.clone() };
    let request = UpdateDestinationRequest { destination: Some(change), update_mask: mask(&["settings"]) };
    let changed = world.destinations().update_destination(request).await.unwrap().into_inner();
    assert_eq!(changed.masked_secrets, made.masked_secrets, "what the mask does not name stays");

    let change =
        Destination { secrets: [("signing".to_owned(), "short".to_owned())].into(), ..changed.clone() };
    let request = UpdateDestinationRequest { destination: Some(change), update_mask: mask(&["secrets"]) };
    let refused = world.destinations().update_destination(request).await.unwrap_err();
    assert_eq!(fields(&refused), ["destination.secrets.signing"]);
    assert!(!refused.message().contains("short"));
}

#[tokio::test]
async fn secrets_are_sent_to_another_server_only_when_they_are_entered_again() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let token = |token: &str| [("access_token".to_owned(), token.to_owned())].into();
    let destination = Destination {
        key: "crm".to_owned(),
        display_name: "CRM".to_owned(),
        platform: "hubspot".to_owned(),
        settings: Some(object(&[])),
        secrets: token("pat-canary-1"),
        ..Destination::default()
    };
    let request = CreateDestinationRequest {
        parent: tenant.name.clone(),
        destination: Some(destination),
        ..Default::default()
    };
    let made = world.destinations().create_destination(request).await.unwrap().into_inner();
    let update = |base_url: &str, paths: &[&str], etag: &str| {
        let (settings, etag) = (Some(object(&[("base_url", base_url)])), etag.to_owned());
        let change = Destination { settings, secrets: token("pat-canary-2"), etag, ..made.clone() };
        UpdateDestinationRequest { destination: Some(change), update_mask: mask(paths) }
    };
    for base_url in ["https://evil.example", "http://api.hubapi.com", "https://api.hubapi.com:8443"] {
        let request = update(base_url, &["settings"], &made.etag);
        let refused = world.destinations().update_destination(request).await.unwrap_err();
        assert_eq!(fields(&refused), ["destination.secrets"], "{base_url}");
    }
    let mut etag = made.etag.clone();
    for (base_url, paths) in [
        ("https://api.hubapi.com/proxy", &["settings"][..]),
        ("https://other.example", &["settings", "secrets"][..]),
        ("https://other.example/", &["settings"][..]),
    ] {
        let changed = world.destinations().update_destination(update(base_url, paths, &etag)).await;
        assert!(changed.is_ok(), "{base_url}: {changed:?}");
        etag = changed.unwrap().into_inner().etag;
    }
}

#[tokio::test]
async fn a_filter_that_cannot_work_is_refused() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let made = create(&world, &tenant).await;
    let update = |jsonpath: &str| UpdateDestinationRequest {
        destination: Some(Destination { filter: Some(filter(jsonpath)), ..made.clone() }),
        update_mask: mask(&["filter"]),
    };
    let refused = world.destinations().update_destination(update("$[")).await.unwrap_err();
    assert_eq!(fields(&refused), ["destination.filter"]);
    let changed = world.destinations().update_destination(update("$.name")).await.unwrap().into_inner();
    assert!(changed.filter.is_some());
    let clear = Destination { filter: None, ..changed };
    let request = UpdateDestinationRequest { destination: Some(clear), update_mask: mask(&["filter"]) };
    assert!(world.destinations().update_destination(request).await.unwrap().into_inner().filter.is_none());
}

#[tokio::test]
async fn a_destination_is_paused_resumed_listed_and_deleted() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let made = create(&world, &tenant).await;
    let request =
        PauseDestinationRequest { name: made.name.clone(), etag: made.etag, reason: "on holiday".to_owned() };
    let paused = world.destinations().pause_destination(request).await.unwrap().into_inner();
    assert_eq!((paused.state(), paused.state_reason.as_str()), (State::Paused, "on holiday"));
    let request = ResumeDestinationRequest { name: made.name.clone(), etag: paused.etag };
    let resumed = world.destinations().resume_destination(request).await.unwrap().into_inner();
    assert_eq!((resumed.state(), resumed.state_reason.as_str()), (State::Enabled, ""));
    let request = ListDestinationsRequest { parent: tenant.name, ..ListDestinationsRequest::default() };
    let list = world.destinations().list_destinations(request).await.unwrap().into_inner();
    assert_eq!(list.destinations, [resumed]);
    let request = DeleteDestinationRequest { name: made.name.clone(), etag: String::new() };
    world.destinations().delete_destination(request).await.unwrap();
    let gone =
        world.destinations().get_destination(GetDestinationRequest { name: made.name }).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    let platforms = world.destinations().list_platforms(ListPlatformsRequest::default()).await.unwrap();
    let platforms = platforms.into_inner().platforms;
    let ids: Vec<_> = platforms.iter().map(|platform| platform.id.as_str()).collect();
    assert_eq!(
        ids,
        ["webhook", "meta", "google_ads", "ga4", "tiktok", "linkedin", "klaviyo", "hubspot", "slack"]
    );
    let meta = &platforms[1];
    let keys = |secret: bool| {
        let fields = meta.fields.iter().filter(move |field| field.secret == secret && field.required);
        fields.map(|field| field.key.as_str()).collect::<Vec<_>>()
    };
    assert_eq!((keys(false), keys(true)), (vec!["dataset_id"], vec!["access_token"]));
    let source = meta.fields.iter().find(|field| field.key == "action_source").unwrap();
    assert_eq!((source.kind(), source.default_value.as_str()), (Kind::Choice, "auto"));
    assert!(source.choices.contains(&"website".to_owned()));
    assert_eq!(meta.max_age.map(|age| age.seconds), Some(7 * 24 * 60 * 60));
    assert!(!meta.takes_follow_ups && platforms[0].takes_follow_ups);
    assert!(meta.errors.iter().any(|error| error.code == "190" && error.verdict() == Verdict::Hold));
    assert_eq!(meta.signals.iter().map(|signal| signal.points).sum::<i32>(), 100);
}

#[tokio::test]
async fn what_a_platform_says_of_its_settings_is_what_it_takes() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let destination = |settings: &[(&str, &str)], secrets: &[(&str, &str)]| Destination {
        key: "ads".to_owned(),
        display_name: "Ads".to_owned(),
        platform: "meta".to_owned(),
        settings: Some(object(settings)),
        secrets: secrets.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..Destination::default()
    };
    let make = async |destination: Destination| {
        let request = CreateDestinationRequest {
            parent: tenant.name.clone(),
            destination: Some(destination),
            ..Default::default()
        };
        world.destinations().create_destination(request).await
    };
    let good = ("dataset_id", "123");
    for (settings, secrets, field) in [
        (vec![], vec![("access_token", "EAAcanary")], "destination.settings.dataset_id"),
        (
            vec![("dataset_id", "../1")],
            vec![("access_token", "EAAcanary")],
            "destination.settings.dataset_id",
        ),
        (vec![good], vec![], "destination.secrets.access_token"),
        (vec![good, ("pixel", "1")], vec![("access_token", "EAAcanary")], "destination.settings.pixel"),
    ] {
        let refused = make(destination(&settings, &secrets)).await.unwrap_err();
        assert_eq!(fields(&refused), [field]);
        assert!(!format!("{refused:?}").contains("canary"));
    }
    let made =
        make(destination(&[good], &[("access_token", "EAAcanarycanarycanary")])).await.unwrap().into_inner();
    assert_eq!(made.masked_secrets["access_token"], "…nary");
}

#[tokio::test]
async fn how_a_credential_stands_is_told_with_what_to_do_and_can_be_asked_for() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let made = create(&world, &tenant).await;
    let credential = made.credential.clone().unwrap();
    assert_eq!((credential.state(), credential.since_time), (CredentialState::Unknown, None));

    let scope = world.store.tenant(tenant_of(&tenant.name));
    let stands = |state: StoredState, reason: &str, days: Option<u64>| Credential {
        state,
        reason: reason.to_owned(),
        since: Some(NOW),
        expires_at: days.map(|days| NOW.plus(Duration::from_secs(days * 24 * 60 * 60))),
    };
    let destination = id(&made.name);
    let list = async |filter: &str| {
        let request = ListDestinationsRequest {
            parent: tenant.name.clone(),
            filter: filter.to_owned(),
            ..ListDestinationsRequest::default()
        };
        world.destinations().list_destinations(request).await.map(|list| list.into_inner().destinations)
    };
    for (stored, state, reason) in [
        (stands(StoredState::Valid, "", None), CredentialState::Valid, ""),
        (
            stands(StoredState::Valid, "", Some(3)),
            CredentialState::Expiring,
            "it ends soon: enter another one before that",
        ),
        (
            stands(StoredState::Valid, "", Some(0)),
            CredentialState::Expired,
            "it has ended: enter another one",
        ),
        (stands(StoredState::Revoked, "replace it", None), CredentialState::Revoked, "replace it"),
        (stands(StoredState::ScopeMissing, "give it", None), CredentialState::ScopeMissing, "give it"),
    ] {
        assert_eq!(scope.set_credential(destination, 1, &stored).await, Ok(true));
        let found = list(&format!("credential_state = {}", state.as_str_name().trim_start_matches("STATE_")))
            .await
            .unwrap();
        let told = found[0].credential.clone().unwrap();
        assert_eq!((told.state(), told.reason.as_str()), (state, reason));
        assert_eq!(list("credential_state = UNKNOWN").await.unwrap(), []);
        assert_eq!(
            list("credential_state != UNKNOWN AND platform = webhook AND state = ENABLED")
                .await
                .unwrap()
                .len(),
            1
        );
    }
    assert_eq!(list("platform = meta").await.unwrap(), []);
    for wrong in ["credential_state = LOST", "state = ON", "name = x", "platform != x"] {
        assert_eq!(fields(&list(wrong).await.unwrap_err()), ["filter"], "{wrong}");
    }
    // Another secret is another credential.
    let change = Destination { secrets: [("signing".to_owned(), SECRET.to_owned())].into(), ..made };
    let request = UpdateDestinationRequest { destination: Some(change), update_mask: mask(&["secrets"]) };
    let changed = world.destinations().update_destination(request).await.unwrap().into_inner();
    assert_eq!(changed.credential.unwrap().state(), CredentialState::Unknown);
}
