//! Requests that are sent again: they are done once.

use tonic::Code;
use tributary_proto::admin::v1::{
    AcceptInvitationRequest, Agency, ApiKey, CreateAgencyRequest, CreateApiKeyRequest,
    CreateDestinationRequest, CreateInvitationRequest, CreateSourceRequest, CreateTenantRequest,
    CreateWorkflowRequest, DeleteApiKeyRequest, DeleteSourceRequest, Destination, ExchangeApiKeyRequest,
    Invitation, ListSourcesRequest, Source, Tenant, Workflow,
};
use tributary_store::{lifecycle::Purge, once::REMEMBERED};

use crate::support::{NOW, World, fields, object, reason};

fn source_request(parent: &str, key: &str, request_id: &str) -> CreateSourceRequest {
    CreateSourceRequest {
        parent: parent.to_owned(),
        source: Some(Source {
            key: key.to_owned(),
            display_name: "Calendly".to_owned(),
            provider: "calendly".to_owned(),
            ..Source::default()
        }),
        signing_keys: vec!["a signing key".to_owned()],
        request_id: request_id.to_owned(),
        draft_workflows: false,
    }
}

#[tokio::test]
async fn a_request_that_comes_again_makes_nothing_more_and_is_answered_as_before() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let request = source_request(&tenant.name, "one", "0b5e0f6e-7f0c-4a53-9c43-0d7a4a4f6f01");
    let made = world.sources().create_source(request.clone()).await.unwrap().into_inner();
    let again = world.sources().create_source(request.clone()).await.unwrap().into_inner();
    assert_eq!(again, made, "with the same URL");

    let other = CreateSourceRequest { signing_keys: Vec::new(), ..request.clone() };
    let refused = world.sources().create_source(other).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
    let unmarked = CreateSourceRequest { request_id: String::new(), ..request.clone() };
    let refused = world.sources().create_source(unmarked).await.unwrap_err();
    assert_eq!(reason(&refused), "KEY_EXISTS", "without an id each is a request of its own");
    for wrong in ["with space", "ümlaut", &"x".repeat(65)] {
        let wrong = source_request(&tenant.name, "two", wrong);
        assert_eq!(fields(&world.sources().create_source(wrong).await.unwrap_err()), ["request_id"]);
    }
    let list = ListSourcesRequest { parent: tenant.name.clone(), ..ListSourcesRequest::default() };
    assert_eq!(world.sources().list_sources(list).await.unwrap().into_inner().sources.len(), 1);

    let name = made.source.unwrap().name;
    world.sources().delete_source(DeleteSourceRequest { name, etag: String::new() }).await.unwrap();
    let refused = world.sources().create_source(request).await.unwrap_err();
    assert_eq!(reason(&refused), "SOURCE_NOT_FOUND", "it was made, and is not there any more");
}

#[tokio::test]
async fn the_same_id_is_another_one_in_another_call() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let id = "the-same".to_owned();
    let source = world.sources().create_source(source_request(&tenant.name, "one", &id)).await;
    let source = source.unwrap().into_inner().source.unwrap();

    let workflow = Workflow { key: "one".to_owned(), display_name: "One".to_owned(), ..Workflow::default() };
    let request = CreateWorkflowRequest {
        parent: source.name.clone(),
        workflow: Some(workflow),
        request_id: id.clone(),
        preset: String::new(),
    };
    let made = world.workflows().create_workflow(request.clone()).await.unwrap().into_inner();
    assert_eq!(world.workflows().create_workflow(request).await.unwrap().into_inner(), made);

    let names = (0..20).map(|number| (format!("event{number}"), format!("name{number}")));
    let destination = Destination {
        key: "one".to_owned(),
        display_name: "One".to_owned(),
        platform: "webhook".to_owned(),
        settings: Some(object(&[("url", "https://example.com/hook")])),
        secrets: [("signing".to_owned(), "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".to_owned())]
            .into(),
        event_names: names.collect(),
        ..Destination::default()
    };
    let request = CreateDestinationRequest {
        parent: tenant.name.clone(),
        destination: Some(destination),
        request_id: id.clone(),
    };
    let made = world.destinations().create_destination(request.clone()).await.unwrap().into_inner();
    for _ in 0..3 {
        let again = world.destinations().create_destination(request.clone()).await.unwrap().into_inner();
        assert_eq!(again, made, "in whatever order its names were read");
    }

    let parent = tenant.name.split("/tenants").next().unwrap().to_owned();
    let other = Tenant { key: "other".to_owned(), display_name: "Other".to_owned(), ..Tenant::default() };
    let request = CreateTenantRequest { parent, tenant: Some(other), request_id: id };
    let made = world.tenants().create_tenant(request.clone()).await.unwrap().into_inner();
    assert_eq!(world.tenants().create_tenant(request).await.unwrap().into_inner(), made);
}

#[tokio::test]
async fn what_is_shown_once_is_shown_again_to_who_asked_for_it() {
    let world = World::start().await;
    let agency = Agency { key: "house".to_owned(), display_name: "House".to_owned(), ..Agency::default() };
    let request = CreateAgencyRequest { agency: Some(agency), request_id: "once".to_owned() };
    let made = world.agencies().create_agency(request.clone()).await.unwrap().into_inner();
    assert_eq!(world.agencies().create_agency(request.clone()).await.unwrap().into_inner(), made);
    let other = CreateAgencyRequest { request_id: "twice".to_owned(), ..request };
    assert_eq!(reason(&world.agencies().create_agency(other).await.unwrap_err()), "KEY_EXISTS");
    let parent = made.name;

    let key = ApiKey { display_name: "Reports".to_owned(), role: 2, ..ApiKey::default() };
    let request = CreateApiKeyRequest {
        parent: parent.clone(),
        api_key: Some(key.clone()),
        request_id: "once".to_owned(),
    };
    let made = world.api_keys().create_api_key(request.clone()).await.unwrap().into_inner();
    assert_eq!(world.api_keys().create_api_key(request.clone()).await.unwrap().into_inner(), made);
    let other = ApiKey { display_name: "Others".to_owned(), ..key };
    let other = CreateApiKeyRequest { api_key: Some(other), ..request.clone() };
    assert_eq!(reason(&world.api_keys().create_api_key(other).await.unwrap_err()), "REQUEST_ID_REUSED");
    let exchange = ExchangeApiKeyRequest { secret: made.secret.clone() };
    world.auth().exchange_api_key(exchange).await.expect("the secret is the key's");
    let unmarked = CreateApiKeyRequest { request_id: String::new(), ..request.clone() };
    let second = world.api_keys().create_api_key(unmarked).await.unwrap().into_inner();
    assert_ne!(second.secret, made.secret, "without an id each is a request of its own");
    let name = made.api_key.unwrap().name;
    world.api_keys().delete_api_key(DeleteApiKeyRequest { name, etag: String::new() }).await.unwrap();
    assert_eq!(reason(&world.api_keys().create_api_key(request).await.unwrap_err()), "API_KEY_NOT_FOUND");

    let invitation = Invitation { email: "ann@example.com".to_owned(), role: 2, ..Invitation::default() };
    let request =
        CreateInvitationRequest { parent, invitation: Some(invitation), request_id: "once".to_owned() };
    let made = world.members().create_invitation(request.clone()).await.unwrap().into_inner();
    assert_eq!(world.members().create_invitation(request.clone()).await.unwrap().into_inner(), made);
    let accept = AcceptInvitationRequest {
        token: made.token,
        password: "correct horse battery".to_owned(),
        display_name: String::new(),
    };
    world.auth().accept_invitation(accept).await.expect("its token is good");
    let refused = world.members().create_invitation(request).await.unwrap_err();
    assert_eq!(reason(&refused), "INVITATION_NOT_FOUND", "it was made, and is not open any more");
}

#[tokio::test]
async fn of_twins_at_once_one_is_made() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let request = source_request(&tenant.name, "one", "twins");
    let twins = (0..8).map(|_| {
        let (mut sources, request) = (world.sources(), request.clone());
        async move { sources.create_source(request).await.unwrap().into_inner() }
    });
    let made = futures::future::join_all(twins).await;
    assert!(made.iter().all(|one| *one == made[0]), "{made:?}");
}

#[tokio::test]
async fn after_a_day_an_id_is_free_again() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let request = source_request(&tenant.name, "one", "for-a-day");
    world.sources().create_source(request.clone()).await.unwrap();
    let mut purge = Purge::new((*world.store).clone());
    while purge.step(NOW.plus(REMEMBERED)).await.unwrap() != tributary_store::lifecycle::Purged::Nothing {}
    let refused = world.sources().create_source(request).await.unwrap_err();
    assert_eq!(reason(&refused), "KEY_EXISTS", "it is a new request");
}
