//! Agencies and tenants.

use tonic::Code;
use tributary_proto::admin::v1::{
    CreateTenantRequest, GetAgencyRequest, GetTenantRequest, ListTenantsRequest, ResumeTenantRequest,
    SuspendTenantRequest, Tenant, TenantSettings, UpdateTenantRequest, tenant::State,
};

use crate::support::{World, fields, mask, reason, tenant_of};

#[tokio::test]
async fn a_tenant_is_made_found_and_changed() {
    let world = World::start().await;
    let made = world.tenant("acme").await;
    assert_eq!(made.state(), State::Active);
    let agency = made.name.split("/tenants").next().unwrap().to_owned();
    let found = world.agencies().get_agency(GetAgencyRequest { name: agency }).await.unwrap().into_inner();
    assert_eq!(found.key, "acme");

    let settings = TenantSettings {
        time_zone: "Europe/Berlin".to_owned(),
        currency: "EUR".to_owned(),
        ..Default::default()
    };
    let change = Tenant { settings: Some(settings), display_name: "ignored".to_owned(), ..made.clone() };
    let request =
        UpdateTenantRequest { tenant: Some(change.clone()), update_mask: mask(&["settings.time_zone"]) };
    let changed = world.tenants().update_tenant(request.clone()).await.unwrap().into_inner();
    let settings = changed.settings.clone().unwrap();
    assert_eq!((settings.time_zone.as_str(), settings.currency.as_str()), ("Europe/Berlin", ""));
    assert_eq!(changed.display_name, "A tenant");
    assert_ne!(changed.etag, made.etag);
    assert!(world.house.configured.lock().unwrap().contains(&tenant_of(&made.name)));

    let stale = world.tenants().update_tenant(request).await.unwrap_err();
    assert_eq!((stale.code(), reason(&stale).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    let any = made.name.replacen(made.name.split('/').nth(1).unwrap(), "-", 1);
    let found = world.tenants().get_tenant(GetTenantRequest { name: any }).await.unwrap().into_inner();
    assert_eq!(found, changed);
}

#[tokio::test]
async fn a_tenant_is_suspended_and_resumed() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let suspend = SuspendTenantRequest { name: tenant.name.clone(), etag: String::new() };
    let suspended = world.tenants().suspend_tenant(suspend.clone()).await.unwrap().into_inner();
    assert_eq!(suspended.state(), State::Suspended);
    assert_eq!(
        world.tenants().suspend_tenant(suspend).await.unwrap().into_inner(),
        suspended,
        "twice is once"
    );
    let resume = ResumeTenantRequest { name: tenant.name, etag: tenant.etag };
    assert_eq!(world.tenants().resume_tenant(resume.clone()).await.unwrap_err().code(), Code::Aborted);
    let resume = ResumeTenantRequest { etag: suspended.etag, ..resume };
    assert_eq!(world.tenants().resume_tenant(resume).await.unwrap().into_inner().state(), State::Active);
}

#[tokio::test]
async fn what_is_wrong_with_a_tenant_is_said_by_field() {
    let world = World::start().await;
    let known = world.tenant("acme").await;
    let parent = known.name.split("/tenants").next().unwrap().to_owned();
    let settings = TenantSettings {
        time_zone: "Mars/Olympus".to_owned(),
        default_country: "Germany".to_owned(),
        currency: "€".to_owned(),
        strong_limit: -1,
        ..Default::default()
    };
    let tenant = Tenant { key: "A B".to_owned(), settings: Some(settings), ..Tenant::default() };
    let request = CreateTenantRequest { parent: parent.clone(), tenant: Some(tenant), ..Default::default() };
    let refused = world.tenants().create_tenant(request).await.unwrap_err();
    assert_eq!(
        fields(&refused),
        [
            "tenant.key",
            "tenant.display_name",
            "tenant.settings.time_zone",
            "tenant.settings.default_country",
            "tenant.settings.currency",
            "tenant.settings.strong_limit"
        ]
    );
    let again = Tenant { key: "acme".to_owned(), display_name: "x".to_owned(), ..Tenant::default() };
    let request = CreateTenantRequest { parent, tenant: Some(again), ..Default::default() };
    let taken = world.tenants().create_tenant(request).await.unwrap_err();
    assert_eq!((taken.code(), reason(&taken).as_str()), (Code::AlreadyExists, "KEY_EXISTS"));
    let request = UpdateTenantRequest { tenant: Some(known), update_mask: mask(&["key"]) };
    assert_eq!(fields(&world.tenants().update_tenant(request).await.unwrap_err()), ["update_mask"]);
}

#[tokio::test]
async fn lists_are_paged_and_tokens_belong_to_their_list() {
    let world = World::start().await;
    let mut names = Vec::new();
    for key in ["a", "b", "c"] {
        names.push(world.tenant(key).await.name);
    }
    let list = |parent: &str, token: String| ListTenantsRequest {
        parent: parent.to_owned(),
        page_size: 2,
        page_token: token,
        ..ListTenantsRequest::default()
    };
    let first = world.tenants().list_tenants(list("agencies/-", String::new())).await.unwrap().into_inner();
    let token = first.next_page_token.clone();
    let second = world.tenants().list_tenants(list("agencies/-", token.clone())).await.unwrap().into_inner();
    let seen: Vec<_> = first.tenants.into_iter().chain(second.tenants).map(|tenant| tenant.name).collect();
    assert_eq!((seen, second.next_page_token.as_str()), (names.clone(), ""));
    let agency = names[0].split("/tenants").next().unwrap();
    let refused = world.tenants().list_tenants(list(agency, token.clone())).await.unwrap_err();
    assert_eq!(fields(&refused), ["page_token"]);
    let by =
        |order: &str, token| ListTenantsRequest { order_by: order.to_owned(), ..list("agencies/-", token) };
    let last = world.tenants().list_tenants(by("key desc", String::new())).await.unwrap().into_inner();
    let keys: Vec<_> = last.tenants.iter().map(|tenant| tenant.key.as_str()).collect();
    assert_eq!(keys, ["c", "b"]);
    let rest = world.tenants().list_tenants(by("key  desc", last.next_page_token.clone())).await.unwrap();
    assert_eq!(rest.into_inner().tenants[0].key, "a");
    let refused = world.tenants().list_tenants(by("key", last.next_page_token)).await.unwrap_err();
    assert_eq!(fields(&refused), ["page_token"], "a token of another order");
    for order in ["etag", "key down", "key desc now", "KEY"] {
        let refused = world.tenants().list_tenants(by(order, String::new())).await.unwrap_err();
        assert_eq!(fields(&refused), ["order_by"], "{order}");
    }
}
